"""
Tables as streams of rows, one by one or by the block; those of JSON Lines and Parquet.

Every value becomes text without loss: formula cells, leading zeros and long numbers stay as they
are written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import date, datetime, time
from decimal import Decimal
from itertools import chain, islice, repeat
from math import isnan
from pathlib import Path
from typing import Any, NamedTuple

from ...errors import InvalidInput, Unsupported
from ...text.address import either
from ...tuples import maker
from .lines import Lines

MOST_TOLD = 20, 40  # columns, and characters of each, that a message has room for
_WHOLE = "is it whole? write it, or download it, again"
_NAMES_HINT = "give each column a name of its own"
TOGETHER = 1_000  # rows of a block
PEEK_ROWS, PEEK_SIZE = 1000, 1 << 22  # objects, and characters, whose keys become the columns


class Row(NamedTuple):
    """One line of a list. ``problem`` says why it cannot be used, "" if it can."""

    line: int
    values: list[str]
    problem: str = ""


_row = maker(Row)


class Block(NamedTuple):
    """Rows that were read together: their lines, and their values by column. ``problems`` are
    those of each, or none at all."""

    lines: Sequence[int]
    columns: Sequence[Sequence[str]]
    problems: Sequence[str] = ()

    @classmethod
    def of(cls, rows: Sequence[Row]) -> Block:
        if not rows:
            return cls((), ())
        lines, values, problems = zip(*rows, strict=True)
        return cls(lines, list(zip(*values, strict=True)), problems if any(problems) else ())

    def rows(self) -> Iterator[Row]:
        values = map(list, zip(*self.columns, strict=True))
        return map(_row, zip(self.lines, values, self.problems or repeat(""), strict=False))

    def part(self, start: int, end: int) -> Block:
        columns = [column[start:end] for column in self.columns]
        return Block(self.lines[start:end], columns, self.problems[start:end])


class Table(NamedTuple):
    """The names of the columns, and the rows with one value for each of them.

    ``guarded``: an apostrophe may stand before what a spreadsheet would calculate. ``status`` is
    a column that says "enabled" for whom may be written to. ``blocks`` are the same rows, to be
    read instead, where they are made by the block.
    """

    columns: tuple[str, ...]
    rows: Iterator[Row]
    guarded: bool = False
    status: str = ""
    blocks: Iterator[Block] | None = None


def from_addresses(lines: Lines) -> Table | None:
    """Return the rows of a text with one address in each line; None if its first line is none."""
    first = next(filter(None, map(str.strip, lines.head.splitlines())), "")
    try:
        either(first)
    except ValueError:
        return None
    rows = ((number, line.strip()) for number, line in enumerate(lines, start=1))
    return Table(("address",), (Row(number, [text]) for number, text in rows if text))


def from_json(lines: Lines, source: str) -> Table:
    """Return the rows of JSON Lines: one object in each line.

    The columns are the keys of the first thousand objects; a later object with another key is a
    problem, as its value would be lost. Objects and lists in it become JSON text.
    """
    if lines.head.lstrip("\ufeff \t\r\n")[:1] == "[":
        raise InvalidInput(
            f"{source}: a JSON array is not read as a stream", hint="jq -c '.[]' FILE > LIST.jsonl"
        )
    objects, first, size = _objects(lines), [], 0
    for item in objects:
        first.append(item)
        size += len(item.text)
        if len(first) == PEEK_ROWS or size > PEEK_SIZE:
            break
    keys = list(dict.fromkeys(chain.from_iterable(item.record for item in first)))
    if first and not keys:
        why = first[0].problem or "is an object without a key"
        raise InvalidInput(
            f"{source}: line {first[0].line} {why}", hint='a line is {"email": "ada@acme.example"}'
        )
    columns = named(keys, source)
    return Table(columns, _json_rows(columns, chain(first, objects)))


def from_parquet(path: Path, source: str, closing: ExitStack) -> Table:
    """Return the rows of a Parquet file; `Unsupported` without the extra ``parquet``."""
    try:
        from pyarrow import ArrowException  # type: ignore[import-untyped]
        from pyarrow.parquet import ParquetFile  # type: ignore[import-untyped]
    except ImportError:
        raise Unsupported(
            f"{source}: Parquet needs pyarrow", hint="pip install 'mktool[parquet]'"
        ) from None
    try:
        file = ParquetFile(path, pre_buffer=False, buffer_size=1 << 20)
        columns = named(file.schema_arrow.names, source)
    except (ArrowException, OSError) as error:
        raise InvalidInput(f"{source}: {error}", hint=_WHOLE) from None

    closing.callback(file.close)
    return Table(columns, _parquet_rows(file, source, (ArrowException, OSError, ValueError)))


def named(header: Sequence[str], source: str) -> tuple[str, ...]:
    """Return the trimmed names of the columns; `InvalidInput` if one is missing or there twice."""
    columns = tuple(name.strip().lstrip("\ufeff") for name in header)
    if not columns:
        raise InvalidInput(f"{source}: is empty", hint="its first line names the columns")
    if "" in columns:
        number = columns.index("") + 1
        raise InvalidInput(f"{source}: column {number} has no name", hint=_NAMES_HINT)
    if "\0" in "".join(columns):
        raise InvalidInput(
            f"{source}: the names of the columns hold a NUL: is it a text?",
            hint="save it as CSV (UTF-8)",
        )
    name, count = Counter(columns).most_common(1)[0]
    if count > 1:
        raise InvalidInput(f"{source}: {count} columns are named {name!r}", hint=_NAMES_HINT)
    if found := next((name for name in columns if "@" in name), ""):
        raise InvalidInput(
            f"{source}: the first line holds an address ({found}) and not the names of columns",
            hint="put a line with the names above it, such as: email,first_name",
        )
    return columns


def told(columns: Sequence[str]) -> str:
    """Return the names of the columns for a message, which has no room for a thousand."""
    count, width = MOST_TOLD
    names = [name if len(name) <= width else f"{name[:width]}…" for name in columns[:count]]
    more = len(columns) - count
    return ", ".join(names) + (f" and {more:,} more" if more > 0 else "")


def cell(value: object) -> str:
    """Return a value as text: dates by ISO 8601, true and false, "" for null, objects as JSON."""
    return _AS_TEXT.get(type(value), str)(value)


def rows_of(blocks: Iterable[Block]) -> Iterator[Row]:
    """Yield the rows one by one."""
    return chain.from_iterable(block.rows() for block in blocks)


def blocks_of(rows: Iterator[Row]) -> Iterator[Block]:
    """Yield rows by the block."""
    while some := list(islice(rows, TOGETHER)):
        yield Block.of(some)


def checked(line: int, values: list[str]) -> Row:
    """Return the row; a NUL in it is a problem, as no message can hold one."""
    return Row(line, values, "holds a NUL" if "\0" in "".join(values) else "")


class _Object(NamedTuple):
    line: int
    text: str
    record: Mapping[str, Any]
    problem: str = ""


def _objects(lines: Iterable[str]) -> Iterator[_Object]:
    from orjson import JSONDecodeError, loads

    for line, text in enumerate(lines, start=1):
        if text.isspace():
            continue
        try:
            record = loads(text)
        except JSONDecodeError as error:
            yield _Object(line, text, {}, f"is not JSON: {error.msg} (column {error.colno})")
            continue
        if isinstance(record, dict):
            yield _Object(line, text, record)
        else:
            yield _Object(line, text, {}, "is not a JSON object")


def _json_rows(columns: tuple[str, ...], objects: Iterable[_Object]) -> Iterator[Row]:
    known = set(columns)
    for item in objects:
        try:
            values, problem = _json_values(columns, item), item.problem
        except (ValueError, RecursionError):
            values = [""] * len(columns)
            problem = "holds a number that is too long, or is nested too deeply"
        if not item.record.keys() <= known:
            key = min(item.record.keys() - known)
            problem = f"has a key {key!r} that none of the first rows has: give it there, as null"
        yield Row(item.line, values, problem) if problem else checked(item.line, values)


def _json_values(columns: tuple[str, ...], item: _Object) -> list[str]:
    record = item.record
    if not _SIMPLE.issuperset(map(type, record.values())):
        import json

        # The slower parser gives numbers as they are written.
        record = json.loads(item.text, parse_float=_Literal)
    found = map(record.get, columns)
    return [value if type(value) is str else cell(value) for value in found]


class _Literal(float):
    """A number that remembers how it was written."""

    def __new__(cls, text: str) -> _Literal:
        number = super().__new__(cls, text)
        number.text = text
        return number

    text: str

    def __str__(self) -> str:
        return self.text


def _parquet_rows(file: Any, source: str, failures: tuple[type[Exception], ...]) -> Iterator[Row]:
    done = 0
    try:
        for batch in file.iter_batches(10_000):
            columns = map(_column, batch.columns)
            for done, values in enumerate(zip(*columns, strict=True), start=done + 1):  # noqa: B020
                yield checked(done, list(values))
    except failures as error:
        raise InvalidInput(f"{source}: after row {done}: {error}", hint=_WHOLE) from None


def _column(column: Any) -> list[str]:
    """Return an Arrow column as text."""
    from pyarrow import string, types

    if types.is_string(column.type) and not column.null_count:
        values: list[str] = column.to_pylist()
        return values
    if types.is_timestamp(column.type) and column.type.unit == "ns":
        # Nanoseconds have no Python type: Arrow itself writes them.
        text = column.cast(string()).to_pylist()
        return ["" if value is None else value.replace(" ", "T", 1) for value in text]
    return [cell(value) for value in column.to_pylist()]


def _json(value: object) -> str:
    import json

    return json.dumps(value, ensure_ascii=False, default=cell)


def _bytes(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.hex()


def _iso(value: date | time) -> str:
    return value.isoformat()


_SIMPLE = frozenset({str, int, bool, type(None)})
_AS_TEXT: Mapping[type, Callable[[Any], str]] = {
    type(None): lambda _: "",
    bool: lambda value: "true" if value else "false",
    float: lambda value: "" if isnan(value) else repr(value),
    Decimal: lambda value: format(value, "f"),
    bytes: _bytes,
    date: _iso,
    time: _iso,
    datetime: _iso,
    dict: _json,
    list: _json,
    tuple: _json,
}
