"""Proving that an account works."""

from __future__ import annotations

import pytest

from mktool import errors as e
from mktool.core.check import prove
from mktool.core.record import Record
from mktool.core.settings import Settings
from mktool.store import accounts
from mktool.store.accounts import Entry
from mktool.store.config import load
from mktool.store.vault import open_vault
from tests.box import Box


def keep(box: Box, **facts: object) -> None:
    """Keep a token of X as a login does, under the account "work"."""
    origin = box.sandbox.url
    data = {**Record(origin).to_json(), "access_token": "sandbox-x", "grant": "refresh_token"}
    open_vault("file").put("x:work", data)
    about = {"home": "file", "origin": origin, **facts}
    accounts.save(Entry("x", "work", **about))  # type: ignore[arg-type]  # fields of Entry


def test_who_it_is(box: Box) -> None:
    found = prove(Settings(load()), "x")
    assert (found.state, found.name, found.id) == ("ok", "sandbox", found.id)
    assert found.id
    assert found.ms is not None
    assert found.limit_left


def test_scopes_that_were_not_asked_for_are_not_missing(box: Box, vault_key: None) -> None:
    keep(box, scopes=frozenset({"tweet.read", "users.read"}))
    found = prove(Settings(load()), "x", "work")
    assert (found.error, found.state, found.missing) == (None, "ok", [])
    assert found.scopes == frozenset({"tweet.read", "users.read"})


def test_a_failure_is_in_the_proof(box: Box) -> None:
    box.breaks("401=100%")
    found = prove(Settings(load()), "x")
    assert (found.state, type(found.error)) == ("failed", e.Unauthorized)
    assert type(prove(Settings(load()), "nobody").error) is e.InvalidInput
    assert type(prove(Settings(load()), "x", "nobody").error) is e.NeedsLogin


def test_what_cannot_be_proven(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MKTOOL_SLACK_BOT_TOKEN")
    monkeypatch.setenv("MKTOOL_SLACK_WEBHOOK_URL", f"{box.sandbox.url}/hooks/a/b/c")
    assert type(prove(Settings(load()), "slack").error) is e.Unsupported
    assert not box.sandbox.world.calls
