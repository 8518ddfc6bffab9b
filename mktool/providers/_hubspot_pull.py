"""HubSpot's records read: all of them, what changed, some of them.

https://developers.hubspot.com/docs/guides/api/crm/search (read 2026-11)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from urllib.parse import quote

from ..http.reply import Reply
from ..records import Page, Record, Wish
from ..spec import Endpoint, RecordKind
from ._hubspot_crm import BATCH, Crm, listed, record

LIST = Endpoint("list", "GET", "/crm/{}/{}/{}")
QUERY = 12_000  # characters of names in an address; more of them are asked for in a body
FOUND = 200  # records in one answer of a search, which ends at 10,000 however it is paged


class Reading:
    """One kind of records, page by page.

    A cursor is "", "list:AFTER", or where the search for what changed stands: "from:MS" (by
    time), "at:MS:ID" (many changed in one millisecond: by id), "gone:AFTER" (archived ones).
    """

    def __init__(self, crm: Crm, kind: RecordKind, wish: Wish) -> None:
        self.crm, self.kind, self.since = crm, kind, wish.since
        self.names = wish.fields or crm.properties(kind.object)
        self.modified = "lastmodifieddate" if kind.object == "contacts" else "hs_lastmodifieddate"

    def pages(self, cursor: str) -> Iterator[Page]:
        begin = "list:" if self.since is None else f"from:{int(self.since * 1000)}"
        state = cursor or begin
        while state:
            phase, _, where = state.partition(":")
            steps = {"list": self._list, "from": self._from, "at": self._at, "gone": self._gone}
            page = steps[phase](where)
            yield page
            state = page.next

    def _list(self, after: str) -> Page:
        whole = len(quote(names := ",".join(self.names))) <= QUERY
        reply = self._listed(after, "false", {"properties": names} if whole else {})
        items = listed(reply)
        if not whole:
            ids = [item.need("id") for item in items]
            items = list(self.crm.read(self.kind.object, ids, self.names))
        return Page([record(item, self.names) for item in items], _next(reply, "list"))

    def _from(self, since: str) -> Page:
        """Sorted by time: what changes meanwhile moves to the end, and so is not left out."""
        items = self._search((self.modified, "GTE", since), by=self.modified)
        found = [record(item, self.names) for item in items]
        if len(items) < FOUND:
            return Page(found, "gone:")
        first, last = self._changed(items[0]), self._changed(items[-1])
        return Page(found, f"from:{last}" if last > first else f"at:{last}:0")

    def _at(self, where: str) -> Page:
        ms, id = where.split(":")
        exact = (self.modified, "EQ", ms), ("hs_object_id", "GT", id)
        items = self._search(*exact, by="hs_object_id")
        full = len(items) == FOUND
        next = f"at:{ms}:{items[-1].need('id')}" if full else f"from:{int(ms) + 1}"
        return Page([record(item, self.names) for item in items], next)

    def _gone(self, after: str) -> Page:
        reply = self._listed(after, "true", {})
        gone = [Record(item.need("id"), {}, item.moment("archivedAt"), deleted=True)
                for item in listed(reply)]  # fmt: skip
        since = self.since or 0.0
        return Page([r for r in gone if (r.modified or 0.0) >= since], _next(reply, "gone"))

    def _listed(self, after: str, archived: str, query: dict[str, str]) -> Reply:
        asked = {"limit": str(self.kind.page), "archived": archived, **query}
        asked |= {"after": after} if after else {}
        return self.crm.client.call(LIST, *self.crm.at(), self.kind.object, query=asked)

    def _search(self, *filters: tuple[str, str, str], by: str) -> list[Reply]:
        names = dict.fromkeys((*self.names, self.modified))
        return self.crm.search(self.kind.object, filters, tuple(names), sort=by, limit=FOUND)

    def _changed(self, item: Reply) -> int:
        return round(item.moment(f"properties.{self.modified}") * 1000)


def fetch(
    crm: Crm, object: str, field: str, values: Sequence[str], names: tuple[str, ...]
) -> Iterator[Record]:
    """Yield the records in which a property has one of these values."""
    names = names or crm.properties(object)
    if field == "id" or (object, field) == ("contacts", "email"):
        by = "" if field == "id" else field
        yield from (record(item, names) for item in crm.read(object, values, names, by))
        return
    for start in range(0, len(values), BATCH):
        some, last = [v.lower() for v in values[start : start + BATCH]], "0"  # as IN wants them
        while last:
            filters = ((field, "IN", some), ("hs_object_id", "GT", last))
            items = crm.search(object, filters, names, sort="hs_object_id", limit=FOUND)
            yield from (record(item, names) for item in items)
            last = items[-1].need("id") if len(items) == FOUND else ""


def _next(reply: Reply, phase: str) -> str:
    after = reply.get("paging.next.after")
    return f"{phase}:{after}" if after else ""
