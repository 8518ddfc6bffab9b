"""What became of the recipients of a campaign, read from its file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import IntEnum
from typing import Any, NamedTuple

from . import ids
from .database import Database


class State(IntEnum):
    """What became of one recipient; PENDING has no row."""

    PENDING = 0
    SENT = 1
    FAILED = 2
    UNKNOWN = 3
    INVALID = 4
    SUPPRESSED = 5
    RETRY = 6
    CANCELLED = 7


LEFT_OUT = (State.INVALID, State.SUPPRESSED)  # they are no part of a campaign's audience

OPEN, CLAIMED, DONE = 0, 1, 2  # of a batch; an open one was claimed, and is proven not sent


class Claim(NamedTuple):
    """A batch in the ledger: from ``lo`` to ``hi``, those of one variant.

    ``at`` is epoch seconds, by the vendor's clock where it is known.
    """

    id: int
    lo: int
    hi: int
    variant: int | None
    retry: bool
    attempt: int
    at: float
    hold: str = ""


class Outcome(NamedTuple):
    """What became of one recipient. ``vendor`` is the vendor's id, ``code`` its word for why."""

    seq: int
    state: State
    vendor: str = ""
    code: str = ""
    text: str = ""


class Outcomes(Database):
    """The reading side of a campaign's file."""

    def get(self, name: str, default: Any = None) -> Any:
        """Return a value that is kept by name."""
        with self.guard():
            row = self.db.execute("select value from meta where name = ?", (name,)).fetchone()
        return row[0] if row else default

    def totals(self) -> dict[State, int]:
        """Return how many recipients are in each state."""
        with self.guard():
            rows = self.db.execute("select state, count(*) from outcomes group by state")
            found = {State(state): count for state, count in rows}
            (implied,) = self.db.execute("select sum(implied) from batches").fetchone()
        found[State.SENT] = found.get(State.SENT, 0) + (implied or 0)
        everyone = int(self.get("staged", 0))
        found[State.PENDING] = everyone - sum(found.values())
        return found

    def mark(self) -> list[float]:
        """Return what changes when a run changes the totals, and is read at once."""
        with self.guard():
            row = self.db.execute(
                "select count(*), total(state), total(attempt), total(implied) from batches"
            ).fetchone()
        return [*row, int(self.get("staged", 0)), int(self.get("suppressions", 0))]

    def unfinished(self) -> list[Claim]:
        """Return the batches that are in doubt, oldest first."""
        return self._claims(CLAIMED)

    def reopened(self) -> list[Claim]:
        """Return the batches that were claimed and are proven not sent, oldest first."""
        return self._claims(OPEN)

    def outcomes(self, states: Sequence[State] = ()) -> Iterator[Mapping[str, Any]]:
        """Yield each recipient with state, vendor id, code, text and events; streamed."""
        reached, open = self._progress()
        id_of = ids.in_order(self)
        with self.guard():
            cursor = self.db.execute(
                "select r.seq, r.address, r.variant, o.state, o.vendor, o.code, o.text,"
                " (select group_concat(kind) from events e where e.seq = r.seq)"
                " from recipients r left join outcomes o on o.seq = r.seq order by r.seq"
            )
            for seq, address, variant, state, vendor, code, text, events in cursor:
                if state is not None:
                    now = State(state)
                elif seq > reached.get(variant, 0) or inside(open, seq, variant):
                    now = State.PENDING
                else:
                    now = State.SENT
                if not states or now in states:
                    yield {
                        "seq": seq, "address": address, "variant": variant or 0,
                        "state": now.name.lower(), "vendor_id": ids.unpacked(vendor or id_of(seq)),
                        "code": code or "", "text": text or "", "events": events or "",
                    }  # fmt: skip

    def _progress(self) -> tuple[dict[int | None, int], list[Claim]]:
        """Return up to which number each variant was claimed, and the batches not done."""
        with self.guard():
            rows = self.db.execute(
                "select variant, max(hi) from batches where not retry group by variant"
            ).fetchall()
        return dict(rows), [c for c in self.unfinished() + self.reopened() if not c.retry]

    def reacted(self, variant: int, kind: str) -> tuple[int, int]:
        """Return (how many of a variant did something, how many of it were sent to)."""
        with self.guard():
            (did,) = self.db.execute(
                "select count(*) from events e join recipients r on r.seq = e.seq"
                " where r.variant = ? and e.kind = ?",
                (variant, kind),
            ).fetchone()
            (sent,) = self.db.execute(
                "select total(implied) + (select count(*) from outcomes o join recipients r"
                "  on r.seq = o.seq where r.variant = ? and o.state = ?)"
                " from batches where variant = ?",
                (variant, State.SENT, variant),
            ).fetchone()
        return int(did), int(sent)

    def reasons(self, state: State) -> list[tuple[str, str, int]]:
        """Return (code, an example of the words, how many) of a state, the most frequent first."""
        with self.guard():
            rows = self.db.execute(
                "select code, max(text), count(*) from outcomes where state = ? group by code"
                " order by 3 desc",
                (state,),
            ).fetchall()
        return [(code or "", text or "", count) for code, text, count in rows]

    def _claims(self, state: int) -> list[Claim]:
        with self.guard():
            rows = self.db.execute(
                "select id, lo, hi, variant, retry, attempt, at, hold from batches"
                " where state = ? order by id",
                (state,),
            ).fetchall()
        return [
            Claim(id, lo, hi, variant, bool(retry), attempt, at, hold or "")
            for id, lo, hi, variant, retry, attempt, at, hold in rows
        ]


def inside(claims: Sequence[Claim], seq: int, variant: int | None) -> bool:
    """Whether a recipient of a variant is in the range of one of these batches."""
    return any(c.lo <= seq <= c.hi and c.variant == variant for c in claims)
