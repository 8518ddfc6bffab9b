"""
Sending a campaign: claim, send, confirm.

One thread owns the databases and decides; a crew sends. In every turn the calls that ended are
recorded and new ones admitted (one commit to the ledger), and finished batches are confirmed and
new ones claimed (one commit to the campaign). A batch is claimed before its first byte leaves, so
that whatever instant a crash picks, only claimed batches are in doubt; those go again under the
same idempotency key, or the vendor is asked, or they are reported as unknown.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ... import errors as e
from ...capability import CanTrace
from ...http.client import scheme_for
from ...http.exchange import Call, Ended, Scope
from ...store.campaigns import CampaignFile, Claim, Outcome, State
from ...store.ids import in_slots
from . import overview
from .crew import Crew, ahead
from .job import Done, Job
from .lane import Errand
from .run import Clock, Progress, Run
from .work import Work

if TYPE_CHECKING:
    from ..session import Session

LONGEST_WAIT = 0.5  # seconds until a signal is noticed
QUIET = 0.001  # seconds without an answer after which there is time to compose
LOST_IN_A_ROW = 5  # requests without an answer after which a run stops
UNSENT = Ended("unsent")  # a batch of which nobody could be sent to
SLOW = 3  # timeouts
KEY_MARGIN = 0.9  # of the time for which a vendor says that it remembers a key


Landed = tuple[Job, Done]


class Engine:
    """One run over one campaign, whose lock the caller holds."""

    def __init__(self, session: Session, file: CampaignFile, run: Run) -> None:
        self.session, self.file, self.run = session, file, run
        self.delivery = run.delivery
        self.clock = Clock(session)
        self.progress = Progress()
        self.error: e.MktoolError | None = None
        self._no_more: e.MktoolError | None = None
        self.errors = 0
        self._flying = dict[int, Job]()  # by their claims
        self._next_look = self._begin_at = 0.0
        self._lost_in_a_row = 0
        self._campaign = run.courses[0].batch.campaign
        self.work = Work(session, file, run)

    def go(self) -> None:
        """Send until nothing is left, or until it must stop; `error` says why."""
        self._crew = Crew(self.session, self.run)
        try:
            self._recover()
            self._loop()
        except e.MktoolError as error:  # a full disk, say: what is on the wire stays in doubt
            self.error = error
        finally:
            self._crew.close()

    # -- the loop ------------------------------------------------------------------------------

    def _loop(self) -> None:
        finished: list[Landed] = []
        waiting: deque[Errand] = deque()
        while True:
            if not self._halted():
                self.work.heed()
                self._look_for_all(waiting)
                self._stop_at_the_end_of(waiting)
            wait = self._turn(finished, waiting)
            self.run.report(self.progress)
            if finished := self._look_ahead(waiting, at_once=not wait):
                continue
            if not self._flying and self.error is not None:
                return
            if self._flying or waiting or self.work.doubtful:
                finished = self._landed(wait, at_once=not wait and bool(self._free and waiting))
                continue
            if (job := self.work.once_more()) is None:
                return
            waiting.append(self._crew.prepare(job, self.work.login))

    @property
    def _free(self) -> int:
        return self.run.lanes - len(self._flying)

    def _look_for_all(self, waiting: deque[Errand]) -> None:
        """Prepare some jobs if nothing is on the wire: where the vendor is faster than we are, one
        turn does for all of them."""
        while not self._flying and len(waiting) < ahead(self.run):
            if not self._look_for_work(waiting):
                return

    def _look_ahead(self, waiting: deque[Errand], *, at_once: bool) -> list[Landed]:
        """Prepare what comes next until a lane is done, which should find it ready; return what has
        ended. What may go out ``at_once`` does not wait for others.

        Where one is done the next one may soon be, and would have to wait for what is composed:
        with enough at hand that begins only when all is quiet.
        """
        enough = ahead(self.run) / 2
        while self._flying and self.error is None and len(waiting) < 2 * enough:
            if found := self._heard(QUIET if len(waiting) >= enough else 0.0):
                return found
            if (at_once and self._free and waiting) or not self._look_for_work(waiting):
                break
        return []

    def _look_for_work(self, waiting: deque[Errand]) -> bool:
        """Prepare one more job, and tell whether there was one."""
        if self._no_more is not None:
            return False
        try:
            job = self.work.take()
        except e.MktoolError as error:  # no login any more, say
            self._no_more = error
            return False
        if job is not None:
            waiting.append(self._crew.prepare(job, self.work.login))
        return job is not None

    def _stop_at_the_end_of(self, waiting: Sequence[Errand]) -> None:
        """Stop if there can be no more work: what was found before is sent, and settled."""
        if self._no_more is not None and self._free and not waiting:
            self._stop(self._no_more)

    def _landed(self, wait: float, *, at_once: bool) -> list[Landed]:
        """Return what has ended: something, unless the wait is over first."""
        end = time.monotonic() + (0.0 if at_once else wait or 60.0)
        while True:
            left = LONGEST_WAIT if self.error is not None else max(end - time.monotonic(), 0.0)
            if found := self._heard(min(left, LONGEST_WAIT)):
                return found
            self.run.report(self.progress)
            over = self._halted() or time.monotonic() >= end
            if over and not (self.error is not None and self._flying):
                return []

    def _heard(self, timeout: float) -> list[Landed]:
        return [(self._flying.pop(id), done) for id, done in self._crew.landed(timeout)]

    def _halted(self) -> bool:
        """Whether nothing new may begin: Ctrl-C, an error, or a word from another process."""
        if self.session.settings.stop.is_set():
            self._stop(e.Interrupted("stopped; what had gone out is on record"))
        if self.error is None and time.monotonic() >= self._next_look:
            self._next_look = time.monotonic() + LONGEST_WAIT
            if word := self.run.stopped():
                self._stop(overview.stopped(word, self._campaign))
            if found := self.work.leave_out(self._flying.values()):
                self._crew.leave_out(found)
        return self.error is not None

    def _stop(self, error: e.MktoolError) -> None:
        """End the run: nothing new begins, and what is on the wire is awaited."""
        self.error = self.error or error
        self._crew.halt()

    def _turn(self, finished: Sequence[Landed], waiting: deque[Errand]) -> float:
        """Record what ended and start what may; return the seconds to wait for more, or 0."""
        early = self._begin_at - time.monotonic() if waiting else 0.0
        ids, wait = self.session.ledger.turn(
            [(job.call, _calls(job, done)) for job, done in finished if job.call],
            [seen for _, done in finished for seen in done.seen],
            [self._call(errand.job) for errand in self._admissible(waiting, early)],
            self.session.spec.limits,
            (self.session.spec.name, self.session.account),
        )
        starting = self._claim(finished, ids, waiting)
        for id in ids[len(starting) :]:  # how another one ended has stopped it
            self.session.ledger.end(id, UNSENT.outcome)
        for errand in starting:
            self._flying[errand.job.claim.id] = errand.job
            self._crew.start(errand)
            if self.run.rate:
                self._begin_at = time.monotonic() + len(errand.job.people) / self.run.rate
        wait = max(wait, early)
        if wait > self.session.max_wait and not self._flying:
            where = self.session.where("send-campaign")
            self._stop(e.RateLimited("the limit is used up", where, retry_after=wait))
        soonest = self.work.ripe_at
        if soonest and not self._flying:
            left = max(soonest - time.monotonic(), 0.001)
            wait = min(wait, left) if wait else left
        return wait

    def _claim(
        self, finished: Sequence[Landed], ids: Sequence[int], waiting: deque[Errand]
    ) -> list[Errand]:
        """Record what ended and claim what was admitted, unless the one stops the other."""
        with self.file.transaction():
            for job, done in finished:
                self._settle(job, done)
            if self.error is not None:
                return []
            return [self._claimed(waiting.popleft(), id) for id in ids]

    def _admissible(self, waiting: Sequence[Errand], early: float) -> Sequence[Errand]:
        """Return the jobs that may begin: at a rate of our own, one after another."""
        if self.error is not None or early > 0:
            return ()
        return list(waiting)[: min(self._free, 1) if self.run.rate else self._free]

    def _claimed(self, errand: Errand, call: int) -> Errand:
        """Return an errand as it may go out: its batch is claimed in the ledger."""
        job, now = errand.job, self.clock.now()
        claim = job.claim
        again = job.redo or job.trace
        without = frozenset[int]() if again else self.work.dropped(job.people)
        if claim.id == 0:
            hold = self.run.course(claim.variant).batch.hold
            claim = self.file.claim(
                claim.lo, claim.hi, claim.variant, retry=claim.retry, at=now, hold=hold
            )
        elif not again:
            claim = self.file.reclaim(claim, now)
        key = f"{self.run.token}-{claim.id}-{claim.attempt}"
        return errand.started(claim, call, key, without)

    def _call(self, job: Job) -> Call:
        spec, endpoint = self.session.spec, self.delivery.endpoint
        requests = -(-len(job.people) // self.delivery.batch)
        signed = scheme_for(spec, self.work.login).sign(self.work.login)
        url = self.session.target.url(endpoint.path, {**self.session.options, **signed.options})
        call = Call(
            spec.name, self.session.account, endpoint.operation, endpoint.method, url,
            endpoint.counts_as, False, job.claim.attempt + 1, Scope(self.run.act), requests,
        )  # fmt: skip
        if job.trace:
            return call._replace(operation="trace", method="GET", bucket="trace", repeatable=True)
        return call

    # -- how it ended --------------------------------------------------------------------------

    def _settle(self, job: Job, done: Done) -> None:
        """Record how a job ended, in the transaction that is open."""
        progress = self.progress
        states = [outcome.state for outcome in done.outcomes]
        refused = states.count(State.FAILED)
        progress.sent += states.count(State.SENT) + len(done.implied)
        progress.failed += refused
        self.errors += refused + bool(done.doubt)
        if job.trace:
            self._traced(job, done)
        elif done.doubt:
            self._in_doubt(job, done)
        else:
            self._confirm(job, done)
        self._judge(done)

    def _confirm(self, job: Job, done: Done) -> None:
        """Record a batch of which everything is known, with as few rows as say it."""
        claim, ids = job.claim, b""
        implies = not claim.retry and not done.left
        if implies and done.ids:
            ids = in_slots(done.implied, done.ids, claim.lo, claim.hi)
            implies = bool(ids)
        self.file.confirm(
            claim, done.outcomes if implies else done.outcomes + done.sent,
            vendor=done.vendor, left=done.left, implied=len(done.implied) if implies else 0,
            ids=ids,
        )  # fmt: skip

    def _in_doubt(self, job: Job, done: Done) -> None:
        """Keep the batch claimed where its fate can still be found out, else call it unknown."""
        claim = job.claim
        rows = done.outcomes + done.sent
        whole = len(done.doubt) == len(job.people)
        can_repeat = self.run.repeats and (whole or self.run.broadcast is not None)
        can_repeat = can_repeat and self._key_is_good(claim)
        if can_repeat and not isinstance(done.error, e.Rejected):
            self.work.later(claim, 1.0)
            return
        resolved = {o.seq for o in rows} | set(done.doubt)
        rows += [Outcome(p.seq, State.RETRY) for p in job.people if p.seq not in resolved]
        if isinstance(self.session.provider, CanTrace):
            self.file.note(rows)
            self.work.later(claim, self._settling(slow=done.slow))
            return
        rows += [_unknown(seq, done.error) for seq in done.doubt]
        self.progress.unknown += len(done.doubt)
        self.file.confirm(claim, rows)

    def _traced(self, job: Job, done: Done) -> None:
        """Record what the vendor has; who it does not have is sent to again."""
        found = {outcome.seq for outcome in done.outcomes}
        absent = [p.seq for p in job.people if p.seq not in found]
        if done.error is not None:
            if isinstance(done.error, e.Unsupported):
                self.file.confirm(job.claim, [_unknown(seq, done.error) for seq in absent])
                self.progress.unknown += len(absent)
                done.error = None
            return
        rows = done.outcomes + [Outcome(seq, State.RETRY) for seq in absent]
        self.file.confirm(job.claim, rows)

    def _judge(self, done: Done) -> None:
        """Decide whether the run goes on after what happened."""
        error = done.error
        self._lost_in_a_row = self._lost_in_a_row + 1 if done.doubt else 0
        told = isinstance(error, e.OutcomeUnknown) or (isinstance(error, e.Rejected) and done.doubt)
        again = self.run.repeats and isinstance(error, e.Unavailable | e.UnexpectedReply)
        borne = told or (again and done.doubt)
        lost = self._lost_in_a_row >= LOST_IN_A_ROW
        if error is not None and (not borne or done.left or lost):
            self._stop(error)
        elif self.errors >= self.run.max_errors > 0:
            show = overview.command("show", self._campaign)
            self._stop(
                e.Partial(
                    f"stopped: {self.run.max_errors:,} errors are the most (max_errors)",
                    hint=f"{show} --failed; then fix the cause, and run it again",
                )
            )

    # -- what an earlier run left --------------------------------------------------------------

    def _recover(self) -> None:
        """Look at what was claimed and never confirmed: only that is in doubt."""
        provider = self.session.provider
        for claim in self.file.unfinished():
            people = self.file.members(claim)
            if not people:
                with self.file.transaction():
                    self.file.confirm(claim, ())
            elif self.run.repeats and self._key_is_good(claim):
                self.work.later(claim, 0.0)
            elif isinstance(provider, CanTrace):
                self.work.later(claim, self._settling())
            else:
                with self.file.transaction():
                    self.file.confirm(claim, [_unknown(p.seq, None) for p in people])
                self.progress.unknown += len(people)

    def _key_is_good(self, claim: Claim) -> bool:
        if self.run.broadcast is not None:
            return True
        age = self.clock.now() - claim.at
        return -60.0 < age < self.delivery.key_seconds * KEY_MARGIN

    def _settling(self, *, slow: bool = False) -> float:
        """Return the seconds after which what a vendor does not show will not appear any more: one
        that was too slow for us may still be at work."""
        return self.session.spec.timeout * (SLOW if slow else 1)


def _calls(job: Job, done: Done) -> Sequence[Ended]:
    return done.calls if job.people else [UNSENT]


def _unknown(seq: int, error: e.MktoolError | None) -> Outcome:
    if error is None:
        return Outcome(seq, State.UNKNOWN, "", "interrupted", "the run died in the middle of it")
    return Outcome(seq, State.UNKNOWN, "", error.code, error.message)
