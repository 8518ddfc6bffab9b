"""Every request that the Resend provider makes, against Resend's OpenAPI document."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from mktool.message import Batch, Broadcast, Mailbox, Message, Sent
from mktool.providers._resend_events import EVENTS
from mktool.providers.resend import Resend
from tests.conformance import specs
from tests.conformance.openapi import Document, Vendor, connect

BATCH = Batch(
    "launch", "key", Mailbox("news@acme.example", "Acme"),
    (Message(1, "ada@acme.example", "Hi", "<p>Hi</p>", "Hi", unsubscribe="https://acme.example/u"),),
    reply_to="ada@acme.example", tags=("news",),
)  # fmt: skip
PLAN = Broadcast(
    "launch", "mk-1", Mailbox("news@acme.example", "Acme"), "Hi {{{FIRST_NAME}}}", "<p>Hi</p>",
    "Hi", "What is new", "ada@acme.example", ("first_name", "plan"),
)  # fmt: skip
ADA = Message(1, "ada@acme.example", values=("Ada", "pro"))
EMPTY = {"object": "list", "data": []}
ANSWERS = {
    "/domains": EMPTY,
    "/emails/batch": {"data": [{"id": "e1"}]},
    "/emails": {"object": "list", "has_more": True, "data": [
        {"id": "e1", "to": ["ada@acme.example"], "created_at": "2020-01-01T00:00:00Z"}]},
    "/suppressions": EMPTY,
    "/contacts": EMPTY,
    "/templates": {**EMPTY, "id": "t1"},
    "/templates/t1": {"html": "<p></p>"},
    "/segments": {"object": "list", "data": [{"id": "s1", "name": "launch (mk-1)"}]},
    "/contact-properties": {**EMPTY, "id": "p1"},
    "/contacts/imports": {"id": "i1"},
    "/contacts/imports/i1": {"status": "completed"},
    "/broadcasts": {**EMPTY, "id": "b1"},
    "/broadcasts/b1": {"status": "draft"},
    "/broadcasts/b1/send": {"id": "b1"},
    "/broadcasts/b1/cancel": {"id": "b1"},
    "/broadcasts/b1/recipients": EMPTY,
}  # fmt: skip
CALLS: dict[str, Callable[[Any], object]] = {
    "check": lambda x: x.check(),
    "deliver": lambda x: x.deliver(BATCH),
    "track": lambda x: list(x.track(Sent("launch", 1.79e9))),
    "track a broadcast": lambda x: list(x.track(Sent("launch", 1.79e9, ref="b1"))),
    "enlist": lambda x: x.enlist(PLAN, [ADA]),
    "draft": lambda x: x.draft(PLAN),
    "launch": lambda x: x.launch("b1", None),
    "schedule": lambda x: x.launch("b1", 1.8e9),
    "launched": lambda x: x.launched("b1"),
    "recall": lambda x: x.recall("b1"),
    "suppressed": lambda x: list(x.suppressed(0.0)),
    "templates": lambda x: list(x.templates()),
    "template": lambda x: x.template("t1"),
    "add template": lambda x: x.add_template("Launch", "<p></p>"),
}


@pytest.fixture(scope="module")
def documented() -> Any:
    return yaml.safe_load((specs.folder("resend") / "resend.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", CALLS)
def test_requests_are_documented(name: str, documented: Any, tmp_path: Path) -> None:
    vendor = Vendor(ANSWERS)
    CALLS[name](connect(Resend, vendor, tmp_path))
    assert vendor.requests
    for request in vendor.requests:
        Document(documented).check(request)


def test_every_event_is_known(documented: Any) -> None:
    email = documented["components"]["schemas"]["Email"]
    assert EVENTS.keys() == set(email["properties"]["last_event"]["enum"])


def test_the_key_has_the_documented_header(documented: Any) -> None:
    (parameter,) = documented["paths"]["/emails/batch"]["post"]["parameters"]
    assert Resend.spec.delivery is not None
    assert Resend.spec.delivery.endpoint is not None
    assert Resend.spec.delivery.endpoint.key_header == parameter["name"]
