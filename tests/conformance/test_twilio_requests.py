"""Every request that the Twilio provider makes, against Twilio's OpenAPI document."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mktool.message import Batch, Mailbox, Message, Sent
from mktool.providers.twilio import Twilio
from tests.conformance.openapi import Document, Vendor, connect
from tests.conformance.specs import load
from tests.contract import NOW

AC, MG = "AC" + "a" * 32, "MG" + "b" * 32
MESSAGES = f"/2010-04-01/Accounts/{AC}/Messages.json"
ANSWERS = {
    MESSAGES: {"sid": "SM1", "uri": MESSAGES, "messages": []},
    MESSAGES.replace(".json", "/SM1.json"): {"sid": "SM1"},
}
PEOPLE = (Message(1, "+31612345678", text="Hi"),)
PLAIN = Batch("launch", "k", Mailbox("+14155550100"), PEOPLE)
FULL = Batch(
    "launch", "k", Mailbox(MG), PEOPLE, media=("https://a.b/1.png", "https://a.b/2.png"),
    send_at=NOW + 3600,
)  # fmt: skip
CALLS: dict[str, Callable[[Twilio], object]] = {
    "check": lambda x: x.check(),
    "deliver": lambda x: x.deliver(PLAIN),
    "deliver later": lambda x: x.deliver(FULL),
    "trace": lambda x: x.trace(PLAIN, NOW),
    "track": lambda x: list(x.track(Sent("launch", NOW))),
    "release": lambda x: x.release("", ["SM1"]),
}


@pytest.mark.parametrize("name", CALLS)
def test_requests_fit_the_document(name: str, tmp_path: Path) -> None:
    document, vendor = Document(load("twilio", "twilio_api_v2010.json")), Vendor(ANSWERS)
    CALLS[name](connect(Twilio, vendor, tmp_path, secret=("auth_token", "t"), account_sid=AC))
    assert vendor.requests
    for request in vendor.requests:
        document.check(request)
