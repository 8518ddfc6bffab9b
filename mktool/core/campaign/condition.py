"""
Conditions over the columns of a list: ``country == 'NL' and orders >= 3``.

Every value is text. A number on one side makes it a comparison of numbers, in which a value that
is none is unequal to all. The grammar is Python's, read by `ast` and turned into closures: what
is not listed here is refused, and nothing is ever evaluated by Python itself.
"""

from __future__ import annotations

import ast
import math
import operator
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, NoReturn

from ...errors import InvalidInput
from ..lists.tables import told

Row = Sequence[str]
Condition = Callable[[Row], bool]

MAX_LENGTH, MAX_DEPTH = 4000, 50
EXAMPLE = "such as country == 'NL' and orders >= 3"
COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt,
    ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
}  # fmt: skip
PREDICATES: dict[str, Callable[[str, str], bool]] = {
    "contains": operator.contains, "startswith": str.startswith, "endswith": str.endswith,
}  # fmt: skip
FUNCTIONS: dict[str, Callable[[str], str | int]] = {
    "lower": str.lower, "upper": str.upper, "trim": str.strip, "length": len,
}  # fmt: skip
_LITERAL = re.compile(r"""(?P<text>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")|`(?P<name>[^`]*)`|\#""")
_SLIPS = (
    (r"(?<![=!<>])=(?!=)", "== compares"),
    (r"&&|\bAND\b", "write and"),
    (r"\|\||\bOR\b", "write or"),
    (r"!(?!=)|\bNOT\b", "write not"),
    ("<>", "write !="),
)


class Term(NamedTuple):
    """One side of a comparison; ``value`` is None where it depends on the row."""

    read: Callable[[Row], Any]
    number: bool = False
    value: str | float | None = None


def compile(expression: str, columns: Sequence[str]) -> Condition:
    """Return a function that tells whether a row, in the order of ``columns``, fulfils this.

    It knows ``== != < <= > >=``, ``in ('a', 'b')``, ``'a' in column``, ``is empty``, ``and``,
    ``or``, ``not``, lower(), upper(), trim(), length(), contains(), startswith() and endswith();
    a column whose name is no word stands in backticks. Raises `InvalidInput` with the position.
    """
    return _Compiler(expression.strip(), columns).compiled()


def check(expression: str) -> None:
    """Raise `InvalidInput` for what is no condition whatever the columns are; "" is none at all."""
    if expression:
        compiler = _Compiler(expression.strip(), ())
        compile(expression, compiler.names())


class _Compiler:
    def __init__(self, text: str, columns: Sequence[str]) -> None:
        self.text = text
        self.index: dict[str, int] = {}
        for at, name in enumerate(columns):
            self.index.setdefault(name, at)
        self.quoted: dict[int, str] = {}  # by their place: what the names in backticks are

    def compiled(self) -> Condition:
        if not self.text:
            raise InvalidInput("the condition is empty", hint=EXAMPLE)
        if len(self.text) > MAX_LENGTH:
            raise InvalidInput(f"the condition is longer than {MAX_LENGTH} characters",
                               hint="select by a column that holds the outcome")  # fmt: skip
        tree = self._parsed()
        if _depth(tree) > MAX_DEPTH:
            raise InvalidInput("the condition is nested too deeply", hint=EXAMPLE)
        return self._condition(tree)

    def names(self) -> list[str]:
        """Return whatever may be meant for a column, backticks left out."""
        tree = ast.walk(self._parsed())
        return [node.id for node in tree if isinstance(node, ast.Name)] + [*self.quoted.values()]

    def _parsed(self) -> ast.expr:
        try:
            source = "".join(self._words())
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # an unknown \-escape is kept as it is
                return ast.parse(source, mode="eval").body
        except SyntaxError as error:
            before = source[: max((error.offset or 1) - 1, 0)]
            self._fail(len(before.encode()), "this is no condition", self._slip(source))
        except (ValueError, RecursionError, MemoryError):
            raise InvalidInput("the condition cannot be read", hint=EXAMPLE) from None

    def _words(self) -> Iterator[str]:
        """Yield what Python's grammar is to see: as many bytes as there are, so places hold."""
        end, size, last = 0, 0, ""
        for found in _LITERAL.finditer(self.text):
            between = re.sub(r"\s", " ", self.text[end : found.start()])
            size += len(between.encode())
            yield between
            word = found[0]
            if word == "#":
                self._fail(size, "# begins nothing here", "put text in quotes")
            if found["text"] and last and not between.strip():
                self._fail(size, "two texts without a comma between them", EXAMPLE)
            if found["name"] is not None:
                self.quoted[size] = found["name"]
                word = "_" * len(word.encode())
            size += len(word.encode())
            yield word
            end, last = found.end(), found["text"] or ""
        yield re.sub(r"\s", " ", self.text[end:])

    def _slip(self, source: str) -> str:
        bare = _LITERAL.sub("", source)
        slips = [hint for pattern, hint in _SLIPS if re.search(pattern, bare)]
        names = "a column that is no plain word stands in backticks, `First name`"
        return "; ".join(slips) or f"{EXAMPLE}; {names}"

    def _condition(self, node: ast.expr) -> Condition:
        match node:
            case ast.BoolOp(op=ast.And(), values=values):
                return _every([self._condition(value) for value in values])
            case ast.BoolOp(values=values):
                return _some([self._condition(value) for value in values])
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                inner = self._condition(operand)
                return lambda row: not inner(row)
            case ast.Compare(left=left, ops=ops, comparators=others):
                sides = [left, *others]
                pairs = zip(sides, ops, others, strict=False)
                return _every([self._comparison(*pair) for pair in pairs])
            case ast.Call(func=ast.Name(id=name)) if name in PREDICATES:
                return self._predicate(node, PREDICATES[name])
            case _:
                self._refuse(node)

    def _comparison(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> Condition:
        if isinstance(op, ast.Is | ast.IsNot):
            return self._emptiness(left, right, wanted=isinstance(op, ast.Is))
        if isinstance(op, ast.In | ast.NotIn):
            inside = self._membership(left, right)
            return inside if isinstance(op, ast.In) else lambda row: not inside(row)
        a, b = self._term(left), self._term(right)
        self._check_sides(left, a, b, ordered=not isinstance(op, ast.Eq | ast.NotEq))
        if a.number or b.number:
            a, b = self._as_number(left, a), self._as_number(right, b)
        return _compared(COMPARISONS[type(op)], a, b)

    def _check_sides(self, node: ast.expr, a: Term, b: Term, *, ordered: bool) -> None:
        if a.value is not None and b.value is not None:
            self._fail(node.col_offset, "no column in this comparison",
                       "the name of a column has no quotes: country == 'NL'")  # fmt: skip
        for value in (a.value, b.value):
            if ordered and isinstance(value, str) and not math.isnan(_number(value)):
                self._fail(node.col_offset, f"{value!r} in quotes is compared letter by letter",
                           f"write {value.strip()} to compare numbers")  # fmt: skip

    def _emptiness(self, left: ast.expr, right: ast.expr, *, wanted: bool) -> Condition:
        if not isinstance(right, ast.Name) or right.id != "empty":
            self._fail(right.col_offset, "is takes one word: empty", "== compares")
        read = self._text(left).read
        return lambda row: (not read(row).strip()) is wanted

    def _membership(self, left: ast.expr, right: ast.expr) -> Condition:
        if isinstance(right, ast.Tuple | ast.List | ast.Set):
            return self._one_of(left, right.elts)
        part, whole = self._text(left), self._text(right)
        if whole.value is not None:
            self._fail(right.col_offset, "in needs a list with a comma, or a column",
                       f"({whole.value!r},), or == {whole.value!r}")  # fmt: skip
        return _compared(lambda a, b: a in b, part, whole)

    def _one_of(self, left: ast.expr, items: list[ast.expr]) -> Condition:
        terms = [self._term(item) for item in items]
        kinds = {term.number for term in terms}
        if len(kinds) != 1 or any(term.value is None for term in terms):
            self._fail(left.col_offset, "a list holds texts only, or numbers only",
                       "country in ('NL', 'BE')")  # fmt: skip
        known, term = frozenset(term.value for term in terms), self._term(left)
        if term.value is not None:
            self._fail(left.col_offset, "no column in this comparison", "country in ('NL', 'BE')")
        read = (self._as_number(left, term) if kinds == {True} else self._text(left)).read
        return lambda row: read(row) in known

    def _predicate(self, node: ast.Call, test: Callable[[str, str], bool]) -> Condition:
        if len(node.args) != 2 or node.keywords:
            self._fail(node.col_offset, "needs a column and a text", "startswith(plan, 'pro')")
        return _compared(test, self._text(node.args[0]), self._text(node.args[1]))

    def _text(self, node: ast.expr) -> Term:
        term = self._term(node)
        if term.number:
            self._fail(node.col_offset, "text is wanted here", "put the number in quotes")
        return term

    def _term(self, node: ast.expr) -> Term:
        match node:
            case ast.Name(id=name):
                at = self._column(self.quoted.get(node.col_offset, name), node.col_offset)
                return Term(operator.itemgetter(at))
            case ast.Constant(value=str(text)):
                return Term(lambda _: text, value=text)
            case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
                return self._constant(node, number)
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)):
                return self._constant(node, -number)
            case ast.Call(func=ast.Name(id=name), args=[inner], keywords=[]) if name in FUNCTIONS:
                function, read = FUNCTIONS[name], self._text(inner).read
                return Term(lambda row: function(read(row)), number=name == "length")
            case _:
                self._refuse(node)

    def _constant(self, node: ast.expr, number: float) -> Term:
        if not abs(number) < 2**53:  # beyond, a float is not exact
            self._fail(node.col_offset, "the number is too long to be compared as one",
                       "put it in quotes to compare it as text")  # fmt: skip
        return Term(lambda _: number, number=True, value=number)

    def _as_number(self, node: ast.expr, term: Term) -> Term:
        if term.number:
            return term
        if term.value is not None:
            self._fail(node.col_offset, f"{term.value!r} is text, the other side a number",
                       "leave the quotes out")  # fmt: skip
        read = term.read
        return Term(lambda row: _number(read(row)), number=True)

    def _column(self, name: str, offset: int) -> int:
        if name in self.index:
            return self.index[name]
        import difflib

        small = {known.lower(): known for known in self.index}
        close = difflib.get_close_matches(name.lower(), small, n=1)
        hint = f"did you mean {_shown(small[close[0]])}?" if close else self._known()
        self._fail(offset, f"there is no column {name!r}", hint)

    def _known(self) -> str:
        return f"columns: {told([*map(_shown, self.index)])}; text stands in quotes"

    def _refuse(self, node: ast.expr) -> NoReturn:
        source = ast.get_source_segment(self.text, node) or ""
        words = source if len(source) <= 40 else source[:40] + "…"
        match node:
            case ast.Name() | ast.Constant(value=str()):
                hint = "compare it: plan == 'pro', or plan is not empty"
            case ast.Constant(value=bool() | None):
                hint = "values are text: write 'true', or use: is empty"
            case ast.BinOp() | ast.Attribute() if source in self.index:
                hint = f"write `{source}`"
            case ast.Call():
                hint = f"functions: {', '.join((*FUNCTIONS, *PREDICATES))}"
            case _:
                hint = f"{EXAMPLE}; a column that is no plain word stands in backticks"
        self._fail(node.col_offset, f"not understood: {words}", hint)

    def _fail(self, offset: int, problem: str, hint: str) -> NoReturn:
        """Raise `InvalidInput`; ``offset`` counts bytes, as `ast` does."""
        place = len(self.text.encode()[:offset].decode(errors="ignore")) + 1
        raise InvalidInput(f"condition, character {place}: {problem}", hint=hint) from None


def _number(text: str) -> float:
    """Return nan where the text is no number: it is unequal to all, and neither more nor less."""
    try:
        return float(text)
    except ValueError:
        return math.nan


def _compared(test: Callable[[Any, Any], bool], a: Term, b: Term) -> Condition:
    read, other = a.read, b.read
    if b.value is not None:  # the usual case spares a call for each row
        value = b.value
        return lambda row: test(read(row), value)
    return lambda row: test(read(row), other(row))


def _every(terms: list[Condition]) -> Condition:
    if len(terms) == 1:
        return terms[0]

    def every(row: Row) -> bool:
        for term in terms:  # noqa: SIM110 - a generator takes twice as long
            if not term(row):
                return False
        return True

    return every


def _some(terms: list[Condition]) -> Condition:
    def some(row: Row) -> bool:
        for term in terms:  # noqa: SIM110
            if term(row):
                return True
        return False

    return some


def _depth(tree: ast.AST) -> int:
    deepest, left = 0, [(tree, 0)]
    while left and deepest <= MAX_DEPTH:
        node, level = left.pop()
        deepest = max(deepest, level)
        left += [(child, level + 1) for child in ast.iter_child_nodes(node)]
    return deepest


def _shown(name: str) -> str:
    return name if name.isidentifier() else f"`{name}`"
