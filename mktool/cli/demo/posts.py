"""The second part of the demo: posts, a thread that dies halfway, and one for later."""

from __future__ import annotations

import struct
import time
import zlib
from collections.abc import Sequence

from ... import providers
from ...capability import CanMeasure, CanPost, CanSettle, CanThread
from .stage import Stage

THREAD = """Nothing goes out twice, and nothing is lost. A short thread on how that works.
---
Every act is written to the ledger before its first byte leaves, and confirmed after the answer.
---
If the machine dies in between, the next run asks the vendor before it sends anything again.
---
And where nobody can know, it says so instead of guessing."""


def play(stage: Stage) -> None:
    names = [name for name in providers.names() if issubclass(providers.load(name), CanPost)]
    first = _threading_provider(names)
    stage.title("What would a post send? The exact request, and nothing is sent")
    stage.mktool("post", first, "--text", "It is here: https://example.com", "--dry-run")
    stage.title("Publish a picture everywhere, side by side")
    (stage.folder / "sunrise.png").write_bytes(_png(640, 360))
    galleries = [name for name in names if providers.load(name).spec.files]
    morning = ("post", *galleries, "--text", "Good morning from *mktool*",
               "--media", "sunrise.png=A sunrise over a dark hill")  # fmt: skip
    stage.mktool(*morning)
    stage.title("The same again? Refused: it is out already")
    stage.mktool(*morning, expect=14)
    _crash(stage, first)
    stage.title("Later, from cron: scheduled now, sent when it is due")
    stage.mktool("post", first, "--text", "Sent by cron while we slept", "--at", "in 1s")
    time.sleep(1.2)
    stage.mktool("run-due")
    stage.title("What went out, and how it went")
    stage.mktool("log", "--provider", first, "--limit", "8")


def _threading_provider(names: Sequence[str]) -> str:
    """Return the last provider that threads, looks lost posts up and reads numbers."""
    verbs = (CanThread, CanSettle, CanMeasure)
    return [n for n in names if all(issubclass(providers.load(n), v) for v in verbs)][-1]


def _crash(stage: Stage, provider: str) -> None:
    stage.title("kill -9 in the middle of a thread, then the same command again")
    line = ("post", provider, "-", "--thread")
    out = stage.kill(*line, after=2, then=0.15, stdin=THREAD, shown_stdin="thread.txt")
    stage.say(f"killed, with {out} of 4 parts out")
    stage.mktool(*line, stdin=THREAD, shown_stdin="thread.txt")


def _png(width: int, height: int) -> bytes:
    """A picture: a sky that brightens towards a hill."""
    rows = []
    for y in range(height):
        light = y / height
        sky = bytes((int(40 + 215 * light), int(60 + 110 * light), int(120 - 50 * light)))
        edge = [0.58 + 0.17 * (2 * column / width - 1) ** 2 for column in range(width)]
        rows.append(b"\0" + b"".join(b"\x18\x1c\x2c" if light > hill else sky for hill in edge))
    chunks = (
        (b"IHDR", struct.pack(">2I5B", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(b"".join(rows), 9)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
