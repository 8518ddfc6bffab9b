"""Every request that the Salesforce provider makes, against its OpenAPI documents.

The documents lack collections, files' content and who one is: those stand in Salesforce's
Postman collection, which has addresses and no schemas.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from mktool.http.reply import Response
from mktool.http.request import Made, Request
from mktool.model import Posted
from mktool.providers.salesforce import Salesforce
from mktool.records import Row, Wish
from tests import reports
from tests.conformance.openapi import Document, Vendor, connect
from tests.conformance.specs import folder
from tests.contract import NOW

V = "/services/data/v65.0"
CONTACTS = Salesforce.spec.records[0]
FIELDS = [{"name": n, "type": t, "externalId": n == "Ext__c"} for n, t in (
    ("Id", "id"), ("Email", "email"), ("Ext__c", "string"))]  # fmt: skip
EMPTY: dict[str, Any] = {"totalSize": 0, "done": True, "records": []}
ANSWERS: dict[str, Any] = {
    "/services/oauth2/userinfo": {"user_id": "0051", "organization_id": "00D1"},
    f"{V}/query": EMPTY, f"{V}/queryAll": {**EMPTY, "totalSize": 9000},
    f"{V}/sobjects/Contact/describe": {"name": "Contact", "fields": FIELDS},
    f"{V}/sobjects/Task": {"id": "00T1"}, f"{V}/sobjects/ContentVersion": {"id": "0681"},
    f"{V}/composite/sobjects": [{"success": True, "id": "0031"}],
    f"{V}/composite/sobjects/Contact/Ext__c": [{"success": True, "id": "0031"}],
    f"{V}/jobs/query": {"id": "7501"}, f"{V}/jobs/query/7501": {"state": "JobComplete"},
    f"{V}/jobs/query/7501/results": "Id,SystemModstamp,IsDeleted\n",
    f"{V}/jobs/ingest": {"id": "7502"}, f"{V}/jobs/ingest/7502/batches": "",
    f"{V}/jobs/ingest/7502": {"state": "Open"},
    f"{V}/jobs/ingest/7502/successfulResults": "sf__Id,sf__Created,Email\n0031,true,a@b.co\n",
    f"{V}/jobs/ingest/7502/failedResults": "sf__Id,sf__Error,Email\n",
}  # fmt: skip


class Org(Vendor):
    """Answers tables too, and ends a job as soon as it is started."""

    def send(self, request: Request, timeout: float) -> Response:
        self.requests.append(request)
        path = urlsplit(request.url).path
        answer = self.answers[path]
        if request.endpoint.operation == "load":
            self.answers = {**self.answers, path: {"state": "JobComplete"}}
        told = {"sforce-locator": "null", "sforce-numberofrecords": "0"}
        body = answer if isinstance(answer, str) else json.dumps(answer)
        return Response(200, told, body.encode())


def export(x: Salesforce) -> None:
    huge = reports.EXPORTS["huge"]
    few = replace(huge, report=replace(huge.report, actions=huge.report.actions[:1]))
    before: list[Posted] = []
    for piece in x.pieces(few):
        x.locate(replace(piece, token="t"), before, NOW, frozenset())
        before.append(x.write(replace(piece, token="t"), before))


ROW = [Row(1, {"Email": "a@b.co"})]
CALLS: dict[str, Callable[[Salesforce], object]] = {
    "check": lambda x: x.check(),
    "export": export,
    "find": lambda x: [list(x.find(kind, "Ada")) for kind in x.spec.finds],
    "members": lambda x: list(x.members("campaign", "7011", ())),
    "fetch": lambda x: list(x.fetch(CONTACTS, "Email", ["a@b.co"], ("Email",))),
    "pull": lambda x: list(x.pull(CONTACTS, Wish(("Email",)))),
    "pull in bulk": lambda x: list(x.pull(CONTACTS, Wish((), since=NOW))),
    "insert": lambda x: x.push(CONTACTS, ROW, "Email"),
    "update": lambda x: x.push(CONTACTS, [Row(1, {}, "0031")], ""),
    "upsert": lambda x: x.push(CONTACTS, [Row(1, {"Ext__c": "7"})], "Ext__c"),
    "load": lambda x: x.load(CONTACTS, x.stage(CONTACTS, ROW, ""), ROW, ""),
}


def documents() -> Document:
    found = folder("salesforce")
    names = ("core-openapi.yaml", "bulk-api-2-openapi.yaml")
    parts = [yaml.safe_load((found / name).read_text(encoding="utf-8")) for name in names]
    return Document(*parts)


def described_by_postman(request: Request) -> bool:
    """Whether Salesforce's Postman collection has a request of this method and address."""
    path = re.sub(r"/v\d+\.\d", "/v{{version}}", urlsplit(request.url).path)
    for file in (folder("salesforce") / "postman-2021-01").glob("*.json"):
        entry = json.loads(file.read_text(encoding="utf-8"))
        told = str(entry["url"]).partition("?")[0].removesuffix("/")
        told = re.sub(r"^(\{\{\w+\}\})+|^https?://[^/]+", "", told)
        pattern = re.sub(r"<\w+>", "[^/]+", re.escape(told))
        if re.fullmatch(pattern, path) and entry["method"] == request.endpoint.method:
            return True
    return False


@pytest.mark.parametrize("name", CALLS)
def test_requests_fit_the_documents(name: str, tmp_path: Path) -> None:
    document, org = documents(), Org(ANSWERS)
    home = {"instance_url": "https://acme.my.salesforce.com", "api_version": "v65.0"}
    CALLS[name](connect(Salesforce, org, tmp_path, secret=("access_token", "t"), **home))
    assert org.requests
    for request in org.requests:
        path = urlsplit(request.url).path
        if request.endpoint.operation in ("update", "upsert"):
            continue  # the collection is older, and gives the address of neither
        if "/composite/sobjects" in path or "/oauth2/" in path:
            assert described_by_postman(request), path
        elif isinstance(request.raw, Made):
            assert request.content_type().startswith("text/csv")
        else:
            document.check(request)
