"""Which campaigns there are, and how far each of them is: the ledger and their files, read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import NamedTuple

from ...errors import Interrupted, InvalidInput, StorageError
from ...store.acts import CAMPAIGN, Act, Acts
from ...store.campaigns import CampaignFile, path_of
from ...store.ledger import Ledger
from ...store.outcomes import LEFT_OUT, State

RUNNING = "open"  # the state in which the numbers change by the moment


class Standing(NamedTuple):
    """A campaign and how many of its recipients are in which state; None if its file is gone.

    ``held_until`` is when the vendor sends what it keeps (epoch seconds), 0 if it keeps nothing.
    """

    act: Act
    totals: Mapping[State, int] | None
    held_until: float = 0.0

    @property
    def audience(self) -> int:
        """Everybody it is for: without those who cannot, or must not, be sent to."""
        return sum(n for state, n in (self.totals or {}).items() if state not in LEFT_OUT)

    def count(self, *states: State) -> int:
        return sum((self.totals or {}).get(state, 0) for state in states)


def command(verb: str, name: str | None) -> str:
    """Return the command that does something with a campaign, as a shell takes it."""
    from shlex import quote

    return f"mktool campaign {verb} {quote(name or '')}"


def stopped(word: str, name: str) -> Interrupted:
    """Return what ends a run that another process ``word``: "paused" or "cancelled"."""
    resume = command("resume", name)
    hint = resume if word == "paused" else "--as NAME sends it as a new campaign"
    return Interrupted(f"the campaign was {word} by another process", hint=hint)


def find(ledger: Ledger, name: str) -> Act:
    """Return the campaign of a name; `InvalidInput` with the nearest known one."""
    acts = Acts(ledger)
    if (act := acts.named(CAMPAIGN, name)) is not None:
        return act
    near = get_close_matches(name, [str(one.key) for one in acts.of(CAMPAIGN)], n=1, cutoff=0.5)
    raise InvalidInput(
        f"there is no campaign {name!r}" + (f"; there is {near[0]!r}" if near else ""),
        hint="mktool campaign list",
    )


def listed(ledger: Ledger, limit: int) -> Iterator[Standing]:
    """Yield the campaigns, the newest first."""
    for act in Acts(ledger).of(CAMPAIGN, limit=limit):
        yield _standing(act, ledger.clock())


def opened(act: Act) -> CampaignFile:
    """Return the file of a campaign; `InvalidInput` if it never had one."""
    if not act.content.get("ready"):
        raise InvalidInput(
            f"the campaign {act.key!r} has read no list yet", hint="mktool send-campaign FILE"
        )
    return CampaignFile(path_of(act.id))


def held_until(file: CampaignFile, now: float) -> float:
    """Return until when the vendor keeps what it was given (epoch seconds), 0 if it does not."""
    until = float(file.get("held_until", 0))
    return until if until > now and file.begun() else 0.0


def _standing(act: Act, now: float) -> Standing:
    try:
        with opened(act) as file:
            totals = file.totals() if act.state == RUNNING else _kept(file, act)
            return Standing(act, totals, held_until(file, now))
    except InvalidInput:
        return Standing(act, {})
    except StorageError:
        return Standing(act, None)


def _kept(file: CampaignFile, act: Act) -> Mapping[State, int]:
    """Return the totals of a campaign at rest: counted once, as millions take seconds."""
    mark = json.dumps([act.updated, file.mark()])
    if file.get("counted") == mark:
        known = json.loads(file.get("totals", "{}"))
        return {State[name]: count for name, count in known.items()}
    totals = file.totals()
    file.put(
        counted=mark, totals=json.dumps({state.name: count for state, count in totals.items()})
    )
    return totals
