"""
Those who send: the lanes of a run, as threads of this process.

A batch is composed in the engine's thread, while the lanes wait for their answers: threads that
compute at the same time would only wait for one another.
"""

from __future__ import annotations

import queue
import sys
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING

from .job import Done, Job
from .lane import Errand, Lane
from .tally import Fixed

if TYPE_CHECKING:
    from ...model import Login
    from ..session import Session
    from .run import Run

AHEAD = 8  # jobs at most that are composed while all lanes are busy
SWITCH = 0.0005  # seconds; an answer that came should not wait while others compose


def ahead(run: Run) -> int:
    """Return how many jobs are composed while all lanes are busy: one for each, if not too many."""
    return min(run.lanes, AHEAD)


class Crew:
    """Does jobs side by side; the engine says what may begin."""

    def __init__(self, session: Session, run: Run) -> None:
        self._credential, self._halt = Fixed(), threading.Event()
        self._left_out = dict[int, str]()
        self._started: queue.SimpleQueue[Errand | None] = queue.SimpleQueue()
        self._ended: queue.SimpleQueue[tuple[int, Done]] = queue.SimpleQueue()
        self._composer, *lanes = (
            Lane(session, run, self._credential, self._halt, self._left_out)
            for _ in range(1 + run.lanes)
        )
        self._size, self._switch = run.lanes, sys.getswitchinterval()
        sys.setswitchinterval(SWITCH)
        for lane in lanes:
            threading.Thread(target=self._serve, args=(lane,), daemon=True).start()

    def prepare(self, job: Job, login: Login) -> Errand:
        """Return a job as it is composed; nothing of it is sent yet."""
        self._credential.current = login
        return self._composer.compose(job)

    def start(self, errand: Errand) -> None:
        """Send what was prepared: it is claimed."""
        self._started.put(errand)

    def leave_out(self, found: Mapping[int, str]) -> None:
        """Send nothing more to these recipients, for a reason, where they have requests of their
        own."""
        self._left_out.update(found)

    def halt(self) -> None:
        """Begin no further request."""
        self._halt.set()

    def landed(self, timeout: float) -> list[tuple[int, Done]]:
        """Return what has ended, with the ids of the claims; wait so many seconds if nothing
        has."""
        found = []
        try:
            found.append(self._ended.get(timeout=timeout))
        except queue.Empty:
            return []
        while not self._ended.empty():
            found.append(self._ended.get())
        return found

    def close(self) -> None:
        """Have the lanes end as soon as they are free."""
        sys.setswitchinterval(self._switch)
        for _ in range(self._size):
            self._started.put(None)

    def _serve(self, lane: Lane) -> None:
        while (errand := self._started.get()) is not None:
            self._ended.put((errand.job.claim.id, lane.run(errand)))
