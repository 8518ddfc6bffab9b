"""Records of Zoho CRM: fetched by what they hold, and written a hundred at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from .. import errors as e
from ..http.classify import printable
from ..http.reply import Reply
from ..message import Refusal
from ..records import Record, Row, Written, text_of
from ..spec import Endpoint, RecordKind
from ._zoho_crm import CRM, LIST, MOST, PAGE, Crm, named
from ._zoho_values import typed

INSERT = Endpoint("insert", "POST", f"{CRM}/{{}}", timeout=60.0)
UPDATE = Endpoint("update", "PUT", f"{CRM}/{{}}", timeout=60.0)
UPSERT = Endpoint("upsert", "POST", f"{CRM}/{{}}/upsert", repeatable=True, timeout=60.0)
STAMP = "Modified_Time"
IDS = 100


def fetch(
    crm: Crm, kind: RecordKind, field: str, values: Sequence[str], fields: tuple[str, ...]
) -> Iterator[Record]:
    """Yield the records in which a field is one of ``values``; the search lags a little."""
    names = list(fields) or list(crm.columns(kind.object))
    if field == "id":
        yield from (record(row, names) for _, row in parts(crm, kind.object, values, names))
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


def parts(
    crm: Crm, module: str, ids: Sequence[str], names: Sequence[str]
) -> Iterator[tuple[str, Reply]]:
    """Yield the records with these ids, by as many requests as their fields need.

    Raises `UnexpectedReply` if there is another one among them.
    """
    for start in range(0, len(ids), IDS):
        yield from _hundred(crm, module, ids[start : start + IDS], names).items()


def _hundred(crm: Crm, module: str, ids: Sequence[str], names: Sequence[str]) -> dict[str, Reply]:
    found: dict[str, Reply] = {}
    wanted = [named(name) for name in names if name not in ("id", STAMP)]
    for start in range(0, max(len(wanted), 1), MOST - 2):
        some = ["id", STAMP, *wanted[start : start + MOST - 2]]
        query = {"ids": ",".join(ids), "fields": ",".join(some), "per_page": str(PAGE)}
        for row in rows_of(crm.client.call(LIST, module, query=query)):
            if (id := row.need("id")) not in ids:
                raise e.UnexpectedReply(f"a record that was not asked for ({id})", row.where)
            known = found.setdefault(id, Reply({}, {}, row.where))
            known.data |= row.data
    return found


def rows_of(page: Reply) -> list[Reply]:
    if not page.nothing:
        page.need("info.more_records")  # silence is not an empty list
    return page.each("data")


def record(row: Reply, names: Sequence[str]) -> Record:
    at = row.moment(STAMP) if row.get(STAMP) else None
    return Record(row.need("id"), {name: text_of(row.data.get(name)) for name in names}, at)
