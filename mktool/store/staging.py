"""A list on its way into a campaign: rows are added, then duplicates are folded by an index."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, groupby, islice
from operator import itemgetter
from types import TracebackType
from typing import Any, NamedTuple, Self

from ..text.address import identity
from .campaigns import CampaignFile, State
from .cells import Kept

TOGETHER = 100  # rows of one statement; some builds of SQLite take 999 values at most
_INSERT = "insert into recipients (seq, address, key, variant) values "
_ROW = "(?, ?, ?, ?)"


class Staged(NamedTuple):
    """What is written for one recipient: ``problem`` is why it must not be sent to, or ""."""

    address: str
    key: int
    variant: int | None
    data: Kept
    problem: str = ""


class Stage:
    """One reading of a list: ``with Stage(file) as stage``. What is not finished is removed."""

    def __init__(self, file: CampaignFile) -> None:
        self.file, self.base = file, int(file.get("last", 0))
        self._seq = self.base

    def __enter__(self) -> Self:
        self._clear()  # what a killed run left
        with self.file.guard():
            # Nothing of it is claimed yet, and it can be read again.
            self.file.db.execute("pragma synchronous = normal")
            if self.base == 0:
                self.file.db.execute("drop index if exists recipients_key")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if int(self.file.get("last", 0)) != self._seq:
            self._clear()
        with self.file.guard():
            self.file.db.execute("pragma synchronous = full")

    def _clear(self) -> None:
        with self.file.transaction() as db:
            db.execute("delete from recipients where seq > ?", (self.base,))
            self.file.cells.clear(self.base)
            db.execute("delete from outcomes where seq > ?", (self.base,))

    def add(self, rows: Sequence[Staged]) -> None:
        """Write some rows, in order, in one transaction."""
        self.add_columns(list(zip(*rows, strict=True)))

    def add_columns(self, columns: Sequence[Sequence[Any]]) -> None:
        """Write some rows, as `add` does, whose addresses, keys and so on are given each on their
        own."""
        *about, data, problems = columns
        numbers = range(self._seq + 1, self._seq + 1 + len(problems))
        self._seq += len(problems)
        with self.file.transaction() as db:
            rows = zip(numbers, *about, strict=True)
            for _ in range(len(problems) // TOGETHER):  # two thirds of the time of each alone
                some = list(chain.from_iterable(islice(rows, TOGETHER)))
                db.execute(_INSERT + ", ".join([_ROW] * TOGETHER), some)
            db.executemany(_INSERT + _ROW, rows)
            others = self.file.cells.add(numbers.start, data)
            db.executemany(
                "update recipients set data = ? where seq = ?",
                ((data, seq) for seq, data in others.items()),
            )
            db.executemany(
                "insert into outcomes (seq, state, code, text) values (?, ?, 'invalid', ?)",
                ((n, State.INVALID, why) for n, why in zip(numbers, problems, strict=True) if why),
            )

    def fold(self) -> int:
        """Remove those who were in the list before; return how many."""
        with self.file.transaction() as db:
            db.execute("create index if not exists recipients_key on recipients (key)")
            db.execute("drop table if exists temp.double")
            db.execute("create temp table double (seq integer primary key)")
            alike = db.execute(
                "select key, seq, address from recipients where key in"
                " (select key from recipients group by key having count(*) > 1) order by key, seq"
            )
            db.executemany("insert into double (seq) values (?)", _doubles(alike, self.base))
            (count,) = db.execute("select count(*) from temp.double").fetchone()
            if count:
                db.execute("delete from recipients where seq in (select seq from temp.double)")
                db.execute("delete from outcomes where seq in (select seq from temp.double)")
            db.execute("drop table temp.double")
        return int(count)

    def finish(self, **values: Any) -> None:
        """Make the list count: from now on it can be sent to."""
        with self.file.transaction():
            self.file.put(last=self._seq, **values)


def _doubles(alike: Iterable[tuple[int, int, str]], base: int) -> Iterator[tuple[int]]:
    """Yield who came after ``base`` and is not the first of an address, given all who share a key.

    In one pass: a list can be made in which thousands of addresses share one.
    """
    for _, sharing in groupby(alike, itemgetter(0)):
        first = set[str]()
        for _, seq, address in sharing:
            if (one := identity(address)) in first and seq > base:
                yield (seq,)
            first.add(one)
