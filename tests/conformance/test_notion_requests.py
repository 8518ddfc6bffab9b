"""
Every request that the Notion provider makes, against the document that Notion publishes.

It is trimmed (the only blocks in it are paragraphs and bullets of plain text, and the parents are
those of an older version), so that bodies are held against as much of it as there is.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from jsonschema import Draft202012Validator

from mktool.http.request import Request
from mktool.model import Posted
from mktool.providers.notion import Notion
from mktool.report import Export
from tests import reports
from tests.conformance import specs
from tests.conformance.openapi import Document, Vendor, connect

HOME = "59833787-2cf9-4fdf-8782-e53db20768a5"
PAGE = "be633bf1-dfa0-436d-b259-571129a590e5"
SOURCE = "c174b72c-d782-432f-8dc0-b647e1c96df6"
LIST = {"object": "list", "results": [{"id": "b"}], "next_cursor": None, "has_more": False}
USERS = {**LIST, "results": [{"id": SOURCE, "person": {"email": "ada@example.com"}}]}
ERROR = {"object": "error", "code": "object_not_found", "message": "no"}
COLUMNS = {"Name": {"type": "title"}, "Date": {"type": "date"}}
ANSWERS = {
    "/v1/users/me": {"id": "b1"},
    "/v1/users": USERS,
    f"/v1/pages/{HOME}": {"object": "page", "id": HOME},
    f"/v1/pages/{SOURCE}": ERROR,
    f"/v1/databases/{SOURCE}": {"data_sources": [{"id": SOURCE}], "object": "database"},
    f"/v1/data_sources/{SOURCE}": {"id": SOURCE, "properties": COLUMNS},
    f"/v1/data_sources/{SOURCE}/query": {**LIST, "results": []},
    f"/v1/pages/{PAGE}": {"object": "page", "id": PAGE},
    "/v1/pages": {"object": "page", "id": PAGE},
    f"/v1/blocks/{PAGE}/children": {**LIST, "results": [{"id": "b"}]},
    f"/v1/blocks/{HOME}/children": {**LIST, "results": []},
    "/v1/search": {**LIST, "results": []},
}
PLAIN = {"paragraph", "bulleted_list_item"}


def asked(folder: Path, export: Export | None = None, parent: str = HOME) -> list[Request]:
    vendor = Vendor(ANSWERS)
    notion = connect(Notion, vendor, folder, secret=("token", "ntn_1"), parent=parent,
                     api_version="2025-09-03")  # fmt: skip
    if export is None:
        notion.check()
        for kind in ("page", "database", "user"):
            list(notion.find(kind, "x"))
        return vendor.requests
    before: list[Posted] = []
    for piece in notion.pieces(export):
        before.append(notion.write(piece, before))
    notion.locate(notion.pieces(export)[0], [], 0.0, frozenset())
    return vendor.requests


def document() -> dict[str, Any]:
    whole: dict[str, Any] = specs.load("notion", "notion-openapi.json")
    return whole


@pytest.mark.parametrize("parent", [HOME, SOURCE])
@pytest.mark.parametrize("export", [None, *reports.EXPORTS.values()])
def test_requests_are_documented(export: Export | None, parent: str, tmp_path: Path) -> None:
    known, checked = document(), 0
    for request in asked(tmp_path, export, parent):
        assert request.all_headers()["Notion-Version"] == "2025-09-03"
        assert request.all_headers()["Authorization"] == "Bearer ntn_1"
        if request.endpoint.operation in ("create page", "append"):
            checked += _check(request, known)
        else:
            Document(known).check(request)
    assert checked or export is None or not export.body


def _check(request: Request, known: dict[str, Any]) -> int:
    """Return how many blocks there were of those that the document has."""
    path = urlsplit(request.url).path
    template = "/v1/pages" if path == "/v1/pages" else "/v1/blocks/{block_id}/children"
    operation = known["paths"][template][request.endpoint.method.lower()]
    body = operation["requestBody"]["content"]["application/json"]["schema"]
    assert not parse_qsl(request.query)
    assert set(body["required"]) <= request.json.keys() <= set(body["properties"])
    schema = {**known["components"]["schemas"]["blockObjectRequest"]}
    schema["components"] = known["components"]
    blocks = [b for b in request.json["children"] if b["type"] in PLAIN and _is_plain(b)]
    for block in blocks:
        Draft202012Validator(schema).validate(block)
    return len(blocks)


def _is_plain(block: dict[str, Any]) -> bool:
    runs = block[block["type"]]["rich_text"]
    return all(run["type"] == "text" and "annotations" not in run for run in runs)
