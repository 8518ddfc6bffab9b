"""Acts that are not finished, and the word of a person about those nobody can look up."""

from __future__ import annotations

from .. import errors as e
from .. import providers
from ..capability import CanLocate
from ..model import Posted
from ..store.acts import CAMPAIGN, SYNC, Act, Acts, Part, sending_lock
from ..store.ledger import Ledger
from ..store.locks import lock
from .acting import items

LOCK_SECONDS = 5.0
WAITING = ("scheduled", "open", "unknown", "failed", "missed")


def waiting(ledger: Ledger) -> list[tuple[Act, int]]:
    """Return unfinished acts, each with how many of its parts are out."""
    acts = Acts(ledger)
    return [
        (act, sum(part.state == "done" for part in acts.parts(act.id).values()))
        for act in acts.listed(WAITING)
    ]


def refused_in_part(act: Act, sent: int) -> bool:
    """Whether all of an act is out but what the vendor refused, which is not sent again: its last
    piece only tells of that."""
    last = [(piece["kind"], piece["body"]) for piece in act.content.get("pieces", ())][-1:]
    return act.state == "failed" and sent == items(act) - 1 and last == [("refused", {})]


def settle(ledger: Ledger, id: int, *, sent: bool, ref: str = "", url: str = "") -> Act:
    """Take a person's word on the part in doubt, or that what was refused is made by hand, and
    return the act as it stands then.

    ``sent`` with the vendor's id (``ref``) lets a thread go on below that item. Raises
    `InvalidInput` if nothing is in doubt, or if the thread needs the id to go on, and `Busy`
    while another process is at work for that account.
    """
    acts = Acts(ledger)
    act = acts.get(id)
    with lock(sending_lock(act.provider, act.account), LOCK_SECONDS):
        return _settled(acts, act, sent=sent, posted=Posted(ref, url))


def _settled(acts: Acts, act: Act, *, sent: bool, posted: Posted) -> Act:
    id = act.id
    if act.verb == CAMPAIGN:
        from .campaign import overview

        raise e.InvalidInput(
            f"act {id} is a campaign: what is unknown is known by recipient",
            hint=f"{overview.command('show', act.key)} --unknown",
        )
    if act.verb == SYNC:
        raise e.InvalidInput(
            f"act {id} is a sync: what is unknown is known by row",
            hint=f"mktool syncs {act.content['sync']} --state unknown",
        )
    parts = acts.parts(id)
    if sent and refused_in_part(act, sum(part.state == "done" for part in parts.values())):
        acts.confirm(id, items(act), posted)
        acts.mark(id, "done")
        return acts.get(id)
    doubtful = [part for part in parts.values() if part.in_doubt]
    if not doubtful:
        raise e.InvalidInput(
            f"nothing is in doubt about act {id} ({act.state})", hint="mktool outbox"
        )
    part, total = doubtful[0], items(act)
    last = part.seq == total or not _tells_ids(act)
    if not sent:
        acts.clear_doubt(id, part.seq)
        acts.mark(id, "failed", code="settled", error="settled: did not go out")
        return acts.get(id)
    if not last and not posted.id:
        raise e.InvalidInput(
            f"part {part.seq} of {total} needs its id, so that part {part.seq + 1} can follow it",
            hint=f"mktool settle {id} --sent --id ID",
        )
    acts.confirm(id, part.seq, posted)
    if _complete(acts.parts(id), total):
        acts.mark(id, "done")
    else:
        acts.mark(id, "failed", code="settled", error=f"{total - part.seq} parts are still to go")
    return acts.get(id)


def _tells_ids(act: Act) -> bool:
    """Whether a part may need the id of one before it: not where no vendor's id is ever told."""
    return "pieces" not in act.content or issubclass(providers.load(act.provider), CanLocate)


def _complete(parts: dict[int, Part], total: int) -> bool:
    return sum(part.state == "done" for part in parts.values()) == total
