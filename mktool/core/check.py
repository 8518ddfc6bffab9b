"""Proving that an account works, with calls that change nothing."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .. import errors as e
from ..capability import CanCheck
from ..http.auth import OAuth2
from ..http.client import scheme_for
from ..model import Account
from ..store import limits
from .session import Session, open_session
from .settings import DEFAULT, Settings

if TYPE_CHECKING:
    from ..http.oauth import Introspection


@dataclass(slots=True)
class Proof:
    """What a read-only call told. ``ms`` is the latency; ``missing`` are scopes not granted."""

    provider: str
    account: str
    name: str = ""
    id: str = ""
    scopes: frozenset[str] | None = None
    missing: list[str] = field(default_factory=list)
    ms: float | None = None
    limit_left: str = ""
    expires_at: float | None = None
    refreshable: bool = False
    error: e.MktoolError | None = None

    @property
    def state(self) -> str:
        if self.error is not None:
            return "unproven" if isinstance(self.error, e.Unsupported) else "failed"
        return "warning" if self.missing else "ok"


def prove(settings: Settings, provider: str, account: str = "") -> Proof:
    """Return what the vendor says about an account; a failure is in the proof, not raised."""
    proof = Proof(provider, account or DEFAULT)
    session: Session | None = None
    try:
        session = open_session(settings, provider, account)
        _ask(session, proof)
    except e.MktoolError as error:
        proof.error = error
    finally:
        if session is not None:
            session.close()
    return proof


def identify(session: Session) -> Account:
    """Return who the credential belongs to; `Unsupported` where the vendor cannot say."""
    if not isinstance(session.provider, CanCheck):
        raise e.Unsupported(
            f"{session.spec.title} has no read-only check", hint="it is proven by what it takes"
        )
    return session.provider.check()


def _ask(session: Session, proof: Proof) -> None:
    started = time.monotonic()
    found = identify(session)
    proof.ms = (time.monotonic() - started) * 1000
    proof.name, proof.id = found.name, found.id
    told = _introspect(session)
    scopes, expires = found.scopes, found.expires_at
    if told is not None:
        scopes, expires = told.scopes or scopes, told.expires_at or expires
    entry = session.entry
    proof.scopes = scopes if scopes is not None else (entry.scopes if entry else None)
    proof.expires_at = expires or (entry.expires_at if entry else None)
    proof.refreshable = entry is not None and entry.refreshable
    if proof.scopes is not None:
        proof.missing = sorted(_expected(session) - proof.scopes)
    proof.limit_left = _limit_left(session)


def _expected(session: Session) -> frozenset[str]:
    """Return the scopes of the login, or else those that the provider asks for."""
    if session.entry is not None and session.entry.scopes is not None:
        return session.entry.scopes
    scheme = scheme_for(session.spec, session.credential.login())
    return frozenset(getattr(scheme, "scopes", ()))


def _introspect(session: Session) -> Introspection | None:
    """Ask the authorization server about the token, where it answers such questions."""
    login = session.credential.login()
    scheme = scheme_for(session.spec, login)
    if not isinstance(scheme, OAuth2) or not scheme.introspect_url:
        return None
    if not (login.has("client_id") and login.has("client_secret")):
        return None
    from ..http.oauth import TokenClient

    client = TokenClient(session.exchange, session.target, scheme, login)
    told = client.introspect(login.secrets["access_token"])
    if not told.active:
        raise e.Unauthorized("the token is revoked or expired", session.where("introspect"))
    return told


def _limit_left(session: Session) -> str:
    """Return the tightest limit, as "74 of 75 post"; "" where none is counted."""
    spec, ledger = session.spec, session.ledger
    usage = limits.usage(ledger.db, spec.name, session.account, spec.limits, ledger.clock())
    found = [u for u in usage if u.quota]
    if not found:
        return ""
    tightest = min(found, key=lambda u: (u.quota - u.used) / u.quota)
    return f"{max(tightest.quota - tightest.used, 0)} of {tightest.quota} {tightest.bucket}"
