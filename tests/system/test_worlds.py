"""Bad worlds: each ends in a sentence with a next step and a documented code; nothing is lost."""

from __future__ import annotations

import base64
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from mktool.sandbox.faults import Faults
from mktool.sandbox.server import Sandbox
from tests.peers import absent, need
from tests.secret_service import SecretService
from tests.system.program import CREDENTIALS, Ended, Program, finish
from tests.system.test_kill import parts, time_passes

KEY = base64.b64encode(b"k" * 32).decode()
HELLO = ("post", "x", "--text", "Hello")


def refused(ended: Ended, code: int, *words: str) -> None:
    assert ended.code == code, ended
    assert "error: " in ended.err, ended
    assert "next: " in ended.err, ended
    for word in words:
        assert word in ended.err


def stored(sandbox: Sandbox, home: Path) -> Program:
    """mktool with an account of the sandbox in the encrypted file."""
    program = Program(
        home,
        {"MKTOOL_SANDBOX": sandbox.url, "MKTOOL_VAULT": "file", "MKTOOL_VAULT_KEY": KEY},
    )
    ended = program.run("authorize", "x", "--token-stdin", given="sandbox-key")
    assert ended.code == 0, ended
    return program


@pytest.mark.parametrize(
    "content",
    [b"[network\n", b"[network]\nmax_wait = 'soon'\n", b"\xff\xfe[\0", b"[nonsense]\na = 1\n"],
    ids=["cut off", "wrong type", "UTF-16", "unknown table"],
)
def test_a_broken_configuration(program: Program, content: bytes) -> None:
    program.home.mkdir(parents=True)
    (program.home / "config.toml").write_bytes(content)
    refused(program.run(*HELLO), 3, "config.toml")


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (("post", "linkedinn", "--text", "Hello"), 2),
        (("pots", "x"), 2),
        (("post", "x", "--text", ""), 2),
        (("post", "x", "--text", "Hello", "--media", "/nowhere.png"), 2),
    ],
)
def test_a_slip_of_the_pen(program: Program, args: tuple[str, ...], code: int) -> None:
    ended = program.run(*args)
    assert ended.code == code, ended
    assert ended.err.startswith("error: ")


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ("Grüße".encode("utf-16"), 0),
        ("Grüße".encode("utf-8-sig"), 0),
        ("Grüße".encode("latin-1"), 2),
        (b"a\0b", 2),
        (b"", 2),
    ],
    ids=["UTF-16", "with a mark", "latin-1", "NUL", "empty"],
)
def test_texts_in_other_encodings(
    sandbox: Sandbox, program: Program, tmp_path: Path, data: bytes, code: int
) -> None:
    (tmp_path / "text.csv").write_bytes(data)
    ended = program.run("post", "x", "--file", str(tmp_path / "text.csv"))
    assert ended.code == code, ended
    assert [item.text for item in sandbox.world.inbox.items] == ["Grüße"] * (code == 0)


@pytest.mark.parametrize(
    ("faults", "code"),
    [
        ("html=100%:POST */tweets,html=100%:GET *", 18),
        ("503=100%:POST */tweets,503=100%:GET *", 18),
        ("401=100%", 11),
        ("403=100%", 12),
        ("429=100%", 15),
    ],
)
def test_a_vendor_in_trouble(sandbox: Sandbox, program: Program, faults: str, code: int) -> None:
    program.home.mkdir(parents=True)
    (program.home / "config.toml").write_text("[network]\nmax_wait = 1\n")
    sandbox.world.faults = Faults.parse(faults)
    refused(program.run(*HELLO), code)
    rows = program.run("outbox", "--json").json["data"]
    assert [row["state"] for row in rows] == ["unknown" if code == 18 else "failed"]
    sandbox.world.faults = Faults()
    if code != 15:  # the vendor's word on its window holds
        time_passes(program)
        assert program.run(*HELLO).code == 0
        assert [item.text for item in sandbox.world.inbox.items] == ["Hello"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "tmpfs", str(disk)]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        absent("mounting a small disk needs root")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_disk_that_fills_up_in_the_middle_of_a_thread(
    sandbox: Sandbox, program: Program, small_disk: Path
) -> None:
    program = Program(small_disk / "home", program.environ)
    sandbox.world.faults = Faults.parse("slow=400ms:POST */tweets")
    args, texts = ("post", "x", "--thread", "-", "--key", "k"), parts("the disk")
    process = program.start(*args)
    assert process.stdin is not None
    process.stdin.write("\n---\n".join(texts).encode())
    process.stdin.close()
    process.stdin = None
    deadline = time.monotonic() + 30
    while len(sandbox.world.inbox.items) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    with (small_disk / "filler").open("wb", buffering=0) as filler:
        try:
            while True:
                filler.write(b"\0" * 1024)
        except OSError:
            pass
    refused(finish(process), 6, "disk")
    assert len(sandbox.world.inbox.items) < 5
    refused(program.run(*args, given="\n---\n".join(texts)), 3, "disk")
    (small_disk / "filler").unlink()
    ended = program.run(*args, given="\n---\n".join(texts))
    assert ended.code == 0, ended
    items = sandbox.world.inbox.items
    assert [item.text for item in items] == texts
    assert [item.parent for item in items] == ["", *(item.id for item in items[:-1])]


def test_a_home_that_is_a_file(program: Program) -> None:
    program.home.write_text("")
    refused(program.run(*HELLO), 3, str(program.home))


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes an ordinary user")
def test_a_home_that_cannot_be_written(program: Program, sandbox: Sandbox) -> None:
    need("setpriv")
    program.home.mkdir(parents=True, mode=0o755)
    for folder in program.home.parents[:3]:
        folder.chmod(0o755)
    user = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
    # The clone may stand in a folder that only its owner enters, as `mktemp -d` makes them.
    probe = subprocess.run(
        [*user, sys.executable, "-c", "import mktool"], capture_output=True, check=False
    )
    if probe.returncode:
        absent("an ordinary user cannot run this Python, or cannot read mktool")
    ended = Program(program.home, program.environ, user).run(*HELLO)
    refused(ended, 3, str(program.home))
    assert not sandbox.world.inbox.items


def test_a_damaged_ledger_is_kept_and_nothing_is_sent(sandbox: Sandbox, program: Program) -> None:
    assert program.run(*HELLO).code == 0
    ledger = program.ledger
    for tail in ("-wal", "-shm"):
        ledger.with_name(ledger.name + tail).unlink(missing_ok=True)
    ledger.write_bytes(b"not a database" * 1000)
    refused(program.run("post", "x", "--text", "Again"), 3, "ledger.db")
    refused(program.run("log"), 3, "ledger.db")
    refused(program.run("run-due"), 3, "ledger.db")
    assert ledger.read_bytes().startswith(b"not a database")
    assert len(sandbox.world.inbox.items) == 1


@pytest.mark.parametrize(
    ("name", "code"), [("accounts.json", 3), ("vault.json", 4)], ids=["accounts", "vault"]
)
@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\xff\xfe", b"null"])
def test_a_damaged_file_of_ours(
    sandbox: Sandbox, tmp_path: Path, name: str, code: int, data: bytes
) -> None:
    program = stored(sandbox, tmp_path / "home")
    (path,) = program.home.rglob(name)
    path.write_bytes(data)
    refused(program.run(*HELLO), code, name)
    assert path.read_bytes() == data
    assert not sandbox.world.inbox.items


@pytest.mark.parametrize(
    "key", ["", "short", base64.b64encode(b"x" * 32).decode()], ids=["no", "odd", "another"]
)
def test_a_vault_without_its_key(sandbox: Sandbox, tmp_path: Path, key: str) -> None:
    program = stored(sandbox, tmp_path / "home")
    refused(program.having(MKTOOL_VAULT_KEY=key).run(*HELLO), 4)
    assert program.run(*HELLO).code == 0


@pytest.mark.parametrize("home", ["", "relative", "/nowhere"])
def test_no_home_folder(program: Program, home: str) -> None:
    ended = program.having(HOME=home).run("accounts")
    assert ended.code == 0, ended


def test_closed_streams(sandbox: Sandbox, program: Program) -> None:
    shell = ("sh", "-c", 'exec "$@" <&- >&-', "sh")
    ended = Program(program.home, program.environ, shell).run(*HELLO)
    assert ended.code == 0, ended
    assert [item.text for item in sandbox.world.inbox.items] == ["Hello"]
    ended = Program(program.home, program.environ, shell).run("post", "x", "-")
    assert ended.code == 2, ended


@pytest.mark.parametrize(
    "environ", [{"LC_ALL": "C"}, {"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "POSIX"}], ids=str
)
def test_a_terminal_that_speaks_ascii(
    sandbox: Sandbox, program: Program, environ: dict[str, str]
) -> None:
    program = program.having(**environ)
    for style in ("--verbose", "--json"):
        text = f"Grüße ‹{style}› 🎉"
        ended = program.run(style, "post", "x", "--text", text)
        assert ended.code == 0, ended
        assert sandbox.world.inbox.items[-1].text == text
        assert program.run(style, "post", "x", "--text", text, "--dry-run").code == 0
        assert program.run(style, "providers").code == 0


def test_a_clock_that_was_set_back(sandbox: Sandbox, program: Program) -> None:
    """All that the ledger remembers lies a year ahead."""
    assert program.run(*HELLO).code == 0
    year = 365 * 86400
    with closing(sqlite3.connect(program.ledger)) as db, db:
        db.execute("update calls set at = at + ?", (year,))
        db.execute("update acts set created = created + ?, updated = updated + ?", (year, year))
        db.execute("update parts set started = started + ?, at = at + ?", (year, year))
    started = time.monotonic()
    ended = program.run("post", "x", "--text", "After")
    assert ended.code == 0, ended
    assert time.monotonic() - started < 10
    for command in ("log", "stats", "limits", "outbox", "run-due"):
        assert program.run(command).code == 0


# -- where credentials may go ----------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "http://api.example.com", "ftp://127.0.0.1", "https://user:pw@api.example.com",
        "https://api.example.com/?a=b", "https://api.example.com/#f", "//api.example.com",
        "http://127.0.0.1.example.com", "http://localhost@example.com", "https://", "nonsense",
        "http://[::1", "http://127.0.0.1:99999",
    ],
)  # fmt: skip
def test_an_address_that_tokens_must_not_go_to(tmp_path: Path, url: str) -> None:
    program = Program(tmp_path / "home", {**CREDENTIALS, "MKTOOL_X_BASE_URL": url})
    refused(program.run(*HELLO), 3, "MKTOOL_X_BASE_URL")
    assert "pw" not in program.run(*HELLO).err


def test_a_stored_credential_stays_with_its_origin(sandbox: Sandbox, tmp_path: Path) -> None:
    program = stored(sandbox, tmp_path / "home")
    with Sandbox(approve=True) as other:
        moved = program.having(MKTOOL_X_BASE_URL=other.url)
        refused(moved.run(*HELLO), 11, "mktool authorize x")
        refused(moved.run("test-integration", "x"), 11)
        refused(program.having(MKTOOL_SANDBOX=other.url).run(*HELLO), 11)
        assert not other.world.calls
    assert program.run(*HELLO).code == 0


def test_a_credential_of_the_sandbox_does_not_exist_outside_it(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    program = stored(sandbox, tmp_path / "home").having(MKTOOL_SANDBOX="")
    refused(program.run(*HELLO), 11, "mktool authorize x")


def test_the_sandbox_refuses_what_looks_real(sandbox: Sandbox, program: Program) -> None:
    real = {
        "MKTOOL_X_ACCESS_TOKEN": "VGhpcyBpcyBhIHRva2Vu", "MKTOOL_SLACK_BOT_TOKEN": "xoxb-12-34-ab",
        "MKTOOL_LINKEDIN_ACCESS_TOKEN": "AQXdSP_W41_UPs5ioT_t8HESyODB4FqbkJ8LrV_5mff4gPODzOYR",
    }  # fmt: skip
    for provider in ("x", "slack", "linkedin"):
        ended = program.having(**real).run("post", provider, "--text", "Hello")
        refused(ended, 11, "mktool authorize")
    assert not sandbox.world.inbox.items


# -- cron ------------------------------------------------------------------------------------


def due(program: Program) -> None:
    assert program.run(*HELLO, "--at", "in 1h").code == 0
    with closing(sqlite3.connect(program.ledger)) as db, db:
        db.execute("update acts set due = ?", (time.time() - 60,))


def test_cron_with_a_key_file(sandbox: Sandbox, tmp_path: Path) -> None:
    program = stored(sandbox, tmp_path / "home")
    (tmp_path / "key").write_text(KEY)
    (tmp_path / "key").chmod(0o600)
    due(program)
    cron = program.having(
        MKTOOL_VAULT_KEY="", MKTOOL_VAULT="", MKTOOL_VAULT_KEY_FILE=str(tmp_path / "key"),
        PATH="/usr/bin:/bin",
    )  # fmt: skip
    assert cron.run("run-due", "--quiet").code == 0
    assert cron.run("run-due", "--quiet") == Ended(0, "", "")
    assert [item.text for item in sandbox.world.inbox.items] == ["Hello"]


def with_keyring(sandbox: Sandbox, service: SecretService, home: Path) -> Program:
    environ = {"MKTOOL_SANDBOX": sandbox.url, "MKTOOL_VAULT": "keyring", **service.environment()}
    program = Program(home, environ)
    ended = program.run("authorize", "x", "--token-stdin", given="sandbox-key")
    assert ended.code == 0, ended
    return program


def test_cron_without_the_keyring_says_so(
    sandbox: Sandbox, secret_service: SecretService, tmp_path: Path
) -> None:
    program = with_keyring(sandbox, secret_service, tmp_path / "home")
    due(program)
    cron = Program(program.home, {"MKTOOL_SANDBOX": sandbox.url})
    post = cron.run("post", "x", "--text", "Another")
    refused(post, 4, "lives in the keyring, which cannot be reached here")
    first, second = cron.run("run-due"), cron.run("run-due")
    assert first.code in (4, 6), first
    assert "lives in the keyring" in first.err
    assert second == Ended(0, "", ""), "told once"
    assert program.run("run-due").code == 0
    assert [item.text for item in sandbox.world.inbox.items] == ["Hello"]


def test_a_locked_keyring_is_not_a_missing_login(
    sandbox: Sandbox, secret_service: SecretService, tmp_path: Path
) -> None:
    program = with_keyring(sandbox, secret_service, tmp_path / "home")
    secret_service.lock()
    refused(program.run(*HELLO), 4, "locked")
    assert not sandbox.world.inbox.items


def test_a_keyring_that_hangs_is_given_up(
    sandbox: Sandbox, secret_service: SecretService, tmp_path: Path
) -> None:
    import signal

    program = with_keyring(sandbox, secret_service, tmp_path / "home")
    secret_service.daemon.send_signal(signal.SIGSTOP)
    try:
        started = time.monotonic()
        refused(program.run(*HELLO), 4)
        assert time.monotonic() - started < 20
    finally:
        secret_service.daemon.send_signal(signal.SIGCONT)
    assert not sandbox.world.inbox.items
