"""The ledger keeps what it was given, or says why it cannot."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mktool.errors import Busy, InvalidInput, StorageError
from mktool.http.exchange import Call, Scope, Throttled
from mktool.store import database
from mktool.store.acts import Acts
from mktool.store.ledger import Ledger
from tests.peers import absent, answer, answers, python

CALL = Call("toy", "default", "post", "POST", "u", "post", False, 1, Scope(1, 1))
INSERT = "insert into acts (verb, content) values ('post', ?)"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "ledger.db"


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    opened = Ledger(path)
    yield opened
    opened.close()


def refusal(path: Path) -> StorageError:
    with pytest.raises(StorageError) as caught:
        Ledger(path)
    assert caught.value.hint
    assert str(path) in caught.value.message or "newer" in caught.value.message
    return caught.value


def test_it_is_private_under_any_umask(path: Path, umask: int) -> None:
    ledger = Ledger(path)
    ledger.admit(CALL, [])
    files = sorted(path.parent.iterdir())
    assert [f.name for f in files] == ["ledger.db", "ledger.db-shm", "ledger.db-wal"]
    assert {stat.S_IMODE(f.stat().st_mode) for f in files} == {0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    ledger.close()


def test_what_is_committed_survives_a_power_cut(ledger: Ledger) -> None:
    assert ledger.db.execute("pragma journal_mode").fetchone() == ("wal",)
    assert ledger.db.execute("pragma synchronous").fetchone() == (2,)  # full


def test_a_call_from_its_intent_to_its_end(ledger: Ledger) -> None:
    id, wait = ledger.admit(CALL, [])
    assert wait == 0
    select = "select outcome, status, code, ms, request_id, act, part from calls where id = ?"
    assert ledger.db.execute(select, (id,)).fetchone() == ("intent", *[None] * 4, 1, 1)
    ledger.end(id, "refused", status=403, code="forbidden", ms=12.345, request_id="r")
    row = ledger.db.execute(select, (id,)).fetchone()
    assert row == ("refused", 403, "forbidden", 12.3, "r", 1, 1)


def test_a_transaction_that_fails_leaves_nothing(ledger: Ledger) -> None:
    def stopped() -> None:
        with ledger.transaction() as db:
            db.execute(INSERT, ("{}",))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert ledger.db.execute("select count(*) from acts").fetchone() == (0,)
    with ledger.transaction() as db:
        db.execute(INSERT, ("{}",))
    assert ledger.db.execute("select count(*) from acts").fetchone() == (1,)


def test_a_killed_process_loses_nothing_that_was_committed(path: Path, ledger: Ledger) -> None:
    code = f"""
import os, signal
from pathlib import Path
from mktool.http.exchange import Call, Scope
from mktool.store.ledger import Ledger
ledger = Ledger(Path({str(path)!r}))
ledger.admit(Call(*{tuple(CALL)[:8]!r}, Scope(1, 1)), [])
ledger.db.execute("begin immediate")
ledger.db.execute({INSERT!r}, ("half",))
os.kill(os.getpid(), signal.SIGKILL)
"""
    killed = python(code)
    killed.communicate(timeout=60)
    assert killed.returncode == -9
    assert ledger.db.execute("select outcome from calls").fetchall() == [("intent",)]
    assert ledger.db.execute("select count(*) from acts").fetchone() == (0,)
    ledger.admit(CALL, [])


# -- what the disk refuses ------------------------------------------------------------------------


def test_a_folder_in_its_place(path: Path) -> None:
    path.mkdir(parents=True)
    refusal(path)


def test_a_file_where_its_folder_should_be(path: Path) -> None:
    path.parent.write_text("")
    with pytest.raises(StorageError) as caught:
        Ledger(path)
    assert caught.value.hint


def test_a_file_that_is_no_database(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"this is not a database" * 100)
    before = path.read_bytes()
    error = refusal(path)
    assert "damaged or not a ledger" in error.message
    assert f"mv {path}" in error.hint
    assert path.read_bytes() == before


def test_a_damaged_file(path: Path) -> None:
    ledger = Ledger(path)
    with ledger.transaction() as db:
        db.executemany(INSERT, [("x" * 3000,)] * 50)
    ledger.close()
    data = bytearray(path.read_bytes())
    data[4096:] = b"\xa5" * (len(data) - 4096)
    path.write_bytes(data)
    ledger = Ledger(path)
    with pytest.raises(StorageError, match="damaged") as caught:
        Acts(ledger).listed(("open",))
    assert caught.value.hint.startswith("keep it")
    ledger.close()


def test_a_newer_schema(path: Path) -> None:
    ledger = Ledger(path)
    ledger.db.execute("pragma user_version = 999")
    ledger.close()
    assert refusal(path).hint.startswith("upgrade mktool")


READ_ONLY = """
import os, sys
from pathlib import Path
from mktool.errors import StorageError
from mktool.store.ledger import Ledger
os.setgroups([]); os.setgid(65534); os.setuid(65534)
try:
    Ledger(Path(sys.argv[1]))
except StorageError as error:
    print(error.message, "|", error.hint)
"""


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
@pytest.mark.parametrize("exists", [False, True])
def test_rights_that_are_missing(exists: bool) -> None:
    import tempfile

    # pytest's own folders are closed to the other user
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        path = Path(folder) / "ledger.db"
        if exists:
            Ledger(path).close()
        shown = answer(READ_ONLY, str(path))
    assert str(path) in shown
    assert shown.split("|")[1].strip()


FILL = """
import json, sys
from pathlib import Path
from mktool.errors import StorageError
from mktool.store.ledger import Ledger
if len(sys.argv) > 2:
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
ledger, kept = Ledger(Path(sys.argv[1])), 0
try:
    while kept < 100_000:
        with ledger.transaction() as db:
            db.execute("insert into acts (verb, content) values ('post', ?)", ("x" * 2000,))
        kept += 1
except StorageError as error:
    print(json.dumps([kept, error.message, error.hint]))
"""


def check_full(path: Path, shown: str) -> None:
    import json

    kept, message, hint = json.loads(shown)
    assert kept > 10
    assert "full" in message
    assert "free some space" in hint
    db = sqlite3.connect(path)
    assert db.execute("pragma integrity_check").fetchone() == ("ok",)
    assert db.execute("select count(*) from acts").fetchone() == (kept,)
    db.close()


def test_a_file_at_its_limit_loses_nothing(path: Path) -> None:
    Ledger(path).close()
    check_full(path, answer(FILL, str(path), "600000"))


def test_a_full_disk_loses_nothing(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    if shutil.which("mount") is None or subprocess.call(mount, stderr=subprocess.DEVNULL):
        absent("no right to mount a small disk")
    try:
        shown = answer(FILL, str(disk / "ledger.db"))
        for file in disk.iterdir():
            shutil.copy(file, tmp_path / file.name)
    finally:
        subprocess.run(["umount", str(disk)], check=True)
    check_full(tmp_path / "ledger.db", shown)


def test_another_process_holds_it_too_long(
    path: Path, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.1)
    other = Ledger(path)
    ledger.db.execute("begin immediate")
    for write in (
        lambda: other.admit(CALL, []),
        lambda: other.end(1, "ok"),
        lambda: other.throttle("toy", "default", Throttled("post")),
    ):
        with pytest.raises(Busy) as caught:
            write()
        assert caught.value.exit_code == 3
        assert caught.value.hint
    ledger.db.execute("rollback")
    other.admit(CALL, [])
    other.close()


def test_readers_do_not_wait_for_a_writer(path: Path, ledger: Ledger) -> None:
    other = Ledger(path)
    ledger.db.execute("begin immediate")
    assert Acts(other).listed(("open",)) == []
    ledger.db.execute("rollback")
    other.close()


def test_what_no_column_can_hold(ledger: Ledger) -> None:
    acts = Acts(ledger)
    with pytest.raises(InvalidInput):
        acts.get(10**30)
    with pytest.raises(InvalidInput):
        ledger.admit(CALL._replace(account="\udcff"), [])
    ledger.admit(CALL, [])


OPEN = """
import sys, time
from pathlib import Path
from mktool.store.ledger import Ledger
start, opened = float(sys.argv[2]), 0
for number in range(60):
    while time.time() < start + number * 0.05:
        pass
    ledger = Ledger(Path(sys.argv[1]) / f"{number}.db")
    ledger.db.execute("select * from acts")
    ledger.close()
    opened += 1
print(opened)
"""


def test_eight_processes_make_one_ledger(tmp_path: Path) -> None:
    start = str(time.time() + 1.0)  # all at the same instant, sixty times
    assert answers([python(OPEN, str(tmp_path), start) for _ in range(8)]) == ["60"] * 8
