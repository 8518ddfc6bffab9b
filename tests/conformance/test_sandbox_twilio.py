"""The sandbox's Twilio against the vendor's OpenAPI documents."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from mktool.sandbox.server import Sandbox
from tests.conformance import specs
from tests.conformance.replies import Replies

SID = "ACsandbox" + "0" * 25
MADE = "AC" + "0" * 32  # stands for it, as the documents allow hex digits only
SERVICE = "MG" + "a" * 32
ACCOUNT = f"/2010-04-01/Accounts/{SID}"


@pytest.fixture
def twilio() -> Iterator[httpx.Client]:
    with (
        Sandbox() as running,
        httpx.Client(base_url=running.url, auth=(SID, "sandbox-1"), trust_env=False) as client,
    ):
        yield client


def check(twilio: httpx.Client, document: Replies, call: str, **form: str) -> Any:
    """Make a call and hold its reply against the document; return the reply."""
    method, _, url = call.partition(" ")
    host, _, path = url.partition("/")
    answer = twilio.request(method, f"/{host}/{path}", data=form or None)
    shown = json.loads(answer.text.replace(SID, MADE)) if answer.content else None
    document.check(method, f"/{path.partition('?')[0]}", answer.status_code, shown)
    return answer.json() if answer.content else None


def test_messages(twilio: httpx.Client) -> None:
    document = Replies(specs.load("twilio", "twilio_api_v2010.json"))
    every, sms = f"api.twilio.com{ACCOUNT}/Messages", {"To": "+4915112345678", "Body": "Hi"}
    made = check(twilio, document, f"POST {every}.json", **sms, From="+15005550006")
    members = document.schema("GET", f"{ACCOUNT}/Messages/{made['sid']}.json", 200)["properties"]
    assert made.keys() == members.keys()
    picture = {"MediaUrl": "https://a.example/1.png", "MessagingServiceSid": SERVICE}
    check(twilio, document, f"POST {every}.json", **sms, **picture)
    soon = f"{datetime.fromtimestamp(datetime.now(UTC).timestamp() + 600, UTC):%Y-%m-%dT%H:%M:%SZ}"
    when = {"ScheduleType": "fixed", "SendAt": soon, "MessagingServiceSid": SERVICE}
    later = check(twilio, document, f"POST {every}.json", **sms, **when)
    check(twilio, document, f"POST {every}/{later['sid']}.json", Status="canceled")
    check(twilio, document, f"GET {every}/{made['sid']}.json")
    page = check(twilio, document, f"GET {every}.json?PageSize=1")
    check(twilio, document, f"GET api.twilio.com{page['next_page_uri']}")
    check(twilio, document, f"DELETE {every}/{made['sid']}.json")
    check(twilio, document, f"GET api.twilio.com{ACCOUNT}/Balance.json")
    check(twilio, document, f"GET api.twilio.com{ACCOUNT}/IncomingPhoneNumbers.json")


def test_services(twilio: httpx.Client) -> None:
    document = Replies(specs.load("twilio", "twilio_messaging_v1.json"))
    every = "messaging.twilio.com/v1/Services"
    found = check(twilio, document, f"GET {every}?PageSize=20")["services"]
    check(twilio, document, f"GET {every}/{found[0]['sid']}")
    check(twilio, document, f"GET {every}/{found[0]['sid']}/PhoneNumbers")
