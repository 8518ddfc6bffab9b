"""SOQL, as far as it is needed to read records: SELECT … FROM … WHERE … ORDER BY … LIMIT.

https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/ (read 2026-11)
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from .desk import Unfit
from .schema import moment

_TOKEN = re.compile(
    r"""\s*(?:(?P<text>'(?:[^'\\]|\\.)*')
      |(?P<time>\d{4}-\d\d-\d\d(?:T[\d:.]+(?:Z|[+-]\d\d:?\d\d))?)
      |(?P<number>-?\d+(?:\.\d+)?)
      |(?P<word>[A-Za-z_][\w.]*(?::\d+)?)
      |(?P<sign><=|>=|!=|<>|[=<>(),]))""",
    re.VERBOSE,
)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}
_FAR = 365 * 1000  # days
_SIGNS = ("=", "!=", "<>", "<", "<=", ">", ">=")


@dataclass(frozen=True, slots=True)
class Token:
    kind: str
    text: str
    at: int


@dataclass(frozen=True, slots=True)
class Test:
    """``path`` compared with a value, a list of values, or another query."""

    path: str
    sign: str
    value: Any


@dataclass(frozen=True, slots=True)
class Logic:
    """``sign`` is AND, OR or NOT."""

    sign: str
    parts: tuple[Test | Logic, ...]


@dataclass(slots=True)
class Query:
    """What is asked for; ``count`` is how many there are, and nothing else."""

    fields: list[str]
    table: str
    where: Test | Logic | None = None
    order: list[tuple[str, bool, bool]] = field(default_factory=list)
    limit: int | None = None
    offset: int = 0
    count: bool = False


def parse(text: str, now: float) -> Query:
    """Return a query, or raise `Unfit` with MALFORMED_QUERY; ``now`` is what TODAY means."""
    reader = _Reader(text, now)
    query = reader.query()
    reader.end()
    return query


class _Reader:
    def __init__(self, text: str, now: float) -> None:
        self._text, self._now = text, now
        self._tokens: list[Token] = list(self._split(text))
        self._next = 0

    def _split(self, text: str) -> Iterator[Token]:
        at, end = 0, len(text.rstrip())
        while at < end:
            found = _TOKEN.match(text, at)
            if not found:
                raise self._wrong(text[at : at + 10].strip(), at)
            kind = str(found.lastgroup)
            yield Token(kind, found[kind], found.start(kind))
            at = found.end()

    def _wrong(self, word: str, at: int) -> Unfit:
        text = f"\n{self._text}\n^\nERROR at Row:1:Column:{at + 1}\nunexpected token: '{word}'"
        return Unfit("MALFORMED_QUERY", text)

    def _peek(self) -> str:
        return self._tokens[self._next].text.upper() if self._next < len(self._tokens) else ""

    def _take(self, *kinds: str) -> Token:
        if self._next >= len(self._tokens):
            raise self._wrong("<EOF>", len(self._text))
        token = self._tokens[self._next]
        if kinds and token.kind not in kinds:
            raise self._wrong(token.text, token.at)
        self._next += 1
        return token

    def _skip(self, *words: str) -> bool:
        """Take these words if they are next."""
        ahead = self._tokens[self._next : self._next + len(words)]
        if [token.text.upper() for token in ahead] != list(words):
            return False
        self._next += len(words)
        return True

    def _need(self, word: str) -> None:
        if not self._skip(word):
            token = self._take()
            raise self._wrong(token.text, token.at)

    def end(self) -> None:
        if self._next < len(self._tokens):
            token = self._tokens[self._next]
            raise self._wrong(token.text, token.at)

    def query(self) -> Query:
        self._need("SELECT")
        count = self._skip("COUNT", "(", ")")
        fields = [] if count else [self._take("word").text]
        while not count and self._skip(","):
            fields.append(self._take("word").text)
        self._need("FROM")
        query = Query(fields, self._take("word").text, count=count)
        if self._skip("WHERE"):
            query.where = self._logic()
        if self._skip("ORDER", "BY"):
            query.order = [self._sorted()]
            while self._skip(","):
                query.order.append(self._sorted())
        if self._skip("LIMIT"):
            query.limit = self._whole()
        if self._skip("OFFSET"):
            query.offset = self._whole()
        return query

    def _whole(self) -> int:
        token = self._take("number")
        if not token.text.isdecimal() or len(token.text) > 9:
            raise self._wrong(token.text, token.at)
        return int(token.text)

    def _sorted(self) -> tuple[str, bool, bool]:
        name = self._take("word").text
        backwards = self._skip("DESC")
        if not backwards:
            self._skip("ASC")
        last = self._skip("NULLS", "LAST")
        if not last:
            self._skip("NULLS", "FIRST")
        return name, backwards, last

    def _logic(self) -> Test | Logic:
        first = self._part()
        sign = self._peek()
        if sign not in ("AND", "OR"):
            return first
        parts = [first]
        while self._skip(sign):
            parts.append(self._part())
        if self._peek() in ("AND", "OR"):  # the two are not mixed without parentheses
            token = self._take()
            raise self._wrong(token.text, token.at)
        return Logic(sign, tuple(parts))

    def _part(self) -> Test | Logic:
        if self._skip("NOT"):
            return Logic("NOT", (self._part(),))
        if self._skip("("):
            inner = self._logic()
            self._need(")")
            return inner
        path = self._take("word").text
        if self._skip("LIKE"):
            return Test(path, "LIKE", self._value())
        if self._skip("IN"):
            return Test(path, "IN", self._several())
        if self._skip("NOT", "IN"):
            return Test(path, "NOT IN", self._several())
        sign = self._take("sign")
        if sign.text not in _SIGNS:
            raise self._wrong(sign.text, sign.at)
        return Test(path, sign.text.replace("<>", "!="), self._value())

    def _several(self) -> Any:
        self._need("(")
        if self._peek() == "SELECT":
            found: Any = self.query()
            if len(found.fields) != 1:
                raise self._wrong("SELECT", 0)
        else:
            found = [self._value()]
            while self._skip(","):
                found.append(self._value())
        self._need(")")
        return found

    def _value(self) -> Any:
        token = self._take("text", "time", "number", "word")
        if token.kind == "text":
            inner = token.text[1:-1]
            return re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1].lower(), m[1]), inner)
        if token.kind == "number":
            return float(token.text)
        if token.kind == "time":
            seconds = moment(token.text)
            if seconds is None:
                raise self._wrong(token.text, token.at)
            return Moment(seconds)
        known = {"TRUE": True, "FALSE": False, "NULL": None}
        if token.text.upper() in known:
            return known[token.text.upper()]
        return self._day(token)

    def _day(self, token: Token) -> Moment:
        """Return what TODAY and its like stand for: the day's beginning."""
        name, _, number = token.text.upper().partition(":")
        days = {"TODAY": 0, "YESTERDAY": -1, "TOMORROW": 1, "LAST_N_DAYS": -int(number or 0),
                "NEXT_N_DAYS": int(number or 0)}.get(name)  # fmt: skip
        if days is None or abs(days) > _FAR:
            raise self._wrong(token.text, token.at)
        today = datetime.fromtimestamp(self._now, UTC).replace(hour=0, minute=0, second=0,
                                                                microsecond=0)  # fmt: skip
        return Moment((today + timedelta(days=days)).timestamp())


class Moment(float):
    """Epoch seconds that were written as a date or a time."""
