"""
The bodies of vendors' webhooks, as somebody's receiver, queue or bucket keeps them.

One body in each line, as JSON or as a form (https://url.spec.whatwg.org/#urlencoded-parsing); or
the whole file is one JSON document. A list, in a body or around bodies, is taken apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

import orjson

from ...errors import InvalidInput
from ..lists.lines import Lines

LARGEST = 1 << 26  # characters of a document that is no line
MOST_FIELDS = 1000  # of a form
_BLANK = "\ufeff \t\r\n"


class Told(NamedTuple):
    """One notice of a vendor, or the ``problem`` with it; ``line`` is that of the file, from 1."""

    line: int
    notice: Mapping[str, Any]
    problem: str = ""


def read(lines: Lines, source: str) -> Iterator[Told]:
    """Yield the notices in a file; `InvalidInput` if it is one document that is too large."""
    numbered = ((number, line.strip(_BLANK)) for number, line in enumerate(lines, start=1))
    filled = (one for one in numbered if one[1])
    first = next(filled, None)
    if first is None:
        return
    bodies = chain([first], filled)
    if first[1][0] in "[{" and isinstance(_decoded(first[1]), str):
        held = _bounded(bodies, source)
        whole = _decoded("\n".join(text for _, text in held))
        if not isinstance(whole, str):
            yield from _notices(first[0], whole)
            return
        bodies = chain(held)
    for number, text in bodies:
        yield from _notices(number, _decoded(text) if text[0] in "[{" else _form(text))


def _bounded(bodies: Iterator[tuple[int, str]], source: str) -> list[tuple[int, str]]:
    held, size = [], 0
    for number, text in bodies:
        held.append((number, text))
        size += len(text)
        if size > LARGEST:
            raise InvalidInput(
                f"{source}: a JSON document of more than {LARGEST:,} characters",
                hint="jq -c '.[]' FILE, which gives each body a line",
            )
    return held


def _decoded(text: str) -> list[Any] | dict[str, Any] | str:
    """Return what is in a JSON list or object, or why it cannot be read."""
    try:
        found: list[Any] | dict[str, Any] = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        return f"is not JSON: {error.msg} (column {error.colno})"
    return found


def _form(text: str) -> dict[str, Any] | str:
    """Return the fields of a form, with ``data[email]`` as "email" in "data"."""
    try:
        fields = parse_qsl(
            text, keep_blank_values=True, strict_parsing=True, max_num_fields=MOST_FIELDS
        )
    except ValueError:
        return "is neither JSON nor a form"
    found: dict[str, Any] = {}
    for name, value in fields:
        *path, last = name.replace("]", "").split("[")
        place = found
        for key in path:
            place = place.setdefault(key, {})
            if not isinstance(place, dict):
                return f"has a field {name!r} inside of one that holds a text"
        place[last] = value
    return found


def _notices(line: int, body: list[Any] | dict[str, Any] | str) -> Iterator[Told]:
    if isinstance(body, str):
        yield Told(line, {}, body)
        return
    for one in body if isinstance(body, list) else [body]:
        for notice in one if isinstance(one, list) else [one]:  # a list of bodies that are lists
            if isinstance(notice, dict):
                yield Told(line, notice)
            else:
                yield Told(line, {}, "is neither an object nor a list of objects")
