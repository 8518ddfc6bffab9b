"""What came back: the raw response, and the answer as vendor files read it."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from .. import errors as e
from ..spec import dig

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Response:
    """Status, headers (lower case) and the decoded body, whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)  # that of a token endpoint is a secret
    _decoded: list[Any] = field(default_factory=list, init=False, repr=False, compare=False)

    def json(self, *, exact: bool = False) -> Any:
        """Return the decoded JSON, {} for an empty body, None for anything else.

        ``exact``: a number with a fraction is a Decimal, so that no digit of it is lost. It is
        decoded once, as it is asked for first.
        """
        if not self._decoded:
            self._decoded.append(self._decode(exact=exact))
        return self._decoded[0]

    def _decode(self, *, exact: bool) -> Any:
        if not self.body.strip():
            return {}
        try:
            return json.loads(self.body, parse_float=_decimal() if exact else None)
        except (ValueError, ArithmeticError, RecursionError):  # such as 1e99999999999999999999
            return None


class NotSent(Exception):
    """The request never left: no connection could be made."""


class Cut(Exception):
    """The request, or part of it, left, and no whole answer came back."""


def reason(error: BaseException) -> str:
    """Return what went wrong on a wire in words for people, without the address (which may hold
    a secret)."""
    import ssl  # a wire has it already

    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return f"TLS: {cause.reason or 'failed'}"
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        cause = cause.__cause__ or cause.__context__
    name = type(error).__name__
    return _WORDS.get(name, name)


_WORDS = {
    "ConnectError": "no connection",
    "ConnectTimeout": "no connection in time",
    "DecodingError": "the reply cannot be decompressed",
    "ReadTimeout": "no answer in time",
    "RemoteProtocolError": "the connection was cut",
    "SMTPServerDisconnected": "the connection was cut",
    "WriteTimeout": "the request was not taken in time",
}


class Reply:
    """A successful answer, read through paths and never by subscript."""

    noun: ClassVar[str] = "reply"

    def __init__(
        self, data: Any, headers: Mapping[str, str], where: e.Context, *, write: bool = False
    ) -> None:
        self.data, self.headers, self.where, self._write = data, headers, where, write

    @property
    def nothing(self) -> bool:
        """Whether the vendor said that there is nothing (204), or nothing new (304)."""
        return self.where.status in (204, 304)

    def get(self, path: str) -> Any:
        """Return the value at a dotted path, or None."""
        return dig(self.data, path)

    def among(self, path: str, texts: Collection[str]) -> bool:
        """Whether the value is one of these case-folded texts: what a search found may be like
        what was looked for only."""
        return str(dig(self.data, path)).casefold() in texts

    def need(self, path: str) -> str:
        """Return a documented value as text."""
        value = dig(self.data, path)
        if value is None or isinstance(value, dict | list):
            raise self._odd(f"no {path!r} in the {self.noun}")
        if isinstance(value, str) and not _is_text(value):
            raise self._odd(f"{path!r} in the {self.noun} is not valid Unicode")
        return str(value)

    def number(self, path: str) -> float:
        """Return a documented number."""
        number = _number(dig(self.data, path))
        if number is None:
            raise self._odd(f"no number {path!r} in the {self.noun}")
        return number

    def moment(self, path: str) -> float:
        """Return a documented time (ISO 8601 or RFC 5322) in epoch seconds; without a zone it is
        UTC."""
        from datetime import UTC, datetime

        text = self.need(path)
        try:
            at = _in_words(text) if text[:1].isalpha() else datetime.fromisoformat(text)
            return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError):
            raise self._odd(f"{path!r} in the {self.noun} is not a time") from None

    def rows(self, path: str) -> list[Mapping[str, Any]]:
        """Return the objects of a documented list; an absent list is empty."""
        found = dig(self.data, path)
        rows = [] if found is None else found
        if not isinstance(rows, list) or not {*map(type, rows)} <= {dict}:
            raise self._odd(f"{path!r} is not a list of objects")
        return rows

    def texts(self, path: str, name: str, count: int) -> list[str]:
        """Return a documented text of each object of a list, of which there are ``count``."""
        found: list[Any] = [row.get(name) for row in self.rows(path)]
        texts = {*map(type, found)} <= {str} and _is_text("".join(found))
        if len(found) != count or not texts:
            raise self._odd(f"not {count} of {path + '.' + name!r} in the reply")
        return found

    def each(self, path: str) -> list[Reply]:
        """Return the objects of a documented list, each as a reply of its own."""
        return [Reply(r, self.headers, self.where, write=self._write) for r in self.rows(path)]

    def object(self, path: str) -> Mapping[str, Any]:
        """Return a documented object; an absent one is empty."""
        found = dig(self.data, path) or {}
        if not isinstance(found, Mapping):
            raise self._odd(f"{path!r} is not an object")
        return found

    def numbers(self, path: str) -> dict[str, float]:
        """Return the numbers of an object by name; an absent object has none."""
        found = dig(self.data, path)
        pairs = found.items() if isinstance(found, Mapping) else ()
        numbers = ((name, _number(value)) for name, value in pairs)
        return {name: number for name, number in numbers if number is not None}

    def find(self, path: str, **values: Any) -> Reply | None:
        """Return the first object of a list that holds these values, as a reply of its own."""
        for row in self.rows(path):
            if values.items() <= row.items():
                return Reply(row, self.headers, self.where, write=self._write)
        return None

    def table(self) -> Iterator[Reply]:
        """Yield the rows of an answer in CSV (RFC 4180), by the names in its first line."""
        import csv
        import io

        if not isinstance(self.data, str):
            raise self._odd("no table in the reply")
        csv.field_size_limit(max(csv.field_size_limit(), len(self.data)))
        rows = csv.reader(io.StringIO(self.data.removeprefix("\ufeff"), newline=""))
        names = next(rows, [])
        for row in rows:
            if len(row) != len(names):
                raise self._odd("a row of the table is cut short")
            cells = dict(zip(names, row, strict=True))
            yield Reply(cells, self.headers, self.where, write=self._write)

    def header(self, name: str) -> str:
        """Return a documented header; some vendors put the new id there."""
        if name.lower() not in self.headers:
            raise self._odd(f"no {name!r} header in the reply")
        return self.headers[name.lower()]

    def _odd(self, text: str) -> e.ProviderError:
        # After a write, an answer that cannot be read leaves open whether it happened.
        kind = e.OutcomeUnknown if self._write else e.UnexpectedReply
        return kind(text, self.where)


class Notice(Reply):
    """What a vendor tells unasked, by a webhook."""

    noun = "notice"

    def __init__(self, provider: str, data: Mapping[str, Any]) -> None:
        super().__init__(data, {}, e.Context(provider, operation="webhook"))


def _decimal() -> type:
    from decimal import Decimal  # 3 ms

    return Decimal


def _number(value: Any) -> float | None:
    """JSON numbers may be infinite, or too large for any column."""
    if value is None or isinstance(value, bool | str | dict | list):
        return None
    return float(value) if abs(value) < 2**63 else None


def _is_text(value: str) -> bool:
    """JSON may hold half of a surrogate pair, which no file and no database takes."""
    return value.isascii() or not any("\ud800" <= c <= "\udfff" for c in value)


def _in_words(text: str) -> datetime:
    from email.utils import parsedate_to_datetime

    return parsedate_to_datetime(text)


class Placeholder(Reply):
    """The answer of a dry run: every value is its own name, and there is one of everything."""

    def __init__(self, operation: str) -> None:
        super().__init__({}, {}, e.Context("", operation=operation))

    def among(self, path: str, texts: Collection[str]) -> bool:
        return True

    def need(self, path: str) -> str:
        return f"‹{path}›"

    def number(self, path: str) -> float:
        return 1.0

    def texts(self, path: str, name: str, count: int) -> list[str]:
        return [f"‹{path}.{number}.{name}›" for number in range(count)]

    def each(self, path: str) -> list[Reply]:
        return [self]

    def find(self, path: str, **values: Any) -> Reply:
        return self

    def table(self) -> Iterator[Reply]:
        yield self

    def header(self, name: str) -> str:
        return f"‹{name}›"
