"""`mktool` as a person types it: in this process, or in one of its own where that matters."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from mktool.cli.app import run
from tests import box as boxes
from tests.box import Box


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one envelope on stdout."""
        return json.loads(self.out)

    @property
    def rows(self) -> list[list[str]]:
        return [line.split("\t") for line in self.out.splitlines()]


Mktool = Callable[..., Ran]


@pytest.fixture
def mktool(capsys: pytest.CaptureFixture[str]) -> Mktool:
    """Run a command line in this process."""

    def call(*argv: str) -> Ran:
        capsys.readouterr()
        code = run(list(argv))
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return Ran(code, out, err)

    return call


@pytest.fixture
def process() -> Mktool:
    """Run a command line in a process of its own."""

    def call(*argv: str, stdin: str = "", **environ: str) -> Ran:
        ran = subprocess.run(
            [sys.executable, "-m", "mktool", *argv], input=stdin, capture_output=True, text=True,
            check=False, env={**os.environ, **environ}, timeout=60,
        )  # fmt: skip
        assert "Traceback" not in ran.stdout + ran.stderr
        return Ran(ran.returncode, ran.stdout, ran.stderr)

    return call


@pytest.fixture
def box(monkeypatch: pytest.MonkeyPatch) -> Iterator[Box]:
    """A sandbox, and every vendor logged in there by the environment."""
    pytest.importorskip("uvicorn", reason="needs mktool[server]")
    with boxes.box(monkeypatch) as running:
        yield running


@pytest.fixture
def vault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MKTOOL_VAULT", "file")
    monkeypatch.setenv("MKTOOL_VAULT_KEY", base64.b64encode(os.urandom(32)).decode())
