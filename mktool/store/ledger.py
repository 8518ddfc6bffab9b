"""
The ledger: a SQLite file in which every outgoing act and every call stands before it is sent.

WAL with ``synchronous=FULL``: what is committed survives a power cut. The plain connection is
used where speed counts, sqlite-utils for the schema and for reports.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from ..errors import Busy, InvalidInput, StorageError
from ..http.exchange import Call, Outcome, Throttled
from ..spec import Limit
from . import limits as rate
from .migrations import migrate
from .paths import private_dir

BUSY_SECONDS = 30.0


class Ledger:
    """One connection, for one thread; any number of processes may share the file."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        self.path, self.clock = path, clock
        with self.guard():
            _create(path)
            self.db = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
            try:
                _use_wal(self.db)
                self.db.execute("pragma synchronous = full")
                migrate(self.db)
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
        """One `BEGIN IMMEDIATE`; rolled back if anything is raised."""
        with self.guard():
            self.db.execute("begin immediate")
            try:
                yield self.db
                self.db.execute("commit")
            except BaseException:
                if self.db.in_transaction:
                    self.db.execute("rollback")
                raise

    def close(self) -> None:
        self.db.close()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    # -- the journal of calls (http.exchange.Journal) ------------------------------------------

    def admit(self, call: Call, limits: Sequence[Limit]) -> tuple[int, float]:
        with self.transaction() as db:
            now = self.clock()  # not before: the lock may have been a long wait
            if (wait := rate.wait(db, call, limits, now)) > 0:
                return 0, wait
            rate.take(db, call, limits, now)
            row = db.execute(
                "insert into calls (at, provider, account, operation, method, url, bucket,"
                " repeatable, attempt, act, part, outcome)"
                " values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'intent')",
                (
                    now, call.provider, call.account, call.operation, call.method, call.url,
                    call.bucket, call.repeatable, call.attempt, call.scope.act, call.scope.part,
                ),
            )  # fmt: skip
        return int(row.lastrowid or 0), 0.0

    def end(
        self, id: int, outcome: Outcome, *, status: int | None = None, code: str = "",
        ms: float = 0.0, request_id: str = "",
    ) -> None:  # fmt: skip
        with self.guard():
            self.db.execute(
                "update calls set outcome = ?, status = ?, code = ?, ms = ?, request_id = ?"
                " where id = ?",
                (outcome, status, code, round(ms, 1), request_id, id),
            )

    def throttle(self, provider: str, account: str, seen: Throttled) -> None:
        with self.transaction() as db:
            rate.note(db, provider, account, seen, self.clock())


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
