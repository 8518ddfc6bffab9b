"""Where records are put: a .csv or .jsonl file, or a table in SQLite or PostgreSQL."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol
from urllib.parse import parse_qsl, quote

from ...errors import InvalidInput
from ...records import Record
from ...store.replica import Held, Replica
from ...store.worklist import Edit
from ..lists.queries import SCHEMES
from ..lists.recipients import shown
from . import files, tables

_TABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_ .-]{0,62}")


class Target(Protocol):
    """A file or a table."""

    @property
    def at_once(self) -> bool:
        """Whether a page is on our side as soon as it was taken."""

    @property
    def has_rows(self) -> object:
        """Whether it is a table with rows."""

    @property
    def is_new(self) -> bool:
        """Whether it is a table without any."""

    def take(self, records: Sequence[Record]) -> None:
        """Put a page of records in, and mark the deleted ones."""

    def finish(self, replica: Replica) -> None:
        """Have all in it that is known."""

    def merge(
        self, edits: Callable[[], Iterable[Edit]], news: Iterable[Held], known_by: str,
        replica: Replica,
    ) -> list[int]:  # fmt: skip
        """Change the rows that are there, found by id, line or the key in the field ``known_by``,
        and add records; what else is there stays. Return the edits that came too late: their rows
        are not any more as they were read."""

    def close(self) -> None:
        """Close what is open."""


def is_database(address: str) -> bool:
    return address.startswith(SCHEMES)


def open_target(address: str, table: str, names: Mapping[str, str]) -> Target:
    """Return what ``address`` names: FILE.csv, FILE.jsonl, sqlite:///FILE or postgresql://….

    ``?table=`` names another table than ``table``, and ``names`` gives the column of a field where
    that is not its own name. Raises `InvalidInput`, `StorageError` or `Unsupported`.
    """
    if not is_database(address):
        return files.File(address, names)
    place, options, table = _parts(address, table)
    if not _TABLE.fullmatch(table):
        raise InvalidInput(f"{table!r} cannot be the name of a table", hint="?table=contacts")
    if address.startswith("sqlite://"):
        return tables.Table(tables.connect_sqlite(place), table, names)
    return tables.Table(tables.connect_postgres(place, options), table, names)


def table_query(address: str, table: str) -> str:
    """Return the address of a database as one of a list of rows: all of the table, unless it has a
    query already."""
    if not is_database(address) or "query=" in address:
        return address
    place, options, table = _parts(address, table)
    named = '"' + table.replace('"', '""') + '"'
    rest = "".join(f"{name}={quote(value)}&" for name, value in options.items())
    return f"{place}?{rest}query=select * from {named}"  # noqa: S608 - quoted


def place_of(address: str, table: str) -> str:
    """Return what tells a file or table from all others, without a user and a password."""
    if address == "-" or ("://" in address and not is_database(address)):
        return shown(address)
    if not is_database(address):
        return str(Path(address).expanduser().resolve())
    place = shown(address)
    if address.startswith("sqlite://"):
        place = f"sqlite:///{tables.sqlite_path(place).resolve()}"
    if "query=" in address:
        return place
    return f"{place}?table={_parts(address, table)[2]}"


def fingerprint(address: str) -> str:
    """Return what changes when a file does; "" where there is none, or for a database."""
    with contextlib.suppress(OSError):
        if not is_database(address):
            return files.fingerprint(Path(address).expanduser().stat())
    return ""


def _parts(address: str, table: str) -> tuple[str, dict[str, str], str]:
    """Return the address without its options, these, and the name of the table."""
    place, _, query = address.partition("?")
    options = dict(parse_qsl(query))
    table = options.pop("table", table)
    return place, options, table
