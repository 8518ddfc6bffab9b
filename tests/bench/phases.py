"""
Where the time of a campaign goes: its phases in one process, and the layers of two of them alone.

    python -m tests.bench.phases FILE

A layer is run over the whole list beforehand, with the code that the campaign runs.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from mktool.capability import CanDeliver
from mktool.core.campaign import opening
from mktool.core.campaign.campaign import Campaign, Options
from mktool.core.campaign.forecast import forecast
from mktool.core.lists.recipients import open_list
from mktool.core.settings import Settings
from mktool.http.client import Client
from mktool.http.exchange import Exchange
from mktool.http.reply import Response
from mktool.http.request import Request
from mktool.message import Message
from mktool.store.config import load

from .sink import ANSWERS


class Taker:
    """A wire that takes the bytes of a request and answers at once."""

    def send(self, request: Request, timeout: float) -> Response:
        assert request.content()
        path = "/" + request.full_url.split("/", 3)[3]
        return Response(ANSWERS[path].status, {}, ANSWERS[path].body)

    def close(self) -> None:
        """Nothing is open."""


class Nothing:
    """A journal that keeps nothing."""

    def admit(self, *_: Any) -> tuple[int, float]:
        return 1, 0.0

    def end(self, *_: Any, **__: Any) -> None: ...

    def throttle(self, *_: Any) -> None: ...


@contextmanager
def phase(name: str, count: Callable[[], int]) -> Iterator[None]:
    """Print the processor's and the clock's microseconds of what is inside, by recipient."""
    cpu, wall = time.process_time(), time.perf_counter()
    yield
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    each = 1e6 / max(count(), 1)
    print(f"  {name:<34}{cpu * each:>8.2f} cpu {wall * each:>8.2f} wall", flush=True)


def alone(campaign: Campaign) -> Iterator[tuple[str, float]]:
    """Yield the seconds that a layer of the sending takes for some recipients, all in turn."""
    session, course = campaign.session, campaign.courses()[0]
    exchange = Exchange(session.spec, session.account, Taker, Nothing())
    client = Client(exchange, session.target, session.credential, session.options)
    provider = type(session.provider)(client)
    assert isinstance(provider, CanDeliver)
    seq, size = 0, campaign.delivery.batch
    while True:
        begun = time.process_time()
        if not (people := campaign.file.after(seq, course.number, max(size, 100))):
            return
        seq = people[-1].seq
        fetched = time.process_time()
        messages = [cast(Message, message) for message in course.composer.messages(people)]
        composed = time.process_time()
        for at in range(0, len(messages), size):
            provider.deliver(replace(course.batch, messages=messages[at : at + size], key=f"{at}"))
        yield "fetch recipients", fetched - begun
        yield "compose messages", composed - fetched
        yield "make requests", time.process_time() - composed


def main() -> None:
    file, settings = Path(sys.argv[1]), Settings(load())
    options = Options()
    wanted = opening.read(file, options, settings)
    with opening.opened(settings, wanted, options) as campaign:
        rows = 0

        def count() -> int:
            return rows

        with phase("read the list, alone", count), open_list(wanted.recipients, file.parent) as all:
            rows = sum(1 for _ in all)
        with phase("stage: read, check, write, fold", count):
            campaign.stage()
        with phase("plan", count):
            forecast(campaign)
        layers = Counter[str]()
        for name, seconds in alone(campaign):
            layers[name] += seconds  # type: ignore[assignment]
        with phase("send: all of it", count):
            result = campaign.send()
        assert result.progress.sent == rows, result
        for name, seconds in layers.items():
            print(f"    {name + ', alone':<32}{seconds / rows * 1e6:>8.2f} cpu")


if __name__ == "__main__":
    main()
