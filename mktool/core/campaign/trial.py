"""A/B tests: the winner is found after a time, and goes to those who were held back."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ... import errors as e
from .. import moments
from . import overview
from .plan import HELD_BACK

if TYPE_CHECKING:
    from ...store.acts import Act
    from ...store.campaigns import CampaignFile
    from .campaign import Campaign
    from .definition import Definition


def wait(campaign: Campaign) -> float:
    """Have a campaign whose test is out go on by itself after its time; return that moment."""
    test = campaign.definition.ab
    assert test is not None
    out = max(campaign.session.ledger.clock(), float(campaign.file.get("held_until", 0)))
    due = float(campaign.file.get("test_until", 0) or out + test.wait)
    campaign.file.put(test_until=due)
    campaign.acts.later(
        campaign.act.id, due, moments.shown(datetime.fromtimestamp(due, UTC).astimezone())
    )
    return due


def decide(campaign: Campaign) -> None:
    """Choose the winner of a test whose time is over, by what its recipients did.

    Raises `InvalidInput` where a person has to choose.
    """
    test, file = campaign.definition.ab, campaign.file
    until = file.get("test_until")
    if test is None or file.get("winner") or until is None:
        return
    if campaign.session.ledger.clock() < float(until):
        return
    if test.by == "manual":
        raise e.InvalidInput("the test is over: somebody has to choose", hint=_by_hand(campaign))
    from .significance import compare
    from .track import sync

    told = sync(campaign.session, campaign.act, file)
    if told.errors and "events" not in told.read:
        raise told.errors[0]  # what is on record may be of the first hour
    kind = "opened" if test.by == "opens" else "clicked"
    counts = [file.reacted(number, kind) for number in range(1, len(campaign.contents) + 1)]
    if not any(reactions for reactions, _ in counts):
        raise e.InvalidInput(
            f"the test is over, and nothing is known of {test.by}", hint=_by_hand(campaign)
        )
    found = compare(counts)
    file.put(winner=found.best + 1, winner_p=found.p_value)


def choose(file: CampaignFile, wanted: Definition, variant: str) -> int:
    """Make a variant the winner, and return how many were held back for it.

    `InvalidInput` where there is no such variant, or another has won already.
    """
    number = number_of(wanted, variant)
    before = int(file.get("winner", 0))
    if before not in (0, number):
        raise e.InvalidInput(f"{wanted.variants[before - 1].name} has won already")
    file.put(winner=number)
    return file.pending(HELD_BACK)


def choose_for(act: Act, variant: str) -> int:
    """Choose for a campaign as `choose` does; `Busy` while it is being sent."""
    from .definition import from_json
    from .opening import locked

    with locked(str(act.key)), overview.opened(act) as file:
        return choose(file, from_json(act.content["definition"]), variant)


def number_of(definition: Definition, variant: str) -> int:
    """Return the number of a variant, from 1; `InvalidInput` lists them."""
    names = [one.name for one in definition.variants]
    if definition.ab is None:
        raise e.InvalidInput(f"the campaign {definition.name!r} is no test: it has no [ab]")
    if variant.upper() not in names:
        raise e.InvalidInput(f"there is no variant {variant!r}", hint=f"one of {', '.join(names)}")
    return names.index(variant.upper()) + 1


def _by_hand(campaign: Campaign) -> str:
    report, winner = (overview.command(v, campaign.definition.name) for v in ("report", "winner"))
    return f"{report}, then {winner} A, or B"
