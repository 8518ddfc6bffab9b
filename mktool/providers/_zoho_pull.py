"""Reading a module of Zoho CRM page by page: all of it, or what changed and was deleted since.

Page tokens lead to 100,000 records and no further (Kaizen #60, of Zoho's community, read 2026-11);
of the others COQL tells the ids: …/docs/api/v8/Get-Records-through-COQL-Query.html (2026-11).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from .. import errors as e
from ..http.reply import Reply
from ..records import Page, Record, Wish
from ..spec import Endpoint, RecordKind
from ._zoho_crm import CRM, LIST, MOST, PAGE, UNLISTED, Crm, instant, named
from ._zoho_records import STAMP, parts, record, rows_of

DELETED = Endpoint("deleted", "GET", f"{CRM}/{{}}/deleted")
QUERY = Endpoint("query", "POST", f"{CRM}/coql", repeatable=True)
LISTED = 100_000
BEYOND, GONE = "beyond ", "deleted "  # what cursors of the second and third part begin with


def pull(crm: Crm, kind: RecordKind, wish: Wish) -> Iterator[Page]:
    """Yield the records in the order of their ids, then, of changes, what was deleted."""
    names = list(wish.fields) or [
        c.name for c in crm.columns(kind.object).values() if c.type not in UNLISTED
    ]
    module, cursor = _Module(crm, kind.object, names, wish.since), wish.cursor
    while True:
        page = module.page(cursor)
        yield page
        if not (cursor := page.next):
            return


class _Module:
    def __init__(self, crm: Crm, name: str, fields: Sequence[str], since: float | None) -> None:
        self.crm, self.client = crm, crm.client
        self.name, self.fields, self.since = name, fields, since

    def page(self, cursor: str) -> Page:
        """Return the page at "COUNT TOKEN" of the list, "beyond ID" or "deleted PAGE"."""
        if cursor.startswith(GONE):
            return self._deleted(int(cursor.removeprefix(GONE)))
        if cursor.startswith(BEYOND):
            page = self._beyond(cursor.removeprefix(BEYOND))
        else:
            page = self._listed(*cursor.split()[:2])
        return page if page.next or self.since is None else page._replace(next=f"{GONE}1")

    def _listed(self, count: str = "0", token: str = "") -> Page:
        first = list(dict.fromkeys(["id", STAMP, *map(named, self.fields)]))[:MOST]
        query = {"fields": ",".join(first), "per_page": str(PAGE), "sort_by": "id",
                 "sort_order": "asc", **({"page_token": token} if token else {})}  # fmt: skip
        reply = self.client.call(LIST, self.name, query=query, headers=self._header())
        records = self._records(reply)
        if reply.get("info.more_records") is not True:
            return Page(records)
        read = (int(count) if token else 0) + len(records)
        if read >= LISTED:
            return Page(records, f"{BEYOND}{records[-1].id}")
        return Page(records, f"{read} {reply.need('info.next_page_token')}")

    def _records(self, reply: Reply) -> list[Record]:
        """Return a page of records, whose fields beyond fifty are asked for by their ids."""
        rows = {row.need("id"): dict(row.data) for row in rows_of(reply)}
        if rest := [name for name in self.fields if name not in ("id", STAMP)][MOST - 2 :]:
            for id, more in parts(self.crm, self.name, list(rows), rest):
                rows[id] |= more.data
        return [record(Reply(row, {}, reply.where), self.fields) for row in rows.values()]

    def _beyond(self, id: str) -> Page:
        """Return the records that come after an id; COQL has other values than the list."""
        where = f"id > {id}"
        if self.since is not None:
            where = f"({where} and {STAMP} >= '{instant(self.since)}')"
        text = f"select id from {self.name} where {where} order by id asc limit {PAGE}"  # noqa: S608
        reply = self.client.call(QUERY, json={"select_query": text})
        ids = [row.need("id") for row in rows_of(reply)]
        found = parts(self.crm, self.name, ids, self.fields)
        records = [record(row, self.fields) for _, row in found]
        more = reply.get("info.more_records") is True
        return Page(records, f"{BEYOND}{ids[-1]}" if more else "")

    def _deleted(self, number: int) -> Page:
        query = {"type": "all", "per_page": str(PAGE), "page": str(number)}
        try:
            reply = self.client.call(DELETED, self.name, query=query, headers=self._header())
        except e.Rejected as refused:
            if number == 1:
                raise
            text = f"Zoho tells of {(number - 1) * PAGE:,} deleted records, and there are more"
            raise e.Unsupported(text, hint="run the same command with --full") from refused
        more = reply.get("info.more_records") is True
        return Page([_gone(row) for row in rows_of(reply)], f"{GONE}{number + 1}" if more else "")

    def _header(self) -> Mapping[str, str]:
        return {} if self.since is None else {"If-Modified-Since": instant(self.since)}


def _gone(row: Reply) -> Record:
    at = row.moment("deleted_time") if row.get("deleted_time") else None
    return Record(row.need("id"), {}, at, deleted=True)
