"""
The ledger: a SQLite file in which every outgoing act and every call stands before it is sent.

The plain connection is used where speed counts, sqlite-utils for reports.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from ..http.exchange import Call, Ended, Outcome, Throttled
from ..spec import Limit
from . import limits as rate
from .database import Database
from .migrations import migrate


class Ledger(Database):
    """One connection, for one thread; any number of processes may share the file."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        self.clock = clock
        self._writes = set[int]()  # calls that may not be repeated, while they are under way
        super().__init__(path)
        with self.guard():
            try:
                migrate(self.db)
            except BaseException:
                self.db.close()
                raise

    # -- the journal of calls (http.exchange.Journal) ------------------------------------------

    def admit(self, call: Call, limits: Sequence[Limit]) -> tuple[int, float]:
        # A power cut may forget that something was read, never that something was to be written.
        with self.lasting(not call.repeatable), self.transaction() as db:
            id, wait = _admit(db, call, limits, self.clock())
        if id and not call.repeatable:
            self._writes.add(id)
        return id, wait

    def turn(
        self,
        ended: Iterable[tuple[int, Sequence[Ended]]],
        seen: Iterable[Throttled],
        calls: Sequence[Call],
        limits: Sequence[Limit],
        owner: tuple[str, str],
    ) -> tuple[list[int], float]:
        """Record how calls ended, and what the vendor said, then admit the next ones in order.

        Return their ids, and the seconds until the first that was not admitted may be. One
        transaction, which a power cut may forget: the campaign's own file has, and keeps, whom
        each of them is for.
        """
        with self.lasting(False), self.transaction() as db:
            now = self.clock()
            for id, ways in ended:
                _end_each(db, id, ways)
            for one in seen:
                rate.note(db, *owner, one, now)
            ids = list[int]()
            for call in calls:
                id, wait = _admit(db, call, limits, now)
                if wait:
                    return ids, wait
                ids.append(id)
            return ids, 0.0

    def end(
        self, id: int, outcome: Outcome, *, status: int | None = None, code: str = "",
        ms: float = 0.0, request_id: str = "",
    ) -> None:  # fmt: skip
        with self.lasting(id in self._writes), self.guard():
            _end(self.db, id, Ended(outcome, status, code, ms, request_id))
        self._writes.discard(id)

    def throttle(self, provider: str, account: str, seen: Throttled) -> None:
        with self.lasting(False), self.transaction() as db:
            rate.note(db, provider, account, seen, self.clock())


def _admit(
    db: sqlite3.Connection, call: Call, limits: Sequence[Limit], now: float
) -> tuple[int, float]:
    if (wait := rate.wait(db, call, limits, now)) > 0:
        return 0, wait
    rate.take(db, call, limits, now)
    row = db.execute(
        "insert into calls (at, provider, account, operation, method, url, bucket,"
        " repeatable, attempt, act, part, count, outcome)"
        " values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'intent')",
        (
            now, call.provider, call.account, call.operation, call.method, call.url,
            call.bucket, call.repeatable, call.attempt, call.scope.act, call.scope.part,
            call.times,
        ),
    )  # fmt: skip
    return int(row.lastrowid or 0), 0.0


def _end_each(db: sqlite3.Connection, id: int, ways: Sequence[Ended]) -> None:
    """Record how a call ended that stands for several requests: a row for each way."""
    for more in ways[1:]:
        row = db.execute(
            "insert into calls (at, provider, account, operation, method, url, bucket, repeatable,"
            " attempt, act, part) select at, provider, account, operation, method, url, bucket,"
            " repeatable, attempt, act, part from calls where id = ?",
            (id,),
        )
        _end(db, int(row.lastrowid or 0), more)
    for first in ways[:1]:
        _end(db, id, first)


def _end(db: sqlite3.Connection, id: int, how: Ended) -> None:
    db.execute(
        "update calls set outcome = ?, status = ?, code = ?, ms = ?, request_id = ?,"
        " count = ? where id = ?",
        (
            how.outcome, how.status, how.code, round(how.ms, 1), how.request_id, how.times, id,
        ),
    )  # fmt: skip
