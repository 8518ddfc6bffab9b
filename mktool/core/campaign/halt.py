"""Stopping a campaign, for now or for good, and taking back what its vendor still holds."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from ... import errors as e
from ...capability import CanBroadcast, CanHold
from ...http.exchange import Scope
from ...store import held
from ...store.acts import Act, Acts
from ...store.ledger import Ledger
from ...store.outcomes import Outcome, State
from ..settings import Settings
from . import overview

if TYPE_CHECKING:
    from .campaign import Campaign

STOPPABLE = ("open", "failed", "unknown", "scheduled", "missed")
PATIENCE = 30.0  # seconds in which a sender finishes what is on the wire
LOOK_AGAIN = 0.2


class Cancelled(NamedTuple):
    """How a campaign was cancelled: ``sent`` are out, ``back`` were held by the vendor and will
    not go out, ``late`` were held and could not be taken back any more, ``never`` is who is left.
    """

    sent: int
    back: int
    late: int
    never: int


def pause(ledger: Ledger, act: Act) -> None:
    """Stop a campaign until it is resumed; a sender under way stops within a second."""
    if not Acts(ledger).change(act.id, (*STOPPABLE, "paused"), "paused"):
        verb = "cancel" if _is_held(ledger, act) else "show"
        raise e.InvalidInput(
            f"the campaign {act.key!r} is {act.state}: there is nothing to pause",
            hint=overview.command(verb, act.key),
        )


def unpause(ledger: Ledger, act: Act) -> None:
    """Let a campaign go on; `InvalidInput` where it cannot, from the ledger alone."""
    if act.state == "cancelled":
        raise e.InvalidInput(
            f"the campaign {act.key!r} was cancelled",
            hint="mktool send-campaign FILE --as NAME begins a new one",
        )
    Acts(ledger).change(act.id, ("paused",), "open")
    with overview.opened(act) as file:
        if file.get("list") is None:
            raise e.InvalidInput(
                f"the list of the campaign {act.key!r} was never read to its end",
                hint="mktool send-campaign FILE",
            )


def cancel(settings: Settings, ledger: Ledger, act: Act) -> Cancelled:
    """Stop a campaign for good, and take back what the vendor was to send later.

    A sender under way stops within a second. Raises `Busy` if it does not, and `InvalidInput` if
    everything is out already.
    """
    acts, holding = Acts(ledger), _is_held(ledger, act)
    before = (*STOPPABLE, "paused", *(("done", "cancelled") if holding else ()))
    if not acts.change(act.id, before, "cancelled"):
        raise e.InvalidInput(
            f"the campaign {act.key!r} is {act.state}: there is nothing left to cancel",
            hint=overview.command("show", act.key),
        )
    back = late = 0
    if holding:
        with _alone(settings, act) as campaign:
            for one in _released(campaign):
                back += one.state == State.CANCELLED
                late += one.state != State.CANCELLED
            campaign.file.put(held_until=0)
        acts.mark(act.id, "cancelled")  # at another time than the totals were counted
    if not act.content.get("ready"):
        return Cancelled(0, 0, 0, 0)
    _give_up(settings, act)
    with overview.opened(act) as file:
        totals = file.totals()
    never = totals.get(State.PENDING, 0) + totals.get(State.RETRY, 0)
    return Cancelled(totals.get(State.SENT, 0), back, late, never)


def _give_up(settings: Settings, act: Act) -> None:
    """Record of whom nobody knows, as no run will find it out any more."""
    from . import opening

    end = time.monotonic() + PATIENCE
    while True:
        try:
            with opening.locked(str(act.key)), overview.opened(act) as file, file.transaction():
                for claim in file.unfinished():
                    why = "the campaign was cancelled before it was found out"
                    people = file.members(claim)
                    file.confirm(
                        claim, [Outcome(p.seq, State.UNKNOWN, "", "cancelled", why) for p in people]
                    )
            return
        except e.Busy:
            if time.monotonic() > end:
                return  # the sender is at work for longer, and records what it did itself
            settings.sleep(LOOK_AGAIN)


def _is_held(ledger: Ledger, act: Act) -> bool:
    """Whether the vendor keeps what it was given, to send it later."""
    if not act.content.get("ready"):
        return False
    with overview.opened(act) as file:
        return overview.held_until(file, ledger.clock()) > 0


@contextlib.contextmanager
def _alone(settings: Settings, act: Act) -> Iterator[Campaign]:
    """Open a campaign as soon as its sender has stopped."""
    from . import opening
    from .campaign import Options

    end = time.monotonic() + PATIENCE
    with contextlib.ExitStack() as stack:
        while True:
            try:
                campaign = stack.enter_context(opening.resumed(settings, act, Options()))
                break
            except e.Busy:
                if time.monotonic() > end:
                    raise
                settings.sleep(LOOK_AGAIN)
        campaign.session.exchange.scope = Scope(act.id)
        yield campaign


def _released(campaign: Campaign) -> Iterator[Outcome]:
    """Take back what is held and put it on record, batch by batch; yield what became of each."""
    provider, file = campaign.session.provider, campaign.file
    hold = str(file.get("hold", ""))
    one_by_one = isinstance(provider, CanHold) and not campaign.hosted and not hold
    if not one_by_one and not file.get("released"):
        if campaign.hosted and file.get("launching"):
            assert isinstance(provider, CanBroadcast)
            draft = str(file.get("draft"))
            if provider.launched(draft):
                provider.recall(draft)
        elif not campaign.hosted and isinstance(provider, CanHold):
            provider.release(hold, ())
        file.put(released=1)  # so that a run that goes on after a crash does not ask again
    for batch, people in held.batches(file):
        if one_by_one:
            assert isinstance(provider, CanHold)
            found = [_release(provider, one) for one in people]
        else:
            found = [one._replace(state=State.CANCELLED) for one in people]
        held.settled(file, batch, found)
        yield from found


def _release(provider: CanHold, one: Outcome) -> Outcome:
    """Take one message back, unless it is too late."""
    if not one.vendor:
        return one
    try:
        provider.release("", (one.vendor,))
    except (e.Rejected, e.NotFound) as error:
        return one._replace(code=error.context.vendor_code or error.code, text=error.message)
    return one._replace(state=State.CANCELLED)
