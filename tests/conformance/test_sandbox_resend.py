"""The sandbox's Resend against Resend's own OpenAPI document."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import jsonschema
import pytest
import yaml

from mktool.sandbox.server import Sandbox
from tests.conformance import specs

MAIL = {"from": "a@acme.example", "to": ["b@c.example"], "subject": "s", "html": "h", "text": "t"}


@pytest.fixture
def resend() -> Iterator[httpx.Client]:
    headers = {"authorization": "Bearer re_sandbox"}
    with Sandbox(limits={"resend": 1000}) as running:
        base = f"{running.url}/api.resend.com"
        with httpx.Client(base_url=base, headers=headers, trust_env=False) as client:
            yield client


def answers(resend: httpx.Client) -> Iterator[tuple[str, str, httpx.Response]]:
    """Make every call the way that works; yield its method, its documented path and its answer."""

    def call(method: str, path: str, body: object = None, **ids: str) -> tuple[str, str, Any]:
        return method, path, resend.request(method, path.format(**ids), json=body)

    yield call("GET", "/domains")
    yield call("POST", "/emails/batch", [MAIL, MAIL])
    sent = call("POST", "/emails", {**MAIL, "scheduled_at": "in 1 hour"})
    yield sent
    mail = {"email_id": sent[2].json()["id"]}
    yield call("GET", "/emails")
    yield call("GET", "/emails/{email_id}", **mail)
    later = {"scheduled_at": "in 2 hours"}
    yield call("PATCH", "/emails/{email_id}", later, **mail)
    yield call("POST", "/emails/{email_id}/cancel", **mail)
    yield call("GET", "/emails/metrics")
    for path, body in (
        ("/segments", {"name": "All"}),
        ("/topics", {"name": "News", "default_subscription": "opt_in", "visibility": "public",
                     "description": "d"}),
        ("/contacts", {"email": "b@c.example", "first_name": "B"}),
        ("/templates", {"name": "T", "html": "h", "alias": "t", "from": "a@b.example"}),
        ("/suppressions", {"email": "x@c.example"}),
    ):  # fmt: skip
        made = call("POST", path, body)
        yield made
        yield call("GET", path)
        key = "suppression" if path == "/suppressions" else "id"
        yield call("GET", f"{path}/{{{key}}}", **{key: made[2].json()["id"]})
        if path == "/segments":
            segment = made[2].json()["id"]
    yield call("PATCH", "/contacts/{id}", {"unsubscribed": False}, id="b@c.example")
    property = call("POST", "/contact-properties", {"key": "plan", "type": "string"})
    yield property
    yield call("GET", "/contact-properties")
    form = {"column_map": '{"email": "email"}', "segments": f'[{{"id": "{segment}"}}]'}
    table = {"file": ("people.csv", b"email\nz@c.example\n", "text/csv")}
    imported = resend.post("/contacts/imports", data=form, files=table)
    yield "POST", "/contacts/imports", imported
    yield call("GET", "/contacts/imports/{id}", id=imported.json()["id"])
    ids = {"contact_id": "b@c.example", "segment_id": segment}
    yield call("POST", "/contacts/{contact_id}/segments/{segment_id}", **ids)
    draft = {"segment_id": segment, "from": "a@acme.example", "subject": "s", "html": "h",
             "text": "t", "name": "n", "topic_id": "t"}  # fmt: skip
    broadcast = call("POST", "/broadcasts", draft)
    yield broadcast
    own = {"id": broadcast[2].json()["id"]}
    yield call("POST", "/broadcasts/{id}/send", {"scheduled_at": "in 1 hour"}, **own)
    yield call("GET", "/broadcasts/{id}", **own)
    yield call("GET", "/broadcasts")
    yield call("POST", "/broadcasts/{id}/cancel", **own)
    yield call("DELETE", "/broadcasts/{id}", **own)
    yield call("DELETE", "/contacts/{contact_id}/segments/{segment_id}", **ids)
    yield call("DELETE", "/contacts/{id}", id="b@c.example")
    yield call("DELETE", "/suppressions/{suppression}", suppression="x@c.example")


def test_every_answer_fits_its_schema(resend: httpx.Client) -> None:
    document = yaml.safe_load((specs.folder("resend") / "resend.yaml").read_text(encoding="utf-8"))
    for method, path, answer in answers(resend):
        documented = document["paths"][path][method.lower()]["responses"]
        assert str(answer.status_code) in documented, (method, path, answer.text)
        schema = documented[str(answer.status_code)]["content"]["application/json"]["schema"]
        whole = {**schema, "components": _nullable(document["components"])}
        jsonschema.validate(answer.json(), whole)


# Absent moments are null in the answers that the pages show; the document calls them strings.
_NULL = {"scheduled_at", "sent_at", "published_at", "topic_id", "source_id"}


def _nullable(schema: Any) -> Any:
    """Return the schemas as JSON Schema, which knows no ``nullable``."""
    if isinstance(schema, list):
        return [_nullable(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: _nullable(value) for name, value in schema.items()}
    for name in _NULL & found.keys():
        if isinstance(found[name], dict) and isinstance(found[name].get("type"), str):
            found[name] = {"type": [found[name]["type"], "null"]}
    return found
