"""`mktool vault`, as a person and a script use it, on both real stores."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from mktool.store import accounts
from mktool.store.accounts import Entry, Home
from mktool.store.vault import open_vault
from tests.secret_service import SecretService, secret_service

__all__ = ["secret_service"]

CANARY = "canary-of-the-vault-commands"
RECORD = {"access_token": CANARY}


def new_key() -> str:
    return base64.b64encode(os.urandom(32)).decode()


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> str:
    text = new_key()
    monkeypatch.setenv("MKTOOL_VAULT_KEY", text)
    return text


def mktool(*argv: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    ran = subprocess.run(
        [sys.executable, "-m", "mktool", *argv],
        input=stdin, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert CANARY not in ran.stdout + ran.stderr
    assert "Traceback" not in ran.stderr
    return ran


def keep(home: Home, account: str = "default") -> Entry:
    """Keep a credential as a login does, and return its account."""
    entry = accounts.save(Entry("x", account, home, "https://x.example"))
    open_vault(home).put(entry.key, RECORD)
    return entry


def test_status_says_what_is_usable_and_why_not(key: str) -> None:
    keep("file")
    ran = mktool("vault", "status")
    assert ran.returncode == 0, ran.stderr
    keyring, file = [line.split("\t") for line in ran.stdout.splitlines()]
    assert keyring[:3] == ["keyring", "unreachable", "0"]
    assert file[:3] == ["file", "ok", "1"]
    assert file[4] == "key from MKTOOL_VAULT_KEY"
    data = json.loads(mktool("vault", "status", "--json").stdout)["data"]
    assert [(one["home"], one["accounts"], bool(one["problem"])) for one in data] == [
        ("keyring", 0, True), ("file", 1, False),
    ]  # fmt: skip
    assert key not in json.dumps(data)


def test_status_of_a_lost_key_is_a_problem(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    keep("file")
    monkeypatch.delenv("MKTOOL_VAULT_KEY")
    ran = mktool("vault", "status")
    assert ran.stdout.splitlines()[1].split("\t")[:3] == ["file", "problem", "1"]
    assert "MKTOOL_VAULT_KEY" in ran.stderr


def test_rekey_reads_the_new_key_from_stdin(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    entry, fresh = keep("file"), new_key()
    ran = mktool("vault", "rekey", stdin=fresh + "\n")
    assert (ran.returncode, ran.stdout) == (0, "1 records sealed again\n")
    assert fresh not in ran.stderr
    assert mktool("vault", "status").stdout.splitlines()[1].split("\t")[1] == "problem"
    monkeypatch.setenv("MKTOOL_VAULT_KEY", fresh)
    assert open_vault("file").get(entry.key) == RECORD


def test_rekey_to_a_passphrase(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = keep("file")
    ran = mktool("vault", "rekey", "--passphrase", stdin="correct horse battery\n")
    assert ran.returncode == 0, ran.stderr
    monkeypatch.delenv("MKTOOL_VAULT_KEY")
    monkeypatch.setenv("MKTOOL_VAULT_PASSPHRASE", "correct horse battery")
    assert open_vault("file").get(entry.key) == RECORD


@pytest.mark.parametrize(
    ("argv", "stdin", "code"),
    [
        (("vault", "rekey"), "", 2),
        (("vault", "rekey"), "not a key\n", 4),
        (("vault", "rekey", "--passphrase"), "short\n", 4),
        (("vault", "move", "x"), "", 2),
        (("vault", "move", "--to", "file"), "", 2),
        (("vault", "move", "x", "--all", "--to", "file"), "", 2),
        (("vault", "move", "x", "--to", "paper"), "", 2),
        (("vault", "move", "x:nobody", "--to", "file"), "", 11),
        (("vault", "move", "nowhere", "--to", "file"), "", 2),
    ],
)
def test_what_is_wrong_is_said_and_nothing_changes(
    key: str, argv: tuple[str, ...], stdin: str, code: int
) -> None:
    entry = keep("file")
    path = Path(os.environ["MKTOOL_HOME"]) / "vault.json"
    before = path.read_bytes()
    ran = mktool(*argv, stdin=stdin)
    assert ran.returncode == code, ran.stderr
    assert "  next: " in ran.stderr
    assert path.read_bytes() == before
    assert open_vault("file").get(entry.key) == RECORD


def test_rekey_with_the_wrong_old_key(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = keep("file")
    monkeypatch.setenv("MKTOOL_VAULT_KEY", new_key())
    assert mktool("vault", "rekey", stdin=new_key()).returncode == 4
    monkeypatch.setenv("MKTOOL_VAULT_KEY", key)
    assert open_vault("file").get(entry.key) == RECORD


def test_move_there_and_back(key: str, secret_service: SecretService) -> None:
    first, second = keep("keyring"), keep("keyring", "work")
    ran = mktool("vault", "move", "--all", "--to", "file")
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines() == ["x:default\tfile\tmoved", "x:work\tfile\tmoved"]
    assert open_vault("keyring").get(first.key) is None
    assert open_vault("file").get(second.key) == RECORD
    again = json.loads(mktool("vault", "move", "twitter:work", "--to", "file", "--json").stdout)
    assert again["data"] == [{"account": "x:work", "home": "file", "moved": False}]
    assert mktool("vault", "move", "x", "--to", "keyring").returncode == 0
    back = accounts.find("x", "default")
    assert back is not None
    assert back == replace(first, updated_at=back.updated_at)
    assert open_vault("keyring").get(first.key) == RECORD
    assert open_vault("file").get(first.key) is None


def test_a_key_is_typed_unseen(key: str) -> None:
    keep("file")
    fresh = new_key()
    person, terminal = os.openpty()
    program = subprocess.Popen(
        [sys.executable, "-m", "mktool", "vault", "rekey"],
        stdin=terminal, stdout=terminal, stderr=terminal, start_new_session=True,
    )  # fmt: skip
    os.close(terminal)
    shown = b""
    while b"base64: " not in shown:
        shown += os.read(person, 1024)
    os.write(person, fresh.encode() + b"\n")
    with contextlib.suppress(OSError):  # EIO: the program has ended
        while more := os.read(person, 1024):
            shown += more
    os.close(person)
    assert program.wait(10) == 0, shown
    assert b"1 records sealed again" in shown
    assert fresh.encode() not in shown
