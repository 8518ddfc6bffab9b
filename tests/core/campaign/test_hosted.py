"""A campaign that its vendor sends, to an audience that it is given."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mktool import errors as e
from mktool import providers
from mktool.capability import CanBroadcast, CanDeliver
from mktool.core.campaign import halt, opening, rehearse, track
from mktool.core.campaign.campaign import Options, Result
from mktool.core.campaign.definition import Definition
from mktool.core.campaign.run import Progress
from mktool.core.settings import Settings, ledger_path
from mktool.store.acts import Acts
from mktool.store.campaigns import State
from mktool.store.config import load
from mktool.store.ledger import Ledger
from tests.box import Box

MAIL = """\
name = "launch"
provider = "{provider}"
hosted = {hosted}
from = "Acme <news@acme.example>"
subject = "{{{{ first_name | default('You') }}}}, it is here"
html = "<p>{{{{ mail }}}} has {{{{ plan }}}}: <a href='{{{{ unsubscribe }}}}'>no more</a></p>"
recipients = "people.csv"
"""
PEOPLE = """\
mail,first_name,plan
ada@example.com,Ada,pro
bram@example.com,,free
zoe@example.com,Zoë,"free, for now"
"""
Write = Callable[..., Definition]


@pytest.fixture
def settings(box: Box) -> Settings:
    box.sandbox.world.limits = {"resend": 10_000}
    return Settings(load())


@pytest.fixture
def write(box: Box, tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write a campaign and its list, and read it."""
    monkeypatch.setenv("MKTOOL_RESEND_API_KEY", "re_sandbox")
    monkeypatch.setenv("MKTOOL_RESEND_REQUESTS_PER_SECOND", "1000")
    monkeypatch.setenv("MKTOOL_MAILCHIMP_API_KEY", "sandbox-us19")

    def made(provider: str = "resend", *, hosted: bool = True, more: str = "") -> Definition:
        (tmp_path / "people.csv").write_text(PEOPLE, encoding="utf-8")
        file = tmp_path / "launch.toml"
        file.write_text(more + MAIL.format(provider=provider, hosted=str(hosted).lower()))
        return opening.read(file, Options(), settings)

    return made


def send(settings: Settings, wanted: Definition, at: float | None = None) -> Result:
    with opening.opened(settings, wanted, Options()) as campaign:
        campaign.stage()
        if at is not None:
            campaign.file.put(held_until=at)
        return campaign.send(at=at)


def got(box: Box) -> dict[str, Any]:
    """Return the mail of each; nobody has two."""
    mails = [item for item in box.items if item.kind == "email" and not item.deleted]
    assert set(Counter(item.to for item in mails).values()) <= {1}
    return {item.to: item for item in mails}


def test_the_vendor_sends_to_everybody_once(box: Box, settings: Settings, write: Write) -> None:
    for _ in range(2):  # the second time there is nothing left to do
        result = send(settings, write())
        assert result.error is None
        assert result.totals[State.SENT] == 3
    found = got(box)
    assert found["ada@example.com"].subject == "Ada, it is here"
    assert found["bram@example.com"].subject == "You, it is here"
    zoe = found["zoe@example.com"].html
    assert zoe.startswith("<p>zoe@example.com has free, for now: <a href='https://unsubscribe.")
    assert box.calls("/broadcasts") == box.calls("/contacts/imports") == 1
    assert box.calls("/emails/batch") == 0


@pytest.mark.parametrize(
    "faults",
    [
        "cut@1:POST /contacts/imports", "drop@1:POST /contacts/imports", "cut@1:POST /segments",
        "cut@1:POST /contact-properties", "cut@1:POST /broadcasts", "drop@1:POST /broadcasts",
        "cut@1:POST /broadcasts/*/send", "drop@1:POST /broadcasts/*/send",
        "500@1:POST /segments", "503@1:GET /contacts/imports/*",
    ],
)  # fmt: skip
def test_whatever_answer_is_lost_everybody_has_it_once(
    box: Box, settings: Settings, write: Write, faults: str
) -> None:
    wanted = write()
    box.breaks(faults)
    for _ in range(3):
        send(settings, wanted)
    assert send(settings, wanted).error is None
    assert len(got(box)) == 3


def test_what_the_vendor_keeps_is_taken_back(box: Box, settings: Settings, write: Write) -> None:
    result = send(settings, write(), at=box.clock() + 7200)
    assert result.error is None
    box.ahead += 60
    ledger = Ledger(ledger_path(), clock=box.clock)
    act = Acts(ledger).named("campaign", "launch")
    assert act is not None
    assert halt.cancel(settings, ledger, act).back == 3
    ledger.close()
    assert got(box) == {}


def test_what_was_stopped_meanwhile_is_not_launched(
    box: Box, settings: Settings, write: Write
) -> None:
    def stop(progress: Progress) -> None:
        if progress.done == 3:
            campaign.acts.mark(campaign.act.id, "cancelled")

    with opening.opened(settings, write(), Options()) as campaign:
        campaign.stage()
        result = campaign.send(stop)
    assert isinstance(result.error, e.Interrupted)
    assert got(box) == {}
    assert box.calls("/broadcasts") == 0


def test_its_events_are_the_vendors(box: Box, settings: Settings, write: Write) -> None:
    send(settings, write())
    box.ahead += 600
    found = track.sync_named(settings, "launch")
    assert (found.errors, found.others, found.new["delivered"]) == ([], 0, 3)


def test_what_would_be_requested(
    box: Box, settings: Settings, write: Write, tmp_path: Path
) -> None:
    with rehearse.rehearsed(settings, write(), Options()) as campaign:
        campaign.stage()
        rehearse.previews(campaign, tmp_path / "shown", 1)
    asked = {
        name: [(call["method"], call["operation"]) for call in json.loads(file.read_text())]
        for name in ("001", "launch")
        if (file := tmp_path / "shown" / f"{name}.json").exists()
    }
    assert ("POST", "import") in asked["001"]
    assert [call for call in asked["launch"] if call[0] == "POST"] == [
        ("POST", "draft"), ("POST", "launch")
    ]  # fmt: skip
    assert got(box) == {}


def test_a_copy_to_one_address_is_delivered(box: Box, settings: Settings, write: Write) -> None:
    rehearse.send_test(settings, write(), Options(), "me@example.com")
    (mail,) = got(box).values()
    assert (mail.to, mail.subject) == ("me@example.com", "[test] Ada, it is here")


def test_without_the_key_each_mail_is_delivered(box: Box, settings: Settings, write: Write) -> None:
    own = 'unsubscribe = "https://acme.example/u"\n'
    assert send(settings, write(hosted=False, more=own)).totals[State.SENT] == 3
    assert box.calls("/emails/batch") == 1
    assert box.calls("/contacts/imports") == box.calls("/broadcasts") == 0
    assert "https://acme.example/u" in got(box)["ada@example.com"].html


def test_another_way_is_another_content(settings: Settings, write: Write) -> None:
    own = 'unsubscribe = "https://acme.example/u"\n'
    send(settings, write(hosted=False, more=own))
    with pytest.raises(e.InvalidInput, match="another content"):
        send(settings, write(more=own))


def test_a_vendor_without_an_audience_is_refused(write: Write) -> None:
    with pytest.raises(e.Unsupported, match="SendGrid keeps no audience") as caught:
        write("sendgrid")
    assert caught.value.hint.endswith("one of mailchimp, resend")


def test_a_vendor_that_only_hosts_needs_no_key(box: Box, settings: Settings, write: Write) -> None:
    for hosted in (False, True):
        assert write("mailchimp", hosted=hosted).hosted is hosted
    assert send(settings, write("mailchimp", hosted=False)).error is None
    html = got(box)["ada@example.com"].html
    assert html.startswith("<p>ada@example.com has pro: <a href='http")


def test_a_column_email_beside_the_addresses_is_refused(
    settings: Settings, write: Write, tmp_path: Path
) -> None:
    wanted = replace(write(), column="mail")
    (tmp_path / "people.csv").write_text("mail,email,plan\nada@example.com,x,pro\n")
    variant = wanted.variants[0]._replace(subject="{{ email }}")
    result = send(settings, replace(wanted, variants=(variant,)))
    assert "beside mail" in str(result.error)


@pytest.mark.parametrize("name", providers.names())
def test_what_a_vendor_can_do_has_its_numbers(name: str) -> None:
    cls = providers.load(name)
    assert issubclass(cls, CanDeliver) == (cls.spec.delivery is not None)
    assert issubclass(cls, CanBroadcast) == (cls.spec.audience is not None)


@pytest.mark.parametrize("faults", ["", "cut@1:POST /contacts/imports"])
def test_whom_the_vendor_does_not_take_is_found_out(
    box: Box, settings: Settings, write: Write, tmp_path: Path, faults: str
) -> None:
    wanted = write()
    box.breaks(faults)
    with (tmp_path / "people.csv").open("a", encoding="utf-8") as file:
        file.write("jörg@example.com,Jörg,pro\n")  # ours is RFC 6531, theirs is not
        file.writelines(f"p{n}@example.com,P,pro\n" for n in range(4))
    result = send(settings, wanted)
    assert (result.totals[State.SENT], result.totals[State.FAILED]) == (7, 1)
    assert len(got(box)) == 7
    assert "jörg@example.com" not in got(box)
