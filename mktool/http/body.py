"""JSON bodies: encoded once, also in parts that were encoded before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any, Generic, TypeVar
from uuid import uuid4

from ..tuples import ByColumn, Filled, maker

Kind = TypeVar("Kind", bound=tuple[Any, ...])
_SEPARATOR = "\x7f"  # which JSON has as it is


class Encoded:
    """A part of a body that is JSON already: what `encoded` returned."""

    __slots__ = ("data",)

    def __init__(self, data: bytes) -> None:
        self.data = data


def encoded(value: Any) -> bytes:
    """Compact JSON in UTF-8; UnicodeError for half a surrogate pair."""
    import orjson

    def part(value: Any) -> Any:
        if isinstance(value, Encoded):
            return orjson.Fragment(value.data)
        raise TypeError

    try:
        return orjson.dumps(value, part)
    except TypeError:  # such as an integer of more than 64 bits
        import json

        def decoded(value: Encoded) -> Any:
            return json.loads(value.data)

        return json.dumps(
            value, ensure_ascii=False, separators=(",", ":"), default=decoded
        ).encode()


def encoded_alike(rows: Sequence[Kind], make: Callable[[Kind], Any]) -> bytes:
    """Return `encoded` of a list of what ``make`` returns for each row, in a third of the time
    where they are kept by column.

    It is asked once then, for a row with marks, which are filled in afterwards: it puts fields,
    which are texts, numbers or tuples of texts, into texts, and never looks into one but for
    whether it is empty.
    """
    if isinstance(rows, ByColumn) and (form := _Form.of(rows)):
        return form.filled(encoded(make(form.row)), len(rows))
    return encoded([make(row) for row in rows])


class _Form(Generic[Kind]):
    """``row`` has a mark wherever rows differ, ``texts`` what stands there in each, encoded."""

    def __init__(self, rows: ByColumn[Kind]) -> None:
        self._mark, self._of = uuid4().hex, dict[int, Any]()
        self.texts: list[Sequence[bytes]] = []
        self.row = maker(rows.kind)(map(self._field, rows.columns))

    @classmethod
    def of(cls, rows: ByColumn[Kind]) -> _Form[Kind] | None:
        """Return None where rows do not differ, or one has nothing where another has something."""
        form = cls(rows) if rows else None
        return form if form and form.texts and not any(b"" in of for of in form.texts) else None

    def filled(self, form: bytes, count: int) -> bytes:
        """Return a list of the form, filled in for each row."""
        first, *others = form.split(self._mark.encode())
        parts, places = [first], list[Sequence[bytes]]()  # constants, and between them places
        for other in others:
            number, _, constant = other.partition(b".")
            places.append(self.texts[int(number)])
            parts += b"", constant
        parts[-1] += b","
        every = parts * count
        for at, texts in enumerate(places):
            every[2 * at + 1 :: len(parts)] = texts
        every[0], every[-1] = b"[" + every[0], every[-1][:-1] + b"]"
        return b"".join(every)

    def _field(self, column: Sequence[Any]) -> Any:
        if isinstance(column, ByColumn):
            return tuple(map(self._field, column.columns))
        if isinstance(column, Filled):
            marks = (*map(self._field, column.columns), "")
            return "".join(chain.from_iterable(zip(column.constants, marks, strict=True)))
        if id(column) not in self._of:  # one that stands in several places is looked at once
            self._of[id(column)] = self._marked(column)
        return self._of[id(column)]

    def _marked(self, column: Sequence[Any]) -> Any:
        first = column[0]
        if column.count(first) == len(column):
            return first
        self.texts.append(_each(column if isinstance(first, str) else list(map(str, column))))
        return f"{self._mark}{len(self.texts) - 1}."


def _each(texts: Sequence[str]) -> Sequence[bytes]:
    """Return each text as it stands in JSON, without the quotation marks around it."""
    found = encoded(_SEPARATOR.join(texts))[1:-1].split(_SEPARATOR.encode())
    return found if len(found) == len(texts) else [encoded(text)[1:-1] for text in texts]
