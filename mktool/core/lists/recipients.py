"""A list of people or records: a file, standard input or a query, read once as a stream."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from io import BufferedReader
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, cast

from ...errors import InvalidInput
from ...message import Channel
from . import delimited, queries, tables
from .files import existing
from .lines import Lines
from .tables import Block, Row, Table, blocks_of

__all__ = ["Row", "Rows", "address_column", "open_list", "shown", "status_column", "text_of"]

_SIGNATURES = (
    (b"PK\x03\x04", "is a spreadsheet or an archive", "save it as CSV (UTF-8)"),
    (b"\xd0\xcf\x11\xe0", "is a spreadsheet", "save it as CSV (UTF-8)"),
    (b"SQLite format 3\0", "is a database", "sqlite:///FILE?query=SELECT email FROM people"),
    (b"PAR1", "is Parquet", "read it from a file named .parquet"),
    (b"%PDF", "is a PDF", "save it as CSV (UTF-8)"),
)

_WAYS = "a .csv, .jsonl or .parquet file, -, sqlite:///FILE?query=… or postgresql://…?query=…"

# Without case, blanks and punctuation; the first one that is there is taken. The last is what
# `campaign export` calls it.
_NAMES: dict[Channel, tuple[str, ...]] = {
    "email": (
        "email", "emailaddress", "mail", "mailaddress", "emailaddr", "subscriberemail",
        "contactemail", "customeremail", "useremail", "primaryemail", "email1", "email1value",
        "emailadresse", "mailadresse", "emailadres", "adresseemail", "adressemail", "courriel",
        "correo", "correoelectronico", "correoelectrónico", "address",
    ),
    "sms": (
        "phone", "phonenumber", "mobile", "mobilephone", "mobilenumber", "mobilephonenumber",
        "cell", "cellphone", "cellnumber", "msisdn", "sms", "smsnumber", "smsphonenumber", "tel",
        "telephone", "telephonenumber", "phone1value", "handy", "handynummer", "mobil",
        "mobilnummer", "mobiltelefon", "telefon", "telefonnummer", "telefoonnummer", "telefono",
        "teléfono", "movil", "móvil", "portable", "gsm", "address",
    ),
}  # fmt: skip


class Rows:
    """The rows of a list, to be read once inside ``with``.

    ``source`` names the list in messages, without a password; ``columns`` are the names of what
    each `Row.values` holds, ``guarded`` and ``status`` are what they are of a `Table`.
    """

    def __init__(self, source: str, table: Table, closing: ExitStack, lines: Lines | None) -> None:
        self.source, self.columns = source, table.columns
        self.guarded, self.status = table.guarded, table.status
        self._rows, self._blocks = table.rows, table.blocks
        self._closing, self._lines = closing, lines

    @property
    def encoding(self) -> str:
        """How the text is encoded, final when it is read to its end; "" for what is no text."""
        return self._lines.encoding if self._lines else ""

    def __iter__(self) -> Iterator[Row]:
        return self._rows

    def blocks(self) -> Iterator[Block]:
        """Return the rows by the block, in place of one by one."""
        return self._blocks or blocks_of(self._rows)

    def __enter__(self) -> Rows:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closing.close()


def open_list(
    source: str, folder: Path, stdin: BinaryIO | None = None, *, bare: bool = False,
    exact: bool = False,
) -> Rows:  # fmt: skip
    """Open a list: a path relative to ``folder``, ``-``, or a database's address.

    Files are CSV, JSON Lines (both also gzipped) or Parquet, told by the name, else by the
    content. ``bare``: a text whose first line is an address has one in each line, and no names of
    columns. ``exact``: cells are as they are written. `InvalidInput` or `Unsupported` if it cannot
    be read.
    """
    name = shown(source)
    with ExitStack() as closing:
        lines = cast(Lines | None, None)
        if source.startswith("sqlite://"):
            table = queries.from_sqlite(source, folder, name, closing)
        elif source.startswith(queries.SCHEMES):
            table = queries.from_postgres(source, name, closing)
        elif Path(source).suffix.lower() == ".parquet":
            table = tables.from_parquet(existing(folder / source, name), name, closing)
        elif "://" in source:
            raise InvalidInput(f"{name}: there is no way to read it", hint=_WAYS)
        else:
            file = _file(source, folder, name, stdin, closing)
            lines = Lines(_unpacked(file, name, closing), name)
            addresses = tables.from_addresses(lines) if bare else None
            table = addresses or _text_table(lines, source, name, exact=exact)
        return Rows(name, table, closing.pop_all(), lines)


def text_of(source: str, folder: Path, stdin: BinaryIO | None, closing: ExitStack) -> Lines:
    """Return the lines of a file, also a gzipped one, or of standard input (``-``)."""
    name = shown(source)
    return Lines(_unpacked(_file(source, folder, name, stdin, closing), name, closing), name)


def shown(source: str) -> str:
    """Return how messages and reports name a list: without a password and a query."""
    if source == "-":
        return "standard input"
    return queries.shown(source) if "://" in source else source


def address_column(columns: Sequence[str], channel: Channel) -> str:
    """Return the column that holds the address or number; `InvalidInput` lists the columns."""
    exact = _NAMES[channel][0]
    if exact in columns:
        return exact
    for wanted in _NAMES[channel]:
        found = [name for name in columns if re.sub(r"[\W_]+", "", name.lower()) == wanted]
        if len(found) == 1:
            return found[0]
        if found:
            break
    raise InvalidInput(
        f"which column holds the {exact} is not clear; there are {tables.told(columns)}",
        hint=f"name the column {exact}, or say it in the campaign's file:"
        f' column = "{tables.told(columns[:1])}"',
    )


def status_column(columns: Sequence[str]) -> str:
    """Return the column whose value is "enabled" for whom may be written to, or "".

    Exports of subscribers from listmonk have it (https://listmonk.app/docs/, read 2026-11).
    """
    return "status" if {"uuid", "email", "status"} <= set(columns) else ""


def _file(
    source: str, folder: Path, name: str, stdin: BinaryIO | None, closing: ExitStack
) -> BufferedReader[Any]:
    if source != "-":
        path = existing(folder / Path(source).expanduser(), name)
        try:
            return closing.enter_context(path.open("rb"))
        except OSError as error:
            raise InvalidInput(f"{name}: {error.strerror}", hint=f"ls -l {path}") from None
    if stdin is None:
        import sys

        stdin = sys.stdin.buffer
    file = BufferedReader(cast(Any, stdin))
    closing.callback(file.detach)  # it is not ours to close
    return file


def _unpacked(file: BufferedReader[Any], name: str, closing: ExitStack) -> BinaryIO:
    try:
        start = file.peek(16)
    except OSError as error:
        raise InvalidInput(f"{name}: {error.strerror}") from None
    for signature, is_what, hint in _SIGNATURES:
        if start.startswith(signature):
            raise InvalidInput(f"{name}: {is_what}", hint=hint)
    if not start.startswith(b"\x1f\x8b"):
        return file
    import gzip

    return cast(BinaryIO, closing.enter_context(gzip.GzipFile(fileobj=file)))


def _text_table(lines: Lines, source: str, name: str, *, exact: bool) -> Table:
    if not lines.head.strip("\ufeff \t\r\n"):
        raise InvalidInput(f"{name}: is empty", hint="its first line names the columns")
    if lines.head.lstrip("\ufeff \t\r\n").startswith("<"):
        raise InvalidInput(
            f"{name}: is a web page or XML",
            hint="export the list as CSV; a login page comes so too",
        )
    suffix = Path(source.lower().removesuffix(".gz")).suffix
    is_json = lines.head.lstrip("\ufeff \t\r\n")[0] in "{["
    if suffix in (".csv", ".tsv", ".txt"):
        is_json = False
    elif suffix in (".jsonl", ".ndjson", ".json"):
        is_json = True
    if is_json:
        return tables.from_json(lines, name)
    return delimited.from_csv(lines, name, exact=exact)
