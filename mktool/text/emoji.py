"""Emoji sequences (UTS #51) and where a text may be cut without breaking a character (UAX #29)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cache

from . import words

_JOINER, _AS_EMOJI = "\u200d", "\ufe0f"
_LEANING = "\u200c\u200d\u0e33\u0eb3\uff9e\uff9f"  # letters that lean on the one before
_TONES = "\U0001f3fb-\U0001f3ff"
_FLAG = "[\U0001f1e6-\U0001f1ff]"
_TAGS = "[\U000e0020-\U000e007f]"


@cache
def _sequences() -> frozenset[str]:
    return words("emoji.txt")


@cache
def _candidate() -> re.Pattern[str]:
    """Match whatever has the form of a sequence; whether it is one, the data file says."""
    # These two are text unless a selector says otherwise, and count as Latin letters.
    single = "".join(sorted({one for one in _sequences() if len(one) == 1} - {"©", "®"}))
    element = f"[{single}](?!\ufe0e)(?:{_AS_EMOJI}|[{_TONES}])?+{_TAGS}*+"
    return re.compile(
        f"[0-9#*]{_AS_EMOJI}?\u20e3|[©®]{_AS_EMOJI}|{_FLAG}{_FLAG}"
        f"|{element}(?:{_JOINER}{element}){{0,3}}+|{_FLAG}"
    )


def find(text: str) -> Iterator[tuple[int, int]]:
    """Yield start and end of each emoji, a joined family or a flag being one."""
    if text.isascii():
        return
    at = 0
    while match := _candidate().search(text, at):
        at = match.start() + _length(match[0])
        yield match.start(), at


def _length(sequence: str) -> int:
    """Return how much of a candidate is one emoji: the longest sequence that is in use."""
    if sequence[-1] == "\u20e3" or sequence[0] in "©®":
        return len(sequence)
    elements = sequence.split(_JOINER)  # no sequence in use has more than four
    for count in range(len(elements), 0, -1):
        head = _JOINER.join(elements[:count])
        if re.sub(f"[{_TONES}]", "\U0001f3fb", head.replace(_AS_EMOJI, "")) in _sequences():
            return len(head)
    return 2 if sequence[1:2] == _AS_EMOJI else 1


def cuttable(text: str, at: int) -> bool:
    """Tell whether a text may be cut before ``text[at]``, after the rules of UAX #29.

    Errs towards keeping characters together: any joiner or virama holds its neighbours.
    """
    if not 0 < at < len(text):
        return True
    before, after = text[at - 1], text[at]
    if before + after == "\r\n" or _extends(after):
        return False
    if before == _JOINER or unicodedata.combining(before) == 9:  # 9: virama, joins consonants
        return False
    if re.match(_FLAG, before) and re.match(_FLAG, after):
        head = text[:at]
        return (len(head) - len(re.sub(f"{_FLAG}+$", "", head))) % 2 == 0
    return not _hangul(before, after)


def _extends(character: str) -> bool:
    return (
        unicodedata.category(character) in ("Mn", "Me", "Mc")
        or character in _LEANING
        or "\U0001f3fb" <= character <= "\U0001f3ff"
        or "\U000e0020" <= character <= "\U000e007f"
    )


def _hangul(before: str, after: str) -> bool:
    """Tell whether both are letters of one decomposed syllable."""
    vowel_or_final = "\u1160" <= after <= "\u11ff" or "\ud7b0" <= after <= "\ud7fb"
    initial = "\u1100" <= before <= "\u115f" and "\u1100" <= after <= "\u115f"
    return vowel_or_final or initial
