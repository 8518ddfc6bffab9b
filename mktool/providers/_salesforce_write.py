"""Records written to a Salesforce org as collections of 200.

https://developer.salesforce.com/docs/platform/api-rest/guide/resources-composite-sobjects-collections.html
(read 2026-11).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..http.classify import printable
from ..http.reply import Reply
from ..message import Refusal
from ..records import Row, Values, Written, number_of
from ..spec import Endpoint, RecordKind
from ._salesforce_org import DATA, NUMBERS, Column, Org

COLLECTIONS = f"{DATA}/composite/sobjects"
INSERT = Endpoint("insert", "POST", COLLECTIONS, timeout=120.0)
UPDATE = Endpoint("update", "PATCH", COLLECTIONS, repeatable=True, timeout=120.0)
UPSERT = Endpoint("upsert", "PATCH", f"{COLLECTIONS}/{{}}/{{}}", repeatable=True, timeout=120.0)


def push(org: Org, kind: RecordKind, rows: Sequence[Row], key: str) -> list[Written]:
    """Write rows by one request: by id, by an external id, or as new ones."""
    columns = org.columns(kind.object)
    by = columns.get(key.lower()) if key else None
    body = {"allOrNone": False, "records": [
        {"attributes": {"type": kind.object}, **({"id": row.id} if row.id else {}),
         **typed(columns, row.values)} for row in rows]}  # fmt: skip
    if rows[0].id:
        return outcomes(org.call(UPDATE, json=body), len(rows), created=False)
    if by is not None and by.key:
        return outcomes(org.call(UPSERT, kind.object, by.name, json=body), len(rows), created=None)
    return outcomes(org.call(INSERT, json=body), len(rows), created=True)


def outcomes(reply: Reply, count: int, *, created: bool | None) -> list[Written]:
    """Return what became of each record of a collection; the list is in their order."""
    reply.need(f"{count - 1}.success")
    done = []
    for row in reply.each(""):
        if row.get("success") is False:
            code = str(row.get("errors.0.statusCode") or "refused")
            words = printable(str(row.get("errors.0.message") or ""))
            done.append(Written(refusal=Refusal(code, words)))
        else:
            told = row.get("created")
            new = told if created is None and isinstance(told, bool) else created
            done.append(Written(row.need("id"), new))
    return done


def typed(columns: Mapping[str, Column], values: Values) -> dict[str, Any]:
    """Return texts as the JSON values that the types of their fields ask for."""
    return {
        name: None if text is None else _typed(columns.get(name.lower()), text)
        for name, text in values.items()
    }


def _typed(column: Column | None, text: str) -> Any:
    kind = column.type if column else ""
    if kind == "boolean" and text.lower() in ("true", "false"):
        return text.lower() == "true"
    number = number_of(text) if kind in NUMBERS else None
    return text if number is None else number  # what is no number is refused there, in words
