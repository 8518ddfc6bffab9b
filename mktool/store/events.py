"""What happened to the recipients of a campaign after they were sent to: one row a kind each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from ..message import EventKind
from .campaigns import CampaignFile, key_of
from .ids import packed, spread
from .outcomes import State

_SENT = (State.SENT, State.UNKNOWN)  # an event proves nothing about a lost request, but may be its


class Happened(NamedTuple):
    """One thing that happened to one recipient; ``at`` is epoch seconds where it is dated."""

    seq: int
    kind: EventKind
    at: float | None = None
    detail: str = ""


class Events:
    """The events in one campaign's file."""

    def __init__(self, file: CampaignFile) -> None:
        self.file = file
        with file.guard():
            self._reached = dict(
                file.db.execute("select variant, max(hi) from batches where not retry group by 1")
            )

    def began(self) -> float | None:
        """Return when the first request of the campaign was made (epoch seconds)."""
        with self.file.guard():
            (at,) = self.file.db.execute("select min(at) from batches").fetchone()
        return None if at is None else float(at)

    def index(self) -> bool:
        """Have recipients found by the vendor's ids; False if the vendor gave none."""
        spread(self.file)
        with self.file.guard():
            self.file.db.execute(
                "create index if not exists outcomes_vendor on outcomes (vendor)"
                " where vendor is not null"
            )
            found = self.file.db.execute("select 1 from outcomes where vendor is not null limit 1")
            return found.fetchone() is not None

    def by_id(self, id: str) -> tuple[int, str] | None:
        """Return (number, address) of whoever was sent the message with a vendor's id."""
        with self.file.guard():
            row = self.file.db.execute(
                "select o.seq, r.address from outcomes o join recipients r on r.seq = o.seq"
                " where o.vendor = ?",
                (packed(id),),
            ).fetchone()
        return (int(row[0]), str(row[1])) if row else None

    def by_address(self, address: str) -> tuple[int, str] | None:
        """Return (number, address) of a recipient that was sent to, or may have been."""
        with self.file.guard():
            row = self.file.db.execute(
                "select r.seq, r.address, r.variant, o.state from recipients r"
                " left join outcomes o on o.seq = r.seq"
                " where r.key = ? and (r.address = ? or same(r.address, ?))",
                (key_of(address), address, address),
            ).fetchone()
        if row is None:
            return None
        seq, known, variant, state = row
        sent = state in _SENT if state is not None else seq <= self._reached.get(variant, 0)
        return (int(seq), str(known)) if sent else None

    def add(self, found: Iterable[Happened]) -> None:
        """Record events in the transaction that is open; the earliest of a kind stays."""
        self.file.db.executemany(
            "insert into events (seq, kind, at, detail) values (?, ?, ?, ?) on conflict do update"
            " set at = excluded.at, detail = coalesce(excluded.detail, detail)"
            " where excluded.at < coalesce(at, 1e18)",
            ((one.seq, one.kind, one.at, one.detail or None) for one in found),
        )

    def dated(self) -> Iterator[tuple[int, dict[str, float | None]]]:
        """Yield (number, when each kind of event happened) of whom any happened to, in order."""
        with self.file.guard():
            rows = self.file.db.execute("select seq, kind, at from events order by seq")
            for seq, found in groupby(rows, key=itemgetter(0)):
                yield int(seq), {kind: at for _, kind, at in found}

    def sent_at(self) -> list[tuple[int, int, float]]:
        """Return (first number, last number, epoch seconds) of each request, in order."""
        with self.file.guard():
            rows = self.file.db.execute(
                "select lo, hi, at from batches where state = 2 order by lo"
            )
            return [(int(lo), int(hi), float(at)) for lo, hi, at in rows]

    def counts(self) -> dict[str, int]:
        """Return how many recipients each kind of event happened to."""
        with self.file.guard():
            return dict(self.file.db.execute("select kind, count(*) from events group by kind"))

    def by_variant(self) -> dict[tuple[int, str], int]:
        """Return how many recipients of each variant each kind of event happened to."""
        with self.file.guard():
            rows = self.file.db.execute(
                "select r.variant, e.kind, count(*) from events e"
                " join recipients r on r.seq = e.seq where r.variant is not null group by 1, 2"
            )
            return {(variant, kind): count for variant, kind, count in rows}
