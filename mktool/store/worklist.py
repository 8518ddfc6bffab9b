"""
The rows of a push, each with what is to be done about it and what became of it.

A batch of them is claimed before it is sent, so that only claimed batches are ever in doubt.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import orjson

from ..records import Row, Values, Written
from .replica import Held, Replica, held_of, packed

Step = Literal["create", "update", "unchanged", "conflict", "gone", "restored", "refused"]
RowState = Literal["planned", "claimed", "done", "failed", "unknown"]
TO_WRITE = ("update", "create")

_SCHEMA = """
create table rows (
    seq integer primary key, line integer not null, key text, id text, ours text not null,
    at real, reason text, gone integer not null default 0, named integer not null default 0,
    step text not null default 'refused', change text, local text,
    state text not null default 'planned', batch integer, vendor text, code text, text text
);
create index rows_by_key on rows (key);
create index rows_by_id on rows (id);
create index rows_waiting on rows (step, seq) where state = 'planned';
create index rows_by_batch on rows (batch) where batch is not null;
create table batches (
    id integer primary key autoincrement, act integer not null, at real not null,
    state text not null, updates integer not null, job text
);
"""


class Staged(NamedTuple):
    """A row as it was read. ``at`` is when our side changed it (epoch seconds), None if nobody
    knows; ``reason`` says why it cannot be used, None if it can; ``gone``: it is a tombstone."""

    seq: int
    line: int
    key: str | None
    id: str | None
    ours: Values
    at: float | None = None
    reason: str | None = None
    gone: bool = False


class Planned(NamedTuple):
    """What is to be done about a row. ``change`` is what to write at the vendor and ``local``
    what to take over from it, by field; ``reason`` says why it is contested or refused, and
    ``ignored`` fields of ours differ, but nobody may write them."""

    seq: int
    step: Step
    change: Values
    local: Values
    reason: str = ""
    ignored: tuple[str, ...] = ()


class Edit(NamedTuple):
    """What a row gets from the vendor: values by field in place of ``old``, an ``id`` unless it is
    ``named``, and that it is ``gone`` or not any more (None: as it is)."""

    seq: int
    line: int
    id: str
    key: str | None
    values: Values
    old: Values
    modified: float | None
    named: bool
    gone: bool | None


class Doubt(NamedTuple):
    """A claimed batch without an outcome. ``job`` is the vendor's id of one that was staged."""

    id: int
    act: int
    at: float
    updates: bool
    job: str
    rows: list[Row]


class Worklist(Replica):
    """The rows of a push, beside what the vendor was last seen to hold."""

    schema = Replica.schema + _SCHEMA

    def stage(self, rows: Iterable[Staged]) -> None:
        """Keep rows in place of earlier ones.

        Rows of which it is unknown whether they were written stay known by their keys.
        """
        with self.transaction() as db:
            db.execute("delete from rows where state != 'unknown'")
            db.execute("delete from batches where state != 'claimed'")
            db.execute(
                "update rows set seq = (select min(min(seq), 0) from rows) - seq where seq > 0"
            )
            db.executemany(
                "insert into rows (seq, line, key, id, ours, at, reason, gone, named) values (?, ?,"
                " ?, ?, ?, ?, ?, ?, ?)",
                ((*row[:4], packed(row.ours, empty=True), *row[5:], row.id is not None)
                 for row in rows),
            )  # fmt: skip

    def match(self, field: str, others: str = "") -> None:
        """Find the records that rows without an id mean: by ``field``, then by what ``others``
        holds beside it; deleted ones last."""
        with self.transaction() as db:
            db.execute(
                "update rows set reason = 'has the key of line ' || first.line from (select key,"
                " min(seq) as seq, line from rows where seq > 0 and not gone group by key) as first"
                " where rows.key = first.key and rows.seq > first.seq and reason is null"
                " and not gone"
            )
            db.execute("drop table if exists temp.keyed")
            db.execute("create temp table keyed (key text primary key, id text, n integer)")
            one = "json_array(identity(json_extract(theirs, ?)))"
            several = "identities(json_extract(theirs, ?))"
            for name, keys, deleted in ((field, one, 0), (others, several, 0), (field, one, 1)):
                db.execute(
                    "insert or ignore into keyed select value, min(records.id),"  # noqa: S608 - our own words
                    f" count(distinct records.id) from records, json_each({keys})"
                    " where deleted = ? and value is not null group by value",
                    (f'$."{name}"', deleted),
                )
            db.execute(
                "update rows set id = keyed.id, reason = case when n > 1 then"
                " n || ' records there have this ' || ? else reason end"
                " from keyed where rows.id is null and keyed.key = rows.key and rows.seq > 0"
                " and not gone",
                (field,),
            )
            db.execute("delete from rows where seq < 0 and key in (select key from keyed)")

    def tell_apart(self) -> None:
        """Refuse rows that mean the record of an earlier one, and drop what is known by now of
        those that were unknown: a person named its id."""
        with self.transaction() as db:
            db.execute(
                "update rows set reason = 'means the record of line ' || first.line from (select"
                " id, min(seq) as seq, line from rows where seq > 0 and reason is null"
                " and id is not null group by id) as first"
                " where rows.id = first.id and rows.seq > first.seq and reason is null"
            )
            db.execute(
                "delete from rows where seq < 0 and key in (select key from rows where seq > 0"
                " and id is not null)"
            )

    def dispel(self) -> None:
        """Drop what was unknown: everything was read, and what is not there was not written."""
        with self.transaction() as db:
            db.execute("delete from rows where seq < 0")

    def removed(self) -> int:
        """Return how many records our side once had and has no row of any more."""
        with self.guard():
            (count,) = self.db.execute(
                "select count(*) from records where not deleted and base is not null and id not in"
                " (select id from rows where seq > 0 and id is not null)"
            ).fetchone()
        return int(count)

    def joined(self) -> Iterator[tuple[Staged, Held | None]]:
        """Yield each row with the record that it means."""
        with self.guard():
            for row in self.db.execute(
                "select seq, line, key, rows.id, ours, at, coalesce(reason, case when exists"
                " (select 1 from rows u where"
                " u.seq < 0 and u.key = rows.key) and r.id is null then 'it is unknown whether it"
                " was written earlier' end), gone, r.id, r.modified, r.deleted, r.theirs, r.base,"
                " r.part, r.spelt from rows left join records r on r.id = rows.id where seq > 0"
                " order by seq"
            ):
                staged = Staged._make(row[:8])
                held = held_of(row[8:]) if row[8] is not None else None
                yield staged._replace(ours=orjson.loads(row[4]), gone=bool(row[7])), held

    def plan(self, plans: Iterable[Planned]) -> None:
        """Keep what is to be done about rows."""
        with self.transaction() as db:
            db.executemany(
                "update rows set step = ?, change = ?, local = ?, reason = ? where seq = ?",
                ((p.step, packed(p.change, empty=True), packed(p.local, empty=True), p.reason,
                  p.seq) for p in plans),
            )  # fmt: skip

    def to_change(self, after: int, most: int) -> list[tuple[int, str, float | None]]:
        """Return (seq, id, when the vendor last changed it) of rows that change a record."""
        with self.guard():
            return self.db.execute(
                "select seq, rows.id, modified from rows join records r on r.id = rows.id"
                " where step = 'update' and seq > ? order by seq limit ?",
                (max(after, 0), most),
            ).fetchall()

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

    def claim(self, act: int, now: float, most: int) -> Doubt | None:
        """Claim the next rows to be written, either all with an id or all without; None if there
        are none."""
        with self.transaction() as db:
            for step in TO_WRITE:
                rows = db.execute(
                    "select seq from rows where state = 'planned' and step = ? and seq > 0"
                    " order by seq limit ?",
                    (step, most),
                ).fetchall()
                if rows:
                    break
            else:
                return None
            updates = step == "update"
            batch = db.execute(
                "insert into batches (act, at, state, updates) values (?, ?, 'claimed', ?)",
                (act, now, updates),
            ).lastrowid
            db.executemany(
                "update rows set state = 'claimed', batch = ? where seq = ?",
                [(batch, seq) for (seq,) in rows],
            )
            return self._doubt((batch, act, now, updates, None))

    def staged(self, batch: int, job: str) -> None:
        """Keep the vendor's id of the job that a batch became."""
        with self.transaction() as db:
            db.execute("update batches set job = ? where id = ?", (job, batch))

    def doubts(self) -> list[Doubt]:
        """Return the batches that an earlier run claimed and never confirmed."""
        with self.guard():
            rows = self.db.execute(
                "select id, act, at, updates, job from batches where state = 'claimed' order by id"
            ).fetchall()
            return [self._doubt(row) for row in rows]

    def confirm(self, rows: Sequence[Row], written: Sequence[Written], at: float) -> None:
        """Record what became of rows; what was written is what both sides have, since ``at`` by
        the vendor's clock."""
        with self.transaction() as db:
            db.executemany(
                "update rows set state = ?, vendor = ?, code = ?, text = ? where seq = ?",
                [("failed" if w.refusal else "done", w.id or row.id,
                  *(w.refusal or ("", "")), row.seq)
                 for row, w in zip(rows, written, strict=True)],
            )  # fmt: skip
            for row, w in zip(rows, written, strict=True):
                if not w.refusal and (w.id or row.id):
                    self._agree(w.id or row.id, row.values, at)

    def found(self, seq: int, id: str, values: Values, at: float) -> None:
        """Record that a row in doubt was written: the vendor shows it."""
        with self.transaction() as db:
            db.execute("update rows set state = 'done', vendor = ? where seq = ?", (id, seq))
            self._agree(id, values, at)

    def release(self, batch: Doubt) -> None:
        """Record that a batch is over: rows of it without an outcome may be sent again."""
        self._end(batch, "planned")

    def undo(self, batch: Doubt) -> None:
        """The same for one that was refused or never sent, unless it became a job."""
        with self.guard():
            (job,) = self.db.execute("select job from batches where id = ?", (batch.id,)).fetchone()
        if not job:
            self.release(batch)

    def give_up(self, batch: Doubt, code: str, text: str) -> None:
        """Record that nobody knows whether a batch was written."""
        self._end(batch, "unknown", code, text)

    def edits(self) -> Iterator[Edit]:
        """Yield what each row gets from the vendor, in the order of the lines; also nothing."""
        turns = {"gone": True, "restored": False}
        with self.guard():
            for seq, line, id, key, local, ours, modified, named, step in self.db.execute(
                "select seq, line, coalesce(vendor, rows.id, ''), key, coalesce(local, '{}'), ours,"
                " modified, named, step from rows left join records on records.id ="
                " coalesce(vendor, rows.id) where seq > 0 and step != 'refused' order by line, seq"
            ):
                values, held = orjson.loads(local), orjson.loads(ours)
                old = {name: held.get(name) for name in values}
                yield Edit(seq, line, id, key, values, old, modified, bool(named), turns.get(step))

    def contest(self, seq: int, reason: str) -> None:
        """Record that a row could not be given what the vendor has."""
        with self.transaction() as db:
            db.execute(
                "update rows set step = 'conflict', local = '{}', reason = ? where seq = ?",
                (reason, seq),
            )

    def news(self) -> Iterator[Held]:
        """Yield the records that no row means."""
        with self.guard():
            for row in self.db.execute(
                "select id, modified, deleted, theirs, base, part, spelt from records where"
                " not deleted and id not in (select coalesce(vendor, id) from rows where seq > 0"
                " and coalesce(vendor, id) is not null) order by rowid"
            ):
                yield held_of(row)

    def taken_over(self) -> int:
        """Record that our side has what the vendor has, but for the rows that are contested or
        could not be written; return how many rows and records that changed."""
        with self.transaction() as db:
            fits = (
                "id not in (select coalesce(vendor, id) from rows where seq > 0 and (step in"
                " ('conflict', 'refused') or state in ('failed', 'unknown', 'planned') and step in"
                " ('create', 'update')) and coalesce(vendor, id) is not null)"
            )
            (count,) = db.execute(
                "select (select count(*) from rows where seq > 0 and (local != '{}' or step in"
                " ('gone', 'restored'))) + (select count(*) from records where not deleted and id"
                " not in (select coalesce(vendor, id) from rows where seq > 0 and"
                " coalesce(vendor, id) is not null))"
            ).fetchone()
            db.execute(
                f"update records set base = '', part = 0, owed = 0, spelt = null where {fits}"  # noqa: S608 - our own words
            )
        return int(count)

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

    def _end(self, batch: Doubt, state: RowState, code: str = "", text: str = "") -> None:
        with self.transaction() as db:
            db.execute(
                "update rows set state = ?, code = ?, text = ? where batch = ?"
                " and state = 'claimed'",
                (state, code, text, batch.id),
            )
            db.execute("update batches set state = 'done' where id = ?", (batch.id,))

    def _doubt(self, row: tuple[Any, ...]) -> Doubt:
        id, act, at, updates, job = row
        rows = self.db.execute(
            "select seq, change, id from rows where batch = ? and state = 'claimed' order by seq",
            (id,),
        )
        found = [Row(seq, orjson.loads(change), known or "") for seq, change, known in rows]
        return Doubt(id, act, at, bool(updates), job or "", found)
