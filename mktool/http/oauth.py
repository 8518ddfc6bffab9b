"""
The token endpoint: every grant, and what its answers mean.

OAuth 2.0 (RFC 6749) with PKCE (RFC 7636), signed assertions (RFC 7523), device codes
(RFC 8628), revocation (RFC 7009) and introspection (RFC 7662).
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal
from urllib.parse import quote, quote_plus, urlencode

from .. import errors as e
from ..model import Login, Secret
from ..spec import Endpoint, Signed, Spec
from .auth import OAuth2, ServiceAccount, Tokens
from .classify import printable
from .echo import hidden
from .exchange import Exchange, Scope
from .jwt import base64url, sign
from .reply import Reply
from .request import Request
from .target import Target, is_loopback, owned

TIMEOUT = 60.0  # seconds: giving up early may lose a rotated token that is on its way
ASSERTION_SECONDS = 150  # some vendors take three minutes at most
LONGEST = 1e10  # seconds; a larger lifetime is nonsense
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
Kind = Literal["access_token", "refresh_token"]


@dataclass(frozen=True, slots=True)
class Handshake:
    """What ties the vendor's answer to our question: made anew for every login."""

    state: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    verifier: Secret = field(default_factory=lambda: Secret(secrets.token_urlsafe(48)))

    @property
    def challenge(self) -> str:
        """The S256 challenge of the verifier (RFC 7636 section 4.2)."""
        return base64url(hashlib.sha256(self.verifier.reveal().encode()).digest())


@dataclass(frozen=True, slots=True)
class Device:
    """A login to be finished on another device; ``interval`` is in seconds."""

    code: Secret
    user_code: str
    url: str
    interval: float
    expires_at: float


@dataclass(frozen=True, slots=True)
class Introspection:
    """What the vendor says about a token; ``expires_at`` is epoch seconds."""

    active: bool
    scopes: frozenset[str] | None = None
    expires_at: float | None = None


class TokenClient:
    """One registered app at one vendor's authorization server.

    ``login`` holds client_id and client_secret, or what a service account signs with.
    Every method raises `NeedsLogin` for a dead grant, `Unauthorized` for a refused client,
    `Unavailable` for no answer or a 5xx, `UnexpectedReply` for anything that is not OAuth.
    """

    def __init__(self, exchange: Exchange, target: Target, scheme: OAuth2, login: Login) -> None:
        self._scheme, self._target, self._login = scheme, target, login
        self._exchange = exchange.under(_spoken_at_the_token_endpoint(exchange.spec))
        self._exchange.scope = Scope()  # a token request belongs to no act

    def at(self, options: Mapping[str, str]) -> TokenClient:
        """Return the same app with other options, such as the server of the person's region."""
        login = replace(self._login, options={**self._login.options, **options})
        return TokenClient(self._exchange, self._target, self._scheme, login)

    # -- a person logs in ----------------------------------------------------------------------

    def authorization_url(
        self, handshake: Handshake, redirect_uri: str, scopes: Sequence[str]
    ) -> str:
        """Return the address a browser must open (RFC 6749 section 4.1.1)."""
        query = {
            "response_type": "code",
            "client_id": self._client_id(),
            "redirect_uri": redirect_uri,
            "state": handshake.state,
            **self._scopes(scopes),
        }
        if self._scheme.pkce:
            query |= {"code_challenge": handshake.challenge, "code_challenge_method": "S256"}
        query |= self._scheme.authorize_params
        address = self._address(self._scheme.authorize_url)
        return f"{address}{'&' if '?' in address else '?'}{urlencode(query, quote_via=quote)}"

    def exchange_code(self, code: Secret, handshake: Handshake, redirect_uri: str) -> Tokens:
        """Return the tokens for an authorization code, which is spent by this.

        ``redirect_uri`` is "" for a code that came by none.
        """
        proof = {"code_verifier": handshake.verifier} if self._scheme.pkce else {}
        form = {"grant_type": "authorization_code"}
        form |= {"redirect_uri": redirect_uri} if redirect_uri else {}
        return self._grant("login", form, {"code": code, **proof})

    def device_start(self, scopes: Sequence[str]) -> Device:
        """Return the code that a person types in on another device (RFC 8628 section 3.2)."""
        now = self._exchange.clock()
        reply = self._send(
            "login", self._scheme.device_url, self._scopes(scopes), {}, answer="device_code"
        )
        return Device(
            Secret(reply.need("device_code")),
            printable(reply.need("user_code")),
            _web_address(reply, "verification_uri"),
            _seconds(reply.get("interval")) or 5.0,
            now + (_seconds(reply.get("expires_in")) or 600.0),
        )

    def device_poll(self, device: Device) -> Tokens:
        """Wait until the person has answered and return the tokens (RFC 8628 section 3.5)."""
        interval = device.interval
        while self._exchange.clock() < device.expires_at:
            self._exchange.sleep(interval)
            try:
                return self._grant(
                    "login", {"grant_type": DEVICE_CODE}, {"device_code": device.code}
                )
            except e.ProviderError as error:
                interval = _next_interval(error, interval)
        raise self._needs_login("the code was not entered in time")

    # -- nobody has to be there ----------------------------------------------------------------

    def refresh(self, token: Secret) -> Tokens:
        """Return new tokens. ``token`` may be spent by this, whatever happens to the answer."""
        tokens = self._grant("refresh", {"grant_type": "refresh_token"}, {"refresh_token": token})
        return tokens if tokens.refresh else replace(tokens, refresh=token)

    def client_credentials(self, scopes: Sequence[str]) -> Tokens:
        """Return a token for the app itself (RFC 6749 section 4.4)."""
        form = {"grant_type": "client_credentials", **self._scopes(scopes)}
        return self._grant("login", form, {})

    def jwt_bearer(self, scopes: Sequence[str]) -> Tokens:
        """Return a token for an assertion signed with the account's key (RFC 7523)."""
        assertion = {"assertion": self._assertion(scopes)}
        return self._grant("login", {"grant_type": JWT_BEARER}, assertion, authenticate=False)

    # -- a token ends, or is looked at ---------------------------------------------------------

    def revoke(self, token: Secret, kind: Kind) -> None:
        """Make the vendor forget a token; one it does not know is gone already (RFC 7009)."""
        try:
            self._send(
                "revoke", self._scheme.revoke_url, {"token_type_hint": kind}, {"token": token}
            )
        except e.NeedsLogin:
            return
        except e.Rejected as error:
            if error.context.vendor_code not in ("invalid_token", "token_revoked"):
                raise

    def introspect(self, token: Secret) -> Introspection:
        """Return what the vendor says about a token (RFC 7662)."""
        reply = self._send(
            "introspect", self._scheme.introspect_url, {}, {"token": token}, answer="active"
        )
        # Where there is a "status" it tells revoked from active; "expires_at" is LinkedIn's "exp".
        active = reply.get("active") is True and reply.get("status") in (None, "active")
        expires_at = _seconds(reply.get("exp")) or _seconds(reply.get("expires_at"))
        return Introspection(active, _scopes(reply.get("scope")), expires_at)

    # -- one request ---------------------------------------------------------------------------

    def _grant(
        self, operation: str, form: Mapping[str, str], hidden: Mapping[str, Secret],
        *, authenticate: bool = True,
    ) -> Tokens:  # fmt: skip
        asked_at = self._exchange.clock()
        reply = self._send(
            operation, self._scheme.token_url, form, hidden,
            answer="access_token", authenticate=authenticate,
        )  # fmt: skip
        lifetime = _seconds(reply.get("expires_in")) or self._scheme.lifetime
        kept = {name: str(reply.get(name)) for name in self._scheme.keep if reply.get(name)}
        return Tokens(
            _token(reply, "access_token"),
            _token(reply, "refresh_token") if reply.get("refresh_token") else None,
            asked_at + lifetime if lifetime else None,
            lifetime,
            _scopes(reply.get("scope")),
            kept,
        )

    def _send(
        self, operation: str, url: str, form: Mapping[str, str], hidden: Mapping[str, Secret],
        *, answer: str = "", authenticate: bool = True,
    ) -> Reply:  # fmt: skip
        if not url:
            raise e.Unsupported(f"{self._exchange.spec.title} has no address for {operation}")
        # Not repeatable by nature, but nobody repeats it blindly, and no act waits for it: so
        # that no answer means "try later" and not "look whether it was published".
        endpoint = Endpoint(
            operation, "POST", "", bucket="oauth", repeatable=True, timeout=TIMEOUT,
            answer=answer, answers_text=not answer,
        )  # fmt: skip
        address = self._address(url)
        as_json = self._scheme.token_body == "json"
        request = Request(
            endpoint,
            address,
            address.split("?")[0],
            {"Accept": "application/json"},
            json=dict(form) if as_json else None,
            form=None if as_json else form,
            signed=self._signed(hidden) if authenticate else Signed(body=_revealed(hidden)),
        )
        try:
            response = self._exchange.send(request)
        except e.ProviderError as error:
            failure = error
        else:
            where = e.Context(self._exchange.spec.name, self._exchange.account, operation)
            return Reply(response.json(), response.headers, where)
        raise self._meaning(failure, request.signed)  # outside: no trace of the vendor's words

    def _signed(self, hidden: Mapping[str, Secret]) -> Signed:
        """Return the request's secrets and the client's own proof (RFC 6749 section 2.3.1)."""
        client_id, body = self._client_id(), _revealed(hidden)
        if self._scheme.client_auth == "none" or not self._login.has("client_secret"):
            if self._scheme.client_auth != "none" and not self._scheme.public:
                raise e.InvalidInput(
                    f"{self._exchange.spec.title} needs client_secret", hint=self._log_in()
                )
            return Signed(body={"client_id": client_id, **body})
        client_secret = self._login.value("client_secret")
        if self._scheme.client_auth == "body":
            return Signed(body={"client_id": client_id, "client_secret": client_secret, **body})
        pair = f"{quote_plus(client_id)}:{quote_plus(client_secret)}".encode()
        return Signed({"Authorization": f"Basic {base64.b64encode(pair).decode()}"}, body=body)

    def _meaning(self, error: e.ProviderError, signed: Signed) -> e.MktoolError:
        """Return what a failure means to the user, free of any secret the vendor echoed."""
        code, text = (self._clean(signed, t) for t in (error.context.vendor_code, error.message))
        words = text if not code or code in text else f"{text} ({code})"
        if code in (*self._scheme.dead_codes, "access_denied", "expired_token"):
            return self._needs_login(words)
        where = error.context._replace(vendor_code=code)
        if (seconds := self._scheme.throttled.get(code)) is not None:
            return e.RateLimited(words, where, retry_after=error.retry_after or seconds)
        answered = isinstance(error, e.Rejected | e.NotFound | e.Forbidden | e.Unauthorized)
        if answered and not code:  # a proxy or a wrong address: it must not kill a grant
            return e.UnexpectedReply(words, where)
        if code in ("invalid_client", "unauthorized_client"):
            hint = f"check client_id and client_secret, then {self._log_in()}"
            return e.Unauthorized(words, where, hint=hint)
        hint = error.hint
        if isinstance(error, e.Rejected):
            hint = hint or f"compare the app's settings: mktool providers {where.provider}"
        return type(error)(words, where, hint=hint, retry_after=error.retry_after)

    def _clean(self, signed: Signed, text: str) -> str:
        """Return ``text`` without anything secret we sent: Basic hides the client's in base64."""
        has = self._login.has("client_secret")
        return hidden(text, signed, *([self._login.value("client_secret")] if has else []))

    def _needs_login(self, words: str) -> e.NeedsLogin:
        return e.NeedsLogin(f"{self._exchange.spec.title}: {words}", hint=self._log_in())

    def _log_in(self) -> str:
        return e.login_command(self._exchange.spec.name, self._exchange.account)

    def _client_id(self) -> str:
        return self._need("client_id")

    def _need(self, name: str) -> str:
        if not self._login.has(name):
            raise e.InvalidInput(f"{self._exchange.spec.title} needs {name}", hint=self._log_in())
        return self._login.value(name)

    def _address(self, url: str) -> str:
        """Return where an address leads from here."""
        return self._target.move(self._filled(url))

    def _filled(self, url: str) -> str:
        """Return an address with its {options}, of which one may be how it begins."""
        names = re.findall(r"{(\w+)}", url)
        values = {name: quote(self._need(name), safe="") for name in names}
        if names and url.startswith(f"{{{names[0]}}}"):
            values[names[0]] = owned(self._need(names[0]), names[0], self._scheme.hosts)
        return url.format_map(values)

    def _scopes(self, scopes: Sequence[str]) -> dict[str, str]:
        return {"scope": self._scheme.scope_separator.join(scopes)} if scopes else {}

    def _assertion(self, scopes: Sequence[str]) -> Secret:
        scheme = self._scheme
        assert isinstance(scheme, ServiceAccount)
        now = int(self._exchange.clock())
        told = self._login.options.get(scheme.audience_field, "")
        claims = {
            "iss": self._need(scheme.issuer_field),
            **({"sub": self._need(scheme.subject_field)} if scheme.subject_field else {}),
            "aud": told or self._filled(scheme.audience or scheme.token_url),
            **self._scopes(scopes),
            "iat": now,
            "exp": now + ASSERTION_SECONDS,
        }
        return sign(claims, Secret(self._need(scheme.key_field)), scheme.key_field)


def _spoken_at_the_token_endpoint(spec: Spec) -> Spec:
    """RFC 6749 section 5.2 first, then the vendor's own way of saying what went wrong."""
    return replace(
        spec,
        limits=(),
        throttle=None,
        rules=(),
        error_code=("error", *spec.error_code),
        error_text=("error_description", *spec.error_text),
    )


def _next_interval(error: e.ProviderError, interval: float) -> float:
    """Return how long to wait before asking again; raises what waiting does not mend."""
    if error.context.vendor_code == "authorization_pending":
        return interval
    if error.context.vendor_code == "slow_down":
        return interval + 5.0
    if isinstance(error, e.Unavailable):
        return interval * 2
    raise error


def _token(reply: Reply, name: str) -> Secret:
    token = reply.need(name)
    if not re.fullmatch(r"[\x21-\x7e]+", token):  # RFC 6749 appendix A.12, less the space
        raise e.UnexpectedReply(f"{name} in the reply is not a token", reply.where)
    return Secret(token)


def _web_address(reply: Reply, name: str) -> str:
    url = printable(reply.need(name))
    if not url.startswith("https://") and not is_loopback(url):  # it will be opened in a browser
        raise e.UnexpectedReply(f"{name} in the reply is not an https address", reply.where)
    return url


def _seconds(value: Any) -> float | None:
    """Some vendors write numbers as text; 0 and nonsense are as good as nothing."""
    if isinstance(value, str) and re.fullmatch(r"\d{1,12}", value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 < value < LONGEST else None


def _scopes(value: Any) -> frozenset[str] | None:
    """Some vendors separate scopes by commas, some send a list."""
    if isinstance(value, list):
        value = " ".join(map(str, value))
    if not isinstance(value, str):
        return None
    return frozenset(filter(None, re.split(r"[\s,]+", value)))


def _revealed(hidden: Mapping[str, Secret]) -> dict[str, str]:
    return {name: secret.reveal() for name, secret in hidden.items()}
