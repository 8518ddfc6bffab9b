"""
Addresses that must not get mail any more: kept for ever, for all campaigns or for one list.

An address can be kept as its hash alone. The key (32 bits) is what campaigns look it up by, the
digest is what proves it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from ..message import Suppressed
from ..text.address import identity
from .campaigns import key_of
from .ledger import Ledger

EVERYWHERE = ""  # the list that holds for every campaign


class Row(NamedTuple):
    """One suppression; ``address`` is empty where only its hash is kept, ``at`` epoch seconds."""

    address: str
    list: str
    reason: str
    source: str
    at: float


def digest(address: str) -> bytes:
    """Return 16 bytes that stand for an address and do not show it."""
    return hashlib.sha256(b"mktool/suppression/" + identity(address).encode()).digest()[:16]


class Suppressions:
    """The suppressed addresses of one ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger

    def add(
        self, found: Iterable[Suppressed], *, source: str, list: str = EVERYWHERE,
        hashed: bool = False,
    ) -> int:  # fmt: skip
        """Suppress addresses, and return how many were not yet. ``hashed``: keep no address."""
        now = self.ledger.clock()
        with self.ledger.transaction() as db:
            before = db.total_changes
            db.executemany(
                "insert into suppressions (key, digest, address, list, reason, source, at)"
                " values (?, ?, ?, ?, ?, ?, ?) on conflict do nothing",
                (
                    (
                        key_of(one.address), digest(one.address),
                        None if hashed else one.address, list, one.reason, source,
                        now if one.at is None else one.at,
                    )
                    for one in found
                ),
            )  # fmt: skip
            return db.total_changes - before

    def remove(self, address: str, list: str | None = None) -> int:
        """Let an address get mail again; ``list`` None is everywhere. Return how many rows went."""
        with self.ledger.transaction() as db:
            return db.execute(
                "delete from suppressions where key = ? and digest = ? and (? is null or list = ?)",
                (key_of(address), digest(address), list, list),
            ).rowcount

    def rows(self, list: str | None = None, reason: str = "") -> Iterator[Row]:
        """Yield the suppressions of one list, or of all, the newest last."""
        with self.ledger.guard():
            rows = self.ledger.db.execute(
                "select coalesce(address, ''), list, reason, source, at from suppressions"
                " where (? is null or list = ?) and (? = '' or reason = ?) order by at, id",
                (list, list, reason, reason),
            )
            yield from map(Row._make, rows)

    def synced(self, source: str) -> float:
        """Return when a source was last read to its end (epoch seconds), 0.0 if never."""
        with self.ledger.guard():
            row = self.ledger.db.execute(
                "select at from suppression_syncs where source = ?", (source,)
            ).fetchone()
        return float(row[0]) if row else 0.0

    def note_sync(self, source: str, at: float) -> None:
        """Record that a source was read to its end, beginning at that moment."""
        with self.ledger.guard():
            self.ledger.db.execute(
                "insert or replace into suppression_syncs (source, at) values (?, ?)", (source, at)
            )

    def newest(self) -> int:
        """Return the number of the newest suppression: what came later has a greater one."""
        with self.ledger.guard():
            row = self.ledger.db.execute("select max(id) from suppressions").fetchone()
        return int(row[0] or 0)

    def keys(self, lists: Sequence[str], after: int = 0) -> Iterator[int]:
        """Yield the keys of what holds for these lists and came after a number; streamed."""
        marks = ", ".join("?" * len(lists))
        with self.ledger.guard():
            rows = self.ledger.db.execute(
                f"select key from suppressions where id > ? and list in ({marks})",  # noqa: S608 - question marks
                (after, *lists),
            )
            for (key,) in rows:
                yield key

    def reason(self, address: str, lists: Sequence[str]) -> str:
        """Return why an address must not get mail of these lists, or ""."""
        marks = ", ".join("?" * len(lists))
        with self.ledger.guard():
            row = self.ledger.db.execute(
                f"select reason from suppressions where key = ? and digest = ?"  # noqa: S608 - nor here
                f" and list in ({marks})",
                (key_of(address), digest(address), *lists),
            ).fetchone()
        return str(row[0]) if row else ""
