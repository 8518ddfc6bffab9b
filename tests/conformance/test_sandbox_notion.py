"""The sandbox's Notion against the vendor's OpenAPI document, which shows replies by example."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator

from mktool.sandbox.server import Sandbox
from mktool.sandbox.vendors.notion.pages import DATABASE, HOME, SOURCE
from tests.conformance import specs

RUN = {"type": "text", "text": {"content": "a"}}


@pytest.fixture(scope="module")
def document() -> Any:
    return specs.load("notion", "notion-openapi.json")


@pytest.fixture
def notion() -> Iterator[httpx.Client]:
    headers = {"authorization": "Bearer ntn_sandbox", "notion-version": "2025-09-03"}
    with (
        Sandbox() as running,
        httpx.Client(
            base_url=f"{running.url}/api.notion.com", headers=headers, trust_env=False
        ) as client,
    ):
        yield client


def operation(document: Any, method: str, path: str) -> Any:
    for template in sorted(document["paths"], key=lambda known: known.count("{")):
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path.partition("?")[0]):
            return document["paths"][template][method.lower()]
    raise AssertionError(f"{path} is not documented")


def members(value: Any, sample: Any, where: str = "$") -> Iterator[str]:
    """Yield what the sample has that a reply lacks, or has of another type."""
    if isinstance(sample, dict):
        for name, inner in sample.items():
            if not isinstance(value, dict) or name not in value:
                yield f"{where}.{name}"
            else:
                yield from members(value[name], inner, f"{where}.{name}")
    elif isinstance(sample, list) and sample and isinstance(value, list) and value:
        yield from members(value[0], sample[0], f"{where}[0]")
    elif sample is not None and value is not None and type(value) is not type(sample):
        yield where


def test_every_call_is_documented_and_takes_what_the_document_allows(
    notion: httpx.Client, document: Any
) -> None:
    page = {"parent": {"page_id": HOME}, "properties": {"title": {"title": [RUN]}}}
    made = notion.post("/v1/pages", json=page).json()["id"]
    block = {"type": "paragraph", "paragraph": {"rich_text": [RUN]}}
    calls: list[tuple[str, str, Any]] = [
        ("GET", "/v1/users/me", None),
        ("GET", "/v1/users", None),
        ("POST", "/v1/search", {"query": "a", "page_size": 1}),
        ("GET", f"/v1/databases/{DATABASE}", None),
        ("GET", f"/v1/data_sources/{SOURCE}", None),
        ("POST", f"/v1/data_sources/{SOURCE}/query", {"page_size": 1}),
        ("POST", "/v1/pages", page),
        ("GET", f"/v1/pages/{made}", None),
        ("PATCH", f"/v1/pages/{made}", {"properties": {"title": {"title": [RUN]}}}),
        ("PATCH", f"/v1/blocks/{made}/children", {"children": [block]}),
        ("GET", f"/v1/blocks/{made}/children?page_size=1", None),
        ("GET", f"/v1/blocks/{made}", None),
        ("POST", "/v1/comments", {"parent": {"page_id": made}, "rich_text": [RUN]}),
        ("GET", f"/v1/comments?block_id={made}", None),
        ("DELETE", f"/v1/blocks/{made}", None),
    ]
    for method, path, body in calls:
        known = operation(document, method, path)
        if body is not None:
            schema = known["requestBody"]["content"]["application/json"]["schema"]
            whole = {**schema, "components": document["components"]}
            Draft202012Validator(whole).validate(body)
        reply = notion.request(method, path, json=body)
        assert str(reply.status_code) in known["responses"], (method, path, reply.text)


def test_replies_have_what_the_examples_have(notion: httpx.Client, document: Any) -> None:
    comment = {"parent": {"page_id": HOME}, "rich_text": [RUN]}
    notion.post("/v1/comments", json=comment).raise_for_status()
    compared = 0
    for path in ("/v1/users/me", f"/v1/comments?block_id={HOME}"):
        content = operation(document, "GET", path)["responses"]["200"]["content"]
        (example,) = content["application/json"]["examples"].values()
        reply = notion.get(path).json()
        # The owner in the example is a person, whose integration it is; ours is the workspace's.
        lacking = [m for m in members(reply, example["value"]) if ".owner." not in m]
        assert lacking == [], path
        compared += 1
    assert compared == 2


def test_refusals_have_the_documented_members(notion: httpx.Client, document: Any) -> None:
    for path in (f"/v1/pages/{'0' * 32}", "/v1/pages/x", "/v1/comments?block_id=x"):
        schema = operation(document, "GET", path)["responses"]["400"]["content"]
        found = notion.get(path)
        assert found.status_code in (400, 404)
        Draft202012Validator(schema["application/json"]["schema"]).validate(found.json())
        assert {"object", "status", "code", "message"} <= found.json().keys()
