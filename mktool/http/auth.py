"""
Authentication schemes as frozen values.

A scheme says what a request must carry; how a token is obtained and renewed is in
`http.oauth`, and who may renew it is in `core.tokens`. A vendor with an odd scheme
subclasses one in its own module.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from ..model import Login, Secret
from ..spec import Signed
from .target import owned


@dataclass(frozen=True)
class HeaderKey:
    """A key in a header, by default ``Authorization: Bearer KEY``. ``scopes`` it should have."""

    field: str
    header: str = "Authorization"
    format: str = "Bearer {}"
    scopes: tuple[str, ...] = ()

    @property
    def needs(self) -> tuple[str, ...]:
        return (self.field,)

    def sign(self, login: Login) -> Signed:
        return Signed({self.header: self.format.format(login.value(self.field))})


@dataclass(frozen=True)
class QueryKey:
    """A key in the query string."""

    field: str
    name: str

    @property
    def needs(self) -> tuple[str, ...]:
        return (self.field,)

    def sign(self, login: Login) -> Signed:
        return Signed(query={self.name: login.value(self.field)})


@dataclass(frozen=True)
class UrlKey:
    """A secret address, such as an incoming webhook. ``shown`` is what the ledger keeps."""

    field: str
    shown: str

    @property
    def needs(self) -> tuple[str, ...]:
        return (self.field,)

    def sign(self, login: Login) -> Signed:
        return Signed(url=login.value(self.field), shown_url=self.shown)


@dataclass(frozen=True)
class Basic:
    """HTTP basic authentication (RFC 7617). ``user`` is a field name, or a fixed "=name".

    ``also`` are fields that no request can do without, such as the account in every path.
    """

    user: str
    field: str
    also: tuple[str, ...] = ()

    @property
    def needs(self) -> tuple[str, ...]:
        own = (self.field,) if self.user.startswith("=") else (self.user, self.field)
        return (*self.also, *own)

    def sign(self, login: Login) -> Signed:
        user = self.user[1:] if self.user.startswith("=") else login.value(self.user)
        pair = base64.b64encode(f"{user}:{login.value(self.field)}".encode()).decode()
        return Signed({"Authorization": f"Basic {pair}"})


@dataclass(frozen=True)
class OAuth2:
    """OAuth 2.0 bearer tokens (RFC 6749, 6750). The endpoints are data; so is every quirk.

    Addresses may hold {option}. ``issuer`` demands a matching ``iss`` in the redirect
    (RFC 9207). ``client_auth`` "none" never sends a client_secret; ``public``: an app without
    one may log in too.
    ``redirect_ports``: the ports to register where the vendor compares redirect addresses
    exactly; empty where any loopback port is accepted (RFC 8252 section 7.3).
    ``lifetime``: seconds an access token lives where the vendor does not say.
    ``dead_codes``: the errors after which only a new login helps, ``throttled`` those that say
    too many tokens were asked for, with the seconds until there are more. ``keep``: values of the
    token reply that are kept as options; ``home`` is the one that is the base URL from then on.
    ``server``: the parameter of the redirect that names the server to trade the code at, kept as
    the option of that name (with _ for -). ``hosts``: the vendor's own host names, as a regular
    expression; all of these addresses, and an {option} that an address begins with, lead there.
    ``console_codes``: the vendor's console hands out codes to paste, without a redirect.
    """

    authorize_url: str
    token_url: str
    scopes: tuple[str, ...]
    revoke_url: str = ""
    introspect_url: str = ""
    device_url: str = ""
    issuer: str = ""
    pkce: bool = True
    client_auth: Literal["basic", "body", "none"] = "body"
    public: bool = False
    token_body: Literal["form", "json"] = "form"
    scope_separator: str = " "
    redirect_host: Literal["127.0.0.1", "localhost"] = "127.0.0.1"
    redirect_ports: tuple[int, ...] = ()
    redirect_path: str = "/callback"
    authorize_params: Mapping[str, str] = field(default_factory=dict)
    lifetime: float | None = None
    dead_codes: tuple[str, ...] = ("invalid_grant",)
    throttled: Mapping[str, float] = field(default_factory=dict)
    keep: tuple[str, ...] = ()
    home: str = ""
    server: str = ""
    hosts: str = ""
    console_codes: bool = False
    prefix: str = "Bearer"

    @property
    def needs(self) -> tuple[str, ...]:
        return (self.home, "access_token") if self.home else ("access_token",)

    def sign(self, login: Login) -> Signed:
        told = login.options.get(self.home, "") if self.home else ""
        home = owned(told, self.home, self.hosts) if told else ""  # none in a dry run
        return Signed({"Authorization": f"{self.prefix} {login.value('access_token')}"}, home=home)


@dataclass(frozen=True)
class ClientCredentials(OAuth2):
    """The client logs in as itself (RFC 6749 section 4.4): no browser, no refresh token."""

    authorize_url: str = ""
    token_url: str = ""
    scopes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ServiceAccount(OAuth2):
    """A signed assertion is traded for a token (RFC 7523).

    ``key_field`` holds the private key (PEM), ``issuer_field`` the ``iss`` claim and
    ``subject_field`` the ``sub`` claim; ``audience`` is the token address by default, and what
    the option ``audience_field`` says, if the account has it.
    """

    authorize_url: str = ""
    token_url: str = ""
    scopes: tuple[str, ...] = ()
    key_field: str = "private_key"
    issuer_field: str = "client_email"
    subject_field: str = ""
    audience: str = ""
    audience_field: str = ""


@dataclass(frozen=True)
class Tokens:
    """What a grant yields. ``expires_at`` is epoch seconds; None where the vendor is silent.

    ``lifetime`` is in seconds; ``kept`` are the values that the scheme asks to keep.
    """

    access: Secret
    refresh: Secret | None = None
    expires_at: float | None = None
    lifetime: float | None = None
    scopes: frozenset[str] | None = None
    kept: Mapping[str, str] = field(default_factory=dict)
