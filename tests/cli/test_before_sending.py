"""What is found out about a campaign before it goes out: the vendor's own check, and its times."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote

import pytest

from mktool import errors as e
from mktool.core.campaign import opening, rehearse, schedule
from mktool.core.campaign.campaign import Options
from mktool.core.campaign.definition import Definition
from mktool.core.settings import Settings, ledger_path
from mktool.store.config import load
from mktool.store.ledger import Ledger
from tests.box import Box
from tests.cli.conftest import Mktool

MAIL = """\
name = "launch"
provider = "{provider}"
from = "news@acme.example"
subject = "{{{{ first_name }}}}, it is here"
html = "<p>Hello {{{{ first_name }}}}</p>"
recipients = "people.csv"
"""
QUARTER = 900
Write = Callable[..., Definition]


@pytest.fixture
def settings() -> Settings:
    return Settings(load())


@pytest.fixture
def write(
    box: Box, tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Write:  # fmt: skip
    """Write a campaign and its list, for vendors that are logged in at the sandbox."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SENDGRID_API_KEY", "SG.sandbox.run")
    monkeypatch.setenv("RESEND_API_KEY", "re_sandbox_run")
    monkeypatch.setenv("MAILCHIMP_API_KEY", "sandbox-us19")

    def made(provider: str, people: int = 3, more: str = "") -> Definition:
        rows = "".join(f"p{n}@example.com,P{n}\n" for n in range(people))
        Path("people.csv").write_text(f"email,first_name\n{rows}nobody,N\n")
        Path("launch.toml").write_text(MAIL.format(provider=provider) + more)
        return opening.read(tmp_path / "launch.toml", Options(skip_invalid=True), settings)

    return made


class TestTheVendorsCheck:
    @pytest.mark.parametrize(("people", "checked"), [(3, 3), (1200, 1000)])
    def test_is_of_the_first_batch_and_sends_nothing(
        self, box: Box, settings: Settings, write: Write, people: int, checked: int
    ) -> None:
        assert rehearse.check_test(settings, write("sendgrid", people), Options()) == checked
        assert box.calls("/mail/send") == 1
        assert box.items == []
        with Ledger(ledger_path()) as ledger:
            assert ledger.db.execute("select count(*) from acts").fetchone() == (0,)

    def test_a_message_that_cannot_be_merged_is_alone(
        self, box: Box, settings: Settings, write: Write
    ) -> None:
        wanted = write("sendgrid")
        long = "x" * 20_000  # more than a vendor merges for one recipient
        Path("people.csv").write_text(f"email,first_name\na@example.com,{long}\nb@b.example,B\n")
        assert rehearse.check_test(settings, wanted, Options()) == 1
        assert box.items == []

    def test_tells_what_the_vendor_says_against_it(self, settings: Settings, write: Write) -> None:
        wanted = write("sendgrid", more="[options.asm]\ngroup_id = 99")
        with pytest.raises(e.Forbidden, match=r"asm\.group_id"):
            rehearse.check_test(settings, wanted, Options())

    @pytest.mark.parametrize(
        ("provider", "instead"), [("resend", "--test-to"), ("mailchimp", "--preview")]
    )
    def test_where_there_is_none_says_what_to_do_instead(
        self, box: Box, settings: Settings, write: Write, provider: str, instead: str
    ) -> None:
        with pytest.raises(e.Unsupported) as caught:
            rehearse.check_test(settings, write(provider), Options())
        assert instead in caught.value.hint
        assert box.items == []

    def test_is_an_option(self, mktool: Mktool, box: Box, write: Write) -> None:
        write("sendgrid")
        ran = mktool("send-campaign", "launch.toml", "--test", "--json")
        assert ran.json["data"] == {"sent": False, "checked": 3}
        assert box.items == []


class TestATimeOnTheGrid:
    AT = (time.time() // QUARTER + 20) * QUARTER  # some hours ahead

    def at(self, seconds: float) -> str:
        return f"{datetime.fromtimestamp(self.AT + seconds, UTC):%Y-%m-%dT%H:%MZ}"

    def test_another_is_refused_before_the_audience_is_filled(
        self, mktool: Mktool, box: Box, write: Write
    ) -> None:
        write("mailchimp")
        for flags in ((), ("--dry-run",)):
            ran = mktool(
                "send-campaign", "launch.toml", "--skip-invalid", "--at", self.at(420), *flags
            )
            assert ran.code == 2
            assert "every 15 minutes" in ran.err
        assert len(box.sandbox.world.calls) == 0
        hint = ran.err.rpartition("--at ")[2].strip()
        assert datetime.fromisoformat(hint).timestamp() == self.AT + QUARTER
        ran = mktool("send-campaign", "launch.toml", "--skip-invalid", "--at", hint)
        assert (ran.code, "held by Mailchimp" in ran.err) == (0, True)
        assert box.items == []
        assert box.calls("/actions/schedule") == 1
        assert mktool("campaign", "cancel", "launch").code == 0
        assert box.calls("/actions/unschedule") == 1

    def test_one_that_passed_while_the_audience_was_filled_means_now(
        self, box: Box, settings: Settings, write: Write
    ) -> None:
        with opening.opened(settings, write("mailchimp"), Options()) as campaign:
            campaign.stage()
            result = campaign.send(at=time.time() - 1)
        assert result.error is None
        assert (box.calls("/actions/send"), box.calls("/actions/schedule")) == (1, 0)

    def test_what_is_too_soon_for_the_vendor_is_ours_at_any_time(
        self, settings: Settings, write: Write
    ) -> None:
        with rehearse.rehearsed(settings, write("mailchimp"), Options()) as campaign:
            assert schedule.planned(campaign, "in 10m", "").ours

    def test_a_vendor_without_one_keeps_any_time(self, settings: Settings, write: Write) -> None:
        with rehearse.rehearsed(settings, write("sendgrid"), Options()) as campaign:
            found = schedule.planned(campaign, self.at(420), "")
        assert (found.at, found.ours, found.holder) == (self.AT + 420, False, "SendGrid")


@pytest.mark.parametrize("later", [False, True])
def test_a_preview_shows_how_the_vendor_is_told_to_send(
    mktool: Mktool, box: Box, write: Write, later: bool
) -> None:
    write("mailchimp")
    at = ("--at", TestATimeOnTheGrid().at(0)) if later else ()
    flags = ("--skip-invalid", "--dry-run", "--preview", "shown", "--samples", "1")
    assert mktool("send-campaign", "launch.toml", *flags, *at).code == 0
    people = json.loads(Path("shown/001.json").read_text())
    assert people[-1]["json"]["members"][0]["email_address"] == "p0@example.com"
    writes = [
        unquote(request["url"].rpartition("/3.0/")[2])
        for request in json.loads(Path("shown/launch.json").read_text())
        if request["method"] != "GET"
    ]
    action = "schedule" if later else "send"
    assert writes == ["campaigns", "campaigns/‹id›/content", f"campaigns/‹id›/actions/{action}"]
    assert len(box.sandbox.world.calls) == 0


class TestTheConfirmation:
    def test_of_a_test_is_for_those_too_who_get_the_winner(
        self, mktool: Mktool, box: Box, write: Write
    ) -> None:
        write("resend", 150, '[ab]\nsubject = ["One", "Two"]\ntest_share = 0.2\n')
        line = ("send-campaign", "launch.toml", "--skip-invalid")
        ran = mktool(*line)
        assert ran.code == 2
        assert "wait for the winner of the test\n" in ran.err
        assert "--confirm 150" in ran.err
        assert box.items == []
        assert mktool(*line, "--confirm", "150").code == 0
        assert "or mktool run-due" in mktool("campaign", "winner", "launch", "A").err
        assert mktool("campaign", "resume", "launch").code == 0
        assert "run-due" not in mktool("campaign", "winner", "launch", "A").err

    def test_says_who_may_get_it_a_second_time(
        self, mktool: Mktool, box: Box, write: Write
    ) -> None:
        write("sendgrid")
        box.breaks("cut=100%:POST */mail/send")
        line = ("send-campaign", "launch.toml", "--skip-invalid")
        assert mktool(*line).code == 18
        box.breaks()
        ran = mktool(*line, "--retry", "unknown", "--confirm", "4")
        assert (ran.code, "3 to send to are unknown" in ran.err) == (2, True)
        assert mktool("campaign", "show", "launch").rows[0] == ["unknown", "3"]
