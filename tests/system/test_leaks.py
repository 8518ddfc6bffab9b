"""Every secret is a canary; it is looked for, in four spellings, wherever it must not be."""

from __future__ import annotations

import base64
import ctypes
import json
import os
import re
import stat
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar
from urllib.parse import quote

import pytest

from mktool.sandbox.faults import Faults
from mktool.sandbox.server import Sandbox
from tests.system.program import Ended, Program, finish

NAMES = ("client_secret", "access_token", "refresh_token", "bot_token", "webhook_url", "passphrase")
MODES = ("refused", "400", "401", "500", "html", "redirect", "garbage", "cut", "hang")


def canary(name: str) -> str:
    return f"CANARY-{name}-{uuid.uuid4()}"


def spellings(secret: str) -> set[bytes]:
    """The secret as it is, in base64 at each of three offsets, urlencoded and JSON-escaped."""
    raw = secret.encode()
    inner = [base64.b64encode(b"x" * n + raw)[4:-4] for n in range(3)]
    return {raw, *inner, quote(secret, safe="").encode(), json.dumps(secret)[1:-1].encode()}


def assert_unseen(secrets: dict[str, str], where: str, data: bytes) -> None:
    for name, secret in secrets.items():
        for spelling in spellings(secret):
            assert spelling not in data, f"{name} in {where}"


def assert_silent(secrets: dict[str, str], ended: Ended, home: Path) -> None:
    assert_unseen(secrets, "the output", (ended.out + ended.err).encode())
    for path in home.rglob("*"):
        if path.is_file():
            assert_unseen(secrets, str(path), path.read_bytes())


class Rude(BaseHTTPRequestHandler):
    """A vendor that answers every call in the same bad way, and echoes what it was sent."""

    mode = ""
    seen: ClassVar[list[dict[str, str]]]
    url = ""
    elsewhere = ""

    def log_message(self, format: str, *args: object) -> None:
        """Nothing on stderr."""

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        self.seen.append({"path": self.path, **self.headers})
        if self.mode == "cut":
            self.close_connection = True
            return
        if self.mode == "hang":
            time.sleep(0.2)
            self.close_connection = True
            return
        status = {"redirect": 302, "html": 200, "garbage": 200}.get(self.mode) or int(self.mode)
        self.send_response(status)
        if status == 302:
            self.send_header("Location", self.elsewhere + self.path)
        self.send_header("Content-Type", "text/html" if self.mode == "html" else "application/json")
        self.send_header("Set-Cookie", "session=CANARY-cookie")
        self.end_headers()
        self.wfile.write(b"<html>" if self.mode == "html" else b"{" if status == 200 else b"{}")
        if self.mode == "html":
            self.wfile.write(body)

    do_POST = do_GET


@pytest.fixture
def rude() -> Iterator[tuple[type[Rude], type[Rude]]]:
    """Two servers; the first one's redirects lead to the second."""

    class First(Rude):
        seen: ClassVar[list[dict[str, str]]] = []

    class Second(Rude):
        mode = "400"
        seen: ClassVar[list[dict[str, str]]] = []

    servers = [ThreadingHTTPServer(("127.0.0.1", 0), handler) for handler in (First, Second)]
    First.url, First.elsewhere = (f"http://127.0.0.1:{s.server_port}" for s in servers)
    threads = [threading.Thread(target=s.serve_forever, args=(0.02,)) for s in servers]
    for thread in threads:
        thread.start()
    yield First, Second
    for server, thread in zip(servers, threads, strict=True):
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def secrets() -> dict[str, str]:
    found = {name: canary(name) for name in NAMES}
    found["webhook_url"] = f"https://hooks.slack.com/services/T0/B0/{found['webhook_url']}"
    found["bot_token"] = f"xoxb-{found['bot_token']}"
    return found


@pytest.fixture
def armed(tmp_path: Path, secrets: dict[str, str]) -> Program:
    """mktool with a canary in every secret that the environment can give."""
    return Program(
        tmp_path / "home",
        {
            "MKTOOL_X_ACCESS_TOKEN": secrets["access_token"],
            "MKTOOL_X_CLIENT_ID": "an-app",
            "MKTOOL_X_CLIENT_SECRET": secrets["client_secret"],
            "MKTOOL_LINKEDIN_ACCESS_TOKEN": secrets["access_token"],
            "MKTOOL_SLACK_BOT_TOKEN": secrets["bot_token"],
            "MKTOOL_SLACK_CHANNEL": "#general",
            "MKTOOL_VAULT": "file",
            "MKTOOL_VAULT_PASSPHRASE": secrets["passphrase"],
        },
    )


COMMANDS = (
    ("accounts",),
    ("test-integration", "x"),
    ("test-integrations",),
    ("post", "x", "linkedin", "slack", "--text", "Hello", "--dry-run"),
    ("post", "x", "linkedin", "slack", "--text", "Hello"),
    ("post", "x", "--text", "Later", "--at", "in 1h"),
    ("schedule", "list"),
    ("run-due",),
    ("metrics", "x", "123"),
    ("outbox",),
    ("log",),
    ("stats",),
    ("limits",),
    ("providers", "x"),
    ("doctor",),
    ("vault", "status"),
    ("revoke", "x"),
    ("settle", "1", "--sent"),
    ("help", "environment"),
)


@pytest.mark.parametrize("style", ["--verbose", "--json"])
@pytest.mark.parametrize("mode", ["401", "html"])
def test_no_command_shows_or_keeps_a_secret(
    armed: Program, secrets: dict[str, str], rude: tuple[type[Rude], type[Rude]],
    mode: str, style: str,
) -> None:  # fmt: skip
    server, _ = rude
    server.mode = mode
    url = server.url
    program = armed.having(
        **{f"MKTOOL_{name}_BASE_URL": url for name in ("X", "LINKEDIN", "SLACK")}
    )
    for command in COMMANDS:
        ended = program.run(style, *command)
        assert ended.code in range(19), ended
        assert_unseen({**secrets, "cookie": "CANARY-cookie"}, " ".join(command), _all(ended))
    assert server.seen
    assert_silent(secrets, ended, program.home)


def _all(ended: Ended) -> bytes:
    return (ended.out + ended.err).encode()


@pytest.mark.parametrize("mode", MODES)
def test_no_failure_shows_a_secret_or_takes_it_elsewhere(
    armed: Program, secrets: dict[str, str], rude: tuple[type[Rude], type[Rude]], mode: str
) -> None:
    first, second = rude
    first.mode = mode
    url = "http://127.0.0.1:9" if mode == "refused" else first.url
    config = armed.home / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text("[network]\nmax_wait = 1\n")
    program = armed.having(
        **{f"MKTOOL_{name}_BASE_URL": url for name in ("X", "LINKEDIN", "SLACK")}
    )
    for provider in ("x", "linkedin", "slack"):
        for command in (("test-integration", provider), ("post", provider, "--text", mode)):
            ended = program.run("--verbose", *command)
            assert 0 < ended.code < 19, ended
            assert "next:" in ended.err or ended.code == 14
            assert_unseen({**secrets, "cookie": "CANARY-cookie"}, str(command), _all(ended))
    assert_silent(secrets, ended, program.home)
    assert second.seen == []


def test_a_webhook_address_stays_unseen(
    armed: Program, secrets: dict[str, str], sandbox: Sandbox
) -> None:
    program = armed.having(
        MKTOOL_SANDBOX=sandbox.url, MKTOOL_SLACK_BOT_TOKEN="",
        MKTOOL_SLACK_WEBHOOK_URL=secrets["webhook_url"],
    )  # fmt: skip
    secret = {"webhook": secrets["webhook_url"].rpartition("/")[2], **secrets}
    for style in ("--verbose", "--json"):
        for args in (("--dry-run",), ()):
            ended = program.run(style, "post", "slack", "--text", "Hello", *args)
            assert_silent(secret, ended, program.home)
    calls = [row for row in sandbox.world.calls if row.vendor == "slack"]
    assert calls
    assert_unseen(secret, "the sandbox", json.dumps([row.to_json() for row in calls]).encode())


def test_a_stored_key_is_unreadable_on_the_disk_and_private(
    armed: Program, secrets: dict[str, str], sandbox: Sandbox
) -> None:
    key = f"sandbox-{secrets['access_token']}"
    program = armed.having(MKTOOL_X_ACCESS_TOKEN="", MKTOOL_SANDBOX=sandbox.url)
    before = os.umask(0)
    try:
        ended = program.run("authorize", "x", "--token-stdin", "--verbose", given=key)
        assert ended.code == 0, ended
        assert program.run("post", "x", "--text", "Hello").code == 0
        ended = program.run("accounts", "--json")
    finally:
        os.umask(before)
    assert_silent({"key": key, **secrets}, ended, program.home)
    for path in program.home.rglob("*"):
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o700 if path.is_dir() else 0o600), f"{path} {mode:o}"


def test_kills_during_a_login_leave_no_secret_on_the_disk(
    armed: Program, secrets: dict[str, str], sandbox: Sandbox
) -> None:
    key = f"sandbox-{secrets['access_token']}"
    program = armed.having(MKTOOL_X_ACCESS_TOKEN="", MKTOOL_SANDBOX=sandbox.url)
    for number in range(10):
        program.killed("authorize", "x", "--token-stdin", given=key, after=0.15 + number * 0.06)
    ended = program.run("authorize", "x", "--token-stdin", given=key)
    assert ended.code == 0, ended
    assert_silent({"key": key, **secrets}, ended, program.home)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_process_that_holds_a_secret_can_be_neither_dumped_nor_read(
    armed: Program, secrets: dict[str, str], sandbox: Sandbox
) -> None:
    sandbox.world.faults = Faults.parse("slow=3s")
    process = armed.having(MKTOOL_SANDBOX=sandbox.url, MKTOOL_X_ACCESS_TOKEN="sandbox-x").start(
        "post", "x", "--text", "Hello"
    )
    proc = Path(f"/proc/{process.pid}")
    deadline = time.monotonic() + 20
    while not re.search(r"core file size +0 +0 ", (proc / "limits").read_text()):
        assert time.monotonic() < deadline, (proc / "limits").read_text()
        time.sleep(0.02)
    assert_unseen(secrets, "the command line", (proc / "cmdline").read_bytes())
    if os.geteuid() == 0:  # what is not dumpable belongs to root; but so does all else, for root
        assert _hidden_from_others(process.pid)
    assert finish(process).code == 0


def _hidden_from_others(pid: int) -> bool:
    """Whether the memory map is withheld from a process without root's power over others."""
    status = Path(f"/proc/{pid}/status").read_text()
    assert "CoreDumping:\t0" in status
    if child := os.fork():
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    libc = ctypes.CDLL(None)  # pragma: no cover - in the child
    for capability in range(41):
        libc.prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    libc.capset(ctypes.byref(header), ctypes.byref((ctypes.c_uint32 * 6)()))
    try:
        Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        os._exit(0)
    os._exit(1)


def test_the_browser_gets_no_secret(
    armed: Program, secrets: dict[str, str], sandbox: Sandbox, tmp_path: Path
) -> None:
    browser = tmp_path / "browser"
    browser.write_text(
        "#!/bin/sh\n"
        f"tr '\\0' '\\n' < /proc/$$/environ > {tmp_path}/environ\n"
        f'echo "$@" > {tmp_path}/arguments\n'
    )
    browser.chmod(0o755)
    process = armed.having(
        MKTOOL_SANDBOX=sandbox.url, MKTOOL_X_ACCESS_TOKEN="", BROWSER=str(browser)
    ).start("authorize", "x")
    deadline = time.monotonic() + 20
    while not (tmp_path / "arguments").exists() or not (tmp_path / "arguments").read_text():
        assert time.monotonic() < deadline
        assert process.poll() is None, finish(process)
        time.sleep(0.05)
    process.terminate()
    ended = finish(process)
    assert_unseen(secrets, "the browser's environment", (tmp_path / "environ").read_bytes())
    assert "MKTOOL_" not in (tmp_path / "environ").read_text()
    assert_unseen(secrets, "the browser's address", (tmp_path / "arguments").read_bytes())
    assert_silent(secrets, ended, armed.home)


def test_a_script_in_the_sandbox_gets_nothing_that_opens_the_vault(
    armed: Program, secrets: dict[str, str]
) -> None:
    ended = armed.run("sandbox", "--", "env")
    assert ended.code == 0, ended
    assert "MKTOOL_SANDBOX=http://127.0.0.1:" in ended.out
    assert "MKTOOL_VAULT_" not in ended.out
    held = {name: secrets[name] for name in ("access_token", "bot_token", "passphrase")}
    assert_unseen(held, "the script's environment", ended.out.encode())


@pytest.mark.parametrize(
    "args",
    [
        ("authorize", "x", "--token", "{}"),
        ("authorize", "x", "--token={}"),
        ("authorize", "x", "--field", "client_secret={}"),
        ("authorize", "slack", "--field", "bot_token={}"),
        ("authorize", "slack", "--field", "{}"),
    ],
)
def test_a_secret_on_the_command_line_is_refused_and_not_repeated(
    armed: Program, args: tuple[str, ...]
) -> None:
    secret = canary("argument")
    ended = armed.run(*(arg.format(secret) for arg in args))
    assert ended.code == 2, ended
    assert_silent({"argument": secret}, ended, armed.home)
