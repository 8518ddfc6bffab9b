"""The first part of `mktool demo`: it must be able to connect whatever vendor there is."""

from __future__ import annotations

from pathlib import Path

import pytest

from mktool.cli.demo import accounts
from mktool.cli.demo.stage import Stage
from mktool.sandbox import vendors

pytest.importorskip("uvicorn", reason="needs mktool[server]")


def test_every_vendor_is_connected_and_proved(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with Stage(tmp_path) as stage:
        accounts.play(stage)  # each step checks its exit code
    told = capfd.readouterr().out.partition("$ mktool test-integrations\n")[2]
    states = {line.split("\t")[0]: line.split("\t")[1] for line in told.splitlines() if line}
    assert states.keys() == set(vendors.names())
    assert set(states.values()) <= {"ok", "unproven"}
