"""Twilio's provider against the sandbox, which is written from the documents alone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mktool import errors as e
from mktool.message import Batch, Mailbox, Message, Sent
from mktool.providers.twilio import Twilio
from tests.providers.desk import Desk

pytest.importorskip("uvicorn", reason="needs mktool[server]")

SID = "ACsandbox0000000000000000000000run"
MG = "MG" + "a" * 32
ADA, GONE = "+31612345678", "+31612345610"


@pytest.fixture
def twilio(tmp_path: Path) -> Iterator[Twilio]:
    with Desk(tmp_path) as desk:
        yield desk.open(Twilio, {"auth_token": "sandbox-run"}, account_sid=SID)


def batch(to: str = ADA, sender: str = "+15005550006", at: float | None = None) -> Batch:
    return Batch("launch", "k", Mailbox(sender), [Message(1, to, text="Hï & bye\n2")], send_at=at)


def test_check(twilio: Twilio) -> None:
    assert twilio.check().id == SID


@pytest.mark.parametrize("sender", ["+15005550006", MG, "Acme"])
def test_what_was_sent_is_found_and_nothing_else(twilio: Twilio, sender: str) -> None:
    began = time.time()
    receipt = twilio.deliver(batch(sender=sender))
    assert twilio.trace(batch(sender=sender), began) == {0: receipt.ids[0]}
    assert twilio.trace(batch(sender="+15005550099"), began) == {}
    assert twilio.trace(batch("+31612345679", sender), began) == {}


def test_an_opt_out_is_refused_alone(twilio: Twilio) -> None:
    with pytest.raises(e.Rejected) as caught:
        twilio.deliver(batch(GONE))
    assert caught.value.context.vendor_code == "21610"


def test_what_is_held_can_be_canceled_once(twilio: Twilio) -> None:
    receipt = twilio.deliver(batch(sender=MG, at=time.time() + 3600))
    assert twilio.trace(batch(sender=MG), time.time()) == {0: receipt.ids[0]}
    twilio.release(twilio.hold(), receipt.ids)
    with pytest.raises(e.Rejected):
        twilio.release(twilio.hold(), receipt.ids)


def test_events_come_with_the_sending(twilio: Twilio) -> None:
    began = time.time()
    receipt = twilio.deliver(batch())
    for _ in range(40):  # the sandbox takes a second to send
        if events := list(twilio.track(Sent("launch", began))):
            break
        time.sleep(0.1)
    assert [(event.id, event.address) for event in events] == [(receipt.ids[0], ADA)]


def test_a_wrong_token_is_told(tmp_path: Path) -> None:
    with Desk(tmp_path) as desk:
        wrong = desk.open(Twilio, {"auth_token": "real"}, account_sid=SID)
        with pytest.raises(e.Unauthorized):
            wrong.check()
