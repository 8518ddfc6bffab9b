"""Records in a table of SQLite or PostgreSQL: a row for each, all columns text."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from ...errors import InvalidInput, StorageError, Unsupported
from ...records import Record
from ...store.replica import Held, Replica, identity
from ...store.worklist import Edit
from ..lists.queries import parameters
from ..lists.tables import cell
from .columns import DELETED, ID, MODIFIED, OWN, claimed, column_of, moment

PAGE = 500  # records put in at once
LONGEST = 63  # bytes of a name in PostgreSQL, which cuts the rest off


class Table:
    """A table; a page is durable when it was taken, and a new field is a new column."""

    at_once = True

    def __init__(self, db: Any, table: str, names: Mapping[str, str]) -> None:
        self.db, self.names = db, names
        self.lite = isinstance(db, sqlite3.Connection)
        self.mark = "?" if self.lite else "%s"
        self.table = self._quoted(table)
        self._taken = dict.fromkeys(OWN, "mktool's own")
        with self._transaction():
            self.columns = self._create(table)
            self.has_rows = self._execute(f"select 1 from {self.table} limit 1").fetchone()  # noqa: S608 - quoted
            self.is_new = not self.has_rows

    def take(self, records: Sequence[Record]) -> None:
        """Put a page in, and mark what was deleted."""
        kept = {r.id: r for r in records if r.values or not r.deleted}
        with self._transaction():
            names = list(dict.fromkeys(name for r in kept.values() for name in r.values))
            columns = [self._column(name) for name in names]
            self._many(
                self._upsert([ID, MODIFIED, DELETED, *columns]),
                [
                    (r.id, moment(r.modified), int(r.deleted), *map(r.values.get, names))
                    for r in kept.values()
                ],
            )
            self._many(
                f"update {self.table} set {self._quoted(DELETED)} = 1"  # noqa: S608 - quoted
                f" where {self._quoted(ID)} = {self.mark}",
                [(r.id,) for r in records if r.deleted and r.id not in kept],
            )

    def finish(self, replica: Replica) -> None:
        """Put in what was read when this table was not at hand, or another one."""
        while owed := replica.owed(PAGE):
            self.take(owed)
            replica.paid(owed)

    def merge(
        self, edits: Callable[[], Iterable[Edit]], news: Iterable[Held], known_by: str,
        replica: Replica,
    ) -> list[int]:  # fmt: skip
        contested = []
        with self._transaction():
            self._name(edits(), self._quoted(self._column(known_by)) if known_by else "")
            for edit in edits():
                if (edit.values or edit.gone is not None) and not self._edit(edit):
                    contested.append(edit.seq)
        waiting = (Record(held.id, held.theirs, held.modified) for held in news)
        while page := list(islice(waiting, PAGE)):
            self.take(page)
        return contested

    def close(self) -> None:
        with contextlib.suppress(Exception):
            self.db.close()

    # -- rows that are there -------------------------------------------------------------------

    def _edit(self, edit: Edit) -> bool:
        """Give a row what it gets, unless it is not any more as it was read."""
        given: dict[str, Any] = {self._column(n): value for n, value in edit.values.items()}
        old = {self._column(n): value for n, value in edit.old.items()}
        where = f"where {self._quoted(ID)} = {self.mark}"
        if old:
            asked = ", ".join(map(self._quoted, old))
            row = self._execute(f"select {asked} from {self.table} {where}", (edit.id,)).fetchone()  # noqa: S608 - quoted
            if row is None or [cell(v) or None for v in row] != [v or None for v in old.values()]:
                return False
        if edit.gone is not None:
            given[DELETED] = int(edit.gone)
        if edit.modified is not None:
            given[MODIFIED] = moment(edit.modified)
        sets = ", ".join(f"{self._quoted(name)} = {self.mark}" for name in given)
        self._execute(f"update {self.table} set {sets} {where}", (*given.values(), edit.id))  # noqa: S608 - quoted
        return True

    def _name(self, edits: Iterable[Edit], by_key: str) -> None:
        """Give rows without an id theirs, found by their keys; of two with one key, the first."""
        nameless = ((e.key, e.id) for e in edits if e.id and e.key and not e.named)
        first = next(nameless, None)
        if first is None or not by_key:
            return
        by_id, ref = self._quoted(ID), "rowid" if self.lite else "ctid"
        least = f"min(t.{ref})" if self.lite else f"(array_agg(t.{ref}))[1]"
        for name in ("mktool_ids", "mktool_keys"):
            self._execute(f"drop table if exists {name}")
            self._execute(f"create temporary table {name} (name text primary key, value text)")
        values = f"values ({self.mark}, {self.mark})"
        while first is not None:
            page = [first, *islice(nameless, PAGE - 1)]
            self._many(f"insert into mktool_ids {values}", page)
            first = next(nameless, None)
        keys = self._stream(f"select distinct {by_key} from {self.table} where {by_id} is null")  # noqa: S608 - quoted
        while found := keys.fetchmany(PAGE):
            spelt = [(raw, identity(cell(raw))) for (raw,) in found if raw is not None]
            self._many(f"insert into mktool_keys {values}", spelt)
        keys.close()
        self._execute(
            f"update {self.table} set {by_id} = found.id from (select {least} as ref, i.value as id"  # noqa: S608 - quoted
            f" from {self.table} t join mktool_keys k on k.name = {self._text(f't.{by_key}')}"
            f" join mktool_ids i on i.name = k.value where t.{by_id} is null and not exists"
            f" (select 1 from {self.table} o where {self._text(f'o.{by_id}')} = i.value)"
            f" group by i.value) as found where {self.table}.{ref} = found.ref"
        )

    def _text(self, column: str) -> str:
        return column if self.lite else f"{column}::text"

    # -- the table itself ----------------------------------------------------------------------

    def _create(self, table: str) -> dict[str, str]:
        """Make the table, or what it lacks, and return its columns by `_same`."""
        own = {
            ID: "text unique", MODIFIED: "text", DELETED: "integer not null default 0",
        }  # fmt: skip
        described = ", ".join(f"{self._quoted(name)} {kind}" for name, kind in own.items())
        self._execute(f"create table if not exists {self.table} ({described})")
        cursor = self._execute(f"select * from {self.table} limit 0")  # noqa: S608 - quoted
        columns = {self._same(column[0]): column[0] for column in cursor.description}
        for name, kind in own.items():
            if name not in columns:
                self._add(name, kind.removesuffix(" unique"))
                columns[name] = name
        # Without it no row could be found by its id, and a second one could have it.
        index = self._quoted(f"mktool_{table}"[:LONGEST])
        self._execute(
            f"create unique index if not exists {index} on {self.table} ({self._quoted(ID)})"
        )
        return columns

    def _column(self, field: str) -> str:
        """Return the column of a field, a new one if need be."""
        name = column_of(field, self.names)
        if not self.lite and len(name.encode()) > LONGEST:
            raise InvalidInput(
                f"{name}: is too long for the name of a column in PostgreSQL",
                hint=f'a shorter one, in the configuration: [map.PROVIDER.KIND] {field} = "NAME"',
            )
        same = claimed(self._same(name), field, self._taken)
        if same not in self.columns:
            self._add(name, "text")
            self.columns[same] = name
        return self.columns[same]

    def _same(self, name: str) -> str:
        """Return what two names of one column share: in SQLite their case does not count."""
        return name.lower() if self.lite else name

    def _add(self, column: str, kind: str) -> None:
        self._execute(f"alter table {self.table} add column {self._quoted(column)} {kind}")

    def _upsert(self, columns: Sequence[str]) -> str:
        quoted = [self._quoted(name) for name in columns]
        sets = ", ".join(f"{name} = excluded.{name}" for name in quoted[1:])
        return (
            f"insert into {self.table} ({', '.join(quoted)})"  # noqa: S608 - quoted
            f" values ({', '.join([self.mark] * len(quoted))})"
            f" on conflict ({quoted[0]}) do update set {sets}"
        )

    def _quoted(self, name: str) -> str:
        quoted = '"' + name.replace('"', '""') + '"'
        return quoted if self.lite else quoted.replace("%", "%%")  # else it marks a value

    def _execute(self, sql: str, values: Sequence[Any] = ()) -> Any:
        cursor = self.db.cursor()
        cursor.execute(sql, values)
        return cursor

    def _stream(self, sql: str) -> Any:
        cursor = self.db.cursor() if self.lite else self.db.cursor(name="mktool_keys")
        cursor.execute(sql, ())
        return cursor

    def _many(self, sql: str, rows: Sequence[tuple[Any, ...]]) -> None:
        if rows:
            self.db.cursor().executemany(sql, rows)

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        """One transaction; what the database refuses is `StorageError`."""
        try:
            if self.lite:
                self.db.execute("begin immediate")
            yield
            self.db.commit()
        except BaseException as error:
            with contextlib.suppress(Exception):
                self.db.rollback()
            if not type(error).__module__.startswith(("sqlite3", "psycopg")):
                raise
            words = " ".join(str(error).split())
            hint = "--fields A,B reads fewer" if "columns" in words else _TRY
            raise StorageError(f"{self.table}: {words}", hint=hint) from None


_TRY = "try it in the database's own shell"


def sqlite_path(place: str) -> Path:
    """Return the file that sqlite:///FILE names; `InvalidInput` if there is none in it."""
    path = Path(unquote(place.removeprefix("sqlite://").removeprefix("/"))).expanduser()
    if not path.name:
        raise InvalidInput(f"{place}: names no file", hint="sqlite:///crm.db")
    return path


def connect_sqlite(place: str) -> Any:
    path = sqlite_path(place)
    try:
        return sqlite3.connect(path, timeout=30.0, isolation_level=None)
    except sqlite3.Error as error:
        raise StorageError(f"{path}: {error}", hint=f"ls -ld {path.parent}") from None


def connect_postgres(place: str, options: Mapping[str, str]) -> Any:
    try:
        import psycopg
        from psycopg.types.string import TextLoader
    except ImportError:
        raise Unsupported("PostgreSQL needs psycopg", hint="pip install 'mktool[pg]'") from None
    try:
        db = psycopg.connect(**{**parameters(place, "the target"), **options})
    except (psycopg.Error, psycopg.Warning) as error:
        words = " ".join(str(error).split())
        raise StorageError(f"the target: {words}", hint="try it with psql") from None
    for kind in ("json", "jsonb"):
        db.adapters.register_loader(kind, TextLoader)
    return db
