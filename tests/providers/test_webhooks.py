"""What the webhooks of vendors say, in the words of their documents."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from mktool import providers
from mktool.capability import CanReceive
from mktool.errors import UnexpectedReply
from mktool.message import Event

ADA = "ada@acme.example"
AT = 1790000002.0
SENDGRID: dict[str, Any] = {
    "email": ADA, "timestamp": int(AT), "sg_event_id": "e1", "sg_message_id": "m1.filter0",
            "smtp-id": "<m1@ismtpd>", "category": ["launch"], "campaign": "launch",
            "recipient": "1"}  # fmt: skip
TWILIO: dict[str, Any] = {
    "AccountSid": "AC1", "MessageSid": "SM1", "SmsSid": "SM1", "From": "+15550100200",
          "To": "+15550100201", "ApiVersion": "2010-04-01"}  # fmt: skip
MAILCHIMP: dict[str, Any] = {"fired_at": "2026-09-21 14:13:22"}


def receive(provider: str, notice: Mapping[str, Any]) -> list[Event]:
    cls = providers.load(provider)
    assert issubclass(cls, CanReceive)
    return list(cls.receive(notice))


@pytest.mark.parametrize(
    ("more", "kind", "detail"),
    [
        ({"event": "processed"}, "sent", ""),
        ({"event": "delivered", "response": "250 OK"}, "delivered", "250 OK"),
        ({"event": "deferred", "response": "400 later"}, "deferred", "400 later"),
        ({"event": "bounce", "type": "bounce", "reason": "550 who?"}, "bounced", "550 who?"),
        ({"event": "bounce", "type": "blocked", "reason": "busy"}, "bounced", "soft: busy"),
        ({"event": "dropped", "reason": "Bounced Address"}, "rejected", "Bounced Address"),
        ({"event": "open", "sg_machine_open": False}, "opened", ""),
        ({"event": "click", "url": "https://acme.example"}, "clicked", "https://acme.example"),
        ({"event": "spamreport"}, "complained", ""),
        ({"event": "unsubscribe"}, "unsubscribed", ""),
        ({"event": "group_unsubscribe", "asm_group_id": 1}, "unsubscribed", ""),
    ],
)
def test_sendgrid(more: dict[str, Any], kind: Any, detail: str) -> None:
    event = Event(kind, "", ADA, AT, detail, campaign="launch")
    assert receive("sendgrid", SENDGRID | more) == [event]


def resend(type: str, **more: Any) -> dict[str, Any]:
    data = {"email_id": "m1", "created_at": "2026-09-20T00:00:00.000Z", "from": "news@acme.example",
            "to": [ADA], "subject": "Hi", "tags": {"campaign": "launch"}, **more}  # fmt: skip
    return {"type": type, "created_at": "2026-09-21T14:13:22.000Z", "data": data}


def bounce(type: str) -> dict[str, Any]:
    return {"type": type, "subType": "General", "message": "no", "diagnosticCode": ["smtp; 550"]}


@pytest.mark.parametrize(
    ("notice", "kind", "detail", "campaign"),
    [
        (resend("email.sent"), "sent", "", ""),
        (resend("email.scheduled"), "queued", "", ""),
        (resend("email.delivered", broadcast_id="b1"), "delivered", "", "b1"),
        (resend("email.delivery_delayed"), "deferred", "", ""),
        (resend("email.bounced", bounce=bounce("Permanent")), "bounced", "no", ""),
        (resend("email.bounced", bounce=bounce("Transient")), "bounced", "soft: no", ""),
        (resend("email.bounced", bounce=bounce("Undetermined")), "bounced", "soft: no", ""),
        (resend("email.complained"), "complained", "", ""),
        (resend("email.suppressed", suppressed={"message": "before"}), "rejected", "before", ""),
        (resend("email.opened"), "opened", "", ""),
        (resend("email.clicked", click={"link": "https://a.example"}), "clicked",
         "https://a.example", ""),
        (resend("email.failed", failed={"reason": "quota"}), "failed", "quota", ""),
    ],
)  # fmt: skip
def test_resend(notice: Mapping[str, Any], kind: Any, detail: str, campaign: str) -> None:
    assert receive("resend", notice) == [Event(kind, "m1", ADA, AT, detail, campaign=campaign)]


def test_who_leaves_an_audience_of_resend() -> None:
    left = resend("contact.updated", email=ADA, unsubscribed=True)
    assert receive("resend", left) == [Event("unsubscribed", "", ADA, AT)]


@pytest.mark.parametrize(
    ("more", "events"),
    [
        ({"MessageStatus": "sent"}, [Event("sent", "SM1", "+15550100201")]),
        ({"MessageStatus": "delivered"}, [Event("delivered", "SM1", "+15550100201")]),
        ({"MessageStatus": "undelivered", "ErrorCode": "30003"},
         [Event("bounced", "SM1", "+15550100201", detail="30003")]),
        ({"MessageStatus": "failed", "ErrorCode": "21610"},
         [Event("failed", "SM1", "+15550100201", detail="21610"),
          Event("unsubscribed", "SM1", "+15550100201")]),
        ({"Body": " stop\n"}, [Event("unsubscribed", "", "+15550100200")]),
        ({"Body": "Basta", "OptOutType": "STOP"}, [Event("unsubscribed", "", "+15550100200")]),
        ({"Body": "Stop it, Ada!"}, []),
        ({"Body": "start", "OptOutType": "START"}, []),
        ({"Body": "cancel", "OptOutType": "HELP"}, []),
        ({"MessageStatus": "receiving"}, []),
    ],
)  # fmt: skip
def test_twilio(more: dict[str, Any], events: list[Event]) -> None:
    assert receive("twilio", TWILIO | more) == events


@pytest.mark.parametrize(
    ("type", "data", "kind", "detail"),
    [
        ("unsubscribe", {"action": "unsub", "reason": "manual"}, "unsubscribed", "manual"),
        ("unsubscribe", {"action": "unsub", "reason": "abuse"}, "complained", "abuse"),
        ("cleaned", {"reason": "hard"}, "bounced", "hard"),
        ("cleaned", {"reason": "abuse"}, "complained", "abuse"),
    ],
)
def test_mailchimp(type: str, data: Mapping[str, str], kind: Any, detail: str) -> None:
    notice = MAILCHIMP | {"type": type, "data": {"email": ADA, "campaign_id": "c1", **data}}
    event = Event(kind, "", ADA, detail=detail, campaign="c1")
    assert receive("mailchimp", notice) == [event]


@pytest.mark.parametrize(
    ("provider", "notice"),
    [
        ("sendgrid", SENDGRID | {"event": "group_resubscribe"}),
        ("resend", resend("contact.updated", email=ADA, unsubscribed=False)),
        ("resend", resend("email.received")),
        ("resend", resend("domain.created")),
        ("mailchimp", {"type": "unsubscribe", "data": {"email": ADA, "action": "delete"}}),
        ("mailchimp", {"type": "campaign", "data": {"id": "c1", "status": "sent"}}),
        ("mailchimp", {"type": "upemail", "data": {"new_email": ADA, "old_email": ADA}}),
        ("mailchimp", {"type": "subscribe", "data": {"email": ADA}}),
    ],
)
def test_what_says_nothing_of_a_message(provider: str, notice: Mapping[str, Any]) -> None:
    assert receive(provider, notice) == []


@pytest.mark.parametrize(
    ("provider", "notice"),
    [
        *((name, {}) for name in ("sendgrid", "resend", "twilio", "mailchimp")),
        *((name, {"data": [1], "type": 7}) for name in ("sendgrid", "resend", "twilio")),
        ("sendgrid", {"event": "bounce", "email": ADA, "timestamp": "today"}),
        ("resend", {"type": "email.bounced", "created_at": "today", "data": {}}),
        ("resend", {"type": "email.sent", "created_at": "2026-09-21", "data": {"to": ADA}}),
        ("twilio", {"MessageSid": "SM1", "MessageStatus": "sent"}),
        ("mailchimp", {"type": "cleaned", "data": ADA}),
    ],
)
def test_what_is_not_as_documented(provider: str, notice: Mapping[str, Any]) -> None:
    with pytest.raises(UnexpectedReply, match="in the notice"):
        receive(provider, json.loads(json.dumps(notice)))
