"""
What a vendor was last seen to hold, and what was last agreed on with a file or table of ours.

``theirs`` is the vendor's state, ``base`` the state in which both sides last agreed: what differs
from it on one side was changed there. The rows of a push are staged beside it, each with what is
to be done and what became of it; a batch of them is claimed before it is sent, so that only
claimed batches are ever in doubt.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import orjson

from ..records import Record, Row, Values, Written
from .database import Database

Step = Literal["create", "update", "unchanged", "conflict", "gone", "refused"]
RowState = Literal["planned", "claimed", "done", "failed", "unknown"]
TO_WRITE = ("update", "create")
_SAME = ""  # as a base: what the vendor has

_SCHEMA = """
create table records (
    id text primary key, modified real, deleted integer not null, run integer not null,
    theirs text not null, base text, part integer not null default 0
);
create table columns (name text primary key);
create table rows (
    seq integer primary key, line integer not null, key text, id text, ours text not null,
    step text not null default 'refused', change text, local text, reason text,
    state text not null default 'planned', batch integer, vendor text, code text, text text
);
create index rows_by_key on rows (key);
create table batches (
    id integer primary key, at real not null, state text not null, updates integer not null,
    job text
);
"""


class Held(NamedTuple):
    """A record as it is kept. ``base`` is None where nothing was ever agreed, and with ``part``
    holds all that was."""

    id: str
    modified: float | None
    deleted: bool
    theirs: Values
    base: Values | None
    part: bool = False

    def agreed(self, field: str) -> bool:
        """Whether both sides once had the same value of a field, which `base` holds."""
        return self.base is not None and (not self.part or field in self.base)


class Planned(NamedTuple):
    """What is to be done about a row. ``change`` is what to write at the vendor and ``local``
    what to take over from it, by field; ``reason`` says why it is contested or refused."""

    seq: int
    step: Step
    change: Values
    local: Values
    reason: str = ""


class Doubt(NamedTuple):
    """A claimed batch without an outcome. ``job`` is the vendor's id of one that was staged."""

    id: int
    at: float
    updates: bool
    job: str
    rows: list[Row]


class Replica(Database):
    """One connection, for one thread and one process at a time (whoever syncs holds a lock)."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        with self.guard():
            self.db.execute("pragma temp_store = file")
            self.db.create_function("identity", 1, identity, deterministic=True)
            if not self.db.execute("pragma user_version").fetchone()[0]:
                self.db.executescript(f"begin; {_SCHEMA} pragma user_version = 1; commit;")

    # -- what the vendor holds -----------------------------------------------------------------

    def take(self, records: Sequence[Record], run: int, *, agreed: bool) -> int:
        """Keep what was read in the ``run``-th reading; return how many records had changed.

        ``agreed``: our side has it as well by now; else what both had before stays the base.
        """
        live = [r for r in records if not r.deleted]
        gone = [r for r in records if r.deleted]
        with self.transaction() as db:
            before = db.total_changes
            db.executemany(
                "insert into records (id, modified, deleted, run, theirs, base)"
                " values (?1, ?2, 0, ?3, ?4, ?5) on conflict do update set"
                " base = case when ?5 is not null then ?5 when base = '' and theirs is not ?4"
                " then theirs else base end, modified = ?2, deleted = 0, theirs = ?4,"
                " part = case when ?5 is not null then 0 else part end"
                " where deleted or theirs is not ?4 or modified is not ?2",
                [(r.id, r.modified, run, _packed(r.values), _SAME if agreed else None)
                 for r in live],
            )  # fmt: skip
            db.executemany(
                "insert into records (id, modified, deleted, run, theirs) values (?1, ?2, 1, ?3,"
                " '{}') on conflict do update set deleted = 1, modified = coalesce(?2, modified)"
                " where not deleted",
                [(r.id, r.modified, run) for r in gone],
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

    def sweep(self, run: int) -> int:
        """Mark what a whole reading did not see as deleted; return how many that are."""
        with self.transaction() as db:
            return db.execute(
                "update records set deleted = 1 where run != ? and not deleted", (run,)
            ).rowcount

    def records(self) -> Iterator[Held]:
        """Yield all records in the order in which they were first seen."""
        with self.guard():
            for row in self.db.execute(
                "select id, modified, deleted, theirs, base, part from records order by rowid"
            ):
                yield _held(row)

    def columns(self) -> list[str]:
        """Return the names of all fields that were ever seen, in that order."""
        with self.guard():
            return [name for (name,) in self.db.execute("select name from columns order by rowid")]

    def counts(self) -> tuple[int, int]:
        """Return how many records there are, and how many were deleted."""
        with self.guard():
            row = self.db.execute(
                "select count(*) - coalesce(sum(deleted), 0), coalesce(sum(deleted), 0)"
                " from records"
            ).fetchone()
        return int(row[0]), int(row[1])

    # -- the rows of a push --------------------------------------------------------------------

    def stage(self, rows: Iterable[tuple[int, int, str | None, str | None, Values, str]]) -> None:
        """Keep rows (seq, line, key, id, values, why it cannot be used) in place of earlier ones.

        Rows of which it is unknown whether they were written stay known by their keys.
        """
        with self.transaction() as db:
            db.execute("delete from rows where state != 'unknown'")
            db.execute("delete from batches where state != 'claimed'")
            db.execute("update rows set seq = -abs(seq)")
            db.executemany(
                "insert into rows (seq, line, key, id, ours, reason) values (?, ?, ?, ?, ?, ?)",
                ((s, n, key, id, _packed(values), why) for s, n, key, id, values, why in rows),
            )

    def match(self, field: str) -> None:
        """Find the records that rows without an id mean: by ``field``, alive before deleted."""
        with self.transaction() as db:
            db.execute("drop table if exists temp.keyed")
            db.execute("create temp table keyed (key text primary key, id text, n integer)")
            for deleted in (0, 1):
                db.execute(
                    "insert or ignore into keyed select identity(json_extract(theirs, ?)) as k,"
                    " min(id), count(*) from records where deleted = ? and k is not null"
                    " group by k",
                    (f'$."{field}"', deleted),
                )
            db.execute(
                "update rows set id = keyed.id, reason = case when n > 1 then"
                " n || ' records there have this ' || ? else reason end"
                " from keyed where rows.id is null and keyed.key = rows.key and rows.seq > 0",
                (field,),
            )

    def joined(self) -> Iterator[tuple[int, Values, str, Held | None]]:
        """Yield (seq, values, why it cannot be used, the record meant) of each row."""
        with self.guard():
            for seq, ours, reason, *record in self.db.execute(
                "select seq, ours, coalesce(reason, case when exists (select 1 from rows u where"
                " u.seq < 0 and u.key = rows.key) and r.id is null then 'it is unknown whether it"
                " was written earlier' end, ''), r.id, r.modified, r.deleted, r.theirs, r.base,"
                " r.part from rows left join records r on r.id = rows.id where seq > 0 order by seq"
            ):
                held = _held(tuple(record)) if record[0] is not None else None
                yield seq, orjson.loads(ours), reason, held

    def plan(self, plans: Iterable[Planned]) -> None:
        """Keep what is to be done about rows."""
        with self.transaction() as db:
            db.executemany(
                "update rows set step = ?, change = ?, local = ?, reason = ? where seq = ?",
                ((p.step, _packed(p.change, empty=True), _packed(p.local, empty=True), p.reason,
                  p.seq) for p in plans),
            )  # fmt: skip

    def steps(self) -> dict[str, int]:
        """Return how many rows are to be created, updated and so on."""
        with self.guard():
            return dict(
                self.db.execute("select step, count(*) from rows where seq > 0 group by step")
            )

    def outcomes(self) -> dict[str, int]:
        """Return how many of the rows that were to be written are in which state."""
        with self.guard():
            return dict(
                self.db.execute(
                    "select state, count(*) from rows where step in ('create', 'update')"
                    " or state = 'unknown' group by state"
                )
            )

    def claim(self, now: float, most: int) -> Doubt | None:
        """Claim the next rows to be written, either all with an id or all without; None if there
        are none."""
        with self.transaction() as db:
            row = db.execute(
                "select step from rows where state = 'planned' and step in ('create', 'update')"
                " and seq > 0 order by step desc limit 1"
            ).fetchone()
            if row is None:
                return None
            updates = row[0] == "update"
            batch = db.execute(
                "insert into batches (at, state, updates) values (?, 'claimed', ?)", (now, updates)
            ).lastrowid
            db.execute(
                "update rows set state = 'claimed', batch = ? where seq in (select seq from rows"
                " where state = 'planned' and step = ? and seq > 0 order by seq limit ?)",
                (batch, row[0], most),
            )
            return self._doubt((batch, now, updates, None))

    def staged(self, batch: int, job: str) -> None:
        """Keep the vendor's id of the job that a batch became."""
        with self.transaction() as db:
            db.execute("update batches set job = ? where id = ?", (job, batch))

    def doubts(self) -> list[Doubt]:
        """Return the batches that an earlier run claimed and never confirmed."""
        with self.guard():
            rows = self.db.execute(
                "select id, at, updates, job from batches where state = 'claimed' order by id"
            ).fetchall()
            return [self._doubt(row) for row in rows]

    def confirm(self, batch: Doubt, written: Sequence[Written]) -> None:
        """Record what became of each row of a batch; what was written is what both sides have."""
        with self.transaction() as db:
            db.executemany(
                "update rows set state = ?, vendor = ?, code = ?, text = ? where seq = ?",
                [("failed" if w.refusal else "done", w.id or row.id,
                  *(w.refusal or ("", "")), row.seq)
                 for row, w in zip(batch.rows, written, strict=True)],
            )  # fmt: skip
            for row, w in zip(batch.rows, written, strict=True):
                if not w.refusal and (w.id or row.id):
                    self._agree(w.id or row.id, row.values)
            db.execute("update batches set state = 'done' where id = ?", (batch.id,))

    def release(self, batch: Doubt) -> None:
        """Record that nothing of a batch was written: its rows may be sent again."""
        self._end(batch, "planned")

    def give_up(self, batch: Doubt, code: str, text: str) -> None:
        """Record that nobody knows whether a batch was written."""
        self._end(batch, "unknown", code, text)

    def local(self) -> Iterator[tuple[int, str, Values]]:
        """Yield (line, id, what to take over from the vendor) of the rows where that is any."""
        with self.guard():
            for line, id, local in self.db.execute(
                "select line, coalesce(vendor, id), local from rows where local != '{}' and seq > 0"
            ):
                yield line, id or "", orjson.loads(local)

    def told(self, states: Sequence[str] = (), most: int = -1) -> Iterator[Mapping[str, Any]]:
        """Yield rows as people ask for them: by step or state, all by default."""
        marks = ", ".join("?" * len(states))
        with self.guard():
            for row in self.db.execute(
                "select abs(seq), line, key, coalesce(vendor, id), step, state, coalesce(change,"  # noqa: S608 - question marks
                " '{}'), coalesce(nullif(text, ''), reason, ''), coalesce(code, '') from rows"
                + (f" where step in ({marks}) or state in ({marks})" if states else "")
                + " order by seq limit ?",
                (*states, *states, most),
            ):
                names = ("row", "line", "key", "id", "step", "state", "change", "reason", "code")
                told = dict(zip(names, row, strict=True))
                yield told | {"change": orjson.loads(row[6])}

    def agree(self, id: str, values: Values) -> None:
        """Record values that both sides have by now."""
        with self.transaction():
            self._agree(id, values)

    def _agree(self, id: str, values: Values) -> None:
        found = self.db.execute(
            "select id, modified, deleted, theirs, base, part from records where id = ?", (id,)
        ).fetchone()
        old = _held(found) if found else Held(id, None, False, {}, None)
        part = old.part or old.base is None
        self.db.execute(
            "insert into records (id, deleted, run, theirs, base, part) values (?1, 0, 0, ?2, ?3,"
            " ?4) on conflict do update set deleted = 0, theirs = ?2, base = ?3, part = ?4",
            (
                id, _packed({**old.theirs, **values}),
                _packed({**(old.base or {}), **values}, empty=part), part,
            ),
        )  # fmt: skip

    def _end(self, batch: Doubt, state: RowState, code: str = "", text: str = "") -> None:
        with self.transaction() as db:
            db.execute(
                "update rows set state = ?, code = ?, text = ? where batch = ?"
                " and state = 'claimed'",
                (state, code, text, batch.id),
            )
            db.execute("update batches set state = 'done' where id = ?", (batch.id,))

    def _doubt(self, row: tuple[Any, ...]) -> Doubt:
        id, at, updates, job = row
        rows = self.db.execute(
            "select seq, change, id from rows where batch = ? order by seq", (id,)
        )
        found = [Row(seq, orjson.loads(change), known or "") for seq, change, known in rows]
        return Doubt(id, at, bool(updates), job or "", found)


def identity(key: str | None) -> str | None:
    """Return what two spellings of one key share: an address is written in any case."""
    if key is None or not key.strip():
        return None
    key = key.strip()
    return key.casefold() if "@" in key else key


def _packed(values: Values, *, empty: bool = False) -> str:
    """Return values as JSON in one form, without those that are none unless ``empty``."""
    kept = values if empty else {name: v for name, v in values.items() if v is not None}
    return orjson.dumps(kept, option=orjson.OPT_SORT_KEYS).decode()


def _held(row: tuple[Any, ...]) -> Held:
    id, modified, deleted, theirs, base, part = row
    held = orjson.loads(theirs)
    agreed = held if base == _SAME else orjson.loads(base) if base is not None else None
    return Held(id, modified, bool(deleted), held, agreed, bool(part))
