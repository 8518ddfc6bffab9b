"""
Who gives the client its login, and who may renew a token.

Many servers make a new refresh token with every renewal, and answer a second use of the old
one by revoking everything (RFC 9700 section 4.14). So one process renews at a time; the others
read what it left; and the new pair is on the disk before it is used.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from .. import errors as e
from ..model import Login, Secret
from ..spec import Spec
from ..store import accounts
from ..store.accounts import Entry
from . import record as records
from .record import Pending, Record
from .signals import deferred_signals

if TYPE_CHECKING:
    from ..http.auth import Tokens
    from ..http.exchange import Exchange
    from ..http.oauth import TokenClient
    from ..http.target import Target
    from ..store.vault import Vault

BREATHER = 30.0  # seconds between attempts to renew early while the token is still good


class EnvironmentCredential:
    """What the environment gives: read only, sent wherever the environment says."""

    def __init__(self, options: Mapping[str, str], secrets: Mapping[str, Secret]) -> None:
        self._login = Login(options, secrets)

    def login(self) -> Login:
        return self._login

    def renew(self, rejected: Login) -> None:
        """Return None: there is nothing to renew with."""


class StoredCredential:
    """The login of one account in the vault; implements `http.client.Credential`.

    Methods raise `NeedsLogin` where only a new login helps, and `VaultError` as the vault does.
    """

    def __init__(
        self, spec: Spec, target: Target, exchange: Exchange, vault: Vault, entry: Entry
    ) -> None:
        self._spec, self._target, self._exchange = spec, target, exchange
        self._vault, self._entry = vault, entry
        self._now = exchange.clock
        self._record: Record | None = None
        self._good_until = 0.0

    def login(self) -> Login:
        """Return a login that is valid now; renews a token that ends soon."""
        if self._record is None or self._now() >= self._good_until:
            self._keep(self._current(rejected=0))
        return self._login()

    def renew(self, rejected: Login) -> Login | None:
        """Return a newer login after the vendor refused this one, or None if there is none."""
        if not self._read().renewable:
            return None
        self._keep(self._current(rejected.generation))
        return self._login()

    def _keep(self, record: Record) -> None:
        now, end = self._now(), record.expires_at or 0.0
        self._record = record
        # Past its time already: renewing early failed, and is tried again in a while.
        self._good_until = record.renew_at if record.renew_at > now else min(now + BREATHER, end)

    def _login(self) -> Login:
        assert self._record is not None
        return Login(self._entry.options, self._record.secrets, self._record.generation)

    def _current(self, rejected: int) -> Record:
        """Return a record newer than ``rejected``; the fast path takes no lock."""
        record = self._read()
        if record.usable(self._now(), rejected):
            return record
        self._refuse_hopeless(record)
        with accounts.account_lock(self._entry.key):
            record = self._read()  # what the winner left is what counts
            if record.usable(self._now(), rejected):
                return record
            self._refuse_hopeless(record)
            try:
                with deferred_signals():
                    return self._renew(record)
            except (e.Unavailable, e.RateLimited):
                if rejected or self._now() >= (record.expires_at or 0.0):
                    raise
                return record  # too early to fail: it is still good for some minutes

    def _renew(self, record: Record) -> Record:
        """Trade the refresh token, or what stands for it, for new tokens; under the lock."""
        # Written before the token is spent: it proves that the new one can be kept.
        self._put(replace(record, pending=Pending(self._now(), os.getpid())))
        try:
            tokens = self._fetch(record)
        except e.NeedsLogin as error:
            if record.grant == "refresh_token":
                raise self._bury(record, error) from None
            raise
        except (e.Unauthorized, e.RateLimited, e.Rejected, e.InvalidInput, e.Interrupted):
            self._put(replace(record, pending=None))  # refused or not sent: nothing was spent
            raise
        renewed = replace(record, tokens=tokens, generation=record.generation + 1, pending=None)
        self._put(renewed)
        self._index(renewed)
        return renewed

    def _fetch(self, record: Record) -> Tokens:
        client = token_client(self._spec, self._target, self._exchange, record, self._entry.options)
        scopes = sorted(self._entry.scopes or ())
        if record.grant == "client_credentials":
            return client.client_credentials(scopes)
        if record.grant == "jwt_bearer":
            return client.jwt_bearer(scopes)
        assert record.tokens is not None
        assert record.tokens.refresh is not None
        tokens = client.refresh(record.tokens.refresh)
        return replace(tokens, scopes=tokens.scopes or record.tokens.scopes)

    def _bury(self, record: Record, error: e.NeedsLogin) -> e.NeedsLogin:
        """Mark the record dead and return why. It is kept: it may be the only trace there is."""
        reason = str(record.pending) if record.pending else error.message
        dead = replace(record, dead=reason)
        self._put(dead)
        self._index(dead)
        return self._needs_login(reason)

    def _refuse_hopeless(self, record: Record) -> None:
        """Raise for a record that no request can mend: the server is not asked again."""
        if record.dead:
            raise self._needs_login(record.dead)
        if not record.renewable:
            raise self._needs_login("the access token has expired and cannot be renewed")

    def _read(self) -> Record:
        name, home = self._entry.key, self._entry.home
        if self._entry.origin != self._target.origin:
            raise self._elsewhere(self._entry.origin)
        try:
            data = self._vault.get(name)
        except e.VaultUnreachable as error:
            raise e.VaultUnreachable(
                f"{name} lives in the {home}, which cannot be reached here: {error.message}",
                hint=error.hint,
            ) from None
        if data is None:
            raise self._needs_login(f"its credential is gone from the {home}")
        record = records.read(name, data)
        if record.origin != self._target.origin:  # the list of accounts is not sealed; this is
            raise self._elsewhere(record.origin)
        return record

    def _put(self, record: Record) -> None:
        self._vault.put(self._entry.key, record.to_json())

    def _index(self, record: Record) -> None:
        entry = accounts.find(self._entry.provider, self._entry.account)
        if entry is not None:  # else it was revoked meanwhile
            self._entry = accounts.save(described(entry, record))

    def _elsewhere(self, origin: str) -> e.NeedsLogin:
        return self._needs_login(
            f"authorized for {origin}, but it points to {self._target.origin} now"
        )

    def _needs_login(self, reason: str) -> e.NeedsLogin:
        return e.NeedsLogin(
            reason if reason.startswith(self._spec.title) else f"{self._spec.title}: {reason}",
            hint=e.login_command(self._spec.name, self._entry.account),
        )


def described(entry: Entry, record: Record) -> Entry:
    """Return ``entry`` as the list of accounts should have it for ``record``."""
    main = record.tokens.access if record.tokens else next(iter(record.fields.values()), None)
    scopes = record.tokens.scopes if record.tokens else None
    return replace(
        entry,
        credentials=tuple(record.secrets),
        scopes=entry.scopes if scopes is None else scopes,
        expires_at=record.expires_at,
        refreshable=record.renewable,
        fingerprint=main.fingerprint() if main else "",
        dead=record.dead,
    )


def token_client(
    spec: Spec, target: Target, exchange: Exchange, record: Record, options: Mapping[str, str]
) -> TokenClient:
    """Return the token endpoint for the app and the grant of a record.

    Raises `Unsupported` where the vendor has no such grant.
    """
    from ..http.oauth import TokenClient

    scheme = records.scheme_of(spec, record.grant)
    if scheme is None:
        raise e.Unsupported(f"{spec.title}: this account has no tokens to ask about")
    defaults = {f.name: f.default for f in spec.fields if f.default and not f.secret}
    return TokenClient(exchange, target, scheme, Login({**defaults, **options}, record.fields))
