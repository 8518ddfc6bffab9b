"""Documents written out as HTML, as Markdown and as plain text."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from itertools import groupby
from operator import attrgetter

from ..report import Block, Span

_ITEMS = ("bullet", "number", "todo")
_BOX = {False: "☐ ", True: "☑ "}
_TAGS = (("bold", "strong"), ("italic", "em"), ("strike", "s"), ("code", "code"))
_MARKS = (("bold", "**"), ("italic", "*"), ("strike", "~~"))
_SPECIAL = re.compile(r"[\\`*\[\]<|]|_(?!\w)|(?<!\w)_|~(?=~)|(?<=~)~|&(?=#?\w+;)|!\Z")
_OPENING = re.compile(r"(?m)^(?:(?=[-+=:#>])|(\d{1,9})(?=[.)](?:\s|$)))")
_ENTITY = re.compile(r"&(?=#?\w+;)")
_CLOSING = re.compile(r"(?<=[ \t])#(?=#*\Z)")  # of a heading
_LINE_END = re.compile(r"\\?\n")
_EDGE = re.compile(r"(?m)^[ \t]++|(?<![ \t])[ \t]++$")
_TICKS = re.compile("`+")
_SAFE_URL = re.compile(r"https?://[\w./:?=&%#+,;@-]*[\w/]", re.ASCII)


def to_plain(blocks: Sequence[Block]) -> str:
    """Return blocks as text without marks; a link is followed by where it leads."""
    numbers = _Numbers()
    return _joined(blocks, [_plain(block, numbers) for block in blocks])


def _plain(block: Block, numbers: _Numbers) -> str:
    number = numbers.of(block)
    if block.kind == "divider":
        return "———"
    text = block.plain if block.kind == "code" else "".join(map(_plain_span, block.spans))
    mark = {"bullet": "• ", "number": f"{number}. ", "todo": _BOX[block.done]}.get(block.kind)
    if mark:
        indent = "  " * block.level
        return f"{indent}{mark}" + text.replace("\n", f"\n{indent}{' ' * len(mark)}")
    return "> " + text.replace("\n", "\n> ") if block.kind == "quote" else text


def _plain_span(span: Span) -> str:
    shown = span.link.removeprefix("mailto:")
    return f"{span.text} ({shown})" if shown not in ("", span.text) else span.text


def to_html(blocks: Sequence[Block]) -> str:
    """Return blocks as HTML without attributes but ``href``; all text is escaped."""
    done: list[str] = []
    lists: list[str] = []
    for block in blocks:
        item = block.kind in _ITEMS
        tag = "ol" if block.kind == "number" else "ul"
        depth = block.level + 1 if item else 0
        while len(lists) > depth or (item and len(lists) == depth and lists[-1] != tag):
            done.append(f"</li></{lists.pop()}>")
        if item and len(lists) == depth:
            done.append("</li>")
        while len(lists) < depth:
            done.append(f"<{tag}>" if len(lists) == depth - 1 else f"<{tag}><li>")
            lists.append(tag)
        done.append(_html(block))
    return "".join(done + [f"</li></{tag}>" for tag in reversed(lists)])


def _html(block: Block) -> str:
    """Return a block; that of a list item is not closed, for what is nested in it."""
    if block.kind == "divider":
        return "<hr>"
    if block.kind == "code":
        return f"<pre>{html.escape(block.plain)}</pre>"
    inner = "".join(map(_html_span, block.spans))
    if block.kind in _ITEMS:
        return f"<li>{_BOX[block.done] if block.kind == 'todo' else ''}{inner}"
    tag = {"heading": f"h{max(block.level, 1)}", "quote": "blockquote"}.get(block.kind, "p")
    return f"<{tag}>{inner}</{tag}>"


def _html_span(span: Span) -> str:
    text = html.escape(span.text).replace("\n", "<br>")
    for style, tag in reversed(_TAGS):
        if getattr(span, style):
            text = f"<{tag}>{text}</{tag}>"
    return f'<a href="{html.escape(span.link)}">{text}</a>' if span.link else text


def to_markdown(blocks: Sequence[Block]) -> str:
    """Return blocks as Markdown, escaped so that `document.parse` gives them back."""
    numbers = _Numbers()
    indents: list[int] = []  # of the items that this one may be nested in, outermost first
    done: list[str] = []
    for block in blocks:
        number = numbers.of(block)
        mark = {"bullet": "- ", "number": f"{number}. ", "todo": f"- [{' x'[block.done]}] "}
        if block.kind in mark:
            del indents[block.level :]
            before = " " * sum(indents)
            indents.append(len(mark[block.kind].removesuffix("[ ] ").removesuffix("[x] ")))
            text = _inline(block.spans).replace("\n", "\n" + before + " " * indents[-1])
            done.append(f"{before}{mark[block.kind]}{text}")
        else:
            indents = []
            done.append(_markdown(block))
    return _joined(blocks, done)


def _markdown(block: Block) -> str:
    if block.kind == "divider":
        return "---"
    if block.kind == "code":
        fence = "`" * max(3, 1 + max(map(len, _TICKS.findall(block.plain)), default=0))
        return f"{fence}\n{block.plain}\n{fence}"
    text = _inline(block.spans)
    if block.kind == "heading":
        line = _CLOSING.sub(r"\\\g<0>", _LINE_END.sub(" ", text))
        return f"{'#' * max(block.level, 1)} {line}"
    return "> " + text.replace("\n", "\n> ") if block.kind == "quote" else text


def _inline(spans: Sequence[Span]) -> str:
    """Return spans as Markdown, what begins or ends a line escaped too."""
    lines = _edged(_marked(spans, _MARKS))
    return re.sub(r"(?<=\n)(?=\n)|^(?=\n)", r"\\", lines)


def _marked(spans: Sequence[Span], marks: Sequence[tuple[str, str]]) -> str:
    """Return spans with these marks around those of their style, neighbours together."""
    done = ""
    if not marks:
        return "".join(map(_unmarked, spans))
    (style, mark), *others = marks
    for on, group in groupby(spans, key=attrgetter(style)):
        text = _marked([*group], others)
        done = _beside(done, _within(mark, text) if on else text)
    return done


def _unmarked(span: Span) -> str:
    if span.link and span.text == span.link and _SAFE_URL.fullmatch(span.link):
        return f"<{span.link}>"
    text = _code(span.text) if span.code else _SPECIAL.sub(r"\\\g<0>", span.text)
    address = _ENTITY.sub(r"\\&", span.link)
    return f"[{text}](<{address}>)" if address else text


def _within(mark: str, text: str) -> str:
    """Return a text between marks, its blanks outside: beside them, no mark is read."""
    inner = text.strip()
    before, after = text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]
    return f"{before}{mark}{inner}{mark}{after}" if inner else text


def _beside(before: str, after: str) -> str:
    """Return two runs as one: a letter beside a mark becomes an entity where none is read else."""
    inside, outside = before.rstrip("*~"), after.lstrip("*~")
    if inside != before and after[:1].isalnum() and not inside[-1:].isalnum():
        return f"{before}&#{ord(after[0])};{after[1:]}"
    if outside != after and before[-1:].isalnum() and not outside[:1].isalnum():
        return f"{before[:-1]}&#{ord(before[-1])};{after}"
    return before + after


def _code(text: str) -> str:
    ticks = {len(run) for run in _TICKS.findall(text)}
    fence = "`" * next(n for n in range(1, len(ticks) + 2) if n not in ticks)
    pad = " " if text.strip() and (text[:1] in ("`", " ") or text[-1:] in ("`", " ")) else ""
    return f"{fence}{pad}{text.replace(chr(10), ' ')}{pad}{fence}"


def escape(text: str) -> str:
    """Return a text as Markdown in which nothing but line breaks has a meaning."""
    return _edged(_SPECIAL.sub(r"\\\g<0>", text))


def _edged(lines: str) -> str:
    """Return Markdown whose lines begin and end with text: no list, no indented code."""
    escaped = _OPENING.sub(_backslash, lines)
    return _EDGE.sub(lambda blanks: "".join(f"&#{ord(one)};" for one in blanks[0]), escaped)


def _backslash(start: re.Match[str]) -> str:
    return f"{start[1] or ''}\\"


class _Numbers:
    """Which number a list item has, counted for each level."""

    def __init__(self) -> None:
        self._last: list[int] = []

    def of(self, block: Block) -> int:
        del self._last[block.level + 1 if block.kind in _ITEMS else 0 :]
        if block.kind not in _ITEMS:
            return 0
        self._last += [0] * (block.level + 1 - len(self._last))
        self._last[-1] = self._last[-1] + 1 if block.kind == "number" else 0
        return self._last[-1]


def _joined(blocks: Sequence[Block], texts: Sequence[str]) -> str:
    """Return texts of blocks with an empty line between them, but not between list items."""
    done = ""
    for at, text in enumerate(texts):
        tight = at and blocks[at].kind in _ITEMS and blocks[at - 1].kind in _ITEMS
        done += ("\n" if tight else "\n\n" if at else "") + text
    return done
