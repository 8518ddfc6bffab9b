"""Twilio: what it takes, what it refuses and with which code, and what becomes of a message."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from mktool.sandbox.faults import Faults
from mktool.sandbox.server import Sandbox

from .conftest import Clock

SID = "ACsandbox" + "0" * 25
SERVICE = "MG" + "a" * 32
SENDER, RECIPIENT = "+15005550006", "+4915112345678"
ACCOUNT = f"/api.twilio.com/2010-04-01/Accounts/{SID}"
SMS = {"To": RECIPIENT, "From": SENDER, "Body": "Hello"}


@pytest.fixture
def twilio(sandbox: Sandbox) -> Any:
    with account(sandbox) as client:
        yield client


def account(sandbox: Sandbox, user: str = SID, token: str = "sandbox-token") -> httpx.Client:
    return httpx.Client(base_url=sandbox.url, auth=(user, token), trust_env=False)


def send(twilio: httpx.Client, **change: object) -> httpx.Response:
    form = {name: value for name, value in {**SMS, **change}.items() if value is not None}
    return twilio.post(f"{ACCOUNT}/Messages.json", data=form)


def fetch(twilio: httpx.Client, sid: str) -> dict[str, Any]:
    found: dict[str, Any] = twilio.get(f"{ACCOUNT}/Messages/{sid}.json").json()
    return found


def at(clock: Clock, seconds: float) -> str:
    return f"{datetime.fromtimestamp(clock.now + seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"


def test_a_message_goes_its_way(twilio: httpx.Client, sandbox: Sandbox, clock: Clock) -> None:
    answer = send(twilio, Body="Grüße 🎉")
    made = answer.json()
    assert (answer.status_code, made["status"], made["num_segments"]) == (201, "queued", "1")
    assert made["date_sent"] is None
    clock.sleep(1.5)
    assert fetch(twilio, made["sid"])["status"] == "sent"
    clock.sleep(2)
    arrived = fetch(twilio, made["sid"])
    assert (arrived["status"], arrived["error_code"]) == ("delivered", None)
    assert arrived["date_sent"].endswith(" +0000")
    (item,) = sandbox.world.inbox.items
    assert (item.kind, item.to, item.sender, item.text) == ("sms", RECIPIENT, SENDER, "Grüße 🎉")


def test_a_number_that_is_never_reached_is_said_so_later(
    twilio: httpx.Client, clock: Clock
) -> None:
    made = send(twilio, To="+4915112340999").json()
    clock.sleep(10)
    lost = fetch(twilio, made["sid"])
    assert (lost["status"], lost["error_code"]) == ("undelivered", 30003)


def test_a_service_picks_the_sender_when_it_sends(twilio: httpx.Client, clock: Clock) -> None:
    made = send(twilio, From=None, MessagingServiceSid=SERVICE, Body="x" * 161).json()
    assert (made["status"], made["from"], made["num_segments"]) == ("accepted", None, "0")
    clock.sleep(2)
    sent = fetch(twilio, made["sid"])
    assert (sent["status"], sent["from"], sent["num_segments"]) == ("sent", SENDER, "2")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"To": None}, 21604),
        ({"To": "0151 123"}, 21211),
        ({"To": "+15005550001"}, 21211),
        ({"To": "+15005550009"}, 21614),
        ({"To": "+4915112340610"}, 21610),
        ({"To": SENDER}, 21266),
        ({"From": None}, 21603),
        ({"From": "a name that is too long"}, 21212),
        ({"From": "+15005550007"}, 21606),
        ({"From": None, "MessagingServiceSid": "MG0404" + "a" * 28}, 21701),
        ({"Body": None}, 21619),
        ({"Body": "x" * 1601}, 21617),
        ({"MediaUrl": ["https://a.example/1.png"] * 11}, 21623),
        ({"MediaUrl": "file:///etc/passwd"}, 21620),
        ({"ContentSid": "HX" + "0" * 32, "ContentVariables": "{"}, 21656),
    ],
)
def test_what_cannot_go_out_is_refused(
    twilio: httpx.Client, sandbox: Sandbox, change: dict[str, object], code: int
) -> None:
    answer = send(twilio, **change)
    assert (answer.json()["code"], answer.json()["status"]) == (code, answer.status_code)
    assert 400 <= answer.status_code < 500
    assert sandbox.world.inbox.items == []


def test_media_and_templates_replace_the_body(twilio: httpx.Client, sandbox: Sandbox) -> None:
    urls = ["https://a.example/1.png", "https://a.example/2.png"]
    picture = send(twilio, Body=None, MediaUrl=urls).json()
    assert picture["sid"].startswith("MM")
    assert picture["num_media"] == "2"
    send(twilio, Body=None, ContentSid="HX" + "0" * 32, ContentVariables='{"1": "Ann"}')
    assert sandbox.world.inbox.items[1].text == f"[HX{'0' * 32}] 1: Ann"


@pytest.mark.parametrize(
    ("change", "ahead", "code"),
    [
        ({"ScheduleType": "fixed"}, None, 35111),
        ({"ScheduleType": "fixed"}, 299, 35114),
        ({"ScheduleType": "fixed"}, 35 * 86_400 + 1, 35114),
        ({"ScheduleType": "fixed", "SendAt": "tomorrow"}, None, 35115),
        ({"ScheduleType": "fixed", "MessagingServiceSid": None, "From": SENDER}, 600, 35118),
        ({"ScheduleType": "later"}, 600, 35126),
    ],
)
def test_a_schedule_has_its_rules(
    twilio: httpx.Client, clock: Clock, change: dict[str, object], ahead: int | None, code: int
) -> None:
    when = {} if ahead is None else {"SendAt": at(clock, ahead)}
    asked = {"From": None, "MessagingServiceSid": SERVICE, **when, **change}
    assert send(twilio, **asked).json()["code"] == code


def test_a_scheduled_message_can_be_called_off_until_it_goes_out(
    twilio: httpx.Client, sandbox: Sandbox, clock: Clock
) -> None:
    when = {"ScheduleType": "fixed", "SendAt": at(clock, 300), "MessagingServiceSid": SERVICE}
    first, second = (send(twilio, From=None, **when).json() for _ in range(2))
    assert first["status"] == "scheduled"
    off = twilio.post(f"{ACCOUNT}/Messages/{first['sid']}.json", data={"Status": "canceled"})
    assert (off.status_code, off.json()["status"]) == (200, "canceled")
    clock.sleep(301)
    late = twilio.post(f"{ACCOUNT}/Messages/{second['sid']}.json", data={"Status": "canceled"})
    assert (late.status_code, late.json()["code"]) == (409, 30409)
    assert [item.deleted for item in sandbox.world.inbox.items] == [True, False]


def test_the_list_is_paged_newest_first(twilio: httpx.Client) -> None:
    sids = [send(twilio).json()["sid"] for _ in range(5)]
    send(twilio, To="+4915100000001")
    path: str | None = f"{ACCOUNT}/Messages.json?To=%2B{RECIPIENT[1:]}&PageSize=2"
    seen: list[str] = []
    while path:
        page = twilio.get(path).json()
        seen += [message["sid"] for message in page["messages"]]
        path = page["next_page_uri"] and f"/api.twilio.com{page['next_page_uri']}"
    assert seen == sids[::-1]


def test_the_list_knows_dates(twilio: httpx.Client, clock: Clock) -> None:
    send(twilio)
    today, tomorrow = at(clock, 0)[:10], at(clock, 86_400)[:10]
    found = {
        query: len(twilio.get(f"{ACCOUNT}/Messages.json?{query}").json()["messages"])
        for query in (
            f"DateSent={today}",
            f"DateSent={tomorrow}",
            f"DateSent>={today}",
            f"DateSent%3E={at(clock, 1)}",
            f"DateSent%3C={today}",
            "From=%2B4930123456",
        )
    }
    assert list(found.values()) == [1, 0, 1, 0, 1, 0]
    assert twilio.get(f"{ACCOUNT}/Messages.json?DateSent=yesterday").status_code == 400


@pytest.mark.parametrize(
    ("user", "token", "status"),
    [
        (SID, "sandbox-token", 200),
        ("SKsandbox1", "sandbox-secret", 200),
        (SID, "8f0c3b1d", 401),
        ("AC" + "0" * 32, "sandbox-token", 401),
        ("ACsandbox-other", "sandbox-token", 401),
    ],
)
def test_only_a_made_up_credential_is_let_in(
    sandbox: Sandbox, user: str, token: str, status: int
) -> None:
    with account(sandbox, user, token) as client:
        answer = client.get(f"{ACCOUNT}/Messages.json?PageSize=1")
    assert answer.status_code == status
    assert answer.json().get("code", 20003) == 20003


def test_what_is_not_there(twilio: httpx.Client) -> None:
    unknown = twilio.get(f"{ACCOUNT}/Messages/SM{'0' * 32}.json")
    elsewhere = twilio.get("/api.twilio.com/2010-04-01/Nothing.json")
    assert [unknown.json()["code"], elsewhere.json()["code"]] == [20404, 20404]


def test_too_many_calls_are_refused_in_its_words(serve: Callable[..., Sandbox]) -> None:
    with account(serve(faults=Faults.parse("429@1,503@2"))) as twilio:
        busy, down = send(twilio), send(twilio)
    assert (busy.status_code, busy.json()["code"]) == (429, 20429)
    assert (down.status_code, down.json()["code"]) == (503, 20503)


def test_an_account_has_services_numbers_and_money(twilio: httpx.Client) -> None:
    (service,) = twilio.get("/messaging.twilio.com/v1/Services").json()["services"]
    one = twilio.get(f"/messaging.twilio.com/v1/Services/{service['sid']}").json()
    assert one == service
    pool = twilio.get(f"/messaging.twilio.com/v1/Services/{service['sid']}/PhoneNumbers").json()
    own = twilio.get(f"{ACCOUNT}/IncomingPhoneNumbers.json").json()
    assert pool["phone_numbers"][0]["phone_number"] == SENDER
    assert own["incoming_phone_numbers"][0]["phone_number"] == SENDER
    assert float(twilio.get(f"{ACCOUNT}/Balance.json").json()["balance"]) > 0
