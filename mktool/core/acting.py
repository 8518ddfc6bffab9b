"""
Carrying out an act, part by part, so that nothing goes out twice and nothing is lost.

A part is begun in the ledger before its first byte leaves and confirmed after the answer. What
a killed run left in doubt is looked up at the vendor; only proof of absence lets it be sent
again, and where there is no proof it is reported as unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from .. import errors as e
from ..http.exchange import Scope
from ..model import Posted
from ..spec import DAY
from ..store.acts import Act, Acts, Wanted, sending_lock
from ..store.locks import lock
from .session import Session

RESENDS = 2
FIRST_LOOK, LOOK_EVERY = 0.5, 5.0  # seconds between looks for a lost write: first, at most
# A vendor that was too slow for us may still be at work: how many timeouts until it is not.
SLOW = 3
# What nobody can mend by waiting; all else may pass.
FINAL = (e.InvalidInput, e.Unsupported, e.Rejected, e.OutcomeUnknown, e.Forbidden, e.NotFound)


class Work(Protocol):
    """The parts of an act, numbered from 1, and how one reaches the vendor.

    ``token`` is unique to the part of this act; ``before`` is what the parts before it became.
    """

    def __len__(self) -> int: ...

    def check(self) -> None:
        """Raise `Unsupported` or `InvalidInput` if this account cannot take it. Sends nothing."""

    def send(self, seq: int, token: str, before: Sequence[Posted], /) -> Posted:
        """Send one part."""

    @property
    def traceable(self) -> bool:
        """Whether the vendor can be asked for a part whose answer was lost."""

    def trace(
        self, seq: int, token: str, before: Sequence[Posted], since: float, known: frozenset[str], /
    ) -> Posted | None:
        """Return a part that went out after ``since``, or None if that is proven not to be."""


def items(act: Act) -> int:
    """Return how many parts an act has; 0 for a campaign."""
    return len(act.content.get("posts") or act.content.get("pieces") or ())


@dataclass(slots=True)
class Published:
    """How an act ended at one account. ``repeated``: it was out already, by this key.

    ``posted`` is what is out of this act, so that nothing is in it where a duplicate was refused;
    ``recipients`` are those that a campaign was sent to.
    """

    provider: str
    account: str
    act: int = 0
    total: int = 0
    posted: list[Posted] = field(default_factory=list)
    repeated: bool = False
    error: e.MktoolError | None = None
    recipients: int = 0

    @property
    def state(self) -> str:
        if self.error is None:
            return "done"
        if isinstance(self.error, e.OutcomeUnknown):
            return "unknown"
        if self.posted or self.recipients:
            return "partial"
        return "duplicate" if isinstance(self.error, e.Duplicate) else "failed"


def carry_out(
    session: Session, want: Wanted, work: Work, *, again: bool = False,
    say: Callable[[str], None] = lambda text: None, kept: Callable[[Act], Work] | None = None,
) -> Published:  # fmt: skip
    """Carry out, or go on with, one act; every failure is in the result, none is raised.

    ``kept`` returns the work as the act holds it, where that of an earlier run is to be gone on
    with to the letter.
    """
    result = Published(session.spec.name, session.account, total=len(work))
    try:
        work.check()
        with lock(sending_lock(session.spec.name, session.account), session.max_wait):
            act = Acts(session.ledger).open(want, again=again)
            result.act = act.id
            act = _renewed(session, act, want, say if kept else None)
            if not _finished(session, act, result):
                _Run(session, act, kept(act) if kept else work, result, say).run()
    except e.MktoolError as error:
        result.error = error
    return result


def go_on(
    session: Session, act: Act, kept: Callable[[Act], Work], say: Callable[[str], None]
) -> Published:
    """Carry out an act that stands in the ledger already: scheduled, or interrupted."""
    result = Published(session.spec.name, session.account, act.id, items(act))
    try:
        with lock(sending_lock(session.spec.name, session.account), session.max_wait):
            acts = Acts(session.ledger)
            if not acts.change(act.id, ("scheduled", "open", "missed"), "open"):
                raise e.Duplicate("is no longer waiting", session.where(act.verb))
            try:
                work = kept(act)
                work.check()
            except e.MktoolError as error:
                acts.mark(act.id, "failed", code=error.code, error=error.message)
                raise
            _Run(session, act, work, result, say).run()
    except e.MktoolError as error:
        result.error = error
    return result


def _renewed(
    session: Session, act: Act, want: Wanted, goes_on: Callable[[str], None] | None
) -> Act:
    """Return the act with the content that is wanted now: under a key it may have been mended.

    One of which something is out already ``goes_on``, and says so, where the act holds all of it.
    """
    if act.digest == want.digest or act.state != "open":
        return act
    acts = Acts(session.ledger)
    if any(part.posted or part.in_doubt for part in acts.parts(act.id).values()):
        if goes_on is not None:
            goes_on(f"act {act.id} goes on as it was begun, without what has changed since")
            return act
        raise e.InvalidInput(
            f"act {act.id} has this key and went out in part, with another content",
            hint="go on with that content, or take another --key",
        )
    return acts.rewrite(act.id, want)


def _finished(session: Session, act: Act, result: Published) -> bool:
    """Whether the act needs no work; raises `Duplicate` where that must be said."""
    if act.state == "done":
        parts = Acts(session.ledger).parts(act.id)
        posted = [p.posted for p in parts.values() if p.posted]
        if act.key:
            result.posted, result.total, result.repeated = posted, len(posted), True
            return True
        first = posted[0].url or posted[0].id if posted else ""
        raise e.Duplicate(
            f"the same content went out as act {act.id} {first}".rstrip(),
            session.where(act.verb), hint="to publish it once more: --again",
        )  # fmt: skip
    if act.state in ("scheduled", "missed"):
        raise e.Duplicate(
            f"act {act.id} is {act.state} with this content", session.where(act.verb),
            hint=f"mktool schedule cancel {act.id}" + ("" if act.key else ", or --again"),
        )  # fmt: skip
    return False


class _Run:
    """One pass over the parts of one act, under the lock of its account."""

    def __init__(
        self, session: Session, act: Act, work: Work, result: Published,
        say: Callable[[str], None],
    ) -> None:  # fmt: skip
        self.session, self.act, self.work = session, act, work
        self.result, self.say, self.acts = result, say, Acts(session.ledger)

    def run(self) -> None:
        try:
            self._parts()
        except e.OutcomeUnknown as error:
            self.acts.mark(self.act.id, "unknown", code=error.code, error=error.message)
            error.hint = (
                f"look at the account, then: mktool settle {self.act.id} --sent, or --not-sent"
            )
            raise
        except e.Interrupted:
            raise
        except e.MktoolError as error:
            self.acts.mark(self.act.id, "failed", code=error.code, error=error.message)
            raise
        self.acts.mark(self.act.id, "done")

    def _parts(self) -> None:
        begun = self.acts.parts(self.act.id)
        self.result.total = len(self.work)
        for seq in range(1, len(self.work) + 1):
            part = begun.get(seq)
            posted = part.posted if part else None
            if part and part.in_doubt:
                self.say(f"part {seq} was on its way when an earlier run ended; looking for it")
                posted = self._settle(seq)
            if posted is None:
                posted = self._send(seq)
            self.result.posted.append(posted)

    def _token(self, seq: int) -> str:
        return f"{self.act.digest[:12]}-{self.act.created:.0f}-{self.act.id}-{seq}"

    def _send(self, seq: int) -> Posted:
        """Send one part; a lost answer is looked up, and absence proven before a resend."""
        for left in reversed(range(RESENDS + 1)):
            self.session.breathe()
            self.acts.start(self.act.id, seq)
            self.session.exchange.scope = Scope(self.act.id, seq)
            try:
                posted = self.work.send(seq, self._token(seq), self.result.posted)
            except e.Duplicate:
                # Refused as a copy of what an earlier look-up missed: look once more.
                found = self._late(seq)
                if found is not None:
                    return found
                raise
            except e.OutcomeUnknown as lost:
                self.say(f"{lost}; looking for it")
                found = self._settle(seq, lost)
                if found is not None:
                    return found
                if not left:
                    raise e.Unavailable(lost.message, lost.context) from None
                continue
            finally:
                self.session.exchange.scope = Scope()
            self.acts.confirm(self.act.id, seq, posted)
            return posted
        raise AssertionError("unreachable")

    def _late(self, seq: int) -> Posted | None:
        """Return the item of a part that was taken for absent, if the vendor shows it by now."""
        if not self.work.traceable or not self.acts.was_in_doubt(self.act.id, seq):
            return None
        try:
            found = self._trace(seq, self.act.created)
        except (e.ProviderError, e.Unsupported):
            return None  # the refusal says more than that it cannot be looked up
        if found is not None:
            self.acts.confirm(self.act.id, seq, found)
        return found

    def _trace(self, seq: int, since: float) -> Posted | None:
        known = self.acts.known_ids(self.session.spec.name, self.session.account)
        before = self.result.posted
        return self.work.trace(seq, self._token(seq), before, self._since(since), known)

    def _settle(self, seq: int, lost: e.OutcomeUnknown | None = None) -> Posted | None:
        """Return the item if the vendor has it; None, on record, once it is proven absent.

        A request may reach the vendor as long as its timeout runs, so absence counts only after
        that, and after several where the vendor let the timeout pass; and only by the vendor's
        clock. Raises `OutcomeUnknown` where the vendor cannot be asked.
        """
        session = self.session
        unknown = lost or e.OutcomeUnknown(
            f"part {seq} of act {self.act.id} was on its way when an earlier run ended",
            session.where(self.act.verb),
        )
        if not self.work.traceable:
            raise unknown
        part = self.acts.parts(self.act.id)[seq]
        answered = lost is not None and lost.context.status  # so that it is at work no more
        patience = session.spec.timeout if answered else session.spec.settles_after
        waited = session.ledger.clock() - part.asked
        if lost is not None and waited >= patience:
            patience *= SLOW
        left = min(max(patience - waited, 0.0), patience)
        pause = FIRST_LOOK
        while True:
            by_its_clock = session.exchange.skew is not None
            try:
                found = self._trace(seq, part.started)
            except (e.ProviderError, e.Unsupported) as error:
                unknown.message += f"; it could not be looked up ({error.message})"
                raise unknown from None
            if found is not None:
                self.acts.confirm(self.act.id, seq, found)
                return found
            if left <= 0 and (by_its_clock or session.exchange.skew is None):
                self.acts.clear_doubt(self.act.id, seq)
                return None
            nap = min(pause, left)
            session.exchange.sleep(nap)
            left, pause = left - nap, min(2 * pause, LOOK_EVERY)

    def _since(self, moment: float) -> float:
        """Return a moment of ours as the vendor has it at the latest: our clock may be wrong,
        and a look-up from a moment that is still to come would find nothing."""
        now = self.session.ledger.clock()
        return (moment if moment <= now else now - DAY) + min(
            self.session.exchange.skew or 0.0, 0.0
        )
