"""The campaign of the README, typed as it stands there, at a sandbox."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from pathlib import Path

import pytest

from mktool.sandbox import vendors
from tests.box import Box
from tests.cli.conftest import Mktool

README = Path(__file__).resolve().parents[2] / "README.md"
PEOPLE = 1000
# What a line ends with that is not 0: there is nobody to type the number, and all has gone out.
CODES = {"send-campaign launch.toml": 2, "campaign pause launch": 2, "campaign cancel launch": 2}


def section(title: str) -> str:
    text = README.read_text(encoding="utf-8")
    (found,) = re.findall(rf"^## {title}\n(.+?)^## ", text, re.MULTILINE | re.DOTALL)
    return str(found)


def commands(text: str) -> list[list[str]]:
    """Return the lines of the code blocks, without ``mktool`` and the comment."""
    typed = re.findall(r"^ {4}mktool (.+)", text, re.MULTILINE)
    return [shlex.split(line, comments=True) for line in typed]


def test_the_campaign_of_the_readme(
    box: Box, mktool: Mktool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = section("Campaigns")
    (toml,) = re.findall(r"```toml\n(.+?)```", text, re.DOTALL)
    (provider,) = re.findall(r'^provider = "(.+)"', toml, re.MULTILINE)
    for name, value in vendors.load(provider).environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv(f"MKTOOL_{provider.upper()}_REQUESTS_PER_SECOND", "1000")
    monkeypatch.setenv("CI", "1")
    monkeypatch.chdir(tmp_path)
    init, *rest = commands(text)
    assert mktool(*init).code == 0
    (tmp_path / "launch.toml").write_text(toml)
    people = (f"{n},reader{n}@acme.example,Reader {n},NL,pro\n" for n in range(PEOPLE))
    (tmp_path / "people.csv").write_text("id,email,first_name,country,plan\n" + "".join(people))

    (tmp_path / "bodies.jsonl").write_text("[]")
    ended = {line: mktool(*line.split()) for line in map(" ".join, rest)}
    assert {line: ran.code for line, ran in ended.items()} == dict.fromkeys(ended, 0) | CODES
    sent = Counter(item.to for item in box.items)
    assert set(sent.values()) == {1}
    assert len(sent) == PEOPLE + len(["me@acme.example"])
    assert ["sent", str(PEOPLE), "", ""] in ended["campaign report launch --revenue 4000"].rows
    assert len((tmp_path / "launch.csv").read_text().splitlines()) == PEOPLE + 1
