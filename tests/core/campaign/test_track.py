"""What vendors tell about campaigns that really went out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mktool.core.campaign import track
from mktool.core.campaign.overview import find, opened
from mktool.core.campaign.report import report
from mktool.core.settings import Settings, ledger_path
from mktool.errors import Forbidden, InvalidInput, Unauthorized, Unsupported
from mktool.message import Event
from mktool.store.campaigns import CampaignFile
from mktool.store.config import load
from mktool.store.events import Events, Happened
from mktool.store.ledger import Ledger
from mktool.store.suppressions import Suppressions
from tests.box import Box
from tests.core.campaign.outgoing import LOGINS, PEOPLE, send


@pytest.fixture(autouse=True)
def _logins(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in LOGINS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    with Ledger(ledger_path()) as found:
        yield found


def sync() -> track.Tracked:
    return track.sync_named(Settings(load()), "launch")


def counts(ledger: Ledger) -> dict[str, int]:
    with opened(find(ledger, "launch")) as file:
        return Events(file).counts()


def test_messages_are_found_by_the_vendors_ids(box: Box, tmp_path: Path, ledger: Ledger) -> None:
    send(tmp_path, "resend", PEOPLE)
    first = sync()
    assert (first.read, first.errors) == (["events", "suppressions"], [])
    assert first.new == {"sent": 42}
    box.ahead = 300
    second = sync()
    assert second.new["bounced"] == second.new["complained"] == 1
    assert second.new["delivered"] == 41  # whoever opened, clicked or complained had it
    assert second.new["opened"] > second.new["clicked"] > 0
    assert second.suppressed == 2
    book = Suppressions(ledger)
    assert book.reason("bounced@acme.example", ("",)) == "bounced"
    assert book.reason("complained@a.example", ("",)) == "complained"
    before = counts(ledger)
    third = sync()
    assert (third.new, third.suppressed) == ({}, 0)
    assert counts(ledger) == before


def test_events_of_other_mail_are_left_alone(box: Box, tmp_path: Path) -> None:
    send(tmp_path, "resend", PEOPLE[:5])
    send(tmp_path, "resend", PEOPLE[:7], name="other")
    found = sync()
    assert found.new == {"sent": 5}
    assert found.others == 7


def test_texts(box: Box, tmp_path: Path, ledger: Ledger) -> None:
    send(tmp_path, "twilio", ["+15550100201", "+15550100202", "+15550100999"])
    box.ahead = 120
    found = sync()
    assert found.new == {"delivered": 2, "bounced": 1}
    assert report(ledger, "launch").cost == pytest.approx(3 * 0.0079)
    sync()
    assert report(ledger, "launch").cost == pytest.approx(3 * 0.0079)  # not once more
    assert not [*Suppressions(ledger).rows()]  # a telephone that was off will be on again


def test_a_vendor_that_tells_totals_and_addresses(box: Box, tmp_path: Path, ledger: Ledger) -> None:
    send(tmp_path, "sendgrid", PEOPLE)
    box.ahead = 300
    found = sync()
    assert found.read == ["suppressions", "totals"]
    assert found.summary["delivered"] == 41
    assert found.new == {"bounced": 1, "complained": 1}
    assert counts(ledger) == {"bounced": 1, "complained": 1}
    assert len([*Suppressions(ledger).rows()]) == 2


def test_a_campaign_that_the_vendor_sends(box: Box, tmp_path: Path, ledger: Ledger) -> None:
    send(tmp_path, "mailchimp", PEOPLE[:40])
    box.ahead = 300
    found = sync()
    assert found.read == ["events", "suppressions", "totals"]
    assert found.summary["sent"] == 40
    assert found.new["opened"] == found.summary["unique_opens"] > 0


def test_what_one_key_may_not_read(
    box: Box, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(tmp_path, "resend", PEOPLE[:2])
    monkeypatch.setenv("MKTOOL_RESEND_API_KEY", "re_sandbox_sending")
    with pytest.raises(Forbidden, match="only send"):
        sync()
    monkeypatch.setenv("MKTOOL_RESEND_API_KEY", "re_sandbox_run")
    box.breaks("403=100%:GET /suppressions")
    half = sync()
    assert half.read == ["events"]
    assert [type(error) for error in half.errors] == [Unauthorized]
    assert half.new == {"sent": 2}


def test_nothing_to_ask_about(box: Box, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidInput, match="no campaign 'launch'"):
        sync()
    monkeypatch.setenv("MKTOOL_SMTP_HOST", "127.0.0.1")
    send(tmp_path, "smtp", PEOPLE[:1])
    with pytest.raises(Unsupported, match="nothing about what was sent"):
        sync()


def test_the_earliest_of_a_kind_stays(tmp_path: Path) -> None:
    with CampaignFile(tmp_path / "1.db", create=True) as file:
        events = Events(file)
        for at, detail in ((None, ""), (9.0, "late"), (5.0, "early"), (7.0, "later"), (None, "")):
            with file.transaction() as db:
                events.add([Happened(1, "opened", at, detail)])
        assert db.execute("select * from events").fetchall() == [(1, "opened", 5.0, "early")]


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (Event("bounced", detail="550 no such mailbox"), "bounced"),
        (Event("bounced", detail="soft"), None),
        (Event("complained"), "complained"),
        (Event("unsubscribed"), "unsubscribed"),
        (Event("delivered"), None),
    ],
)
def test_which_events_end_all_mail(event: Event, reason: str | None) -> None:
    assert track.reason_of(event, "email") == reason
