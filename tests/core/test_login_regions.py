"""Logins whose answer tells where to go on: the address of one's own org, or data centre."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

import httpx
import pytest

from mktool import errors as e
from mktool import providers
from mktool.core.fields import Flow
from mktool.core.login import Person, authorize
from mktool.core.tokens import StoredCredential
from mktool.http.client import Client
from mktool.http.exchange import Exchange
from mktool.http.target import Target, owned
from mktool.http.wire import Wire
from mktool.model import Login, Secret
from mktool.provider import Provider
from mktool.sandbox.server import Sandbox
from mktool.store.accounts import Entry
from mktool.store.ledger import Ledger
from mktool.store.vault import open_vault

pytest.importorskip("uvicorn", reason="needs mktool[server]")

MINE = "https://sandbox.my.salesforce.com"


class Visitor:
    """A person without a browser, who pastes where the vendor sends it, as ``change`` has it."""

    def __init__(self, sandbox: Sandbox, home: Path) -> None:
        self.sandbox, self.home, self.back = sandbox, home, ""
        self.change: Callable[[str], str] = str
        self.exchanges = list[Exchange]()

    def say(self, text: str) -> None:
        url = next(line for line in text.splitlines() if line.startswith("http"))
        self.back = httpx.get(url, trust_env=False).headers["location"]

    def login(
        self, name: str, flow: Flow, fields: dict[str, str | Secret]
    ) -> tuple[Entry, Provider]:
        spec, vault = providers.load(name).spec, open_vault("file")
        target = Target(spec.base_url, sandbox=self.sandbox.url)
        ledger = Ledger(self.home / "ledger.db")
        exchange = Exchange(spec, "default", lambda: Wire(loopback=True), ledger)
        self.exchanges.append(exchange)
        person = Person(self.say, lambda _: self.change(self.back), lambda _: False)
        entry = authorize(spec, target, exchange, vault, "default", fields, person, flow=flow)
        credential = StoredCredential(spec, target, exchange, vault, entry)
        defaults = {f.name: f.default for f in spec.fields if f.default}
        client = Client(exchange, target, credential, {**defaults, **entry.options})
        return entry, providers.load(name)(client)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(approve=True) as running:
        yield running


@pytest.fixture
def visitor(sandbox: Sandbox, tmp_path: Path, vault_key: None) -> Iterator[Visitor]:
    visitor = Visitor(sandbox, tmp_path)
    yield visitor
    for exchange in visitor.exchanges:
        exchange.close()


def works(provider: Provider) -> bool:
    """Whether the login is taken, and a new token when this one is refused."""
    first = provider.check()  # type: ignore[attr-defined]
    credential = provider.client._credential  # type: ignore[attr-defined]
    newer = credential.renew(credential.login())
    return newer is not None and provider.check() == first  # type: ignore[attr-defined]


def test_an_org_by_browser(visitor: Visitor, sandbox: Sandbox) -> None:
    entry, salesforce = visitor.login("salesforce", "paste", {"client_id": "app"})
    assert entry.options["instance_url"].startswith(sandbox.url)
    assert entry.origin.startswith(sandbox.url)
    assert works(salesforce)


def test_an_org_by_the_app_itself(visitor: Visitor) -> None:
    fields: dict[str, str | Secret] = {"client_id": "app", "login_url": MINE}
    secret = Secret("sandbox-secret")
    _, salesforce = visitor.login(
        "salesforce", "client-credentials", {**fields, "client_secret": secret}
    )
    assert works(salesforce)
    with pytest.raises((e.NeedsLogin, e.ProviderError)):  # only a My Domain takes it
        visitor.login("salesforce", "client-credentials",
                      {"client_id": "app", "client_secret": secret})  # fmt: skip


@pytest.mark.parametrize("audience", ["", "https://test.salesforce.com"])
def test_an_org_by_a_signed_login(visitor: Visitor, sandbox: Sandbox, audience: str) -> None:
    url = f"{sandbox.url}/login.salesforce.com/services/oauth2/sandbox-key"
    fields: dict[str, str | Secret] = {
        "client_id": "sandbox-app", "username": "ada@sandbox.example",
        "private_key": Secret(httpx.get(url, trust_env=False).text),
    }  # fmt: skip
    fields |= {"audience": audience} if audience else {}
    _, salesforce = visitor.login("salesforce", "service-account", fields)
    assert works(salesforce)
    with pytest.raises(e.NeedsLogin, match="audience"):
        visitor.login("salesforce", "service-account", {**fields, "audience": "https://x.example"})


APP: dict[str, str | Secret] = {"client_id": "1000.APP", "client_secret": Secret("sandbox-secret")}


@pytest.mark.parametrize("region", ["com", "eu", "in"])
def test_a_data_centre(visitor: Visitor, region: str) -> None:
    server = {"accounts_server": f"https://accounts.zoho.{region}"}
    entry, zoho = visitor.login("zoho", "paste", {**APP, **server})
    assert entry.options["api_domain"].endswith(f"/www.zohoapis.{region}")
    assert entry.options["accounts_server"].endswith(f"/accounts.zoho.{region}")
    assert works(zoho)


def test_the_code_is_traded_at_the_server_that_the_answer_names(
    visitor: Visitor, sandbox: Sandbox
) -> None:
    here = f"{sandbox.url}/accounts.zoho"
    visitor.change = lambda back: unquote(back).replace(f"{here}.com", f"{here}.eu")
    with pytest.raises(e.ProviderError):  # who is at home in the US is not known there
        visitor.login("zoho", "paste", APP)
    ledger = Ledger(visitor.home / "ledger.db")
    ((url,),) = ledger.db.execute("select url from calls where operation = 'login'").fetchall()
    assert url == f"{here}.eu/oauth/v2/token"
    ledger.close()


def test_a_code_of_the_console_is_traded_without_a_redirect(visitor: Visitor) -> None:
    visitor.change = lambda back: parse_qs(urlsplit(back).query)["code"][0]
    with pytest.raises(e.MktoolError, match="invalid_redirect_uri"):
        visitor.login("zoho", "paste", APP)  # as this one came by a redirect


@pytest.mark.parametrize(
    "server", ["https://accounts.zoho.evil.example", "http://accounts.zoho.eu"]
)
def test_the_code_goes_to_no_other_server(visitor: Visitor, server: str) -> None:
    def elsewhere(back: str) -> str:
        query = {name: values[0] for name, values in parse_qs(urlsplit(back).query).items()}
        return f"?{urlencode({**query, 'accounts-server': server})}"

    visitor.change = elsewhere
    with pytest.raises(e.ConfigError):
        visitor.login("zoho", "paste", APP)


def test_addresses_of_a_vendor() -> None:
    hosts = r"([\w-]+\.)+toy\.example"
    assert owned("https://a.toy.example/", "x", hosts) == "https://a.toy.example"
    assert owned("http://127.0.0.1:8080", "x", hosts) == "http://127.0.0.1:8080"
    for wrong in ("https://toy.example.evil", "https://a.toy.example@evil", "http://a.toy.example"):
        with pytest.raises(e.ConfigError):
            owned(wrong, "x", hosts)


def test_a_kept_address_is_used_by_requests() -> None:
    scheme = providers.load("salesforce").spec.auth[0]
    login = Login({"instance_url": f"{MINE}/"}, {"access_token": Secret("t")})
    assert scheme.sign(login).home == MINE
    assert Target("https://login.salesforce.com").url("/x", {}, MINE) == f"{MINE}/x"
    assert replace(scheme, home="").needs == ("access_token",)  # type: ignore[type-var]
