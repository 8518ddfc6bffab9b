"""`mktool authorize`, against the sandbox's own login pages and keys."""

from __future__ import annotations

import io
import os
import pty
import re
import select
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import httpx
import pytest

from mktool.core import login
from tests.box import LOGINS, Box
from tests.cli.conftest import Mktool, Ran

TOKEN = "xoxb-sandbox-canary"


@pytest.fixture(autouse=True)
def _nobody_is_logged_in(box: Box, vault: None, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in LOGINS:
        monkeypatch.delenv(name)


def typed(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A browser whose person agrees to everything."""
    opened: list[str] = []

    def visit(url: str) -> bool:
        opened.append(url)

        def read() -> None:
            with httpx.Client(trust_env=False, follow_redirects=True) as client:
                client.get(url)

        threads.append(Thread(target=read))
        threads[-1].start()
        return True

    threads: list[Thread] = []
    monkeypatch.setattr(login, "open_browser", visit)
    yield opened
    for thread in threads:
        thread.join()


def connect(mktool: Mktool, monkeypatch: pytest.MonkeyPatch, *more: str) -> Ran:
    typed(monkeypatch, f"{TOKEN}\n")
    return mktool("authorize", "slack", "--token-stdin", "--field", "channel=#general", *more)


class TestAKey:
    def test_from_stdin(self, mktool: Mktool, monkeypatch: pytest.MonkeyPatch, box: Box) -> None:
        ran = connect(mktool, monkeypatch)
        assert ran.code == 0, ran.err
        assert re.fullmatch(r"Slack: connected as .+; it lives in the file\n", ran.out)
        assert mktool("post", "slack", "--text", "hello").code == 0
        assert box.texts == ["hello"]

    def test_in_json_without_the_key(
        self, mktool: Mktool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        ran = connect(mktool, monkeypatch, "--json", "--account", "work")
        data = ran.json["data"]
        assert (data["provider"], data["account"], data["home"]) == ("slack", "work", "file")
        assert re.fullmatch(r"[0-9a-f]{8}", data["fingerprint"])
        kept = b"".join(p.read_bytes() for p in tmp_path.rglob("*") if p.is_file())
        assert TOKEN.encode() not in kept + (ran.out + ran.err).encode()

    @pytest.mark.parametrize("key", ["", "not-a-token", "\xff\xfe", TOKEN + "\n" + TOKEN])
    def test_that_is_none(self, key: str, mktool: Mktool, monkeypatch: pytest.MonkeyPatch) -> None:
        typed(monkeypatch, key)
        ran = mktool("authorize", "slack", "--token-stdin")
        assert (ran.code, "does not look like a bot_token or webhook_url" in ran.err) == (2, True)
        assert not key.strip() or key not in ran.err
        assert mktool("accounts", "--json").json["data"] == []

    def test_that_is_refused_is_not_kept(
        self, mktool: Mktool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        typed(monkeypatch, "xoxb-of-another-place")
        ran = mktool("authorize", "slack", "--token-stdin")
        assert (ran.code, "of-another-place" in ran.err) == (11, False)
        assert mktool("accounts", "--json").json["data"] == []


class TestABrowser:
    def test_logs_in(self, browser: list[str], mktool: Mktool, box: Box) -> None:
        ran = mktool("authorize", "x", "--field", "client_id=sandbox-app")
        assert ran.code == 0, ran.err
        assert len(browser) == 1
        assert mktool("post", "x", "--text", "hello").code == 0
        assert box.texts == ["hello"]
        [account] = mktool("accounts", "--json").json["data"]
        assert (account["state"], account["refreshable"]) == ("connected", True)

    def test_says_what_renews_itself(self, browser: list[str], mktool: Mktool) -> None:
        mktool("authorize", "x", "--field", "client_id=app")
        assert mktool("test-integration", "x").rows[0][-1] == "renews itself"

    def test_asks_for_other_scopes(self, browser: list[str], mktool: Mktool) -> None:
        line = ("authorize", "x", "--field", "client_id=sandbox-app")
        scopes = ("tweet.read", "users.read", "offline.access")
        assert mktool(*line, *(f"--scope={s}" for s in scopes)).code == 0
        # What was not asked for is not missing.
        ran = mktool("test-integration", "x", "--json")
        assert (ran.code, ran.json["data"][0]["missing_scopes"]) == (0, [])

    def test_is_not_opened_before_all_is_there(self, browser: list[str], mktool: Mktool) -> None:
        ran = mktool("authorize", "linkedin", "--field", "client_id=1")
        assert ran.code == 2
        assert "LinkedIn needs client_secret" in ran.err
        assert "MKTOOL_LINKEDIN_CLIENT_SECRET in the environment" in ran.err
        assert browser == []

    def test_nor_is_the_vault(
        self, browser: list[str], mktool: Mktool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("MKTOOL_VAULT_KEY")
        assert mktool("authorize", "linkedin").code == 2
        assert mktool("authorize", "linkedin", "--paste", "--field", "client_id=1").code == 2

    def test_takes_the_app_from_the_environment(
        self, browser: list[str], mktool: Mktool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("LINKEDIN_CLIENT_ID", "sandbox-app")
        monkeypatch.setenv("MKTOOL_LINKEDIN_CLIENT_SECRET", "sandbox-secret")
        ran = mktool("authorize", "linkedin")
        assert ran.code == 0, ran.err
        assert "cannot renew itself" in ran.err


@pytest.mark.parametrize(
    ("line", "code", "says"),
    [
        ("slack --paste --device", 2, "one way to log in at a time"),
        ("x --device --field client_id=1", 5, "X has no device login"),
        ("slack --client-credentials", 5, "Slack has no client-credentials login"),
        ("x --field nonsense=1", 2, "X has no field 'nonsense'"),
        (
            "linkedin --field api_version=1 --field client_id=1",
            2,
            "api_version does not look right",
        ),
        ("slak", 2, "unknown provider 'slak'"),
        ("x", 2, "X needs client_id"),
        ("slack", 2, "Slack needs bot_token or webhook_url"),
    ],
)
def test_what_cannot_be(line: str, code: int, says: str, mktool: Mktool) -> None:
    ran = mktool("authorize", *line.split(), "--no-input")
    assert (ran.code, says in ran.err) == (code, True), ran.err


class Person:
    """Somebody at a real terminal, where what is typed is echoed unless the program hides it."""

    def __init__(self, *argv: str) -> None:
        self.seen = ""
        self.child, self.terminal = pty.fork()
        if self.child == 0:
            os.environ.pop("CI", None)
            os.execv(sys.executable, [sys.executable, "-m", "mktool", *argv])

    def reads(self, until: str) -> None:
        while until not in self.seen:
            assert select.select([self.terminal], [], [], 20)[0], self.seen
            self.seen += os.read(self.terminal, 4096).decode()

    def types(self, text: str) -> None:
        os.write(self.terminal, text.encode())

    def leaves(self) -> int:
        """Press Ctrl-C and return the exit code."""
        self.types("\x03")
        try:
            while more := os.read(self.terminal, 4096):
                self.seen += more.decode()
        except OSError:  # the other end is closed
            pass
        os.close(self.terminal)
        return os.waitstatus_to_exitcode(os.waitpid(self.child, 0)[1])


class TestAtATerminal:
    def test_a_secret_is_not_echoed(self) -> None:
        person = Person("authorize", "linkedin", "--field", "client_id=abc", "--paste")
        person.reads("client secret (not shown): ")
        person.types("canary-secret-7\n")
        person.reads("Paste it here: ")
        assert (person.leaves(), "canary-secret-7" in person.seen) == (130, False)

    def test_ctrl_c_is_answered_on_a_line_of_its_own(self) -> None:
        person = Person("authorize", "slack")
        person.reads("(not shown): ")
        assert person.leaves() == 130
        assert "\nerror: stopped" in person.seen.replace("\r", "")
