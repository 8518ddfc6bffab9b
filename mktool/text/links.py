"""
Which stretches of a text a microblog shortens to a link of fixed length.

The rules are those of the public twitter-text conformance suite
(https://github.com/twitter/twitter-text, read November 2026): ``http(s)://host/path?query``, or a
bare host under a known top-level domain. Written here rather than taken from the package
``twitter-text-parser`` 3.0.0, which counts the same but takes 200 ms to import (a regular
expression of 1,400 domains, compiled at once); a set look-up per label needs none of that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from . import words

_INVALID = r"\ufffe\ufeff\uffff"
_DIRECTION = r"\u202a-\u202e\u061c\u200e\u200f\u2066-\u2069"
_SPACE = r"\x09-\x0d \x85\xa0\u1680\u180e\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_ACCENTED = (
    r"\xc0-\xd6\xd8-\xf6\xf8-\u024f\u0253\u0254\u0256\u0257\u0259\u025b\u0263\u0268\u026f"
    r"\u0272\u0289\u028b\u02bb\u0300-\u036f\u1e00-\u1eff"
)
_BEFORE = rf"(?<![a-z0-9@＠$#＃{_INVALID}])"  # noqa: RUF001 - full width
_NAME = rf"[^!'#%&()*+,\\\-./:;<=>?@\[\]^_{{|}}~${_SPACE}{_INVALID}{_DIRECTION}]"
_PATH = rf"[a-z0-9!*';:=+,.$/%#\[\]\-–_~@|&\u0400-\u04ff{_ACCENTED}]"
_PARENS = rf"\((?!\)){_PATH}*+(?:\({_PATH}++\){_PATH}*+)?\)"  # Primer_(film), two levels

MAX_LENGTH, MAX_LABEL, MAX_SLUG = 4096, 63, 40


class Link(NamedTuple):
    """A link at ``text[start:end]``."""

    start: int
    end: int


class _Grammar(NamedTuple):
    host: re.Pattern[str]  # where a link may begin: an optional scheme and a run of labels
    label: re.Pattern[str]
    ascii_host: re.Pattern[str]
    ascii_label: re.Pattern[str]
    path: re.Pattern[str]
    query: re.Pattern[str]
    short: re.Pattern[str]


@cache
def _grammar() -> _Grammar:
    # Characters are matched possessively, groups are not: before Python 3.11.5 (Debian 12 has
    # 3.11.2) such a group ends one character early (github.com/python/cpython/issues/106052).
    rules = (
        rf"{_BEFORE}(https?://)?((?:(?!{_BEFORE}https?://)(?:{_NAME}|[_.-]))+)",
        rf"{_NAME}(?:[_-]*+{_NAME})*\.",
        rf"[-a-z0-9{_ACCENTED}][-.a-z0-9{_ACCENTED}]*+",
        rf"[-a-z0-9{_ACCENTED}]++\.",
        rf"(?::[0-9]++)?+(/(?:{_PATH}|{_PARENS})*)?",
        r"\?[a-z0-9!?*'@();:&=+$/%#\[\]\-_.,~|]++",
        r"https?://t\.co/([a-z0-9]++)",
    )
    return _Grammar(*(re.compile(rule, re.IGNORECASE) for rule in rules))


@cache
def _domains() -> tuple[frozenset[str], int]:
    known = words("tlds.txt")
    return known, max(map(len, known))


def find(text: str) -> list[Link]:
    """Return the links of a text in order; none of them overlap."""
    if "." not in text:
        return []
    found: list[Link] = []
    at = 0
    while match := _grammar().host.search(text, at):
        scheme = match[1]
        start, host_end = _host(text, at, match)
        if not host_end:
            at = match.end()
            continue
        at, has_path = _tail(text, host_end)
        if not _encodable(text[start:host_end], at - match.start()):
            continue
        if scheme:
            found += _absolute(text, match.start(), at)
        elif text[start - 1 : start] not in ("-", "_", ".", "/"):
            found += _bare(text, start, host_end, at if has_path else host_end)
    return found


def _host(text: str, at: int, match: re.Match[str]) -> tuple[int, int]:
    """Return start and end of a host, the end being 0 if there is none."""
    start, stop = match.span(2)
    # The suite wants a character before a link; right after another link (or at the start of a
    # text) a letter of another script serves as that, and is not part of the host.
    if start == at and not text[start].isascii():
        end = _host_end(text, start + 1, stop, _grammar().label)
        if end:
            return start + 1, end
    return start, _host_end(text, start, stop, _grammar().label)


def _host_end(text: str, at: int, stop: int, label: re.Pattern[str]) -> int:
    """Return the end of the longest host at this place, 0 if there is none."""
    end = 0
    while match := label.match(text, at, stop):
        at = match.end()
        if "_" not in match[0]:
            end = _domain_end(text, at, stop) or end
    return end


def _domain_end(text: str, at: int, stop: int) -> int:
    known, longest = _domains()
    if text[at : at + 4].lower() == "xn--":
        end = at + 4
        while end < stop and text[end].isascii() and text[end] not in "._":
            end += 1
        return end if end > at + 4 else 0
    for end in range(min(stop, at + longest), at, -1):
        after = text[end : end + 1]
        inside = after.isascii() and (after.isalnum() or after in ("@", "+", "-"))
        if not inside and text[at:end].lower() in known:
            return end
    return 0


def _tail(text: str, at: int) -> tuple[int, bool]:
    """Return where port, path and query end, and whether there is a path."""
    match = _grammar().path.match(text, at)
    end, has_path = at, False
    if match:
        end, has_path = match.end(), match[1] is not None
        path = match.start(1)
        while has_path and end > path + 1 and text[end - 1] in "!*';:,.$%[]–~@|&":
            end -= 1  # a full stop after a link belongs to the sentence
    if match := _grammar().query.match(text, end):
        query = match[0].rstrip("!?*'@();:+$%[].,~|")
        end += len(query)
    return end, has_path


def _encodable(host: str, length: int) -> bool:
    """Tell whether DNS could carry each label (RFC 3490, section 4.1)."""
    labels = host.split(".")
    if max(map(len, labels)) > MAX_LABEL:
        return False
    sizes = [len(_ascii(label)) for label in labels]
    longer = sum(sizes) - sum(map(len, labels))
    return max(sizes) <= MAX_LABEL and len("https://") + length + longer <= MAX_LENGTH


def _ascii(label: str) -> str:
    return label if label.isascii() else "xn--" + label.encode("punycode").decode()


def _absolute(text: str, start: int, end: int) -> Iterator[Link]:
    short = _grammar().short.match(text, start, end)
    if short is None:
        yield Link(start, end)
    elif len(short[1]) <= MAX_SLUG:
        yield Link(start, short.end())


def _bare(text: str, start: int, host_end: int, end: int) -> Iterator[Link]:
    """Yield the hosts in Latin script inside a host without a scheme; the last takes the path."""
    found: list[Link] = []
    at = start
    while match := _grammar().ascii_host.search(text, at, host_end):
        stop = _host_end(text, match.start(), host_end, _grammar().ascii_label)
        if stop:
            found.append(Link(match.start(), stop))
        at = stop or match.end()
    yield from found[:-1]
    if found:
        yield Link(found[-1].start, end if end > host_end else found[-1].end)
