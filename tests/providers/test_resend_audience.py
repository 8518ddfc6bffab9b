"""Resend's audience and broadcasts against the sandbox, which is written from the documents
alone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mktool import errors as e
from mktool.message import Broadcast, Event, Mailbox, Message, Sent
from mktool.providers.resend import Resend
from mktool.spec import Endpoint
from tests.providers.desk import Desk

pytest.importorskip("uvicorn", reason="needs mktool[server]")

PLAN = Broadcast(
    "launch", "mk-1", Mailbox("news@acme.example", "Acme"), "For {{{FIRST_NAME|you}}}",
    "<p>{{{contact.plan}}}: <a href='{{{RESEND_UNSUBSCRIBE_URL}}}'>no more</a></p>",
    fields=("first_name", "plan"),
)  # fmt: skip
PEOPLE = [
    Message(1, "ada@acme.example", values=("Ada", "pro")),
    Message(2, "bob@acme.example", values=("", "free")),
]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with Desk(tmp_path, resend=1000) as desk:
        yield desk


@pytest.fixture
def resend(desk: Desk) -> Resend:
    return desk.open(Resend, {"api_key": "re_sandbox_run"}, requests_per_second="1000")


def subjects(desk: Desk) -> dict[str, str]:
    return {item.to: item.subject for item in desk.sandbox.world.inbox.items}


def test_a_campaign_from_its_audience_to_its_events(desk: Desk, resend: Resend) -> None:
    resend.enlist(PLAN, PEOPLE)
    resend.enlist(PLAN, PEOPLE)  # once more: no harm
    resend.enlist(replace(PLAN, token="mk-2"), [PEOPLE[0]._replace(to="eve@acme.example")])
    id = resend.draft(PLAN)
    assert resend.draft(PLAN) == id
    assert not resend.launched(id)
    resend.launch(id, None)
    assert resend.launched(id)
    assert subjects(desk) == {"ada@acme.example": "For Ada", "bob@acme.example": "For you"}
    mail = next(item for item in desk.sandbox.world.inbox.items if item.to == "ada@acme.example")
    assert mail.html.startswith("<p>pro: <a href='https://unsubscribe.resend.com/")
    sent = [Event("sent", "", address) for address in sorted(subjects(desk))]
    assert sorted(e for e in resend.track(Sent("launch", 0.0, ref=id)) if e.kind == "sent") == sent


def test_who_has_unsubscribed_stays_so(desk: Desk, resend: Resend) -> None:
    resend.enlist(replace(PLAN, token="mk-0"), PEOPLE)
    change = Endpoint("change", "PATCH", "/contacts/{}")
    resend.client.call(change, "ada@acme.example", json={"unsubscribed": True})
    resend.enlist(PLAN, PEOPLE)
    resend.launch(resend.draft(PLAN), None)
    assert subjects(desk) == {"bob@acme.example": "For you"}


def test_an_address_that_resend_does_not_take(resend: Resend) -> None:
    with pytest.raises(e.Rejected, match="1 of 3"):
        resend.enlist(PLAN, [*PEOPLE, Message(3, "nobody", values=("", ""))])


def test_what_is_scheduled_is_taken_back(desk: Desk, resend: Resend) -> None:
    resend.enlist(PLAN, PEOPLE)
    id = resend.draft(PLAN)
    resend.launch(id, time.time() + 7200)
    assert resend.launched(id)
    resend.recall(id)
    assert not resend.launched(id)
