"""The root: global options, exit codes, and no traceback for anything."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from mktool.cli import app
from mktool.cli.app import hoist
from mktool.cli.failure import as_ours
from mktool.errors import InvalidInput, MktoolError, StorageError
from tests.box import Box
from tests.cli.conftest import Mktool


@pytest.mark.parametrize(
    ("line", "front", "rest"),
    [
        ("post x --json", ["--json"], ["post", "x"]),
        ("--json post x", ["--json"], ["post", "x"]),
        ("post x -q --no-input", ["-q", "--no-input"], ["post", "x"]),
        ("post --account work x", ["--account", "work"], ["post", "x"]),
        ("post x --account=work", ["--account=work"], ["post", "x"]),
        ("post x --text --json", [], ["post", "x", "--text", "--json"]),
        ("post x --set -v --json", ["--json"], ["post", "x", "--set", "-v"]),
        ("sandbox --json -- run --json", ["--json"], ["sandbox", "--", "run", "--json"]),
        ("post x --json=1", [], ["post", "x", "--json=1"]),
        ("post x --account", ["--account"], ["post", "x"]),
    ],
)
def test_global_options_stand_anywhere(line: str, front: list[str], rest: list[str]) -> None:
    assert hoist(line.split()) == (front, rest)


@pytest.mark.parametrize("line", ["--json accounts", "accounts --json"])
def test_json_anywhere(line: str, mktool: Mktool) -> None:
    ran = mktool(*line.split())
    envelope = {"version": 1, "command": "accounts", "status": "success", "data": [], "errors": []}
    assert (ran.code, ran.json, ran.err) == (0, envelope, "")


@pytest.mark.parametrize(
    ("line", "says", "hint"),
    [
        ("pst", "there is no command 'pst'", "mktool post"),
        ("test", "there is no command 'test'", "mktool test-integration"),
        ("frobnicate", "there is no command 'frobnicate'", "mktool --help"),
        ("schedule", "mktool schedule needs a command", "mktool schedule --help"),
        ("post x --account", "--account needs a value", "mktool --help"),
        ("--nonsense", "No such option: --nonsense", "mktool --help"),
        ("accounts --json=1", "No such option: --json", "mktool accounts --help"),
        ("settle twelve --sent", "'twelve' is not a valid int", "mktool settle --help"),
        ("metrics x", "Missing argument", "mktool metrics --help"),
        ("run-due --grace soon", "'soon' is not a length of time", "write 90s, 15m, 1h or 2d"),
    ],
)
def test_a_wrong_line(line: str, says: str, hint: str, mktool: Mktool) -> None:
    ran = mktool(*line.split())
    assert (ran.code, ran.out) == (2, "")
    assert says in ran.err
    assert f"next: {hint}" in ran.err
    if line.startswith("accounts"):
        return
    told = mktool(*line.split(), *([] if line.endswith("--account") else ["--json"]))
    assert told.code == 2
    if not line.endswith("--account"):
        assert told.json["status"] == "error"
        assert told.json["errors"] == [{
            "code": "invalid_input", "message": told.json["errors"][0]["message"], "hint": hint,
            "provider": None, "retry_after": None,
        }]  # fmt: skip


def test_nothing_at_all_is_a_question_for_help(mktool: Mktool) -> None:
    assert mktool() == mktool("--help")
    assert "Usage: mktool" in mktool().out


@pytest.mark.parametrize("command", sorted(app.COMMANDS))
def test_every_command_has_help_with_an_example(command: str, mktool: Mktool) -> None:
    ran = mktool(command, "--help")
    assert (ran.code, ran.err) == (0, "")
    groups = ("campaign", "completion", "schedule", "suppress", "templates", "vault")
    if command not in groups:
        assert "Example" in ran.out


def test_version(mktool: Mktool) -> None:
    from mktool import __version__

    assert mktool("--version").out == f"mktool {__version__}\n"


class TestABug:
    def test_says_its_kind_and_place_and_no_value(
        self, mktool: Mktool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from mktool.core import inventory

        def broken(*anything: object) -> None:
            raise KeyError("a-value-nobody-may-see")

        monkeypatch.setattr(inventory, "held", broken)
        ran = mktool("accounts")
        assert (ran.code, ran.out) == (1, "")
        assert ran.err.startswith("error: a bug in mktool: KeyError at accounts.py:")
        assert "nobody-may-see" not in ran.err
        told = mktool("accounts", "--json")
        assert (told.code, told.json["errors"][0]["code"]) == (1, "error")
        assert "nobody-may-see" not in told.out

    def test_place_is_the_last_of_our_own(self) -> None:
        with pytest.raises(TypeError) as caught:
            hoist(None)  # type: ignore[arg-type]  # that is the bug
        message = as_ours(caught.value).message
        assert message.startswith("a bug in mktool: TypeError at app.py:")

    def test_other_kinds(self) -> None:
        ours = InvalidInput("mine")
        assert as_ours(ours) is ours
        disk = as_ours(OSError(28, "No space left on device", "/ledger.db"))
        assert (type(disk), disk.message) == (StorageError, "/ledger.db: No space left on device")
        assert type(as_ours(RuntimeError("never raised"))) is MktoolError


class TestSecretsOnTheLine:
    """They are refused, and not repeated: the terminal may be recorded."""

    @pytest.mark.parametrize(
        "line",
        [
            "authorize x --field client_secret=CANARY",
            "authorize x --field access_token=CANARY",
            "authorize slack --field bot_token=CANARY",
            "authorize x --field CANARY",
            "authorize x --field nonsense=CANARY",
            "authorize x --token CANARY",
            "authorize x --token=CANARY",
            "authorize x --token-stdin CANARY",
            "authorize x CANARY",
            "authorize x --field client_secret CANARY",
            "authorize x --token-stdin=CANARY",
        ],
    )
    @pytest.mark.parametrize("json", [True, False])
    def test_are_refused(self, line: str, json: bool, mktool: Mktool, vault: None) -> None:
        ran = mktool(*line.split(), *(["--json"] if json else []))
        assert ran.code == 2
        assert "CANARY" not in ran.out + ran.err

    def test_the_right_way_is_named(self, mktool: Mktool) -> None:
        ran = mktool("authorize", "x", "--field", "client_secret=CANARY")
        assert "client_secret is secret, and a command line can be read by others" in ran.err
        assert "MKTOOL_X_CLIENT_SECRET" in ran.err


class TestTheProcess:
    def test_a_reader_that_goes_away(self, box: Box) -> None:
        mktool = f"{sys.executable} -m mktool"
        ran = subprocess.run(
            f"{mktool} post x --text hello && {mktool} log -n 1000 | head -c 1; "
            "exit ${PIPESTATUS[0]}",
            shell=True, executable="/bin/bash", capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert (ran.returncode, ran.stderr) == (0, "")

    @pytest.mark.parametrize(
        "command", ["accounts", "providers", "log", "limits", "accounts --json"]
    )
    @pytest.mark.parametrize("closed", [">&-", "<&-", "2>&-", ">&- 2>&- <&-"])
    def test_closed_streams(self, command: str, closed: str) -> None:
        ran = subprocess.run(
            f"{sys.executable} -m mktool {command} {closed}",
            shell=True, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert (ran.returncode, "bug" in ran.stderr) == (0, False), ran.stderr

    @pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
    def test_a_full_disk(self) -> None:
        ran = subprocess.run(
            f"{sys.executable} -m mktool providers > /dev/full",
            shell=True, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert ran.returncode == 3
        assert "error: No space left on device" in ran.stderr

    @pytest.mark.parametrize(
        "line", [("providers",), ("accounts", "--json"), ("help", "exit-codes")]
    )
    def test_a_poor_encoding(self, line: tuple[str, ...], process: Mktool) -> None:
        assert process(*line, PYTHONIOENCODING="ascii", PYTHONUTF8="0", LC_ALL="C").code == 0

    def test_an_argument_of_odd_bytes(self) -> None:
        ran = subprocess.run(
            [sys.executable, "-m", "mktool", b"post", b"x", b"--text", b"\xff"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert (ran.returncode, ran.stderr) == (2, "error: argument 4 is not UTF-8 text\n")

    @pytest.mark.parametrize("value", ["/nowhere/config.toml", "."])
    def test_a_config_that_cannot_be_read(self, value: str, process: Mktool) -> None:
        ran = process("accounts", "--config", value)
        assert (ran.code, ran.err.startswith("error: ")) == (3, True)
