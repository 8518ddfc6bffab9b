"""Whether one variant did better than the others, or was only lucky."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from math import sqrt
from statistics import NormalDist
from typing import NamedTuple

LEVEL = 0.05  # how often luck alone may be taken for a difference
FEWEST = 5  # reactions, and non-reactions, to expect of each for the normal distribution to hold


class Comparison(NamedTuple):
    """``best`` is the position of the highest rate, the first of equals.

    ``p_value``: how probable it is that luck alone puts one variant so far ahead of the next; 1.0
    where the numbers are too small to tell.
    """

    best: int
    p_value: float
    significant: bool


def compare(counts: Sequence[tuple[int, int]]) -> Comparison:
    """Compare variants by (how many reacted, how many were sent to); there is at least one.

    The best is tested against each of the others by the two-sided z-test for two proportions
    (https://www.itl.nist.gov/div898/handbook/prc/section3/prc33.htm, read 2026-11), and has to
    pass all of them. As it was the data that chose the pair, the p-value is corrected for all
    pairs there are (Bonferroni).
    """
    rates = [reacted / sent if sent else 0.0 for reacted, sent in counts]
    best = rates.index(max(rates))
    pairs = len(list(combinations(counts, 2)))
    others = [one for place, one in enumerate(counts) if place != best]
    worst = max((_p_value(counts[best], other) for other in others), default=1.0)
    p_value = min(1.0, worst * max(pairs, 1))
    return Comparison(best, p_value, p_value < LEVEL)


def _p_value(one: tuple[int, int], other: tuple[int, int]) -> float:
    (k, n), (j, m) = one, other
    if not (n and m):
        return 1.0
    pooled = (k + j) / (n + m)
    if min(n, m) * min(pooled, 1 - pooled) < FEWEST:
        return 1.0
    z = (k / n - j / m) / sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
    return 2 * NormalDist().cdf(-abs(z))
