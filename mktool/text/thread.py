"""One text, several posts: parts that the author marked, or parts that fit."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator
from itertools import islice
from typing import NamedTuple

from ..errors import InvalidInput
from . import emoji, links

_RULE = re.compile(r"(?:\A|\r?\n)[ \t]*---[ \t]*(?=\r?\n|\Z)")
_PARAGRAPH = re.compile(r"(?=\r?\n[ \t]*\r?\n)")
_SENTENCE = re.compile(r"[.!?…]+[\"'”’)\]»]*(?=\s+[^\sa-z])|[。！？]+[」』）]*|(?=\n)")  # noqa: RUF001 - full width
# Chinese and Japanese have no spaces: a line may end between two of their letters.
_LETTER = r"[\u3041-\u3096\u30a1-\u30fa\u3400-\u4dbf\u4e00-\u9fff]"
_WORD = re.compile(rf"(?=\s)|(?<={_LETTER})(?={_LETTER})|\Z")
_FULL_ENOUGH = 3  # a nicer cut is taken unless it leaves less than a third of the part


class _Fits(NamedTuple):
    room: int
    count: Callable[[str], int]

    def __call__(self, part: str) -> bool:
        return self.count(part) <= self.room


def parts(text: str) -> list[str]:
    """Return the parts between lines that hold `---` alone; empty parts are dropped."""
    return [part.strip() for part in _RULE.split(text) if part.strip()]


def split(text: str, room: Callable[[int], int], count: Callable[[str], int]) -> list[str]:
    """Return a text in parts that fit, none of them empty.

    ``room(n)`` is what part ``n`` may hold, from 1, measured by ``count``. A part ends with a
    paragraph, else a line or sentence, else a word; a longer word is cut between characters, but
    never inside a link or an emoji. InvalidInput if not even that fits.
    """
    text = text.strip()
    found = links.find(text)
    done: list[str] = []
    start = 0
    while start < len(text):
        end = _end(text, start, found, _Fits(room(len(done) + 1), count))
        done.append(text[start:end].strip())
        start = end + len(text[end:]) - len(text[end:].lstrip())
    return done


def _end(text: str, start: int, found: list[links.Link], fits: _Fits) -> int:
    """Return where the part that begins at ``start`` ends."""

    def free(cut: int) -> bool:
        link = bisect_left(found, (cut,)) - 1  # the last one that begins before the cut
        return link < 0 or found[link].end <= cut

    words = filter(free, (match.start() for match in _WORD.finditer(text, start + 1)))
    characters = (
        cut for cut in range(start + 1, len(text)) if emoji.cuttable(text, cut) and free(cut)
    )
    last = _last(text, start, words, fits) or _last(text, start, characters, fits)
    if last is None:
        raise InvalidInput(
            "a link or character is longer than a whole part may be", hint="shorten it"
        )
    return last if last == len(text) else _nicer(text, start, last, free)


def _last(text: str, start: int, cuts: Iterator[int], fits: _Fits) -> int | None:
    """Return the furthest cut that fits: twice as far each time, then halving."""

    def too_long(cut: int) -> bool:
        return not fits(text[start:cut].strip())

    seen: list[int] = []
    fitting = 0
    while ahead := list(islice(cuts, max(1, len(seen)))):
        seen += ahead
        if too_long(seen[-1]):
            break
        fitting = len(seen)
    best = bisect_left(seen, True, lo=fitting, key=too_long)
    return seen[best - 1] if best else None


def _nicer(text: str, start: int, last: int, free: Callable[[int], bool]) -> int:
    """Return the end of a paragraph or sentence before ``last``, or ``last``."""
    least = start + (last - start) // _FULL_ENOUGH
    for pattern in (_PARAGRAPH, _SENTENCE):
        cuts = [at for at in _cuts(pattern, text, start, last) if at >= least and free(at)]
        if cuts:
            return cuts[-1]
    return last


def _cuts(pattern: re.Pattern[str], text: str, start: int, last: int) -> Iterator[int]:
    for match in pattern.finditer(text, start):
        if match.end() > last:
            return
        yield match.end()
