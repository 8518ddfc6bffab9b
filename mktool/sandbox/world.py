"""The state that all vendors of one sandbox share."""

from __future__ import annotations

import itertools
import math
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from .faults import Faults
from .inbox import Inbox, Row
from .oauth import Authority

REMEMBERED = 5000  # calls shown; the oldest go first


@dataclass(frozen=True, slots=True)
class Quota:
    """A rate limit after a call; ``reset`` is epoch seconds, below 0 ``remaining`` is refused."""

    limit: int
    remaining: int
    reset: int

    @property
    def exceeded(self) -> bool:
        return self.remaining < 0


@dataclass(slots=True)
class World:
    """One sandbox: ``ttl`` overrides how many seconds an access token lives.

    ``limits`` replaces a vendor's rate limits, by the name the vendor's file gives them.
    """

    clock: Callable[[], float]
    faults: Faults
    ttl: float | None = None
    approve: bool = False
    limits: Mapping[str, int] = field(default_factory=dict)
    inbox: Inbox = field(init=False)
    calls: deque[Row] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    authority: Authority = field(init=False)
    _seen: int = 0
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    _windows: dict[tuple[str, str], tuple[float, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.inbox = Inbox(self.clock)
        self.authority = Authority(self.clock, self.approve)

    def number(self) -> int:
        """Return 1, 2, 3 …: the serial part of every id given out."""
        return next(self._numbers)

    def saw(
        self,
        time: float,
        vendor: str,
        method: str,
        path: str,
        status: int,
        fault: str,
        milliseconds: int,
    ) -> None:
        """Keep one call to be shown; ``status`` 0 means that it got no answer."""
        self._seen += 1
        row = Row(self._seen, time, vendor, method, path, status, fault, milliseconds)
        self.calls.append(row)

    def lifetime(self, usual: float | None) -> float | None:
        """Return how long an access token lives here, None for ever."""
        return usual if self.ttl is None else self.ttl

    def take(self, name: str, who: str, limit: int, per: float) -> Quota:
        """Count one call against a window of ``per`` seconds that opens with its first call."""
        limit = self.limits.get(name, limit)
        now = self.clock()
        opened, used = self._windows.get((name, who), (now, 0))
        if now >= opened + per:
            opened, used = now, 0
        if used < limit:
            self._windows[(name, who)] = (opened, used + 1)
        return Quota(limit, limit - used - 1, math.ceil(opened + per))
