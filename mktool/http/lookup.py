"""Find a lost post again in what the vendor lists."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from ..errors import Unsupported
from ..model import Posted
from ..text.compare import canonical

SKEW = 60.0  # seconds that the vendor's clock and ours may differ


class Listed(NamedTuple):
    """An item as the vendor lists it; ``at`` is when it was made, in epoch seconds."""

    posted: Posted
    text: str
    at: float


def find(
    items: Sequence[Listed], text: str, since: float, known: Collection[str], *, most: float
) -> Posted | None:
    """Return the item with this text made after ``since``, or None if there is none.

    An unknown item with another text may be the one looked for, changed by the vendor; and a
    list of ``most`` items, all that one reply holds, may be cut short. Then absence is not
    proven, and `Unsupported` is raised.
    """
    fresh = [i for i in items if i.at >= since - SKEW and i.posted.id not in known]
    for item in fresh:
        if canonical(item.text) == canonical(text):
            return item.posted
    if fresh:
        raise Unsupported("something else was published meanwhile, and it may be that")
    if len(items) >= most:
        raise Unsupported("the list may be cut short, so that it proves nothing")
    return None
