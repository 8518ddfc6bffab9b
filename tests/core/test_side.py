"""The same work for several accounts, and how Ctrl-C ends it."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest

from mktool.core.settings import Settings
from mktool.core.side import each, stopping
from mktool.errors import Interrupted, InvalidInput
from mktool.store.config import Config
from tests.peers import answers, python


@pytest.fixture
def settings() -> Settings:
    from pathlib import Path

    return Settings(Config(Path("none.toml")))


def test_results_are_in_order_and_made_side_by_side(settings: Settings) -> None:
    meeting = threading.Barrier(3, timeout=5)

    def work(number: int) -> int:
        meeting.wait()
        time.sleep(0.05 * (3 - number))
        return number * number

    assert each(settings, work, [0, 1, 2]) == [0, 1, 4]
    assert each(settings, work, []) == []


def test_a_failure_is_raised_when_all_have_ended(settings: Settings) -> None:
    ended: list[int] = []

    def work(number: int) -> None:
        if number == 1:
            raise InvalidInput("the second")
        time.sleep(0.1)
        ended.append(number)

    with pytest.raises(InvalidInput, match="the second"):
        each(settings, work, [0, 1, 2])
    assert sorted(ended) == [0, 2]


def test_a_failure_says_more_than_an_interruption(settings: Settings) -> None:
    def work(number: int) -> None:
        raise Interrupted("stopped") if number == 0 else InvalidInput("wrong")

    with pytest.raises(InvalidInput):
        each(settings, work, [0, 1])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_ends_waits_and_begins_nothing(
    number: signal.Signals, settings: Settings
) -> None:
    done: list[str] = []

    def work(name: str) -> None:
        threading.Timer(0.1, os.kill, (os.getpid(), number)).start()
        time.sleep(0.4)  # on the wire: not torn
        done.append(name)
        with pytest.raises(Interrupted):
            settings.breathe()
        settings.sleep(60)

    with pytest.raises(Interrupted):
        each(settings, work, ["one"])
    assert done == ["one"]


def test_the_second_signal_stops_at_once(settings: Settings) -> None:
    before = signal.getsignal(signal.SIGINT)

    def interrupted_twice() -> None:
        with stopping(settings):
            os.kill(os.getpid(), signal.SIGINT)
            assert settings.stop.wait(5)
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(5)

    with pytest.raises(KeyboardInterrupt):
        interrupted_twice()
    assert signal.getsignal(signal.SIGINT) is before


AMID = """
import signal, time
from mktool.core.settings import Stop

stop = Stop()
signal.signal(signal.SIGALRM, lambda *_: stop.set())
signal.setitimer(signal.ITIMER_REAL, 0.0001, 0.0001)
end = time.monotonic() + 1
while time.monotonic() < end:
    stop.set()
    stop.wait(0)
signal.setitimer(signal.ITIMER_REAL, 0)
print("done", flush=True)
"""


def test_a_signal_may_come_while_one_is_heeded() -> None:
    """With a lock of its own, as an `Event` has, it would wait for itself for ever."""
    assert answers([python(AMID)], timeout=20) == ["done"]


def test_a_word_ends_every_wait(settings: Settings) -> None:
    assert not settings.stop.wait(0.01)
    ended = list[bool]()
    threads = [
        threading.Thread(target=lambda: ended.append(settings.stop.wait(20))) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    settings.stop.set()
    for thread in threads:
        thread.join(10)
    assert ended == [True] * 3
    assert settings.stop.wait(0)
