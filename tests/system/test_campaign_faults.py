"""Campaigns in a bad world: failing vendors, clocks that jump, two at once, a full disk, Ctrl-C."""

from __future__ import annotations

import random
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.system.clock import Clock
from tests.system.program import Program, finish
from tests.system.recorder import Recorder
from tests.system.sending import (
    Mailing,
    emails,
    nobody_twice_or_lost,
    once,
    phones,
    wait_until,
)

BROKEN = {"status_503": 0.1, "status_429": 0.1, "cut": 0.1, "drop": 0.05}
DAY, HOUR = 86_400.0, 3_600.0


def requested(vendor: Recorder, count: int = 1) -> None:
    """Wait until so many more requests came."""
    before = vendor.requests
    wait_until(lambda: vendor.requests >= before + count)


# -- vendors that fail, and clocks that jump ---------------------------------------------------


@pytest.mark.parametrize("provider", ["resend", "sendgrid"])
def test_whatever_the_vendor_does_nobody_gets_two(
    vendor: Recorder, sender: Program, tmp_path: Path, provider: str
) -> None:
    """Under failures, kills, and a clock that is a day ahead or an hour behind from run to run."""
    people = emails(2000 if provider == "resend" else 12_000)
    clock, chance = Clock(tmp_path), random.Random(7)
    mailing = Mailing(clock.on(sender), tmp_path, provider, people=people)
    vendor.faults, vendor.latency = BROKEN, 0.02
    for wrong in (0, DAY, -HOUR, DAY, 0, -HOUR):
        clock.set(wrong)
        mailing.killed(vendor, chance.uniform(0, 0.1), sending=True)
    mailing.until_complete(tries=30)
    unknown = nobody_twice_or_lost(vendor.got, people, mailing.outcomes())
    assert bool(unknown) == (provider == "sendgrid")


def test_whom_a_vendor_that_can_be_asked_does_not_have_gets_it(
    vendor: Recorder, sender: Program, tmp_path: Path
) -> None:
    people = phones(300)
    clock = Clock(tmp_path)
    mailing = Mailing(clock.on(sender, speed=10), tmp_path, "twilio", people=people)
    vendor.faults = {"status_503": 0.02, "status_429": 0.05, "cut": 0.01, "drop": 0.01}
    process = mailing.start()
    requested(vendor, 50)
    clock.set(DAY)
    first = finish(process)
    vendor.faults = {}
    clock.set(-HOUR)
    if first.code:
        mailing.until_complete(tries=3)
    once(vendor.got, people)
    assert set(mailing.outcomes().values()) == {"sent"}


def test_a_clock_that_is_set_while_a_campaign_goes_out(
    vendor: Recorder, sender: Program, tmp_path: Path
) -> None:
    people = emails(4000)
    clock = Clock(tmp_path)
    mailing = Mailing(clock.on(sender), tmp_path, "resend", people=people)
    vendor.latency = 0.1
    process = mailing.start()
    for wrong in (DAY, -HOUR, 0.0):
        requested(vendor, 4)
        clock.set(wrong)
    ended = finish(process)
    assert ended.code == 0, ended
    once(vendor.got, people)


# -- two at once -------------------------------------------------------------------------------


def test_the_same_campaign_twice_at_once(vendor: Recorder, sender: Program, tmp_path: Path) -> None:
    people = emails(1000)
    mailing = Mailing(sender, tmp_path, "resend", people=people)
    vendor.taking.clear()
    first = mailing.start()
    wait_until(lambda: vendor.requests)
    second = mailing.run()
    assert second.code == 3, second
    assert f"pid {first.pid}" in second.err
    vendor.taking.set()
    assert finish(first).code == 0
    once(vendor.got, people)


def test_two_campaigns_on_one_ledger(vendor: Recorder, sender: Program, tmp_path: Path) -> None:
    vendor.latency = 0.02
    mailings = [
        Mailing(sender, tmp_path, provider, provider, people=emails(3000, tag=provider))
        for provider in ("resend", "sendgrid")
    ]
    for process in [mailing.start() for mailing in mailings]:
        ended = finish(process)
        assert ended.code == 0, ended
    once(vendor.got, [address for mailing in mailings for address in mailing.people])


def test_whoever_starts_it_together_sends_it_once(
    vendor: Recorder, sender: Program, tmp_path: Path
) -> None:
    mailing = Mailing(sender, tmp_path, "sendgrid", people=emails(3000))
    codes = {finish(process).code for process in [mailing.start() for _ in range(4)]}
    assert 0 in codes
    assert codes <= {0, 3}
    once(vendor.got, mailing.people)


# -- a disk that fills up ----------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)]
    try:
        subprocess.run(mounting, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("only root can mount a file system")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Leave no room at all."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (1 << 16, 1 << 12):
            try:
                while file.write(b"x" * size):
                    pass
            except OSError:
                continue
    return filler


@pytest.mark.parametrize("provider", ["resend", "sendgrid"])
def test_a_disk_that_fills_up(
    vendor: Recorder, sender: Program, tmp_path: Path, small_disk: Path, provider: str
) -> None:
    people = emails(8000)
    program = replace(sender, home=small_disk / "home")
    mailing = Mailing(program, tmp_path, provider, people=people)
    vendor.latency = 0.2
    process = mailing.start()
    requested(vendor, 1)
    filler = fill(small_disk)
    full = finish(process)
    assert full.code == 3, full
    assert "free some" in full.err
    assert mailing.run().code == 3
    sent, vendor.latency = len(vendor.got), 0.0
    assert 0 < sent < len(people)
    filler.unlink()
    mailing.until_complete()
    unknown = nobody_twice_or_lost(vendor.got, people, mailing.outcomes())
    assert bool(unknown) == (provider == "sendgrid")


def test_files_that_may_not_grow(vendor: Recorder, sender: Program, tmp_path: Path) -> None:
    """Stopped by the disk at one size after another, a campaign goes on, and nobody gets two."""
    people = emails(6000)
    mailing = Mailing(sender, tmp_path, "resend", people=people)
    runs = 0
    for size in range(16, 1024, 64):
        runs += 1
        ended = mailing.run(largest=size * 1024)
        if ended.code == 0:
            break
        assert ended.code == 3, ended
        assert "next:" in ended.err
    assert runs > 3
    once(vendor.got, people)


# -- Ctrl-C ------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_lets_what_is_under_way_end(
    vendor: Recorder, sender: Program, tmp_path: Path, number: signal.Signals
) -> None:
    people = emails(20_000)
    mailing = Mailing(sender, tmp_path, "sendgrid", people=people)
    vendor.taking.clear()
    process = mailing.start()
    wait_until(lambda: vendor.requests == 4)  # all that go side by side
    process.send_signal(number)
    time.sleep(0.2)
    assert process.poll() is None
    vendor.taking.set()
    stopped = finish(process)
    assert stopped.code == 130, stopped
    assert "run the same command again" in stopped.err
    assert len(vendor.got) == 4000
    found = mailing.outcomes()
    assert {one for one, state in found.items() if state == "sent"} == set(vendor.got)
    assert sum(state == "pending" for state in found.values()) == 16_000
    assert mailing.run().code == 0
    once(vendor.got, people)


@pytest.mark.parametrize("provider", ["resend", "sendgrid"])
def test_ctrl_c_twice_stops_at_once(
    vendor: Recorder, sender: Program, tmp_path: Path, provider: str
) -> None:
    people = emails(8000)
    mailing = Mailing(sender, tmp_path, provider, people=people)
    vendor.taking.clear()
    process = mailing.start()
    wait_until(lambda: vendor.requests == 4)
    process.send_signal(signal.SIGINT)
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    started = time.monotonic()
    assert finish(process).code == 130
    assert time.monotonic() - started < 5
    vendor.taking.set()
    mailing.until_complete()
    unknown = nobody_twice_or_lost(vendor.got, people, mailing.outcomes())
    assert len(unknown) == (4000 if provider == "sendgrid" else 0)
