"""Merge tags: ``*|FNAME|*`` and conditions on them.

https://mailchimp.com/help/all-the-merge-tags-cheat-sheet/ and
https://mailchimp.com/help/use-conditional-merge-tag-blocks/ (read 2026-11).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_BLOCK = re.compile(r"\*\|(IF|IFNOT):([^|]*)\|\*(.*?)\*\|END:IF\|\*", re.DOTALL)
_BRANCH = re.compile(r"\*\|(?:ELSEIF:([^|]*)|ELSE:)\|\*")
_TAG = re.compile(r"\*\|([A-Z0-9_:]+)\|\*")


def merged(text: str, values: Mapping[str, str]) -> str:
    """Return the text as one member gets it; a tag that is not known stays as it is."""
    chosen = _BLOCK.sub(lambda block: _branch(block, values), text)
    return _TAG.sub(lambda tag: values.get(tag[1], tag[0]), chosen)


def _branch(block: re.Match[str], values: Mapping[str, str]) -> str:
    """Return the first branch whose condition holds, "" if none does."""
    first, *rest = _BRANCH.split(block[3])
    if _holds(block[2], values) == (block[1] == "IF"):
        return first
    for condition, text in zip(rest[::2], rest[1::2], strict=True):
        if condition is None or _holds(condition, values):
            return text
    return ""


def _holds(condition: str, values: Mapping[str, str]) -> bool:
    """Return whether a tag has a value, or with ``TAG=VALUE`` and ``TAG!=VALUE`` which one."""
    tag, operator, wanted = re.split(r"\s*(!=|=|$)\s*", condition.strip(), maxsplit=1)
    value = values.get(tag, "")
    if not operator:
        return bool(value)
    return (value == wanted.strip("\"'")) == (operator == "=")
