"""Batches of records written to HubSpot, row by row told what became of them.

https://developers.hubspot.com/docs/guides/api/crm/objects/contacts (read 2026-11)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..http.reply import Reply
from ..message import Refusal
from ..records import Row, Written
from ..spec import Endpoint, RecordKind, dig
from ._hubspot_crm import Crm

UPDATE = Endpoint("update", "POST", "/crm/{}/{}/{}/batch/update", True)
UPSERT = Endpoint("upsert", "POST", "/crm/{}/{}/{}/batch/upsert", True)
CREATE = Endpoint("create", "POST", "/crm/{}/{}/{}/batch/create")


def push(crm: Crm, kind: RecordKind, rows: Sequence[Row], key: str) -> Sequence[Written]:
    """Write up to 100 rows in one request; without one if none has what is needed."""
    upserts = bool(key) and (kind.upserts if key == kind.key else "*" in kind.keys)
    endpoint = UPDATE if rows[0].id else UPSERT if upserts else CREATE
    known = _unusable(rows, key) if endpoint is UPSERT else {}
    if sent := [row for row in rows if row.seq not in known]:
        body = {"inputs": [_input(row, endpoint, key) for row in sent]}
        reply = crm.client.call(endpoint, *crm.at(), kind.object, json=body)
        done = outcomes(reply, {str(row.seq): _names(row, key) for row in sent}, key)
        known |= {row.seq: done[str(row.seq)] for row in sent}
    return [known[row.seq] for row in rows]


def outcomes(reply: Reply, names: Mapping[str, frozenset[str]], key: str) -> dict[str, Written]:
    """Return what became of each input, by its trace id.

    ``names`` are ids, or values of ``key``, by which an answer without a trace id is recognised.
    """
    traces = {name: trace for trace, others in names.items() for name in others}
    done: dict[str, Written] = {}
    for item in reply.each("results"):
        value = str(item.object("properties").get(key) or "")
        told = item.get("objectWriteTraceId") or traces.get(item.need("id")) or traces.get(value)
        trace = told or traces.get(value.lower()) or item.need("objectWriteTraceId")
        new = item.get("new")
        done[str(trace)] = Written(item.need("id"), new if isinstance(new, bool) else None)
    unnamed = None
    for error in reply.rows("errors"):
        why = Refusal(str(error.get("category") or ""), str(error.get("message") or ""))
        whose = dig(error, "context.objectWriteTraceId") or dig(error, "context.ids")
        told = [name for name in _listed(whose) if isinstance(name, str)]
        for name in told:
            done.setdefault(traces.get(name, name), Written(refusal=why))
        unnamed = unnamed or (None if told else why)
    for trace in names.keys() - done.keys():  # silence about an input is no answer
        if unnamed is None:
            done[trace] = Written(reply.need(f"result of input {trace}"))
        else:
            done[trace] = Written(refusal=unnamed)
    return {trace: done[trace] for trace in names}


def _input(row: Row, endpoint: Endpoint, key: str) -> dict[str, Any]:
    values = {name: value or "" for name, value in row.values.items()}  # "" empties a property
    made: dict[str, Any] = {"properties": values, "objectWriteTraceId": str(row.seq)}
    if endpoint is CREATE:
        return made | {"associations": []}
    return made | ({"id": row.id} if row.id else {"id": values[key], "idProperty": key})


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _names(row: Row, key: str) -> frozenset[str]:
    value = row.values.get(key) or ""
    return frozenset({row.id, value, value.lower()} - {""})


def _unusable(rows: Sequence[Row], key: str) -> dict[int, Written]:
    """HubSpot refuses a whole batch for one of these."""
    refused, seen = dict[int, Written](), set[str]()
    for row in rows:
        value = (row.values.get(key) or "").strip().lower()
        if not value:
            refused[row.seq] = Written(refusal=Refusal("no_key", f"it has no {key}"))
        elif value in seen:
            refused[row.seq] = Written(refusal=Refusal("twice", f"{value} is in it twice"))
        seen.add(value)
    return refused
