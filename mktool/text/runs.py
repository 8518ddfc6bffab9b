"""Documents as vendors count and group them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from ..report import Block

T = TypeVar("T")
LISTED = ("bullet", "number", "todo")


def utf16(text: str) -> int:
    """Return the length of a text in UTF-16 code units, which is what JavaScript counts."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def packed(items: Iterable[T], room: int, weigh: Callable[[T], int], most: int) -> list[list[T]]:
    """Return items, in order, in as few groups as hold ``most`` items and ``room`` each.

    An item that weighs more is alone.
    """
    groups: list[list[T]] = []
    left = 0
    for item in items:
        weight = weigh(item)
        if not groups or weight > left or len(groups[-1]) == most:
            groups.append([])
            left = room
        groups[-1].append(item)
        left -= weight
    return groups


def numbered(blocks: Iterable[Block]) -> Iterator[tuple[Block, int]]:
    """Yield each block with its number in its list, from 1; 0 for what is not in one."""
    counts: dict[int, int] = {}
    for block in blocks:
        if block.kind not in LISTED:
            counts.clear()
        elif block.kind == "number":
            counts = {level: n for level, n in counts.items() if level <= block.level}
            counts[block.level] = counts.get(block.level, 0) + 1
        yield block, counts.get(block.level, 0) if block.kind == "number" else 0


def chapters(blocks: Iterable[Block]) -> list[list[Block]]:
    """Return blocks in groups, one for each heading and what is below it."""
    groups: list[list[Block]] = []
    for block in blocks:
        if block.kind == "heading" or not groups:
            groups.append([])
        groups[-1].append(block)
    return groups
