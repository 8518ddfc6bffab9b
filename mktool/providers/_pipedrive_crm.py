"""Pipedrive's records: how they are listed, searched, read and written.

https://developers.pipedrive.com/docs/api/v1 and https://pipedrive.readme.io/docs/pipedrive-api-v2
(read 2026-11). Version 2 is typed strictly, and only version 1 has leads.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from ..http.client import Calls
from ..http.reply import Reply
from ..records import Page, Record, Wish
from ..spec import Endpoint, RecordKind
from ._pipedrive_values import LISTS, OWN, record

LIST = Endpoint("list", "GET", "/api/v2/{}", exact=True)
ONE = Endpoint("read", "GET", "/api/v2/{}/{}", exact=True)
SEARCH = Endpoint("search", "GET", "/api/v2/{}/search")
FIELDS = Endpoint("fields", "GET", "/api/v2/{}")
LEADS = Endpoint("list leads", "GET", "/v1/leads", exact=True)
LEAD = Endpoint("read lead", "GET", "/v1/leads/{}", exact=True)
# Tokens of the daily budget that a call takes (core-api-concepts-rate-limiting, 2026-11).
COSTS = {"me": 2, "users": 20, "list": 10, "read": 1, "search": 20, "fields": 10,
         "list leads": 20, "read lead": 2, "add record": 5, "change record": 5, "add lead": 10,
         "change lead": 10, "note": 10, "notes": 20, "activity": 5, "activities": 10}  # fmt: skip
PAGE, IDS = 500, 100
META = {"persons": "personFields", "organizations": "organizationFields", "deals": "dealFields",
        "leads": "dealFields"}  # fmt: skip
# What `find` looks a value up by; other fields are the user's own.
NAMED = {"persons": ("name", "email", "phone"), "organizations": ("name",), "deals": ("title",),
         "leads": ("title",)}  # fmt: skip


class Crm:
    """The records of one account. What it looks up, it looks up once."""

    def __init__(self, client: Calls) -> None:
        self.client = client
        self._types: dict[str, Mapping[str, str]] = {}

    def pull(self, kind: RecordKind, wish: Wish) -> Iterator[Page]:
        """Yield pages; deals that were deleted come last. A cursor is "STATUS:CURSOR"."""
        status, _, cursor = wish.cursor.partition(":")
        ends = "deleted:" if kind.tells_deletes and wish.since is not None else ""
        while True:
            page = self._page(kind, wish, status, cursor)
            behind = "" if status else ends
            page = page._replace(next=f"{status}:{page.next}" if page.next else behind)
            yield page
            if not page.next:
                return
            status, _, cursor = page.next.partition(":")

    def fetch(
        self, kind: RecordKind, field: str, values: Sequence[str], fields: tuple[str, ...]
    ) -> Iterator[Record]:
        """Yield the records in which a field has one of these values, whatever its case."""
        ids = list(values) if field == "id" else [
            id for value in values for id in self.search(kind.object, field, value)]  # fmt: skip
        wanted = {value.casefold() for value in values}
        for item in self.read(kind.object, list(dict.fromkeys(ids))):
            found = record(item, ())
            if field in ("id", *LISTS) or (found.values.get(field) or "").casefold() in wanted:
                yield record(item, fields)

    def search(self, object: str, field: str, term: str) -> list[str]:
        by = field if field in NAMED[object] else "custom_fields"
        query = {"term": term, "fields": by, "exact_match": "true", "limit": "100"}
        items = listed(self.client.call(SEARCH, object, query=query), "data.items")
        return [item.need("item.id") for item in items]

    def read(self, object: str, ids: Sequence[str]) -> Iterator[Reply]:
        if object == "leads":
            for reply in (self.client.call(LEAD, id) for id in ids):
                yield Reply(reply.get("data"), reply.headers, reply.where)
            return
        for start in range(0, len(ids), IDS):
            query = {"ids": ",".join(ids[start : start + IDS]), "limit": str(IDS)}
            yield from listed(self.client.call(LIST, object, query=query))

    def types(self, object: str) -> Mapping[str, str]:
        """Return the types of the user's own fields, by their codes."""
        if object not in self._types:
            found, query = dict[str, str](), {"limit": str(PAGE)}
            while query:
                reply = self.client.call(FIELDS, META[object], query=query)
                fields = ((field, field.need("field_code")) for field in listed(reply))
                found |= {code: field.need("field_type") for field, code in fields
                          if OWN.fullmatch(code)}  # fmt: skip
                next = reply.get("additional_data.next_cursor")
                query = {"limit": str(PAGE), "cursor": str(next)} if next else {}
            self._types[object] = found
        return self._types[object]

    def _page(self, kind: RecordKind, wish: Wish, status: str, cursor: str) -> Page:
        """By id, or by when it changed: what changes meanwhile moves behind what was read."""
        query = {"limit": str(PAGE), "sort_by": "id"}
        query |= {name: text for name, text in (("status", status), ("cursor", cursor)) if text}
        if wish.since is not None:
            query |= {"updated_since": rfc3339(wish.since), "sort_by": "update_time"}
        reply = self.client.call(LIST, kind.object, query=query)
        records = [record(item, wish.fields) for item in listed(reply)]
        return Page(records, str(reply.get("additional_data.next_cursor") or ""))

    def leads(self, wish: Wish) -> Iterator[Page]:
        """Yield pages of leads, asked for by how many came before: each begins with the last one
        of the page before, and if that has moved, a page is read once more."""
        at, _, last = wish.cursor.partition(":")
        start, query = int(at or 0), {"limit": str(PAGE), "sort": "add_time ASC"}
        if wish.since is not None:
            query |= {"updated_since": rfc3339(wish.since), "sort": "update_time ASC"}
        while True:
            items = listed(self.client.call(LEADS, query={**query, "start": str(start)}))
            if last and not (items and items[0].need("id") == last):
                start, last = max(0, start - PAGE), ""
                continue
            if len(items) < PAGE:
                yield Page([record(item, wish.fields) for item in items])
                return
            start, last = start + PAGE - 1, items[-1].need("id")
            yield Page([record(item, wish.fields) for item in items], f"{start}:{last}")


def listed(reply: Reply, path: str = "data") -> list[Reply]:
    """Return the rows of a list. An empty one may be null, but silence is none."""
    if reply.get(path) is None and reply.get("success") is not True:
        reply.need(path)
    return reply.each(path)


def rfc3339(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"
