"""Side by side: the same work for several accounts, one thread each, ended by Ctrl-C."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any, TypeVar

from ..errors import Interrupted
from .settings import Settings

T = TypeVar("T")
Q = TypeVar("Q")


def each(settings: Settings, work: Callable[[Q], T], items: Sequence[Q]) -> list[T]:
    """Return ``work(item)`` of every item, in order.

    The first Ctrl-C lets what is on the wire finish and then raises `Interrupted`; the second
    one stops at once, and the ledger knows what was under way.
    """
    results: list[T | None] = [None] * len(items)
    failures: list[BaseException] = []

    def run(number: int) -> None:
        try:
            results[number] = work(items[number])
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(n,), daemon=True) for n in range(len(items))]
    with stopping(settings):
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive():
                thread.join(0.2)  # short, so that a signal is seen on every system
    if failures:
        raise next((f for f in failures if not isinstance(f, Interrupted)), failures[0])
    return [result for result in results if result is not None]


@contextmanager
def stopping(settings: Settings) -> Iterator[None]:
    """Let the first Ctrl-C or SIGTERM end waits and begin nothing new, and the second stop."""

    def handle(number: int, frame: FrameType | None) -> None:
        if settings.stop.is_set():
            raise KeyboardInterrupt
        settings.stop.set()

    old: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        old = {s: signal.signal(s, handle) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)
