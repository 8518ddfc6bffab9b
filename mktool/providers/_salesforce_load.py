"""Very many records written to Salesforce as one job of the Bulk API 2.0."""

from __future__ import annotations

import csv
import io
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence

from .. import errors as e
from ..http.classify import printable
from ..http.reply import Reply
from ..http.request import Made
from ..message import Refusal
from ..records import Row, Written
from ..spec import MB, Endpoint, RecordKind
from ._salesforce_bulk import FORM, JOBS, wait
from ._salesforce_org import Org

# A job that nobody starts changes nothing: it may be made again.
OPEN = Endpoint("load job", "POST", f"{JOBS}/ingest", repeatable=True)
# A job that holds two uploads cannot be started: https://salesforce.stackexchange.com/q/231917
UPLOAD = Endpoint("upload", "PUT", f"{JOBS}/ingest/{{}}/batches", repeatable=False, timeout=300.0,
                  answers_text=True)  # fmt: skip
STATE = Endpoint("load job", "GET", f"{JOBS}/ingest/{{}}")
START = Endpoint("load", "PATCH", f"{JOBS}/ingest/{{}}", repeatable=True)
OUTCOME = Endpoint("load results", "GET", f"{JOBS}/ingest/{{}}/{{}}", timeout=120.0,
                   answers_text=True)  # fmt: skip
NOTHING = "#N/A"  # empties a field; an empty cell leaves it as it is
LARGEST = 100 * MB


def stage(org: Org, kind: RecordKind, rows: Sequence[Row], key: str) -> str:
    """Return the id of a job that holds the rows and has not begun."""
    columns = org.columns(kind.object)
    by = columns.get(key.lower()) if key else None
    body = {"object": kind.object, "operation": "update" if rows[0].id else "insert", **FORM}
    if not rows[0].id and by is not None and by.key:
        body |= {"operation": "upsert", "externalIdFieldName": by.name}
    data = _csv([_header(rows), *_cells(rows)])
    if len(data) > LARGEST:
        raise e.InvalidInput("one job of Salesforce holds 100 MB", hint="push fewer fields at once")
    job = org.call(OPEN, json=body).need("id")
    org.call(UPLOAD, job, raw=Made(data, "rows.csv", "text/csv; charset=UTF-8"))
    return job


def load(org: Org, job: str, rows: Sequence[Row], key: str) -> list[Written]:
    """Start a staged job unless it was, wait for its end, and return what became of each row."""
    if _is_open(org, job):
        begun = org.call(START, job, json={"state": "UploadComplete"})
        # What is refused may be the repetition of a start whose answer was lost.
        if (code := begun.get("0.errorCode")) and _is_open(org, job):
            why = Refusal(str(code), printable(str(begun.get("0.message") or "")))
            return [Written(refusal=why)] * len(rows)
    ended, places = wait(org, STATE, job), _Places(rows, key)
    done: dict[int, Written] = {}
    for row in org.call(OUTCOME, job, "successfulResults").table():
        new = row.need("sf__Created").lower() == "true"
        done |= places.taken(row, Written(row.need("sf__Id"), new))
    for row in org.call(OUTCOME, job, "failedResults").table():
        code, _, words = row.need("sf__Error").partition(":")
        done |= places.taken(row, Written(refusal=Refusal(code, printable(words))))
    if len(done) < len(rows) and ended.need("state") == "JobComplete":
        raise e.UnexpectedReply("the results do not tell of every row", ended.where)
    words = printable(str(ended.get("errorMessage") or "the job ended before it"))
    undone = Written(refusal=Refusal("UNPROCESSED", words))
    return [done.get(position, undone) for position in range(len(rows))]


def _is_open(org: Org, job: str) -> bool:
    return org.call(STATE, job).need("state") == "Open"


class _Places:
    """Where rows stand, by what was sent of them: results come in no stated order."""

    def __init__(self, rows: Sequence[Row], key: str) -> None:
        header, cells = _header(rows), list(_cells(rows))
        self._names = ["Id"] if rows[0].id else header
        if key in self._names and len({row.values.get(key) for row in rows}) == len(rows):
            self._names = [key]
        at = [header.index(name) for name in self._names]
        self._waiting = defaultdict[tuple[str, ...], deque[int]](deque)
        for position, line in enumerate(cells):
            self._waiting[tuple(line[n] for n in at)].append(position)

    def taken(self, row: Reply, written: Written) -> dict[int, Written]:
        """Return the outcome at the place of its row; nothing where there is none such."""
        place = self._waiting.get(tuple(str(row.data.get(name, "")) for name in self._names))
        return {place.popleft(): written} if place else {}


def _header(rows: Sequence[Row]) -> list[str]:
    names = dict.fromkeys(name for row in rows for name in row.values)
    return [*(["Id"] if rows[0].id else []), *names]


def _cells(rows: Sequence[Row]) -> Iterator[list[str]]:
    names = [name for name in _header(rows) if name != "Id" or not rows[0].id]
    for row in rows:
        cells = [
            row.values.get(name, "") or NOTHING if name in row.values else "" for name in names
        ]
        yield [*([row.id] if row.id else []), *cells]


def _csv(lines: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(lines)
    return text.getvalue().encode("utf-8", "replace")
