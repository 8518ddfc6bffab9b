"""Other programs and processes that tests work with: real ones, or a skip that says why."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import pytest

ROOT = Path(__file__).resolve().parent.parent


def need(*binaries: str) -> None:
    """Skip the calling test unless every program is installed; fail it if MKTOOL_STRICT=1."""
    missing = [name for name in binaries if shutil.which(name) is None]
    if missing:
        absent(f"not installed: {', '.join(missing)}")


def absent(reason: str) -> NoReturn:
    """Skip the calling test because a peer cannot be had; fail it if MKTOOL_STRICT=1."""
    if os.environ.get("MKTOOL_STRICT") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


def python(code: str, *args: str) -> subprocess.Popen[str]:
    """Start another Python that runs ``code``; its output is text in pipes."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *args],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def answer(code: str, *args: str, timeout: float = 60) -> str:
    """Return what another Python prints; fails the test if it exits with an error."""
    return answers([python(code, *args)], timeout=timeout)[0]


def answers(started: list[subprocess.Popen[str]], timeout: float = 60) -> list[str]:
    """Return what each of several processes prints, once all have ended well."""
    ended = [(*process.communicate(timeout=timeout), process.returncode) for process in started]
    assert [code for _, _, code in ended] == [0] * len(ended), [error for _, error, _ in ended]
    return [out.strip() for out, _, _ in ended]
