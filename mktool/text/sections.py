"""A long text in pieces of limited size, for vendors that limit each piece and not the whole."""

from __future__ import annotations

from collections.abc import Iterator

from . import thread
from .mrkdwn import from_markdown

FENCE = "```"


def sections(markdown: str, size: int) -> list[str]:
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
