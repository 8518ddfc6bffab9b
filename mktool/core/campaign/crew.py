"""Those who send: the lanes of a run, as threads of this process."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol

from .job import Done, Job, Start
from .lane import Lane
from .tally import Fixed

if TYPE_CHECKING:
    from ...model import Login
    from ..session import Session
    from .run import Run

AHEAD = 8  # jobs at most that are composed while all lanes are busy


def ahead(run: Run) -> int:
    """Return how many jobs are composed while all lanes are busy: one for each, if not too many."""
    return min(run.lanes, AHEAD)


class Crew(Protocol):
    """Does jobs side by side; the engine says by number what may begin."""

    def prepare(self, number: int, job: Job, login: Login) -> None:
        """Compose a job; nothing of it is sent yet."""

    def start(self, number: int, start: Start) -> None:
        """Send what was prepared: it is claimed."""

    def leave_out(self, found: Mapping[int, str]) -> None:
        """Send nothing more to these recipients, for a reason, where they have requests of their
        own."""

    def halt(self) -> None:
        """Begin no further request."""

    def landed(self, timeout: float) -> list[tuple[int, Done]]:
        """Return what has ended; wait so many seconds if nothing has."""

    def close(self) -> None:
        """Drop what was prepared and never started."""


class Threads:
    """A crew of lanes in this process. ``report`` gets what ended, in the thread of its lane."""

    def __init__(
        self, session: Session, run: Run, size: int, report: Callable[[int, Done], None]
    ) -> None:
        self._report = report
        self._credential, self._halt = Fixed(), threading.Event()
        self._left_out = dict[int, str]()
        self._jobs: queue.SimpleQueue[tuple[int, Job] | None] = queue.SimpleQueue()
        self._words = dict[int, queue.SimpleQueue[Start | None]]()
        # One at a time, or whoever has an answer to read would wait for all of them.
        self._composing = threading.Lock()
        self._size = size
        for _ in range(size):
            lane = Lane(session, run, self._credential, self._halt, self._left_out)
            threading.Thread(target=self._serve, args=(lane,), daemon=True).start()

    def prepare(self, number: int, job: Job, login: Login) -> None:
        self._credential.current = login
        self._words[number] = queue.SimpleQueue()
        self._jobs.put((number, job))

    def start(self, number: int, start: Start) -> None:
        self._words[number].put(start)

    def leave_out(self, found: Mapping[int, str]) -> None:
        self._left_out.update(found)

    def halt(self) -> None:
        self._halt.set()

    def close(self) -> None:
        for _ in range(self._size):
            self._jobs.put(None)
        for word in list(self._words.values()):
            word.put(None)

    def _serve(self, lane: Lane) -> None:
        while (item := self._jobs.get()) is not None:
            number, job = item
            with self._composing:
                errand = lane.compose(job)
            start = self._words[number].get()
            del self._words[number]
            if start is not None:
                self._report(number, lane.run(errand, start))


class Here(Threads):
    """A crew whose results wait in this process."""

    def __init__(self, session: Session, run: Run) -> None:
        self._ended: queue.SimpleQueue[tuple[int, Done]] = queue.SimpleQueue()
        super().__init__(session, run, run.lanes + ahead(run), self._keep)

    def _keep(self, number: int, done: Done) -> None:
        self._ended.put((number, done))

    def landed(self, timeout: float) -> list[tuple[int, Done]]:
        found = []
        try:
            found.append(self._ended.get(timeout=timeout))
        except queue.Empty:
            return []
        while not self._ended.empty():
            found.append(self._ended.get())
        return found
