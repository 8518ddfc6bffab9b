"""The database of the workspace and its data source, whose rows are pages.

https://developers.notion.com/reference/query-a-data-source (read 2026-11)
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import islice
from typing import Any

from ...vendor import on
from ...wire import Call, Refusal, Reply
from . import rows, text
from .blocks import Blocks
from .desk import (
    API,
    BOT,
    DATA_SOURCES,
    answer,
    body_of,
    failure,
    ident,
    invalid,
    made,
    page_size,
    stamp,
    unknown,
)
from .pages import DATABASE, HOME, SOURCE, Data, Node, flags, trash

_TITLE = [{"type": "text", "text": {"content": "Meetings"}}]


class Sources(Blocks):
    """ "Meetings" has a property of each usual type."""

    @on("GET", f"{API}/databases/{{id}}")
    def database(self, call: Call) -> Reply:
        version = self.admit(call)
        if ident(call.params["id"]) != DATABASE:
            raise unknown(call.params["id"])
        told = self._told(version) | {
            "object": "database", "id": DATABASE, "is_inline": False, "is_locked": False,
            "parent": {"type": "page_id", "page_id": HOME}, "cover": None,
            "url": f"https://www.notion.so/{DATABASE.replace('-', '')}", "public_url": None,
        }  # fmt: skip
        if version >= DATA_SOURCES:
            told["data_sources"] = [{"id": SOURCE, "name": "Meetings"}]
        else:
            told["properties"] = rows.schema()
        return Reply(json=told)

    @on("GET", f"{API}/data_sources/{{id}}")
    def data_source(self, call: Call) -> Reply:
        version = self.admit(call, since=DATA_SOURCES)
        self._known(call)
        return Reply(json=self.source(version))

    @on("POST", f"{API}/data_sources/{{id}}/query")
    def query(self, call: Call) -> Reply:
        version = self.admit(call, since=DATA_SOURCES)
        self._known(call)
        body = body_of(call) if call.body else {}
        count, trashed = page_size(body.get("page_size")), trash(body, version, usual=False)
        cursor = body.get("start_cursor")
        start = self.nodes.get(ident(cursor)) if cursor is not None else None
        if cursor is not None and start is None:
            raise invalid("body.start_cursor is not valid")
        found = self._found(body, start, trashed=trashed, most=count + 1)
        return answer([self.shown(page, version) for page in found], count, "page_or_data_source")

    def _found(self, body: Data, start: Node | None, *, trashed: bool, most: int) -> list[Node]:
        """Return the rows from the cursor on; without an order they come as they were made."""
        wanted = rows.chosen(body["filter"]) if body.get("filter") else None
        sorts = rows.ordered(body.get("sorts") or [])
        at = 0
        if start and not sorts:
            at = bisect_left(self.rows, start.number, key=lambda page: page.number)
        every = (self.rows[i] for i in range(at, len(self.rows)))
        found = (page for page in every if page.trashed == trashed
                 and (wanted is None or wanted(_values(page))))  # fmt: skip
        if not sorts:
            return list(islice(found, most))
        ordered = list(found)
        for name, down in reversed(sorts):
            ordered.sort(key=lambda page: rows.rank(_values(page).get(name)), reverse=down)
        first = ordered.index(start) if start in ordered else 0
        return ordered[first : first + most]

    def source(self, version: str) -> Data:
        return self._told(version) | {
            "object": "data_source", "id": SOURCE, "properties": rows.schema(),
            "parent": {"type": "database_id", "database_id": DATABASE},
            "database_parent": {"type": "page_id", "page_id": HOME},
            "url": f"https://www.notion.so/{DATABASE.replace('-', '')}", "public_url": None,
        }  # fmt: skip

    def _told(self, version: str) -> Data:
        home = self.nodes[HOME]
        return {
            "title": text.written(_TITLE, ""), "description": [], "icon": None, "cover": None,
            "created_time": stamp(home.created), "last_edited_time": stamp(home.created),
            "created_by": text.user(BOT), "last_edited_by": text.user(BOT),
            **flags(False, version), "request_id": made("source"),
        }  # fmt: skip

    def _known(self, call: Call) -> None:
        id = ident(call.params["id"])
        if id == DATABASE:
            said = "Provided ID is that of a database, not of a data source."
            raise Refusal(failure(400, said))
        if id != SOURCE:
            raise unknown(call.params["id"])


def _values(page: Node) -> dict[str, Any]:
    times = {"created_time": stamp(page.created), "last_edited_time": stamp(page.edited),
             "Created": stamp(page.created)}  # fmt: skip
    return {**times, **page.content}
