"""
The Markdown of Adaptive Cards: bold, italic, lists and links, nothing else.

https://learn.microsoft.com/microsoftteams/platform/task-modules-and-cards/cards/cards-format
(read 2026-11). Headings, quotes and code have no form of their own there.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from ..report import Block, Span

_SPECIAL = re.compile(r"([\\*_~`\[\]])|(&(?=#?\w+;))|<")
_AT_START = re.compile(r"^(\s*)([-+#>=]|\d+(?=[.)]))", re.MULTILINE)
_LONGEST_LINK = 2000  # characters; of a longer one the text is shown


def escape(text: str) -> str:
    """Return plain text as Markdown that shows it."""
    return _AT_START.sub(_at_start, _SPECIAL.sub(_special, text))


def from_block(block: Block, number: int = 0, person: Callable[[Span], str] | None = None) -> str:
    """Return a paragraph of a document; ``number`` is that of a list item.

    Lines have an empty one between them, which shows them as lines, but in lists. ``person``
    returns what stands for a span with an address.
    """
    if block.kind == "divider":
        return ""
    text = "".join(
        person(span) if person and span.email else from_span(span) for span in block.spans
    )
    signs = {"bullet": "- ", "number": f"{number}. ", "todo": "☑ " if block.done else "☐ "}
    between = "\n" if block.kind in ("bullet", "number") else "\n\n"
    indent = "    " * block.level if block.kind in signs else ""
    return indent + signs.get(block.kind, "") + re.sub(r"\n+", between, text)


def from_span(span: Span) -> str:
    """Return a run of text in its style."""
    marks = "**" * span.bold + "_" * span.italic
    if span.link and len(span.link) <= _LONGEST_LINK:
        return f"[{escape(' '.join(span.text.split()))}]({_address(span.link)})"
    return "\n".join(_marked(line, marks) for line in span.text.split("\n"))


def _marked(line: str, marks: str) -> str:
    words = line.strip()
    if not (words and marks):
        return escape(line)
    before, _, after = line.partition(words)
    return f"{before}{marks}{escape(words)}{marks[::-1]}{after}"


def _address(link: str) -> str:
    return re.sub(r"[\s()<>\\]", lambda c: f"%{ord(c[0]):02X}", link)


def _special(found: re.Match[str]) -> str:
    if found[1]:
        return f"\\{found[1]}"
    return "&amp;" if found[2] else "&lt;"


def _at_start(found: re.Match[str]) -> str:
    if found[2].isdigit():
        return f"{found[1]}{found[2]}\\"
    return f"{found[1]}\\{found[2]}"
