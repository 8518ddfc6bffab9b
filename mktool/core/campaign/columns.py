"""
Templates that only insert columns, filled without the engine.

Most of a campaign is that, and the engine needs several times as long for it. Whatever is more,
or has no value, is left to the engine, so that there is one word on what a template means.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

from minijinja import Environment

from ...text.template import literal, scan, variable_name
from ...tuples import Filled, form

_STRING = r""""(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*\'"""
COLUMN = re.compile(
    rf"([^\W\d]\w*)(?:\s*\|\s*(?:default|d)\s*\(\s*({_STRING})\s*(?:,\s*[Tt]rue\s*)?\))?"
)
"""What is in a tag that inserts a column, or the string in the second group."""
CONSTANT = re.compile(r"""(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')\s*\|\s*safe""")
"""What is in a tag of a value that is HTML, and the same for all."""

SLASH = "&#x2f;"
"""A slash as the engine writes it in HTML."""

_MARK = "\x1f"


class _Text(NamedTuple):
    """A template: its constants and the numbers of the cells between them, also as a format with
    ``%s`` for each cell, and as what takes those out of all; None for none."""

    constants: Sequence[str]
    taken: Sequence[int]
    format: str
    take: Callable[[Sequence[Any]], Any] | None

    def fill_all(self, columns: Sequence[Sequence[str]], count: int) -> Sequence[str]:
        """Return the outcome for each of so many rows of the cells' columns."""
        found = [columns[number] for number in self.taken]
        if self.format == "%s":
            return found[0]
        if not found:
            return [self.format] * count
        return Filled(self.constants, found)


class Columns:
    """Templates to be filled with cells: ``names`` are the columns, by cell."""

    def __init__(
        self, names: Sequence[str], defaults: Sequence[str | None], texts: Sequence[_Text],
        bare: Callable[[list[str]], Any] | None, *, slashes: bool,
    ) -> None:  # fmt: skip
        self.names, self._defaults, self._texts = names, defaults, texts
        self._bare, self._slashes = bare, slashes

    def fill(self, values: Mapping[str, str]) -> list[str] | None:
        """Return the outcome of each template, None where only the engine knows it."""
        try:
            cells = [values[name] for name in self.names]
        except KeyError:
            named = zip(self.names, self._defaults, strict=True)
            cells = [c for name, one in named if (c := values.get(name, one)) is not None]
        joined = _MARK.join(cells)
        escaped = html.escape(joined)
        if not self._slashes:
            escaped = escaped.replace("/", SLASH)
        # All at once, which is a fifth of the time of each alone.
        cells += cells if escaped == joined else escaped.split(_MARK)
        if len(cells) != 2 * len(self.names):  # one is missing, or has the mark inside
            return None
        if self._bare is not None:
            return list(self._bare(cells))
        return [
            text.format % text.take(cells) if text.take else text.format for text in self._texts
        ]

    def fill_all(self, columns: Mapping[str, Sequence[str]]) -> list[Sequence[str]] | None:
        """Return the outcomes of each template for many, whose cells ``columns`` has by name, none
        of them empty; None where only the engine knows one of them."""
        if not columns.keys() >= set(self.names):
            return None
        cells = [columns[name] for name in self.names]
        both = [*cells, *map(self._escaped, cells)]
        count = len(next(iter(columns.values())))
        return [text.fill_all(both, count) for text in self._texts]

    def _escaped(self, column: Sequence[str]) -> Sequence[str]:
        joined = _MARK.join(column)
        escaped = html.escape(joined)
        if not self._slashes:
            escaped = escaped.replace("/", SLASH)
        return column if escaped == joined else escaped.split(_MARK)


def columns(
    templates: Iterable[tuple[str, bool]], *, slashes: bool, without: str = ""
) -> Columns | None:
    """Return templates, and whether values are escaped in them, ready to be filled.

    None if one is more than columns, or inserts ``without``. HTML has ``slashes`` as they are.
    """
    cells: dict[tuple[str, str], int] = {}
    read = [(_read(template, cells, without), escape) for template, escape in templates]
    texts, order = [], []
    for parts, escape in read:
        if parts is None:
            return None
        shift = len(cells) if escape else 0
        taken = [int(number) + shift for number in parts[1::2]]
        order.append(taken[0] if parts[::2] == ["", ""] else -1)
        constant = [part.replace(SLASH, "/") if escape and slashes else part for part in parts[::2]]
        texts.append(_text(constant, taken))
    bare = itemgetter(*order) if len(order) > 1 and min(order) >= 0 else None
    defaults = [_written(f"{{{{ {default} }}}}") if default else None for _, default in cells]
    return Columns([name for name, _ in cells], defaults, texts, bare, slashes=slashes)


def _text(constant: list[str], taken: list[int]) -> _Text:
    if not taken:
        return _Text(constant, taken, constant[0], None)
    return _Text(constant, taken, form(constant), itemgetter(*taken))


def _read(template: str, cells: dict[tuple[str, str], int], without: str) -> list[str] | None:
    """Return the text before, between and after tags, and between them the numbers of their cells.

    The engine writes the text, so that comments and the blanks around tags are its matter.
    """
    if _MARK in template:
        return None
    done = []
    for segment in scan(template):
        found = COLUMN.fullmatch(segment.inner) if segment.kind == "value" else None
        if found and found[1] != without and variable_name(found[1]) == found[1]:
            number = cells.setdefault((found[1], found[2] or ""), len(cells))
            done.append(segment.around(literal(f"{_MARK}{number}{_MARK}")))
        elif segment.kind == "block" or (
            segment.kind == "value" and not CONSTANT.fullmatch(segment.inner)
        ):
            return None
        else:
            done.append(segment.source)
    return _written("".join(done)).split(_MARK)


def _written(template: str) -> str:
    return str(Environment(keep_trailing_newline=True).render_str(template))
