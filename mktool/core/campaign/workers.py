"""
Those who send, in processes of their own: the engine and they need not share a core.

A process is forked, with this one's memory: it has the login, which is never written to a pipe.
It does what it is told, knows nothing of the ledger, and ends at once when this one does.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ...errors import Interrupted, MktoolError
from .aside import able, cores, forked
from .crew import Crew, Here, Threads, ahead
from .job import Done, Job, Start

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from ...model import Login
    from ..session import Session
    from .run import Run

MANY = 500  # recipients that are worth a process
MOST = 4  # processes beside the engine's, which waits most of the time
SWITCH = 0.0005  # seconds; an answer that came should not wait while others compose
KILLED = "a process that sends was killed; what it had on the wire is in doubt"


def staffed(session: Session, run: Run) -> Crew:
    """Return those who send: processes where there are many to send to, as many as there are cores.

    One does for requests of one message each: a vendor's rate is far below what it can do.
    """
    if run.expected < MANY or not able():
        return Here(session, run)
    count = min(cores(), MOST, run.lanes) if run.delivery.batch > 1 else 1
    return Workers(session, run, count)


class _Worker:
    """One process, and the numbers of its jobs."""

    def __init__(
        self, session: Session, run: Run, size: int, login: Login, others: Sequence[_Worker]
    ) -> None:
        from multiprocessing.connection import Pipe

        self.login, self.jobs = login, set[int]()
        self.pipe, theirs = Pipe()

        def serve() -> None:
            for one in (self, *others):  # or their ends would outlive the engine's
                one.pipe.close()
            _obey(session, run, size, login, theirs)

        self.pid = forked(serve)
        theirs.close()

    def tell(self, *words: Any) -> None:
        try:
            _put(self.pipe, words)
        except OSError:
            raise Interrupted(KILLED, hint="run it again") from None

    def heard(self) -> list[tuple[int, Done]]:
        found = list[tuple[int, Done]]()
        try:
            while not found or self.pipe.poll():
                number, done = _taken(self.pipe)
                self.jobs.discard(number)
                found.append((number, done))
        except (EOFError, OSError):
            raise Interrupted(KILLED, hint="run it again") from None
        return found

    def close(self) -> None:
        """End it, whatever it is doing."""
        self.pipe.close()
        os.kill(self.pid, signal.SIGKILL)  # also where it was stopped, and cannot notice
        os.waitpid(self.pid, 0)


class Workers:
    """A crew of ``count`` processes. Only one that runs no threads may fork them."""

    def __init__(self, session: Session, run: Run, count: int) -> None:
        self._session, self._run, self._count = session, run, count
        self.workers: list[_Worker] = []
        self._of = dict[int, _Worker]()
        self._left_out = dict[int, str]()
        self._halted: bool | None = None

    def prepare(self, number: int, job: Job, login: Login) -> None:
        worker = self._free(login)
        worker.jobs.add(number)
        self._of[number] = worker
        worker.tell("prepare", number, job)

    def start(self, number: int, start: Start) -> None:
        self._of[number].tell("start", number, start)

    def leave_out(self, found: Mapping[int, str]) -> None:
        self._left_out.update(found)
        for worker in self.workers:
            worker.tell("leave_out", found)

    def halt(self) -> None:
        by_hand = self._session.settings.stop.is_set()
        if by_hand is not self._halted:  # then nobody sleeps any longer, either
            self._halted = by_hand
            for worker in self.workers:
                with suppress(Interrupted):  # it is over in any case
                    worker.tell("halt", by_hand)

    def landed(self, timeout: float) -> list[tuple[int, Done]]:
        from multiprocessing.connection import wait

        pipes = {worker.pipe: worker for worker in self.workers}
        found = []
        for pipe in wait(list(pipes), timeout):
            found += pipes[pipe].heard()  # type: ignore[index]
        for number, _ in found:
            del self._of[number]
        return found

    def close(self) -> None:
        for worker in self.workers:
            worker.close()
        self.workers.clear()

    def _free(self, login: Login) -> _Worker:
        """Return the process with the fewest jobs of those that have this login, which is the one
        that was valid when they were forked."""
        for worker in [w for w in self.workers if w.login != login and not w.jobs]:
            self.workers.remove(worker)
            worker.close()
        found = [worker for worker in self.workers if worker.login == login]
        if len(found) < self._count:
            found.append(self._forked(login))
        return min(found, key=lambda worker: len(worker.jobs))

    def _forked(self, login: Login) -> _Worker:
        lanes = -(-(self._run.lanes + ahead(self._run)) // self._count)
        try:
            worker = _Worker(self._session, self._run, lanes, login, self.workers)
        except OSError as error:
            raise Interrupted(
                f"no process can be started: {error.strerror}",
                hint="free some memory, then run it again",
            ) from None
        self.workers.append(worker)
        if self._left_out:
            worker.tell("leave_out", self._left_out)
        return worker


def _put(pipe: Connection, words: tuple[Any, ...]) -> None:
    # As its `send` does, for a third of the time: nothing here needs its own ways to pickle.
    pipe.send_bytes(pickle.dumps(words, pickle.HIGHEST_PROTOCOL))


def _taken(pipe: Connection) -> Any:
    return pickle.loads(pipe.recv_bytes())  # noqa: S301 - our own process wrote it


def _obey(session: Session, run: Run, size: int, login: Login, pipe: Connection) -> None:
    """Do what the pipe says, until it ends: then nobody would be told of what is sent."""
    sys.setswitchinterval(SWITCH)
    with suppress(MktoolError):  # which each lane meets for itself
        session.exchange.reopen()
    turn = threading.Lock()

    def report(number: int, done: Done) -> None:
        with suppress(OSError), turn:
            _put(pipe, (number, done))

    crew = Threads(session, run, size, report)
    with suppress(EOFError, OSError):
        while True:
            word, *about = _taken(pipe)
            if word == "prepare":
                crew.prepare(about[0], about[1], login)
            elif word == "start":
                crew.start(*about)
            elif word == "leave_out":
                crew.leave_out(*about)
            elif word == "halt":
                crew.halt()
                if about[0]:
                    session.settings.stop.set()
