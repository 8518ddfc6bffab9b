"""
Which records are kept in step with which file or table, and how far each reading got.

What a vendor was last seen to hold is in a SQLite file for each pair, beside the ledger.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import NamedTuple

from ..errors import InvalidInput
from .ledger import Ledger
from .paths import data_dir

_COLUMNS = "id, provider, account, kind, target, fields, since, cursor, began, whole, run, updated"


class Sync(NamedTuple):
    """One pair; times are epoch seconds, ``since`` and ``began`` by the vendor's clock.

    ``since``: everything changed before it has been read. ``cursor``, ``began`` and ``whole``
    belong to a reading that was interrupted, which was the ``run``-th; ``fields`` is what it reads.
    """

    id: int
    provider: str
    account: str
    kind: str
    target: str
    fields: str = ""
    since: float | None = None
    cursor: str = ""
    began: float = 0.0
    whole: bool = False
    run: int = 0
    updated: float = 0.0

    @property
    def path(self) -> Path:
        """The file that holds what the vendor was last seen to hold."""
        return data_dir() / "syncs" / f"{self.id}.db"


class Syncs:
    """The pairs of one ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger

    def open(self, provider: str, account: str, kind: str, target: str) -> Sync:
        """Return the pair, a new one if need be."""
        pair = (provider, account, kind, target)
        with self.ledger.transaction() as db:
            if (found := self._find(db, pair)) is None:
                db.execute(
                    "insert into syncs (provider, account, kind, target, updated)"
                    " values (?, ?, ?, ?, ?)",
                    (*pair, self.ledger.clock()),
                )
                found = self._find(db, pair)
        assert found is not None
        return found

    def _find(self, db: sqlite3.Connection, pair: tuple[str, str, str, str]) -> Sync | None:
        row = db.execute(
            f"select {_COLUMNS} from syncs where provider = ? and account = ? and kind = ?"  # noqa: S608 - our own names
            " and target = ?",
            pair,
        ).fetchone()
        return _sync(row) if row else None

    def get(self, id: int) -> Sync:
        """Return a pair; `InvalidInput` if there is none."""
        with self.ledger.guard():
            row = self.ledger.db.execute(
                f"select {_COLUMNS} from syncs where id = ?",  # noqa: S608 - our own names
                (id,),
            ).fetchone()
        if row is None:
            raise InvalidInput(f"there is no sync {id}", hint="mktool syncs")
        return _sync(row)

    def listed(self) -> list[Sync]:
        """Return all pairs, the one used last first."""
        with self.ledger.guard():
            rows = self.ledger.db.execute(
                f"select {_COLUMNS} from syncs order by updated desc"  # noqa: S608 - our own names
            )
            return [_sync(row) for row in rows]

    def keep(self, sync: Sync) -> Sync:
        """Record how far a reading got, and return it as it is kept."""
        with self.ledger.transaction() as db:
            now = self.ledger.clock()
            db.execute(
                "update syncs set fields = ?, since = ?, cursor = ?, began = ?, whole = ?, run = ?,"
                " updated = ? where id = ?",
                (
                    sync.fields, sync.since, sync.cursor, sync.began, sync.whole, sync.run, now,
                    sync.id,
                ),
            )  # fmt: skip
        return sync._replace(updated=now)


def _sync(row: tuple[object, ...]) -> Sync:
    sync = Sync._make(row)
    return sync._replace(whole=bool(sync.whole))
