"""What Teams takes of a card: version 1.5 of https://adaptivecards.io/explorer (read 2026-11).

The message may measure 28 KB where Teams keeps it, and there the card is a string in JSON.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

MOST = 28 << 10  # bytes
ADAPTIVE = "application/vnd.microsoft.card.adaptive"
NEWEST = (1, 5)
_DEEPEST = 40

Rule = type | tuple[str, ...] | str
_BOOL: Rule = bool
_ALIGN = ("left", "center", "right")
_VERTICAL = ("top", "center", "bottom")
_SPACING = ("default", "none", "small", "medium", "large", "extraLarge", "padding")
_COLORS = ("default", "dark", "light", "accent", "good", "warning", "attention")
_SIZES = ("default", "small", "medium", "large", "extraLarge")
_WEIGHTS = ("default", "lighter", "bolder")
_FONTS = ("default", "monospace")
_STYLES = ("default", "emphasis", "good", "attention", "warning", "accent")
_HEIGHTS = ("auto", "stretch")

# A rule is a type, the words that are allowed (in any case), or what stands inside: "element",
# "action", "any", or a list of a kind, as "Fact*". A name with "!" must be there.
_ITEM: dict[str, Rule] = {"id": str, "isVisible": _BOOL, "requires": "any", "fallback": "any",
                          "separator": _BOOL, "spacing": _SPACING, "height": _HEIGHTS}  # fmt: skip
_WORDS: dict[str, Rule] = {"color": _COLORS, "fontType": _FONTS, "isSubtle": _BOOL, "size": _SIZES,
                           "weight": _WEIGHTS}  # fmt: skip
_BOX: dict[str, Rule] = {"selectAction": "action", "style": _STYLES, "bleed": _BOOL,
                         "verticalContentAlignment": _VERTICAL, "backgroundImage": "any",
                         "minHeight": str, "rtl": _BOOL}  # fmt: skip
_INPUT: dict[str, Rule] = {**_ITEM, "id!": str, "label": str, "isRequired": _BOOL,
                           "errorMessage": str}  # fmt: skip
_TYPED: dict[str, Rule] = {**_INPUT, "placeholder": str}
_TABLE: dict[str, Rule] = {"horizontalCellContentAlignment": _ALIGN,
                           "verticalCellContentAlignment": _VERTICAL}  # fmt: skip
_ACT: dict[str, Rule] = {"title": str, "iconUrl": str, "id": str, "fallback": "any",
                         "style": ("default", "positive", "destructive"), "tooltip": str,
                         "isEnabled": _BOOL, "mode": ("primary", "secondary"),
                         "requires": "any"}  # fmt: skip
ELEMENTS: dict[str, dict[str, Rule]] = {
    "TextBlock": {**_ITEM, **_WORDS, "text!": str, "wrap": _BOOL, "maxLines": int,
                  "horizontalAlignment": _ALIGN,
                  "style": ("default", "heading", "columnHeader")},
    "RichTextBlock": {**_ITEM, "inlines!": "TextRun*", "horizontalAlignment": _ALIGN},
    "Image": {**_ITEM, "url!": str, "altText": str, "backgroundColor": str, "width": str,
              "height": str, "horizontalAlignment": _ALIGN, "selectAction": "action",
              "size": ("auto", "stretch", "small", "medium", "large"),
              "style": ("default", "person")},
    "ImageSet": {**_ITEM, "images!": "Image*",
                 "imageSize": ("auto", "stretch", "small", "medium", "large")},
    "Media": {**_ITEM, "sources!": "MediaSource*", "poster": str, "altText": str},
    "Container": {**_ITEM, **_BOX, "items!": "element*"},
    "ColumnSet": {**_ITEM, "columns": "Column*", "selectAction": "action", "style": _STYLES,
                  "bleed": _BOOL, "minHeight": str, "horizontalAlignment": _ALIGN},
    "FactSet": {**_ITEM, "facts!": "Fact*"},
    "ActionSet": {**_ITEM, "actions!": "action*"},
    "Table": {**_ITEM, **_TABLE, "columns": "TableColumnDefinition*", "rows": "TableRow*",
              "firstRowAsHeader": _BOOL, "showGridLines": _BOOL, "gridStyle": _STYLES},
    "Input.Text": {**_TYPED, "isMultiline": _BOOL, "maxLength": int, "regex": str, "value": str,
                   "style": ("text", "tel", "url", "email", "password"), "inlineAction": "action"},
    "Input.Number": {**_TYPED, "max": int, "min": int, "value": int},
    "Input.Date": {**_TYPED, "max": str, "min": str, "value": str},
    "Input.Time": {**_TYPED, "max": str, "min": str, "value": str},
    "Input.Toggle": {**_INPUT, "title!": str, "value": str, "valueOff": str, "valueOn": str,
                     "wrap": _BOOL},
    "Input.ChoiceSet": {**_TYPED, "choices": "Input.Choice*", "isMultiSelect": _BOOL, "value": str,
                        "style": ("compact", "expanded", "filtered"), "wrap": _BOOL},
}  # fmt: skip
ACTIONS: dict[str, dict[str, Rule]] = {
    "Action.OpenUrl": {**_ACT, "url!": str},
    "Action.ShowCard": {**_ACT, "card": "AdaptiveCard"},
    "Action.ToggleVisibility": {**_ACT, "targetElements!": "any"},
    "Action.Submit": {**_ACT, "data": "any", "associatedInputs": ("auto", "none")},
    "Action.Execute": {**_ACT, "verb": str, "data": "any", "associatedInputs": ("auto", "none")},
}
_PARTS: dict[str, dict[str, Rule]] = {
    "Fact": {"title!": str, "value!": str},
    "TextRun": {**_WORDS, "text!": str, "highlight": _BOOL, "italic": _BOOL, "underline": _BOOL,
                "strikethrough": _BOOL, "selectAction": "action"},
    "MediaSource": {"mimeType!": str, "url!": str},
    "Input.Choice": {"title!": str, "value!": str},
    "Column": {**_ITEM, **_BOX, "items": "element*", "width": "any"},
    "TableColumnDefinition": {**_TABLE, "width": "any"},
    "TableRow": {**_TABLE, "cells": "TableCell*", "style": _STYLES},
    "TableCell": {**_BOX, "items!": "element*"},
    "AdaptiveCard": {"version": str, "body": "element*", "actions": "action*", "$schema": str,
                     "selectAction": "action", "fallbackText": str, "backgroundImage": "any",
                     "minHeight": str, "rtl": _BOOL, "speak": str, "lang": str,
                     "verticalContentAlignment": _VERTICAL, "refresh": "any",
                     "authentication": "any", "msteams": "any"},
}  # fmt: skip


def problems(message: dict[str, Any]) -> Iterator[str]:
    """Yield why the flow fails on a message, if it does."""
    if message.get("type") != "message":
        yield "type must be message"
    attachments = message.get("attachments")
    if not isinstance(attachments, list) or not attachments:
        yield "attachments must be an array with a card"
        return
    for one in attachments:
        if not isinstance(one, dict) or one.get("contentType") != ADAPTIVE:
            yield f"contentType must be {ADAPTIVE}"
        else:
            yield from _card(one.get("content"))
    if size(message) > MOST:
        yield f"the message has {size(message)} bytes, more than {MOST}"


def size(message: dict[str, Any]) -> int:
    """Return the bytes of a message where Teams keeps it."""
    held = {"cards": json.dumps(message.get("attachments"), ensure_ascii=False)}
    return len(json.dumps(held, ensure_ascii=False).encode())


def plain(message: dict[str, Any]) -> str:
    """Return the words of the cards, for the inbox."""
    return "\n".join(filter(None, _words(message.get("attachments"))))


def _words(node: Any) -> Iterator[str]:
    if isinstance(node, list):
        for one in node:
            yield from _words(one)
    elif isinstance(node, dict):
        if isinstance(node.get("text"), str):
            yield node["text"]
        elif isinstance(node.get("value"), str):
            yield f"{node.get('title', '')} {node['value']}".strip()
        for name, inner in node.items():
            if isinstance(inner, dict | list) and name != "msteams":
                yield from _words(inner)


def _card(found: Any) -> Iterator[str]:
    if not isinstance(found, dict) or found.get("type") != "AdaptiveCard":
        yield "content must be an AdaptiveCard"
        return
    version = re.fullmatch(r"(\d{1,3})\.(\d{1,3})", str(found.get("version")))
    if not version:
        yield "the card has no version"
    elif (int(version[1]), int(version[2])) > NEWEST:
        yield f"version {version[0]} is newer than 1.5, which Teams shows"
    yield from _object(found, _PARTS["AdaptiveCard"], "card", 0)
    if str(found).count("<at>") > len(_mentions(found)):
        yield "a mention has no entity"


def _mentions(found: dict[str, Any]) -> list[Any]:
    teams = found.get("msteams")
    entities = teams.get("entities") if isinstance(teams, dict) else None
    return [one for one in entities if isinstance(one, dict)] if isinstance(entities, list) else []


def _object(found: dict[str, Any], rules: dict[str, Rule], where: str, deep: int) -> Iterator[str]:
    if deep > _DEEPEST:
        yield f"{where} is nested too deep"
        return
    for name in rules:
        if name.endswith("!") and found.get(name[:-1]) is None:
            yield f"{where} lacks {name[:-1]}"
    for name, value in found.items():
        rule = rules.get(f"{name}!", rules.get(name))
        if name == "type" or (value is None and rule):
            continue
        if rule is None:
            yield f"{where} has no {name}"
        else:
            yield from _value(value, rule, f"{where}.{name}", deep)


def _value(value: Any, rule: Rule, where: str, deep: int) -> Iterator[str]:
    if isinstance(rule, tuple):
        if not isinstance(value, str) or value.lower() not in map(str.lower, rule):
            yield f"{where} is none of {', '.join(rule)}"
    elif isinstance(rule, type):
        if not _is(value, rule):
            yield f"{where} must be {rule.__name__}"
    elif not rule.endswith("*"):
        yield from _kind(value, rule, where, deep + 1) if rule != "any" else ()
    elif not isinstance(value, list):
        yield f"{where} must be an array"
    else:
        for number, one in enumerate(value):
            yield from _kind(one, rule[:-1], f"{where}[{number}]", deep + 1)


def _is(value: Any, kind: type) -> bool:
    if kind is int:  # a number, whatever it is written like
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, kind)


def _kind(value: Any, kind: str, where: str, deep: int) -> Iterator[str]:
    """Yield what is wrong with something that must be of a kind; a run may be plain text."""
    if kind == "TextRun" and isinstance(value, str):
        return
    if not isinstance(value, dict):
        yield f"{where} must be an object"
        return
    known = {"element": ELEMENTS, "action": ACTIONS}.get(kind)
    named = value.get("type", "" if known else kind)
    if known is None and kind in ELEMENTS:  # images in a set
        known = {kind: ELEMENTS[kind]}
    if known is None:
        known = {kind: _PARTS[kind]}
    if not isinstance(named, str) or named not in known:
        yield f"{where} has the unknown type {str(named)[:40]!r}"
    else:
        yield from _object(value, known[named], where, deep)
