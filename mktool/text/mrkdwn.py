"""
Markdown as people write it, turned into the mrkdwn of team chats.

Bold is ``*x*`` there, italic ``_x_``, strike ``~x~``, a link ``<url|text>``, and ``&``, ``<`` and
``>`` are the only characters to escape (https://api.slack.com/reference/surfaces/formatting,
2026). As every ``<`` that is not a link's is escaped, a text cannot notify a channel.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from ..report import Block, Span

_FENCE = re.compile(r"[ ]{0,3}(`{3,}|~{3,})(?P<info>[^`]*)")
_HEADING = re.compile(r"[ ]{0,3}#{1,6}[ \t]+(?P<title>.*?)(?:[ \t]+#+)?[ \t]*")
_QUOTE = re.compile(r"[ ]{0,3}(?P<marks>(?:>[ ]?)+)(?P<rest>.*)")
_ADDRESS = r"(?:https?://|mailto:)[^\s<>()|]*(?:\([^\s<>()|]*\)[^\s<>()|]*)*"
# One token at a time, from the left; what no rule wants is plain text.
_TOKEN = re.compile(
    r"(?P<ticks>`++)(?P<code>.+?)(?<!`)(?P=ticks)(?!`)"
    r"|\\(?P<literal>[!-/:-@\[-`{-~])"
    rf"|!?\[(?P<label>(?:[^\[\]\\]|\\.)*+)\]\(<?(?P<to>{_ADDRESS})>?(?:\s+\"[^\"]*\")?\)"
    rf"|<(?P<auto>{_ADDRESS})>"
    r"|(?P<address>https?://[^\s<>*~]+)"
    r"|\*{3}(?=[^\s*])(?P<both>[^*]+)(?<=\S)\*{3}"
    r"|\*{2}(?=[^\s*])(?P<bold>(?:[^*]|\*(?!\*))+?)(?<=\S)\*{2}(?!\*)"
    r"|(?<!\w)_{2}(?=[^\s_])(?P<bold2>(?:[^_]|_(?!_))+?)(?<=\S)_{2}(?!\w)"
    r"|(?<!\*)\*(?=\S)(?P<italic>(?:[^*]|\*\*[^*]+\*\*)+?)(?<=\S)\*(?!\*)"
    r"|(?<!\w)_(?=\S)(?P<italic2>(?:[^_]|(?<=\w)_(?=\w)|__[^_]+__)+?)(?<=\S)_(?!\w)"
    r"|~~(?=\S)(?P<strike>[^~]+)(?<=\S)~~"
)
_MARKUP = re.compile(r"\\(.)|\*+|`+|~~")  # not rendered between < and >
_DEPTH = 8
_MARKS = {"bold": "*", "bold2": "*", "italic": "_", "italic2": "_", "strike": "~"}


def escape(text: str) -> str:
    """Return the text with ``&``, ``<`` and ``>`` escaped, nothing else changed."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


# A person to be looked up. As no text holds a bare "<", only `from_block` can have written it.
MENTION = re.compile(r"<@(?P<email>[^\s<>@|]+@[^\s<>@|]+)\|(?P<name>[^<>|]*)>")
_LONGEST_LINK = 2000  # characters; a longer one is left out, its text is not


def mentioned(text: str, id_of: Callable[[str], str]) -> str:
    """Return mrkdwn in which people are mentioned whose id is known, the others named."""
    return MENTION.sub(
        lambda person: f"<@{id}>" if (id := id_of(person["email"])) else person["name"], text
    )


def from_block(block: Block, number: int = 0) -> str:
    """Return a paragraph of a document as mrkdwn; ``number`` is that of a list item.

    Who is named with an address becomes a `MENTION`.
    """
    if block.kind == "divider":
        return "———"
    if block.kind == "code":
        return f"```\n{escape(block.plain).replace('```', '` ` `')}\n```"
    if block.kind == "heading":
        return _styled(" ".join(block.plain.split()), "*")
    text = _spans(block.spans)
    if block.kind == "quote":
        return "\n".join(f">{line}" for line in text.split("\n"))
    signs = {"bullet": "• ", "number": f"{number}. ", "todo": "☑ " if block.done else "☐ "}
    indent = "    " * block.level
    return indent + signs.get(block.kind, "") + text.replace("\n", f"\n{indent}")


def _spans(spans: Sequence[Span]) -> str:
    return "".join(map(_span, spans))


def _span(span: Span) -> str:
    marks = "~" * span.strike + "_" * span.italic + "*" * span.bold + "`" * span.code
    if span.email:
        words = escape(span.text).replace("|", "¦")
        mention = f"<@{escape(span.email)}|{words}>"
        return mention if MENTION.fullmatch(mention) else words
    if span.link and len(escape(span.link)) <= _LONGEST_LINK:
        return _styled(_link(span.link, span.text), marks, escaped=True)
    return _styled(span.text, marks)


def _styled(text: str, marks: str, *, escaped: bool = False) -> str:
    """Mark each line by itself, and not the blanks around it: else the marks are shown."""
    lines = (text if escaped else escape(text)).split("\n")
    return "\n".join(
        re.sub(r"^(\s*)(.*?\S)(\s*)$", rf"\1{marks}\2{marks[::-1]}\3", line) for line in lines
    )


def from_markdown(text: str) -> str:
    """Return Markdown as mrkdwn.

    Knows bold, italic, strike, links, images (as links), headings (as bold), quotes, code and
    fences, whose language is left out; lists stay as they are. Emphasis may not span lines.
    """
    lines: list[str] = []
    fence = ""
    for line in text.splitlines():
        match = _FENCE.fullmatch(line)
        if fence and match and match[1].startswith(fence) and not match["info"].strip():
            lines.append("```")
            fence = ""
        elif fence:
            lines.append(escape(line))
        elif match:
            fence = match[1]
            lines.append("```")
        else:
            lines.append(_line(line))
    return "\n".join(lines + ["```"] * bool(fence))


def _line(line: str) -> str:
    if match := _HEADING.fullmatch(line):
        title = _inline(match["title"], "*")
        return f"*{title}*" if title else ""
    if match := _QUOTE.fullmatch(line):  # a leading > is the one that is not escaped
        return ">" + (" " if match["rest"] else "") + _inline(match["rest"])
    return _inline(line)


def _inline(text: str, inside: str = "") -> str:
    """Convert one line; ``inside`` are the marks already open, which do not nest."""
    done: list[str] = []
    at = 0
    for match in _TOKEN.finditer(text):
        done += escape(text[at : match.start()]), _token(match, inside)
        at = match.end()
    return "".join(done) + escape(text[at:])


def _token(match: re.Match[str], inside: str) -> str:
    kind = match.lastgroup or ""
    if kind == "code":
        return f"`{escape(match['code'])}`"
    if kind == "to":
        return _link(match["to"], match["label"])
    if kind == "auto":
        return f"<{escape(match['auto'])}>"
    if kind == "both":
        return _marked(f"_{match['both']}_", "*", inside)
    if kind in _MARKS:
        return _marked(match[kind], _MARKS[kind], inside)
    return escape(match[kind])


def _marked(text: str, mark: str, inside: str) -> str:
    inner = _inline(text, inside + mark) if len(inside) < _DEPTH else escape(text)
    return inner if mark in inside else f"{mark}{inner}{mark}"


def _link(address: str, label: str) -> str:
    words = escape(_MARKUP.sub(r"\1", label)).replace("|", "¦").strip()  # | ends the address
    address = escape(address.replace("|", "%7C"))
    return f"<{address}|{words}>" if words else f"<{address}>"
