"""
Block Kit within its limits: https://docs.slack.dev/reference/block-kit/blocks (read 2026-09).

A message holds at most fifty blocks, a section 3,000 characters.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from . import thread
from .mrkdwn import from_markdown

MOST = 50
SECTION = 3000
FENCE = "```"
ROOM: Mapping[str, Mapping[str, int]] = {  # characters of a text, items of a list
    "section": {"text.text": SECTION, "fields": 10},
    "header": {"text.text": 150},
    "context": {"elements": 10},
    "actions": {"elements": 25},
    "image": {"image_url": 3000, "alt_text": 2000},
    "markdown": {"text": 12_000},
}


def from_text(markdown: str) -> list[dict[str, Any]]:
    """Return Markdown as section blocks; no text is no block."""
    return [
        {"type": "section", "text": {"type": "mrkdwn", "text": piece}}
        for piece in pieces(markdown, SECTION)
    ]


def fault(blocks: Any) -> str:
    """Return which limit a person's own blocks break, or ""."""
    if not isinstance(blocks, list) or not all(isinstance(block, Mapping) for block in blocks):
        return "blocks is not a JSON list of objects"
    if len(blocks) > MOST:
        return f"{len(blocks)} blocks, {MOST} fit in one message"
    for number, block in enumerate(blocks, start=1):
        for path, most in ROOM.get(str(block.get("type")), {}).items():
            if (size := _size(block, path)) > most:
                return f"block {number}: {path} holds {size}, {most} fit"
    return ""


def pieces(markdown: str, size: int) -> list[str]:
    """Return Markdown as mrkdwn in pieces of at most ``size`` characters, none of them empty.

    A piece ends with a line; a fence that goes on in the next piece is closed and opened again.
    InvalidInput if one link is longer than a piece.
    """
    done: list[str] = []
    piece, fenced = "", False
    room = size - len(f"\n{FENCE}")
    for line in _lines(from_markdown(markdown), room - len(f"{FENCE}\n")):
        if len(piece) + 1 + len(line) > room:
            done.append(f"{piece}\n{FENCE}" if fenced else piece)
            piece = FENCE if fenced else ""
        piece = f"{piece}\n{line}" if piece else line
        fenced ^= line == FENCE
    return [piece.strip("\n") for piece in (*done, piece) if piece.strip()]


def _lines(text: str, room: int) -> Iterator[str]:
    for line in text.split("\n"):
        if len(line) <= room:
            yield line
        else:
            yield from thread.split(line, lambda _: room, len)


def _size(block: Mapping[str, Any], path: str) -> int:
    value: Any = block
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return len(value) if isinstance(value, str | list) else 0
