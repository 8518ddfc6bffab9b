"""
The recipients of one campaign, and how far each of them got: a SQLite file of its own.

Recipients are staged under sequential numbers (a random key as primary key costs kilobytes of
writing for each row) and sent in that order, in batches. A batch is claimed before its first byte
leaves and confirmed after the answer, so that only claimed batches are ever in doubt. An outcome
has a row of its own where the batch does not say it: whoever is inside a batch that is done, and
has none, was sent to. Where the vendor's ids are UUIDs the batch keeps them, too. The values of
many recipients share a row (`cells`).

A file of its own keeps a list of millions from blocking the ledger while it is staged, and lets
the addresses be deleted while the ledger keeps what was done.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import MktoolError, StorageError
from ..text.address import identity
from ..tuples import ByColumn
from . import cells
from .ids import all_packed, packed, spread, unpacked
from .outcomes import (
    CLAIMED,
    DONE,
    OPEN,
    Claim,
    Outcome,
    Outcomes,
    State,
    inside,
)
from .paths import data_dir

VERSION = 3

_SCHEMA = f"""{cells.SCHEMA};
create table meta (name text primary key, value) without rowid;
create table recipients (
    seq integer primary key, address text not null, key integer not null, variant integer, data blob
);
create table outcomes (
    seq integer primary key, state integer not null, vendor blob, code text, text text
);
create table batches (
    id integer primary key, lo integer not null, hi integer not null, variant integer,
    retry integer not null, state integer not null, attempt integer not null, at real not null,
    implied integer not null default 0, vendor text, hold text, ids blob
);
create index batches_unfinished on batches (state) where state != 2;
create table events (
    seq integer not null, kind text not null, at real, detail text, primary key (seq, kind)
) without rowid;
"""


class Recipient(NamedTuple):
    """One row of the list; ``data`` is what `kept` made of the values that the templates need."""

    seq: int
    address: str
    data: cells.Kept


__all__ = [
    "CampaignFile", "Claim", "Outcome", "Recipient", "State", "key_of", "keys_of", "path_of",
]  # fmt: skip

_MILLION = 1_000_000
_SELECT = "select r.seq, r.address, r.data from recipients r"
_JOINED = "select group_concat(seq), group_concat(address, char(30)), count(data) from"


def key_of(address: str) -> int:
    """Return 32 bits of what two spellings of one address share: an index, not a proof."""
    return zlib.crc32(identity(address).encode("utf-8", "surrogatepass"))


def keys_of(plain: Iterable[str]) -> Iterator[int]:
    """Yield what `key_of` returns, for addresses of plain ASCII, in a third of the time."""
    return map(zlib.crc32, map(str.encode, map(str.lower, plain)))


def folder() -> Path:
    return data_dir() / "campaigns"


def path_of(act: int) -> Path:
    return folder() / f"{act}.db"


class CampaignFile(Outcomes):
    """One connection, for one thread and one process at a time (the sender holds a lock)."""

    def __init__(self, path: Path, *, create: bool = False) -> None:
        """Raises `StorageError` if it is not there, or is no campaign."""
        if not create and not path.exists():
            raise StorageError(
                f"{path} is gone: nobody knows who was sent to",
                hint="put it back; a campaign of another name would begin anew",
            )
        super().__init__(path)
        self.cells = cells.Cells(self.db, path)
        with self.guard():
            self.db.execute("pragma temp_store = file")
            self.db.create_function("same", 2, _same, deterministic=True)
            if (version := self._version()) != VERSION:
                self._upgrade(version)

    def _version(self) -> int:
        return int(self.db.execute("pragma user_version").fetchone()[0])

    def _upgrade(self, version: int) -> None:
        """Make the tables, or add what those of an earlier version lack. Two processes may try."""
        if version > VERSION:
            raise StorageError(
                f"{self.path} was written by a newer mktool", hint="upgrade mktool on this machine"
            )
        with self.transaction() as db:
            if (version := self._version()) == 0:
                for statement in filter(str.strip, _SCHEMA.split(";")):
                    db.execute(statement)
            if version == 1:
                db.execute("alter table batches add column ids blob")
            if version in (1, 2):
                db.execute(cells.SCHEMA)
            db.execute(f"pragma user_version = {VERSION}")

    # -- what is known of the whole ------------------------------------------------------------

    def put(self, **values: Any) -> None:
        """Keep values by name, in the transaction that is open or one of their own."""
        with self.guard():
            self.db.executemany(
                "insert or replace into meta (name, value) values (?, ?)", values.items()
            )

    def pending(self, variant: int) -> int:
        """Return how many of a variant were never sent to."""
        with self.guard():
            (count,) = self.db.execute(
                "select count(*) from recipients r where r.variant = ? and r.seq > ?"
                " and not exists (select 1 from outcomes o where o.seq = r.seq)",
                (variant, self.reached(variant)),
            ).fetchone()
        return int(count)

    def forget(self) -> None:
        """Remove the list of a campaign of which nothing was ever claimed."""
        with self.transaction() as db:
            for table in ("recipients", "outcomes", "events", "meta"):
                db.execute(f"delete from {table}")  # noqa: S608 - our own names
            self.cells.clear()

    def begun(self) -> bool:
        """Whether anything of it was ever claimed."""
        with self.guard():
            return self.db.execute("select 1 from batches limit 1").fetchone() is not None

    def longest(self) -> Recipient | None:
        """Return the recipient whose values take the most room, of the first million."""
        with self.guard():
            found = self.db.execute(  # what was staged before there were chunks
                "select seq, address, data from recipients"
                " where seq < coalesce((select min(lo) from cells where lo < ?1), ?1)"
                " order by length(data) desc limit 1",
                (_MILLION,),
            ).fetchall()
            people = [Recipient(*row) for row in found]
            for lo, hi, size in self.cells.by_size(_MILLION):
                if people and _size(people[0]) >= size:
                    break
                some = self.db.execute(
                    f"{_SELECT} where r.seq between ? and ? order by r.seq", (lo, hi)
                )
                people = sorted([*people, *self._filled(some)], key=_size, reverse=True)[:1]
        return people[0] if people else None

    # -- the list ------------------------------------------------------------------------------

    def suppress(self, found: Iterable[tuple[int, str]]) -> None:
        """Record recipients, by number, as suppressed, for a reason."""
        with self.guard():
            self.db.executemany(
                "insert or replace into outcomes (seq, state, code) values (?, ?, ?)",
                ((seq, State.SUPPRESSED, reason) for seq, reason in found),
            )

    def by_keys(self, keys: Iterable[int]) -> Iterator[tuple[int, str]]:
        """Yield (number, address) of whoever has one of these keys and is still to be sent to:
        who is in a batch in doubt may have been, and who is in an open one was not."""
        reached, _ = self._progress()
        open = [claim for claim in self.reopened() if not claim.retry]
        doubtful = [claim for claim in self.unfinished() if claim.retry]
        for key in keys:
            with self.guard():
                rows = self.db.execute(
                    "select r.seq, r.address, r.variant, o.state from recipients r"
                    " left join outcomes o on o.seq = r.seq where r.key = ?",
                    (key,),
                ).fetchall()
            for seq, address, variant, state in rows:
                if state is None:
                    waits = seq > reached.get(variant, 0) or inside(open, seq, variant)
                else:
                    waits = state == State.RETRY and not inside(doubtful, seq, variant)
                if waits:
                    yield seq, address

    def vendor_ids(self, keys: Iterable[int]) -> set[str]:
        """Return the vendor's ids of the messages to whoever has one of these keys."""
        spread(self)
        found = set[str]()
        for key in keys:
            with self.guard():
                rows = self.db.execute(
                    "select o.vendor from recipients r join outcomes o on o.seq = r.seq"
                    " where r.key = ? and o.vendor is not null",
                    (key,),
                )
                found.update(unpacked(vendor) for (vendor,) in rows)
        return found

    # -- sending -------------------------------------------------------------------------------

    def members(self, claim: Claim) -> Sequence[Recipient]:
        """Return whom a batch is for: those of its range and variant that have no outcome."""
        if claim.retry:
            return self._rows(
                "r.seq in (select seq from outcomes where seq between ? and ? and state = ?)",
                (claim.lo, claim.hi, State.RETRY), claim.variant, -1,
            )  # fmt: skip
        return self._rows(
            "r.seq between ? and ? and r.seq not in (select seq from outcomes)",
            (claim.lo, claim.hi), claim.variant, -1,
        )  # fmt: skip

    def after(self, seq: int, variant: int | None, count: int) -> Sequence[Recipient]:
        """Return the next recipients of a variant that have no outcome, after ``seq``."""
        return self._rows(
            "r.seq > ? and r.seq not in (select seq from outcomes)",
            (seq,), variant, count,
        )  # fmt: skip

    def again(self, seq: int, variant: int | None, count: int) -> Sequence[Recipient]:
        """Return the next recipients that are to be sent to once more, after ``seq``.

        Those of a batch that is not done are in doubt, or go with that batch: none of them, and
        none from both sides of them.
        """
        found = self._rows(
            "r.seq in (select seq from outcomes where seq > ? and state = ? order by seq)"
            " and not exists (select 1 from batches b where b.retry and b.state != 2"
            "  and b.variant is r.variant and r.seq between b.lo and b.hi)",
            (seq, State.RETRY), variant, count,
        )  # fmt: skip
        begun = [c.lo for c in self.unfinished() + self.reopened() if c.retry]
        end = min((lo for lo in begun if found and lo > found[0].seq), default=None)
        return [one for one in found if end is None or one.seq < end]

    def reached(self, variant: int | None) -> int:
        """Return the number up to which the recipients of a variant were claimed."""
        with self.guard():
            # The last batch is the furthest one: each is claimed behind those before.
            row = self.db.execute(
                "select hi from batches where variant is ? and retry = 0 order by id desc limit 1",
                (variant,),
            ).fetchone()
        return int(row[0]) if row else 0

    def claim(
        self, lo: int, hi: int, variant: int | None, *, retry: bool, at: float, hold: str = ""
    ) -> Claim:
        """Record that these are about to be sent to; commit it before a byte leaves."""
        if self._overlaps(lo, hi, variant, retry=retry):
            raise MktoolError(f"recipients {lo} to {hi} would be claimed twice; nothing was sent")
        row = self.db.execute(
            "insert into batches (lo, hi, variant, retry, state, attempt, at, hold)"
            " values (?, ?, ?, ?, ?, 1, ?, ?)",
            (lo, hi, variant, retry, CLAIMED, at, hold or None),
        )
        return Claim(int(row.lastrowid or 0), lo, hi, variant, retry, 1, at, hold)

    def _overlaps(self, lo: int, hi: int, variant: int | None, *, retry: bool) -> bool:
        """Whether one of these is in another batch: the last line of defence."""
        if not retry:
            return lo <= self.reached(variant)
        row = self.db.execute(
            "select 1 from batches where retry and state != ? and variant is ?"
            " and lo <= ? and hi >= ?",
            (DONE, variant, hi, lo),
        ).fetchone()
        return row is not None

    def reclaim(self, claim: Claim, at: float) -> Claim:
        """Claim an open batch once more: another attempt, under another key."""
        done = self.db.execute(
            "update batches set state = ?, attempt = attempt + 1, at = ?"
            " where id = ? and state = ?",
            (CLAIMED, at, claim.id, OPEN),
        )
        if done.rowcount != 1:
            raise MktoolError(f"batch {claim.id} is not open any more; nothing was sent")
        return claim._replace(attempt=claim.attempt + 1, at=at)

    def confirm(
        self, claim: Claim, outcomes: Iterable[Outcome], *, implied: int = 0, vendor: str = "",
        left: bool = False, ids: bytes = b"",
    ) -> None:  # fmt: skip
        """Record how a batch ended. ``implied`` were sent to and need no row of their own; ``ids``
        are theirs by number (`ids.in_slots`).

        ``left``: the members without an outcome are proven not sent to, and wait to be.
        """
        self.note(outcomes)
        self.db.execute(
            "update batches set state = ?, implied = ?, vendor = coalesce(?, vendor), ids = ?"
            " where id = ?",
            (OPEN if left else DONE, implied, vendor or None, ids or None, claim.id),
        )

    def note(self, outcomes: Iterable[Outcome]) -> None:
        """Record outcomes, in the transaction that is open."""
        if not (rows := list(outcomes)):
            return
        seqs, states, ids, codes, texts = zip(*rows, strict=True)
        plain = {*states} == {State.SENT} and {*codes, *texts} == {""}
        if plain and (octets := all_packed(ids)):
            # One step instead of one for each: in every step another thread takes its turn.
            self.db.execute(
                "insert or replace into outcomes (seq, state, vendor)"
                " select value, ?, substr(?, 1 + 16 * key, 16) from json_each(?)",
                (int(State.SENT), octets, str([*seqs])),
            )
            return
        self.db.executemany(
            "insert or replace into outcomes (seq, state, vendor, code, text)"
            " values (?, ?, ?, ?, ?)",
            [
                (seq, int(state), packed(id), code or None, text or None)
                for seq, state, id, code, text in rows
            ],
        )

    def send_again(self, states: Sequence[State], most: int = -1) -> int:
        """Have recipients in these states, the first ``most``, sent to once more; return how many.

        Not those amid a batch in doubt that was sent again: it must stay as it was.
        """
        with self.transaction() as db:
            done = db.execute(
                "update outcomes set state = ?, code = null, text = null where seq in (select seq"  # noqa: S608 - marks
                f" from outcomes o where state in ({', '.join('?' * len(states))}) and not exists"
                " (select 1 from batches b where b.retry and b.state = ?"
                " and o.seq between b.lo and b.hi) order by seq limit ?)",
                (State.RETRY, *states, CLAIMED, most),
            )
        return done.rowcount

    def waiting(self) -> int:
        """Return how many are to be sent to once more."""
        with self.guard():
            (count,) = self.db.execute(
                "select count(*) from outcomes where state = ?", (State.RETRY,)
            ).fetchone()
        return int(count)

    # -- inside --------------------------------------------------------------------------------

    def _rows(
        self, where: str, params: tuple[int, ...], variant: int | None, count: int
    ) -> Sequence[Recipient]:
        query = f"{_SELECT} where {where} and r.variant is ? order by r.seq limit ?"
        values = (*params, variant, count)
        with self.guard():
            # In one step: in each of them another thread takes its turn.
            seqs, addresses, others = self.db.execute(f"{_JOINED} ({query})", values).fetchone()
            numbers = list(map(int, seqs.split(","))) if seqs else []
            whom = addresses.split("\x1e") if addresses else []
            if others or len(whom) != len(numbers) or numbers != sorted(numbers):
                return self._filled(self.db.execute(query, values))
            return ByColumn(Recipient, [numbers, whom, self.cells.of(numbers)])

    def _filled(self, rows: Iterable[tuple[int, str, cells.Kept]]) -> list[Recipient]:
        """Return recipients as they were staged, from their rows in order."""
        rows = list(rows)
        kept = iter(self.cells.of([seq for seq, _, data in rows if data is None]))
        return [Recipient(seq, to, next(kept) if data is None else data) for seq, to, data in rows]


def _size(person: Recipient) -> int:
    return len(person.data or "")


def _same(one: str, other: str) -> bool:
    return identity(one) == identity(other)
