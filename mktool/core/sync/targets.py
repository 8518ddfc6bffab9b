"""Where records are put: a .csv or .jsonl file, or a table in SQLite or PostgreSQL."""

from __future__ import annotations

import contextlib
import csv
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import chain, islice
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qsl, quote, unquote

from ...errors import InvalidInput, StorageError, Unsupported
from ...records import Record, Values
from ...store.replica import Held, Replica
from ...store.worklist import Edit
from ...text.cells import guarded, unguarded
from ..campaign.export import replacing
from ..campaign.queries import parameters
from ..campaign.recipients import Rows, open_list

ID, MODIFIED, DELETED = "id", "modified_at", "deleted"
OWN = (ID, MODIFIED, DELETED)  # columns that are ours: the vendor's id, time of change, tombstone
PAGE = 500  # records put in at once
_SCHEMES = ("sqlite://", "postgresql://", "postgres://")


class Target(Protocol):
    """A file or a table. ``names`` gives the column of a field where that is not its own name."""

    def take(self, records: Sequence[Record]) -> None:
        """Put a page of records in, and mark the deleted ones."""

    def finish(self, replica: Replica) -> None:
        """Make it durable, from all that is known where it is written as a whole."""

    def merge(self, edits: Iterable[Edit], news: Iterable[Held], known_by: str) -> None:
        """Change the rows that are there, found by id, line or the key in the field ``known_by``,
        and add records; what else is there stays."""

    def close(self) -> None:
        """Close what is open."""


def open_target(address: str, table: str, names: Mapping[str, str]) -> Target:
    """Return what ``address`` names: FILE.csv, FILE.jsonl, sqlite:///FILE or postgresql://….

    ``?table=`` names another table than ``table``. Raises `InvalidInput` or `Unsupported`.
    """
    if not address.startswith(_SCHEMES):
        return _File(address, names)
    place, _, query = address.partition("?")
    options = dict(parse_qsl(query))
    table = options.pop("table", table)
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_ .-]{0,62}", table):
        raise InvalidInput(f"{table!r} cannot be the name of a table", hint="?table=contacts")
    if address.startswith("sqlite://"):
        return _Table(_sqlite(place), table, names, mark="?")
    return _Table(_postgres(place, options, address), table, names, mark="%s")


def table_query(address: str, table: str) -> str:
    """Return the address of a database as one of a list of rows: all of the table, unless it has a
    query already."""
    if not address.startswith(_SCHEMES) or "query=" in address:
        return address
    place, _, query = address.partition("?")
    options = dict(parse_qsl(query))
    named = _quoted(options.pop("table", table))
    rest = "".join(f"{name}={quote(value)}&" for name, value in options.items())
    return f"{place}?{rest}query=select * from {named}"  # noqa: S608 - quoted


def fingerprint(address: str) -> str:
    """Return what changes when a file does; "" where there is none, or for a database."""
    if address.startswith(_SCHEMES):
        return ""
    with contextlib.suppress(OSError):
        about = Path(address).expanduser().stat()
        return f"{about.st_mtime_ns}-{about.st_size}"
    return ""


def as_columns(values: Values, names: Mapping[str, str]) -> dict[str, str | None]:
    """Return values by column; a field of the vendor's that has the name of one of ours gets an
    underscore."""
    return {column_of(name, names): value for name, value in values.items()}


def column_of(field: str, names: Mapping[str, str]) -> str:
    """Return the column that holds a field."""
    name = names.get(field, field)
    return f"{name}_" if name.lower() in OWN and field not in names else name


def moment(at: float | None) -> str | None:
    """Return epoch seconds as ISO 8601 in UTC, to the millisecond."""
    if at is None:
        return None
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")


class _File:
    """A file, written anew as a whole when everything was read."""

    def __init__(self, address: str, names: Mapping[str, str]) -> None:
        self.path, self.names = Path(address).expanduser(), names
        if self.path.suffix.lower() not in (".csv", ".jsonl", ".ndjson"):
            raise InvalidInput(
                f"{address}: neither .csv nor .jsonl, nor a database",
                hint="FILE.csv, FILE.jsonl, sqlite:///FILE.db or postgresql://USER@HOST/NAME",
            )
        if self.path.exists() and not self.path.is_file():
            raise InvalidInput(f"{address}: is no file")
        if not self.path.parent.is_dir():
            raise InvalidInput(f"{self.path.parent}: there is no such folder")

    def take(self, records: Sequence[Record]) -> None:
        """The file is written at the end."""

    def finish(self, replica: Replica) -> None:
        columns = [column_of(name, self.names) for name in replica.columns()]
        with replacing(self.path) as file:
            if self.path.suffix.lower() != ".csv":
                for row in self._rows(replica):
                    file.write(json.dumps(row, ensure_ascii=False) + "\n")
                return
            table = csv.writer(file, lineterminator="\n")
            table.writerow([ID, *columns, MODIFIED, DELETED])
            for row in self._rows(replica):
                table.writerow(
                    [guarded(row.get(name) or "") for name in (ID, *columns, MODIFIED)]
                    + [1 if row[DELETED] else ""]
                )

    def _rows(self, replica: Replica) -> Iterator[dict[str, Any]]:
        for held in replica.records():
            yield self._row(held)

    def _row(self, held: Held) -> dict[str, Any]:
        return {
            ID: held.id, **as_columns(held.theirs, self.names),
            MODIFIED: moment(held.modified), DELETED: held.deleted,
        }  # fmt: skip

    def merge(self, edits: Iterable[Edit], news: Iterable[Held], known_by: str) -> None:
        with open_list(str(self.path), Path()) as old, replacing(self.path) as file:
            columns = list(old.columns) + [c for c in (ID, DELETED) if c not in old.columns]
            is_csv = self.path.suffix.lower() == ".csv"
            table = csv.writer(file, lineterminator="\n")
            if is_csv:
                table.writerow(columns)
            for row in chain(self._edited(old, edits), map(self._row, news)):
                if is_csv:
                    told = {**row, DELETED: 1 if row.get(DELETED) in (True, 1, "1") else ""}
                    table.writerow([guarded(str(told.get(name) or "")) for name in columns])
                else:
                    file.write(json.dumps(row, ensure_ascii=False) + "\n")

    def _edited(self, old: Rows, edits: Iterable[Edit]) -> Iterator[dict[str, Any]]:
        """Yield the rows of the file with what they get; an edit and its row have one line."""
        waiting = iter(edits)
        edit = next(waiting, None)
        for row in old:
            cells: dict[str, Any] = {
                name: unguarded(cell) for name, cell in zip(old.columns, row.values, strict=True)
            }
            if edit is not None and edit.line == row.line:
                cells |= {ID: edit.id or cells.get(ID), **as_columns(edit.values, self.names)}
                cells |= {DELETED: True} if edit.gone else {}
                edit = next(waiting, None)
            yield cells

    def close(self) -> None:
        """It is not open between."""


class _Table:
    """A table with a row for each record, all columns text; a new field is a new column."""

    def __init__(self, db: Any, table: str, names: Mapping[str, str], *, mark: str) -> None:
        self.db, self.names, self.mark = db, names, mark
        self.table = _quoted(table)
        with self._guard():
            self._execute(
                f"create table if not exists {self.table} ({_quoted(ID)} text primary key,"
                f" {_quoted(MODIFIED)} text, {_quoted(DELETED)} integer not null default 0)"
            )
            cursor = self._execute(f"select * from {self.table} limit 0")  # noqa: S608 - quoted
            self.columns = {column[0] for column in cursor.description}
            for name, kind in ((MODIFIED, "text"), (DELETED, "integer not null default 0")):
                self._add(name, kind)
            self.db.commit()

    def take(self, records: Sequence[Record]) -> None:
        live = [r for r in records if not r.deleted]
        with self._guard():
            names = list(dict.fromkeys(name for r in live for name in r.values))
            columns = [column_of(name, self.names) for name in names]
            for column in columns:
                self._add(column)
            if live:
                self._many(
                    self._upsert([ID, MODIFIED, DELETED, *columns]),
                    [
                        (r.id, moment(r.modified), 0, *map(r.values.get, names))
                        for r in {r.id: r for r in live}.values()
                    ],
                )
            self._many(
                f"update {self.table} set {_quoted(DELETED)} = 1 where {_quoted(ID)} = {self.mark}",  # noqa: S608 - quoted
                [(r.id,) for r in records if r.deleted],
            )
            self.db.commit()

    def finish(self, replica: Replica) -> None:
        """Each page is durable already."""

    def merge(self, edits: Iterable[Edit], news: Iterable[Held], known_by: str) -> None:
        by_id, by_key = _quoted(ID), _quoted(column_of(known_by, self.names))
        with self._guard():
            for edit in edits:
                changed = as_columns(edit.values, self.names) | ({DELETED: 1} if edit.gone else {})
                if edit.made:
                    self._execute(
                        f"update {self.table} set {by_id} = {self.mark} where {by_id} is null"  # noqa: S608 - quoted
                        f" and lower({by_key}) = lower({self.mark})",
                        (edit.id, edit.key),
                    )
                if changed:
                    sets = ", ".join(f"{_quoted(name)} = {self.mark}" for name in changed)
                    self._execute(
                        f"update {self.table} set {sets} where {by_id} = {self.mark}",  # noqa: S608 - quoted
                        (*changed.values(), edit.id),
                    )
            self.db.commit()
        waiting = (Record(held.id, held.theirs, held.modified) for held in news)
        while page := list(islice(waiting, PAGE)):
            self.take(page)

    def close(self) -> None:
        with contextlib.suppress(Exception):
            self.db.close()

    def _add(self, column: str, kind: str = "text") -> None:
        if column not in self.columns:
            self._execute(f"alter table {self.table} add column {_quoted(column)} {kind}")
            self.columns.add(column)

    def _upsert(self, columns: Sequence[str]) -> str:
        quoted = [_quoted(name) for name in columns]
        sets = ", ".join(f"{name} = excluded.{name}" for name in quoted[1:])
        return (
            f"insert into {self.table} ({', '.join(quoted)})"  # noqa: S608 - quoted
            f" values ({', '.join([self.mark] * len(quoted))})"
            f" on conflict ({quoted[0]}) do update set {sets}"
        )

    def _execute(self, sql: str, values: Sequence[Any] = ()) -> Any:
        cursor = self.db.cursor()
        cursor.execute(sql, values)
        return cursor

    def _many(self, sql: str, rows: Sequence[tuple[Any, ...]]) -> None:
        if rows:
            self.db.cursor().executemany(sql, rows)

    @contextlib.contextmanager
    def _guard(self) -> Iterator[None]:
        """Turn what a database refuses into `StorageError`; its next step is the person's."""
        try:
            yield
        except Exception as error:
            if not type(error).__module__.startswith(("sqlite3", "psycopg")):
                raise
            words = " ".join(str(error).split())
            raise StorageError(
                f"{self.table}: {words}", hint="try it in the database's own shell"
            ) from None


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _sqlite(place: str) -> Any:
    import sqlite3

    path = Path(unquote(place.removeprefix("sqlite://").removeprefix("/"))).expanduser()
    if not path.name:
        raise InvalidInput(f"{place}: names no file", hint="sqlite:///crm.db")
    try:
        return sqlite3.connect(path, timeout=30.0)
    except sqlite3.Error as error:
        raise StorageError(f"{path}: {error}", hint=f"ls -ld {path.parent}") from None


def _postgres(place: str, options: Mapping[str, str], address: str) -> Any:
    try:
        import psycopg
    except ImportError:
        raise Unsupported("PostgreSQL needs psycopg", hint="pip install 'mktool[pg]'") from None
    try:
        return psycopg.connect(**{**parameters(place, "the target"), **options})
    except (psycopg.Error, psycopg.Warning) as error:
        words = " ".join(str(error).split())
        raise StorageError(f"the target: {words}", hint="try it with psql") from None
