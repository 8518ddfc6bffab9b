"""Texts and documents in parts that fit: cut where a reader would, never inside a character."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from ..report import Block, Span
from . import emoji

# From the nicest place to end a part to the least nice one, each with the blanks behind it.
_ENDS = (
    re.compile(r"\n[ \t]*\n\s*"),
    re.compile(r"\n\s*"),
    re.compile(r"(?<![.!?…])[.!?…]++[\"'”’)\]»]*+\s++(?=[^\sa-z])|[。！？]+[」』）]*"),  # noqa: RUF001 - full width
    re.compile(r"\s+"),
)
_FULL_ENOUGH = 3  # a nicer cut is taken unless it leaves less than a third of the part
_BACK = 64  # code points; a longer character than this is none, and may be cut


def split_text(text: str, limit: int, count: Callable[[str], int] = len) -> list[str]:
    """Return a text in parts of at most ``limit``, as ``count`` counts; joined, they are the text.

    A part ends with a paragraph, else a line, a sentence, a word, a character (UAX #29).
    ValueError if a single code point is more than the limit.
    """
    parts: list[str] = []
    start, guess = 0, limit
    while start < len(text):
        end = _end(text, start, guess, lambda end: count(text[start:end]) <= limit)  # noqa: B023
        parts.append(text[start:end])
        guess, start = end - start, end
    return parts


def split_blocks(
    blocks: Sequence[Block], limit: int, measure: Callable[[Sequence[Block]], int]
) -> list[tuple[Block, ...]]:
    """Return blocks in groups that measure at most ``limit``, as large as they can be.

    A block that is too large by itself is split like a text, and no group ends with a heading
    but the last. ``measure`` must not shrink as blocks are added. ValueError if a single code
    point is more than the limit.
    """
    whole = [part for block in blocks for part in _parts(block, limit, measure)]
    groups: list[tuple[Block, ...]] = []
    start, guess = 0, 1
    while start < len(whole):
        end = _furthest(
            start, len(whole), guess,
            lambda end: measure(whole[start:end]) <= limit,  # noqa: B023
        )  # fmt: skip
        guess = end - start
        while end < len(whole) and end - start > 1 and whole[end - 1].kind == "heading":
            end -= 1
        groups.append(tuple(whole[start:end]))
        start = end
    return groups


def _parts(block: Block, limit: int, measure: Callable[[Sequence[Block]], int]) -> Iterator[Block]:
    if measure((block,)) <= limit:
        yield block
        return
    text = block.plain
    start = 0
    while start < len(text):
        end = _end(
            text, start, limit,
            lambda end: measure((_between(block, start, end),)) <= limit,  # noqa: B023
        )  # fmt: skip
        yield _between(block, start, end)
        start = end


def _between(block: Block, start: int, end: int) -> Block:
    """Return a block with those of its characters only."""
    spans: list[Span] = []
    at = 0
    for span in block.spans:
        text = span.text[max(start - at, 0) : max(end - at, 0)]
        at += len(span.text)
        if text:
            spans.append(span._replace(text=text))
    return replace(block, spans=tuple(spans))


def _end(text: str, start: int, guess: int, fits: Callable[[int], bool]) -> int:
    """Return where the part that begins at ``start`` ends."""
    last = _furthest(start, len(text), guess, fits)
    if last == len(text):
        return last
    least = start + (last - start) // _FULL_ENOUGH
    for pattern in _ENDS:
        ends = [match.end() for match in pattern.finditer(text, start, last) if match.end() > least]
        if ends and emoji.cuttable(text, ends[-1]):
            return ends[-1]
    for at in range(last, max(start, last - _BACK), -1):
        if emoji.cuttable(text, at):
            return at
    return last


def _furthest(start: int, stop: int, guess: int, fits: Callable[[int], bool]) -> int:
    """Return the largest end that fits, from ``start + 1``; ``guess`` is about how far it is."""
    low, step = start, max(1, guess)
    while low < stop and fits(min(low + step, stop)):
        low = min(low + step, stop)
        step *= 2
    if low == stop:
        return stop
    high = min(low + step, stop)  # does not fit
    end = bisect_left(range(high), True, lo=low + 1, hi=high, key=lambda at: not fits(at)) - 1
    if end == start:
        raise ValueError("the limit is less than a single character takes")
    return end
