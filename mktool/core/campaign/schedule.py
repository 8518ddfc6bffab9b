"""When a campaign goes out: now, at a time that the vendor keeps, or at one that we keep."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ...capability import CanBroadcast, CanHold
from .. import moments

if TYPE_CHECKING:
    from .campaign import Campaign


class Moment(NamedTuple):
    """``at`` is epoch seconds, None for now. ``ours``: `mktool run-due` sends it then, else
    ``holder`` does. ``shown`` is for people."""

    at: float | None = None
    shown: str = ""
    ours: bool = False
    holder: str = ""


def moment(campaign: Campaign, when: str, zone: str) -> Moment:
    """Return when a campaign goes out, and have it scheduled if we keep it.

    The vendor keeps it where it can be cancelled again, and if its window reaches that far. The
    same words mean the same moment on every run, also when that has passed.
    """
    file, now = campaign.file, campaign.session.ledger.clock()
    if not when:
        return Moment()
    if file.get("when") != when:
        at, shown = moments.moment(when, now, zone)
        file.put(when=when, at=at, shown=shown)
    at, shown = float(file.get("at")), str(file.get("shown"))
    if at <= now or file.get("launched"):
        return Moment()
    if held_by_vendor(campaign, at - now) or file.get("hold") is not None:
        file.put(held_until=at)
        return Moment(at, shown, holder=campaign.session.spec.title)
    campaign.acts.later(campaign.act.id, at, shown)
    return Moment(at, shown, ours=True)


def held_by_vendor(campaign: Campaign, ahead: float) -> bool:
    """Whether the vendor can keep it for so many seconds, and give it back."""
    least, most = campaign.delivery.hold
    able = isinstance(campaign.session.provider, CanHold | CanBroadcast)
    return able and least <= ahead <= most
