"""A sandbox of its own for each test, and the program pointed at it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mktool.sandbox.server import Sandbox
from tests.secret_service import secret_service
from tests.system.program import CREDENTIALS, Program
from tests.system.recorder import Recorder
from tests.system.sending import LOGINS

__all__ = ["secret_service"]


PLENTY = dict.fromkeys(("POST /2/tweets", "GET /2/users/me", "GET /2/users/tweets"), 100_000)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(approve=True, limits=PLENTY) as running:
        yield running


@pytest.fixture
def program(sandbox: Sandbox, tmp_path: Path) -> Program:
    """mktool with credentials for the sandbox in its environment."""
    environ = {**CREDENTIALS, "MKTOOL_SANDBOX": sandbox.url}
    return Program(tmp_path / "home", environ)


@pytest.fixture
def vendor() -> Iterator[Recorder]:
    """A vendor of campaigns that only records."""
    with Recorder() as running:
        yield running


@pytest.fixture
def sender(vendor: Recorder, tmp_path: Path) -> Program:
    """mktool with accounts at that vendor."""
    return Program(tmp_path / "home", {**LOGINS, "MKTOOL_SANDBOX": vendor.url})
