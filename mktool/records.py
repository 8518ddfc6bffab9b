"""The nouns of records: contacts, deals and their like, on their way in or out. Vendor-free."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from .errors import InvalidInput
from .message import Refusal

Values = Mapping[str, str | None]
"""Field to value. Values are text and exact: 1.10 stays 1.10, dates and ids are as the vendor
writes them, true and false are words, lists and objects are JSON; None is no value."""


def text_of(value: Any) -> str | None:
    """Return the exact text of a JSON value whose fractions are Decimals; None of null.

    Numbers in plain digits (1.0E7 is "10000000"), objects and lists as compact JSON in one form.
    """
    if value is None:
        return None
    if isinstance(value, str):
        text = value.replace("\0", "\ufffd")  # NUL: no table and no list of rows could hold it
        return text if text.isascii() else text.encode(errors="replace").decode()
    if isinstance(value, Mapping | list | tuple):
        return _canonical(value)
    return _scalar(value)


def _scalar(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    adjusted = getattr(value, "adjusted", None)  # of a Decimal: where its first digit stands
    return format(value, "f") if adjusted and abs(adjusted()) < 400 else str(value)


def _canonical(value: Any) -> str:
    import json

    def parts(value: Any) -> str:
        if isinstance(value, Mapping):
            pairs = (f"{parts(str(key))}:{parts(value[key])}" for key in sorted(value))
            return "{" + ",".join(pairs) + "}"
        if isinstance(value, list | tuple):
            return "[" + ",".join(map(parts, value)) + "]"
        if value is None or isinstance(value, str):
            return json.dumps(text_of(value), ensure_ascii=False)
        return _scalar(value)

    try:
        return parts(value)
    except RecursionError:
        raise InvalidInput("a value is nested too deeply to be kept") from None


def number_of(text: str) -> int | float | None:
    """Return the JSON number that is exactly this, or None where there is none.

    None is also for digits that no floating-point number holds: a vendor may take them as text.
    """
    import re
    from decimal import Decimal

    if not re.fullmatch(r"-?\d{1,300}(\.\d{1,300})?([eE][+-]?\d{1,2})?", text, re.ASCII):
        return None
    exact = Decimal(text)
    if exact == exact.to_integral_value():
        return int(exact)
    return float(text) if Decimal(repr(float(text))) == exact else None


class Record(NamedTuple):
    """A record as the vendor has it; ``modified`` is epoch seconds where the vendor dates it.

    ``deleted``: it is gone, and only ``id`` (and perhaps ``modified``) is known.
    """

    id: str
    values: Values
    modified: float | None = None
    deleted: bool = False


class Page(NamedTuple):
    """What one request read. ``next`` is where another process can go on; "" after the last."""

    records: Sequence[Record]
    next: str = ""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be read: all fields that the vendor offers, unless ``fields`` names some.

    ``since`` (epoch seconds, by the vendor's clock): only what was changed or deleted from then
    on. ``cursor`` is a `Page.next` of an earlier run with the same wish.
    """

    fields: tuple[str, ...] = ()
    since: float | None = None
    cursor: str = ""


class Row(NamedTuple):
    """A record to be written: changed if it has an ``id``, else made (or, where the vendor
    upserts, found by its key). ``seq`` numbers the rows of a push from 1."""

    seq: int
    values: Values
    id: str = ""


class Written(NamedTuple):
    """What became of one row. ``created`` is None where the vendor does not say."""

    id: str = ""
    created: bool | None = None
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """What a person looks for to fill in an id. ``details`` tell it from its like."""

    kind: str
    id: str
    name: str
    url: str = ""
    details: Mapping[str, str] = field(default_factory=dict)
