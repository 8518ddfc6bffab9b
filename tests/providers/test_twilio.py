from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar
from urllib.parse import parse_qs

import pytest

from mktool import errors as e
from mktool.message import Batch, Event, Mailbox, Message, Receipt, Sent
from mktool.model import Account
from mktool.provider import Provider
from mktool.store.ledger import Ledger
from tests.contract import NOW, Example, ProviderContract, Wire

AC, MG = "AC" + "a" * 32, "MG" + "b" * 32
SENDER, ADA = "+14155550100", "+31612345678"
MESSAGES = f"/2010-04-01/Accounts/{AC}/Messages.json"
SOON = "Mon, 21 Sep 2026 14:13:22 +0000"  # NOW + 2


def batch(text: str = "Hi Ada", sender: str = SENDER, **more: Any) -> Batch:
    return Batch("launch", "k", Mailbox(sender), [Message(1, ADA, text=text)], **more)


def item(**values: object) -> dict[str, Any]:
    usual = {"sid": "SM1", "to": ADA, "from": SENDER, "body": "Hi Ada", "status": "delivered",
             "direction": "outbound-api", "date_created": SOON, "date_updated": SOON,
             "messaging_service_sid": None, "error_code": None, "error_message": None,
             "price": "-0.00750", "price_unit": "USD"}  # fmt: skip
    return usual | values


def listed(*items: Mapping[str, Any], next: str | None = None, **query: str) -> Wire:
    reply = {"messages": list(items), "uri": MESSAGES, "next_page_uri": next}
    return Wire("GET", MESSAGES, query=query, reply=reply)


def created(**sends: object) -> Wire:
    return Wire("POST", MESSAGES, sends, status=201, reply={"sid": "SM1", "status": "queued"})


def refused(code: int, status: int = 400) -> Wire:
    body = {"code": code, "message": "No.", "more_info": "https://…", "status": status}
    return Wire("POST", MESSAGES, status=status, reply=body)


class TestTwilio(ProviderContract):
    provider = "twilio"
    options: ClassVar = {"account_sid": AC}
    secrets = ("auth_token",)
    examples = (
        Example("check", lambda x: x.check(), (listed(PageSize="1"),), Account(AC, AC)),
        Example(
            "deliver",
            lambda x: x.deliver(batch()),
            (created(To=ADA, From=SENDER, Body="Hi Ada"),),
            Receipt(("SM1",)),
        ),
        Example(
            "receive",
            lambda x: list(
                x.receive(
                    {"MessageSid": "SM1", "MessageStatus": "delivered", "To": ADA, "From": SENDER}
                )
            ),
            (),
            [Event("delivered", "SM1", ADA)],
        ),
        Example("trace", lambda x: x.trace(batch(), NOW), (listed(item(), To=ADA),), {0: "SM1"}),
        Example(
            "track",
            lambda x: list(x.track(Sent("launch", NOW))),
            (listed(item(), item(status="receiving"), **{"DateSent>": "2026-09-21"}),),
            [Event("delivered", "SM1", ADA, NOW + 2, "", 0.0075)],
        ),
        Example(
            "hold",
            lambda x: x.release(x.hold(), ["SM1"]),
            (Wire("POST", "/Messages/SM1.json", {"Status": "canceled"}, reply={"sid": "SM1"}),),
            None,
        ),
    )
    failures = (
        (
            Wire("", "", status=401, reply={"code": 20003, "message": "Authenticate"}),
            e.Unauthorized,
        ),
        (Wire("", "", status=404, reply={"code": 20404, "message": "Not found"}), e.NotFound),
        (Wire("", "", status=429, reply={"code": 20429, "message": "Too many"}), e.RateLimited),
    )

    # -- sending -------------------------------------------------------------------------------

    def test_all_that_a_message_can_carry(self, cls: type[Provider], ledger: Ledger) -> None:
        extra = {"StatusCallback": "https://acme.example/s", "ProvideFeedback": True,
                 "ContentVariables": {"1": "é"}}  # fmt: skip
        media = ("https://acme.example/a.png", "https://acme.example/b.png")
        message = batch(sender=MG, media=media, send_at=NOW + 3600, extra=extra)
        x, vendor, _ = self.open(cls, ledger, [created()])
        x.deliver(message)
        assert parse_qs((vendor.requests[0].content() or b"").decode()) == {
            "To": [ADA], "MessagingServiceSid": [MG], "Body": ["Hi Ada"], "MediaUrl": [*media],
            "ScheduleType": ["fixed"], "SendAt": ["2026-09-21T15:13:20Z"],
            "StatusCallback": ["https://acme.example/s"], "ProvideFeedback": ["true"],
            "ContentVariables": ['{"1": "\\u00e9"}'],
        }  # fmt: skip

    def test_an_api_key_logs_in_by_its_own_id(self, cls: type[Provider], ledger: Ledger) -> None:
        options = {"account_sid": AC, "api_key_sid": "SK1"}
        x, vendor, _ = self.open(cls, ledger, [created()], options, ("api_key_secret",))
        x.deliver(batch())
        assert vendor.requests[0].all_headers()["Authorization"].startswith("Basic U0sxO")

    @pytest.mark.parametrize(
        ("message", "kind"),
        [
            (batch(rehearsal=True), e.Unsupported),
            (batch(send_at=NOW + 3600), e.InvalidInput),
            (batch(extra={"SendAt": "2026-10-01T00:00:00Z"}), e.InvalidInput),
        ],
    )
    def test_what_cannot_be_asked_for_is_not_sent(
        self, cls: type[Provider], ledger: Ledger, message: Batch, kind: type[e.MktoolError]
    ) -> None:
        x, vendor, _ = self.open(cls, ledger, [])
        with pytest.raises(kind):
            x.deliver(message)
        assert vendor.requests == []

    @pytest.mark.parametrize(
        ("code", "kind"),
        [
            (21211, e.Rejected),
            (21408, e.Rejected),
            (21610, e.Rejected),
            (21614, e.Rejected),
            (21606, e.Forbidden),
            (21703, e.Forbidden),
            (35111, e.Forbidden),
            (35118, e.Forbidden),
            (30034, e.Forbidden),
            (20005, e.Forbidden),
        ],
    )
    def test_a_refusal_stops_a_campaign_only_if_it_concerns_all(
        self, cls: type[Provider], ledger: Ledger, code: int, kind: type[e.ProviderError]
    ) -> None:
        x, _, _ = self.open(cls, ledger, [refused(code)])
        with pytest.raises(e.ProviderError) as caught:
            x.deliver(batch())
        assert type(caught.value) is kind
        assert caught.value.context.vendor_code == str(code)
        assert caught.value.hint

    # -- looking lost messages up --------------------------------------------------------------

    @pytest.mark.parametrize(
        ("seen", "sender"),
        [
            (item(), SENDER),
            (item(status="failed", error_code=30003), SENDER),
            (item(status="scheduled", messaging_service_sid=MG, **{"from": None}), MG),
            (item(body="Sent from your Twilio trial account - Hi Ada"), SENDER),
            (item(**{"from": "ACME"}), "Acme"),
            (item(date_created="Mon, 21 Sep 2026 14:12:50 +0000"), SENDER),
        ],
    )
    def test_a_message_is_recognised(
        self, cls: type[Provider], ledger: Ledger, seen: Mapping[str, Any], sender: str
    ) -> None:
        x, _, _ = self.open(cls, ledger, [listed(seen)])
        assert x.trace(batch(sender=sender), NOW) == {0: "SM1"}

    @pytest.mark.parametrize(
        "other",
        [
            item(body="Hi Bob"),
            item(**{"from": "+14155550199"}),
            item(**{"from": ADA, "to": SENDER}, direction="inbound"),
            item(date_created="Mon, 21 Sep 2026 14:11:00 +0000"),
        ],
    )
    def test_another_message_is_no_proof(
        self, cls: type[Provider], ledger: Ledger, other: Mapping[str, Any]
    ) -> None:
        x, _, _ = self.open(cls, ledger, [listed(other)])
        assert x.trace(batch(), NOW) == {}

    def test_every_page_is_read_and_no_other_address_is_followed(
        self, cls: type[Provider], ledger: Ledger
    ) -> None:
        elsewhere = f"https://evil.example{MESSAGES}?To=x&Page=1&PageToken=PA1"
        script = (listed(item(body="no"), next=elsewhere), listed(item(), PageToken="PA1"))
        x, vendor, _ = self.open(cls, ledger, script)
        assert x.trace(batch(), NOW) == {0: "SM1"}
        assert all(r.url == f"https://api.twilio.com{MESSAGES}" for r in vendor.requests)

    @pytest.mark.parametrize("extra", [{"ContentSid": "HX1"}, {"ContentRetention": "discard"}])
    def test_a_text_of_another_origin_is_not_looked_for(
        self, cls: type[Provider], ledger: Ledger, extra: Mapping[str, str]
    ) -> None:
        x, _, _ = self.open(cls, ledger, [])
        with pytest.raises(e.Unsupported):
            x.trace(batch(extra=extra), NOW)

    def test_a_deleted_text_proves_nothing(self, cls: type[Provider], ledger: Ledger) -> None:
        x, _, _ = self.open(cls, ledger, [listed(item(body=""))])
        with pytest.raises(e.Unsupported):
            x.trace(batch(), NOW)

    @pytest.mark.parametrize(
        "odd", [{}, {"uri": MESSAGES, "messages": [item(date_created="yesterday")]}]
    )
    def test_an_odd_answer_proves_nothing(
        self, cls: type[Provider], ledger: Ledger, odd: Mapping[str, Any]
    ) -> None:
        x, _, _ = self.open(cls, ledger, [Wire("GET", MESSAGES, reply=odd)])
        with pytest.raises(e.UnexpectedReply):
            x.trace(batch(), NOW)

    # -- afterwards ----------------------------------------------------------------------------

    def test_events_say_why(self, cls: type[Provider], ledger: Ledger) -> None:
        lost = item(status="undelivered", error_code=30003, error_message="Unreachable", price=None)
        answer = item(direction="inbound", status="received")
        x, _, _ = self.open(cls, ledger, [listed(lost, answer)])
        assert list(x.track(Sent("launch", NOW))) == [
            Event("bounced", "SM1", ADA, NOW + 2, "30003 Unreachable")
        ]

    def test_it_can_be_too_late_to_cancel(self, cls: type[Provider], ledger: Ledger) -> None:
        late = replace(refused(30409, 409), path="/Messages/SM1.json")
        x, _, _ = self.open(cls, ledger, [late])
        with pytest.raises(e.Rejected, match="too late"):
            x.release("", ["SM1"])
