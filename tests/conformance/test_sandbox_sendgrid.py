"""The sandbox's SendGrid against SendGrid's own OpenAPI documents."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import jsonschema
import pytest

from mktool.sandbox.server import Sandbox
from tests.conformance import specs

TO = [{"to": [{"email": "bounced@b.example"}]}]
MAIL = {"personalizations": TO, "from": {"email": "a@b.example"}, "subject": "s",
        "content": [{"type": "text/plain", "value": "t"}], "categories": ["launch"]}  # fmt: skip


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(clock=ticking()) as running:
        yield running


def ticking() -> Any:
    """Return a clock that is a second later whenever it is looked at."""
    moments = iter(range(1_795_000_000, 1_796_000_000))
    return lambda: float(next(moments))


def answers(sandbox: Sandbox) -> Iterator[tuple[str, str, str, httpx.Response]]:
    """Make every call; yield the document, the method, the documented path and the answer."""
    client = httpx.Client(
        base_url=f"{sandbox.url}/api.sendgrid.com", trust_env=False,
        headers={"authorization": "Bearer SG.sandbox"},
    )  # fmt: skip

    def call(
        document: str, method: str, path: str, body: object = None, query: str = "", **ids: Any
    ) -> tuple[str, str, str, httpx.Response]:
        return document, method, path, client.request(method, path.format(**ids) + query, json=body)

    with client:
        yield call("scopes", "GET", "/v3/scopes")
        yield call("mail", "POST", "/v3/mail/send", MAIL)
        yield call("mail", "POST", "/v3/mail/send", {})
        batch = call("mail", "POST", "/v3/mail/batch")
        yield batch
        id = batch[3].json()["batch_id"]
        yield call("mail", "GET", "/v3/mail/batch/{batch_id}", batch_id=id)
        stop = {"batch_id": id, "status": "pause"}
        sends = "/v3/user/scheduled_sends"
        yield call("scheduled_sends", "POST", sends, stop)
        yield call("scheduled_sends", "POST", sends, stop)
        yield call("scheduled_sends", "GET", sends)
        one = sends + "/{batch_id}"
        yield call("scheduled_sends", "GET", one, batch_id=id)
        yield call("scheduled_sends", "PATCH", one, {"status": "cancel"}, batch_id=id)
        yield call("scheduled_sends", "DELETE", one, batch_id=id)
        email = {"recipient_emails": ["x@b.example"]}
        yield call("suppressions", "POST", "/v3/asm/suppressions/global", email)
        every = "/v3/asm/suppressions/global/{email}"
        yield call("suppressions", "GET", every, email="x@b.example")
        yield call("suppressions", "DELETE", every, email="x@b.example")
        group = call("suppressions", "POST", "/v3/asm/groups", {"name": "n", "description": "d"})
        yield group
        yield call("suppressions", "GET", "/v3/asm/groups")
        own = {"group_id": group[3].json()["id"]}
        yield call("suppressions", "GET", "/v3/asm/groups/{group_id}", **own)
        yield call("suppressions", "POST", "/v3/asm/groups/{group_id}/suppressions", email, **own)
        yield call("suppressions", "GET", "/v3/asm/groups/{group_id}/suppressions", **own)
        for kind in ("bounces", "blocks", "spam_reports", "invalid_emails", "unsubscribes"):
            yield call("suppressions", "GET", f"/v3/suppression/{kind}")
        today = f"?start_date={datetime.fromtimestamp(sandbox.world.clock(), UTC):%Y-%m-%d}"
        yield call("stats", "GET", "/v3/stats", query=today)
        yield call("stats", "GET", "/v3/categories/stats", query=f"{today}&categories=launch")
        # The document wants 36 characters of every id, which those of dynamic ones (d-…) lack.
        made = {"name": "t", "generation": "legacy"}
        template = call("templates", "POST", "/v3/templates", made)
        yield template
        ids = {"template_id": template[3].json()["id"]}
        version = {"name": "v", "subject": "s", "html_content": "h"}
        yield call("templates", "POST", "/v3/templates/{template_id}/versions", version, **ids)
        yield call("templates", "GET", "/v3/templates/{template_id}", **ids)
        listed = "?generations=legacy&page_size=5"
        yield call("templates", "GET", "/v3/templates", query=listed)


def test_every_answer_fits_its_schema(sandbox: Sandbox) -> None:
    for document, method, path, answer in answers(sandbox):
        spec = specs.load("sendgrid", f"tsg_{document}_v3.json")
        documented = spec["paths"][path][method.lower()]["responses"]
        assert str(answer.status_code) in documented, (method, path, answer.text)
        found = documented[str(answer.status_code)]
        if "$ref" in found:
            found = spec["components"]["responses"][found["$ref"].rpartition("/")[2]]
        if "content" not in found:
            assert answer.content == b"", (method, path)
            continue
        schema = found["content"]["application/json"]["schema"]
        jsonschema.validate(answer.json(), {**schema, "components": _nullable(spec["components"])})


def _nullable(schema: Any) -> Any:
    """Return the schemas as JSON Schema, which knows no ``nullable``."""
    if isinstance(schema, list):
        return [_nullable(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: _nullable(value) for name, value in schema.items()}
    if found.get("nullable") is True and isinstance(found.get("type"), str):
        found["type"] = [found["type"], "null"]
    return found
