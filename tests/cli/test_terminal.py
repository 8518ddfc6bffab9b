"""What is shown where: on a terminal, in a pipe, in a terminal that can do little."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import time

import pytest

from mktool.cli.terminal import Terminal, as_json, folded, name, span, stamp, when
from mktool.errors import Context, InvalidInput, RateLimited
from mktool.store import accounts
from mktool.store.accounts import Entry

NOW = time.time()


def on_a_terminal(*argv: str, typed: str = "", **environ: str) -> tuple[int, str]:
    """Run mktool on a terminal of its own and return (exit code, what the screen got).

    ``typed`` answers the first question.
    """
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    child = subprocess.Popen(
        [sys.executable, "-m", "mktool", *argv], stdin=slave, stdout=slave, stderr=slave,
        env={**os.environ, "TERM": "xterm-256color", **environ},
    )  # fmt: skip
    os.close(slave)
    shown = b""
    while True:
        try:
            data = os.read(master, 65536)
        except OSError:  # Linux: the other side is closed
            break
        if not data:
            break
        shown += data
        if typed and shown.endswith(b": "):  # not before: the question flushes what was typed
            os.write(master, typed.encode())
            typed = ""
    os.close(master)
    return child.wait(), shown.decode().replace("\r\n", "\n")


@pytest.fixture
def entries(vault: None) -> None:
    accounts.save(Entry("x", "default", "file", "https://api.x.com", name="Sandbox",
                        expires_at=NOW - 60, fingerprint="0123abcd"))  # fmt: skip
    accounts.save(Entry("slack", "work", "file", "https://slack.com", fingerprint="4567ef01"))


class TestATerminal:
    def test_shows_a_table_in_colour(self, entries: None) -> None:
        code, shown = on_a_terminal("accounts")
        assert code == 0
        assert "\x1b[31mexpired" in shown
        assert "fingerprint" in shown

    def test_without_colour(self, entries: None) -> None:
        _, shown = on_a_terminal("accounts", NO_COLOR="1")
        assert "fingerprint" in shown
        assert not re.search(r"\x1b\[(3|4|9)\d", shown)

    @pytest.mark.parametrize(("variable", "value"), [("TERM", "dumb"), ("CI", "true")])
    def test_that_can_do_little_gets_lines(self, variable: str, value: str, entries: None) -> None:
        _, shown = on_a_terminal("accounts", **{variable: value})
        assert "\x1b" not in shown
        assert "x\texpired\tSandbox\texpired\tfile\t0123abcd\n" in shown

    def test_asks_without_an_echo(self, vault: None) -> None:
        code, shown = on_a_terminal("authorize", "slack", typed="not-a-token\n")
        assert code == 2
        assert "bot token or webhook url (not shown)" in shown
        assert "does not look like a bot_token or webhook_url" in shown
        assert "not-a-token" not in shown.split("(not shown)")[1]

    @pytest.mark.parametrize("how", ["--no-input", "CI"])
    def test_is_not_asked(self, how: str, vault: None) -> None:
        environ = {"CI": "1"} if how == "CI" else {}
        options = [how] if how.startswith("-") else []
        code, shown = on_a_terminal("authorize", "slack", *options, **environ)
        assert (code, "Slack needs bot_token or webhook_url" in shown) == (2, True)


class TestAPipe:
    def test_gets_plain_lines(self, entries: None) -> None:
        ran = subprocess.run(
            [sys.executable, "-m", "mktool", "accounts"], capture_output=True, text=True, check=True
        )
        assert ran.stdout == (
            "slack:work\tconnected\t\tnot stated\tfile\t4567ef01\n"
            "x\texpired\tSandbox\texpired\tfile\t0123abcd\n"
        )

    def test_of_names_that_a_terminal_would_obey(self, capsys: pytest.CaptureFixture[str]) -> None:
        out = Terminal()
        out.result([], ("a",), [("tab\there", "two\nlines", "\x1b[2J\x9b2J\u202e", None, 1.5)])
        out.say("\x1b]0;title\x07")
        out.result(None, text="\x1b[31mred")
        shown = capsys.readouterr()
        lines = shown.out.splitlines()
        assert lines[0].split("\t") == ["tab here", "two lines", " [2J 2J ", "", "1.5"]
        assert "\x1b" not in shown.out + shown.err


def test_quiet_and_verbose(capsys: pytest.CaptureFixture[str]) -> None:
    Terminal(quiet=True).say("hint")
    Terminal().detail("more")
    assert capsys.readouterr().err == ""
    Terminal(verbose=True).detail("more")
    Terminal(quiet=True).warn("look out")
    assert capsys.readouterr().err == "more\nwarning: look out\n"


def test_warnings_are_in_the_envelope(capsys: pytest.CaptureFixture[str]) -> None:
    out = Terminal(json=True, command="it")
    out.warn("look out")
    out.envelope("success", None)
    assert capsys.readouterr().out == (
        '{"version": 1, "command": "it", "status": "success", "data": null, "errors": [],'
        ' "warnings": ["look out"]}\n'
    )


def test_an_error_with_its_time() -> None:
    error = RateLimited("slow down", Context("x", "work", "post", 429), retry_after=7.0)
    assert as_json(error) == {
        "code": "rate_limited", "message": "x post (429): slow down", "hint": "mktool limits",
        "provider": "x", "retry_after": 7.0,
    }  # fmt: skip
    assert as_json(InvalidInput("no"))["hint"] is None


def test_long_lines_are_broken_between_words(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "1. Make an app at https://acme.example/a-long-way\n   and install it."
    assert folded(text) == text  # nobody's terminal
    monkeypatch.setenv("COLUMNS", "20")
    assert folded(text).split("\n") == [
        "1. Make an app at", "   https://acme.example/a-long-way", "   and install it.",
    ]  # fmt: skip


def test_words_for_times() -> None:
    assert [span(s) for s in (0, 59, 60, 119, 7200, 86400 * 3)] == [
        "0 s", "59 s", "1 min", "2 min", "2 h", "3 d",
    ]  # fmt: skip
    assert when(0.2) == "in 1 s"
    assert re.fullmatch(r"at \w{3} \d\d:\d\d \(in 3 h\)", when(3 * 3600))
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d", stamp(NOW))
    assert stamp(None) == ""
    assert [name("x", ""), name("x", "default"), name("x", "work")] == ["x", "x", "x:work"]
