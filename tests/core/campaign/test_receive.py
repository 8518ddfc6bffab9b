"""What webhooks told, put down to campaigns that really went out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mktool.core.campaign import receive as receiving
from mktool.core.campaign.notices import Told
from mktool.core.campaign.overview import find, opened
from mktool.core.campaign.receive import Received
from mktool.core.settings import Settings, ledger_path
from mktool.errors import InvalidInput, Unsupported
from mktool.store.config import load
from mktool.store.events import Events
from mktool.store.ledger import Ledger
from mktool.store.suppressions import Suppressions
from tests.box import Box
from tests.core.campaign.outgoing import LOGINS, send

PEOPLE = [f"p{n}@acme.example" for n in range(5)]
NUMBERS = ["+15550100201", "+15550100202"]
LATER = 4_000_000_000


@pytest.fixture(autouse=True)
def _logins(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in LOGINS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    with Ledger(ledger_path()) as found:
        yield found


def receive(provider: str, *notices: dict[str, Any], account: str = "") -> Received:
    told = [Told(line, notice) for line, notice in enumerate(notices, start=1)]
    return receiving.receive(Settings(load()), provider, account, told)


def counts(ledger: Ledger, name: str = "launch") -> dict[str, int]:
    with opened(find(ledger, name)) as file:
        return Events(file).counts()


def reasons(ledger: Ledger) -> dict[str, str]:
    return {row.address: row.reason for row in Suppressions(ledger).rows()}


def ids(ledger: Ledger, name: str = "launch") -> list[str]:
    with opened(find(ledger, name)) as file:
        return [row["vendor_id"] for row in file.outcomes()]


def mail(event: str, to: str, campaign: str = "launch", **more: Any) -> dict[str, Any]:
    return {"event": event, "email": to, "campaign": campaign, "timestamp": LATER, **more}


def test_by_the_name_that_was_sent_along(box: Box, tmp_path: Path, ledger: Ledger) -> None:
    send(tmp_path, "sendgrid", PEOPLE)
    send(tmp_path, "sendgrid", PEOPLE, name="other")
    notices = [
        mail("delivered", PEOPLE[0]),
        mail("open", PEOPLE[0].upper(), "other"),
        mail("bounce", PEOPLE[1], type="bounce", reason="550"),
        mail("bounce", PEOPLE[2], type="blocked", reason="busy"),
        mail("spamreport", PEOPLE[3]),
        mail("unsubscribe", PEOPLE[4]),
        mail("delivered", "stranger@acme.example"),
        mail("delivered", PEOPLE[0], "of somebody else"),
        {"event": "spamreport", "email": "angry@acme.example", "timestamp": LATER},
    ]
    found = receive("sendgrid", *notices)
    assert (found.notices, found.events, found.others, found.bad) == (9, 9, 3, 0)
    assert found.new == {
        "other": {"opened": 1, "delivered": 1},
        "launch": {"delivered": 2, "bounced": 2, "complained": 1, "unsubscribed": 1},
    }
    assert found.suppressed == 4
    assert reasons(ledger) == {
        PEOPLE[1]: "bounced", PEOPLE[3]: "complained", PEOPLE[4]: "unsubscribed",
        "angry@acme.example": "complained",
    }  # fmt: skip
    again = receive("sendgrid", *reversed(notices), *notices)
    assert (again.new, again.suppressed, again.others) == ({}, 0, 6)


def test_by_the_vendors_id(box: Box, tmp_path: Path, ledger: Ledger) -> None:
    send(tmp_path, "resend", PEOPLE)
    send(tmp_path, "resend", PEOPLE, name="other")

    def event(word: str, id: str, **more: Any) -> dict[str, Any]:
        data = {"email_id": id, "to": [PEOPLE[0]], **more}
        return {"type": f"email.{word}", "created_at": "2096-10-02T07:06:40Z", "data": data}

    gone = {"bounce": {"type": "Permanent", "message": "gone"}}
    found = receive(
        "resend",
        event("bounced", ids(ledger)[2], **gone),
        event("opened", ids(ledger, "other")[0]),
        event("delivered", "00000000-0000-4000-8000-000000000000"),
    )
    assert found.new == {"launch": {"bounced": 1}, "other": {"opened": 1, "delivered": 1}}
    assert found.others == 1
    assert reasons(ledger) == {PEOPLE[2]: "bounced"}  # whoever has that id, and not who is named


def test_texts_and_the_answers_to_them(box: Box, tmp_path: Path, ledger: Ledger) -> None:
    send(tmp_path, "twilio", NUMBERS)
    send(tmp_path, "twilio", NUMBERS[:1], name="second")
    found = receive(
        "twilio",
        {"MessageSid": ids(ledger)[0], "MessageStatus": "undelivered", "To": NUMBERS[0]},
        {"MessageSid": "SM1", "Body": "Stop", "From": NUMBERS[0], "To": "+15550100200"},
        {"MessageSid": "SM2", "Body": "Stop", "From": NUMBERS[1], "To": "+15550100200"},
        {"MessageSid": "SM3", "Body": "Stop", "From": "+15550100777", "To": "+15550100200"},
    )
    # An answer is to the last text; a phone that was off is no reason to end all texts.
    assert found.new == {"second": {"unsubscribed": 1}, "launch": {"unsubscribed": 1, "bounced": 1}}
    assert reasons(ledger) == dict.fromkeys([*NUMBERS, "+15550100777"], "unsubscribed")


def test_a_campaign_that_the_vendor_sends(box: Box, tmp_path: Path, ledger: Ledger) -> None:
    send(tmp_path, "mailchimp", PEOPLE)
    with opened(find(ledger, "launch")) as file:
        draft = file.get("draft")

    def event(type: str, to: str, **more: str) -> dict[str, Any]:
        return {"type": type, "data": {"email": to, **more}}

    found = receive(
        "mailchimp",
        event("cleaned", PEOPLE[0], reason="hard", campaign_id=draft),
        event("unsubscribe", PEOPLE[1], reason="manual", campaign_id="another"),
        event("unsubscribe", PEOPLE[2], reason="manual"),
    )
    assert found.new == {"launch": {"bounced": 1, "unsubscribed": 1}}
    assert found.others == 1
    assert len(reasons(ledger)) == 3


def test_a_notice_that_cannot_be_read(box: Box, tmp_path: Path, ledger: Ledger) -> None:
    send(tmp_path, "sendgrid", PEOPLE)
    bad = {"event": "unsubscribe", "email": PEOPLE[1]}
    found = receive("sendgrid", bad, mail("open", PEOPLE[0]), mail("unsubscribe", "nobody"))
    assert (found.bad, found.events) == (1, 2)
    assert [(p.line, p.reason) for p in found.problems] == [
        (1, "no number 'timestamp' in the notice")
    ]
    assert counts(ledger) == {"opened": 1, "delivered": 1}
    assert reasons(ledger) == {}


def test_of_one_account_and_of_a_campaign_that_is_gone(
    box: Box, tmp_path: Path, ledger: Ledger
) -> None:
    send(tmp_path, "sendgrid", PEOPLE)
    assert receive("sendgrid", mail("open", PEOPLE[0]), account="emea").others == 1
    for path in (ledger_path().parent / "campaigns").iterdir():
        path.unlink()
    found = receive("sendgrid", mail("unsubscribe", PEOPLE[0]))
    assert (found.others, found.new) == (1, {})
    assert reasons(ledger) == {PEOPLE[0]: "unsubscribed"}


def test_whose_webhooks_are_not_understood() -> None:
    with pytest.raises(Unsupported, match="LinkedIn"):
        receive("linkedin", {})
    with pytest.raises(InvalidInput, match="acme"):
        receive("acme", {})
