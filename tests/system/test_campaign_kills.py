"""
`kill -9` of a campaign at any instant, then the same command until it is complete.

Vendors differ in what can be found out afterwards: one remembers a key, one can be asked, some can
do neither. ``MKTOOL_KILLS`` is how many kills are made over all (default 40); their instants
follow a fixed sequence.
"""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from pathlib import Path

import pytest

from mktool.sandbox.faults import Faults
from mktool.sandbox.server import Sandbox
from tests.system.clock import Clock
from tests.system.program import Program
from tests.system.recorder import Recorder
from tests.system.sending import (
    LOGINS,
    MAIL,
    Mailing,
    emails,
    nobody_twice_or_lost,
    once,
    phones,
)

KILLS = int(os.environ.get("MKTOOL_KILLS", "40"))
LATENCY = 0.05


def share(tenths: int) -> int:
    return max(2, KILLS * tenths // 10)


@pytest.fixture
def vendor(vendor: Recorder) -> Recorder:
    """The recording vendor, slow enough to be killed at."""
    vendor.latency = LATENCY
    return vendor


def kill(mailing: Mailing, vendor: Recorder | Sandbox, chance: random.Random, most: int) -> int:
    """Kill up to ``most`` runs, most of them while they send; return how many were under way."""
    for kills in range(most):
        if not mailing.killed(vendor, chance.uniform(0, 0.12), sending=chance.random() < 0.8):
            return kills
    return most


def test_a_vendor_that_remembers_keys_reaches_everybody_once(
    vendor: Recorder, sender: Program, tmp_path: Path
) -> None:
    chance, left = random.Random(1), share(3)
    while left > 0:
        people = emails(3000, tag=f"left-{left}-")
        mailing = Mailing(sender, tmp_path, "resend", f"launch-{left}", people=people)
        vendor.got.clear()
        left -= kill(mailing, vendor, chance, left)
        mailing.until_complete()
        once(vendor.got, people)
        assert set(mailing.outcomes().values()) == {"sent"}


def test_a_vendor_that_can_be_asked_reaches_everybody_once(
    vendor: Recorder, sender: Program, tmp_path: Path
) -> None:
    chance, kills = random.Random(2), share(2)
    people = phones(250 * kills)
    mailing = Mailing(sender, tmp_path, "twilio", lines="concurrency = 2\n", people=people)
    assert kill(mailing, vendor, chance, kills) == kills
    vendor.latency = 0
    ended = mailing.until_complete(tries=1)  # it waits until nothing can arrive any more
    assert ended.code == 0
    once(vendor.got, people)
    assert set(mailing.outcomes().values()) == {"sent"}


def test_killed_while_it_asks_and_while_it_sends_what_is_missing(
    vendor: Recorder, sender: Program, tmp_path: Path
) -> None:
    """The wait before a vendor is asked is ten times as short here."""
    chance, people = random.Random(7), phones(700)
    fast = Clock(tmp_path).on(sender, speed=10)
    mailing = Mailing(fast, tmp_path, "twilio", lines="concurrency = 2\n", people=people)
    assert mailing.killed(vendor, 0.1, sending=True)
    for _ in range(max(4, KILLS // 20)):
        mailing.killed(vendor, chance.uniform(0.5, 4), sending=False)
    vendor.latency = 0
    mailing.until_complete(tries=1)
    once(vendor.got, people)
    assert set(mailing.outcomes().values()) == {"sent"}


def test_a_vendor_that_can_do_neither_reaches_nobody_twice_and_the_unknown_are_listed(
    vendor: Recorder, sender: Program, tmp_path: Path
) -> None:
    chance, left, doubts = random.Random(3), share(2), 0
    while left > 0:
        people = emails(20_000, tag=f"left-{left}-")
        mailing = Mailing(
            sender, tmp_path, "sendgrid", f"launch-{left}", "concurrency = 1\n", people
        )
        vendor.got.clear()
        left -= kill(mailing, vendor, chance, min(left, 9))
        mailing.until_complete()
        time.sleep(LATENCY)  # what was on its way when a run was killed
        unknown = nobody_twice_or_lost(vendor.got, people, mailing.outcomes())
        shown = sender.run("campaign", "show", mailing.name, "--unknown", "--json", "-n", "10000")
        assert shown.code == 0, shown
        assert sorted(row["address"] for row in shown.json["data"]["recipients"]) == unknown
        doubts += len(unknown)
    assert doubts


def test_a_mail_server_gives_nobody_two_and_the_unknown_are_listed(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    chance, left = random.Random(4), max(2, KILLS * 15 // 100)
    sender = Program(tmp_path / "home", {**LOGINS, "MKTOOL_SANDBOX": sandbox.url})
    sandbox.world.faults = Faults.parse("slow=5ms:DATA /smtp")
    people = emails(100 * left)
    mailing = Mailing(sender, tmp_path, "smtp", people=people)
    assert kill(mailing, sandbox, chance, left) >= min(left, 2)
    sandbox.world.faults = Faults.parse("")
    mailing.until_complete()
    got = Counter(item.to for item in sandbox.world.inbox.items)
    assert nobody_twice_or_lost(got, people, mailing.outcomes())


@pytest.mark.parametrize(("host", "lines"), [("mailchimp", ""), ("resend", "hosted = true\n")])
def test_a_vendor_that_hosts_campaigns_sends_once_and_to_everybody(
    sandbox: Sandbox, tmp_path: Path, host: str, lines: str
) -> None:
    chance, left = random.Random(5), max(2, KILLS * 15 // 100)
    sandbox.world.faults = Faults.parse("slow=50ms")
    number = 0
    while left > 0:
        number += 1
        sender = Program(tmp_path / f"home-{number}", {**LOGINS, "MKTOOL_SANDBOX": sandbox.url})
        people = emails(1200, tag=f"m{number}-")
        mailing = Mailing(sender, tmp_path, host, f"launch-{number}", lines, people)
        left -= kill(mailing, sandbox, chance, left)
        mailing.until_complete()
        once(Counter(i.to for i in sandbox.world.inbox.items if i.to in set(people)), people)
        assert set(mailing.outcomes().values()) == {"sent"}


def test_every_variant_of_a_test_reaches_its_own(
    vendor: Recorder, sender: Program, tmp_path: Path
) -> None:
    chance, people = random.Random(8), emails(3000)
    mailing = Mailing(sender, tmp_path, "resend", people=people)
    mailing.write(
        MAIL.replace("subject", "preheader") + '[ab]\nsubject = ["One", "Two", "Three"]\n'
    )
    assert kill(mailing, vendor, chance, 4) >= 2
    mailing.until_complete()
    once(vendor.got, people)
    got = Counter(mail["subject"] for mail in vendor.mails.values())
    assert set(got) == {"One", "Two", "Three"}
    assert min(got.values()) > 800


def test_who_is_sent_to_again_gets_it_once(
    vendor: Recorder, sender: Program, tmp_path: Path
) -> None:
    """Killed while it sends to those who were refused before."""
    chance = random.Random(6)
    good, bad = emails(600), emails(600, tag="refused")
    people = [address for pair in zip(good, bad, strict=True) for address in pair]
    mailing = Mailing(sender, tmp_path, "resend", people=people)
    assert mailing.run().code == 6
    once(vendor.got, good)
    vendor.refusing = False
    assert mailing.killed(vendor, 0.05, sending=True, more=("--retry", "failed"))
    kill(mailing, vendor, chance, 3)
    mailing.until_complete()
    once(vendor.got, people)
    assert set(mailing.outcomes().values()) == {"sent"}
