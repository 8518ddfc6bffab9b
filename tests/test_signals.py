"""Ctrl-C at the two ends of a command, where Python raises it badly."""

from __future__ import annotations

import signal
import subprocess
import sys

# Python swallows what is raised in such a callback, as it has them amid every import.
AMID = """
import os, signal, sys, time, weakref
import mktool.__main__ as program

class Module: ...

def callback(_):
    os.kill(os.getpid(), signal.SIGINT)
    for _ in range(1000):
        pass

def run(argv):
    module = Module()
    watched = weakref.ref(module, callback)
    del module
    time.sleep(30)
    return 0

program._run = run
program.main()
"""
LATE = """
import os, signal, sys
import mktool.__main__ as program

class Slow:
    def flush(self):
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(1000):
            pass

def run(argv):
    sys.stdout = Slow()
    return 7

program._run = run
program.main()
"""


def ran(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=20, check=False
    )


def test_one_that_python_swallows_comes_again() -> None:
    ended = ran(AMID)
    assert ended.returncode == 128 + signal.SIGINT
    assert ended.stderr == "error: stopped; what had gone out is on record\n"


def test_one_after_all_was_said_changes_nothing() -> None:
    ended = ran(LATE)
    assert (ended.returncode, ended.stderr) == (7, "")
