"""
Documents that no vendor owns: Markdown as blocks, and blocks as text, HTML and Markdown.

Markdown is CommonMark 0.31 with the strikethrough, tables and task lists of GitHub
(https://spec.commonmark.org, https://github.github.com/gfm, read November 2026), but a line
break stays one. Whatever else it holds, raw HTML above all, is the text that it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

from ..report import Block, BlockKind, Span
from .cut import split_blocks, split_text
from .markup import to_html, to_markdown, to_plain

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

__all__ = ["parse", "split_blocks", "split_text", "to_html", "to_markdown", "to_plain"]

DEEPEST = 60  # lists in lists; the parser recurses
LONGEST = 10_000  # characters of a paragraph; brackets that do not close take quadratic time
_LINK = re.compile(r"(?:https?://|mailto:)[^\s<>]", re.IGNORECASE)
_BARE = re.compile(r"https?://(?=\w)[^\s<>\"`]*[^\s<>\"`.,;:!?'…)\]*_~|]", re.IGNORECASE)
_TASK = re.compile(r"\[([ xX])\][ \t]+")
_STYLES = {"strong": "bold", "em": "italic", "s": "strike"}
_CELL = Span(" | ")


def parse(markdown: str) -> tuple[Block, ...]:
    """Return Markdown as blocks, none of them empty but dividers.

    Links to anything but http, https and mailto are text, images are links, rows of a table are
    paragraphs, and what stands in a list item below its first paragraph is of that item.
    """
    tokens = _parser().parse(markdown)
    if max((token.level for token in tokens), default=0) >= DEEPEST - 1:
        # The parser leaves out what is deeper than it goes.
        paragraphs = (part.strip() for part in re.split(r"\n\s*\n", markdown))
        return tuple(Block("text", (Span(part),)) for part in paragraphs if part)
    blocks: list[Block] = []
    for block in _Reader().blocks(tokens):
        deepest = blocks[-1].level + 1 if blocks and _is_item(blocks[-1]) else 0
        blocks.append(replace(block, level=min(block.level, deepest)) if _is_item(block) else block)
    return tuple(blocks)


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False, "maxNesting": DEEPEST})
    parser.enable(["strikethrough", "table"]).disable(["inline", "text_join"])
    parser.validateLink = lambda url: bool(_LINK.match(url))  # type: ignore[method-assign]
    return parser


def _is_item(block: Block) -> bool:
    return block.kind in ("bullet", "number", "todo")


class _Reader:
    """The blocks of the parser's tokens; ``lists`` are those that are open."""

    def __init__(self) -> None:
        self.lists: list[BlockKind] = []
        self.quotes = self.heading = 0
        self.item: Block | None = None  # the one that is being read, before what is nested in it
        self.row: list[Span] | None = None

    def blocks(self, tokens: Sequence[Token]) -> Iterator[Block]:
        for token in tokens:
            if token.type in ("fence", "code_block", "hr"):
                yield from self._done()
                yield from _alone(token)
            elif token.type == "inline":
                yield from self._inline(token)
            else:
                yield from self._bracket(token)
        yield from self._done()

    def _bracket(self, token: Token) -> Iterator[Block]:
        """Go into, or out of, what holds others."""
        name, _, _ = token.type.rpartition("_")
        if name in ("bullet_list", "ordered_list"):
            yield from self._done()
            if token.nesting > 0:
                self.lists.append("bullet" if name == "bullet_list" else "number")
            else:
                self.lists.pop()
        elif name == "list_item":
            yield from self._done()
            if token.nesting > 0:
                self.item = Block(self.lists[-1], level=len(self.lists) - 1)
        elif name == "heading":
            self.heading = min(int(token.tag[1]), 3) if token.nesting > 0 else 0
        elif name == "blockquote":
            yield from self._done()
            self.quotes += token.nesting
        elif name == "tr":
            yield from self._row(token)

    def _row(self, token: Token) -> Iterator[Block]:
        yield from self._done()
        if token.nesting > 0:
            self.row = []
        elif row := _merged(self.row or ()):
            yield Block("text", row)
        if token.nesting < 0:
            self.row = None

    def _inline(self, token: Token) -> Iterator[Block]:
        spans = _spans(token.content)
        if self.row is not None:
            self.row += [_CELL, *spans] if self.row else spans or [Span(" ")]
        elif self.heading:
            yield from self._done()
            if spans:
                line = (span._replace(text=span.text.replace("\n", " ")) for span in spans)
                yield Block("heading", tuple(line), self.heading)
        elif self.item is not None:
            self.item = _grown(self.item, spans)
        elif spans:
            yield Block("quote" if self.quotes else "text", spans)

    def _done(self) -> Iterator[Block]:
        if self.item is not None and self.item.spans:
            yield self.item
        self.item = None


def _alone(token: Token) -> Iterator[Block]:
    if token.type == "hr":
        yield Block("divider")
    elif code := token.content.removesuffix("\n"):
        yield Block("code", (Span(code),))


def _grown(item: Block, spans: tuple[Span, ...]) -> Block:
    """Return a list item with one more paragraph; its first one may be a task."""
    if item.spans:
        return replace(item, spans=_merged((*item.spans, Span("\n\n"), *spans)))
    if spans and (task := _TASK.match(spans[0].text)):
        rest = spans[0]._replace(text=spans[0].text[task.end() :])
        spans = _merged((rest, *spans[1:]))
        return replace(item, kind="todo", spans=spans, done=task[1] != " ")
    return replace(item, spans=spans)


def _spans(source: str) -> tuple[Span, ...]:
    """Return the runs of a paragraph in one style each."""
    if len(source) > LONGEST:
        return (Span(source),)
    tokens: list[Token] = []
    _parser().inline.parse(source, _parser(), {}, tokens)
    return _merged([part for span in _merged([*_styled(tokens)]) for part in _with_links(span)])


def _styled(tokens: Sequence[Token]) -> Iterator[Span]:
    style: dict[str, int] = dict.fromkeys(_STYLES.values(), 0)
    link = ""
    for token in tokens:
        name, _, _ = token.type.rpartition("_")
        if name in _STYLES:
            style[_STYLES[name]] += token.nesting
        elif name == "link":
            link = str(token.attrGet("href") or "") if token.nesting > 0 else ""
        else:
            now: dict[str, Any] = {key: depth > 0 for key, depth in style.items()}
            yield from _leaf(token, Span("", **now, link=link))


def _leaf(token: Token, style: Span) -> Iterator[Span]:
    if token.type == "image":
        link = style.link or str(token.attrGet("src") or "")
        children = token.children or ()
        words = "".join(" " if c.type == "softbreak" else c.content for c in children).strip()
        yield style._replace(text=words or link, link=link)
    elif token.type in ("softbreak", "hardbreak"):
        yield style._replace(text="\n")
    elif token.type == "code_inline":
        yield style._replace(text=token.content, code=True)
    else:
        yield style._replace(text=token.content)


def _with_links(span: Span) -> Iterator[Span]:
    """Yield a run in which addresses are links, as readers expect them to be."""
    at = 0
    for address in _BARE.finditer(span.text) if not (span.link or span.code) else ():
        if address.start() > at:
            yield span._replace(text=span.text[at : address.start()])
        yield span._replace(text=address[0], link=_parser().normalizeLink(address[0]))
        at = address.end()
    if at < len(span.text):
        yield span._replace(text=span.text[at:])


def _merged(spans: Sequence[Span]) -> tuple[Span, ...]:
    """Return spans with neighbours of one style made one, without empty ones."""
    done: list[Span] = []
    for span in spans:
        if done and span.text and done[-1]._replace(text="") == span._replace(text=""):
            done[-1] = span._replace(text=done[-1].text + span.text)
        elif span.text:
            done.append(span)
    return tuple(done)
