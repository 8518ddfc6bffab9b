"""`mktool doctor`: each trouble is made for real, and found with what to do about it."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mktool.core.doctor import Finding, examine
from mktool.core.settings import ledger_path
from mktool.spec import DAY
from mktool.store import accounts
from mktool.store.accounts import Entry
from mktool.store.acts import Acts, Wanted
from mktool.store.ledger import Ledger
from mktool.store.locks import lock_path, named_lock
from mktool.store.paths import data_dir

NOW = time.time()
REAL = "https://api.x.com"


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> str:
    text = base64.b64encode(os.urandom(32)).decode()
    monkeypatch.setenv("MKTOOL_VAULT_KEY", text)
    return text


def mktool(*argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mktool", *argv],
        capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def about(check: str, found: list[Finding] | None = None) -> list[Finding]:
    return [f for f in (examine() if found is None else found) if f.check == check]


def one(check: str, state: str) -> Finding:
    """Return the only finding of a check that is in this state; it says what to do."""
    found = [f for f in about(check) if f.state == state]
    assert len(found) == 1, found
    assert found[0].hint or state == "ok"
    return found[0]


def config(text: str) -> None:
    data_dir().mkdir(mode=0o700, exist_ok=True)
    (data_dir() / "config.toml").write_text(text)


def ledger() -> Ledger:
    return Ledger(ledger_path())


def test_a_sound_installation_has_no_problem(key: str) -> None:
    ledger().close()
    ran = mktool("doctor", "--json")
    answer = json.loads(ran.stdout)
    assert ran.returncode == 0, ran.stderr
    assert answer["status"] == "success"
    assert {"config", "vault", "accounts", "ledger", "files", "clock", "network"} <= {
        f["check"] for f in answer["data"]
    }
    assert not [f for f in answer["data"] if f["state"] == "problem"]
    assert key not in ran.stdout + ran.stderr


def test_a_problem_is_exit_code_3(key: str) -> None:
    config("[vault]\nhome = 'attic'\n")
    ran = mktool("doctor", "--json")
    answer = json.loads(ran.stdout)
    assert ran.returncode == 3
    assert answer["status"] == "partial"
    assert {e["code"] for e in answer["errors"]} == {"config"}
    plain = mktool("doctor")
    assert plain.returncode == 3
    assert plain.stdout.splitlines()[0].split("\t")[:2] == ["config", "problem"]
    assert "attic" in plain.stdout


def test_it_changes_nothing(key: str) -> None:
    assert mktool("doctor").returncode == 0
    assert not data_dir().exists()


@pytest.mark.parametrize(
    ("text", "state", "says"),
    [
        ("[providers.linkedn]\nauthor = 'x'\n", "warning", "did you mean linkedin?"),
        ("[providers.linkedin]\nautor = 'x'\n", "warning", "did you mean author?"),
        ("[providers.linkedin]\nauthor = []\n", "problem", "author"),
        ("[network]\nmax_wait = -1\n", "problem", "max_wait"),
        ("[netwrk]\n", "problem", "did you mean network?"),
        ("not toml", "problem", "config.toml"),
    ],
)
def test_the_settings_file(text: str, state: str, says: str) -> None:
    config(text)
    found = one("config", state)
    assert says in f"{found.detail} {found.hint}"


def test_a_misspelt_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MKTOOL_X_ACESS_TOKEN", "secret-value")
    found = one("environment", "warning")
    assert (found.detail, found.hint) == (
        "MKTOOL_X_ACESS_TOKEN is not read",
        "did you mean MKTOOL_X_ACCESS_TOKEN?",
    )


def test_credentials_from_the_environment_are_named_not_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TWITTER_BEARER_TOKEN", "secret-value")
    assert one("environment", "ok").detail == "x: TWITTER_BEARER_TOKEN"
    assert "secret-value" not in repr(examine())


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("MKTOOL_SANDBOX", "http://127.0.0.1:8099", "nothing reaches a vendor"),
        ("MKTOOL_X_BASE_URL", "https://proxy.example", "x leads to https://proxy.example"),
    ],
)
def test_other_addresses_are_said(
    name: str, value: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    assert says in one("address", "warning").detail


def test_an_address_that_would_show_the_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MKTOOL_X_BASE_URL", "http://proxy.example")
    assert "$MKTOOL_X_BASE_URL" in one("address", "problem").detail


def test_no_place_for_credentials() -> None:
    found = one("vault", "warning")
    assert "no place for credentials" in found.detail
    assert "MKTOOL_VAULT_KEY" in found.hint


def test_a_lost_vault_key() -> None:
    accounts.save(Entry("x", "default", "file", REAL))
    assert "1 accounts" in one("vault", "problem").detail


def test_a_key_beside_the_vault(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MKTOOL_VAULT_KEY")
    data_dir().mkdir(mode=0o700)
    path = data_dir() / "key"
    path.write_text(key)
    path.chmod(0o600)
    monkeypatch.setenv("MKTOOL_VAULT_KEY_FILE", str(path))
    assert "beside" in one("vault", "warning").detail


@pytest.mark.parametrize(
    ("facts", "state", "says"),
    [
        ({"expires_at": NOW + 2 * DAY}, "warning", "expires in 2 days"),
        ({"expires_at": NOW - 60}, "problem", "expired"),
        ({"expires_at": NOW - 60, "refreshable": True}, "ok", "connected"),
        ({"dead": "invalid_grant"}, "problem", "auth failed invalid_grant"),
        ({"provider": "gone"}, "warning", "not installed"),
        ({"origin": "http://127.0.0.1:8099"}, "warning", "authorized for http://127.0.0.1:8099"),
    ],
)
def test_accounts(facts: dict[str, Any], state: str, says: str) -> None:
    given = {"provider": "x", "account": "work", "home": "file", "origin": REAL, **facts}
    accounts.save(Entry(**given))
    found = [f for f in about("accounts") if f.state == state]
    assert len(found) == 1
    assert says in found[0].detail
    if state == "problem":
        assert found[0].hint == "mktool authorize x --account work"


def test_an_old_key() -> None:
    accounts.save(Entry("x", "default", "file", REAL))
    found = about("accounts", examine(now=NOW + 91 * DAY))
    assert [(f.state, "91 days old" in f.detail) for f in found] == [("warning", True)]


def broken(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5000] + b"\xff" * 3000)


def emptied(path: Path) -> None:
    path.write_bytes(b"this is not a database, is it?" * 100)


def newer(path: Path) -> None:
    import sqlite3

    with sqlite3.connect(path) as db:
        db.execute("pragma user_version = 999")
    db.close()


@pytest.mark.parametrize("spoil", [broken, emptied, newer])
def test_a_ledger_that_cannot_be_used(spoil: Callable[[Path], None]) -> None:
    ledger().close()
    spoil(ledger_path())
    one("ledger", "problem")


def test_what_waits_in_the_ledger() -> None:
    book = ledger()
    acts = Acts(book)
    lost = acts.open(Wanted("post", "x", "default", None, "a", {}))
    acts.mark(lost.id, "unknown")
    acts.open(Wanted("post", "x", "default", None, "b", {}, due=NOW - 3600))
    book.close()
    assert "mktool settle" in one("outbox", "warning").hint
    assert "mktool run-due" in one("schedule", "warning").hint


def test_a_clock_that_went_back() -> None:
    found = examine(now=86400.0)
    assert [f.state for f in about("clock", found)] == ["problem"]


@pytest.mark.parametrize(("mode", "says"), [(0o644, "read"), (0o666, "written")])
def test_files_that_others_reach(mode: int, says: str) -> None:
    ledger().close()
    ledger_path().chmod(mode)
    found = one("files", "problem")
    assert f"can be {says} by others" in found.detail
    assert found.hint == f"chmod 600 {ledger_path()}"


def test_a_folder_that_others_reach() -> None:
    ledger().close()
    data_dir().chmod(0o755)
    assert one("files", "problem").hint == f"chmod 700 {data_dir()}"


@pytest.mark.parametrize(
    ("name", "value", "state"),
    [
        ("SSL_CERT_FILE", "/nowhere/ca.pem", "problem"),
        ("SSL_CERT_DIR", "/nowhere", "problem"),
        ("HTTPS_PROXY", "http://", "problem"),
        ("SSLKEYLOGFILE", "/tmp/keys", "warning"),
        ("https_proxy", "http://user:secret-value@proxy.example:8080", "ok"),
    ],
)
def test_the_way_to_the_network(
    name: str, value: str, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    found = one("network", state)
    assert name.upper() in found.detail
    assert "secret-value" not in repr(found)


def test_libraries_that_are_not_compiled() -> None:
    code = """
        import importlib.util as util, sys
        util.cache_from_source = lambda path: "/nowhere"
        from mktool.core.doctor import examine
        print([f.hint for f in examine() if f.check == "start-up"])
    """
    ran = subprocess.run(
        [sys.executable, "-c", "\n".join(line.strip() for line in code.splitlines())],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "-m compileall" in ran.stdout


def test_a_killed_and_a_stuck_run_of_cron() -> None:
    path = lock_path("run-due")
    with named_lock(path, "mktool run-due"):
        assert about("run-due") == []
        stuck = about("run-due", examine(now=NOW + 3600))
        assert [f.state for f in stuck] == ["warning"]
        card = path.with_suffix(".json")
        gone = subprocess.Popen([sys.executable, "-c", ""])
        gone.wait()
        card.write_text(card.read_text().replace(str(os.getpid()), str(gone.pid)))
        assert "killed" in one("run-due", "ok").detail


def test_one_check_that_fails_leaves_the_others() -> None:
    data_dir().mkdir(mode=0o700)
    accounts.accounts_file().write_text("{")
    found = examine()
    assert [f.state for f in about("accounts", found)] == ["problem"]
    assert about("clock", found)
    assert about("ledger", found)
