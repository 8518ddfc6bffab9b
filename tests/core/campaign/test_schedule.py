"""When a campaign goes out: the vendor keeps it where it can give it back, else we do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mktool.core.campaign import opening, schedule
from mktool.core.campaign.campaign import Campaign, Options
from mktool.core.settings import Settings
from mktool.errors import InvalidInput
from mktool.store.config import load
from tests.box import Box
from tests.core.campaign.outgoing import LOGINS, MAIL, TEXT

HOUR = 3600.0


@pytest.fixture(autouse=True)
def _logins(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in LOGINS.items():
        monkeypatch.setenv(name, value)


@contextmanager
def opened(folder: Path, box: Box, provider: str) -> Iterator[Campaign]:
    phone = provider == "twilio"
    address = "+15550100201" if phone else "ann@acme.example"
    (folder / "people.csv").write_text(f"{'phone' if phone else 'email'}\n{address}\n")
    text = (TEXT if phone else MAIL).format(name="launch", provider=provider)
    (folder / "launch.toml").write_text(text)
    settings, options = Settings(load()), Options()
    wanted = opening.read(folder / "launch.toml", options, settings)
    with opening.opened(settings, wanted, options) as campaign:
        campaign.session.ledger.clock = box.clock
        campaign.stage()
        yield campaign


@pytest.mark.parametrize(
    ("provider", "when", "holder"),
    [
        ("sendgrid", "in 2h", "SendGrid"),
        ("sendgrid", "in 5m", ""),  # too soon to be taken back
        ("sendgrid", "in 4d", ""),  # longer than it keeps anything
        ("twilio", "in 2h", ""),  # from a number, which keeps nothing
        ("resend", "in 2h", ""),
    ],
)
def test_who_keeps_it(box: Box, tmp_path: Path, provider: str, when: str, holder: str) -> None:
    with opened(tmp_path, box, provider) as campaign:
        found = schedule.moment(campaign, when, "UTC")
        assert (found.holder, found.ours) == (holder, not holder)
        assert found.at is not None
        act = campaign.acts.get(campaign.act.id)
        assert act.due == (None if holder else found.at)
        assert act.state == ("open" if holder else "scheduled")
        assert float(campaign.file.get("held_until", 0)) == (found.at if holder else 0)


def test_now(box: Box, tmp_path: Path) -> None:
    with opened(tmp_path, box, "resend") as campaign:
        assert schedule.moment(campaign, "", "") == schedule.Moment()
        assert campaign.acts.get(campaign.act.id).state == "open"


def test_the_same_words_mean_the_same_moment_on_every_run(box: Box, tmp_path: Path) -> None:
    with opened(tmp_path, box, "resend") as campaign:
        first = schedule.moment(campaign, "in 2h", "UTC")
    box.ahead = HOUR
    with opened(tmp_path, box, "resend") as campaign:
        assert schedule.moment(campaign, "in 2h", "UTC") == first
        other = schedule.moment(campaign, "in 3h", "UTC")
        assert first.at is not None
        assert other.at == pytest.approx(first.at + 2 * HOUR, abs=60)
    box.ahead = 5 * HOUR
    with opened(tmp_path, box, "resend") as campaign:
        assert schedule.moment(campaign, "in 3h", "UTC") == schedule.Moment()  # it is time


def test_planning_schedules_nothing(box: Box, tmp_path: Path) -> None:
    with opened(tmp_path, box, "resend") as campaign:
        assert schedule.planned(campaign, "in 2h", "UTC").ours
        assert campaign.acts.get(campaign.act.id).state == "open"


@pytest.mark.parametrize("when", ["yesterday", "2001-01-01T09:00", "soon"])
def test_what_is_no_time_to_come(box: Box, tmp_path: Path, when: str) -> None:
    with opened(tmp_path, box, "resend") as campaign:
        with pytest.raises(InvalidInput):
            schedule.moment(campaign, when, "UTC")
        assert campaign.acts.get(campaign.act.id).state == "open"


def test_what_the_vendor_keeps_is_handed_over_once(box: Box, tmp_path: Path) -> None:
    for _ in range(2):
        with opened(tmp_path, box, "sendgrid") as campaign:
            found = schedule.moment(campaign, "in 2h", "UTC")
            assert campaign.send(at=found.at).error is None
            assert campaign.file.get("hold")
    assert box.calls("/mail/send") == 1
    assert box.calls("/mail/batch") == 1
