"""When a campaign goes out: now, at a time that the vendor keeps, or at one that we keep."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from ...capability import CanHold
from ...errors import InvalidInput
from .. import moments

if TYPE_CHECKING:
    from .campaign import Campaign


NOW = "now"


class Moment(NamedTuple):
    """``at`` is epoch seconds, None for now. ``ours``: `mktool run-due` sends it then, else
    ``holder`` does. ``shown`` is for people."""

    at: float | None = None
    shown: str = ""
    ours: bool = False
    holder: str = ""


def moment(campaign: Campaign, when: str, zone: str) -> Moment:
    """Return when a campaign goes out, and have it scheduled if we keep it."""
    found = planned(campaign, when, zone)
    if found.ours and found.at:
        campaign.acts.later(campaign.act.id, found.at, found.shown)
    elif found.at:
        campaign.file.put(held_until=found.at)
    return found


def planned(campaign: Campaign, when: str, zone: str) -> Moment:
    """Return when a campaign is to go out; nothing is scheduled yet.

    The vendor keeps it where it can be cancelled again, and if its window reaches that far. The
    same words mean the same moment on every run, also when that has passed. `InvalidInput` for a
    time that the vendor cannot keep.
    """
    file, now = campaign.file, campaign.session.ledger.clock()
    if when == NOW:
        file.put(when="", at=0)
        return Moment()
    if not when and campaign.act.state == "scheduled" and (file.get("at") or 0) > now:
        when = str(file.get("when"))  # to forget --at is no wish for now
    if not when:
        return Moment()
    if file.get("when") != when:
        at, shown = moments.moment(when, now, zone)
        file.put(when=when, at=at, shown=shown)
    at, shown = float(file.get("at")), str(file.get("shown"))
    if at <= now or file.get("launched"):
        return Moment()
    if held_by_vendor(campaign, at - now) or file.get("hold") is not None:
        _check_grid(campaign, at, shown)
        return Moment(at, shown, holder=campaign.session.spec.title)
    return Moment(at, shown, ours=True)


def held_by_vendor(campaign: Campaign, ahead: float) -> bool:
    """Whether the vendor can keep it for so many seconds, and give it back."""
    least, most = campaign.delivery.hold
    able = campaign.hosted or isinstance(campaign.session.provider, CanHold)
    holder = campaign.delivery.holder
    fit = all(one.sender.address.startswith(holder) for one in campaign.definition.variants)
    return able and fit and least <= ahead <= most


def _check_grid(campaign: Campaign, at: float, shown: str) -> None:
    grid = campaign.delivery.grid
    if not grid or not (past := at % grid):
        return
    following = datetime.fromtimestamp(at - past + grid, UTC).astimezone()
    raise InvalidInput(
        f"{campaign.session.spec.title} sends every {grid / 60:g} minutes, and not at {shown}",
        hint=f"--at {following.isoformat(timespec='minutes')}",
    )
