"""
What a campaign's file keeps of the columns of its list: the values that the templates need.

Those of up to a thousand recipients, one after another in the list, are compressed together,
which leaves a quarter of them: people of one list have a lot in common. A chunk is small enough to
be read for one of them alone, and is written in the transaction of its recipients.
"""

from __future__ import annotations

import sqlite3
import sys
import zlib
from bisect import bisect_right
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate, count
from pathlib import Path
from typing import NamedTuple, TypeGuard, cast

from ..errors import StorageError

SCHEMA = """
create table cells (
    lo integer primary key, hi integer not null, longest integer not null, data blob not null
)
"""
"""``longest`` is how much the longest of `kept` takes; the data, by far the most, comes last, so
that a look at the others does not read it."""

MOST = 1_000  # recipients of a chunk
ROOM = 1 << 18  # characters of a chunk, if they are not those of one recipient
SEPARATOR = "\x1f"  # ASCII's own, between the cells of a row
_RECORDS = "\x1e"  # ASCII's own, between rows
_LEVEL = 1  # of zlib: more takes three times as long for a tenth
_RECENT = 8  # chunks at hand: variants take turns, and each reads those that the others have read

Kept = str | bytes | None


def kept(cells: Sequence[str]) -> Kept:
    """Return the values of a row as they are kept: joined, or as JSON where one of them holds the
    separator; None for none."""
    joined = SEPARATOR.join(cells)
    if joined.count(SEPARATOR) >= len(cells) > 0:
        import orjson

        return orjson.dumps(cells)
    return joined if cells else None


def cells_of(data: Kept) -> list[str]:
    """Return the values that `kept` was given."""
    if data is None:
        return []
    if isinstance(data, bytes):
        import orjson

        found: list[str] = orjson.loads(data)
        return found
    return data.split(SEPARATOR)


class Chunk(NamedTuple):
    """The values of the recipients from ``lo`` to ``hi``; none of them for those of a file that
    was written before there were chunks."""

    lo: int
    hi: int
    texts: Sequence[str]


class Cells:
    """The chunks of one file, for its own connection; errors of SQLite are its own to tell."""

    def __init__(self, db: sqlite3.Connection, path: Path) -> None:
        self._db, self._path = db, path
        self._recent = deque[Chunk](maxlen=_RECENT)

    def add(self, first: int, rows: Sequence[Kept]) -> Mapping[int, Kept]:
        """Keep what `kept` returned for recipients from a number on, in the open transaction;
        return, by number, what a chunk cannot hold and their own rows have to."""
        texts: Sequence[str] = rows if _plain(rows) else list(map(_held, rows))
        others = {
            seq: row
            for seq, row, text in zip(count(first), rows, texts, strict=False)
            if not text and row is not None
        }
        sizes = [len(row) if row else 0 for row in rows]
        for start, end in _cuts(sizes):
            text = _RECORDS.join(texts[start:end])
            self._db.execute(
                "insert into cells (lo, hi, longest, data) values (?, ?, ?, ?)",
                (first + start, first + end - 1, max(sizes[start:end]),
                 zlib.compress(text.encode(), _LEVEL)),
            )  # fmt: skip
        return others

    def clear(self, after: int = 0) -> None:
        """Remove what is kept of recipients behind a number, in the open transaction."""
        self._recent.clear()
        self._db.execute("delete from cells where lo > ?", (after,))

    def of(self, seqs: Sequence[int]) -> list[str | None]:
        """Return what the chunks hold of recipients, given by number in their order; None for
        those of whom they hold nothing. `StorageError` if a chunk is damaged."""
        found: list[str | None] = []
        while len(found) < len(seqs):
            at = len(found)
            lo, hi, texts = self._holding(seqs[at])
            some = seqs[at : bisect_right(seqs, hi, at)]
            if not texts:
                found += [None] * len(some)
            elif some[-1] - some[0] == len(some) - 1:  # all of them, in most cases
                found += texts[some[0] - lo : some[-1] - lo + 1]
            else:
                found += [texts[seq - lo] for seq in some]
        return [one or None for one in found] if "" in found else found

    def by_size(self, last: int) -> Iterator[tuple[int, int, int]]:
        """Yield (first number, last number, what the longest takes) of the chunks that begin up to
        a number, the longest first."""
        yield from self._db.execute(
            "select lo, hi, longest from cells where lo <= ? order by longest desc, lo", (last,)
        ).fetchall()

    def _holding(self, seq: int) -> Chunk:
        for chunk in self._recent:
            if chunk.lo <= seq <= chunk.hi:
                return chunk
        chunk = self._read(seq)
        if 0 < chunk.hi - chunk.lo < MOST:  # a recipient who is alone in one is not read again
            self._recent.append(chunk)
        return chunk

    def _read(self, seq: int) -> Chunk:
        row = self._db.execute(
            "select lo, hi, data from cells where lo <= ? order by lo desc limit 1", (seq,)
        ).fetchone()
        if row is None:  # before the first chunk
            (lo,) = self._db.execute("select min(lo) from cells").fetchone()
            return Chunk(0, lo - 1 if lo else sys.maxsize, ())
        lo, hi, data = row
        try:
            texts = zlib.decompress(data).decode().split(_RECORDS)
        except (zlib.error, UnicodeDecodeError):
            texts = []
        if seq > hi or len(texts) != hi - lo + 1:
            raise StorageError(
                f"{self._path}: is damaged: the values of recipient {seq} cannot be read",
                hint="put back a copy; who was sent to is still told by: mktool campaign export",
            )
        return Chunk(lo, hi, texts)


def _plain(rows: Sequence[Kept]) -> TypeGuard[Sequence[str]]:
    """Whether a chunk can hold all of these."""
    return {*map(type, rows)} == {str} and _RECORDS not in "".join(cast(Sequence[str], rows))


def _held(row: Kept) -> str:
    """Return what a chunk holds of a row: "" if it holds nothing."""
    return row if isinstance(row, str) and _RECORDS not in row else ""


def _cuts(sizes: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield the (start, end) of each chunk, for what each row takes."""
    totals = [0, *accumulate(sizes)]
    start = 0
    while start < len(sizes):
        end = bisect_right(totals, totals[start] + ROOM, start) - 1
        end = max(start + 1, min(end, start + MOST))
        yield start, end
        start = end
