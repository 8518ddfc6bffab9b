"""Processes that send: told what to do, and never alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mktool import errors as e
from mktool.core.campaign.job import Job, Start
from mktool.core.campaign.run import Run
from mktool.core.campaign.workers import Workers
from mktool.message import Batch
from mktool.model import Login, Secret
from mktool.store.campaigns import Claim, Recipient, State
from tests.core.campaign.rig import BAD, Answer, Rig, Vendor, delivery
from tests.store.campaign import AT

FOREVER = """
import sys, time
from pathlib import Path
from mktool.core.campaign.workers import Workers
from tests.core.campaign.rig import Rig, Vendor, delivery
from tests.core.campaign.test_workers import ONE, job, run

rig = Rig(Path(sys.argv[1]), Vendor(), delivery())
with rig.session() as session:
    crew = Workers(session, run(rig), 2)
    for number in (1, 2):
        crew.prepare(number, job(number, "ada"), ONE)
    print(*[worker.pid for worker in crew.workers], flush=True)
    time.sleep(60)
"""

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
ONE, OTHER = (Login({}, {"api_key": Secret(key)}) for key in ("one", "other"))


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """What the vendor was sent, a line each: the vendor is in other processes."""
    return tmp_path / "log"


@pytest.fixture
def rig(tmp_path: Path, log: Path) -> Rig:
    def answer(batch: Batch) -> Answer:
        with log.open("a") as file:
            file.write("".join(f"{os.getpid()} {batch.key} {m.to}\n" for m in batch.messages))
        return BAD if batch.messages[0].to == "bad@acme.example" else None

    return Rig(tmp_path, Vendor(answer), delivery())


@pytest.fixture
def crew(rig: Rig) -> Iterator[Workers]:
    with rig.session() as session:
        made = Workers(session, run(rig), 2)
        session.exchange.reopen = lambda: None  # type: ignore[method-assign]
        yield made
        made.close()


def run(rig: Rig) -> Run:
    return Run(1, "t", rig.delivery, rig.courses(), concurrency=2)


def job(number: int, *names: str) -> Job:
    people = [Recipient(number * 10 + at, f"{name}@acme.example", None)
              for at, name in enumerate(names)]  # fmt: skip
    return Job(Claim(0, number * 10, number * 10 + 9, None, False, 0, 0.0), people)


def started(number: int, **more: frozenset[int]) -> Start:
    claim = Claim(number, number * 10, number * 10 + 9, None, False, 1, AT)
    return Start(claim, f"t-{number}", **more)


def until(found: Callable[[], object]) -> None:
    end = time.monotonic() + 10
    while not found():
        assert time.monotonic() < end
        time.sleep(0.01)


def lines(log: Path) -> list[list[str]]:
    return [line.split() for line in log.read_text().splitlines()] if log.exists() else []


def test_what_is_prepared_waits_for_its_word(crew: Workers, log: Path) -> None:
    for number in (1, 2, 3):
        crew.prepare(number, job(number, "ada", "bob"), ONE)
    crew.start(2, started(2))
    ((number, done),) = crew.landed(10)
    assert (number, done.left, done.error) == (2, False, None)
    assert [outcome.vendor for outcome in done.outcomes] == ["id-20", "id-21"]
    assert crew.landed(0.2) == []
    assert [line[1:] for line in lines(log)] == [["t-2", "ada@acme.example"],
                                                 ["t-2", "bob@acme.example"]]  # fmt: skip


def test_the_work_is_shared(crew: Workers, log: Path) -> None:
    for number in range(4):
        crew.prepare(number, job(number, "ada"), ONE)
        crew.start(number, started(number))
    ended = dict[int, object]()
    while len(ended) < 4:
        ended.update(crew.landed(10))
    assert Counter(Counter(pid for pid, *_ in lines(log)).values()) == {2: 2}


def test_who_was_suppressed_meanwhile_is_left_out(crew: Workers, log: Path) -> None:
    crew.prepare(1, job(1, "ada", "bob", "eve"), ONE)
    crew.start(1, started(1, without=frozenset({11})))
    ((_, done),) = crew.landed(10)
    assert (done.size, [outcome.seq for outcome in done.outcomes]) == (2, [10, 12])
    assert [line[2] for line in lines(log)] == ["ada@acme.example", "eve@acme.example"]


def test_an_error_of_the_vendor_arrives_as_it_is(crew: Workers) -> None:
    crew.prepare(1, job(1, "bad"), ONE)
    crew.start(1, started(1))
    ((_, done),) = crew.landed(10)
    ((seq, state, _, _, text),) = done.outcomes
    assert (seq, state, text) == (10, State.FAILED, BAD.message)


def test_nothing_begins_after_a_halt(crew: Workers, log: Path) -> None:
    crew.prepare(1, job(1, "ada"), ONE)
    crew.halt()
    crew.start(1, started(1))
    ((_, done),) = crew.landed(10)
    assert done.left
    assert lines(log) == []


def test_a_newer_login_has_newer_processes(crew: Workers, log: Path) -> None:
    """It is never written to a pipe: a process has the one it was forked with."""
    for number, login in enumerate((ONE, ONE, OTHER, OTHER)):
        crew.prepare(number, job(number, "ada"), login)
    for number in range(4):
        crew.start(number, started(number))
    ended = dict[int, object]()
    while len(ended) < 4:
        ended.update(crew.landed(10))
    before = {pid for pid, key, _ in lines(log) if key in ("t-0", "t-1")}
    after = {pid for pid, key, _ in lines(log) if key in ("t-2", "t-3")}
    assert not before & after
    crew.prepare(9, job(9, "ada"), OTHER)  # the old ones have nothing to do any more
    until(lambda: not any(alive(int(pid)) for pid in before))


def test_one_that_is_killed_ends_the_run(crew: Workers, log: Path) -> None:
    crew.prepare(1, job(1, "ada"), ONE)
    crew.start(1, started(1))
    crew.landed(10)
    os.kill(int(lines(log)[0][0]), signal.SIGKILL)
    with pytest.raises(e.Interrupted, match="in doubt"):
        crew.landed(10)


def test_one_that_was_stopped_is_not_waited_for(crew: Workers) -> None:
    crew.prepare(1, job(1, "ada"), ONE)
    (worker,) = crew.workers
    os.kill(worker.pid, signal.SIGSTOP)
    crew.close()
    assert not alive(worker.pid)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_they_end_with_the_process_they_work_for(tmp_path: Path, number: signal.Signals) -> None:
    """Whatever they sent after that, nobody would be told."""
    with subprocess.Popen(
        [sys.executable, "-c", FOREVER, str(tmp_path)],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    ) as program:  # fmt: skip
        assert program.stdout is not None
        pids = [int(pid) for pid in program.stdout.readline().split()]
        assert len(pids) == 2
        program.send_signal(number)
        program.wait(10)
        until(lambda: not any(map(alive, pids)))


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
