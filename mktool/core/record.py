"""What the vault holds for one account: one record, so that a pair of tokens is never half new."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from ..errors import VaultError, login_command
from ..http.auth import ClientCredentials, OAuth2, ServiceAccount, Tokens
from ..model import Secret
from ..spec import Spec

VERSION = 1
EARLY = 300.0  # seconds before its end that a token is renewed
Grant = Literal["static", "refresh_token", "client_credentials", "jwt_bearer"]
_GRANTS: Mapping[str, type[OAuth2]] = {
    "refresh_token": OAuth2,
    "client_credentials": ClientCredentials,
    "jwt_bearer": ServiceAccount,
}

_TYPES: Mapping[str, type | tuple[type, ...]] = {
    **dict.fromkeys(("origin", "grant", "dead"), str),
    **dict.fromkeys(("access_token", "refresh_token"), (str, type(None))),
    **dict.fromkeys(("expires_at", "lifetime"), (int, float, type(None))),
    **dict.fromkeys(("scopes", "pending"), (list, type(None))),
    "fields": dict,
    "generation": int,
}


class Pending(NamedTuple):
    """A renewal that was begun: when (epoch seconds) and by which process."""

    at: float
    pid: int

    def __str__(self) -> str:
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(self.at))
        return f"a renewal was interrupted at {when} and its answer was lost"


@dataclass(frozen=True, slots=True)
class Record:
    """``fields`` are the secrets as given, ``tokens`` what they were traded for.

    ``origin`` is the server they may be sent to. ``generation`` counts logins and renewals
    from 1. ``pending`` and ``dead`` say what became of the last renewal.
    """

    origin: str
    fields: Mapping[str, Secret] = field(default_factory=dict)
    grant: Grant = "static"
    tokens: Tokens | None = None
    generation: int = 1
    pending: Pending | None = None
    dead: str = ""

    @property
    def renewable(self) -> bool:
        if self.grant == "refresh_token":
            return self.tokens is not None and self.tokens.refresh is not None
        return self.grant != "static"

    @property
    def secrets(self) -> dict[str, Secret]:
        """What a request may be signed with: never the refresh token."""
        access = {"access_token": self.tokens.access} if self.tokens else {}
        return {**self.fields, **access}

    @property
    def expires_at(self) -> float | None:
        return self.tokens.expires_at if self.tokens else None

    @property
    def renew_at(self) -> float:
        """The time from which a new token is wanted: a little early where one can be had."""
        if self.tokens is None or self.tokens.expires_at is None:
            return float("inf")
        early = min(EARLY, (self.tokens.lifetime or EARLY) / 4) if self.renewable else 0.0
        return self.tokens.expires_at - early

    def usable(self, now: float, rejected: int = 0) -> bool:
        """Whether it is newer than generation ``rejected`` and need not be renewed yet."""
        return self.generation > rejected and now < self.renew_at

    def to_json(self) -> dict[str, Any]:
        """Return what the vault keeps. Holds every secret."""
        tokens = self.tokens
        return {
            "v": VERSION,
            "origin": self.origin,
            "fields": {name: secret.reveal() for name, secret in self.fields.items()},
            "grant": self.grant,
            "access_token": tokens.access.reveal() if tokens else None,
            "refresh_token": tokens.refresh.reveal() if tokens and tokens.refresh else None,
            "expires_at": tokens.expires_at if tokens else None,
            "lifetime": tokens.lifetime if tokens else None,
            "scopes": sorted(tokens.scopes) if tokens and tokens.scopes is not None else None,
            "generation": self.generation,
            "pending": list(self.pending) if self.pending else None,
            "dead": self.dead,
        }


def read(name: str, data: Mapping[str, Any]) -> Record:
    """Return the record in what the vault holds; `VaultError` if it is not one of ours."""
    version = data.get("v")
    if isinstance(version, int) and version > VERSION:
        raise VaultError(f"the record of {name} is newer than this mktool", hint="upgrade mktool")
    try:
        _check(data)
        scopes, refresh = data["scopes"], data["refresh_token"]
        tokens = None
        if data["access_token"] is not None:
            tokens = Tokens(
                Secret(data["access_token"]),
                Secret(refresh) if refresh else None,
                data["expires_at"],
                data["lifetime"],
                None if scopes is None else frozenset(scopes),
            )
        return Record(
            data["origin"],
            {key: Secret(value) for key, value in data["fields"].items()},
            data["grant"],
            tokens,
            data["generation"],
            Pending(*data["pending"]) if data["pending"] else None,
            data["dead"],
        )
    except (KeyError, TypeError, AttributeError):
        provider, _, account = name.partition(":")
        raise VaultError(
            f"the record of {name} is not one of mktool's", hint=login_command(provider, account)
        ) from None


def _check(data: Mapping[str, Any]) -> None:
    for name, kinds in _TYPES.items():
        if not isinstance(data[name], kinds):
            raise TypeError(name)
    if not all(isinstance(value, str) for value in data["fields"].values()):
        raise TypeError("fields")


def scheme_of(spec: Spec, grant: str) -> OAuth2 | None:
    """Return the scheme of a vendor that knows this grant, or None."""
    kind = _GRANTS.get(grant)
    for scheme in spec.auth:
        special = isinstance(scheme, ClientCredentials | ServiceAccount)
        if isinstance(scheme, OAuth2) and kind is not None and isinstance(scheme, kind):
            if kind is OAuth2 and special:
                continue
            return scheme
    return None
