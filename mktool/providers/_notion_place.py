"""Where a page of Notion goes, and what a row of a database holds. Part of the vendor file
beside it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from .. import errors as e
from ..http.client import Calls
from ..http.reply import Reply
from ..report import Span
from ..spec import Endpoint, dig
from ._notion_blocks import texts

PAGE = Endpoint("as a page", "GET", "/v1/pages/{}")
DATABASE = Endpoint("as a database", "GET", "/v1/databases/{}")
SOURCE = Endpoint("as a data source", "GET", "/v1/data_sources/{}")
LOOKS = (PAGE, DATABASE, SOURCE)
SHARE = "share it with the integration (••• > Connections), or: mktool find notion page NAME"
_ID = re.compile(r"[0-9a-f]{8}(?:-?[0-9a-f]{4}){3}-?[0-9a-f]{12}/?$", re.IGNORECASE)
# Columns that are filled in unasked: their names, and what of a meeting goes into which type.
USUAL: tuple[tuple[frozenset[str], Mapping[str, str]], ...] = (
    (frozenset({"date", "when", "meeting date", "day"}), {"date": "when"}),
    (frozenset({"participants", "attendees", "people", "who"}),
     {"people": "emails", "rich_text": "names", "multi_select": "names"}),
    (frozenset({"link", "url", "notes", "meeting link"}), {"url": "link"}),
)  # fmt: skip


class Parent(NamedTuple):
    """A page, or a data source with the types of its columns (None where it did not tell)."""

    id: str
    types: Mapping[str, str] | None = None
    rows: bool = False

    @property
    def ref(self) -> dict[str, str]:
        if self.rows:
            return {"type": "data_source_id", "data_source_id": self.id}
        return {"type": "page_id", "page_id": self.id}


def id_in(text: str) -> str:
    """Return the id in an address, or in an id of either form; "" if there is none."""
    parts = urlsplit(text.strip())
    peek = parse_qs(parts.query).get("p", [""])[0]  # a page that is open beside its database
    found = _ID.search(peek) or _ID.search(parts.path)
    if not found:
        return ""
    digits = found[0].rstrip("/").replace("-", "").lower()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def parent(client: Calls, id: str) -> Parent:
    """Return what a page or row is to be put into.

    Raises `NotFound` if the integration sees nothing there, and `InvalidInput` for a database of
    several data sources.
    """
    for endpoint in LOOKS:
        found = client.call(endpoint, id)
        if found.get("object") == "error":
            continue
        if endpoint is PAGE:
            return Parent(id)
        return _rows(found if endpoint is SOURCE else client.call(SOURCE, _only(found)))
    raise e.NotFound("no page or database that the integration sees", found.where, hint=SHARE)


def _only(database: Reply) -> str:
    sources = database.each("data_sources")
    if len(sources) == 1:
        return sources[0].need("id")
    told = ", ".join(f"{one.need('id')} ({one.get('name') or '?'})" for one in sources)
    raise e.InvalidInput(
        f"Notion: the database has {len(sources)} data sources", hint=f"--set parent=ID: {told}"
    )


def _rows(source: Reply) -> Parent:
    columns = source.object("properties")
    types = {name: str(dig(column, "type")) for name, column in columns.items()}
    return Parent(source.need("id"), types or None, rows=True)


def properties(
    where: Parent, title: str, usual: Mapping[str, str], fields: Mapping[str, str],
    id_of: Callable[[str], str],
) -> dict[str, Any]:  # fmt: skip
    """Return what a new page holds. Raises `InvalidInput` for a column that cannot take its value.

    ``usual`` is what `USUAL` refers to; ``fields`` are the user's own.
    """
    held: dict[str, Any] = {"title": {"title": texts([Span(title or "Untitled")])}}
    if fields and not where.rows:
        raise e.InvalidInput("Notion: only a row of a database has columns to fill in",
                             hint="--set parent=DATABASE")  # fmt: skip
    for name, value in {**_usual(where.types or {}, usual), **fields}.items():
        kind = "rich_text" if where.types is None else where.types.get(name, "")
        if kind not in WRITE:
            why = f"is of type {kind}, which is not written to" if kind else "is not there"
            raise e.InvalidInput(f"Notion: the column {name!r} {why}",
                                 hint=f"it has: {', '.join(where.types or ())}")  # fmt: skip
        held["title" if kind == "title" else name] = {kind: WRITE[kind](value, id_of)}
    return held


def _usual(types: Mapping[str, str], values: Mapping[str, str]) -> dict[str, str]:
    wanted = ((name, into.get(kind, "")) for name, kind in types.items()
              for names, into in USUAL if name.strip().lower() in names)  # fmt: skip
    return {name: values[what] for name, what in wanted if values.get(what)}


def _number(text: str, id_of: Callable[[str], str]) -> int | float:
    if not re.fullmatch(r"-?\d{1,15}(\.\d{1,15})?", text):
        raise e.InvalidInput(f"Notion: {text!r} is not a number")
    return float(text) if "." in text else int(text)


def _date(text: str, id_of: Callable[[str], str]) -> dict[str, str]:
    start, _, end = text.partition("/")
    return {"start": start, **({"end": end} if end else {})}


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()][:100]


WRITE: Mapping[str, Callable[[str, Callable[[str], str]], Any]] = {
    "title": lambda text, id_of: texts([Span(text)]),
    "rich_text": lambda text, id_of: texts([Span(text)]),
    "number": _number,
    "select": lambda text, id_of: {"name": text},
    "status": lambda text, id_of: {"name": text},
    "multi_select": lambda text, id_of: [{"name": part[:100]} for part in _listed(text)],
    "date": _date,
    "people": lambda text, id_of: [{"id": i} for e in _listed(text) if (i := id_of(e))],
    "checkbox": lambda text, id_of: text.strip().lower() in ("true", "yes", "1", "x"),
    "url": lambda text, id_of: text,
    "email": lambda text, id_of: text,
    "phone_number": lambda text, id_of: text,
    "relation": lambda text, id_of: [{"id": id_in(part)} for part in _listed(text)],
}
