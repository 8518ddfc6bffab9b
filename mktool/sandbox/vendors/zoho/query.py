"""Which records are meant: search criteria, and as much of COQL as one needs.

https://www.zoho.com/crm/developer/docs/api/v8/COQL-Overview.html and search-records.html
(read 2026-11)
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from operator import eq, ge, gt, le, lt, ne
from typing import Any

from ...shelf import Data
from .desk import moment

Test = Callable[[Data], bool]
_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^'\\]|\\.)*')|(?P<number>-?\d+(?:\.\d+)?(?![\w:-]))|"
    r"(?P<word>[\w.$:+-]+)|(?P<sign><=|>=|!=|<>|[=<>(),]))"
)
_WORDS = {"equals": "=", "not_equal": "!=", "greater_than": ">", "less_than": "<",
          "greater_equal": ">=", "less_equal": "<=", "in": "in", "starts_with": "starts_with",
          "contains": "contains"}  # fmt: skip


_SIGNS: dict[str, Callable[[Any, Any], bool]] = {
    "=": eq, "!=": ne, "<": lt, "<=": le, ">": gt, ">=": ge,
}  # fmt: skip


class Unreadable(ValueError):
    """The query breaks its grammar; the text says near what."""


@dataclass(frozen=True, slots=True)
class Query:
    """A query in COQL; ``after`` is the id that all must be higher than, 0 for none."""

    fields: tuple[str, ...]
    module: str
    test: Test
    order: str
    down: bool
    offset: int
    limit: int
    after: int = 0


def parsed(text: str) -> Query:
    """Return a query; raises `Unreadable`."""
    return _Reader(text).query()


def criteria(text: str) -> Test:
    """Return the test of ``(Field:operator:value)`` joined by and, or; raises `Unreadable`."""
    found, rest = _criteria(text.strip())
    if rest.strip():
        raise Unreadable(rest[:40])
    return found


def _criteria(text: str) -> tuple[Test, str]:
    left, text = _group(text)
    while joint := re.match(r"\s*(and|or)\s*", text, re.IGNORECASE):
        right, text = _group(text[joint.end() :])
        left = _joined(joint[1].lower(), left, right)
    return left, text


def _group(text: str) -> tuple[Test, str]:
    if text.startswith("(("):
        test, rest = _criteria(text[1:])
        if not rest.startswith(")"):
            raise Unreadable(rest[:40])
        return test, rest[1:]
    found = re.match(r"\((\w+):(\w+):((?:[^()\\]|\\.)*)\)", text)
    if not found or found[2] not in _WORDS:
        raise Unreadable(text[:40])
    value = re.sub(r"\\(.)", r"\1", found[3])
    operator, rest = _WORDS[found[2]], text[found.end() :]
    if operator == "=":
        return _like_it(found[1], value), rest
    wanted: Any = re.split(r"(?<!\\),", found[3]) if operator == "in" else value
    return _compared(found[1], operator, wanted), rest


def _like_it(field: str, wanted: str) -> Test:
    """Return the test of "equals", which behaves like "contains" where the field is text."""

    def test(data: Data) -> bool:
        value = _get(data, field)
        return _holds(value, "contains" if isinstance(value, str) else "=", wanted)

    return test


def _joined(word: str, left: Test, right: Test) -> Test:
    if word == "and":
        return lambda data: left(data) and right(data)
    return lambda data: left(data) or right(data)


def _compared(field: str, operator: str, wanted: Any) -> Test:
    if operator == "in":
        return lambda data: any(_holds(_get(data, field), "=", one) for one in wanted)
    if operator == "not in":
        return lambda data: not any(_holds(_get(data, field), "=", one) for one in wanted)
    return lambda data: _holds(_get(data, field), operator, wanted)


def _get(data: Data, field: str) -> Any:
    """Return a value; of a record that is pointed at, its id or the part after the dot."""
    name, _, part = field.partition(".")
    value = data.get(name)
    return value.get(part or "id") if isinstance(value, dict) else value


def _holds(value: Any, operator: str, wanted: Any) -> bool:
    if operator in ("is null", "is not null"):
        return (value in (None, "")) is (operator == "is null")
    if value is None:
        return operator == "!="
    if operator in ("like", "starts_with", "contains"):
        return _like(str(value), operator, str(wanted))
    left, right = _pair(value, wanted)
    return _SIGNS[operator](left, right)


def _like(value: str, operator: str, wanted: str) -> bool:
    value, wanted = value.lower(), wanted.lower()
    if operator == "starts_with":
        return value.startswith(wanted)
    if operator == "contains":
        return wanted in value
    pattern = ".*".join(map(re.escape, wanted.split("%")))
    return re.fullmatch(pattern, value, re.DOTALL) is not None


def _pair(value: Any, wanted: Any) -> tuple[Any, Any]:
    """Return two values that can be compared: as moments, as numbers, else as text."""
    if isinstance(value, bool):
        return str(value).lower(), str(wanted).lower()
    left, right = str(value), str(wanted)
    times = moment(left), moment(right)
    if times[0] is not None and times[1] is not None:
        return times
    if re.fullmatch(r"-?\d{1,20}", left) and re.fullmatch(r"-?\d{1,20}", right):
        return int(left), int(right)
    try:
        return float(left), float(right)
    except ValueError:
        return left.lower(), right.lower()


class _Reader:
    """Reads a query from left to right."""

    def __init__(self, text: str) -> None:
        self._tokens: list[tuple[str, str]] = []
        at = 0
        text = text.strip()
        while at < len(text):
            found = _TOKEN.match(text, at)
            if not found:
                raise Unreadable(text[at : at + 40])
            self._tokens.append((found.lastgroup or "", found[found.lastgroup or 0]))
            at = found.end()
        self._at = 0
        self._after = 0
        self._deep = 0

    def query(self) -> Query:
        self._need("select")
        fields = [self._word()]
        while self._take(","):
            fields.append(self._word())
        self._need("from")
        module = self._word()
        self._need("where")
        test = self._any()
        order, down = "id", False
        if self._take("order"):
            self._need("by")
            order = self._word()
            down = self._take("desc")
            if not down:
                self._take("asc")
        offset, limit = self._range()
        if self._at < len(self._tokens):
            raise Unreadable(self._peek())
        return Query(tuple(fields), module, test, order, down, offset, limit, self._after)

    def _range(self) -> tuple[int, int]:
        if not self._take("limit"):
            return 0, 200
        first = self._number()
        if self._take(","):
            return first, self._number()
        return (self._number(), first) if self._take("offset") else (0, first)

    def _any(self) -> Test:
        left = self._all()
        while self._take("or"):
            left = _joined("or", left, self._all())
            self._after = 0
        return left

    def _all(self) -> Test:
        left = self._one()
        while self._take("and"):
            left = _joined("and", left, self._one())
        return left

    def _one(self) -> Test:
        if self._take("("):
            self._deep += 1
            if self._deep > 25:
                raise Unreadable("too many parentheses")
            test = self._any()
            self._need(")")
            self._deep -= 1
            return test
        field = self._word()
        operator = self._operator()
        if operator.startswith("is"):
            return _compared(field, operator, None)
        if operator == "between":
            low = self._value()
            self._need("and")
            return _joined(
                "and", _compared(field, ">=", low), _compared(field, "<=", self._value())
            )
        if operator in ("in", "not in"):
            return _compared(field, operator, self._values())
        wanted = self._value()
        if field == "id" and operator == ">" and re.fullmatch(r"\d{1,19}", wanted):
            self._after = int(wanted)
        return _compared(field, operator, wanted)

    def _operator(self) -> str:
        word = self._next().lower()
        if word == "is":
            return "is not null" if self._not_null() else "is null"
        if word == "not":
            word = f"not {self._next().lower()}"
        known = {"=", "!=", "<>", "<", "<=", ">", ">=", "like", "in", "not in", "between"}
        if word not in known:
            raise Unreadable(word)
        return "!=" if word == "<>" else word

    def _not_null(self) -> bool:
        negated = self._take("not")
        self._need("null")
        return negated

    def _values(self) -> list[str]:
        self._need("(")
        found = [self._value()]
        while self._take(","):
            found.append(self._value())
        self._need(")")
        return found

    def _value(self) -> str:
        kind = self._tokens[self._at][0] if self._at < len(self._tokens) else ""
        text = self._next()
        if kind == "text":
            return re.sub(r"\\(.)", r"\1", text[1:-1])
        if kind in ("number", "word"):
            return text
        raise Unreadable(text)

    def _number(self) -> int:
        text = self._next()
        if not re.fullmatch(r"\d{1,9}", text):
            raise Unreadable(text)
        return int(text)

    def _word(self) -> str:
        text = self._next()
        if not re.fullmatch(r"[A-Za-z$_][\w.$]*", text):
            raise Unreadable(text)
        return text

    def _peek(self) -> str:
        return self._tokens[self._at][1] if self._at < len(self._tokens) else ""

    def _next(self) -> str:
        found = self._peek()
        if not found:
            raise Unreadable("the end")
        self._at += 1
        return found

    def _take(self, word: str) -> bool:
        if self._peek().lower() != word:
            return False
        self._at += 1
        return True

    def _need(self, word: str) -> None:
        if not self._take(word):
            raise Unreadable(self._peek() or "the end")
