"""Salesforce's Bulk API 2.0: jobs, and those that read very many records, as CSV.

https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/ (read 2026-11).
"""

from __future__ import annotations

from collections.abc import Iterator

from .. import errors as e
from ..http.classify import printable
from ..http.reply import Reply
from ..spec import Endpoint
from ._salesforce_org import DATA, Org

JOBS = f"{DATA}/jobs"
# A job whose result nobody reads changes nothing: it may be made again.
ASK = Endpoint("query job", "POST", f"{JOBS}/query", repeatable=True)
ASKED = Endpoint("query job", "GET", f"{JOBS}/query/{{}}")
RESULTS = Endpoint("query results", "GET", f"{JOBS}/query/{{}}/results", timeout=120.0,
                   answers_text=True)  # fmt: skip
FORM = {"contentType": "CSV", "lineEnding": "LF", "columnDelimiter": "COMMA"}
PREFIX = "job "  # what a cursor of a job begins with
LAST = "null"  # the word, in the header that names the next page
ROWS = 5000  # of one page: some megabytes
UNDER_WAY = ("Open", "UploadComplete", "InProgress")
NAPS = (1.0, 2.0, 4.0, 8.0, *(15.0,) * 240)  # seconds, an hour in all


def begin(org: Org, soql: str, *, deleted: bool) -> str:
    """Return the cursor of a new job that reads what a query selects."""
    body = {"operation": "queryAll" if deleted else "query", "query": soql, **FORM}
    return f"{PREFIX}{org.call(ASK, json=body).need('id')}"


def is_job(cursor: str) -> bool:
    return cursor.startswith(PREFIX)


def pages(org: Org, cursor: str) -> Iterator[tuple[list[Reply], str]]:
    """Yield the rows of each page, and the cursor of the next one; "" after the last."""
    job, _, locator = cursor.removeprefix(PREFIX).partition(" ")
    ended = wait(org, ASKED, job)
    if ended.need("state") != "JobComplete":
        words = printable(str(ended.get("errorMessage") or ended.need("state")))
        raise e.Rejected(f"the job that reads the records ended: {words}", ended.where)
    while True:
        query = {"maxRecords": str(ROWS), **({"locator": locator} if locator else {})}
        reply = org.call(RESULTS, job, query=query)
        rows = list(reply.table())
        locator = reply.header("sforce-locator")
        if reply.header("sforce-numberofrecords") != str(len(rows)):
            raise e.UnexpectedReply("a page of results is cut short", reply.where)
        done = locator == LAST
        yield rows, "" if done else f"{PREFIX}{job} {locator}"
        if done:
            return


def wait(org: Org, endpoint: Endpoint, job: str) -> Reply:
    """Return a job that has ended; `Unavailable` if it takes more than an hour."""
    for nap in NAPS:
        reply = org.call(endpoint, job)
        if reply.need("state") not in UNDER_WAY:
            return reply
        org.client.pause(nap)
    raise e.Unavailable(f"job {job} is not done yet", reply.where)
