"""
What a vendor was last seen to hold, and what was last agreed on with a file or table of ours.

``theirs`` is the vendor's state, ``base`` the state in which both sides last agreed: what differs
from it on one side was changed there. A vendor may spell what it was given in its own way; so
what it had right after a write of ours is kept as ``spelt``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import orjson

from ..records import Record, Values
from .database import Database

ECHO = 2.0  # seconds by which clocks may differ, of a change that was our own write
_SAME = ""  # as a base: what the vendor has
_DOMAIN = re.compile(r"[\w-]+(\.[\w-]+)*\.[^\W\d_]{2,}")

_SCHEMA = """
create table records (
    id text primary key, modified real, deleted integer not null, run integer not null,
    theirs text not null, base text, part integer not null default 0,
    owed integer not null default 0, echo real, spelt text
);
create index records_owed on records (id) where owed;
create table columns (name text primary key);
create table meta (name text primary key, value text);
"""


class Held(NamedTuple):
    """A record as it is kept. ``base`` is None where nothing was ever agreed, and with ``part``
    holds all that was. ``spelt`` is what the vendor made of what we last wrote."""

    id: str
    modified: float | None
    deleted: bool
    theirs: Values
    base: Values | None
    part: bool = False
    spelt: Values = MappingProxyType({})

    def agreed(self, field: str) -> bool:
        """Whether both sides once had the same value of a field, which `base` holds."""
        return self.base is not None and (not self.part or field in self.base)


class Replica(Database):
    """One connection, for one thread and one process at a time (whoever syncs holds a lock)."""

    schema = _SCHEMA

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        with self.guard():
            self.db.execute("pragma temp_store = file")
            self.db.create_function("identity", 1, identity, deterministic=True)
            self.db.create_function("identities", 1, _listed, deterministic=True)
            if not self.db.execute("pragma user_version").fetchone()[0]:
                self.db.executescript(f"begin; {self.schema} pragma user_version = 1; commit;")

    # -- what the vendor holds -----------------------------------------------------------------

    def take(self, records: Sequence[Record], run: int, *, agreed: bool) -> int:
        """Keep what was read in the ``run``-th reading; return how many records had changed.

        ``agreed``: our side has it as well by now; else it is owed to it, and what both had
        before stays the base. Of what comes back after it was deleted nothing is agreed on.
        """
        live = [r for r in records if not r.deleted]
        gone = [r for r in records if r.deleted]
        with self.transaction() as db:
            before = db.total_changes
            db.executemany(
                "insert into records (id, modified, deleted, run, theirs, base, owed)"
                " values (?1, ?2, 0, ?3, ?4, ?5, ?6) on conflict do update set"
                " base = case when ?5 is not null then ?5 when deleted then null"
                " when base = '' and theirs is not ?4 then theirs else base end,"
                " spelt = case when ?5 is not null then null when ?2 <= echo + ?7 then ?4"
                " else spelt end,"
                " modified = ?2, deleted = 0, theirs = ?4, owed = ?6,"
                " part = case when ?5 is not null or deleted then 0 else part end"
                " where deleted or theirs is not ?4 or modified is not ?2"
                " or ?5 is not null and (owed or base is not ?5)",
                [(r.id, r.modified, run, packed(r.values), _SAME if agreed else None, not agreed,
                  ECHO) for r in live],
            )  # fmt: skip
            db.executemany(
                "insert into records (id, modified, deleted, run, theirs, owed) values (?1, ?2, 1,"
                " ?3, '{}', ?4) on conflict do update set deleted = 1, owed = ?4,"
                " modified = coalesce(?2, modified) where not deleted",
                [(r.id, r.modified, run, not agreed) for r in gone],
            )
            changed = db.total_changes - before
            db.executemany(
                "update records set run = ?2 where id = ?1 and run != ?2",
                [(r.id, run) for r in live],
            )
            db.executemany(
                "insert or ignore into columns values (?)",
                [(name,) for name in dict.fromkeys(n for r in live for n in r.values)],
            )
        return changed

    def unseen(self, run: int) -> Iterator[str]:
        """Yield the ids of what a whole reading did not see and no earlier one missed."""
        with self.guard():
            for (id,) in self.db.execute(
                "select id from records where run != ? and not deleted order by rowid", (run,)
            ):
                yield id

    def sweep(self, run: int, *, agreed: bool) -> int:
        """Mark what a whole reading did not see as deleted; return how many that are."""
        with self.transaction() as db:
            return db.execute(
                "update records set deleted = 1, owed = ? where run != ? and not deleted",
                (not agreed, run),
            ).rowcount

    def owe(self) -> None:
        """Record that our side has nothing of all this, as its file or table is a new one."""
        with self.transaction() as db:
            db.execute("update records set owed = 1, base = null, part = 0, spelt = null")

    def owed(self, most: int) -> list[Record]:
        """Return the next records that our side does not have as they are."""
        with self.guard():
            rows = self.db.execute(
                "select id, modified, deleted, theirs from records where owed limit ?", (most,)
            )
            return [Record(id, orjson.loads(theirs), modified, bool(deleted))
                    for id, modified, deleted, theirs in rows]  # fmt: skip

    def paid(self, records: Sequence[Record]) -> None:
        """Record that our side has these by now."""
        with self.transaction() as db:
            db.executemany(
                "update records set owed = 0, base = '', part = 0, spelt = null where id = ?",
                [(r.id,) for r in records],
            )

    def level(self) -> None:
        """Record that our side has everything as the vendor has it."""
        with self.transaction() as db:
            db.execute(
                "update records set owed = 0, base = '', part = 0, spelt = null"
                " where owed or part or base is not ''"
            )

    def forget_columns(self) -> None:
        """Begin to collect the names of the fields anew."""
        with self.transaction() as db:
            db.execute("delete from columns")

    def records(self) -> Iterator[Held]:
        """Yield all records in the order in which they were first seen."""
        with self.guard():
            for row in self.db.execute(
                "select id, modified, deleted, theirs, base, part, spelt from records"
                " order by rowid"
            ):
                yield held_of(row)

    def columns(self) -> list[str]:
        """Return the names of all fields that were ever seen, in that order."""
        with self.guard():
            return [name for (name,) in self.db.execute("select name from columns order by rowid")]

    def get(self, name: str) -> str:
        """Return what was kept under a name, or ""."""
        with self.guard():
            row = self.db.execute("select value from meta where name = ?", (name,)).fetchone()
        return str(row[0]) if row else ""

    def put(self, name: str, value: str) -> None:
        """Keep a value under a name."""
        with self.transaction() as db:
            db.execute("insert or replace into meta values (?, ?)", (name, value))

    def counts(self) -> tuple[int, int]:
        """Return how many records there are, and how many were deleted."""
        with self.guard():
            row = self.db.execute(
                "select count(*) - coalesce(sum(deleted), 0), coalesce(sum(deleted), 0)"
                " from records"
            ).fetchone()
        return int(row[0]), int(row[1])

    def _agree(self, id: str, values: Values, at: float) -> None:
        """Record values that both sides have, as we wrote them at ``at`` by the vendor's clock."""
        found = self.db.execute(
            "select id, modified, deleted, theirs, base, part, spelt from records where id = ?",
            (id,),
        ).fetchone()
        old = held_of(found) if found else Held(id, None, False, {}, None)
        part = old.part or old.base is None
        self.db.execute(
            "insert into records (id, deleted, run, theirs, base, part, echo) values (?1, 0, 0, ?2,"
            " ?3, ?4, ?5) on conflict do update set deleted = 0, theirs = ?2, base = ?3, part = ?4,"
            " echo = ?5, spelt = null",
            (
                id, packed({**old.theirs, **values}),
                packed({**(old.base or {}), **values}, empty=part), part, at,
            ),
        )  # fmt: skip


def identity(key: str | None) -> str | None:
    """Return what two spellings of one key share: addresses and domains are written in any case."""
    if key is None or not key.strip():
        return None
    key = key.strip()
    return key.casefold() if "@" in key or _DOMAIN.fullmatch(key) else key


def identities(text: str | None) -> list[str]:
    """Return the `identity` of each value of a field that holds several: as a JSON list, of values
    or of objects that have one, or with a semicolon between them."""
    found = (identity(value) for value in _several(text or ""))
    return [key for key in found if key]


def _several(text: str) -> list[str]:
    if text[:1] != "[":
        return text.split(";")
    try:
        entries = orjson.loads(text)
    except orjson.JSONDecodeError:
        return []
    values = (entry.get("value") if isinstance(entry, dict) else entry for entry in entries)
    return [value for value in values if isinstance(value, str)]


def _listed(text: str | None) -> str:
    return orjson.dumps(identities(text)).decode()


def packed(values: Values, *, empty: bool = False) -> str:
    """Return values as JSON in one form, without those that are none, or "", unless ``empty``."""
    kept = values if empty else {name: v for name, v in values.items() if v}
    return orjson.dumps(kept, option=orjson.OPT_SORT_KEYS).decode()


def held_of(row: tuple[Any, ...]) -> Held:
    id, modified, deleted, theirs, base, part, spelt = row
    held = orjson.loads(theirs)
    agreed = held if base == _SAME else orjson.loads(base) if base is not None else None
    return Held(id, modified, bool(deleted), held, agreed, bool(part),
                orjson.loads(spelt or "{}"))  # fmt: skip
