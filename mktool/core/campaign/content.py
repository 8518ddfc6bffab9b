"""The content of a campaign: templates, and a recipient's copy of them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ...text.template import scan, url_encoded, variable_name
from .growth import check_growth
from .prepare import Parts, check_size, prepare, reading, with_defaults
from .program import Piece, Program, slashes_are_safe

__all__ = ["Content", "Parts", "Rendered", "compile", "prepare", "variable_name"]

_STRING = r"""(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')"""
_SURE = re.compile(
    r"[^\W\d]\w*(?:\s*\|\s*(?:default|d|upper|lower|title|capitalize|trim|e|escape|safe|urlencode"
    rf"|replace)(?:\s*\(\s*{_STRING}(?:\s*,\s*{_STRING})*\s*\))?)*"
)
"""An output whose success depends on nothing but which cells are empty."""

_LINE_ENDS = str.maketrans("\r\n", "  ")


class Rendered(NamedTuple):
    """A recipient's copy. Subject and ``unsubscribe`` become headers and are one line each."""

    subject: str
    html: str
    text: str
    unsubscribe: str


def compile(parts: Parts, *, defaults: Mapping[str, str] | None = None) -> Content:
    """Return templates ready to be rendered; InvalidInput, "html line 12: …", if they cannot be."""
    check_size(parts)
    parts = with_defaults(parts, defaults or {})
    check_growth(parts)
    return Content(parts)


class Content:
    """Templates ready to be rendered. ``variables`` are the names any of them uses, sorted.

    The values of a recipient are by `variable_name`, without those that are empty. A column
    that holds a JSON object can be read by field, as in ``{{ attributes.city }}``. ``sure``:
    whether a copy can be made depends on nothing but which cells are empty.
    """

    def __init__(self, parts: Parts) -> None:
        url = unsubscribe_template(parts)
        self._address = Program([Piece("unsubscribe", url)]) if url else None
        # As it is written: the encoding of what is not there is nothing, and no problem.
        self._plain = Program([Piece("unsubscribe", parts.unsubscribe)]) if url else None
        self._leads = not parts.unsubscribe.startswith("{")  # it begins with words of ours
        self._program = Program(
            [
                Piece("unsubscribe", "{{ unsubscribe }}" if url else ""),
                Piece("subject", parts.subject),
                Piece("html", parts.html, html=True),
                Piece("text", parts.text),
            ],
            unsubscribe=url,
            slashes=slashes_are_safe(parts.html),
        )
        self.variables = self._program.variables
        self._names = frozenset(self.variables)
        self.sure = _is_sure(parts) and (self._leads or not url)
        self._verdicts = dict[frozenset[str], str]()

    def problem(self, values: Mapping[str, str]) -> str:
        """Return why a recipient's copy cannot be made, as in "first_name is empty", or ""."""
        if self._address is not None and not self._leads:
            return self._problem(values) or self._address_problem(values)
        if not self.sure:
            return self._problem(values)
        empty = self._names.difference(values)
        verdict = self._verdicts.get(empty)
        if verdict is None:
            verdict = self._verdicts[empty] = self._problem(values)
        return verdict

    def _problem(self, values: Mapping[str, str]) -> str:
        try:
            self._program.run(values)
            if self._plain is not None:
                self._plain.run(values)
        except ValueError as reason:
            return str(reason)
        return ""

    def _address_problem(self, values: Mapping[str, str]) -> str:
        """Return what is wrong with an address that a column gives, as no text of ours does."""
        try:
            address = self.unsubscribe(values)
        except ValueError as reason:
            return str(reason)
        fine = re.match(r"(https?://|mailto:)\S+$", address, re.IGNORECASE)
        return "" if fine else "unsubscribe is no https:// or mailto: address"

    def render(self, values: Mapping[str, str]) -> Rendered:
        """Return a recipient's copy; ValueError with the reason if there is none."""
        unsubscribe, subject, html, text = self._program.run(values)
        return Rendered(one_line(subject), html, text, one_line(unsubscribe))

    def render_all(self, columns: Mapping[str, Sequence[str]]) -> list[Sequence[str]] | None:
        """Return subjects, HTML and texts of many, whose values ``columns`` has by name, none
        empty; None where they have to be asked for one by one."""
        found = self._program.run_all(columns) if self._address is None else None
        if found is None:
            return None
        _, subjects, html, texts = found
        if one_line(subjects[0]) != subjects[0]:  # what is around the values, which are one line
            subjects = list(map(one_line, subjects))
        return [subjects, html, texts]

    def unsubscribe_all(self, columns: Mapping[str, Sequence[str]]) -> Sequence[str]:
        """Return the addresses to unsubscribe at of many, in order."""
        if self._address is None:
            return [""] * len(next(iter(columns.values())))
        rows = zip(*columns.values(), strict=True)
        return [self.unsubscribe(dict(zip(columns, row, strict=True))) for row in rows]

    def unsubscribe(self, values: Mapping[str, str]) -> str:
        """Return a recipient's address to unsubscribe at, or ""; ValueError with the reason."""
        return one_line(self._address.run(values)[0]) if self._address else ""


def one_line(text: str) -> str:
    """Return a text without line ends, which would begin another header (RFC 5322, 2.2)."""
    return text.translate(_LINE_ENDS) if "\n" in text or "\r" in text else text


def unsubscribe_template(parts: Parts) -> str:
    """Return the template of the address: what it inserts is percent-encoded.

    A value at its very beginning is an address itself, and stays as it is.
    """
    with reading("unsubscribe"):
        segments = [*scan(parts.unsubscribe)]
    return "".join([*(one.source for one in segments[:1]), *map(url_encoded, segments[1:])])


def _is_sure(parts: Parts) -> bool:
    return all(
        segment.kind in ("text", "raw", "comment")
        or (segment.kind == "value" and _SURE.fullmatch(segment.inner))
        for template in parts
        for segment in scan(template)
    )
