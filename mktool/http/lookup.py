"""Find a lost post again in what the vendor lists."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from ..errors import Unsupported
from ..model import Posted
from ..text.compare import canonical


class Listed(NamedTuple):
    """An item as the vendor lists it; ``at`` is when it was made, in epoch seconds."""

    posted: Posted
    text: str
    at: float


def find(
    items: Sequence[Listed], text: str, since: float, known: Collection[str], *, whole: bool
) -> Posted | None:
    """Return the item with this text made after ``since``, or None if there is none.

    ``whole``: nothing newer than ``since`` can be missing from the list. An unknown item with
    another text may be the one looked for, changed by the vendor: then, and where the list may
    be cut short, absence is not proven, and `Unsupported` is raised.
    """
    fresh = [item for item in items if item.at >= since and item.posted.id not in known]
    for item in fresh:
        if canonical(item.text) == canonical(text):
            return item.posted
    if fresh or not whole:
        raise Unsupported("something else was published meanwhile, so it may be that")
    return None
