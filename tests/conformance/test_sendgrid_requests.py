"""Every request that the SendGrid provider makes, against SendGrid's OpenAPI documents, whose own
examples answer it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mktool.message import Batch, Mailbox, Message, Sent
from mktool.providers.sendgrid import EVENTS, LISTS, SendGrid
from tests.conformance import specs
from tests.conformance.openapi import Document, Vendor, connect

BATCH = Batch(
    "launch", "key", Mailbox("news@acme.example", "Acme"),
    (Message(1, "ada@acme.example", values=("Ada",), unsubscribe="https://acme.example/u"),),
    subject="Hi -0-", html="<p>Hi</p>", text="Hi", tokens=("-0-",), tags=("news",),
)  # fmt: skip
ALL = replace(
    BATCH, reply_to="ada@acme.example", send_at=1.79e9, hold="HkJ5yLYULb7Rj8GKSx7u025ouWVlMgAi",
    rehearsal=True, extra={"asm": {"group_id": 1}},
)  # fmt: skip
RENDERED = replace(BATCH, messages=(Message(1, "ada@acme.example", "Hi", "<p>Hi</p>"),), tokens=())
CALLS: dict[str, Callable[[Any], object]] = {
    "check": lambda x: x.check(),
    "deliver": lambda x: x.deliver(BATCH),
    "deliver with all": lambda x: x.deliver(ALL),
    "deliver rendered": lambda x: x.deliver(RENDERED),
    "hold": lambda x: x.hold(),
    "release": lambda x: x.release("HkJ5yLYULb7Rj8GKSx7u025ouWVlMgAi", ()),
    "summarize": lambda x: x.summarize(Sent("launch", 1.79e9)),
    "suppressed": lambda x: list(x.suppressed(0.0)),
    "templates": lambda x: list(x.templates()),
    "add template": lambda x: x.add_template("Launch", "<p></p>"),
}
NAMES = ("mail", "scheduled_sends", "scopes", "stats", "suppressions", "templates")


@pytest.fixture(scope="module")
def documents() -> list[Any]:
    return [specs.load("sendgrid", f"tsg_{name}_v3.json") for name in NAMES]


@pytest.fixture
def vendor(documents: list[Any]) -> Vendor:
    document = Document(*documents)
    lists = [f"/v3/suppression/{name}" for name in LISTS]
    reads = ["/v3/scopes", "/v3/categories/stats", "/v3/templates", *lists]
    answers = {path: document.example("get", path) for path in reads}
    answers["/v3/mail/send"], answers["/v3/mail/batch"] = {}, {"batch_id": "HkJ5y"}
    answers["/v3/user/scheduled_sends"] = {}
    answers["/v3/templates"]["id"], answers["/v3/templates/t1/versions"] = "t1", {}
    return Vendor(answers)


@pytest.mark.parametrize("name", CALLS)
def test_requests_are_documented(
    name: str, documents: list[Any], vendor: Vendor, tmp_path: Path
) -> None:
    CALLS[name](connect(SendGrid, vendor, tmp_path, host="api.sendgrid.com"))
    assert vendor.requests
    for request in vendor.requests:
        Document(*documents).check(request)


def test_documented_answers_are_read(vendor: Vendor, tmp_path: Path) -> None:
    sendgrid = connect(SendGrid, vendor, tmp_path, host="api.sendgrid.com")
    assert "mail.send" in sendgrid.check().scopes
    assert len(list(sendgrid.suppressed(0.0))) == 8
    assert [name for _, name in sendgrid.templates()] == ["example_name"]
    assert sendgrid.summarize(Sent("launch", 1.79e9)).keys() <= set(EVENTS.values())


def test_every_total_is_known(documents: list[Any]) -> None:
    """All but ``requests``, which are counted again as what became of them."""
    stats = Document(*documents).example("get", "/v3/categories/stats")
    assert EVENTS.keys() == stats[0]["stats"][0]["metrics"].keys() - {"requests"}


def test_the_limits_are_those_of_the_document(documents: list[Any]) -> None:
    content = documents[0]["components"]["requestBodies"]["PostMailSend"]["content"]
    properties = content["application/json"]["schema"]["properties"]
    delivery = SendGrid.spec.delivery
    assert delivery is not None
    assert delivery.batch == properties["personalizations"]["maxItems"]
    assert properties["categories"]["maxItems"] == 10
    hosts = {server["url"] for server in documents[0]["servers"]}
    assert hosts == {"https://api.sendgrid.com", "https://api.eu.sendgrid.com"}
