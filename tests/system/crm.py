"""
A CRM that only records: what it holds, what was made how often, how many requests wrote.

It speaks as HubSpot's documents say (objects, search and batches of
https://developers.hubspot.com/docs/guides/api/crm/understanding-the-crm, read 2026-11): contacts
are upserted by their address, companies only created.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.system.vendor import Answer, Request, Vendor

Values = dict[str, str | None]

FIELDS = {
    "contacts": ("email", "firstname", "phone", "notes", "lastmodifieddate", "hs_object_id"),
    "companies": ("domain", "name", "notes", "hs_lastmodifieddate", "hs_object_id"),
}
KEYS = {"contacts": "email", "companies": "domain"}
CHANGED = {"contacts": "lastmodifieddate", "companies": "hs_lastmodifieddate"}


class Crm(Vendor):
    """``with Crm() as crm: … crm.url, crm.live("contacts")``.

    ``made`` counts how often a key was created, ``writes`` the batches that came whole.
    Rows whose ``notes`` say "refuse" are refused each for itself, and with "poison" the whole batch
    is. ``blind``: a search shows nothing yet of what was changed.
    """

    def __init__(self, *, latency: float = 0.0, seed: int = 1, **faults: float) -> None:
        super().__init__(latency=latency, seed=seed, **faults)
        self.held: dict[str, dict[int, dict[str, Any]]] = {kind: {} for kind in FIELDS}
        self.made: Counter[str] = Counter()
        self.writes = 0
        self.blind = False
        self.fields = {kind: list(names) for kind, names in FIELDS.items()}
        self.before: Callable[[str], None] = lambda path: None  # is told of each request
        self._by_key: dict[str, dict[str, int]] = {kind: {} for kind in FIELDS}
        self._next = 1000

    # -- what a test does and asks -------------------------------------------------------------

    def add(self, kind: str, **values: str | None) -> str:
        with self._lock:
            return str(self._make(kind, dict(values))["id"])

    def change(self, kind: str, id: str, **values: str | None) -> None:
        with self._lock:
            self._change(kind, self.held[kind][int(id)], dict(values))

    def delete(self, kind: str, id: str) -> None:
        with self._lock:
            record = self.held[kind][int(id)]
            record["archived"], record["archivedAt"] = True, _now()

    def restore(self, kind: str, id: str, **values: str | None) -> None:
        with self._lock:
            self.held[kind][int(id)]["archived"] = False
            self.change(kind, id, **values)

    def live(self, kind: str) -> dict[str, Values]:
        """What is there, by id, without what is empty and the vendor's own."""
        own = {CHANGED[kind], "hs_object_id"}
        with self._lock:
            return {
                str(id): {n: v for n, v in r["properties"].items() if v and n not in own}
                for id, r in self.held[kind].items()
                if not r["archived"]
            }

    # -- what a vendor does --------------------------------------------------------------------

    def fault(self, request: Request) -> str:
        self.before(urlsplit(request.target).path)
        return super().fault(request)

    def answer(self, request: Request) -> Answer:
        url = urlsplit(request.target)
        asked = {name: values[0] for name, values in parse_qs(url.query).items()}
        body = json.loads(request.body or b"null")
        found = re.search(r"/crm/v3/(objects|properties)/(\w+)(?:/(.*))?$", url.path)
        if found is None:
            return 404, {"status": "error", "category": "OBJECT_NOT_FOUND", "message": url.path}
        area, kind, rest = found.groups()
        with self._lock:
            if area == "properties":
                own = (CHANGED[kind], "hs_object_id")
                return 200, {"results": [
                    {"name": name, "modificationMetadata": {"readOnlyValue": name in own}}
                    for name in self.fields[kind]
                ]}  # fmt: skip
            if request.method == "GET":
                return 200, self._listed(kind, asked)
            if rest == "search":
                return 200, self._search(kind, body)
            if rest == "batch/read":
                return 200, self._read(kind, body)
            self.writes += 1
            return self._write(kind, rest.removeprefix("batch/"), body["inputs"])

    def _listed(self, kind: str, asked: Mapping[str, str]) -> Any:
        after, limit = int(asked.get("after", 0)), int(asked.get("limit", 10))
        archived = asked.get("archived") == "true"
        rows = [r for id, r in self.held[kind].items() if id > after and r["archived"] is archived]
        page = [self._shown(r) for r in rows[:limit]]
        more = {"paging": {"next": {"after": page[-1]["id"]}}} if len(rows) > limit else {}
        return {"results": page, **more}

    def _search(self, kind: str, body: Any) -> Any:
        rows = [r for r in self.held[kind].values() if not (r["archived"] or self.blind)]
        for one in body["filterGroups"][0]["filters"]:
            rows = [r for r in rows if _holds(one, r["properties"].get(one["propertyName"]))]
        by = body["sorts"][0]
        rows.sort(key=lambda r: _rank(r["properties"].get(by) or ""))
        return {"total": len(rows), "results": [self._shown(r) for r in rows[: body["limit"]]]}

    def _read(self, kind: str, body: Any) -> Any:
        by = body.get("idProperty")
        ids = [self._by_key[kind].get(i["id"].lower()) if by else int(i["id"])
               for i in body["inputs"]]  # fmt: skip
        found = [self.held[kind].get(id or 0) for id in ids]
        return {"results": [self._shown(r) for r in found if r and not r["archived"]]}

    def _write(self, kind: str, act: str, inputs: list[Any]) -> Answer:
        if any("poison" in (i["properties"].get("notes") or "") for i in inputs):
            return 400, {"status": "error", "category": "VALIDATION_ERROR", "message": "poison"}
        results, errors = [], []
        for one in inputs:
            values, trace = one["properties"], one["objectWriteTraceId"]
            if (values.get("notes") or "").startswith("refuse"):
                errors.append({"status": "error", "category": "VALIDATION_ERROR",
                               "message": "not like this",
                               "context": {"objectWriteTraceId": [trace]}})  # fmt: skip
                continue
            record = self._found(kind, act, one)
            new = record is None
            if record is None:
                record = self._make(kind, values)
                self.made[str(values[KEYS[kind]])] += 1
            else:
                self._change(kind, record, values)
            results.append({**self._shown(record), "objectWriteTraceId": trace, "new": new})
        answer = {"status": "COMPLETE", "results": results}
        return (207, {**answer, "errors": errors}) if errors else (200, answer)

    def _found(self, kind: str, act: str, one: Any) -> dict[str, Any] | None:
        if act == "create":
            return None
        id = self._by_key[kind].get(one["id"].lower()) if act == "upsert" else int(one["id"])
        return self.held[kind].get(id or 0)

    def _make(self, kind: str, values: Values) -> dict[str, Any]:
        self._next += 1
        record = {"id": str(self._next), "properties": {}, "archived": False, "createdAt": _now()}
        self.held[kind][self._next] = record
        self._change(kind, record, {**values, "hs_object_id": str(self._next)})
        return record

    def _change(self, kind: str, record: dict[str, Any], values: Values) -> None:
        record["updatedAt"] = now = _now()
        record["properties"] |= {**values, CHANGED[kind]: now}
        if key := record["properties"].get(KEYS[kind]):
            self._by_key[kind].setdefault(str(key).lower(), int(record["id"]))

    def _shown(self, record: dict[str, Any]) -> dict[str, Any]:
        return {**record, "properties": dict(record["properties"])}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _rank(text: str) -> float:
    if "T" in text:
        return datetime.fromisoformat(text).timestamp() * 1000
    return float(text) if text.replace(".", "").isdigit() else 0.0


def _holds(one: Mapping[str, Any], value: Any) -> bool:
    if value is None:
        return False
    if one["operator"] == "IN":
        return str(value).lower() in one["values"]
    mine, asked = _rank(str(value)), float(one["value"])
    return {"GTE": mine >= asked, "GT": mine > asked, "EQ": mine == asked}[one["operator"]]
