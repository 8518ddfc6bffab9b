"""The OAuth 2.0 authorization server that the vendors share (RFC 6749, 7636).

Each vendor decides which grants, lifetimes and error texts it has; here is what they agree on: a
code is used once, belongs to one client and one redirect, and PKCE is verified.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlencode, urlsplit

from . import page
from .wire import Call, Reply

Reason = Literal["code", "expired", "client", "redirect", "verifier", "refresh"]


class Refused(Exception):
    """The token endpoint says no; the vendor has the words for each reason."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason: Reason = reason


class Expired(LookupError):
    """A token of this sandbox that has expired or was revoked."""

    def __init__(self, *, revoked: bool) -> None:
        super().__init__("revoked" if revoked else "expired")
        self.revoked = revoked


@dataclass(frozen=True, slots=True)
class Consent:
    """What a client asks a person for. ``challenge`` is "METHOD VALUE", "" without PKCE."""

    vendor: str
    title: str
    client_id: str
    redirect_uri: str
    scopes: frozenset[str]
    state: str = ""
    challenge: str = ""


@dataclass(slots=True)
class Grant:
    """What a person allowed: every token made from it dies with it."""

    consent: Consent
    created: float
    revoked: bool = False

    @property
    def scopes(self) -> frozenset[str]:
        return self.consent.scopes


@dataclass(frozen=True, slots=True)
class Session:
    """What a valid access token allows; ``expires`` is epoch seconds, None for never."""

    client_id: str
    scopes: frozenset[str]
    expires: float | None
    created: float = 0.0


@dataclass(slots=True)
class _Code:
    grant: Grant
    issued: float
    used: bool = False


@dataclass(slots=True)
class Token:
    """A token that was issued; ``spent`` marks a refresh token that was exchanged."""

    grant: Grant
    kind: Literal["access", "refresh"]
    created: float
    expires: float | None
    revoked: bool = False
    spent: bool = False

    def state(self, now: float) -> Literal["active", "expired", "revoked"]:
        if self.revoked or self.spent or self.grant.revoked:
            return "revoked"
        return "active" if self.expires is None or now < self.expires else "expired"


class Authority:
    """Codes, tokens and pending consents of one sandbox, in memory only."""

    def __init__(self, clock: Callable[[], float], approve: bool) -> None:
        self._clock = clock
        self._approve = approve
        self._pending: dict[str, Consent] = {}
        self._codes: dict[str, _Code] = {}
        self._tokens: dict[str, Token] = {}

    def ask(self, consent: Consent) -> Reply:
        """Return the consent page, or the redirect at once where consent is given beforehand."""
        if self._approve:
            return self._back(consent, allowed=True)
        ticket = secrets.token_hex(16)
        self._pending[ticket] = consent
        return page.consent(ticket, consent.title, consent.client_id, sorted(consent.scopes),
                            urlsplit(consent.redirect_uri).netloc)  # fmt: skip

    def decide(self, ticket: str, *, allowed: bool) -> Reply:
        """Return the redirect that follows the person's click."""
        consent = self._pending.pop(ticket, None)
        if consent is None:
            return page.problem(400, "This request was answered already", "Start the login again.")
        return self._back(consent, allowed=allowed)

    def redeem(
        self,
        vendor: str,
        code: str,
        client_id: str,
        redirect_uri: str,
        verifier: str = "",
        *,
        lives: float,
    ) -> Grant:
        """Exchange a code, ``lives`` seconds old at most; raises `Refused`.

        A code that comes twice takes back what it gave (RFC 6749, 4.1.2).
        """
        found = self._codes.get(code)
        if found is None or found.grant.consent.vendor != vendor:
            raise Refused("code")
        if found.used:
            found.grant.revoked = True
            raise Refused("code")
        consent = found.grant.consent
        if self._clock() >= found.issued + lives:
            raise Refused("expired")
        if client_id != consent.client_id:
            raise Refused("client")
        if redirect_uri != consent.redirect_uri:
            raise Refused("redirect")
        if not _verified(consent.challenge, verifier):
            raise Refused("verifier")
        found.used = True
        return found.grant

    def issue(
        self, grant: Grant, kind: Literal["access", "refresh"], lives: float | None, prefix: str
    ) -> str:
        """Return a new token, valid for ``lives`` seconds.

        It never says "sandbox": that word marks made-up tokens, which are valid for ever.
        """
        now = self._clock()
        token = prefix + secrets.token_hex(20)
        self._tokens[token] = Token(grant, kind, now, None if lives is None else now + lives)
        return token

    def refresh(self, vendor: str, token: str, client_id: str, *, rotate: bool) -> Grant:
        """Return the grant of a refresh token, raises `Refused`.

        With ``rotate`` the token is spent; spending it again revokes all that came of the grant,
        because one of the two who hold it is a thief (RFC 9700, 4.14.2).
        """
        found = self._tokens.get(token)
        if found is None or found.kind != "refresh" or found.grant.consent.vendor != vendor:
            raise Refused("refresh")
        if found.spent:
            found.grant.revoked = True
        if found.state(self._clock()) != "active":
            raise Refused("refresh")
        if client_id != found.grant.consent.client_id:
            raise Refused("client")
        found.spent = rotate
        return found.grant

    def find(self, vendor: str, token: str) -> Token | None:
        """Return an issued token in whatever state it is."""
        found = self._tokens.get(token)
        return found if found and found.grant.consent.vendor == vendor else None

    def revoke(self, vendor: str, token: str, *, family: bool = True) -> bool:
        """End a token, or with ``family`` its whole grant; False for an unknown one."""
        found = self.find(vendor, token)
        if found is None:
            return False
        found.revoked = True
        found.grant.revoked = found.grant.revoked or family
        return True

    def session(self, vendor: str, token: str) -> Session | None:
        """Return what an access token allows, None for one never issued; raises `Expired`."""
        found = self.find(vendor, token)
        if found is None or found.kind != "access":
            return None
        state = found.state(self._clock())
        if state != "active":
            raise Expired(revoked=state == "revoked")
        return Session(
            found.grant.consent.client_id, found.grant.scopes, found.expires, found.created
        )

    def _back(self, consent: Consent, *, allowed: bool) -> Reply:
        if not allowed:
            return redirect(consent, error="access_denied")
        code = secrets.token_hex(24)
        now = self._clock()
        self._codes[code] = _Code(Grant(consent, now), now)
        return redirect(consent, code=code)


def consent_of(call: Call, vendor: str, title: str, scopes: Iterable[str]) -> Consent | Reply:
    """Return what an authorization request asks for, or the page that refuses it."""
    query = call.query
    if not query.get("client_id"):
        return page.problem(400, "No client_id", "The login address lacks the client's id.")
    if not _absolute(query.get("redirect_uri", "")):
        return page.problem(400, "Bad redirect_uri", "It must be absolute, without a fragment.")
    method = query.get("code_challenge_method", "plain")
    challenge = query.get("code_challenge", "")
    consent = Consent(
        vendor, title, query["client_id"], query["redirect_uri"], frozenset(scopes),
        query.get("state", ""), f"{method} {challenge}" if challenge else "",
    )  # fmt: skip
    if query.get("response_type", "code") != "code":
        return redirect(consent, error="unsupported_response_type")
    if challenge and method not in ("S256", "plain"):
        return redirect(consent, error="invalid_request")
    return consent


def _absolute(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return bool(parts.scheme and parts.netloc and not parts.fragment) and url.isprintable()


def redirect(consent: Consent, **answer: str) -> Reply:
    """Return the way back to the client with ``code`` or ``error``, and its state."""
    if consent.state:
        answer["state"] = consent.state
    joint = "&" if urlsplit(consent.redirect_uri).query else "?"
    return Reply(
        302, headers={"location": consent.redirect_uri + joint + urlencode(answer),
                      "cache-control": "no-store"},
    )  # fmt: skip


def _verified(challenge: str, verifier: str) -> bool:
    method, _, wanted = challenge.partition(" ")
    if not wanted:
        return not verifier
    given = verifier
    if method == "S256":
        digest = hashlib.sha256(verifier.encode()).digest()
        given = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    return hmac.compare_digest(given.encode(), wanted.encode())
