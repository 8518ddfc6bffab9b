"""What a run has to do next: doubtful batches, open ones, the list, who is sent to again."""

from __future__ import annotations

import time
from bisect import insort
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from ...model import Login
from ...spec import DAY
from ...store import limits as rate
from ...store.acts import CAMPAIGN, Acts
from ...store.campaigns import CampaignFile, Claim, Outcome, Recipient, State, key_of, path_of
from ...store.suppressions import Suppressions
from .job import Job
from .run import Course, Run

if TYPE_CHECKING:
    from ..session import Session

FEWEST = 10  # that are claimed at once, so that each lane has some of a short list
READ = 1_000  # recipients that are read at once
AHEAD = 2.0  # seconds of requests that are claimed at once where a rate is low


class Work:
    """The jobs of one run, in their order; none is claimed yet."""

    def __init__(self, session: Session, file: CampaignFile, run: Run) -> None:
        self.session, self.file, self.run = session, file, run
        self.doubtful: list[tuple[float, Claim]] = []
        self._claimed = 0
        self._seen = int(file.get("suppressions", 0))
        self._suppressions = Suppressions(session.ledger)
        self._dropped = frozenset[int]()
        self._spared = self._suppressions.newest()
        self.login = Login()
        self._left = self._candidates()

    def later(self, claim: Claim, seconds: float) -> None:
        """Look at a batch in doubt again, after a while."""
        insort(self.doubtful, (time.monotonic() + seconds, claim))

    @property
    def ripe_at(self) -> float:
        """When the next doubtful batch is ripe, by `time.monotonic`; 0 if there is none."""
        return min((at for at, _ in self.doubtful), default=0.0)

    def take(self) -> Job | None:
        """Return the next job, a doubtful one first that is ripe; None if there is none now."""
        now = time.monotonic()
        while self.doubtful and self.doubtful[0][0] <= now:
            _, claim = self.doubtful.pop(0)
            if (people := self.file.members(claim)) and (job := self._again(claim, people)):
                return job
        return next(self._left, None)

    def once_more(self) -> Job | None:
        """Return a job for who came to be sent to again meanwhile, when all else is settled."""
        self._left = self._candidates()
        return next(self._left, None)

    def _candidates(self) -> Iterator[Job]:
        """Yield unclaimed jobs: batches that are open, then the list, then who is sent to again.

        Variants take turns, so that none has the better hour.
        """
        reopened = self.file.reopened()
        if reopened or self.file.waiting():
            self._seen = 0  # who was in doubt when it was suppressed could not be left out then
        self.heed()
        for claim in reopened:
            if people := self._whole(claim):
                yield self._job(claim, people)
        for retry in (False, True):
            turns = deque(self._unclaimed(course, retry=retry) for course in self.run.courses)
            while turns:
                if job := next(turns[0], None):
                    yield job
                    turns.rotate(-1)
                else:
                    turns.popleft()

    def _unclaimed(self, course: Course, *, retry: bool) -> Iterator[Job]:
        seq = 0 if retry else self.file.reached(course.number)
        read = self.file.again if retry else self.file.after
        found: Sequence[Recipient] = ()
        while size := self._size():
            if not found and not (found := read(seq, course.number, size * max(READ // size, 1))):
                return
            people, found = found[:size], found[size:]
            seq = people[-1].seq
            self._claimed += len(people)
            yield self._job(Claim(0, people[0].seq, seq, course.number, retry, 0, 0.0), people)

    def _size(self) -> int:
        """Return how many to claim at once: no more than the limits let pass in a moment, since
        a crash leaves all of them in doubt."""
        size = max(self.run.delivery.batch, self.run.delivery.group)
        if self.run.delivery.batch == 1:
            # As many rounds as it takes, and the same for each lane in each of them.
            rounds = -(-self.run.expected // (self.run.lanes * size)) or 1
            size = min(size, max(FEWEST, -(-self.run.expected // (self.run.lanes * rounds))))
            if pace := self._pace():
                size = max(1, min(size, int(AHEAD / pace)))
        if self.run.rate:
            size = max(1, min(size, int(AHEAD * self.run.rate)))
        if self.run.limit:
            size = min(size, self.run.limit - self._claimed)
        return max(size, 0)

    def _pace(self) -> float:
        return rate.interval(self.session.spec.limits, self.run.delivery.endpoint.counts_as)

    def _whole(self, claim: Claim) -> Sequence[Recipient]:
        """Return the members of an open batch. One that is more than the limit allows is given up:
        its members are among those who are sent to again."""
        people = self.file.members(claim)
        if self.run.limit and len(people) > self.run.limit - self._claimed:
            with self.file.transaction():
                self.file.confirm(claim, [Outcome(one.seq, State.RETRY) for one in people])
            return []
        self._claimed += len(people)
        return people

    def leave_out(self, jobs: Iterable[Job]) -> dict[int, str]:
        """Return whoever of jobs under way was suppressed since the last look, by number, with the
        reason: those of them whose own request has not begun are spared it."""
        newest = self._suppressions.newest()
        if newest == self._spared:
            return {}
        found = {}
        keys = set(self._suppressions.keys(self.run.lists, self._spared))
        self._spared = newest
        for person in (person for job in jobs for person in job.people):
            reason = ""
            if key_of(person.address) in keys:
                reason = self._suppressions.reason(person.address, self.run.lists)
            if reason:
                found[person.seq] = reason
        return found

    def heed(self) -> None:
        """Leave out whoever was suppressed since the last look, by this process or another."""
        newest = self._suppressions.newest()
        if newest > self._seen:
            self._dropped |= {*heed(self.file, self._suppressions, self.run.lists, self._seen)}
            self._seen = newest

    def dropped(self, people: Sequence[Recipient]) -> frozenset[int]:
        """Return who of an unclaimed batch was suppressed since it was read, by number."""
        if not self._dropped:
            return frozenset()
        return self._dropped.intersection(one.seq for one in people)

    def _job(self, claim: Claim, people: Sequence[Recipient]) -> Job:
        self.login = self.session.credential.login()
        pace = 0.0
        if self.run.delivery.batch == 1:
            pace = max(self._pace(), 1 / self.run.rate if self.run.rate else 0.0)
        return Job(claim, people, pace=pace)

    def _again(self, claim: Claim, people: Sequence[Recipient]) -> Job | None:
        job = self._job(claim, people)
        if self.run.repeats:
            return job._replace(redo=True)
        return job._replace(trace=True, known=self._known(claim, people))

    def _known(self, claim: Claim, people: Sequence[Recipient]) -> frozenset[str]:
        """Return the ids of other campaigns' messages to these people, which are not ours."""
        found = set[str]()
        for act in Acts(self.session.ledger).of(CAMPAIGN):
            mine = act.provider == self.session.spec.name and act.account == self.session.account
            path = path_of(act.id)
            if mine and act.id != self.run.act and act.updated > claim.at - DAY and path.exists():
                with CampaignFile(path) as other:
                    found |= other.vendor_ids(key_of(person.address) for person in people)
        return frozenset(found)


def heed(
    file: CampaignFile, suppressions: Suppressions, lists: Sequence[str], after: int = 0
) -> list[int]:
    """Mark whoever is suppressed and still to be sent to; return their numbers."""
    found = []
    for seq, address in file.by_keys(suppressions.keys(lists, after)):
        if reason := suppressions.reason(address, lists):
            found.append((seq, reason))
    if found:
        with file.transaction():
            file.suppress(found)
    return [seq for seq, _ in found]
