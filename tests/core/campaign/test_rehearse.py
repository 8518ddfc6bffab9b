"""Dry runs, previews and test copies: what they show, and that they leave nothing behind."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mktool import errors as e
from mktool import providers
from mktool.capability import CanSummarize
from mktool.core.campaign import opening, rehearse
from mktool.core.campaign.campaign import Options
from mktool.core.campaign.definition import Definition
from mktool.core.campaign.example import write_example
from mktool.core.campaign.forecast import forecast
from mktool.core.session import open_session
from mktool.core.settings import Settings, ledger_path
from mktool.message import Sent, Suppressed
from mktool.store.campaigns import State, path_of
from mktool.store.config import load
from mktool.store.ledger import Ledger
from mktool.store.suppressions import Suppressions
from tests.box import Box

MAIL = """\
name = "launch"
provider = "{provider}"
from = "Acme <news@acme.example>"
subject = "{{{{ first_name }}}}, it is here"
html = "<p>Hello {{{{ first_name }}}}: {{{{ offer }}}}</p>"
recipients = "people.csv"
"""
PEOPLE = """\
email,first_name,offer
ada@example.com,Ada,one
bram@example.com,Bram,two
zoe@example.com,Zoë,the longest offer of them all
"""
Write = Callable[..., Definition]


@pytest.fixture
def settings() -> Settings:
    return Settings(load())


@pytest.fixture
def write(tmp_path: Path, settings: Settings) -> Write:
    """Write a campaign and its list, and read it."""

    def made(provider: str = "sendgrid", people: str = PEOPLE, **options: Any) -> Definition:
        (tmp_path / "people.csv").write_text(people, encoding="utf-8")
        file = tmp_path / "launch.toml"
        file.write_text(MAIL.format(provider=provider))
        return opening.read(file, Options(**options), settings)

    return made


@pytest.fixture
def sendgrid(box: Box, monkeypatch: pytest.MonkeyPatch) -> Box:
    monkeypatch.setenv("SENDGRID_API_KEY", "SG.sandbox.run")
    return box


def send(settings: Settings, wanted: Definition, **options: Any) -> None:
    with opening.opened(settings, wanted, Options(**options)) as campaign:
        campaign.stage()
        campaign.send()


def able() -> list[str]:
    return [spec.name for spec in providers.specs() if spec.campaigns]


class TestWithoutALogin:
    @pytest.mark.parametrize("provider", able())
    def test_the_plan_and_the_request_of_every_provider(
        self, provider: str, settings: Settings, write: Write, tmp_path: Path
    ) -> None:
        delivery = providers.load(provider).spec.campaigns
        assert delivery is not None
        folder = tmp_path / "example"
        if delivery.channel == "sms":
            wanted = opening.read(
                write_example(folder, provider, "sms")[0], Options(), settings
            )  # fmt: skip
        else:
            wanted = write(provider)
        with rehearse.rehearsed(settings, wanted, Options()) as campaign:
            campaign.stage()
            plan = forecast(campaign)
            files = rehearse.previews(campaign, tmp_path / "out", 1)
        assert plan.to_send == plan.audience > 0
        kinds = {path.suffix for path in files}
        assert kinds == {".txt", ".json"} | ({".html"} if delivery.channel == "email" else set())
        requests = json.loads(files[0].with_suffix(".json").read_text())
        assert "POST" in {request["method"] for request in requests}

    def test_nothing_is_left_behind(self, settings: Settings, write: Write) -> None:
        before = {*Path(tempfile.gettempdir()).glob("mktool-*")}
        with rehearse.rehearsed(settings, write(), Options()) as campaign:
            campaign.stage()
        assert not ledger_path().exists()
        assert not path_of(1).parent.exists()
        assert before >= {*Path(tempfile.gettempdir()).glob("mktool-*")}

    def test_an_account_that_is_not_there_has_no_test_copy(
        self, settings: Settings, write: Write
    ) -> None:
        with pytest.raises(e.NeedsLogin):
            rehearse.send_test(settings, write(), Options(), "me@example.com")

    def test_what_a_vendor_cannot_merge_is_found_before_it_is_sent(
        self, settings: Settings, write: Write, tmp_path: Path
    ) -> None:
        write("mailchimp")
        file = tmp_path / "launch.toml"
        file.write_text(file.read_text().replace("{{ offer }}", "{% if offer %}x{% endif %}"))
        wanted = opening.read(file, Options(), settings)
        with (
            rehearse.rehearsed(settings, wanted, Options()) as campaign,
            pytest.raises(e.Unsupported, match="cannot be merged"),
        ):
            campaign.stage()


class TestPreviews:
    def test_shows_the_first_and_the_longest(
        self, settings: Settings, write: Write, tmp_path: Path
    ) -> None:
        with rehearse.rehearsed(settings, write(), Options()) as campaign:
            campaign.stage()
            files = rehearse.previews(campaign, tmp_path / "new" / "out", 1)
        assert [path.name for path in files if path.suffix == ".html"] == ["001.html", "003.html"]
        html = (tmp_path / "new" / "out" / "003.html").read_text(encoding="utf-8")
        assert "Hello Zoë: the longest offer of them all" in html
        head, _, text = (tmp_path / "new" / "out" / "003.txt").read_text().partition("\n\n")
        assert head.splitlines() == [
            "From: Acme <news@acme.example>", "To: zoe@example.com", "Subject: Zoë, it is here",
        ]  # fmt: skip
        assert "Hello Zoë" in text

    def test_the_request_is_the_real_one_without_its_secret(
        self, settings: Settings, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SENDGRID_API_KEY", "SG.very.secret")
        with rehearse.rehearsed(settings, write(), Options()) as campaign:
            campaign.stage()
            rehearse.previews(campaign, tmp_path, 1)
            assert campaign.dry.requests == []  # a thousand of them are not kept
        (request,) = json.loads((tmp_path / "001.json").read_text())
        assert request["headers"]["Authorization"] == "Bearer ***"
        (one,) = request["json"]["personalizations"]
        assert one["to"] == [{"email": "ada@example.com"}]
        assert {"Ada", "one"} <= {*one["substitutions"].values()}

    def test_a_folder_that_is_none(self, settings: Settings, write: Write, tmp_path: Path) -> None:
        with rehearse.rehearsed(settings, write(), Options()) as campaign:
            campaign.stage()
            with pytest.raises(e.InvalidInput, match=r"people\.csv"):
                rehearse.previews(campaign, tmp_path / "people.csv", 1)


class TestACampaignUnderWay:
    def test_who_has_it_is_not_sent_to_and_nothing_changes(
        self, sendgrid: Box, settings: Settings, write: Write, tmp_path: Path
    ) -> None:
        send(settings, write(), limit=1)
        ledger, file = ledger_path().read_bytes(), path_of(1).read_bytes()
        longer = write(people=PEOPLE + "new@example.com,New,four\n")
        with rehearse.rehearsed(settings, longer, Options()) as campaign:
            campaign.stage()
            plan = forecast(campaign)
            names = [path.name for path in rehearse.previews(campaign, tmp_path / "out", 9)]
        assert (plan.to_send, plan.audience) == (3, 4)
        assert [name for name in names if name.endswith("html")] == [
            "002.html", "003.html", "007.html",
        ]  # fmt: skip
        assert (ledger_path().read_bytes(), path_of(1).read_bytes()) == (ledger, file)
        assert len(sendgrid.items) == 1

    def test_who_is_suppressed_is_left_out(
        self, sendgrid: Box, settings: Settings, write: Write
    ) -> None:
        with Ledger(ledger_path()) as ledger:
            Suppressions(ledger).add([Suppressed("BRAM@example.com", "manual")], source="here")
        with rehearse.rehearsed(settings, write(), Options()) as campaign:
            campaign.stage()
            assert campaign.file.totals()[State.SUPPRESSED] == 1
            assert forecast(campaign).to_send == 2

    def test_the_ledger_cannot_be_written(
        self, sendgrid: Box, settings: Settings, write: Write
    ) -> None:
        send(settings, write(), limit=1)
        with (
            rehearse.rehearsed(settings, write(), Options()) as campaign,
            pytest.raises(e.StorageError),
        ):
            campaign.acts.mark(1, "done")

    def test_another_content_is_refused_as_it_would_be(
        self, sendgrid: Box, settings: Settings, write: Write, tmp_path: Path
    ) -> None:
        send(settings, write(), limit=1)
        file = tmp_path / "launch.toml"
        file.write_text(file.read_text().replace("Hello", "Dear"))
        changed = opening.read(file, Options(), settings)
        with (
            pytest.raises(e.InvalidInput, match="another content"),
            rehearse.rehearsed(settings, changed, Options()),
        ):
            pass
        with rehearse.rehearsed(settings, changed, Options(keep_content=True)) as campaign:
            assert "Hello" in campaign.definition.variants[0].html


class TestATestCopy:
    def test_is_the_first_recipients_whole_and_marked(
        self, sendgrid: Box, settings: Settings, write: Write
    ) -> None:
        bad = PEOPLE.replace("ada@example.com", "nobody")
        sent = rehearse.send_test(settings, write(people=bad), Options(), "Me@Example.com")
        assert (sent.to, sent.like) == ("Me@example.com", "bram@example.com")
        (item,) = sendgrid.items
        assert (item.to, item.subject) == ("Me@example.com", "[test] Bram, it is here")
        assert "Hello Bram: two" in item.html

    def test_is_a_call_on_record_and_no_part_of_the_campaign(
        self, sendgrid: Box, settings: Settings, write: Write
    ) -> None:
        for _ in range(2):  # nothing takes the second for the first once more
            rehearse.send_test(settings, write(), Options(), "me@example.com")
        assert len(sendgrid.items) == 2
        with Ledger(ledger_path()) as ledger:
            calls = ledger.db.execute("select operation, outcome from calls").fetchall()
            (acts,) = ledger.db.execute("select count(*) from acts").fetchone()
        assert (calls, acts) == ([("send", "ok")] * 2, 0)

    def test_is_not_in_the_vendors_figures_of_the_campaign(
        self, sendgrid: Box, settings: Settings, write: Write
    ) -> None:
        began = sendgrid.clock()
        send(settings, write())
        rehearse.send_test(settings, write(), Options(), "me@example.com")
        sendgrid.sleep(3600)
        session = open_session(settings, "sendgrid")
        assert isinstance(session.provider, CanSummarize)
        counted = session.provider.summarize(Sent("launch", began, (), ""))
        session.close()
        assert len(sendgrid.items) == 4
        assert counted["delivered"] == 3

    @pytest.mark.parametrize("address", ["", "me", "+12025550100"])
    def test_an_address_that_is_none(self, address: str, settings: Settings, write: Write) -> None:
        with pytest.raises(e.InvalidInput, match="--test-to"):
            rehearse.send_test(settings, write(), Options(), address)

    def test_a_vendor_that_sends_to_its_audience_only(
        self, settings: Settings, write: Write
    ) -> None:
        with pytest.raises(e.Unsupported, match="audience"):
            rehearse.send_test(settings, write("mailchimp"), Options(), "me@example.com")

    def test_a_list_of_nobody(self, settings: Settings, write: Write) -> None:
        wanted = write(people="email,first_name,offer\nnobody,N,one\n")
        with pytest.raises(e.InvalidInput, match="line 2"):
            rehearse.send_test(settings, wanted, Options(), "me@example.com")


class TestTheExample:
    def test_is_for_mail_without_an_account_where_nothing_is_connected(
        self, settings: Settings, tmp_path: Path
    ) -> None:
        provider, channel = rehearse.suggested(settings)
        assert (provider, channel) == ("smtp", "email")
        written = write_example(tmp_path, provider, channel)
        wanted = opening.read(written[0], Options(), settings)
        with rehearse.rehearsed(settings, wanted, Options()) as campaign:
            campaign.stage()
            assert forecast(campaign).to_send == 5

    @pytest.mark.parametrize(
        ("environ", "wanted"),
        [
            ({"SENDGRID_API_KEY": "SG.a.b"}, ("sendgrid", "email")),
            ({"TWILIO_ACCOUNT_SID": "AC1", "TWILIO_AUTH_TOKEN": "t"}, ("twilio", "sms")),
            ({"MAILCHIMP_API_KEY": "key-us19"}, ("smtp", "email")),  # sends to its own audience
        ],
    )
    def test_is_for_what_is_connected(
        self, environ: dict[str, str], wanted: tuple[str, str], settings: Settings
    ) -> None:
        settings.environ = environ
        assert rehearse.suggested(settings) == wanted
