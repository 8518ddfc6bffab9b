"""
The rows of a query on SQLite or PostgreSQL: read-only, streamed, every value as text.

Addresses are those of https://docs.sqlalchemy.org/en/20/core/engines.html#database-urls (2026-11):
three slashes for a relative path, four for an absolute one. The query comes last, after
``query=``: as it is written if it holds a blank, else percent-decoded.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import parse_qsl, quote, unquote, unquote_plus, urlsplit

from ...errors import InvalidInput, Unsupported
from .files import existing
from .tables import Row, Table, cell, checked, named

SCHEMES = ("sqlite://", "postgresql://", "postgres://")
QUERY_HINT = "try the query in the database's own shell"
AT_ONCE = 5000  # rows that PostgreSQL sends at a time


def from_sqlite(url: str, folder: Path, source: str, closing: ExitStack) -> Table:
    """Return the rows of a query on a database file, its path relative to ``folder``."""
    import sqlite3

    place, query = _query(url, source)
    name = unquote(place.removeprefix("sqlite://").partition("?")[0].removeprefix("/"))
    path = existing(folder / name, source).absolute()
    try:
        connection = sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)
        closing.callback(connection.close)
        cursor = connection.execute(query)
    except (sqlite3.Error, sqlite3.Warning) as error:  # Warning: two statements, up to 3.11
        _refused(source, error)
    return Table(_columns(cursor, source), _rows(cursor, source, sqlite3.Error))


def from_postgres(url: str, source: str, closing: ExitStack) -> Table:
    """Return the rows of a query; `Unsupported` without the extra ``pg``.

    A password that the address lacks comes from PGPASSWORD or ~/.pgpass, as for psql.
    """
    try:
        import psycopg
        from psycopg.conninfo import make_conninfo
        from psycopg.types.string import TextLoader
    except ImportError:
        raise Unsupported(
            f"{source}: PostgreSQL needs psycopg", hint="pip install 'mktool[pg]'"
        ) from None
    place, query = _query(url, source)
    try:
        connection = psycopg.connect(make_conninfo(**parameters(place, source)))
    except (psycopg.Error, psycopg.Warning) as error:
        _refused(source, error, "try the address, without the query, with psql")
    try:
        closing.callback(connection.close)
        connection.read_only = True
        for kind in ("json", "jsonb"):
            connection.adapters.register_loader(kind, TextLoader)
        cursor = closing.enter_context(connection.cursor(name="mktool_recipients"))
        cursor.itersize = AT_ONCE
        cursor.execute(query.encode())
    except (psycopg.Error, psycopg.Warning) as error:
        _refused(source, error)
    return Table(_columns(cursor, source), _rows(cursor, source, psycopg.Error))


def shown(url: str) -> str:
    """Return the address of a database without user, password and query."""
    scheme, _, rest = url.partition("query=")[0].partition("://")
    place = rest.rpartition("@")[2]  # first: a password may hold a question mark
    return f"{scheme}://{place.partition('?')[0]}"


def _query(url: str, source: str) -> tuple[str, str]:
    """Return the address before the query, and the query."""
    place, found, query = url.partition("query=")
    if not found or place[-1:] not in ("?", "&") or not query.strip():
        raise InvalidInput(
            f"{source}: says no query", hint="add it at the end: ?query=SELECT email FROM people"
        )
    query = query.strip()
    return place[:-1], query if any(c.isspace() for c in query) else unquote_plus(query)


def parameters(place: str, source: str) -> dict[str, Any]:
    """Return what psycopg connects with.

    It would quote an address that it cannot parse, so that is done here: a password with a
    character that has to be encoded must not come up in a message.
    """
    try:
        parts = urlsplit(place)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if not parts.scheme or parts.fragment or "@" in parts.path + parts.query:
        raise InvalidInput(
            f"{source}: the address of the database is not understood",
            hint="postgresql://USER@HOST:PORT/NAME?query=…; in a password, write @ : / ? # as "
            "%40 %3A %2F %3F %23, or leave it to PGPASSWORD",
        )
    given = {
        "host": parts.hostname and unquote(parts.hostname),
        "port": port,
        "user": parts.username and unquote(parts.username),
        "password": parts.password and unquote(parts.password),
        "dbname": unquote(parts.path.removeprefix("/")),
    }
    options = {"connect_timeout": "10", **dict(parse_qsl(parts.query))}
    return options | {name: value for name, value in given.items() if value}


def _columns(cursor: Any, source: str) -> tuple[str, ...]:
    if not cursor.description:
        raise InvalidInput(f"{source}: the query returns no rows", hint="it has to be a SELECT")
    return named([column[0] for column in cursor.description], source)


def _rows(cursor: Any, source: str, failure: type[Exception]) -> Iterator[Row]:
    try:
        for line, values in enumerate(cursor, start=1):
            yield checked(line, [v if type(v) is str else cell(v) for v in values])
    except failure as error:
        _refused(source, error)


def _refused(source: str, error: Exception, hint: str = QUERY_HINT) -> NoReturn:
    words = " ".join(str(error).split())
    raise InvalidInput(f"{source}: {words}", hint=hint) from None
