"""Bulk API 2.0: queries whose results are read page by page as CSV.

https://developer.salesforce.com/docs/platform/api-asynch/guide/query-get-job-results.html
(read 2026-11)
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

from ...vendor import on, text_of, whole
from ...wire import Call, Reply
from ...world import World
from .desk import DATA, Unfit, encode
from .ingest import Job, Row, settings_of, sheet
from .records import Records, body_of
from .soql import Query

JOBS = f"{DATA}/jobs/query"
PAGE = 50_000  # rows, unless fewer are asked for


class QueryJobs(Records):
    """Jobs that read."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._reads: dict[str, tuple[Job, Query, list[int]]] = {}

    @on("POST", JOBS, f"{JOBS}/")
    def create_read(self, call: Call) -> Reply:
        body = body_of(call)
        operation, text = text_of(body, "operation"), text_of(body, "query")
        if operation not in ("query", "queryAll"):
            raise Unfit("INVALIDJOB", "InvalidJob : operation must be query or queryAll")
        store, query, found = self.ask(text, call, deleted=operation == "queryAll")
        if query.count:
            raise Unfit("INVALIDJOB", "InvalidJob : COUNT() is not supported")
        id = encode("750", self.world.number())
        settings = settings_of(body)
        job = Job(id, "V2Query", operation, store, call.now, call.params["version"], settings)
        job.closed, job.ended = call.now, "JobComplete"
        self._reads[id] = job, query, found
        return Reply(json=job.to_json(call.now))

    @on("GET", JOBS, f"{JOBS}/")
    def list_reads(self, call: Call) -> Reply:
        rows = [_shown(job, found, call.now) for job, _, found in self._reads.values()]
        return Reply(json={"done": True, "records": rows})

    @on("GET", f"{JOBS}/{{id}}", f"{JOBS}/{{id}}/")
    def one_read(self, call: Call) -> Reply:
        job, _, found = self._read(call)
        return Reply(json=_shown(job, found, call.now))

    @on("PATCH", f"{JOBS}/{{id}}", f"{JOBS}/{{id}}/")
    def abort_read(self, call: Call) -> Reply:
        job, _, found = self._read(call)
        state = job.state(call.now)
        if text_of(body_of(call), "state") != "Aborted" or state in ("JobComplete", "Aborted"):
            raise Unfit("INVALIDJOBSTATE", f"A job that is {state} cannot be changed")
        job.ended = "Aborted"
        return Reply(json=_shown(job, found, call.now))

    @on("DELETE", f"{JOBS}/{{id}}", f"{JOBS}/{{id}}/")
    def delete_read(self, call: Call) -> Reply:
        job, _, _ = self._read(call)
        if job.state(call.now) not in ("JobComplete", "Aborted", "Failed"):
            raise Unfit("INVALIDJOBSTATE", "A job under way cannot be deleted")
        del self._reads[job.id]
        return Reply(204)

    @on("GET", f"{JOBS}/{{id}}/results", f"{JOBS}/{{id}}/results/")
    def results(self, call: Call) -> Reply:
        job, query, found = self._read(call)
        if job.state(call.now) != "JobComplete":
            raise Unfit("INVALIDJOBSTATE", "The job is not complete yet")
        if call.params["version"] != job.version:
            text = "Use the version that the job was created with"
            raise Unfit("API_ERROR", text, status=409)
        start = _place(call.query.get("locator", ""))
        size = whole(call.query.get("maxRecords", str(PAGE))) or PAGE
        end = start + min(size, PAGE)
        rows: list[Row] = []
        for number in found[start:end]:
            entry = job.store.shelf.get(number)
            assert entry is not None
            values = {path: self.value(job.store, entry, path) for path in query.fields}
            rows.append({path: _text(value) for path, value in values.items()})
        headers = {"sforce-numberofrecords": str(len(rows)), "sforce-locator":
                   _locator(end) if end < len(found) else "null"}  # fmt: skip
        return sheet(job, query.fields, rows, headers)

    def _read(self, call: Call) -> tuple[Job, Query, list[int]]:
        found = self._reads.get(call.params["id"])
        if found is None:
            raise Unfit("NOT_FOUND", "The requested resource does not exist", status=404)
        return found


def _shown(job: Job, found: list[int], now: float) -> dict[str, Any]:
    told = job.to_json(now)
    if "numberRecordsProcessed" in told:
        told["numberRecordsProcessed"] = len(found)
        del told["numberRecordsFailed"]
    return told


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


def _locator(place: int) -> str:
    return base64.b64encode(str(place).encode()).decode().rstrip("=")


def _place(locator: str) -> int:
    """Return where a page begins, or refuse a locator that was not given out."""
    padded = locator + "=" * (-len(locator) % 4)
    try:
        found = whole(base64.b64decode(padded, validate=True).decode() or "0")
    except (binascii.Error, UnicodeDecodeError):
        found = None
    if found is None:
        raise Unfit("INVALID_QUERY_LOCATOR", "The locator is not valid")
    return found
