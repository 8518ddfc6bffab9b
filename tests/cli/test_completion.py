"""Completion in the real shells: what appears when somebody presses Tab."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from mktool.store import accounts
from tests.peers import ROOT, need

BASH_COMPLETION = Path("/usr/share/bash-completion/bash_completion")
COMMITTED = {"bash": "mktool.bash", "zsh": "_mktool", "fish": "mktool.fish"}
INSTALLED = {
    "bash": ".local/share/bash-completion/completions/mktool",
    "zsh": ".local/share/zsh/site-functions/_mktool",
    "fish": ".config/fish/completions/mktool.fish",
}
READY = "ready>"


@pytest.fixture
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A person's home folder, with `mktool` on the PATH."""
    program = tmp_path / "bin" / "mktool"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m mktool "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def mktool(*argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["mktool", *argv], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )


def candidates(line: str) -> list[str]:
    """Return what bash offers at the end of ``line``."""
    code = f"""
        . completions/mktool.bash
        COMP_WORDS=({line}) COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
        _mktool_completion mktool
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    ran = subprocess.run(
        ["bash", "--norc", "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ran.stderr == ""
    return ran.stdout.split()


class Screen:
    """A shell on a terminal of its own."""

    def __init__(self, *command: str) -> None:
        self.socket = f"mktool-test-{uuid.uuid4().hex[:8]}"
        kept = ("PATH", "PYTHONPATH", "HOME", "MKTOOL_HOME")
        environ = [f"{name}={os.environ[name]}" for name in kept]
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", "100", "-y", "30",
                  "env", *environ, *command)  # fmt: skip
        self.wait_for(READY)

    def tmux(self, *argv: str) -> str:
        return subprocess.run(
            ["tmux", "-L", self.socket, *argv], capture_output=True, text=True, check=True
        ).stdout

    def type(self, text: str, *keys: str) -> None:
        self.tmux("send-keys", "-l", "--", text)
        for key in keys:
            self.tmux("send-keys", key)

    def wait_for(self, text: str) -> str:
        deadline = time.monotonic() + 30
        while text not in (shown := self.tmux("capture-pane", "-p")):
            assert time.monotonic() < deadline, shown
            time.sleep(0.05)
        return shown


@contextlib.contextmanager
def screen(*command: str) -> Iterator[Screen]:
    need("tmux")
    shell = Screen(*command)
    try:
        yield shell
    finally:
        shell.tmux("kill-server")


@pytest.mark.parametrize("shell", COMMITTED)
def test_the_committed_scripts_are_the_ones_it_prints(shell: str, user: Path) -> None:
    committed = (ROOT / "completions" / COMMITTED[shell]).read_text()
    assert mktool("completion", "show", shell).stdout == committed


@pytest.mark.parametrize("shell", INSTALLED)
def test_install_writes_one_file_and_says_so(
    shell: str, user: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHELL", f"/usr/bin/{shell}")
    before = {p for p in user.rglob("*") if p.is_file()}
    first = mktool("completion", "install")
    assert first.returncode == 0, first.stderr
    path = user / INSTALLED[shell]
    assert {p for p in user.rglob("*") if p.is_file()} - before == {path}
    assert first.stdout == f"{path}: written\n"
    assert path.read_text() == (ROOT / "completions" / COMMITTED[shell]).read_text()
    assert mktool("completion", "install").stdout == f"{path}: is in place already\n"


@pytest.mark.parametrize("shell", ["", "/bin/tcsh"])
def test_an_unknown_shell_is_said(shell: str, user: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELL", shell)
    ran = mktool("completion", "install", "--json")
    assert ran.returncode == 2
    assert "bash|zsh|fish" in json.loads(ran.stdout)["errors"][0]["hint"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("mktool comp", ["completion"]),
        ("mktool --json acc", ["accounts"]),
        ("mktool post li", ["linkedin"]),
        ("mktool post linkedin sl", ["slack"]),
        ("mktool post --quiet --dr", ["--dry-run"]),
        ("mktool post --no-in", ["--no-input"]),
        ("mktool help exit", ["exit-codes"]),
        ("mktool help se", ["send-campaign", "settle"]),
        ("mktool help r", ["report", "revoke", "run-due"]),
        ("mktool find hubspot o", ["owner"]),
        ("mktool find hubs", ["hubspot"]),
        ("mktool sync salesforce:work c", ["contacts", "companies", "campaigns"]),
        ("mktool sync nobody c", []),
        ("mktool export report.json --to s", ["salesforce", "slack"]),
        ("mktool export report.json s", ["salesforce", "slack"]),
        ("mktool vault m", ["move"]),
        ("mktool completion install f", ["fish"]),
        ("mktool no-such-command ''", []),
    ],
)
def test_bash_offers_what_fits(line: str, expected: list[str], user: Path) -> None:
    assert candidates(line) == expected


def test_every_command_and_every_provider_is_offered(user: Path) -> None:
    from mktool import providers
    from mktool.cli.app import COMMANDS

    assert candidates("mktool ''") == list(COMMANDS)
    assert candidates("mktool post ''") == providers.names()


def test_connected_accounts_are_offered(user: Path) -> None:
    for name in ("work", "press"):
        accounts.save(accounts.Entry("x", name, "file", "https://x.example"))
    assert candidates("mktool post x --account ''") == ["press", "work"]
    assert candidates("mktool --account w") == ["work"]


def test_a_broken_list_of_accounts_is_no_noise_at_the_prompt(user: Path) -> None:
    accounts.accounts_file().parent.mkdir(parents=True)
    accounts.accounts_file().write_text("{")
    assert candidates("mktool post x --account ''") == []


def test_tab_in_bash(user: Path) -> None:
    """As installed: bash-completion finds the file by the name of the command."""
    need("bash", "tmux")
    if not BASH_COMPLETION.exists():
        need("bash-completion")
    mktool("completion", "install", "bash")
    (user / ".bashrc").write_text(f". {BASH_COMPLETION}\nPS1='{READY} '\n")
    with screen("bash", "--rcfile", str(user / ".bashrc"), "-i") as shell:
        shell.type("mktool pos", "Tab")
        shell.wait_for("mktool post")
        shell.type("li", "Tab")
        shell.wait_for("mktool post linkedin")
        shell.type("--dr", "Tab")
        shell.wait_for("mktool post linkedin --dry-run")


def test_tab_in_zsh(user: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    need("zsh", "tmux")
    mktool("completion", "install", "zsh")
    folder = (user / INSTALLED["zsh"]).parent
    (user / ".zshrc").write_text(
        f"fpath+=({folder})\nautoload -Uz compinit; compinit -u\nPS1='{READY} '\n"
    )
    with screen("zsh", "-i") as shell:
        shell.type("mktool post li", "Tab")  # the first Tab, which loads the file, answers
        shell.wait_for("mktool post linkedin")
        shell.type("--dr", "Tab")
        shell.wait_for("mktool post linkedin --dry-run")


def test_tab_in_fish(user: Path) -> None:
    need("fish")
    mktool("completion", "install", "fish")
    ran = subprocess.run(
        ["fish", "-c", "complete -C 'mktool post li'; complete -C 'mktool sett'"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert ran.stdout.split("\t")[0].splitlines() == ["linkedin", "settle"]
