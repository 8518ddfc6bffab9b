"""Work for the second core: what one process makes, another one uses meanwhile."""

from __future__ import annotations

import gc
import os
import pickle
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import BinaryIO, TypeVar

from ...errors import MktoolError

T = TypeVar("T")
AHEAD = 1 << 20  # bytes; no more are allowed without asking


def able() -> bool:
    """Whether there is a second core, and a process may fork here: with threads it could copy a
    lock that nobody will ever release, and macOS's own libraries do not outlive a fork."""
    return sys.platform == "linux" and cores() > 1 and threading.active_count() == 1


def cores() -> int:
    """Return how many this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def aside(items: Iterator[T]) -> Iterator[T]:
    """Yield what an iterator yields, which a forked process runs: it has this one's memory, and
    must use no database of it. What is raised there is raised here.

    When this process ends, however it ends, the other one has nobody to write to and ends too.
    """
    source, sink = os.pipe()
    _widen(sink)

    def serve() -> None:
        os.close(source)
        _serve(items, sink)

    pid = forked(serve)
    os.close(sink)
    try:
        with open(source, "rb") as pipe:
            yield from _taken(pipe)
    finally:
        os.waitpid(pid, 0)


def forked(work: Callable[[], None]) -> int:
    """Return the id of a process that has this one's memory, does its work and ends."""
    if pid := os.fork():
        return pid
    try:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)  # they are for the other one to act upon
        gc.freeze()  # what is open there is not ours to close
        work()
    finally:
        os._exit(0)  # without the ends of what began before the fork


def _widen(pipe: int) -> None:
    """Have a pipe hold some items, where it can: else each waits until the last one was used."""
    import fcntl

    if hasattr(fcntl, "F_SETPIPE_SZ"):
        with suppress(OSError):
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, AHEAD)


def _taken(pipe: BinaryIO) -> Iterator[T]:
    while True:
        try:
            more, found = pickle.load(pipe)  # noqa: S301 - our own process wrote it
        except EOFError:
            raise MktoolError(
                "the process that read the list was killed; nothing was sent", hint="run it again"
            ) from None
        if more:
            yield found
        elif found is None:
            return
        else:
            raise found


def _serve(items: Iterator[T], sink: int) -> None:
    with open(sink, "wb") as pipe:
        try:
            for item in items:
                pickle.dump((True, item), pipe, pickle.HIGHEST_PROTOCOL)
                pipe.flush()
            pickle.dump((False, None), pipe)
        except MktoolError as error:
            pickle.dump((False, error), pipe)
        except Exception as error:  # a bug of ours
            pickle.dump((False, MktoolError(f"{type(error).__name__}: {error}")), pipe)
