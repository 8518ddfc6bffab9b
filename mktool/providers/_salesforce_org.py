"""One Salesforce org: its SOQL, and what its objects consist of.

https://developer.salesforce.com/docs/platform/api-rest/guide (read 2026-11). Part of the vendor
file beside it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

from .. import errors as e
from ..http.client import Calls
from ..http.reply import Reply
from ..records import number_of
from ..spec import Endpoint
from ..text.runs import packed

DATA = "/services/data/{}"
QUERY = Endpoint("query", "GET", f"{DATA}/query", exact=True)
QUERY_ALL = Endpoint("query", "GET", f"{DATA}/queryAll", exact=True)  # the deleted ones too
MORE = Endpoint("query", "GET", f"{DATA}/query/{{}}", exact=True)
DESCRIBE = Endpoint("describe", "GET", f"{DATA}/sobjects/{{}}/describe")
ID = re.compile(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?")
NAME = re.compile(r"[A-Za-z]\w*(?:\.[A-Za-z]\w*)*", re.ASCII)
# soql_sosl: sforce_api_calls_soql_select_quotedstringescapes (2026-11)
ESCAPES = {"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b",
           "\f": "\\f"}  # fmt: skip
NUMBERS = frozenset({"int", "long", "double", "currency", "percent"})
UNQUOTED = {"boolean": r"true|false", "date": r"\d{4}-\d\d-\d\d",
            "datetime": r"\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:?\d\d)"}  # fmt: skip
ADDRESS = 9000  # characters of a query: encoded in an address, some 16,000 are the most
MANY = 200


class Column(NamedTuple):
    """A field of an object; ``key``: records can be upserted by it; ``writable``: by us."""

    name: str
    type: str
    key: bool = False
    writable: bool = True


class Org:
    """What the calls of one account share; what an object consists of is asked once."""

    def __init__(self, client: Calls) -> None:
        self.client = client
        self._columns: dict[str, dict[str, Column]] = {}

    def call(self, endpoint: Endpoint, /, *path: str, **parts: Any) -> Reply:
        version = self.client.options.get("api_version", "")
        return self.client.call(endpoint, f"v{version.removeprefix('v')}", *path, **parts)

    def rows(self, soql: str, *, deleted: bool = False) -> Iterator[Reply]:
        """Yield what a query selects, all of it."""
        page = self.call(QUERY_ALL if deleted else QUERY, query={"q": soql})
        page.need("done")  # an answer that says nothing is not an empty one
        while True:
            yield from page.each("records")
            if page.get("done") is not False:
                return
            page = self.call(MORE, page.need("nextRecordsUrl").rpartition("/")[2])

    def count(self, source: str, *, deleted: bool = False) -> int:
        """Return how many records there are FROM an object WHERE something is so."""
        soql = select(["COUNT()"], source)
        page = self.call(QUERY_ALL if deleted else QUERY, query={"q": soql})
        return int(page.number("totalSize"))

    def columns(self, object: str) -> dict[str, Column]:
        """Return the fields of an object by their names in lower case, as people write them."""
        if object not in self._columns:
            reply = self.call(DESCRIBE, object)
            reply.need("name")
            self._columns[object] = {
                row.need("name").lower(): Column(
                    row.need("name"), row.need("type"), row.get("externalId") is True,
                    row.get("createable") is not False or row.get("updateable") is not False,
                )
                for row in reply.each("fields")
            }  # fmt: skip
        return self._columns[object]

    def page(self, object: str, id: str) -> str:
        """Return where a person looks at a record."""
        home = self.client.options.get("instance_url", "").rstrip("/")
        return f"{home}/lightning/r/{object}/{id}/view" if home else ""

    def among(self, query: str, literals: Iterable[str]) -> Iterator[Reply]:
        """Yield what a query selects that ends with the name of a field, which is one of these."""
        room = max(ADDRESS - len(query), ADDRESS // 8)
        for some in packed(list(dict.fromkeys(literals)), room, len, MANY):
            yield from self.rows(f"{query} IN ({', '.join(some)})")


def select(fields: Iterable[str], source: str) -> str:
    """Return a query; ``source`` is an object and its WHERE, in which all values are quoted."""
    return f"SELECT {', '.join(fields)} FROM {source}"  # noqa: S608


def quoted(text: str, *, like: bool = False) -> str:
    """Return a text as SOQL has it, so that it ends where it should; ``like``: its % and _ too."""
    escaped = "".join(ESCAPES.get(c, c) for c in text)
    if like:
        escaped = "%" + re.sub(r"([%_])", r"\\\1", escaped) + "%"
    return f"'{escaped}'"


def literal(column: Column, text: str) -> str:
    """Return a value as SOQL compares it with a field; `InvalidInput` if it cannot be one."""
    pattern = UNQUOTED.get(column.type)
    if column.type not in NUMBERS and pattern is None:
        return quoted(text)
    if number_of(text) is None if pattern is None else not re.fullmatch(pattern, text):
        raise e.InvalidInput(f"{column.name}: {text[:40]!r} is no {column.type}")
    return text


def named(name: str) -> str:
    """Return the name of a field or an object, which stands in SOQL as it is."""
    if not NAME.fullmatch(name):
        raise e.InvalidInput(f"{name[:60]!r} is no name of a Salesforce field")
    return name


def instant(at: float) -> str:
    """Return a time as SOQL has it: in UTC, to the second."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"
