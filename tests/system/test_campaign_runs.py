"""The same campaign again: complete, longer, changed, refused in part, suppressed meanwhile."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.system.program import Program, finish
from tests.system.recorder import Recorder
from tests.system.sending import MAIL, Mailing, emails, once, phones, wait_until

OTHER = MAIL.replace("Hello", "Goodbye")


@pytest.fixture
def mailing(sender: Program, tmp_path: Path) -> Mailing:
    """A campaign to 250 people, by a vendor that takes 100 at a time and one key for each."""
    return Mailing(sender, tmp_path, "resend", people=emails(250))


def suppress(mailing: Mailing, *addresses: str) -> None:
    assert mailing.program.run("suppress", "add", *addresses).code == 0


def test_a_complete_one_sends_nothing(vendor: Recorder, mailing: Mailing) -> None:
    assert mailing.run().code == 0
    requests = vendor.requests
    again = mailing.run()
    assert again.code == 0
    assert "complete" in again.err
    assert vendor.requests == requests
    once(vendor.got, mailing.people)


def test_who_was_added_gets_it_and_nobody_else(vendor: Recorder, mailing: Mailing) -> None:
    assert mailing.run().code == 0
    mailing.people = [*emails(30, tag="new"), "P7@Example.COM", *mailing.people]
    mailing.write()
    vendor.got.clear()
    ended = mailing.run("--json", "--confirm", "280")
    assert ended.code == 0, ended
    assert ended.json["data"]["plan"]["to_send"] == 30
    once(vendor.got, emails(30, tag="new"))


def test_another_content_under_the_same_name_is_refused(vendor: Recorder, mailing: Mailing) -> None:
    assert mailing.run("--limit", "100").code == 0
    requests = vendor.requests
    mailing.write(OTHER)
    refused = mailing.run()
    assert refused.code == 2, refused
    assert "--keep-content" in refused.err
    assert "--as NAME" in refused.err
    assert vendor.requests == requests


def test_the_content_it_began_with_is_kept(vendor: Recorder, mailing: Mailing) -> None:
    assert mailing.run("--limit", "100").code == 0
    mailing.write(OTHER)
    assert mailing.run("--keep-content").code == 0
    once(vendor.got, mailing.people)
    assert {mail["subject"].split()[0] for mail in vendor.mails.values()} == {"Hello"}


def test_another_content_under_another_name(vendor: Recorder, mailing: Mailing) -> None:
    assert mailing.run().code == 0
    mailing.write(OTHER)
    assert mailing.run("--as", "second").code == 0
    assert dict(vendor.got) == dict.fromkeys(mailing.people, 2)
    assert {mail["subject"].split()[0] for mail in vendor.mails.values()} == {"Goodbye"}


def test_another_content_before_anything_went_out(vendor: Recorder, mailing: Mailing) -> None:
    assert mailing.program.run("send-campaign", str(mailing.file)).code == 2  # not confirmed
    mailing.write(OTHER)
    assert mailing.run().code == 0
    once(vendor.got, mailing.people)
    assert {mail["subject"].split()[0] for mail in vendor.mails.values()} == {"Goodbye"}


@pytest.mark.parametrize("provider", ["resend", "sendgrid", "twilio"])
def test_a_limit_is_kept_to_the_recipient(
    vendor: Recorder, sender: Program, tmp_path: Path, provider: str
) -> None:
    people = phones(250) if provider == "twilio" else emails(250)
    mailing = Mailing(sender, tmp_path, provider, people=people)
    for limit in (1, 130, 7):
        before = len(vendor.got)
        assert mailing.run("--limit", str(limit)).code == 0
        assert len(vendor.got) == before + limit
    assert mailing.run().code == 0
    once(vendor.got, people)


@pytest.mark.parametrize("provider", ["resend", "sendgrid", "twilio"])
def test_the_refused_are_told_with_the_reason_and_sent_to_again_on_demand(
    vendor: Recorder, sender: Program, tmp_path: Path, provider: str
) -> None:
    good, bad = emails(40), [f"refused{n}@example.com" for n in range(3)]
    if provider == "twilio":
        good, bad = phones(40), ["+15005550001", "+150055500011", "+150055500012"]
    mailing = Mailing(sender, tmp_path, provider, people=[*good[:9], *bad, *good[9:]])
    ended = mailing.run()
    assert ended.code == 6, ended
    once(vendor.got, good)
    states = dict(line.split("\t")[:2] for line in ended.out.splitlines()[:2])
    assert states == {"sent": "40", "failed": "3"}
    assert "--retry failed" in ended.err
    shown = sender.run("campaign", "show", "launch", "--failed", "--json").json["data"]
    assert [row["address"] for row in shown["recipients"]] == bad
    requests = vendor.requests
    assert mailing.run().code == 0  # without a word, they are not sent to again
    assert vendor.requests == requests
    suppress(mailing, bad[0])
    vendor.refusing = False
    assert mailing.run("--retry", "failed").code == 0
    once(vendor.got, [*good, *bad[1:]])
    assert mailing.outcomes()[bad[0]] == "suppressed"


def test_the_unknown_are_sent_to_again_on_demand(
    vendor: Recorder, sender: Program, tmp_path: Path
) -> None:
    mailing = Mailing(sender, tmp_path, "sendgrid", people=emails(50))
    vendor.faults = {"drop": 1.0}
    ended = mailing.run()
    assert ended.code == 18, ended
    assert "--retry unknown" in ended.err
    vendor.faults = {}
    assert mailing.run().code == 0
    assert not vendor.got
    assert mailing.run("--retry", "failed").code == 0
    assert not vendor.got
    assert mailing.run("--retry", "unknown").code == 0
    once(vendor.got, mailing.people)


def test_too_many_errors_stop_it(vendor: Recorder, sender: Program, tmp_path: Path) -> None:
    refused = [f"+15005550001{number:03}" for number in range(1000)]
    people = [*phones(5), *refused, *phones(5, tag=1)]
    mailing = Mailing(sender, tmp_path, "twilio", lines="concurrency = 1\n", people=people)
    ended = mailing.run("--max-errors", "20")
    assert ended.code == 6, ended
    assert "(max_errors)" in ended.err
    states = list(mailing.outcomes().values())
    assert states.count("sent") == 5
    assert 20 <= states.count("failed") <= 100  # what was claimed at once is sent to
    assert states.count("pending") == len(people) - 5 - states.count("failed")


def test_who_is_suppressed_between_two_runs_is_left_out(vendor: Recorder, mailing: Mailing) -> None:
    late = [address for address in mailing.people if address.startswith("p2")][5:]
    assert mailing.run("--limit", "30").code == 0
    waiting = [address for address in late if not vendor.got[address]]
    suppress(mailing, waiting[0].upper(), *waiting[1:4])
    assert mailing.run().code == 0
    once(vendor.got, [one for one in mailing.people if one not in waiting[:4]])
    outcomes = mailing.outcomes()
    assert {outcomes[address] for address in waiting[:4]} == {"suppressed"}


def test_who_is_suppressed_while_it_goes_out_is_left_out_or_told(
    vendor: Recorder, sender: Program, tmp_path: Path
) -> None:
    """Also of a batch that was read already, and waits for its turn."""
    people = emails(6000)
    mailing = Mailing(sender, tmp_path, "sendgrid", lines="rate = 2000\n", people=people)
    process = mailing.start()
    wait_until(lambda: vendor.requests)
    late = [people[number] for number in (1500, 2500, 3500, 4500, 5900)]
    suppress(mailing, *late)
    ended = finish(process)
    assert ended.code == 0, ended
    outcomes = mailing.outcomes()
    assert {one for one, state in outcomes.items() if state == "sent"} == set(vendor.got)
    left_out = {one for one, state in outcomes.items() if state == "suppressed"}
    assert late[-1] in left_out <= set(late)
    once(vendor.got, set(people) - left_out)


@pytest.mark.parametrize(
    ("count", "confirm", "code"),
    [
        (101, (), 2),
        (100, (), 0),
        (101, ("--confirm", "101"), 0),
        (101, ("--confirm", "100"), 2),
        (5, ("--confirm", "6"), 2),
    ],
)
def test_many_recipients_are_confirmed(
    vendor: Recorder, sender: Program, tmp_path: Path,
    count: int, confirm: tuple[str, ...], code: int,
) -> None:  # fmt: skip
    mailing = Mailing(sender, tmp_path, "resend", people=emails(count))
    ended = sender.run("send-campaign", str(mailing.file), *confirm)
    assert ended.code == code, ended
    once(vendor.got, [] if code else mailing.people)
    if code:
        assert f"--confirm {count}" in ended.err
