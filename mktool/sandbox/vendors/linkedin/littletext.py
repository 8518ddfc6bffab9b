r"""The "little text" of a post: reserved characters are markup unless a backslash is before them.

https://learn.microsoft.com/linkedin/marketing/community-management/shares/little-text-format
(read 2026-11). What cannot be parsed is cut off without a word, and the post is published: that
is what the real one does, and why a client must escape.
"""

from __future__ import annotations

import re

RESERVED = r"\\|{}@\[\]()<>#*_~"
_ELEMENT = re.compile(
    rf"""
      \\(?P<escaped>[{RESERVED}])
    | @\[(?P<name>(?:\\.|[^\[\]\\])+)\]\((?P<urn>urn:li:(?:person|organization):[\w-]+)\)
    | \{{hashtag\|(?:\\\#|\uff03)\|(?P<template>(?:\\.|[^|{{}}\\])+)\}}
    | (?P<tag>\#\w+)
    | (?P<plain>[^{RESERVED}]+)
    """,
    re.VERBOSE,
)


def parse(text: str) -> tuple[str, str]:
    """Return what is kept of a text, as it was written and as readers see it."""
    shown, end = "", 0
    while found := _ELEMENT.match(text, end):
        shown += _visible(found)
        end = found.end()
    return text[:end], shown


def _visible(found: re.Match[str]) -> str:
    if found["template"]:
        return "#" + _bare(found["template"])
    if found["name"]:
        return "@" + _bare(found["name"])
    return found["escaped"] or found["tag"] or found["plain"]


def _bare(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)
