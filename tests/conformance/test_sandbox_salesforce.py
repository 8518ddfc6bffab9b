"""The sandbox's Salesforce against the OpenAPI documents of its REST and Bulk 2.0 APIs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import yaml

from mktool.sandbox.server import Sandbox
from tests.conformance import specs
from tests.conformance.replies import Replies

from ..sandbox.conftest import Clock

SITE = "/sandbox.my.salesforce.com"
DATA = "/services/data/v66.0"
# Told by the vendor's guides, and absent from these documents.
MORE = frozenset(
    ["contentUrl", "errorMessage", "labelPlural", "createable", "updateable", "deletable",
     "queryable", "retrieveable", "searchable", "keyPrefix", "urls", "custom", "length",
     "externalId", "unique", "idLookup", "referenceTo", "defaultedOnCreate", "picklistValues",
     "relationshipName"]
)  # fmt: skip


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def salesforce(clock: Clock) -> Iterator[httpx.Client]:
    headers = {"authorization": "Bearer 00D!sandbox"}
    with (
        Sandbox(clock=clock) as running,
        httpx.Client(base_url=running.url, headers=headers, trust_env=False) as client,
    ):
        yield client


def document(name: str) -> Replies:
    path = specs.folder("salesforce") / name
    found = yaml.safe_load(path.read_text(encoding="utf-8"))
    shared = found["components"]["responses"]
    for item in found["paths"].values():
        for operation in item.values():
            told = operation["responses"]
            told |= {
                k: shared[v["$ref"].rpartition("/")[2]] for k, v in told.items() if "$ref" in v
            }
    return Replies(found)


def check(
    salesforce: httpx.Client, replies: Replies, call: str, status: int, **more: Any
) -> httpx.Response:
    """Make a call and hold its reply against the document."""
    method, _, path = call.partition(" ")
    answer = salesforce.request(method, SITE + path, **more)
    assert answer.status_code == status, answer.text
    is_json = "json" in answer.headers.get("content-type", "")
    body = answer.json() if is_json else None
    replies.check(method, path.partition("?")[0], status, body, undocumented=MORE)
    return answer


def test_records(salesforce: httpx.Client) -> None:
    replies = document("core-openapi.yaml")
    check(salesforce, replies, "GET /services/data", 200)
    check(salesforce, replies, f"GET {DATA}", 200)
    check(salesforce, replies, f"GET {DATA}/limits", 200)
    check(salesforce, replies, f"GET {DATA}/sobjects", 200)
    check(salesforce, replies, f"GET {DATA}/sobjects/Lead/describe", 200)
    leads = f"{DATA}/sobjects/Lead"
    lead = {"LastName": "Lee", "Company": "Acme"}
    made = check(salesforce, replies, f"POST {leads}", 201, json=lead).json()
    check(salesforce, replies, f"POST {leads}", 400, json={})
    check(salesforce, replies, f"PATCH {leads}/{made['id']}", 204, json={"Title": "CEO"})
    check(salesforce, replies, f"PATCH {leads}/{made['id']}", 400, json={"Shoes": 1})
    check(salesforce, replies, f"DELETE {leads}/{made['id']}", 204)
    check(salesforce, replies, f"DELETE {leads}/{made['id']}", 404)
    del salesforce.headers["authorization"]
    check(salesforce, replies, f"POST {leads}", 401, json=lead)


def test_what_is_read(salesforce: httpx.Client) -> None:
    """A record has the fields of its object, which the document cannot know by name."""
    replies = document("core-openapi.yaml")
    filled = {"vendor": "salesforce", "kind": "contacts", "count": 2500}
    assert salesforce.post("/_fill", json=filled).is_success
    page = salesforce.get(f"{SITE}{DATA}/query", params={"q": "SELECT Id FROM Contact"}).json()
    known = replies.schema("GET", f"{DATA}/query", 200)["properties"]
    assert page.keys() == known.keys()
    id = page["records"][0].pop("Id")
    record = salesforce.get(f"{SITE}{DATA}/sobjects/Contact/{id}").json()
    shown = page["records"][0]["attributes"]
    assert shown == record["attributes"] == {"type": "Contact", "url": shown["url"]}
    assert shown["url"] == f"{DATA}/sobjects/Contact/{id}"
    check(salesforce, replies, f"GET {DATA}/query?q=SELECT", 400)
    check(salesforce, replies, f"GET {DATA}/queryAll?q=SELECT+Id+FROM+Nobody", 400)


def test_bulk_jobs(salesforce: httpx.Client, clock: Clock) -> None:
    replies = document("bulk-api-2-openapi.yaml")
    jobs = f"{DATA}/jobs/ingest"
    asked = {"object": "Lead", "operation": "insert", "contentType": "CSV"}
    made = check(salesforce, replies, f"POST {jobs}", 200, json=asked).json()
    job = f"{jobs}/{made['id']}"
    csv_type = {"content-type": "text/csv"}
    rows = "LastName,Company\nLee,Acme\n"
    check(salesforce, replies, f"PUT {job}/batches", 201, content=rows, headers=csv_type)
    check(salesforce, replies, f"PATCH {job}", 200, json={"state": "UploadComplete"})
    clock.sleep(3)
    assert check(salesforce, replies, f"GET {job}", 200).json()["state"] == "JobComplete"
    check(salesforce, replies, f"GET {jobs}", 200)
    for results in ("successfulResults", "failedResults", "unprocessedrecords"):
        answer = check(salesforce, replies, f"GET {job}/{results}", 200)
        assert answer.headers["content-type"].startswith("text/csv")
    check(salesforce, replies, f"DELETE {job}", 204)
    check(salesforce, replies, f"GET {job}", 404)
    check(salesforce, replies, f"POST {jobs}", 400, json={})


def test_query_jobs(salesforce: httpx.Client, clock: Clock) -> None:
    replies = document("bulk-api-2-openapi.yaml")
    jobs = f"{DATA}/jobs/query"
    asked = {"operation": "query", "query": "SELECT Id FROM Lead", "contentType": "CSV"}
    job = f"{jobs}/{check(salesforce, replies, f'POST {jobs}', 200, json=asked).json()['id']}"
    other = f"{jobs}/{check(salesforce, replies, f'POST {jobs}', 200, json=asked).json()['id']}"
    check(salesforce, replies, f"PATCH {other}", 200, json={"state": "Aborted"})
    clock.sleep(3)
    check(salesforce, replies, f"GET {job}", 200)
    check(salesforce, replies, f"GET {job}/results", 200)
    check(salesforce, replies, f"GET {jobs}", 200)
    check(salesforce, replies, f"DELETE {job}", 204)
