"""Content for vendors that merge: once with tokens, and what replaces them for each recipient."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from minijinja import Environment

from ...errors import Unsupported
from ...text.template import Segment, literal, scan
from .columns import COLUMN, CONSTANT
from .content import Content, compile, one_line, unsubscribe_template
from .prepare import Parts, reading
from .program import (
    Piece,
    Program,
    is_scoped,
    slashes_are_safe,
    with_slashes,
)

_OPENING = {"if", "for", "with", "filter", "autoescape"}
_MOST_TOKENS = 500
_SAMPLES = ("a", "<&'\"/> \r\n 😀")


class Merge(NamedTuple):
    """Content with ``tokens`` where recipients differ."""

    subject: str
    html: str
    text: str
    tokens: tuple[str, ...]


class Splitter:
    """Content with tokens, and the means to tell what replaces them."""

    def __init__(self, merged: Merge, program: Program, subjects: int) -> None:
        self.merged = merged
        self._program = program
        self._subjects = subjects

    def values(self, values: Mapping[str, str]) -> tuple[str, ...]:
        """Return what replaces each token for a recipient, escaped where it stands in HTML.

        ValueError with the reason if the recipient's copy cannot be made.
        """
        if not self.merged.tokens:
            return ()
        found = self._program.run(values)
        for place in range(self._subjects):
            found[place] = one_line(found[place])
        return tuple(found)

    def all_values(self, columns: Mapping[str, Sequence[str]]) -> list[Sequence[str]] | None:
        """Return, by token, what replaces it for many, whose values, of one line each, ``columns``
        has by name; None where it has to be asked for one by one."""
        return self._program.run_all(columns) if self.merged.tokens else []


def split(parts: Parts, *, mark: str) -> Splitter | None:
    """Return the content in tokens such as ``-mark.1-``, or None where it cannot be taken apart.

    No value may contain ``mark``: draw it at random for each campaign. InvalidInput for templates
    that cannot be read.
    """
    whole = compile(parts)
    if not all(map(is_scoped, parts[:3])):
        return None
    tokens = _Tokens(mark)
    subject, source, text = (
        _exchanged(template, partial(tokens.token, name))
        for name, template in zip(Parts._fields[:3], parts[:3], strict=True)
    )
    if len(tokens.found) > _MOST_TOKENS:
        return None
    pieces = [Piece(part, old, html=part == "html") for part, old in tokens.found]
    asked = any("unsubscribe" in piece.source for piece in pieces)
    slashes = slashes_are_safe(parts.html)
    source = with_slashes(source) if slashes else source
    splitter = Splitter(
        Merge(one_line(subject), source, text, tuple(tokens.found.values())),
        Program(pieces, unsubscribe_template(parts) if asked else "", slashes=slashes),
        subjects=sum(piece.name == "subject" for piece in pieces),
    )
    samples = (dict.fromkeys(whole.variables, sample) for sample in _SAMPLES)
    return splitter if all(_agree(whole, splitter, sample) for sample in samples) else None


class _Tokens:
    """The tokens for what differs: one for the same source in the same part."""

    def __init__(self, mark: str) -> None:
        self._mark = mark
        self.found: dict[tuple[str, str], str] = {}

    def token(self, part: str, source: str) -> str:
        return self.found.setdefault((part, source), f"-{self._mark}.{len(self.found) + 1}-")


def _exchanged(template: str, exchange: Callable[[str], str]) -> str:
    """Return the template with ``exchange`` of each value and each whole block in its place.

    The engine writes it, so that comments, raw text and the blanks around tags are its matter.
    """
    done: list[str] = []
    block: list[Segment] = []
    depth = 0
    for segment in scan(template):
        if segment.kind == "block":
            depth += (segment.word in _OPENING) - segment.word.startswith("end")
        if segment.kind == "block" or depth:
            block.append(segment)
        elif segment.kind == "value" and not CONSTANT.fullmatch(segment.inner):
            done.append(segment.around(literal(exchange(f"{{{{ {segment.inner} }}}}"))))
        else:
            done.append(segment.source)
        if block and not depth:
            left, right = block[0].source[2], block[-1].source[-3]
            edges = Segment("value", f"{{{{{left}{right}}}}}", block[0].line)
            done.append(edges.around(literal(exchange("".join(part.source for part in block)))))
            block = []
    return _written("".join(done))


def _written(template: str) -> str:
    return Environment(keep_trailing_newline=True).render_str(template)


def _agree(whole: Content, splitter: Splitter, values: Mapping[str, str]) -> bool:
    """Tell whether the merged content is what it would be if it were rendered whole."""
    try:
        merged = "\0".join(splitter.merged[:3])
        for token, value in zip(splitter.merged.tokens, splitter.values(values), strict=True):
            merged = merged.replace(token, value)
    except ValueError:
        return bool(whole.problem(values))
    return not whole.problem(values) and merged == "\0".join(whole.render(values)[:3])


def merge_tags(parts: Parts, tag: Callable[[str, str], str]) -> Parts:
    """Return the parts in a vendor's own language.

    ``tag(name, default)`` is what stands for a column. Unsupported, with part and line, for what
    is more than a column with a default.
    """
    return Parts(
        *(_merged(part, template, tag) for part, template in zip(Parts._fields, parts, strict=True))
    )


def _merged(part: str, template: str, tag: Callable[[str, str], str]) -> str:
    with reading(part):
        segments = [*scan(template)]
    return _written("".join(_vendor_tag(part, segment, tag) for segment in segments))


def _vendor_tag(part: str, segment: Segment, tag: Callable[[str, str], str]) -> str:
    if segment.kind in ("text", "raw", "comment"):
        return segment.source
    if segment.kind == "value" and CONSTANT.fullmatch(segment.inner):
        return segment.source
    found = COLUMN.fullmatch(segment.inner)
    if segment.kind == "block" or not found:
        shown = f"{{% {segment.word} %}}" if segment.kind == "block" else segment.source
        raise Unsupported(
            f"{part} line {segment.line}: {shown} cannot be merged by this provider",
            hint="use {{ column }} or {{ column | default('…') }}",
        )
    default = _written(f"{{{{ {found[2]} }}}}") if found[2] else ""
    return segment.around(
        literal(tag(found[1], html.escape(default) if part == "html" else default))
    )
