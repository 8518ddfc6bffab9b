"""One exchange with a vendor: limited, journaled, sent, classified, journaled again."""

from __future__ import annotations

import copy
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Literal, NamedTuple, Protocol

from .. import errors as e
from ..spec import DAY, Endpoint, Limit, Spec, Throttle
from .classify import classify, http_date, request_id, reset_in
from .echo import hidden
from .reply import Cut, NotSent, Response
from .request import Request

LONGEST_BLOCK = DAY  # whatever a vendor says: after that it is asked again, which costs a refusal

Outcome = Literal["intent", "ok", "refused", "failed", "unknown", "unsent"]
"""intent: no answer recorded · refused: the vendor did nothing · failed: a repeatable call got
no good answer · unknown: a write may have happened · unsent: no whole request left."""


class Scope(NamedTuple):
    """The act and part that a call belongs to; 0 is none."""

    act: int = 0
    part: int = 0


class Call(NamedTuple):
    """A call about to be made, as the journal keeps it. No header, no query, no body."""

    provider: str
    account: str
    operation: str
    method: str
    url: str
    bucket: str
    repeatable: bool
    attempt: int
    scope: Scope
    times: int = 1  # how many requests of one kind it stands for


class Ended(NamedTuple):
    """How a call ended; ``times`` of the requests it stands for ended like this."""

    outcome: Outcome
    status: int | None = None
    code: str = ""
    ms: float = 0.0
    request_id: str = ""
    times: int = 1


class Throttled(NamedTuple):
    """What a vendor said about one of its windows; times are epoch seconds."""

    bucket: str
    quota: int | None = None
    remaining: int | None = None
    reset: float | None = None
    blocked_until: float | None = None


class Sends(Protocol):
    """What carries a request: `wire.Wire`, or another that does the same."""

    def send(self, request: Request, timeout: float) -> Response:
        """Return the response, or raise `NotSent`, `Cut` or `InvalidInput`."""

    def close(self) -> None:
        """Close its connections."""


class Journal(Protocol):
    """What an exchange needs from the ledger; `store.ledger` implements it."""

    def admit(self, call: Call, limits: Sequence[Limit]) -> tuple[int, float]:
        """Record the call and return (its id, 0), or (0, seconds to wait). One transaction."""

    def end(
        self,
        id: int,
        outcome: Outcome,
        *,
        status: int | None = None,
        code: str = "",
        ms: float = 0.0,
        request_id: str = "",
    ) -> None:
        """Record how a call ended."""  # fmt: skip

    def throttle(self, provider: str, account: str, seen: Throttled) -> None:
        """Record what the vendor said about a limit."""


class Exchange:
    """Everything one account sends passes through here, token requests too."""

    def __init__(
        self,
        spec: Spec,
        account: str,
        wire: Callable[[], Sends],
        journal: Journal,
        *,
        max_wait: float = 60.0,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.spec, self.account, self.max_wait = spec, account, max_wait
        self.limits = spec.limits  # as the vendor corrects them
        self.sleep, self.clock = sleep, clock
        self.scope = Scope()
        self.skew: float | None = None  # seconds that the vendor's clock is ahead of ours, if told
        self._open, self._journal = wire, journal
        self._wire: Sends | None = None

    def send(self, request: Request, *, attempt: int = 1, keyed: bool = False) -> Response:
        """Return a successful response, or raise the `ProviderError` it stands for."""
        endpoint = request.endpoint
        wire = self.wire  # opened before the call is on record: a kill meanwhile leaves no doubt
        id = self._admit(request, attempt)
        started = time.monotonic()
        hide = partial(hidden, signed=request.signed)
        outcome: Outcome = "unknown"
        response: Response | None = None
        error: e.ProviderError | None = None
        try:
            response = wire.send(request, endpoint.timeout or self.spec.timeout)
            self._compare_clocks(response)
            error = classify(self.spec, endpoint, self.account, response, keyed=keyed, hide=hide)
            outcome = _outcome(error)
        except e.InvalidInput:  # a file that is gone, or half of one: no vendor acts on that
            outcome = "unsent"
            raise
        except NotSent as reason:
            outcome = "unsent"
            error = e.Unavailable(f"not reached: {reason}", self._where(endpoint))
        except Cut as reason:
            error = self._lost(endpoint, str(reason), keyed=keyed)
            outcome = _outcome(error)
        finally:  # Ctrl-C in the middle leaves "unknown", which is the truth
            self._journal.end(
                id,
                outcome,
                status=response.status if response else None,
                code=error.code if error else "",
                ms=(time.monotonic() - started) * 1000,
                request_id=hide(request_id(self.spec, response)) if response else "",
            )
        if response is not None:
            self._note(endpoint, response, error)
        if error is not None:
            raise error
        assert response is not None
        return response

    @property
    def wire(self) -> Sends:
        if self._wire is None:
            self._wire = self._open()
        return self._wire

    def under(self, spec: Spec) -> Exchange:
        """Return this exchange under another spec, with the same connections and journal."""
        twin = copy.copy(self)
        twin.spec, twin._open = spec, lambda: self.wire
        twin.limits = spec.limits
        return twin

    def close(self) -> None:
        if self._wire is not None:
            self._wire.close()
            self._wire = None

    def _admit(self, request: Request, attempt: int) -> int:
        endpoint, waited = request.endpoint, 0.0
        call = Call(
            self.spec.name, self.account, endpoint.operation, endpoint.method, request.shown_url,
            endpoint.counts_as, endpoint.safe_to_repeat, attempt, self.scope,
        )  # fmt: skip
        while True:
            id, wait = self._journal.admit(call, self.limits)
            if not wait:
                return id
            if waited + wait > self.max_wait:
                raise e.RateLimited(
                    "the limit is used up; nothing was sent",
                    self._where(endpoint),
                    retry_after=wait,
                )
            self.sleep(wait)
            waited += wait

    def _lost(self, endpoint: Endpoint, reason: str, *, keyed: bool) -> e.ProviderError:
        repeatable = endpoint.safe_to_repeat or keyed
        kind = e.Unavailable if repeatable else e.OutcomeUnknown
        return kind(f"no answer: {reason}", self._where(endpoint))

    def _where(self, endpoint: Endpoint) -> e.Context:
        return e.Context(self.spec.name, self.account, endpoint.operation)

    def _compare_clocks(self, response: Response) -> None:
        told = http_date(response.headers.get("date", ""))
        if told is not None:
            self.skew = told - self.clock()

    def _note(self, endpoint: Endpoint, response: Response, error: e.ProviderError | None) -> None:
        """Keep the vendor's own view of its limit: the next process must respect it too."""
        now = self.clock()
        throttle, headers = self.spec.throttle, response.headers
        blocked: float | None = None
        if isinstance(error, e.RateLimited) and error.retry_after:
            blocked = now + error.retry_after
        quota = remaining = None
        reset: float | None = None
        if throttle is not None and throttle.limit in headers:
            quota, remaining = _view(throttle, headers)
            if quota and throttle.window:
                self.limits = tuple(
                    replace(n, calls=quota) if n.per == throttle.window and n.bucket == "*" else n
                    for n in self.limits
                )
            left = reset_in(self.spec, response, now)
            ahead = throttle.window or None if left is None else left
            reset = None if ahead is None else now + ahead
            if remaining == 0 and left is not None:  # a window that slides frees some at once
                blocked = max(now + left, blocked or 0.0)
        elif blocked is None:
            return
        if blocked is not None:
            blocked = min(blocked, now + LONGEST_BLOCK)
        bucket = (throttle.bucket if throttle else "") or endpoint.counts_as
        seen = Throttled(bucket, quota, remaining, reset, blocked)
        self._journal.throttle(self.spec.name, self.account, seen)


def _view(throttle: Throttle, headers: Mapping[str, str]) -> tuple[int | None, int | None]:
    """Return the quota and what is left of it."""
    told = headers.get(throttle.limit, "")
    if not throttle.usage:
        return _number(told), _number(headers.get(throttle.remaining, ""))
    found = re.search(throttle.usage, told)
    used, quota = map(_number, found.groups()) if found else (None, None)
    return quota, None if used is None or quota is None else max(0, quota - used)


def _outcome(error: e.ProviderError | None) -> Outcome:
    if error is None:
        return "ok"
    if isinstance(error, e.OutcomeUnknown):
        return "unknown"
    return "failed" if isinstance(error, e.Unavailable | e.UnexpectedReply) else "refused"


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) < 12 else None
