"""
Several templates rendered with one call of the engine.

MiniJinja (https://docs.rs/minijinja, read November 2026) reaches no file, no clock and no
internals of Python, ends loops that do not end, and takes values as data. Much of what it costs
is the call, so that templates are joined by a separator and their outcome is split again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from types import MappingProxyType
from typing import Any, NamedTuple

import orjson
from minijinja import Environment, TemplateError

from ...errors import InvalidInput
from ...text.template import check, scan
from .columns import CONSTANT, SLASH, columns
from .prepare import reading

FUEL = 200_000
"""Steps of the engine for one rendering: a loop in a mail takes some ten for each round."""

_SEPARATOR = "\x1f"
_SCOPED = {
    "if", "elif", "else", "endif", "for", "endfor", "with", "endwith", "filter", "endfilter",
    "autoescape", "endautoescape",
}  # fmt: skip
_UNKNOWN = {"UnknownFilter", "UnknownTest", "UnknownFunction"}
_PLACE = re.compile(r" \(in [^()]*\)\Z")

_ABOUT_TO_BE_SLASH = re.compile(r"&#?\w{0,3}(?:\s*\{[{%#]|[\"'])")
_MARKUP_WORDS = re.compile(r"\b(?:safe|e|escape|tojson|filter|autoescape)\b")


class Piece(NamedTuple):
    """A template, what errors call it, and whether values are escaped in it."""

    name: str
    source: str
    html: bool = False


class Program:
    """Templates that are rendered with the same values.

    ``unsubscribe`` is a template whose outcome they find under that name. ``variables`` are the
    names they use; with ``slashes`` HTML has them as they are. InvalidInput, with part and line,
    for what no values could make right.
    """

    def __init__(
        self, pieces: Sequence[Piece], unsubscribe: str = "", *, slashes: bool = False
    ) -> None:
        self._environment = _environment()
        self._pieces = pieces
        self._prelude = f"{{% set unsubscribe %}}{unsubscribe}{{% endset %}}" if unsubscribe else ""
        # The ending of its name tells the engine how to escape.
        self._names = [f"{at}.{'html' if piece.html else 'txt'}" for at, piece in enumerate(pieces)]
        self._html = [at for at, piece in enumerate(pieces) if piece.html and slashes]
        used: set[str] = set()
        for name, piece in zip(self._names, pieces, strict=True):
            used |= self._add(name, piece)
        roots = {name.partition(".")[0] for name in used}
        self.variables = tuple(sorted(roots - self._environment.globals.keys()))
        self._objects = tuple(sorted({name.partition(".")[0] for name in used if "." in name}))
        self._joined = all(is_scoped(piece.source) for piece in pieces)
        if self._joined:
            self._environment.add_template("all", self._prelude + _join(pieces))
        for name, piece in zip(self._names, pieces, strict=True):
            self._try(name, piece)
        self._columns = columns(
            [(piece.source, piece.html) for piece in pieces],
            slashes=slashes,
            without="unsubscribe" if unsubscribe else "",
        )

    def _add(self, name: str, piece: Piece) -> set[str]:
        with reading(piece.name):
            check(scan(piece.source))
        try:
            self._environment.add_template(name, self._prelude + piece.source)
            return self._environment.undeclared_variables_in_template(name, nested=True)
        except TemplateError as error:
            raise _invalid(piece, error) from None

    def _try(self, name: str, piece: Piece) -> None:
        """Find names of filters and functions that do not exist: the parser takes any."""
        try:
            self._environment.render_template(name, **dict.fromkeys(self.variables, "a"))
        except TemplateError as error:
            # A column is text, which is never called: the name of a function is wrong.
            if error.kind in _UNKNOWN or "is not callable" in error.message:
                raise _invalid(piece, error) from None
        except Exception:  # noqa: S110  # nothing is known yet of other values
            pass

    def run_all(self, columns: Mapping[str, Sequence[str]]) -> list[Sequence[str]] | None:
        """Return the outcomes of each piece for many, whose values ``columns`` has by name, none
        empty and none with a separator; None where they have to be asked for one by one."""
        return None if self._columns is None else self._columns.fill_all(columns)

    def run(self, values: Mapping[str, str]) -> list[str]:
        """Return the outcome of each piece; ValueError with the reason if there is none."""
        if self._columns is not None and (filled := self._columns.fill(values)) is not None:
            return filled
        context = self._with_objects(values) if self._objects else values
        if self._joined:
            try:
                joined = self._environment.render_template("all", **context)
            except Exception:  # each piece alone has a reason that names its line
                return self._each(context)
            outcomes = joined.split(_SEPARATOR)
            if len(outcomes) == len(self._names):  # else a value has a separator in it
                return self._slashed(outcomes) if SLASH in joined else outcomes
        return self._each(context)

    def _each(self, context: Mapping[str, Any]) -> list[str]:
        outcomes = []
        for name, piece in zip(self._names, self._pieces, strict=True):
            try:
                outcomes.append(self._environment.render_template(name, **context))
            except Exception as error:  # the engine's, or what a value's own method raised
                raise ValueError(_reason(piece, error)) from None
        return self._slashed(outcomes)

    def _slashed(self, outcomes: list[str]) -> list[str]:
        for at in self._html:
            outcomes[at] = with_slashes(outcomes[at])
        return outcomes

    def _with_objects(self, values: Mapping[str, str]) -> dict[str, Any]:
        return {**values, **{name: _object(values.get(name, "{}")) for name in self._objects}}


def _environment() -> Environment:
    # Half strict: an empty cell may be asked about ({% if %}, or), but not be shown.
    environment: Environment = Environment(
        undefined_behavior="semi_strict",  # type: ignore[call-overload]  # not in its stub
        fuel=FUEL,
        keep_trailing_newline=True,
    )
    environment.remove_global("debug")
    return environment


def is_scoped(template: str) -> bool:
    """Tell whether all that a template sets ends with the block that sets it."""
    return all(part.kind != "block" or part.word in _SCOPED for part in scan(template))


def slashes_are_safe(html: str) -> bool:
    """Tell whether `with_slashes` is the same for a whole and for its pieces.

    It is where nothing stands next to a value that could make an entity together with it.
    """
    if _ABOUT_TO_BE_SLASH.search(html):
        return False
    tags = (part for part in scan(html) if part.kind in ("value", "block"))
    return all(CONSTANT.fullmatch(tag.inner) or not _MARKUP_WORDS.search(tag.inner) for tag in tags)


def with_slashes(html: str) -> str:
    """Return HTML with slashes as such: the addresses in it are for simple readers as well."""
    return html.replace(SLASH, "/")


def _join(pieces: Iterable[Piece]) -> str:
    groups = []
    for html, group in groupby(pieces, key=lambda piece: piece.html):
        source = _SEPARATOR.join(piece.source for piece in group)
        groups.append(f"{{% autoescape 'html' %}}{source}{{% endautoescape %}}" if html else source)
    return _SEPARATOR.join(groups)


def _object(text: str) -> Any:
    """Return a cell that holds a JSON object as one whose fields can be read, else the cell."""
    if not text.startswith("{"):
        return text
    try:
        return _frozen(orjson.loads(text))
    except (ValueError, RecursionError):
        return text


def _frozen(value: Any) -> Any:
    """Return what a template cannot change; fields without a value are left out."""
    if isinstance(value, dict):
        filled = {name: _frozen(one) for name, one in value.items() if one not in (None, "")}
        return MappingProxyType(filled)
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def _invalid(piece: Piece, error: TemplateError) -> InvalidInput:
    return InvalidInput(f"{piece.name} line {error.line or 1}: {_words(error)}")


def _reason(piece: Piece, error: Exception) -> str:
    if not isinstance(error, TemplateError):
        return f"{piece.name}: {error or type(error).__name__}"
    reason = _words(error).replace("`", "")
    if error.kind == "UndefinedError":
        return reason.replace("is undefined", "is empty")
    return f"{piece.name} line {error.line or 1}: {reason}"


def _words(error: TemplateError) -> str:
    return error.detail or _PLACE.sub("", error.message)
