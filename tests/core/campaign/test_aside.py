"""A list that is read by a second process is the same list, and nobody is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from mktool.core.campaign.aside import aside
from mktool.errors import InvalidInput, MktoolError

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")

FOREVER = """
import os, sys, time
from mktool.core.campaign.aside import aside

def items():
    print(os.getpid(), flush=True)
    while True:
        yield b"." * 100_000

for _ in aside(items()):
    time.sleep(0.01)
"""


def test_what_is_made_there_arrives_here_in_order() -> None:
    assert list(aside(iter([[n] * n for n in range(500)]))) == [[n] * n for n in range(500)]


@pytest.mark.parametrize("error", [InvalidInput("line 3: odd", hint="mend it"), ValueError("odd")])
def test_what_is_raised_there_is_raised_here(error: Exception) -> None:
    def items() -> Iterator[int]:
        yield 1
        raise error

    made = aside(items())
    assert next(made) == 1
    with pytest.raises(MktoolError, match="odd") as raised:
        next(made)
    assert raised.value.hint == getattr(error, "hint", "")


def test_a_process_that_was_killed_is_told_from_one_that_is_done() -> None:
    def items() -> Iterator[int]:
        yield os.getpid()
        time.sleep(60)

    made = aside(items())
    os.kill(next(made), signal.SIGKILL)
    with pytest.raises(MktoolError, match="was killed; nothing was sent"):
        next(made)


def test_who_stops_early_waits_for_nobody() -> None:
    def items() -> Iterator[int]:
        while True:
            yield os.getpid()

    made = aside(items())
    pid = next(made)
    made.close()  # type: ignore[attr-defined]
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_it_ends_with_the_process_it_works_for(number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", FOREVER], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as program:
        assert program.stdout is not None
        pid = int(program.stdout.readline())
        program.send_signal(number)
        program.wait(10)
        for _ in range(500):
            try:
                os.kill(pid, 0)
            except ProcessLookupError:
                return
            time.sleep(0.01)
        os.kill(pid, signal.SIGKILL)
        pytest.fail("it goes on alone")
