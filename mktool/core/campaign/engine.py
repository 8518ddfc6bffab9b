"""
Sending a campaign: claim, send, confirm.

One thread owns the databases and decides; lanes send. In every turn the calls that ended are
recorded and new ones admitted (one commit to the ledger), and finished batches are confirmed and
new ones claimed (one commit to the campaign). A batch is claimed before its first byte leaves, so
that whatever instant a crash picks, only claimed batches are in doubt; those go again under the
same idempotency key, or the vendor is asked, or they are reported as unknown.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ... import errors as e
from ...capability import CanTrace
from ...http.client import scheme_for
from ...http.exchange import Call, Ended, Scope
from ...message import Batch
from ...store.campaigns import CampaignFile, Claim, Outcome, State
from ...store.ids import in_slots
from . import overview
from .lane import Done, Job, Lane
from .run import Clock, Progress, Run
from .work import Work

if TYPE_CHECKING:
    from ..session import Session

LONGEST_WAIT = 0.5  # seconds until a signal is noticed
LOST_IN_A_ROW = 5  # requests without an answer after which a run stops
UNSENT = Ended("unsent")  # a batch of which nobody could be sent to
SLOW = 3  # timeouts
KEY_MARGIN = 0.9  # of the time for which a vendor says that it remembers a key


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
        self._halt = threading.Event()
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[Done] = queue.SimpleQueue()
        self._flying = 0
        self._left_out = dict[int, str]()  # who was suppressed since their batch was claimed
        self._next_look = self._begin_at = 0.0
        self._lost_in_a_row = 0
        self._lanes = [
            Lane(session, run.delivery, self._halt, self._left_out) for _ in range(run.lanes)
        ]
        self.work = Work(session, file, run)

    def go(self) -> None:
        """Send until nothing is left, or until it must stop; `error` says why."""
        threads = [
            threading.Thread(target=self._serve, args=(lane,), daemon=True) for lane in self._lanes
        ]
        for thread in threads:
            thread.start()
        try:
            self._recover()
            self._loop()
        except e.MktoolError as error:  # a full disk, say: what is on the wire stays in doubt
            self.error = error
        finally:
            for _ in threads:
                self._jobs.put(None)

    # -- the loop ------------------------------------------------------------------------------

    def _serve(self, lane: Lane) -> None:
        while (job := self._jobs.get()) is not None:
            self._done.put(lane.run(job))

    def _loop(self) -> None:
        finished: list[Done] = []
        waiting: deque[Job] = deque()
        while True:
            if not self._halted():
                self._look_for_work(waiting, self._free - len(waiting))
                self._stop_at_the_end_of(waiting)
            wait = self._turn(finished, waiting)
            self.run.report(self.progress)
            self._look_ahead(waiting)
            if not self._flying and self._halt.is_set():
                return
            if self._flying or waiting or self.work.doubtful:
                finished = list(self._landed(wait))
                self._flying -= len(finished)
                continue
            if (job := self.work.once_more()) is None:
                return
            waiting.append(job)
            finished = []

    @property
    def _free(self) -> int:
        return len(self._lanes) - self._flying

    def _look_ahead(self, waiting: deque[Job]) -> None:
        """Prepare what comes next while all lanes are busy: they should find it ready."""
        count = -1
        while count < len(waiting) < len(self._lanes) and self._flying and self._done.empty():
            count = len(waiting)
            if not self._halted():
                self._look_for_work(waiting, 1)

    def _look_for_work(self, waiting: deque[Job], room: int) -> None:
        if self._no_more is not None:
            return
        try:
            waiting.extend(self.work.ready(room))
        except e.MktoolError as error:  # no login any more, say
            self._no_more = error

    def _stop_at_the_end_of(self, waiting: Sequence[Job]) -> None:
        """Stop if there can be no more work: what was found before is sent, and settled."""
        if self._no_more is not None and self._free and not waiting:
            self.error = self._no_more
            self._halt.set()

    def _landed(self, wait: float) -> Iterator[Done]:
        """Yield what lanes have finished: at least one, unless the wait is over first."""
        end = time.monotonic() + (wait or 60.0)
        while True:
            try:
                yield self._done.get(timeout=min(LONGEST_WAIT, max(end - time.monotonic(), 0.001)))
                break
            except queue.Empty:
                over = self._halted() or time.monotonic() >= end
                if over and not (self._halt.is_set() and self._flying):
                    return
        while not self._done.empty():
            yield self._done.get()

    def _halted(self) -> bool:
        """Whether nothing new may begin: Ctrl-C, an error, or a word from another process."""
        if self.error is None and self.session.settings.stop.is_set():
            self.error = e.Interrupted("stopped; what had gone out is on record")
        if self.error is None and time.monotonic() >= self._next_look:
            self._next_look = time.monotonic() + LONGEST_WAIT
            if word := self.run.stopped():
                self.error = overview.stopped(word, self.run.courses[0].batch.campaign)
            self.work.leave_out(self._left_out, [job for lane in self._lanes for job in lane.at])
        if self.error is not None:
            self._halt.set()
        return self._halt.is_set()

    def _turn(self, finished: Sequence[Done], waiting: deque[Job]) -> float:
        """Record what ended and start what may; return the seconds to wait for more, or 0."""
        early = self._begin_at - time.monotonic() if waiting else 0.0
        ids, wait = self.session.ledger.turn(
            [(one.job.call, _calls(one)) for one in finished if one.job.call],
            [seen for done in finished for seen in done.seen],
            [self._call(job) for job in self._admissible(waiting, early)],
            self.session.spec.limits,
            (self.session.spec.name, self.session.account),
        )
        starting = self._claim(finished, ids, waiting)
        for id in ids[len(starting) :]:  # how another one ended has stopped it
            self.session.ledger.end(id, UNSENT.outcome)
        for job in starting:
            self._jobs.put(job)
            if self.run.rate:
                self._begin_at = time.monotonic() + len(job.people) / self.run.rate
        self._flying += len(starting)
        wait = max(wait, early)
        if wait > self.session.max_wait and not self._flying:
            where = self.session.where("send-campaign")
            self.error = e.RateLimited("the limit is used up", where, retry_after=wait)
        soonest = self.work.ripe_at
        if soonest and not self._flying:
            left = max(soonest - time.monotonic(), 0.001)
            wait = min(wait, left) if wait else left
        return wait

    def _claim(
        self, finished: Sequence[Done], ids: Sequence[int], waiting: deque[Job]
    ) -> list[Job]:
        """Record what ended and claim what was admitted, unless the one stops the other."""
        with self.file.transaction():
            for done in finished:
                self._settle(done)
            if self.error is not None:
                return []
            return [self._claimed_for(waiting.popleft())._replace(call=id) for id in ids]

    def _admissible(self, waiting: Sequence[Job], early: float) -> Sequence[Job]:
        """Return the jobs that may begin: at a rate of our own, one after another."""
        if self._halt.is_set() or early > 0:
            return ()
        return list(waiting)[: min(self._free, 1) if self.run.rate else self._free]

    def _claimed_for(self, job: Job) -> Job:
        """Return the job with its batch claimed in the ledger, and its key."""
        claim, now = job.claim, self.clock.now()
        if not (job.redo or job.trace):
            job = job._replace(people=self.work.allowed(job.people))
        if claim.id == 0:
            claim = self.file.claim(
                claim.lo, claim.hi, claim.variant, retry=claim.retry, at=now, hold=job.batch.hold
            )
        elif not job.redo and not job.trace:
            claim = self.file.reclaim(claim, now)
        return job._replace(claim=claim, batch=_keyed(job.batch, self.run.token, claim))

    def _call(self, job: Job) -> Call:
        spec, endpoint = self.session.spec, self.delivery.endpoint
        requests = -(-len(job.people) // self.delivery.batch)
        signed = scheme_for(spec, job.login).sign(job.login)
        url = self.session.target.url(endpoint.path, {**self.session.options, **signed.options})
        call = Call(
            spec.name, self.session.account, endpoint.operation, endpoint.method, url,
            endpoint.counts_as, False, job.claim.attempt + 1, Scope(self.run.act), requests,
        )  # fmt: skip
        if job.trace:
            return call._replace(operation="trace", method="GET", bucket="trace", repeatable=True)
        return call

    # -- how it ended --------------------------------------------------------------------------

    def _settle(self, done: Done) -> None:
        """Record how a job ended, in the transaction that is open."""
        job, progress = done.job, self.progress
        states = [outcome.state for outcome in done.outcomes]
        refused = states.count(State.FAILED)
        progress.sent += states.count(State.SENT) + len(done.implied)
        progress.failed += refused
        self.errors += refused + bool(done.doubt)
        if job.trace:
            self._traced(done)
        elif done.doubt:
            self._in_doubt(done)
        else:
            self._confirm(done)
        self._judge(done)

    def _confirm(self, done: Done) -> None:
        """Record a batch of which everything is known, with as few rows as say it."""
        claim, ids = done.job.claim, b""
        implies = not claim.retry and not done.left
        if implies and done.ids:
            ids = in_slots(done.implied, done.ids, claim.lo, claim.hi)
            implies = bool(ids)
        self.file.confirm(
            claim, done.outcomes if implies else done.outcomes + done.sent,
            vendor=done.vendor, left=done.left, implied=len(done.implied) if implies else 0,
            ids=ids,
        )  # fmt: skip

    def _in_doubt(self, done: Done) -> None:
        """Keep the batch claimed where its fate can still be found out, else call it unknown."""
        claim = done.job.claim
        rows = done.outcomes + done.sent
        whole = len(done.doubt) == len(done.job.people)
        can_repeat = self.run.repeats and (whole or self.run.broadcast is not None)
        can_repeat = can_repeat and self._key_is_good(claim)
        if can_repeat and not isinstance(done.error, e.Rejected):
            self.work.later(claim, 1.0)
            return
        resolved = {o.seq for o in rows} | set(done.doubt)
        rows += [Outcome(p.seq, State.RETRY) for p in done.job.people if p.seq not in resolved]
        if isinstance(self.session.provider, CanTrace):
            self.file.note(rows)
            self.work.later(claim, self._settling(slow=done.slow))
            return
        rows += [_unknown(seq, done.error) for seq in done.doubt]
        self.progress.unknown += len(done.doubt)
        self.file.confirm(claim, rows)

    def _traced(self, done: Done) -> None:
        """Record what the vendor has; who it does not have is sent to again."""
        found = {outcome.seq for outcome in done.outcomes}
        absent = [p.seq for p in done.job.people if p.seq not in found]
        if done.error is not None:
            if isinstance(done.error, e.Unsupported):
                self.file.confirm(done.job.claim, [_unknown(seq, done.error) for seq in absent])
                self.progress.unknown += len(absent)
                done.error = None
            return
        rows = done.outcomes + [Outcome(seq, State.RETRY) for seq in absent]
        self.file.confirm(done.job.claim, rows)

    def _judge(self, done: Done) -> None:
        """Decide whether the run goes on after what happened."""
        error = done.error
        self._lost_in_a_row = self._lost_in_a_row + 1 if done.doubt else 0
        told = isinstance(error, e.OutcomeUnknown) or (isinstance(error, e.Rejected) and done.doubt)
        again = self.run.repeats and isinstance(error, e.Unavailable | e.UnexpectedReply)
        fatal = error is not None and not told and not (again and done.doubt)
        lost = self._lost_in_a_row >= LOST_IN_A_ROW
        if fatal or (error is not None and (done.left or lost)):
            self.error = self.error or error
        elif self.errors >= self.run.max_errors > 0:
            self.error = self.error or e.Partial(
                f"stopped after {self.errors} errors (max_errors)",
                hint="mktool campaign show NAME --failed; then fix the cause, and run it again",
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


def _calls(done: Done) -> Sequence[Ended]:
    return done.calls if done.job.people else [UNSENT]


def _keyed(batch: Batch, token: str, claim: Claim) -> Batch:
    from dataclasses import replace

    return replace(batch, key=f"{token}-{claim.id}-{claim.attempt}")


def _unknown(seq: int, error: e.MktoolError | None) -> Outcome:
    if error is None:
        return Outcome(seq, State.UNKNOWN, "", "interrupted", "the run died in the middle of it")
    return Outcome(seq, State.UNKNOWN, "", error.code, error.message)
