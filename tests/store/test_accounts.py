"""The list of accounts."""

from __future__ import annotations

import json
import stat
import time
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from mktool.errors import StorageError
from mktool.store import accounts
from mktool.store.accounts import Entry
from tests.peers import answers, python

ENTRY = Entry(
    provider="x",
    account="default",
    home="file",
    origin="https://api.example:8443",
    options=MappingProxyType({"client_id": "c", "region": "é"}),
    id="42",
    name="Acme \N{GRINNING FACE}",
    scopes=frozenset({"write", "read"}),
    expires_at=1234.5,
    refreshable=True,
    fingerprint="0a1b2c3d",
    dead="revoked",
)
SAVE = """
import sys
from mktool.store.accounts import Entry, save
for i in range(5):
    save(Entry("x", f"{sys.argv[1]}-{i}", "file", "https://api.example"))
"""


@pytest.fixture(autouse=True)
def _home(home: Path) -> None:
    pass


def test_there_are_none_at_first() -> None:
    assert accounts.read_all() == []
    assert accounts.find("x", "default") is None
    assert not accounts.remove("x", "default")
    assert not accounts.accounts_file().exists()


@pytest.mark.parametrize("change", [{}, {"scopes": None, "expires_at": None}, {"scopes": ()}])
def test_an_account_comes_back_as_it_was(change: dict[str, Any]) -> None:
    if "scopes" in change and change["scopes"] is not None:
        change = {"scopes": frozenset()}
    kept = accounts.save(replace(ENTRY, **change))
    assert accounts.find("x", "default") == kept
    assert replace(kept, created_at=0, updated_at=0) == replace(ENTRY, **change)


def test_times_are_kept_by_us() -> None:
    before = time.time()
    first = accounts.save(ENTRY)
    assert before <= first.created_at == first.updated_at <= time.time()
    second = accounts.save(replace(first, name="New"))
    assert second.created_at == first.created_at
    assert second.updated_at >= first.updated_at


def test_accounts_are_sorted_and_told_apart() -> None:
    for provider, account in [("y", "default"), ("x", "work"), ("x", "default"), ("x", "y:z")]:
        accounts.save(replace(ENTRY, provider=provider, account=account))
    assert [entry.key for entry in accounts.read_all()] == [
        "x:default", "x:work", "x:y:z", "y:default",
    ]  # fmt: skip
    assert accounts.remove("x", "work")
    assert not accounts.remove("x", "work")
    assert [entry.key for entry in accounts.read_all()] == ["x:default", "x:y:z", "y:default"]


def test_processes_that_save_at_once_lose_nothing() -> None:
    answers([python(SAVE, str(n)) for n in range(8)])
    assert len(accounts.read_all()) == 40


def test_the_file_is_private(umask: int) -> None:
    accounts.save(ENTRY)
    file = accounts.accounts_file()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [p.name for p in file.parent.iterdir() if p.is_file()] == ["accounts.json"]


def row(**change: Any) -> bytes:
    good = {"provider": "x", "account": "default", "home": "file", "origin": ""}
    return json.dumps({"version": 1, "accounts": [{**good, **change}]}).encode()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff",
        b"[" * 100_000,
        b'{"version": 1}',
        b'{"version": 1, "accounts": [1]}',
        b'{"version": 1, "accounts": [{}]}',
        b'{"version": 1, "accounts": {"a": {}}}',
        row(home="plaintext"),
        row(expires_at="soon"),
        row(options=["a"]),
        row(options={"a": 1}),
        row(scopes=[1]),
        row(scopes="read"),
        row(refreshable="yes"),
        row(surprise=1),
        row(provider=None),
    ],
)
def test_a_broken_file_is_named_and_never_overwritten(data: bytes) -> None:
    file = accounts.accounts_file()
    file.parent.mkdir(mode=0o700)
    file.write_bytes(data)
    for act in (
        accounts.read_all,
        lambda: accounts.find("x", "default"),
        lambda: accounts.save(ENTRY),
        lambda: accounts.remove("x", "default"),
    ):
        with pytest.raises(StorageError) as caught:
            act()
        assert str(file) in str(caught.value)
        assert caught.value.hint
    assert file.read_bytes() == data


def test_a_newer_file_is_left_alone() -> None:
    file = accounts.accounts_file()
    file.parent.mkdir(mode=0o700)
    file.write_text('{"version": 2, "accounts": [], "more": 1}')
    with pytest.raises(StorageError) as caught:
        accounts.save(ENTRY)
    assert caught.value.hint == "upgrade mktool"


def test_an_unreadable_file_is_an_error_of_ours() -> None:
    accounts.accounts_file().mkdir(parents=True)
    with pytest.raises(StorageError, match="cannot read"):
        accounts.read_all()


@pytest.mark.parametrize(
    ("change", "now", "expected"),
    [
        ({"expires_at": None}, 0, "connected"),
        ({"expires_at": 1000.0}, 0, "connected"),
        ({"expires_at": 1000.0}, 899, "connected"),
        ({"expires_at": 1000.0}, 900, "expiring"),
        ({"expires_at": 1000.0}, 1000, "expired"),
        ({"expires_at": 1000.0, "refreshable": True}, 5000, "connected"),
        ({"expires_at": None, "dead": "revoked"}, 0, "auth_failed"),
        ({"expires_at": 1000.0, "refreshable": True, "dead": "revoked"}, 0, "auth_failed"),
    ],
)
def test_state(change: dict[str, Any], now: float, expected: str) -> None:
    fresh = replace(ENTRY, dead="", refreshable=False)
    assert accounts.state(replace(fresh, **change), now, 100) == expected
