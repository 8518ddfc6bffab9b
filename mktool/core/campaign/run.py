"""What a run over a campaign is given, and how far it got."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from ...message import Batch, Broadcast
from ...spec import Delivery
from ...store.suppressions import EVERYWHERE
from .compose import Composer, Enlister

if TYPE_CHECKING:
    from ..session import Session


class Course(NamedTuple):
    """One variant on its way: its content, and the batch that its requests are made from.

    ``number`` None is the only variant of a campaign without a test.
    """

    number: int | None
    composer: Composer | Enlister
    batch: Batch


@dataclass(slots=True)
class Progress:
    """How far a run got: recipients."""

    sent: int = 0
    failed: int = 0
    unknown: int = 0
    started: float = field(default_factory=time.monotonic)

    @property
    def done(self) -> int:
        return self.sent + self.failed + self.unknown

    @property
    def rate(self) -> float:
        """Recipients a second."""
        return self.done / max(time.monotonic() - self.started, 0.001)


@dataclass(frozen=True, slots=True)
class Run:
    """What a run is asked to do.

    ``delivery`` is the vendor's, with one message a request where it cannot merge this content.
    ``expected`` is how many there are to send to. ``limit`` recipients at most, ``max_errors``
    refusals or lost requests until it stops, ``rate`` messages a second (0: the vendor's), all at
    most.
    """

    act: int
    token: str
    delivery: Delivery
    courses: Sequence[Course]
    broadcast: Broadcast | None = None
    expected: int = 0
    limit: int = 0
    max_errors: int = 1000
    rate: float = 0.0
    concurrency: int = 0
    lists: tuple[str, ...] = (EVERYWHERE,)
    stopped: Callable[[], str] = lambda: ""  # why somebody else had it stopped
    report: Callable[[Progress], None] = lambda progress: None

    def course(self, number: int | None) -> Course:
        return next(course for course in self.courses if course.number == number)

    @property
    def lanes(self) -> int:
        """How many requests may be under way at once."""
        return self.concurrency or self.delivery.concurrency

    @property
    def repeats(self) -> bool:
        """Whether a request may be sent again, with the same bytes, when its answer was lost: the
        vendor knows it by its key, or it puts people into an audience, where each is once."""
        return self.broadcast is not None or self.delivery.key_seconds > 0


class Clock:
    """The vendor's time: what it told once, carried on by a clock that nobody sets."""

    def __init__(self, session: Session) -> None:
        self._base = session.ledger.clock() + (session.exchange.skew or 0.0) - time.monotonic()

    def now(self) -> float:
        return self._base + time.monotonic()
