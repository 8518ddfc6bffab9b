"""What a lane's client sees of the ledger and the login: neither may be used from its thread."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence

from ...http.exchange import Call, Ended, Throttled
from ...http.exchange import Outcome as Ending
from ...model import Login
from ...spec import Limit


class Tally:
    """The journal of a lane (`http.exchange.Journal`): the engine has admitted its calls."""

    def __init__(self, sleep: Callable[[float], None]) -> None:
        self._sleep = sleep
        self.pace = self._next = 0.0
        self.ended: list[Ended] = []
        self.seen: list[Throttled] = []

    def start(self, pace: float) -> None:
        self.pace, self._next = pace, time.monotonic()
        self.ended, self.seen = [], []

    def admit(self, call: Call, limits: Sequence[Limit]) -> tuple[int, float]:
        if self.pace:
            if (early := self._next - time.monotonic()) > 0:
                self._sleep(early)
            self._next = max(self._next, time.monotonic()) + self.pace
        return 1, 0.0

    def end(
        self, id: int, outcome: Ending, *, status: int | None = None, code: str = "",
        ms: float = 0.0, request_id: str = "",
    ) -> None:  # fmt: skip
        self.ended.append(Ended(outcome, status, code, ms, request_id))

    def throttle(self, provider: str, account: str, seen: Throttled) -> None:
        self.seen.append(seen)

    def ways(self) -> list[Ended]:
        """Return the calls, those that ended alike as one with their mean time."""
        if len(self.ended) < 2:
            return self.ended
        alike: Counter[tuple[Ending, int | None, str]] = Counter()
        times: Counter[tuple[Ending, int | None, str]] = Counter()
        for one in self.ended:
            how = (one.outcome, one.status, one.code)
            alike[how] += 1
            times[how] += one.ms  # type: ignore[assignment]
        return [Ended(*how, times[how] / n, "", n) for how, n in alike.items()]


class Fixed:
    """A login that the engine renews (`http.client.Credential`)."""

    def __init__(self) -> None:
        self.current = Login()

    def login(self) -> Login:
        return self.current

    def renew(self, rejected: Login) -> None:
        """Return None: the engine is asked for a newer one with the next job."""
