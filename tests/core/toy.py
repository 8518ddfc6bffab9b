"""A vendor whose logins a real OAuth server gives out, and one account's way to it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from mktool.core import record as records
from mktool.core.login import Person, authorize
from mktool.core.record import Record
from mktool.core.tokens import StoredCredential
from mktool.http.auth import ClientCredentials, HeaderKey, OAuth2, ServiceAccount
from mktool.http.exchange import Exchange
from mktool.http.oauth import Handshake, TokenClient
from mktool.http.target import Target
from mktool.http.wire import Wire
from mktool.model import Login, Secret
from mktool.spec import Field, Spec
from mktool.store import accounts
from mktool.store.accounts import Entry, Home
from mktool.store.ledger import Ledger
from mktool.store.paths import data_dir
from mktool.store.vault import open_vault
from tests.oauth_server import CONFIDENTIAL, PUBLIC, SECRETS, browse

SCOPES = ("openid", "offline_access", "post.write")


def oauth2(url: str, **changes: Any) -> OAuth2:
    """Return the scheme of the server at ``url``."""
    scheme = OAuth2(
        authorize_url=f"{url}/auth",
        token_url=f"{url}/token",
        revoke_url=f"{url}/token/revocation",
        introspect_url=f"{url}/token/introspection",
        device_url=f"{url}/device/auth",
        scopes=SCOPES,
        issuer=url,
        public=True,
        client_auth="basic",
        authorize_params={"prompt": "consent"},
    )
    return replace(scheme, **changes)


def toy(url: str, **changes: Any) -> Spec:
    """Return a vendor with every kind of login, its scheme for people changed by ``changes``."""
    return Spec(
        name="toy",
        title="Toy",
        docs="https://toy.test/docs",
        base_url=url,
        auth=(
            oauth2(url, **changes),
            ClientCredentials(
                token_url=f"{url}/token", revoke_url=f"{url}/token/revocation",
                client_auth="basic", scopes=("post.write",),
            ),
            ServiceAccount(
                token_url=f"{url}/assertion", issuer_field="robot", scopes=("post.write",)
            ),
            HeaderKey("api_key"),
        ),
        fields=(
            Field("client_id", "the app's id"),
            Field("client_secret", "the app's secret", secret=True),
            Field("api_key", "a key of 8 letters or more", secret=True, pattern=r"\w{8,}"),
            Field("team", "the team's name", pattern="[a-z]+"),
        ),
    )  # fmt: skip


@dataclass
class Place:
    """One account of the toy vendor; opened again, it is what another process sees."""

    url: str
    home: Home = "file"
    account: str = "default"
    changes: Mapping[str, Any] = field(default_factory=dict)
    now: Callable[[], float] = time.time
    said: list[str] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.spec = toy(self.url, **self.changes)
        self.target = Target(self.url)
        self.ledger = Ledger(data_dir() / "ledger.db")
        self.exchange = Exchange(
            self.spec, self.account, lambda: Wire(loopback=True), self.ledger,
            sleep=self.slept.append, clock=self.clock,
        )  # fmt: skip
        self.vault = open_vault(self.home)

    @property
    def key(self) -> str:
        return f"toy:{self.account}"

    def clock(self) -> float:
        """Return what ``now`` says at this moment; a test may change it."""
        return self.now()

    def close(self) -> None:
        self.exchange.close()
        self.ledger.close()

    def client(self, client_id: str = PUBLIC, **changes: Any) -> TokenClient:
        """Return the token endpoint as one of the server's apps sees it."""
        secret = {"client_secret": Secret(s)} if (s := SECRETS.get(client_id)) else {}
        scheme = oauth2(self.url, **{**self.changes, **changes})
        login = Login({"client_id": client_id}, secret)
        return TokenClient(self.exchange, self.target, scheme, login)

    def person(
        self, open_browser: Callable[[str], bool] = lambda _: False, pastes: str = ""
    ) -> Person:
        return Person(self.said.append, lambda _: pastes, open_browser)

    def connect(self, client_id: str = CONFIDENTIAL) -> Entry:
        """Log in as a person with a browser does, by the paste flow, and return the account."""
        answer = ""

        def say(text: str) -> None:
            nonlocal answer
            url = next(line for line in text.splitlines() if line.startswith("http"))
            answer = browse(url)

        fields = {"client_id": client_id}
        if client_id in SECRETS:
            fields["client_secret"] = SECRETS[client_id]
        person = Person(say, lambda _: answer, lambda _: False)
        return self.authorize(fields, person, flow="paste")

    def authorize(self, fields: Mapping[str, str | Secret], person: Person, **how: Any) -> Entry:
        return authorize(
            self.spec, self.target, self.exchange, self.vault, self.account, fields, person, **how
        )

    def entry(self) -> Entry:
        found = accounts.find("toy", self.account)
        assert found is not None
        return found

    def credential(self) -> StoredCredential:
        return StoredCredential(self.spec, self.target, self.exchange, self.vault, self.entry())

    def record(self) -> Record:
        data = self.vault.get(self.key)
        assert data is not None
        return records.read(self.key, data)

    def change(self, **changes: Any) -> None:
        """Rewrite the stored record as JSON, as time or another process would have."""
        data = self.vault.get(self.key)
        assert data is not None
        self.vault.put(self.key, {**data, **changes})

    def expire(self) -> None:
        self.change(expires_at=self.now() - 1)

    def calls(self) -> list[tuple[str, str]]:
        """Return the journal's rows as (operation, outcome)."""
        rows = self.ledger.db.execute("select operation, outcome from calls order by id")
        return [(str(operation), str(outcome)) for operation, outcome in rows]


def code_for(place: Place, client: TokenClient, shake: Handshake, redirect_uri: str) -> Secret:
    """Return a fresh code, as a browser brings it."""
    from urllib.parse import parse_qs, urlsplit

    answer = browse(client.authorization_url(shake, redirect_uri, SCOPES))
    return Secret(parse_qs(urlsplit(answer).query)["code"][0])


def login_elsewhere(url: str, home: Home) -> None:
    """Run in another process: print the generation and the fingerprint of a valid login."""
    place = Place(url, home)
    login = place.credential().login()
    print(json.dumps([login.generation, login.secrets["access_token"].fingerprint()]))
    place.close()
