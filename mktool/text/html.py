"""
The HTML of mails: where its tags stand, its links, its text.

Tags are found as browsers find them (https://html.spec.whatwg.org/multipage/parsing.html,
"tokenization", read November 2026), in one pass whatever the input: `html.parser` gives no
places of attributes, and before Python 3.13.6 takes quadratic time on tags that do not end.
"""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import NamedTuple

DEEPEST = 300  # elements in each other; libraries recurse on the C stack, mails have about 50

_MARKUP = re.compile(r"<(?:(!--)|([!?])|(/?[a-zA-Z][^\s/>]*+))")
_ATTRIBUTE = re.compile(
    r"""[\s/]*+(?:(?P<end>>)|(?P<name>[^\s/>][^\s/>=]*+)
    (?:\s*+=\s*+(?:"(?P<double>[^"]*+)(?:"|\Z)|'(?P<single>[^']*+)(?:'|\Z)
    |(?P<bare>[^\s>"'][^\s>]*+))?+)?+)""",
    re.VERBOSE,
)
_VERBATIM = {"script", "style", "textarea", "title", "xmp", "iframe", "noembed", "noframes"}
_NO_END_TAG = {
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source",
    "track", "wbr",
}  # fmt: skip
_END_TAG_LEFT_OUT = {
    "p", "li", "dt", "dd", "option", "optgroup", "tr", "td", "th", "thead", "tbody", "tfoot",
    "colgroup", "html", "head", "body",
}  # fmt: skip
_FLAT = {"!--"} | _NO_END_TAG | _END_TAG_LEFT_OUT
_BETWEEN_ROWS = {
    "table", "thead", "tbody", "tfoot", "/thead", "/tbody", "/tfoot", "/tr", "/caption",
    "/colgroup",
}  # fmt: skip
_BETWEEN_CELLS = {"tr", "/td", "/th"}
_BLANKS = re.compile(r"[ \t\r\n]+")
_BLANK_LINES = re.compile(r"\n{3,}")
_ONE_BLANK = re.compile(r"^ (?=\S)", re.MULTILINE)  # of a cell; a list in a list has two


class Tag(NamedTuple):
    """A start or end tag (``a``, ``/a``) or a comment (``!--``).

    ``reach`` is where text goes on: behind the tag, or behind the contents of a script.
    ``href`` is where the value of that attribute stands.
    """

    name: str
    start: int
    end: int
    reach: int
    href: tuple[int, int] = (0, 0)


def tags(source: str) -> Iterator[Tag]:
    """Yield the tags and comments of a document in order."""
    at = 0
    while opening := _MARKUP.search(source, at):
        start = opening.start()
        if opening[3]:
            tag = _tag(source, start, opening.end(), opening[3].lower())
        else:
            closing = "-->" if opening[1] else ">"
            end = _behind(source, closing, start + 2)
            tag = Tag("!--", start, end, end)
        yield tag
        at = tag.reach


def _tag(source: str, start: int, at: int, name: str) -> Tag:
    href = (0, 0)
    while attribute := _ATTRIBUTE.match(source, at):
        at = attribute.end()
        if attribute["end"]:
            break
        kind = attribute.lastgroup or ""
        if attribute["name"].lower() == "href" and kind != "name" and href == (0, 0):
            href = attribute.span(kind)
    else:
        at = len(source)
    reach = at
    if name in _VERBATIM:
        closing = re.compile(f"</{name}", re.IGNORECASE).search(source, at)
        reach = closing.start() if closing else len(source)
    return Tag(name, start, at, reach, href)


def _behind(source: str, text: str, at: int) -> int:
    found = source.find(text, at)
    return found + len(text) if found >= 0 else len(source)


def too_deep(source: str) -> bool:
    """Tell whether elements stand in each other more than `DEEPEST` times."""
    is_open: Counter[str] = Counter()
    depth = 0
    for tag in tags(source):
        name = tag.name.removeprefix("/")
        if name in _FLAT:
            continue
        step = 1 if name == tag.name else -1 if is_open[name] else 0
        is_open[name] += step
        depth += step
        if depth > DEEPEST:
            return True
    return False


def change_links(source: str, change: Callable[[str], str]) -> str:
    """Return the document with the address of each link exchanged for ``change`` of it."""
    done, at = [], 0
    for tag in tags(source):
        start, end = tag.href
        if tag.name not in ("a", "area") or start == end:
            continue
        old = html.unescape(source[start:end])
        if (new := change(old)) != old:
            done += [source[at:start], html.escape(new)]
            at = end
    return "".join([*done, source[at:]])


def body_start(source: str) -> int:
    """Return where the first thing of the body goes."""
    place = 0
    for tag in tags(source):
        if tag.name == "body":
            return tag.end
        if tag.name in ("/head", "html") or (source.startswith("<!", tag.start) and not place):
            place = tag.end
    return place


def hidden(preview: str) -> str:
    """Return the element that a list of mails shows beside the subject, and the mail does not.

    ``preview`` is HTML. The blanks behind it keep the first words of the mail out of the list.
    """
    style = "display:none;max-height:0;overflow:hidden;opacity:0;mso-hide:all"
    return f'<div style="{style}">{preview}{"&#847;&zwnj;&nbsp;" * 100}</div>'


def comment_out(source: str, words: re.Pattern[str]) -> str:
    """Return the document with words that stand in its text as comments.

    A comment is the one thing that a parser leaves where it is between the rows of a table.
    """
    return _in_text(source, lambda text, _: words.sub(r"<!--\g<0>-->", text))


def plain(source: str, words: re.Pattern[str]) -> str:
    """Return what a document says, each link as "text (URL)".

    ``words`` keep their places in it; ValueError where one would be lost.
    """
    from html_to_markdown import ConversionOptions, convert

    spelled = _spelled_out(source)
    options = ConversionOptions(output_format="plain", extract_metadata=False)
    content = convert(_laid_out(spelled, words), options).content or ""
    if words.findall(content) != words.findall(_without_tags(spelled)):
        raise ValueError("a word stands where there is no text")
    lines = (line.rstrip() for line in content.replace("\xa0", " ").split("\n"))
    return _BLANK_LINES.sub("\n\n", _ONE_BLANK.sub("", "\n".join(lines))).strip()


def _in_text(source: str, change: Callable[[str, str], str]) -> str:
    """Return the document with its text changed, given the tag before it, or the ``pre`` around."""
    done, at, before = [], 0, ""
    for tag in tags(source):
        done += [change(source[at : tag.start], before), source[tag.start : tag.reach]]
        at = tag.reach
        if tag.name != "!--" and (before != "pre" or tag.name == "/pre"):
            before = tag.name
    return "".join([*done, change(source[at:], before)])


def _without_tags(source: str) -> str:
    starts = [*tags(source)]
    places = zip(
        [0, *(tag.reach for tag in starts)],
        [*(tag.start for tag in starts), len(source)],
        strict=True,
    )
    return "".join(source[start:end] for start, end in places)


def _laid_out(source: str, words: re.Pattern[str]) -> str:
    def cell(text: str, before: str) -> str:
        if before == "pre":
            return text
        text = _BLANKS.sub(" ", text)
        if before in _BETWEEN_ROWS:
            return words.sub(r"<tr><td>\g<0></td></tr>", text)
        return words.sub(r"<td>\g<0></td>", text) if before in _BETWEEN_CELLS else text

    return _in_text(source, cell)


def _spelled_out(source: str) -> str:
    """Return the document with the address of each link in its text, where it is not already."""
    done: list[str] = []
    shown: list[str] = []
    at, reach, link = 0, 0, (0, 0)
    for tag in tags(source):
        shown.append(source[reach : tag.start])
        if tag.name == "a":
            link, shown = tag.href, []
        elif tag.name == "/a":
            address = html.unescape(source[slice(*link)]).strip()
            done.append(source[at : tag.start] + _suffix(address, html.unescape("".join(shown))))
            at, link = tag.start, (0, 0)
        reach = tag.reach
    return "".join([*done, source[at:]])


def _suffix(address: str, shown: str) -> str:
    address = re.sub(r"^(?:mailto|tel|sms):", "", address, flags=re.IGNORECASE)
    if not address or address.startswith("#") or address.rstrip("/") == shown.strip().rstrip("/"):
        return ""
    return f" ({html.escape(address)})"
