"""The sandbox's rules for cards against the schema of Adaptive Cards."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft6Validator

from mktool.sandbox.vendors.teams import card
from tests.conformance import specs

TEXT = {"type": "TextBlock", "text": "Hello", "wrap": True, "weight": "Bolder", "size": "Large"}
URL = "https://a.example/"
LINK = {"type": "Action.OpenUrl", "title": "Open", "url": URL}
COLUMN = {"type": "Column", "items": [TEXT], "width": "stretch"}
CELL = {"type": "TableCell", "items": [TEXT]}
RUN = {"type": "TextRun", "text": "a", "italic": True, "strikethrough": True}
FITTING: list[Any] = [
    TEXT,
    {"type": "RichTextBlock", "inlines": ["plain", RUN]},
    {"type": "FactSet", "facts": [{"title": "Owner", "value": "Ann"}], "separator": True},
    {"type": "Container", "items": [TEXT], "style": "emphasis", "bleed": True},
    {"type": "ColumnSet", "columns": [COLUMN, COLUMN], "spacing": "Medium"},
    {"type": "Image", "url": URL, "altText": "a", "size": "Small", "style": "Person"},
    {"type": "ImageSet", "images": [{"type": "Image", "url": URL}], "imageSize": "Medium"},
    {"type": "ActionSet", "actions": [LINK]},
    {"type": "Table", "columns": [{"width": 1}], "rows": [{"type": "TableRow", "cells": [CELL]}]},
    {"type": "Media", "sources": [{"mimeType": "video/mp4", "url": URL}]},
    {"type": "Input.Text", "id": "a", "label": "A", "isMultiline": True},
]
BROKEN: list[Any] = [
    {"type": "TextBlock"},
    {"type": "TextBlock", "text": 5},
    {"type": "TextBlock", "text": "a", "color": "red"},
    {"type": "TextBlock", "text": "a", "bold": True},
    {"type": "RichTextBlock"},
    {"type": "RichTextBlock", "inlines": [{"type": "TextRun"}]},
    {"type": "FactSet", "facts": [{"title": "Owner"}]},
    {"type": "Container"},
    {"type": "Container", "items": [{"type": "Nothing"}]},
    {"type": "ColumnSet", "columns": [{"type": "Column", "items": [{"type": "Image"}]}]},
    {"type": "Image"},
    {"type": "ImageSet", "images": [TEXT]},
    {"type": "ActionSet", "actions": [{"type": "Action.OpenUrl"}]},
    {"type": "Table", "rows": [{"type": "TableRow", "cells": [{"type": "TableCell"}]}]},
    {"type": "Input.Text", "label": "A"},
    {"type": "Heading", "text": "a"},
]


def whole(*body: Any, **more: Any) -> dict[str, Any]:
    return {"type": "AdaptiveCard", "version": "1.5", "body": list(body), **more}


def wrong(content: dict[str, Any]) -> list[str]:
    attachment = {"contentType": card.ADAPTIVE, "content": content}
    return list(card.problems({"type": "message", "attachments": [attachment]}))


@pytest.fixture(scope="module")
def schema() -> Draft6Validator:
    return Draft6Validator(specs.load("microsoft-teams", "adaptive-card-1.5.0.schema.json"))


@pytest.mark.parametrize("element", FITTING, ids=lambda e: e["type"])
def test_what_fits_the_schema_is_posted(schema: Draft6Validator, element: Any) -> None:
    content = whole(element, actions=[LINK])
    assert list(schema.iter_errors(content)) == []
    assert wrong(content) == []


@pytest.mark.parametrize("element", BROKEN, ids=str)
def test_what_breaks_the_schema_is_not(schema: Draft6Validator, element: Any) -> None:
    content = whole(element)
    assert not schema.is_valid(content)
    assert wrong(content) != []


def test_every_element_and_action_is_known() -> None:
    known = specs.load("microsoft-teams", "adaptive-card-1.5.0.schema.json")["definitions"]
    for kind, rules in {**card.ELEMENTS, **card.ACTIONS}.items():
        members = set(known[kind]["properties"]) - {"type"}
        assert {name.rstrip("!") for name in rules} <= members | {"rtl", "requires"}, kind
    kinds = {name for name in known if name.startswith("Action.")}
    assert kinds == card.ACTIONS.keys()
