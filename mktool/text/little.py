r"""
"Little text", the markup of professional-network posts.

``\ | { } @ [ ] ( ) < > # * _ ~`` are reserved and take a backslash, used or not; a post with a bare
one is accepted and cut off there without a word. Hashtags are written ``{hashtag|\#|word}``,
mentions ``@[Name](urn)``.
https://learn.microsoft.com/en-us/linkedin/marketing/community-management/shares/little-text-format
(version 2026-05).
"""

from __future__ import annotations

import re

_RESERVED = r"\\|{}@\[\]()<>#*_~"
# \w leaves out the vowel signs of Indic, Arabic, Hebrew and Thai words.
_WORD = (
    r"[\w\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f"
    r"\u0900-\u0963\u0966-\u0dff\u0e31-\u0e4e\u200c\u200d]"
)
_URN = r"urn:li:[A-Za-z]+:[\w-]+"
_PLAIN = re.compile(
    rf"@\[(?P<name>[^\[\]\\\n]+)\]\((?P<urn>{_URN})\)"
    rf"|(?<![^\s(\[{{\"'“‘«,—–])#(?P<tag>(?=\d*[^\W\d_]){_WORD}+)"  # noqa: RUF001 - real quotes
    rf"|(?P<one>[{_RESERVED}])"
)
_LITTLE = re.compile(
    rf"@\[(?P<name>(?:[^\[\]\\\n]|\\.)+)\]\((?P<urn>{_URN})\)"
    rf"|\{{hashtag\|\\?#\|(?P<tag>(?:[^|{{}}\\]|\\.)+)\}}"
    rf"|\\(?P<one>[{_RESERVED}])"
)


def escape(text: str) -> str:
    """Return the text as little text, hashtags and ``@[Name](urn)`` kept working.

    Call it once and last: a second call would escape the backslashes. A hashtag needs a letter
    and stands at the start of a word: ``#1`` and ``page#top`` stay plain text.
    """
    return _PLAIN.sub(_escaped, text)


def length(text: str) -> int:
    """Return how long the text is once escaped, in UTF-16 units.

    Neither the unit of the limit nor whether escapes count is published, and what is too long
    is cut off without a word: so it is counted the longest way.
    """
    return len(escape(text).encode("utf-16-le", "surrogatepass")) // 2


def unescape(text: str) -> str:
    """Return what was escaped; ``unescape(escape(text)) == text``."""
    return _LITTLE.sub(_unescaped, text)


def _escaped(match: re.Match[str]) -> str:
    if name := match["name"]:
        return f"@[{_each(name)}]({match['urn']})"
    if tag := match["tag"]:
        return rf"{{hashtag|\#|{_each(tag)}}}"
    return "\\" + match["one"]


def _unescaped(match: re.Match[str]) -> str:
    if name := match["name"]:
        return f"@[{_bare(name)}]({match['urn']})"
    if tag := match["tag"]:
        return f"#{_bare(tag)}"
    return match["one"]


def _each(text: str) -> str:
    return re.sub(f"([{_RESERVED}])", r"\\\1", text)


def _bare(text: str) -> str:
    return re.sub(rf"\\([{_RESERVED}])", r"\1", text)
