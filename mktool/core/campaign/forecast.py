"""What a run would do, said before it does it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ...message import Channel
from ...spec import Delivery, Limit
from ...store import limits as rate
from ...store.outcomes import LEFT_OUT, State
from .compose import Composer
from .plan import Reading

if TYPE_CHECKING:
    from .campaign import Campaign


@dataclass(slots=True)
class Plan:
    """What a run would do.

    ``audience`` is everybody the campaign is for, ``to_send`` who is left of it; ``held_back`` wait
    for the winner of a test, and ``doubtful`` are sent to again though they may have it.
    ``reading`` is None where the list was read before. ``largest`` is in bytes, ``seconds`` what
    the limits make it take, ``price`` US dollars.
    """

    name: str
    provider: str
    account: str
    channel: Channel
    audience: int
    to_send: int
    held_back: int
    doubtful: int
    suppressed: int
    requests: int
    seconds: float
    price: float
    largest: int
    reading: Reading | None = None
    warnings: list[str] = field(default_factory=list)


def forecast(campaign: Campaign) -> Plan:
    """Return what a run over this campaign would do."""
    totals, spec, delivery = campaign.file.totals(), campaign.session.spec, campaign.delivery
    count = campaign.to_send()
    calls = -(-count // delivery.batch)
    return Plan(
        campaign.definition.name,
        spec.name,
        campaign.session.account,
        delivery.channel,
        sum(count for state, count in totals.items() if state not in LEFT_OUT),
        count,
        campaign.held_back(),
        campaign.doubtful,
        totals.get(State.SUPPRESSED, 0),
        calls,
        seconds(spec.limits, delivery, count, campaign.definition.rate),
        calls * delivery.endpoint.price,
        _largest(campaign),
        campaign.reading,
        [*_warnings(campaign)],
    )


def seconds(limits: Iterable[Limit], delivery: Delivery, messages: int, own: float = 0) -> float:
    """Return how long the limits make it take, at least; ``own`` is our rate in messages."""
    bucket = delivery.endpoint.counts_as
    calls = -(-messages // delivery.batch)
    counting = [limit for limit in limits if limit.bucket in ("*", bucket)]
    longest = calls * rate.interval(counting, bucket)
    for limit in counting:
        longest = max(longest, (calls - 1) // limit.calls * limit.per if calls else 0.0)
    return max(longest, messages / own if own else 0.0)


def _largest(campaign: Campaign) -> int:
    """Return the bytes of the message of whoever has the most to merge."""
    longest, composer = campaign.file.longest(), campaign.courses()[0].composer
    if longest is None or not isinstance(composer, Composer):
        return 0
    try:
        message = composer.whole(longest)
    except ValueError:
        return 0
    return sum(len(part.encode()) for part in (message.subject, message.html, message.text))


def _warnings(campaign: Campaign) -> Iterator[str]:
    """Yield that the list is empty, who may get it twice, what spam laws ask for and is not there,
    and what makes texts dear."""
    if campaign.reading is not None and not campaign.reading.rows:
        yield "the list has no rows: was it exported whole?"
    if campaign.doubtful:
        yield f"{campaign.doubtful:,} to send to are unknown: they may get it a second time"
    wanted, texts = campaign.definition, campaign.reading.texts if campaign.reading else None
    if campaign.delivery.channel == "email" and not campaign.hosted:
        if not wanted.unsubscribe:
            yield 'no way to unsubscribe: unsubscribe = "https://…/{{ id }}"'
        if not (wanted.postal_address or campaign.postal_address):
            yield 'no postal address, which spam laws ask for: postal_address = "…"'
    every = " ".join(" ".join(one.parts) for one in campaign.contents)
    if campaign.delivery.channel == "sms" and not re.search(r"(?i)\bstop\b", every):
        yield "the text does not say how to opt out, as in: Reply STOP to end"
    if texts and texts.saved:
        fewer = texts.parts - texts.saved
        yield f"{texts.culprit!r} is not in GSM-7: {texts.parts} parts instead of {fewer}"
