"""Records of Zoho CRM: listed page by page, and written a hundred at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ..http.classify import printable
from ..http.reply import Reply
from ..message import Refusal
from ..records import Page, Record, Row, Wish, Written, text_of
from ..spec import Endpoint, RecordKind
from ._zoho_crm import CRM, LIST, MOST, PAGE, UNLISTED, Crm, instant, named
from ._zoho_values import typed

DELETED = Endpoint("deleted", "GET", f"{CRM}/{{}}/deleted")
INSERT = Endpoint("insert", "POST", f"{CRM}/{{}}", timeout=60.0)
UPDATE = Endpoint("update", "PUT", f"{CRM}/{{}}", timeout=60.0)
UPSERT = Endpoint("upsert", "POST", f"{CRM}/{{}}/upsert", repeatable=True, timeout=60.0)
STAMP = "Modified_Time"
GONE = "deleted "  # what a cursor of the second part begins with
IDS = 100


def pull(crm: Crm, kind: RecordKind, wish: Wish) -> Iterator[Page]:
    """Yield the records in the order of their ids, then, of changes, what was deleted."""
    names = list(wish.fields) or [
        c.name for c in crm.columns(kind.object).values() if c.type not in UNLISTED
    ]
    since = {} if wish.since is None else {"If-Modified-Since": instant(wish.since)}
    cursor = wish.cursor
    while not cursor.startswith(GONE):
        page = _listed(crm, kind.object, names, cursor, since)
        more = page.get("info.more_records") is True and page.need("info.next_page_token")
        cursor = more or (f"{GONE}1" if since else "")
        yield Page(_records(crm, kind.object, page, names), cursor)
        if not cursor:
            return
    while cursor:
        number = int(cursor.removeprefix(GONE))
        query = {"type": "all", "per_page": str(PAGE), "page": str(number)}
        page = crm.client.call(DELETED, kind.object, query=query, headers=since)
        cursor = f"{GONE}{number + 1}" if page.get("info.more_records") is True else ""
        yield Page([_gone(row) for row in _rows(page)], cursor)


def fetch(
    crm: Crm, kind: RecordKind, field: str, values: Sequence[str], fields: tuple[str, ...]
) -> Iterator[Record]:
    """Yield the records in which a field is one of ``values``; the search lags a little."""
    names = list(fields) or list(crm.columns(kind.object))
    if field == "id":
        for start in range(0, len(values), IDS):
            some = list(values[start : start + IDS])
            rows = _parts(crm, kind.object, some, names)
            yield from (_record(row, names) for row in rows.values())
        return
    asked = ["id", STAMP, field]
    found = {row.need("id") for row in crm.matching(kind.object, field, values, asked)}
    yield from fetch(crm, kind, "id", sorted(found), tuple(names))


def push(crm: Crm, kind: RecordKind, rows: Sequence[Row], key: str) -> list[Written]:
    """Write rows by one request: by id, by a field without duplicates, or as new ones."""
    columns = crm.columns(kind.object)
    data = [{**({"id": row.id} if row.id else {}), **typed(columns, row.values)} for row in rows]
    body: dict[str, Any] = {"data": data, "trigger": crm.trigger}
    by = columns.get(key)
    if rows[0].id:
        return outcomes(crm.client.call(UPDATE, kind.object, json=body), len(rows))
    if key and (key == kind.key or (by is not None and by.unique)):
        body["duplicate_check_fields"] = [key]
        return outcomes(crm.client.call(UPSERT, kind.object, json=body), len(rows))
    return outcomes(crm.client.call(INSERT, kind.object, json=body), len(rows))


def outcomes(reply: Reply, count: int) -> list[Written]:
    """Return what became of each row; they are answered one by one, whatever the status is."""
    reply.need(f"data.{count - 1}.code")
    return [_outcome(row, reply) for row in reply.each("data")]


def _outcome(row: Reply, reply: Reply) -> Written:
    if row.get("status") == "error":
        there = row.get("details.id") or row.get("details.duplicate_record.id")
        where = row.get("details.api_name") or (f"it is {there}" if there else "")
        words = printable(f"{row.get('message') or ''}{f' ({where})' if where else ''}")
        return Written(refusal=Refusal(row.need("code"), words))
    action = str(row.get("action") or reply.where.operation)
    return Written(row.need("details.id"), {"insert": True, "update": False}.get(action))


def _listed(
    crm: Crm, module: str, names: Sequence[str], token: str, since: dict[str, str]
) -> Reply:
    first = list(dict.fromkeys(["id", STAMP, *map(named, names)]))[:MOST]
    query = {"fields": ",".join(first), "per_page": str(PAGE), "sort_by": "id",
             "sort_order": "asc", **({"page_token": token} if token else {})}  # fmt: skip
    return crm.client.call(LIST, module, query=query, headers=since)


def _records(crm: Crm, module: str, page: Reply, names: Sequence[str]) -> list[Record]:
    """Return a page of records, whose fields beyond fifty are asked for by their ids."""
    rows = {row.need("id"): dict(row.data) for row in _rows(page)}
    rest = [name for name in names if name not in ("id", STAMP)][MOST - 2 :]
    ids = list(rows) if rest else []
    for start in range(0, len(ids), IDS):
        for id, more in _parts(crm, module, ids[start : start + IDS], rest).items():
            rows[id] |= more.data
    return [_record(Reply(row, {}, page.where), names) for row in rows.values()]


def _parts(crm: Crm, module: str, ids: Sequence[str], names: Sequence[str]) -> dict[str, Reply]:
    """Return records by their ids, with as many requests as their fields need."""
    found: dict[str, Reply] = {}
    wanted = [named(name) for name in names if name not in ("id", STAMP)]
    for start in range(0, max(len(wanted), 1), MOST - 2):
        some = ["id", STAMP, *wanted[start : start + MOST - 2]]
        query = {"ids": ",".join(ids), "fields": ",".join(some), "per_page": str(PAGE)}
        for row in _rows(crm.client.call(LIST, module, query=query)):
            known = found.setdefault(row.need("id"), Reply({}, {}, row.where))
            known.data |= row.data
    return found


def _rows(page: Reply) -> list[Reply]:
    if not page.nothing:
        page.need("info.more_records")  # silence is not an empty list
    return page.each("data")


def _record(row: Reply, names: Sequence[str]) -> Record:
    at = row.moment(STAMP) if row.get(STAMP) else None
    return Record(row.need("id"), {name: text_of(row.data.get(name)) for name in names}, at)


def _gone(row: Reply) -> Record:
    at = row.moment("deleted_time") if row.get("deleted_time") else None
    return Record(row.need("id"), {}, at, deleted=True)
