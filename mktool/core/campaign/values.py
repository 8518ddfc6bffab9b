"""How the values of a campaign file are read; `ValueError` says what is wanted instead."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any
from unicodedata import category

from ...errors import InvalidInput

MAX_LINE = 4000


def text(value: Any) -> str:
    """Return text of any number of lines."""
    if not isinstance(value, str):
        raise ValueError(f"must be text, not {shown(value)}")
    return value


def line(value: Any) -> str:
    """Return text of one line, as it can stand in a header."""
    found = text(value).strip()
    if len(found) > MAX_LINE:
        raise ValueError(f"is longer than {MAX_LINE} characters")
    if any(category(character) in ("Cc", "Zl", "Zp") for character in found):
        raise ValueError("must be one line, without control characters")
    return found


def texts(value: Any) -> tuple[str, ...]:
    """Return a list of texts."""
    if not isinstance(value, list):
        raise ValueError(f"must be a list of texts, not {shown(value)}")
    return tuple(map(text, value))


def lines_of(value: Any) -> tuple[str, ...]:
    """Return a list of lines, none of them empty."""
    found = tuple(map(line, texts(value)))
    if not all(found):
        raise ValueError("must not hold an empty text")
    return found


def flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"must be true or false, not {shown(value)}")
    return value


def number(value: Any) -> float:
    """Return a number that is not negative."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"must be a number, not {shown(value)}")
    if not 0 <= value < 1e12:
        raise ValueError(f"{shown(value)} is out of range")
    return float(value)


def count(value: Any) -> int:
    """Return a whole number from 1."""
    found = number(value)
    if found < 1 or found != math.floor(found):
        raise ValueError(f"must be a whole number from 1, not {shown(value)}")
    return int(found)


def moment(value: Any) -> str:
    """Return a time as text, also where it is written as a date of TOML; it may have passed."""
    from .. import moments

    found = value.isoformat() if isinstance(value, datetime) else line(value)
    try:
        if found not in ("", "now"):
            moments.check(found)
    except InvalidInput as error:
        raise ValueError(error.message) from None
    return found


def plain(value: Any) -> Any:
    """Return a value that JSON can hold; dates, inf and nan cannot be."""
    if isinstance(value, dict):
        return {name: plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    if isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    raise ValueError(f"{shown(value)} cannot be sent: write it as text")


def shown(value: Any) -> str:
    """Return a value as the person wrote it, or what kind it is."""
    if isinstance(value, dict):
        return "a section"
    if isinstance(value, list):
        return "a list"
    words = str(value).lower() if isinstance(value, bool) else repr(value)
    words = value.isoformat() if hasattr(value, "isoformat") else words
    return words if len(words) <= 40 else words[:40] + "…"
