"""Bulk API 2.0: records by the hundred thousand, as CSV that is worked off in the background.

https://developer.salesforce.com/docs/platform/api-asynch/guide/bulk-api-2-0.html (read 2026-11)
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field
from typing import Any

from ...vendor import on, text_of
from ...wire import Call, Refusal, Reply
from ...world import World
from .desk import DATA, USER, Unfit, encode, refused, stamp
from .records import body_of
from .store import Archive, Store

JOBS = f"{DATA}/jobs/ingest"
WORK = 2.0  # seconds that a job takes
DELIMITERS = {"COMMA": ",", "TAB": "\t", "SEMICOLON": ";", "PIPE": "|", "CARET": "^",
              "BACKQUOTE": "`"}  # fmt: skip
ENDINGS = {"LF": "\n", "CRLF": "\r\n"}
_OPERATIONS = ("insert", "update", "upsert", "delete", "hardDelete")
_MOST = 500  # characters of a value that a message shows
Row = dict[str, str]


@dataclass(slots=True)
class Job:
    """A job; ``closed`` is when its data was complete, 0 before that."""

    id: str
    kind: str
    operation: str
    store: Store
    made: float
    version: str
    settings: dict[str, str]
    key: str = ""
    closed: float = 0.0
    ended: str = ""
    error: str = ""
    data: str | None = None
    columns: list[str] = field(default_factory=list)
    done: list[Row] = field(default_factory=list)
    failed: list[Row] = field(default_factory=list)
    left: list[Row] = field(default_factory=list)

    def state(self, now: float) -> str:
        if self.ended == "Aborted" or not self.closed:
            return self.ended or "Open"
        if now < self.closed + WORK:
            return "UploadComplete" if now < self.closed + WORK / 4 else "InProgress"
        return self.ended

    def to_json(self, now: float) -> dict[str, Any]:
        found = {
            "id": self.id, "operation": self.operation, "object": self.store.kind.name,
            "createdById": USER, "createdDate": stamp(self.made), "systemModstamp": stamp(now),
            "state": self.state(now), "concurrencyMode": "Parallel", **self.settings,
            "apiVersion": float(self.version[1:]), "jobType": self.kind,
        }  # fmt: skip
        if self.state(now) in ("JobComplete", "Failed"):
            found |= {"numberRecordsProcessed": len(self.done) + len(self.failed),
                      "numberRecordsFailed": len(self.failed), "retries": 0,
                      "totalProcessingTime": round(WORK * 1000)}  # fmt: skip
        if self.error:
            found["errorMessage"] = self.error
        return found


class Ingest(Archive):
    """Jobs that write."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._jobs: dict[str, Job] = {}

    @on("POST", JOBS, f"{JOBS}/")
    def create_job(self, call: Call) -> Reply:
        body = body_of(call)
        store = self.stores.get(text_of(body, "object").lower())
        operation, key = text_of(body, "operation"), text_of(body, "externalIdFieldName")
        if store is None or operation not in _OPERATIONS:
            raise Unfit("INVALIDJOB", "InvalidJob : object and operation must be valid")
        if operation == "upsert":
            if not key:
                raise Unfit("INVALIDJOB", "InvalidJob : externalIdFieldName is required")
            self.matched(store, key, "")
        settings = settings_of(body)
        id = encode("750", self.world.number())
        job = Job(id, "V2Ingest", operation, store, call.now, call.params["version"], settings, key)
        self._jobs[id] = job
        told = {**job.to_json(call.now), "contentUrl":
                f"services/data/{job.version}/jobs/ingest/{id}/batches"}  # fmt: skip
        return Reply(json={**told, **({"externalIdFieldName": key} if key else {})})

    @on("GET", JOBS, f"{JOBS}/")
    def list_jobs(self, call: Call) -> Reply:
        rows = [job.to_json(call.now) for job in self._jobs.values()]
        return Reply(json={"done": True, "records": rows})

    @on("GET", f"{JOBS}/{{id}}", f"{JOBS}/{{id}}/")
    def one_job(self, call: Call) -> Reply:
        return Reply(json=self._job(call).to_json(call.now))

    @on("PUT", f"{JOBS}/{{id}}/batches", f"{JOBS}/{{id}}/batches/")
    def upload(self, call: Call) -> Reply:
        job = self._job(call)
        if call.mime != "text/csv":
            raise Unfit("INVALIDCONTENTTYPE", "Content-Type text/csv is wanted", status=415)
        if job.state(call.now) != "Open" or job.data is not None:
            raise Unfit("INVALIDJOBSTATE", "Data can be uploaded once, to an open job")
        try:
            job.data = call.body.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise Unfit("INVALIDBATCH", "InvalidBatch : the data is not UTF-8") from None
        return Reply(201)

    @on("PATCH", f"{JOBS}/{{id}}", f"{JOBS}/{{id}}/")
    def close_job(self, call: Call) -> Reply:
        job, state = self._job(call), text_of(body_of(call), "state")
        if job.state(call.now) in ("JobComplete", "Failed", "Aborted") or job.closed:
            raise Unfit("INVALIDJOBSTATE", f"Job is {job.state(call.now)} and cannot be changed")
        if state == "Aborted":
            job.ended = state
        elif state == "UploadComplete":
            job.closed = call.now
            self._work(job, call)
        else:
            raise Unfit("INVALIDJOBSTATE", "state must be UploadComplete or Aborted")
        return Reply(json=job.to_json(call.now))

    @on("DELETE", f"{JOBS}/{{id}}", f"{JOBS}/{{id}}/")
    def delete_job(self, call: Call) -> Reply:
        job = self._job(call)
        if job.state(call.now) in ("UploadComplete", "InProgress"):
            raise Unfit("INVALIDJOBSTATE", "A job under way cannot be deleted")
        del self._jobs[job.id]
        return Reply(204)

    @on("GET", f"{JOBS}/{{id}}/successfulResults", f"{JOBS}/{{id}}/successfulResults/")
    def successes(self, call: Call) -> Reply:
        job = self._ended(call)
        return sheet(job, ["sf__Id", "sf__Created", *job.columns], job.done)

    @on("GET", f"{JOBS}/{{id}}/failedResults", f"{JOBS}/{{id}}/failedResults/")
    def failures(self, call: Call) -> Reply:
        job = self._ended(call)
        return sheet(job, ["sf__Id", "sf__Error", *job.columns], job.failed)

    @on("GET", f"{JOBS}/{{id}}/unprocessedrecords", f"{JOBS}/{{id}}/unprocessedRecords")
    def unprocessed(self, call: Call) -> Reply:
        job = self._ended(call)
        return sheet(job, job.columns, job.left)

    def _job(self, call: Call) -> Job:
        found = self._jobs.get(call.params["id"])
        if found is None:
            raise Unfit("NOT_FOUND", "The requested resource does not exist", status=404)
        return found

    def _ended(self, call: Call) -> Job:
        job = self._job(call)
        if job.state(call.now) not in ("JobComplete", "Failed", "Aborted"):
            raise Unfit("INVALIDJOBSTATE", "The job is not complete yet")
        return job

    def _work(self, job: Job, call: Call) -> None:
        data = job.data or ""
        ending = ENDINGS[job.settings["lineEnding"]]
        delimiter = DELIMITERS[job.settings["columnDelimiter"]]
        rows = csv.DictReader(io.StringIO(data, newline=""), delimiter=delimiter)
        job.columns = list(rows.fieldnames or [])
        job.left = [{k: v or "" for k, v in row.items() if k} for row in rows]
        first = data.partition("\n")[0]
        if job.left and first.endswith("\r") != (ending == "\r\n"):
            job.error = ("ClientInputError : LineEnding is invalid on user data. Current LineEnding"
                         f" setting is {job.settings['lineEnding']}")  # fmt: skip
        unknown = [name for name in job.columns if not job.store.kind.field(name)]
        if unknown:
            job.error = f"InvalidBatch : Field name not found : {unknown[0]}"
        job.ended = "Failed" if job.error else "JobComplete"
        if not job.error:
            rows_left, job.left = job.left, []
            for row in rows_left:
                self._write(job, row, call)

    def _write(self, job: Job, row: Row, call: Call) -> None:
        # What is empty is left as it was, #N/A empties it.
        given = {k: None if v == "#N/A" else v for k, v in row.items() if v != ""}
        id = next((str(v) for k, v in given.items() if k.lower() == "id"), "")
        fields = {k: v for k, v in given.items() if k.lower() != "id"}
        try:
            written, new = self._written(job, id, fields, call)
        except Unfit as unfit:
            told = f"{unfit.code}:{str(unfit)[:_MOST]}:{','.join(unfit.fields) or '--'}"
            job.failed.append({"sf__Id": id, "sf__Error": told, **row})
        else:
            job.done.append({"sf__Id": written, "sf__Created": str(new).lower(), **row})

    def _written(self, job: Job, id: str, fields: dict[str, Any], call: Call) -> tuple[str, bool]:
        store = job.store
        if job.operation == "insert":
            return store.id(self.insert(store, fields, call)), True
        if job.operation == "upsert":
            value = next((v for k, v in fields.items() if k.lower() == job.key.lower()), None)
            if not value:
                raise Unfit("MISSING_ARGUMENT", f"{job.key} not specified")
            rest = {k: v for k, v in fields.items() if k.lower() != job.key.lower()}
            entry, new = self.upsert(store, job.key, str(value), rest, call)
            return store.id(entry), new
        if not id:
            raise Unfit("MISSING_ARGUMENT", f"Id not specified in an {job.operation} call")
        entry = self.entry(store, id)
        if job.operation == "update":
            self.update(store, entry, fields, call)
        else:
            self.delete(store, entry, call.now)
        return store.id(entry), False


def settings_of(body: dict[str, Any]) -> dict[str, str]:
    """Return how the CSV of a job is written, or refuse."""
    found = {"contentType": text_of(body, "contentType") or "CSV",
             "lineEnding": text_of(body, "lineEnding") or "LF",
             "columnDelimiter": text_of(body, "columnDelimiter") or "COMMA"}  # fmt: skip
    fine = found["lineEnding"] in ENDINGS and found["columnDelimiter"] in DELIMITERS
    if found["contentType"] != "CSV" or not fine:
        raise Refusal(refused(400, "INVALIDJOB", "InvalidJob : content type, ending or delimiter"))
    return found


def sheet(
    job: Job, columns: list[str], rows: list[Row], headers: dict[str, str] | None = None
) -> Reply:
    """Return CSV as the job writes it: everything is quoted."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(
        text, columns, quoting=csv.QUOTE_ALL, lineterminator=ENDINGS[job.settings["lineEnding"]],
        delimiter=DELIMITERS[job.settings["columnDelimiter"]], restval="",
    )  # fmt: skip
    writer.writeheader()
    writer.writerows(rows)
    return Reply(body=text.getvalue().encode(), mime="text/csv", headers=headers or {})
