"""
What came of a campaign: counts, rates, money, and which variant did better.

Our own record says who was sent to; everything after that is what `track` read from the vendor.
What no vendor told is None, never 0.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ...store.campaigns import CampaignFile, State
from ...store.events import Events
from ...store.ledger import Ledger
from ...store.outcomes import LEFT_OUT
from . import overview
from .definition import Definition, Variant, from_json
from .plan import HELD_BACK
from .significance import Comparison, compare
from .way import is_hosted

# Of what was sent; of what was delivered where that is known, else of what was sent.
OF_SENT = ("delivered", "bounced", "rejected")
OF_DELIVERED = ("opened", "clicked", "complained", "unsubscribed")
# Vendors' totals count a second opening too; people are what their own names count.
PEOPLE = {"opened": "unique_opens", "clicked": "unique_clicks"}
# Having read this to its end, none of these is 0. That nobody opened may also mean that opening
# is not tracked.
ZERO = {
    "delivered": {"events"}, "bounced": {"events", "suppressions"},
    "complained": {"suppressions"}, "unsubscribed": {"suppressions"},
}  # fmt: skip
REACTIONS = ("opened", "clicked")

Counts = Mapping[tuple[int, str], int]  # by variant and kind of event


@dataclass(frozen=True, slots=True)
class Figure:
    """A count and its share of what was sent, or delivered; None is unknown."""

    name: str
    count: float | None
    rate: float | None = None
    of: str = ""


class Sample(NamedTuple):
    """One variant; ``figures`` begin with how many it was sent to."""

    name: str
    subject: str
    figures: tuple[Figure, ...]


class Tested(NamedTuple):
    """How the variants compare in one reaction; ``best`` is the name of the first."""

    kind: str
    best: str
    comparison: Comparison


@dataclass(frozen=True, slots=True)
class Report:
    """A campaign in figures. Times are epoch seconds; money is in the currency it was given in."""

    name: str
    provider: str
    account: str
    state: str
    began: float | None
    synced: float | None
    figures: tuple[Figure, ...]
    cost: float | None
    revenue: float | None
    variants: tuple[Sample, ...]
    tests: tuple[Tested, ...]
    winner: str

    @property
    def roi(self) -> float | None:
        """What each unit of cost brought in beyond itself."""
        if self.cost is None or self.revenue is None or not self.cost:
            return None
        return (self.revenue - self.cost) / self.cost


@dataclass(frozen=True, slots=True)
class Known:
    """What was read from the vendor: recipients by event, its totals, and what could be read."""

    events: Mapping[str, int]
    summary: Mapping[str, float]
    sources: frozenset[str]

    def count(self, kind: str) -> float | None:
        """Return to how many recipients something happened; None if nobody told."""
        name = PEOPLE.get(kind, kind)
        if name in self.summary:
            return self.summary[name]
        return self.seen(kind, self.events.get(kind, 0))

    def seen(self, kind: str, count: int) -> float | None:
        if kind in self.events or self.sources & ZERO.get(kind, set()):
            return count
        return None


def report(
    ledger: Ledger, name: str, *, cost: float | None = None, revenue: float | None = None
) -> Report:
    """Return the figures of a campaign; ``cost`` and ``revenue`` replace what is known of them.

    `InvalidInput` if there is no such campaign, or it has read no list.
    """
    act = overview.find(ledger, name)
    wanted = from_json(act.content["definition"])
    with overview.opened(act) as file:
        events = Events(file)
        known = Known(
            _joined(events.counts()),
            json.loads(file.get("summary", "{}")),
            frozenset(json.loads(file.get("sources", "[]"))),
        )
        counts, winner = events.by_variant() if wanted.ab else {}, int(file.get("winner") or 0)
        trial = tuple(_samples(file, counts, wanted, known))
        rest = (_rest(file, counts, wanted.variants[winner - 1], known),) if winner else ()
        return Report(
            name, act.provider, act.account, act.state, events.began(), file.get("synced"),
            tuple(_figures(wanted, file, known)),
            _first(cost, wanted.cost or None, file.get("price")),
            _first(revenue, wanted.revenue or None, known.summary.get("revenue")),
            (*trial, *rest), tuple(_tests(trial)),
            wanted.variants[winner - 1].name if winner else "",
        )  # fmt: skip


def _joined(events: Mapping[str, int]) -> dict[str, int]:
    """Return the counts with those together that were taken and then not sent."""
    counts = dict(events)
    if failed := counts.pop("failed", 0):
        counts["rejected"] = counts.get("rejected", 0) + failed
    return counts


def _figures(wanted: Definition, file: CampaignFile, known: Known) -> Iterator[Figure]:
    totals = file.totals()
    yield Figure("recipients", sum(n for s, n in totals.items() if s not in LEFT_OUT))
    sent = _sent(wanted, file, totals, known)
    yield Figure("sent", sent)
    yield from _rated(sent, {kind: known.count(kind) for kind in (*OF_SENT, *OF_DELIVERED)})
    waiting = totals.get(State.PENDING, 0) + totals.get(State.RETRY, 0)
    yield Figure("failed", totals.get(State.FAILED, 0))
    yield Figure("unknown", totals.get(State.UNKNOWN, 0))
    yield Figure("waiting", waiting)
    yield Figure("cancelled", totals.get(State.CANCELLED, 0))
    yield Figure("suppressed", totals.get(State.SUPPRESSED, 0))
    yield Figure("invalid", totals.get(State.INVALID, 0))


def _sent(
    wanted: Definition, file: CampaignFile, totals: Mapping[State, int], known: Known
) -> float | None:
    """Return how many were sent to; an audience that was handed over is not, until the vendor
    sends."""
    ours = totals.get(State.SENT, 0)
    if not is_hosted(wanted):
        return ours
    return known.summary.get("sent", ours) if file.get("launched") else 0


def _rated(sent: float | None, counts: Mapping[str, float | None]) -> Iterator[Figure]:
    delivered = counts.get("delivered")
    for kind, count in counts.items():
        base, of = sent, "sent"
        if kind in OF_DELIVERED and delivered:
            base, of = delivered, "delivered"
        rate = count / base if count is not None and base else None
        yield Figure(kind, count, rate, of if rate is not None else "")


def _samples(
    file: CampaignFile, counts: Counts, wanted: Definition, known: Known
) -> Iterator[Sample]:
    if wanted.ab is not None:
        for number, variant in enumerate(wanted.variants, start=1):
            yield _sample(file, number, variant.name, variant.subject, counts, known)


def _rest(file: CampaignFile, counts: Counts, winner: Variant, known: Known) -> Sample:
    """Return those who were held back, and got the winner."""
    return _sample(file, HELD_BACK, f"{winner.name} (the rest)", winner.subject, counts, known)


def _sample(
    file: CampaignFile, number: int, name: str, subject: str, counts: Counts, known: Known
) -> Sample:
    sent = file.reacted(number, "")[1]
    mine = {kind: n for (variant, kind), n in counts.items() if variant == number}
    found = {
        kind: known.seen(kind, _joined(mine).get(kind, 0)) for kind in (*OF_SENT, *OF_DELIVERED)
    }
    return Sample(name, subject, (Figure("sent", sent), *_rated(sent, found)))


def _tests(trial: Sequence[Sample]) -> Iterator[Tested]:
    """Compare the variants in what is known of their recipients' reactions."""
    for kind in REACTIONS:
        counts = [
            (int(figure.count), int(one.figures[0].count or 0))
            for one in trial
            for figure in one.figures
            if figure.name == kind and figure.count is not None
        ]
        if counts:
            found = compare(counts)
            yield Tested(kind, trial[found.best].name, found)


def _first(*values: float | None) -> float | None:
    return next((float(value) for value in values if value is not None), None)
