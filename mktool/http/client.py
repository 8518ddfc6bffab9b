"""One call to one vendor: sign, send, renew the token once, repeat only what is safe."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from .. import errors as e
from ..model import Login
from ..spec import Endpoint, Scheme, Spec
from .reply import Placeholder, Reply
from .request import Form, Made, Slice, build
from .target import Target

if TYPE_CHECKING:
    from tenacity import RetryCallState

    from .exchange import Exchange

ATTEMPTS = 5


class Calls(Protocol):
    """What a vendor file sees of the network."""

    @property
    def options(self) -> Mapping[str, str]:
        """The account's settings that are not secret; "account_id" is who it is."""

    def has(self, name: str) -> bool:
        """Whether the account has this credential or setting."""

    def call(
        self,
        endpoint: Endpoint,
        /,
        *path: str,
        json: Any = None,
        form: Form | None = None,
        query: Mapping[str, str] | str = "",
        files: Mapping[str, Slice | Made] | None = None,
        raw: Slice | Made | None = None,
        headers: Mapping[str, str] | None = None,
        key: str = "",
        url: str = "",
    ) -> Reply:
        """Return the reply, or raise a `ProviderError`.

        ``url`` is an address the vendor handed out: used as it is, without credentials.
        """  # fmt: skip

    def pause(self, seconds: float) -> None:
        """Wait for the vendor to work; a dry run does not."""


class Credential(Protocol):
    """Who gives the client its login; `core.tokens` implements it."""

    def login(self) -> Login:
        """Return a login that is valid now; renews an expiring token."""

    def renew(self, rejected: Login) -> Login | None:
        """Return a newer login after the vendor refused this one, or None if there is none."""


def scheme_for(spec: Spec, login: Login) -> Scheme:
    """Return the first scheme whose fields the login has; `NeedsLogin` if there is none."""
    for scheme in spec.auth:
        if all(login.has(name) for name in scheme.needs):
            return scheme
    missing = " or ".join(" and ".join(scheme.needs) for scheme in spec.auth)
    raise e.NeedsLogin(f"{spec.title} needs {missing}", hint=f"mktool authorize {spec.name}")


class Client:
    """The real `Calls`, bound to one account of one vendor."""

    def __init__(
        self, exchange: Exchange, target: Target, credential: Credential,
        options: Mapping[str, str],
    ) -> None:  # fmt: skip
        self.exchange, self.target, self.options = exchange, target, options
        self._credential = credential

    def has(self, name: str) -> bool:
        return bool(self.options.get(name)) or self._credential.login().has(name)

    def pause(self, seconds: float) -> None:
        self.exchange.sleep(seconds)

    def call(self, endpoint: Endpoint, /, *path: str, **parts: Any) -> Reply:
        from tenacity import Retrying, retry_if_exception, stop_after_attempt, stop_before_delay

        keyed = bool(endpoint.key_header and parts.get("key"))
        retrying = Retrying(
            stop=stop_after_attempt(ATTEMPTS) | stop_before_delay(self.exchange.max_wait),
            wait=_wait,
            retry=retry_if_exception(_may_repeat),
            sleep=self.exchange.sleep,
            reraise=True,
        )
        for attempt in retrying:
            with attempt:
                return self._once(
                    endpoint, path, parts, attempt.retry_state.attempt_number, keyed=keyed
                )
        raise AssertionError("unreachable")

    def _once(
        self, endpoint: Endpoint, path: tuple[str, ...], parts: dict[str, Any], attempt: int,
        *, keyed: bool,
    ) -> Reply:  # fmt: skip
        login = self._credential.login()
        try:
            return self._send(endpoint, path, parts, login, attempt, keyed=keyed)
        except e.Unauthorized:  # refused, so it did not happen: once more with a newer token
            if parts.get("url") or (newer := self._credential.renew(login)) is None:
                raise
        return self._send(endpoint, path, parts, newer, attempt, keyed=keyed)

    def _send(
        self, endpoint: Endpoint, path: tuple[str, ...], parts: dict[str, Any], login: Login,
        attempt: int, *, keyed: bool,
    ) -> Reply:  # fmt: skip
        spec = self.exchange.spec
        signed = scheme_for(spec, login).sign(login)
        request = build(spec, self.target, self.options, signed, endpoint, path, **parts)
        response = self.exchange.send(request, attempt=attempt, keyed=keyed)
        where = e.Context(spec.name, self.exchange.account, endpoint.operation, response.status)
        write = not (endpoint.safe_to_repeat or keyed)
        data = response.json(exact=endpoint.exact)
        if endpoint.answers_text:
            data = response.body.decode("utf-8", "replace")
        return Reply(data, response.headers, where, write=write)


class DryRun:
    """A `Calls` that sends nothing: it keeps the requests, and answers with placeholders."""

    def __init__(
        self, spec: Spec, target: Target, options: Mapping[str, str], fields: frozenset[str]
    ) -> None:
        """``fields``: the names of the credentials that the account has."""
        self.options, self.requests = options, list[dict[str, Any]]()
        self.price, self.buckets = 0.0, set[str]()
        self._spec, self._target, self._fields = spec, target, fields

    def has(self, name: str) -> bool:
        return name in self._fields or bool(self.options.get(name))

    def pause(self, seconds: float) -> None:
        """Nothing is under way."""

    def call(self, endpoint: Endpoint, /, *path: str, **parts: Any) -> Reply:
        from ..model import Secret

        schemes = [s for s in self._spec.auth if all(map(self.has, s.needs))]
        scheme = schemes[0] if schemes else self._spec.auth[0]
        login = Login(self.options, {name: Secret("***") for name in scheme.needs})
        request = build(
            self._spec, self._target, self.options, scheme.sign(login), endpoint, path, **parts
        )
        self.requests.append(request.shown())
        self.price += endpoint.price
        self.buckets.add(endpoint.counts_as)
        return Placeholder(endpoint.operation)


def _may_repeat(error: BaseException) -> bool:
    """Whether the error proves that nothing was done, or that doing it twice is harmless.

    `Unavailable` says so by definition: a write without an answer is `OutcomeUnknown`.
    """
    if isinstance(error, e.RateLimited):
        return error.context.status is not None  # our own limit has already been waited for
    return isinstance(error, e.Unavailable)


def _wait(state: RetryCallState) -> float:
    """As long as the vendor said, else exponential backoff with full jitter, 30 s at most."""
    from tenacity import wait_random_exponential

    error = state.outcome.exception() if state.outcome else None
    told = getattr(error, "retry_after", None)
    return float(told) if told else wait_random_exponential(multiplier=0.5, max=30)(state)
