"""
Where the tags of a template stand: ``{{ value }}``, ``{% block %}``, ``{# comment #}``.

The syntax is MiniJinja's (https://docs.rs/minijinja, syntax, read November 2026). Only the
engine evaluates a template; this finds its tags, so that they can be kept out of the way of what
knows HTML or URLs, be wrapped, or be exchanged for a vendor's own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import count
from typing import Literal, NamedTuple

Kind = Literal["text", "value", "block", "raw", "comment"]

# The engine's parser recurses on the C stack, without a limit on signs and on branches.
LONGEST_TAG = 1000
MOST_BRANCHES = 200

_STRING = r'"(?:[^"\\]++|\\.)*+"' + r"|'(?:[^'\\]++|\\.)*+'"
_OPENING = re.compile(r"\{[{%#]")
_STEP = re.compile(rf"{_STRING}|[\"'{{}}]|%\}}", re.DOTALL)
_RAW = re.compile(r"\{%[-+]?\s*+raw\s*+[-+]?%\}")
_ENDRAW = re.compile(r"\{%[-+]?\s*+endraw\s*+[-+]?%\}")
_WORD = re.compile(rf"{_STRING}|[^\W\d]\w*+|\s++|==|.", re.DOTALL)
_MARK = re.compile(r"zq([0-9]{1,9})q")
_ENCODED = re.compile(r"\|\s*(?:urlencode|safe)\s*$")
_RESERVED = {
    "and", "or", "not", "in", "is", "if", "else", "elif", "for", "true", "false", "none", "True",
    "False", "None", "loop", "self", "range", "dict", "namespace", "cycler", "joiner",
}  # fmt: skip


class Fault(ValueError):
    """The template cannot be read; the text names the line."""


class Segment(NamedTuple):
    """A tag of a template, or the text up to the next one. ``line`` counts from 1."""

    kind: Kind
    source: str
    line: int

    @property
    def inner(self) -> str:
        """What stands between the delimiters of a value or a block."""
        return self.source[2:-2].removeprefix("-").removeprefix("+").rstrip("-+").strip()

    @property
    def word(self) -> str:
        """The keyword of a block."""
        return self.inner.partition(" ")[0].split("\n")[0].split("(")[0]

    def around(self, inner: str) -> str:
        """Return the tag with something else in it; it trims the blanks around it as before."""
        left = self.source[2] if self.source[2] in "-+" else ""
        right = self.source[-3] if self.source[-3] in "-+" else ""
        return f"{self.source[:2]}{left} {inner} {right}{self.source[-2:]}"


def scan(template: str) -> Iterator[Segment]:
    """Yield the segments of a template, which make it up again; Fault where a tag is not closed."""
    at, line = 0, 1
    while opening := _OPENING.search(template, at):
        start = opening.start()
        if start > at:
            yield Segment("text", template[at:start], line)
            line += template.count("\n", at, start)
        kind, at = _tag(template, start, line)
        yield Segment(kind, template[start:at], line)
        line += template.count("\n", start, at)
    if at < len(template):
        yield Segment("text", template[at:], line)


def _tag(template: str, start: int, line: int) -> tuple[Kind, int]:
    opening = template[start : start + 2]
    if opening == "{#":
        end = template.find("#}", start + 2)
        if end < 0:
            raise Fault(f"line {line}: {{# is not closed")
        return "comment", end + 2
    if raw := _RAW.match(template, start):
        if not (end_of_raw := _ENDRAW.search(template, raw.end())):
            raise Fault(f"line {line}: {{% raw %}} is not closed")
        return "raw", end_of_raw.end()
    end = _close(template, start + 2, "%}" if opening == "{%" else "}}")
    if end < 0:
        shown = template[start : start + 20].splitlines()[0]
        raise Fault(f"line {line}: {shown} … is not closed within {LONGEST_TAG} characters")
    return ("block" if opening == "{%" else "value"), end


def _close(template: str, start: int, closing: str) -> int:
    """Return where a tag ends, or -1: quotes are skipped, and braces close what they open."""
    depth, limit, at = 0, min(start + LONGEST_TAG, len(template)), start
    while step := _STEP.search(template, at, limit):
        at = step.end()
        if depth == 0 and template.startswith(closing, step.start()):
            return step.start() + 2
        if step[0] in "\"'":  # opens a string that does not end
            return -1
        depth += (step[0] == "{") - (step[0] == "}")
    return -1


def check(segments: Iterable[Segment]) -> None:
    """Raise Fault for what reaches for another file, and for more branches than can be parsed."""
    branches = 0
    for segment in segments:
        if segment.kind != "block":
            continue
        if segment.word in ("include", "import", "from", "extends"):
            raise Fault(
                f"line {segment.line}: {{% {segment.word} %}} is not available: "
                "a template is one file"
            )
        branches += segment.word == "elif"
        if branches > MOST_BRANCHES:
            raise Fault(f"line {segment.line}: more than {MOST_BRANCHES} {{% elif %}}")


def variable_name(column: str) -> str:
    """Return what a column is called in a template: "First name" is ``first_name``."""
    if column.isidentifier() and column not in _RESERVED:
        return column
    name = re.sub(r"\W+", "_", column.lower()).strip("_")
    if not name.isidentifier():
        name = f"_{re.sub(r'[^a-z0-9_]+', '_', name)}"
    return f"{name}_" if name in _RESERVED else name


def literal(text: str) -> str:
    """Return a text as a constant of the template language."""
    return json.dumps(text, ensure_ascii=False)


def url_encoded(segment: Segment) -> str:
    """Return a segment of a URL: what it inserts is percent-encoded (RFC 3986, section 2.1)."""
    if segment.kind != "value" or _ENCODED.search(segment.inner):
        return segment.source
    return segment.around(f"({segment.inner}) | urlencode")


def bind(template: str, expressions: Mapping[str, str]) -> str:
    """Return the template with names exchanged for expressions.

    ``{"name": 'name | default("x")'}`` gives a name its default, but where it has one already.
    Fault where a tag is not closed.
    """
    return "".join(_bound(segment, expressions) for segment in scan(template))


def _bound(segment: Segment, expressions: Mapping[str, str]) -> str:
    if segment.kind not in ("value", "block"):
        return segment.source
    words = _WORD.findall(segment.inner)
    solid = [place for place, word in enumerate(words) if not word.isspace()]
    first = _first_expression(segment, [words[place] for place in solid])
    touched = False
    for at in range(first, len(solid)):
        near = _Near(*(_at(words, solid, at + step) for step in (-2, -1, 0, 1, 2)))
        if near.name in expressions and near.is_free(expressions[near.name]):
            alone = segment.kind == "value" and at == 0 and near.after in ("", "|")
            new = expressions[near.name]
            words[solid[at]] = new if alone else f"({new})"
            touched = True
    return segment.around("".join(words)) if touched else segment.source


def _at(words: list[str], solid: list[int], at: int) -> str:
    return words[solid[at]] if 0 <= at < len(solid) else ""


def _first_expression(segment: Segment, words: list[str]) -> int:
    """Return where in a tag expressions begin, which name what they use and bind nothing."""
    if segment.kind == "value":
        return 0
    if segment.word in ("if", "elif", "with"):
        return 1
    target = {"for": "in", "set": "="}.get(segment.word)
    return words.index(target) + 1 if target in words else len(words)


class _Near(NamedTuple):
    """A word of a tag among its neighbours."""

    before2: str
    before: str
    name: str
    after: str
    after2: str

    def is_free(self, expression: str) -> bool:
        """Tell whether the word is a variable: no attribute, filter, test, function or keyword."""
        if self.before in (".", "|", "is") or (self.before2, self.before) == ("is", "not"):
            return False
        if self.after in ("=", "("):
            return False
        has_default = self.after == "|" and self.after2 in ("default", "d")
        return not (has_default and expression.startswith(f"{self.name} |"))


class Veil:
    """Stand-ins for the tags of a template, while something works on it that knows HTML only.

    A stand-in is a word that occurs nowhere in the template, and the same in each run; ``block``
    finds those of blocks, of which none may be lost.
    """

    def __init__(self, template: str, *others: str) -> None:
        taken = {int(one) for one in _MARK.findall("\n".join((template, *others)).lower())}
        mark = f"zq{next(one for one in count() if one not in taken)}q"
        self._mark = mark
        self._tags: list[str] = []
        self._words = re.compile(f'<!--({mark}b[0-9]+)z-->|({mark}[bcv][0-9]+)z(?:="")?')
        self.block = re.compile(f"{mark}b[0-9]+z")
        self.text = self.over(template)

    def over(self, template: str) -> str:
        """Return a template, the first one or another, with its tags veiled."""
        return "".join(self._veiled(segment) for segment in scan(template))

    def _veiled(self, segment: Segment) -> str:
        if segment.kind == "text":
            return segment.source
        self._tags.append(segment.source)
        kind = {"value": "v", "comment": "c"}.get(segment.kind, "b")
        return f"{self._mark}{kind}{len(self._tags) - 1}z"

    def lift(self, text: str) -> str:
        """Return the text with the tags in their places again."""
        return self._words.sub(lambda word: self._tag(word[1] or word[2]), text)

    def _tag(self, word: str) -> str:
        return self._tags[int(word[len(self._mark) + 1 :])]
