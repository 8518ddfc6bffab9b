"""The values of Zoho CRM's fields, as its JSON has them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from ..records import Values, number_of


class Column(NamedTuple):
    """A field of a module; ``json`` is the type of its values, ``unique`` says if none is twice,
    ``writable`` if it is written by calls at all."""

    name: str
    type: str
    json: str
    unique: bool = False
    writable: bool = True


def typed(columns: Mapping[str, Column], values: Values) -> dict[str, Any]:
    """Return texts as the JSON values that their fields have."""
    return {n: None if v is None else _typed(columns.get(n), v) for n, v in values.items()}


def _typed(column: Column | None, text: str) -> Any:
    kind = column.json if column else ""
    if kind == "boolean" and text.lower() in ("true", "false"):
        return text.lower() == "true"
    if kind in ("integer", "double"):
        number = number_of(text)
        return text if number is None else number
    if kind in ("jsonobject", "jsonarray"):
        return _decoded(text, kind)
    return text


def _decoded(text: str, kind: str) -> Any:
    if text.startswith(("{", "[")):
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return text
    return {"id": text} if kind == "jsonobject" else [text]  # a look-up by id alone; one choice
