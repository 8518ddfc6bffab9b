"""
Delimited text as rows: CSV (RFC 4180, and what spreadsheets make of it), by commas or another sign.

A stretch of text without a quotation mark is taken apart as a whole, in a third of the time that
the parser needs for it; the parser reads the others.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from functools import partial
from io import StringIO
from itertools import islice
from typing import Any

from ...errors import InvalidInput
from ...text.cells import unguarded
from .lines import Lines
from .tables import TOGETHER, Block, Row, Table, checked, named, rows_of

MOST = 1 << 20  # characters of a field
EXPORTED = ("number", "address", "variant", "state", "code", "reason", "vendor_id", "events")
"""The columns of what `campaign export` writes; the cells of its CSV are guarded."""
_SIGNS = ",;\t|"
_RARE_SIGNS = ":^~"  # only where the file says so


def from_csv(lines: Lines, source: str, *, exact: bool = False) -> Table:
    """Return the rows of a file whose first line names the columns.

    The delimiter is what a first line ``sep=`` says, else the one of comma, semicolon, tab and
    bar in which header and first rows agree. Blanks after a delimiter are no part of a value, if
    ``exact`` only where the names of the columns have them too. `InvalidInput` names a line that
    cannot be read.
    """
    csv.field_size_limit(MOST)
    text, head, before = _Text(lines), lines.head, 0
    if head[:4].lower() == "sep=":
        delimiter, before = head[4:5], 1
        if delimiter not in (*_SIGNS, *_RARE_SIGNS):
            raise InvalidInput(
                f"{source}: line 1: {delimiter!r} cannot be a delimiter", hint="such as sep=;"
            )
        next(text.lines)
    else:
        delimiter = _delimiter(head[: 1 << 16])
    spaced = not exact or f"{delimiter} " in head.partition("\n")[0]
    reader = csv.reader(text.lines, delimiter=delimiter, strict=True, skipinitialspace=spaced)
    try:
        header = next(filter(any, reader), [])
    except csv.Error as error:
        raise _broken(error, source, 1) from None
    columns = named(header, source)
    blocks = _Blocks(text, reader, delimiter, len(columns), source, before, spaced=spaced)
    found = map(_unguarded, blocks) if columns == EXPORTED else iter(blocks)
    return Table(columns, rows_of(found), guarded=columns != EXPORTED, blocks=found)


class _Text:
    """A text whose lines are read one by one, and its whole stretches in between."""

    def __init__(self, lines: Lines) -> None:
        self._source, self._stretches = lines, lines.stretches()
        self._open, self._ahead = StringIO(), ""
        self.opened = 0
        self.lines = self._by_line()

    @property
    def holds_nul(self) -> bool:
        return self._source.holds_nul

    def stretch(self) -> str:
        """Take the lines up to the end of a stretch at once; "" at the end of the text."""
        return self._open.read() or self._next()

    def put_back(self, stretch: str) -> None:
        """Have lines that were taken read one by one."""
        self._ahead = stretch

    def _by_line(self) -> Iterator[str]:
        while text := self._next():
            self.opened += 1
            self._open = StringIO(text, newline="")
            yield from self._open

    def _next(self) -> str:
        text, self._ahead = self._ahead or next(self._stretches, ""), ""
        return text


class _Blocks:
    """The rows below the names of the columns, ``width`` of them; ``before`` is what the reader's
    count of lines lacks."""

    def __init__(
        self, text: _Text, reader: Any, delimiter: str, width: int, source: str, before: int,
        *, spaced: bool,
    ) -> None:  # fmt: skip
        self._text, self._reader, self._delimiter = text, reader, delimiter
        self._width, self._source, self._before, self._spaced = width, source, before, spaced

    def __iter__(self) -> Iterator[Block]:
        while stretch := self._text.stretch():
            if columns := self._apart(stretch):
                yield from self._cut(columns)
            else:
                self._text.put_back(stretch)
                yield from self._parsed()

    def _apart(self, text: str) -> list[list[str]]:
        """Return the cells by column; nothing where telling them apart is the parser's matter."""
        sign, width = self._delimiter, self._width
        if '"' in text or "\0" in text or len(text) > MOST or text[-1] != "\n":
            return []
        if self._spaced and f"{sign} " in text:
            return []
        end = "\r\n" if "\r" in text else "\n"
        mark, rows = end[0], text.count("\n")
        # Behind a delimiter of its own, a line end begins the first cell of the next row. All are
        # in the first column, one in each cell, if all rows are as wide as the first line says.
        apart = text.replace(end, sign + mark)
        if mark == "\r" and ("\n" in apart or apart.count(mark) != rows):
            return []
        cells = apart.split(sign)
        joined = "".join(cells[::width])
        first = joined.split(mark)
        if len(cells) != rows * width + 1 or len(first) != rows + 1:
            return []
        columns = [first[:-1], *(cells[place:-1:width] for place in range(1, width))]
        blank = "" in columns[0] and not all(map(any, zip(*columns, strict=True)))
        begins = self._spaced and f"{mark} " in f"{mark}{joined}"
        return [] if blank or begins else columns

    def _cut(self, columns: Sequence[Sequence[str]]) -> Iterator[Block]:
        """Yield the blocks of rows that were taken apart."""
        line = self._reader.line_num + self._before + 1
        self._before += len(columns[0])
        for at in range(0, len(columns[0]), TOGETHER):
            some = [column[at : at + TOGETHER] for column in columns]
            yield Block(range(line + at, line + at + len(some[0])), some)

    def _parsed(self) -> Iterator[Block]:
        """Yield what the parser makes of the stretch that comes next, and of the line amid which
        it may end."""
        opened = self._text.opened + 1
        while self._text.opened <= opened:
            starts, read = [self._reader.line_num + self._before + 1], list[list[str]]()
            error = None
            try:
                for values in islice(self._reader, TOGETHER):
                    read.append(values)
                    starts.append(self._reader.line_num + self._before + 1)
            except csv.Error as found:
                error = found
            yield self._block(starts, read)
            if error is None:
                if len(read) < TOGETHER:
                    return
            elif "expected after" in str(error):
                why = "a quotation mark inside a quoted field is not doubled"
                yield Block.of([Row(starts[-1], [""] * self._width, why)])
            else:
                raise _broken(error, self._source, starts[-1])

    def _block(self, starts: Sequence[int], read: Sequence[list[str]]) -> Block:
        if {*map(len, read)} == {self._width} and all(map(any, read)) and not self._text.holds_nul:
            return Block(starts[:-1], list(zip(*read, strict=True)))
        return Block.of(list(filter(None, map(partial(_row, self._width), starts, read))))


def _unguarded(block: Block) -> Block:
    return block._replace(columns=[[*map(unguarded, column)] for column in block.columns])


def _delimiter(sample: str) -> str:
    best, chosen = (0.0, 0), ","
    for candidate in _SIGNS:
        rows = csv.reader(StringIO(sample, newline=""), delimiter=candidate, skipinitialspace=True)
        widths = [len(row) for row in rows if row][:50] or [0]
        score = widths.count(widths[0]) / len(widths), widths[0]
        if widths[0] > 1 and score > best:
            best, chosen = score, candidate
    return chosen


def _row(width: int, line: int, values: list[str]) -> Row | None:
    """Return a row; None for a blank line, and the empty cells below a table."""
    if not any(values):
        return None
    return checked(line, values) if len(values) == width else _misfit(line, values, width)


def _misfit(line: int, values: list[str], width: int) -> Row:
    aligned = (values + [""] * width)[:width]
    if len(values) > width and not any(values[width:]):
        return Row(line, aligned)
    fields = "1 field" if len(values) == 1 else f"{len(values)} fields"
    return Row(line, aligned, f"has {fields}, the header has {width}")


def _broken(error: csv.Error, source: str, line: int) -> InvalidInput:
    """Return what to say where the rest of the file has been taken for one field."""
    words, hint = str(error), 'a field with one in it is "quoted", and "" stands for each inside'
    if "field limit" in words:
        words = f"a field is longer than {MOST:,} characters; is a quotation mark not closed?"
    elif "end of data" in words:
        words = "a quotation mark is opened and never closed"
    return InvalidInput(f"{source}: line {line}: {words}", hint=hint)
