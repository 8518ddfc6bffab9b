"""
Length of a text in weighted characters, as a microblog counts it.

Configuration 3 of twitter-text (https://docs.x.com/fundamentals/counting-characters, 2026): after
NFC, Latin and most European letters weigh 1 and other characters 2; an emoji weighs 2 however many
code points it has; a link weighs 23 however long it is.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import chain

from . import emoji, links
from .links import Link

_NARROW = r"[\u0000-\u10ff\u2000-\u200d\u2010-\u201f\u2032-\u2037]"


@dataclass(frozen=True, slots=True)
class Rules:
    """One configuration; the defaults are version 3. ``emoji`` counts a sequence as one."""

    wide: int = 2
    link: int = 23
    emoji: bool = True


V3 = Rules()


@cache
def _pattern(source: str) -> re.Pattern[str]:
    return re.compile(source)


def urls(text: str) -> list[Link]:
    """Return start and end of each link, bare domains included."""
    return links.find(text)


def has_url(text: str) -> bool:
    """Tell whether a text holds a link."""
    return bool(links.find(text))


def weighted_length(text: str, rules: Rules = V3) -> int:
    """Return the length in weighted characters."""
    text = unicodedata.normalize("NFC", text)
    found = links.find(text)
    total = rules.link * len(found)
    for plain in _between(text, found):
        spans = list(emoji.find(plain)) if rules.emoji else []
        total += rules.wide * len(spans)
        for rest in _between(plain, spans):
            narrow = len(_pattern(_NARROW).findall(rest))
            total += narrow + rules.wide * (len(rest) - narrow)
    return total


def _between(text: str, spans: Iterable[tuple[int, int]]) -> Iterator[str]:
    at = 0
    for start, end in chain(spans, [(len(text), len(text))]):
        yield text[at:start]
        at = end
