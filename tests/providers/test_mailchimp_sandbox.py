"""Mailchimp's provider against the sandbox, which is written from the documents alone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mktool import errors as e
from mktool.message import Broadcast, Mailbox, Message, Sent
from mktool.providers.mailchimp import Mailchimp
from tests.providers.desk import Desk

pytest.importorskip("uvicorn", reason="needs mktool[server]")

PLAN = Broadcast(
    "launch", "mk-1", Mailbox("news@acme.example", "Acme"), "For *|FNAME|*",
    "<p>*|IF:FNAME|**|FNAME|**|ELSE:|*you*|END:IF|*: *|PLAN|*</p>", fields=("first_name", "plan"),
)  # fmt: skip
PEOPLE = [
    Message(1, "Ada@acme.example", values=("Ada", "pro")),
    Message(2, "bob@acme.example", values=("", "free")),
]
FAKE = Message(3, "fake@acme.example", values=("", ""))


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with Desk(tmp_path) as desk:
        yield desk


@pytest.fixture
def mailchimp(desk: Desk) -> Mailchimp:
    return desk.open(Mailchimp, {"api_key": "sandbox-run-us1"})


def test_check(mailchimp: Mailchimp) -> None:
    assert mailchimp.check().name == "Sandbox"


def test_a_campaign_from_its_audience_to_its_report(desk: Desk, mailchimp: Mailchimp) -> None:
    began = time.time()
    assert set(mailchimp.enlist(PLAN, [*PEOPLE, FAKE]).refused) == {2}
    assert set(mailchimp.enlist(PLAN, [*PEOPLE, FAKE]).refused) == {2}  # once more: no harm
    others = replace(PLAN, token="mk-2", fields=())
    mailchimp.enlist(others, [Message(1, "eve@acme.example")])
    id = mailchimp.draft(PLAN)
    assert mailchimp.draft(PLAN) == id
    assert not mailchimp.launched(id)
    mailchimp.launch(id, None)
    assert mailchimp.launched(id)
    assert mailchimp.draft(PLAN) == id  # found, and left as it is
    sent = Sent("launch", began, ref=id)
    assert mailchimp.summarize(sent)["sent"] == 2
    list(mailchimp.track(sent))
    mails = [item for item in desk.sandbox.world.inbox.items if item.kind == "email"]
    assert sorted(item.to.lower() for item in mails) == ["ada@acme.example", "bob@acme.example"]


def test_what_is_scheduled_is_taken_back(mailchimp: Mailchimp) -> None:
    mailchimp.enlist(PLAN, PEOPLE)
    id = mailchimp.draft(PLAN)
    later = time.time() + 7200
    mailchimp.launch(id, later - later % 900)
    assert mailchimp.launched(id)
    mailchimp.recall(id)
    assert not mailchimp.launched(id)


def test_a_campaign_for_nobody_is_not_made(mailchimp: Mailchimp) -> None:
    with pytest.raises(e.InvalidInput, match="nobody"):
        mailchimp.draft(PLAN)


def test_a_template_that_is_added_is_listed(mailchimp: Mailchimp) -> None:
    before = dict(mailchimp.templates())
    id = mailchimp.add_template("More", "<p>*|FNAME|*</p>")
    assert dict(mailchimp.templates()) == {**before, id: "More"}


def test_nobody_is_suppressed_yet(mailchimp: Mailchimp) -> None:
    mailchimp.enlist(PLAN, PEOPLE)
    assert list(mailchimp.suppressed(0.0)) == []


def test_a_key_of_another_data_centre_is_told(desk: Desk) -> None:
    with pytest.raises(e.Unauthorized):
        desk.open(Mailchimp, {"api_key": "real-us1"}).check()
