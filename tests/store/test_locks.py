"""Locks between processes."""

from __future__ import annotations

import os
import re
import signal
import stat
import subprocess
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from mktool.errors import Busy, StorageError
from mktool.store.locks import holder, lock, lock_path, named_lock
from tests.peers import answers, python

HOLD = """
import sys, time
from pathlib import Path
from mktool.store.locks import lock, named_lock
path, note = sys.argv[1:]
with named_lock(Path(path), note) if note else lock(Path(path), 5):
    print("held", flush=True)
    time.sleep(60)
"""
COUNT = """
import sys
from pathlib import Path
from mktool.store.locks import lock, lock_path
counter = Path(sys.argv[1])
for _ in range(50):
    with lock(lock_path("counter"), 30):
        counter.write_text(str(int(counter.read_text()) + 1))
"""


def start_holder(path: Path, note: str = "") -> subprocess.Popen[str]:
    process = python(HOLD, str(path), note)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def kill(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate()


@pytest.fixture
def path(home: Path) -> Path:
    return lock_path("x:default")


def test_a_taken_lock_is_waited_for_then_refused(path: Path) -> None:
    process = start_holder(path)
    try:
        for timeout in (0.0, 0.2):
            began = time.monotonic()
            with pytest.raises(Busy) as caught, lock(path, timeout):
                pass
            assert timeout <= time.monotonic() - began < timeout + 0.5
            assert caught.value.hint
    finally:
        kill(process)


def test_a_killed_holder_frees_it_at_once(path: Path) -> None:
    kill(start_holder(path))
    with lock(path, 0):
        pass


def test_the_file_is_private_and_stays(path: Path, umask: int) -> None:
    with lock(path, 0):
        inode = path.stat().st_ino
    with lock(path, 0):
        assert path.stat().st_ino == inode
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_processes_take_turns(home: Path, tmp_path: Path) -> None:
    counter = tmp_path / "counter"
    counter.write_text("0")
    answers([python(COUNT, str(counter)) for _ in range(8)])
    assert counter.read_text() == str(8 * 50)


def test_an_error_inside_frees_it_and_is_passed_on(path: Path) -> None:
    ways: list[Callable[[], AbstractContextManager[None]]] = [
        lambda: lock(path, 0),
        lambda: named_lock(path, "test"),
    ]
    for hold in ways:
        with pytest.raises(ValueError, match="inside"), hold():
            raise ValueError("inside")
        with pytest.raises(Busy, match="from inside"), hold():
            raise Busy("from inside")
    with lock(path, 0):
        pass


def test_every_name_has_a_file_of_its_own(home: Path) -> None:
    names = ["x:default", "x_default", "x/../default", "x:é", "x: ", "x%3adefault", "X:default"]
    paths = [lock_path(name) for name in names]
    assert len(set(paths)) == len(names)
    assert {p.parent for p in paths} == {home / "locks"}
    assert all(re.fullmatch(r"[A-Za-z0-9_%-]+\.lock", p.name) for p in paths)


def test_a_disk_that_refuses_is_an_error_of_ours(tmp_path: Path) -> None:
    folder = tmp_path / "taken.lock"
    folder.mkdir()
    with pytest.raises(StorageError, match="cannot lock"), lock(folder, 0):
        pass


def test_the_holder_is_named_to_others(path: Path) -> None:
    process = start_holder(path, "mktool run-due")
    try:
        began = time.monotonic()
        said = rf"held by pid {process.pid} since \d\d:\d\d \(mktool run-due\)"
        with pytest.raises(Busy, match=said), named_lock(path, "mktool run-due"):
            pass
        assert time.monotonic() - began < 0.5
        found = holder(path)
        assert found is not None
        assert abs(found.since - time.time()) < 30
    finally:
        kill(process)


def test_a_killed_holder_is_followed_by_the_next(path: Path) -> None:
    kill(start_holder(path, "mktool run-due"))
    with named_lock(path, "mktool post"):
        found = holder(path)
        assert found is not None
        assert (found.pid, found.note) == (os.getpid(), "mktool post")
    assert holder(path) is None


@pytest.mark.parametrize("card", [b"", b"[]", b"{", b'{"pid": "x"}', b"\xff", b"null"])
def test_a_broken_signature_does_not_matter(path: Path, card: bytes) -> None:
    process = start_holder(path)
    try:
        path.with_suffix(".json").write_bytes(card)
        with pytest.raises(Busy, match="held by another process"), named_lock(path, "test"):
            pass
    finally:
        kill(process)


def test_a_holder_elsewhere_is_shown_with_its_machine(path: Path) -> None:
    with named_lock(path, "mktool run-due"):
        card = path.with_suffix(".json")
        card.write_text(card.read_text().replace(os.uname().nodename, "elsewhere"))
        assert "on elsewhere since" in str(holder(path))
