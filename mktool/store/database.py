"""A SQLite file of ours: durable, shared between processes, its errors in our words.

WAL with ``synchronous=FULL``: what is committed survives a power cut.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from ..errors import Busy, InvalidInput, StorageError
from .paths import private_dir

BUSY_SECONDS = 30.0


class Database:
    """One connection, for one thread; any number of processes may share the file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with self.guard():
            _create(path)
            self.db = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
            try:
                _use_wal(self.db)
                self.db.execute("pragma synchronous = full")
            except BaseException:
                self.db.close()
                raise

    @contextlib.contextmanager
    def guard(self) -> Iterator[None]:
        """Turn what SQLite and the disk refuse into `StorageError`, and what no column can hold
        into `InvalidInput`."""
        try:
            yield
        except sqlite3.Error as error:
            raise _refused(self.path, error) from None
        except OSError as error:
            raise StorageError(
                f"{error.filename or self.path}: {error.strerror}",
                hint="free some space or mend the permissions, then run it again",
            ) from None
        except (UnicodeEncodeError, OverflowError):
            raise InvalidInput("the ledger cannot keep a text that is not valid Unicode, or a"
                               " number of more than 64 bits") from None  # fmt: skip

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """One `BEGIN IMMEDIATE`, rolled back if anything is raised; part of one that is open."""
        if self.db.in_transaction:
            yield self.db
            return
        with self.guard():
            self.db.execute("begin immediate")
            try:
                yield self.db
                self.db.execute("commit")
            except BaseException:
                if self.db.in_transaction:
                    self.db.execute("rollback")
                raise

    @contextlib.contextmanager
    def lasting(self, power_cut: bool) -> Iterator[None]:
        """Whether what is committed inside survives a power cut, and not only a crash of ours."""
        if power_cut:
            yield
            return
        with self.guard():
            self.db.execute("pragma synchronous = normal")
        try:
            yield
        finally:
            with self.guard():
                self.db.execute("pragma synchronous = full")

    def close(self) -> None:
        self.db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def _create(path: Path) -> None:
    """The file is made by us, so that its mode is 0600 whatever the umask; SQLite copies it."""
    private_dir(path.parent)
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


def _use_wal(db: sqlite3.Connection) -> None:
    """Switch a new file over: the one lock that SQLite itself does not wait for."""
    end = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            db.execute("pragma journal_mode = wal")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > end:
                raise
            time.sleep(0.01)


def _refused(path: Path, error: sqlite3.Error) -> StorageError:
    text = str(error)
    if "full" in text or "disk I/O" in text:
        return StorageError(
            f"{path}: the disk is full or broken", hint="free some space, then run it again"
        )
    if "locked" in text:
        return Busy(f"{path}: busy for {BUSY_SECONDS:.0f} s")
    if "readonly" in text or "unable to open" in text:
        return StorageError(
            f"{path}: cannot be written", hint=f"check its owner and mode: ls -l {path}"
        )
    if "malformed" in text or "not a database" in text:
        return StorageError(
            f"{path}: is damaged or not a ledger",
            hint=f"keep it, it is the record of what went out: mv {path} {path}.broken",
        )
    return StorageError(f"{path}: {text}", hint="mktool doctor")
