"""The cards that Teams is sent, against the schema of Adaptive Cards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft6Validator

from mktool.model import Post
from mktool.providers.teams import Teams
from mktool.report import Block, Export, Report, Span
from tests import reports
from tests.conformance import specs
from tests.conformance.openapi import Vendor, connect

RICH = Export(
    Report("T", link="https://a.example/x", transcript_link="https://a.example/t"),
    (
        Block("heading", (Span("H"),), level=1),
        Block("quote", (Span("q", italic=True),)),
        Block("code", (Span("x\ny"),)),
        Block("divider"),
        Block("number", (Span("one", link="https://a.example"),)),
        Block("todo", (Span("Ada", email="ada@example.com"),)),
    ),
    extra={"mentions": "example.com"},
)


def sent(folder: Path, what: Export | Post) -> list[Any]:
    vendor = Vendor({"/run": {}})
    url = ("webhook_url", "https://prod-1.westeurope.logic.azure.com/run?sig=1")
    teams = connect(Teams, vendor, folder, secret=url)
    if isinstance(what, Post):
        teams.post(what)
    else:
        for piece in teams.pieces(what):
            teams.write(piece, [])
    return [request.json for request in vendor.requests]


@pytest.mark.parametrize("version", ["1.4.0", "1.5.0"])
@pytest.mark.parametrize(
    "what", [*reports.EXPORTS.values(), RICH, Post("*hi*", link="https://a.example")]
)
def test_cards_are_valid(what: Export | Post, version: str, tmp_path: Path) -> None:
    schema = specs.load("microsoft-teams", f"adaptive-card-{version}.schema.json")
    for message in sent(tmp_path, what):
        assert message["type"] == "message"
        (held,) = message["attachments"]
        assert held["contentType"] == "application/vnd.microsoft.card.adaptive"
        card = dict(held["content"])
        del card["msteams"]  # an extension of Teams, which the schema does not know
        Draft6Validator(schema).validate(card)
        assert card["version"] <= version
