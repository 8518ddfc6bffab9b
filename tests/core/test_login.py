"""Every way to log in, against a real server; every forged or replayed answer is refused."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from mktool import errors as e
from mktool.core.fields import Flow, default_flow, given_login
from mktool.core.login import Person, open_browser, revoke
from mktool.http.jwt import base64url
from mktool.http.oauth import Handshake
from mktool.http.target import Target
from mktool.model import Account, Login, Secret
from mktool.store import accounts
from mktool.store.vault import open_vault
from tests.core.toy import SCOPES, Place, code_for, toy
from tests.oauth_server import CONFIDENTIAL, FORM, PUBLIC, SECRETS, OAuthServer, browse, serving
from tests.secret_service import SecretService

REDIRECT = "http://127.0.0.1:49999/callback"


def visit(url: str) -> bool:
    """Be the browser: log in, agree, and follow the redirect to the app."""

    def run() -> None:
        httpx.get(browse(url), trust_env=False)

    threading.Thread(target=run, daemon=True).start()
    return True


class Paster:
    """A person who pastes what the browser shows, after ``change`` has been at it."""

    def __init__(self, change: Callable[[str], str] = str) -> None:
        self.change, self.answer, self.said = change, "", [""]

    def say(self, text: str) -> None:
        self.said.append(text)
        url = next(line for line in text.splitlines() if line.startswith("http"))
        self.answer = self.change(browse(url))

    def person(self) -> Person:
        return Person(self.say, lambda _: self.answer, lambda _: False)


def with_query(address: str, **changes: str | None) -> str:
    """Return ``address`` with some of its query replaced, or removed where None."""
    query = {**dict(parse_qsl(urlsplit(address).query)), **changes}
    kept = {name: value for name, value in query.items() if value is not None}
    return f"{address.partition('?')[0]}?{urlencode(kept)}"


class TestBrowser:
    def test_round_trip(self, place: Place, oauth_server: OAuthServer) -> None:
        entry = place.authorize({"client_id": PUBLIC}, place.person(visit))
        assert oauth_server.accepts(place.credential().login().value("access_token"))
        assert entry == place.entry()
        assert (entry.home, entry.origin, entry.refreshable) == ("file", oauth_server.url, True)
        assert entry.scopes == frozenset(SCOPES)
        assert entry.options == {"client_id": PUBLIC}
        assert entry.credentials == ("access_token",)
        assert entry.expires_at == pytest.approx(place.now() + 600, abs=10)
        assert place.calls() == [("login", "ok")]

    @pytest.mark.parametrize("app", [CONFIDENTIAL, FORM])
    def test_with_an_app_that_has_a_secret(self, place: Place, app: str) -> None:
        way = {CONFIDENTIAL: "basic", FORM: "body"}[app]
        other = Place(place.url, changes={"client_auth": way})
        fields = {"client_id": app, "client_secret": SECRETS[app]}
        entry = other.authorize(fields, other.person(visit))
        assert set(entry.credentials) == {"client_secret", "access_token"}
        assert SECRETS[app] not in repr(entry)
        other.close()

    def test_scopes_can_be_chosen(self, place: Place) -> None:
        fields = {"client_id": PUBLIC}
        entry = place.authorize(fields, place.person(visit), scopes=("openid", "post.read"))
        assert entry.scopes == frozenset({"openid", "post.read"})
        assert not entry.refreshable  # offline_access was not asked for

    def test_without_a_browser_the_address_is_shown(self, place: Place) -> None:
        def say(text: str) -> None:
            place.said.append(text)
            visit(text.splitlines()[1])

        place.authorize({"client_id": PUBLIC}, Person(say, lambda _: "", lambda _: False))
        port = urlsplit(dict(parse_qsl(place.said[0].splitlines()[1]))["redirect_uri"]).port
        assert f"ssh -L {port}:127.0.0.1:{port}" in place.said[0]

    def test_not_agreeing_is_said_so(self, place: Place) -> None:
        def decline(url: str) -> bool:
            answer = browse(url, agree=False)
            threading.Thread(target=httpx.get, args=(answer,), daemon=True).start()
            return True

        with pytest.raises(e.NeedsLogin, match="Toy: you did not agree"):
            place.authorize({"client_id": PUBLIC}, place.person(decline))
        assert accounts.read_all() == []
        assert place.vault.get(place.key) is None

    def test_a_text_browser_is_not_started(self) -> None:
        assert open_browser("https://vendor.test") is False  # no display in a test


class TestPaste:
    def test_the_whole_address(self, place: Place, oauth_server: OAuthServer) -> None:
        place.authorize({"client_id": PUBLIC}, Paster().person(), flow="paste")
        assert oauth_server.accepts(place.credential().login().value("access_token"))

    def test_the_query_alone_in_quotes(self, place: Place) -> None:
        paster = Paster(lambda address: f' "{urlsplit(address).query}"\n')
        assert place.authorize({"client_id": PUBLIC}, paster.person(), flow="paste")

    def test_the_code_alone_where_the_verifier_protects_it(self, place: Place) -> None:
        other = Place(place.url, changes={"issuer": ""})
        paster = Paster(lambda address: dict(parse_qsl(urlsplit(address).query))["code"])
        assert other.authorize({"client_id": PUBLIC}, paster.person(), flow="paste")
        other.close()

    @pytest.mark.parametrize("text", ["", "  ", "http://127.0.0.1/callback", "no such thing"])
    def test_what_is_no_answer(self, place: Place, text: str) -> None:
        paster = Paster(lambda _: text)
        with pytest.raises(e.InvalidInput, match="neither the address nor the code"):
            place.authorize({"client_id": PUBLIC}, paster.person(), flow="paste")

    def test_the_fixed_port_of_the_vendor(self, place: Place) -> None:
        other = Place(place.url, changes={"redirect_ports": (18920, 18921)})
        paster = Paster()
        other.authorize({"client_id": PUBLIC}, paster.person(), flow="paste")
        assert paster.answer.startswith("http://127.0.0.1:18920/callback?")
        other.close()


FORGERIES: Mapping[str, tuple[Callable[[str], str], str]] = {
    "state": (lambda a: with_query(a, state="f" * 43), "state differs"),
    "no state": (lambda a: with_query(a, state=None), "state differs"),
    "empty state": (lambda a: with_query(a, state=""), "state differs"),
    "state in another script": (lambda a: with_query(a, state="é"), "state differs"),
    "issuer": (lambda a: with_query(a, iss="https://evil.test"), "issuer differs"),
    "issuer with a tail": (
        lambda a: with_query(a, iss=f"{dict(parse_qsl(urlsplit(a).query))['iss']}.evil.test"),
        "issuer differs",
    ),
    "no issuer": (lambda a: with_query(a, iss=None), "issuer differs"),
    "no code": (lambda a: with_query(a, code="", error=""), "neither"),
    "code": (lambda a: with_query(a, code="f" * 43), "grant"),
    "an error": (lambda a: with_query(a, code=None, error="server_error"), "server_error"),
    "code alone": (lambda a: dict(parse_qsl(urlsplit(a).query))["code"], "state differs"),
}


class TestForgeries:
    @pytest.mark.parametrize("forgery", FORGERIES)
    def test_is_refused_and_nothing_is_kept(self, place: Place, forgery: str) -> None:
        change, words = FORGERIES[forgery]
        with pytest.raises((e.NeedsLogin, e.InvalidInput), match=words):
            place.authorize({"client_id": PUBLIC}, Paster(change).person(), flow="paste")
        assert accounts.read_all() == []
        assert place.vault.get(place.key) is None
        sent = [("login", "refused")] if forgery == "code" else []
        assert place.calls() == sent  # a forged answer never costs the vendor a request

    def test_an_issuer_nobody_declared_must_still_be_ours(self, place: Place) -> None:
        other = Place(place.url, changes={"issuer": ""})
        change, words = FORGERIES["issuer"]
        with pytest.raises(e.NeedsLogin, match=words):
            other.authorize({"client_id": PUBLIC}, Paster(change).person(), flow="paste")
        other.close()

    def test_an_answer_to_an_earlier_login(self, place: Place) -> None:
        earlier = Paster()
        place.authorize({"client_id": PUBLIC}, earlier.person(), flow="paste")
        again = Paster(lambda _: earlier.answer)
        with pytest.raises(e.NeedsLogin, match="state differs"):
            place.authorize({"client_id": PUBLIC}, again.person(), flow="paste")

    def test_a_code_is_spent_once(self, place: Place) -> None:
        client, shake = place.client(), Handshake()
        code = code_for(place, client, shake, REDIRECT)
        tokens = client.exchange_code(code, shake, REDIRECT)
        with pytest.raises(e.NeedsLogin):
            client.exchange_code(code, shake, REDIRECT)
        assert tokens.refresh
        with pytest.raises(e.NeedsLogin):  # the server takes back what the code was traded for
            client.refresh(tokens.refresh)

    def test_a_code_is_bound_to_its_verifier(self, place: Place) -> None:
        client, shake = place.client(), Handshake()
        code = code_for(place, client, shake, REDIRECT)
        with pytest.raises(e.NeedsLogin):
            client.exchange_code(code, Handshake(state=shake.state), REDIRECT)

    def test_a_code_is_bound_to_its_redirect(self, place: Place) -> None:
        client, shake = place.client(), Handshake()
        code = code_for(place, client, shake, REDIRECT)
        with pytest.raises(e.NeedsLogin):
            client.exchange_code(code, shake, REDIRECT.replace("49999", "50000"))


class TestDevice:
    def test_the_person_answers_elsewhere(self, place: Place, oauth_server: OAuthServer) -> None:
        def sleep(seconds: float) -> None:
            place.slept.append(seconds)
            if len(place.slept) == 2:  # after one "authorization_pending"
                url, code = place.said[0].split()[1], place.said[0].split()[-1]
                browse(f"{url}?user_code={code}")

        place.exchange.sleep = sleep
        place.authorize({"client_id": PUBLIC}, place.person(), flow="device")
        assert oauth_server.accepts(place.credential().login().value("access_token"))
        assert place.slept == [5.0, 5.0]
        assert [c[1] for c in place.calls()] == ["ok", "refused", "ok"]

    def test_where_the_vendor_has_none(self, place: Place) -> None:
        other = Place(place.url, changes={"device_url": ""})
        with pytest.raises(e.Unsupported, match="no device login"):
            other.authorize({"client_id": PUBLIC}, other.person(), flow="device")
        other.close()


@pytest.fixture(scope="module")
def robot_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem(key: rsa.RSAPrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


@pytest.fixture
def robot(robot_key: rsa.RSAPrivateKey, vault_key: None) -> Iterator[Place]:
    """An account at a server that knows the robot's public key."""
    public = robot_key.public_key().public_numbers()
    n = base64url(public.n.to_bytes(256, "big"))
    with serving({"serviceKey": {"kty": "RSA", "n": n, "e": "AQAB"}}) as server:
        place = Place(server.url)
        yield place
        place.close()


class TestServiceAccount:
    @pytest.mark.parametrize("form", [str, lambda text: text.replace("\n", "\\n")])
    def test_round_trip_and_renewal(
        self, robot: Place, robot_key: rsa.RSAPrivateKey, form: Callable[[str], str]
    ) -> None:
        key = Secret(form(pem(robot_key)))
        entry = robot.authorize({"robot": "robot@test", "private_key": key}, robot.person())
        assert entry.options == {"robot": "robot@test"}
        assert entry.scopes == frozenset({"post.write"})
        first = robot.credential().login()
        robot.expire()
        assert robot.credential().login().generation == first.generation + 1

    def test_the_wrong_key(self, robot: Place) -> None:
        other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        fields = {"robot": "robot@test", "private_key": pem(other)}
        with pytest.raises(e.NeedsLogin, match="signature"):
            robot.authorize(fields, robot.person())

    @pytest.mark.parametrize("key", ["canary", "-----BEGIN PRIVATE KEY-----\ncanary\n"])
    def test_what_is_no_key(self, robot: Place, key: str) -> None:
        fields = {"robot": "robot@test", "private_key": key}
        with pytest.raises(e.InvalidInput, match="private_key is not an RSA") as caught:
            robot.authorize(fields, robot.person())
        assert "canary" not in str(caught.value)


class TestClientCredentials:
    @pytest.mark.parametrize("way", ["basic", "body"])
    def test_round_trip(self, place: Place, oauth_server: OAuthServer, way: str) -> None:
        app = {"basic": CONFIDENTIAL, "body": FORM}[way]
        client = place.client(app, client_auth=way)
        tokens = client.client_credentials(("post.write",))
        assert tokens.refresh is None
        assert tokens.scopes == frozenset({"post.write"})
        assert client.introspect(tokens.access).active

    def test_a_wrong_secret(self, place: Place) -> None:
        fields = {"client_id": CONFIDENTIAL, "client_secret": "canary-wrong"}
        with pytest.raises(e.Unauthorized) as caught:
            place.authorize(fields, place.person(), flow="client-credentials")
        assert "canary" not in str(caught.value)
        assert accounts.read_all() == []


class TestKeys:
    def test_a_key_is_proven_before_it_is_kept(self, place: Place) -> None:
        place.authorize({"api_key": "first_key"}, place.person())
        refusal = e.Unauthorized("refused", e.Context("toy"))

        def refuse(_: Login) -> Account:
            raise refusal

        with pytest.raises(e.Unauthorized):
            place.authorize({"api_key": "second_key"}, place.person(), identify=refuse)
        assert place.credential().login().value("api_key") == "first_key"

    def test_whose_it_is_stands_in_the_list(self, place: Place) -> None:
        who = Account("42", "Ada", frozenset({"post"}), 2e9)
        entry = place.authorize({"api_key": "some_key"}, place.person(), identify=lambda _: who)
        assert (entry.id, entry.name, entry.scopes, entry.expires_at) == (
            "42", "Ada", frozenset({"post"}), 2e9,
        )  # fmt: skip
        assert entry == place.entry()

    def test_a_given_pair_of_tokens_renews_itself(
        self, place: Place, oauth_server: OAuthServer
    ) -> None:
        client, shake = place.client(), Handshake()
        tokens = client.exchange_code(code_for(place, client, shake, REDIRECT), shake, REDIRECT)
        assert tokens.refresh
        pair = {"access_token": tokens.access, "refresh_token": tokens.refresh}
        place.authorize({"client_id": PUBLIC, **pair}, place.person())
        credential = place.credential()
        newer = credential.renew(credential.login())
        assert newer
        assert oauth_server.accepts(newer.value("access_token"))

    @pytest.mark.parametrize(
        ("fields", "words"),
        [
            ({"api_key": "canary!"}, "api_key does not look right"),
            ({"api_key": "  "}, "api_key does not look right"),
            ({"api_kez": "canary"}, "no field 'api_kez'"),
            ({"api_key": "canary_key", "team": "canary 7"}, "team does not look right"),
            ({"team": "a"}, "needs client_id or client_id and client_secret or robot and"),
            ({}, "needs client_id"),
        ],
    )
    def test_fields_that_do_not_fit(self, place: Place, fields: dict[str, str], words: str) -> None:
        with pytest.raises(e.InvalidInput, match=words) as caught:
            place.authorize(fields, place.person())
        assert "canary" not in f"{caught.value} {caught.value.hint}"
        assert place.calls() == []

    @pytest.mark.parametrize("flow", [None, "browser", "paste", "device"])
    def test_nobody_is_sent_to_a_browser_in_vain(self, place: Place, flow: Flow | None) -> None:
        other = Place(place.url, changes={"public": False})
        with pytest.raises(e.InvalidInput, match="client_secret"):
            other.authorize({"client_id": PUBLIC}, other.person(visit), flow=flow)
        assert other.said == []
        assert other.calls() == []
        other.close()

    @pytest.mark.parametrize(
        ("fields", "flow"),
        [
            ({"api_key": "some_key"}, "key"),
            ({"access_token": "t", "client_id": "c"}, "key"),
            ({"client_id": "c"}, "browser"),
            ({"client_id": "c", "client_secret": "s"}, "browser"),
            ({"robot": "r", "private_key": "k"}, "service-account"),
        ],
    )
    def test_the_way_that_the_fields_allow(self, fields: dict[str, str], flow: Flow) -> None:
        spec = toy("https://toy.test")
        assert default_flow(spec, given_login(spec, fields)) == flow


class TestStoring:
    def test_tokens_are_kept_though_nobody_can_say_whose(self, place: Place) -> None:
        def fail(_: Login) -> Account:
            raise e.Forbidden("no scope", e.Context("toy"))

        with pytest.raises(e.Forbidden):
            place.authorize({"client_id": PUBLIC}, place.person(visit), identify=fail)
        assert place.credential().login()

    def test_the_owner_is_added(self, place: Place) -> None:
        seen: list[Login] = []

        def identify(login: Login) -> Account:
            seen.append(login)
            return Account("7", "Ada")

        entry = place.authorize({"client_id": PUBLIC}, place.person(visit), identify=identify)
        assert (entry.id, entry.name, entry.scopes) == ("7", "Ada", frozenset(SCOPES))
        assert seen[0].secrets == place.credential().login().secrets

    def test_a_new_login_replaces_the_old_one(self, place: Place) -> None:
        place.connect()
        place.change(dead="old")
        place.authorize({"api_key": "some_key"}, place.person())
        assert set(place.credential().login().secrets) == {"api_key"}
        assert len(accounts.read_all()) == 1
        assert not place.entry().dead

    def test_a_login_in_another_vault_takes_the_old_one_away(
        self, place: Place, secret_service: SecretService
    ) -> None:
        place.authorize({"api_key": "old_key_1"}, place.person())
        other = Place(place.url, "keyring")
        other.authorize({"api_key": "new_key_1"}, other.person())
        assert other.entry().home == "keyring"
        assert open_vault("file").get(place.key) is None
        assert other.credential().login().value("api_key") == "new_key_1"
        other.close()


class TestRevoke:
    def revoke(self, place: Place, *, force: bool = False) -> None:
        revoke(
            place.spec, place.target, place.exchange, place.vault, place.entry(),
            place.said.append, force=force,
        )  # fmt: skip

    def test_at_the_vendor_and_here(self, place: Place, oauth_server: OAuthServer) -> None:
        place.connect()
        tokens = place.record().tokens
        assert tokens
        assert tokens.refresh
        self.revoke(place)
        assert place.vault.get(place.key) is None
        assert accounts.read_all() == []
        assert not oauth_server.accepts(tokens.access.reveal())
        with pytest.raises(e.NeedsLogin):
            place.client(CONFIDENTIAL).refresh(tokens.refresh)

    def test_a_token_the_vendor_has_forgotten(self, place: Place) -> None:
        place.connect()
        place.change(refresh_token="unknown", access_token="unknown")
        self.revoke(place)
        assert accounts.read_all() == []

    def test_a_key_is_forgotten_here_and_the_rest_is_said(self, place: Place) -> None:
        place.authorize({"api_key": "some_key"}, place.person())
        self.revoke(place)
        assert place.said == ["Toy still accepts this credential: delete it there too"]
        assert accounts.read_all() == []

    def test_without_the_vendor_only_by_force(self, vault_key: None) -> None:
        with serving() as server:
            place = Place(server.url)
            place.connect()
        with pytest.raises(e.Unavailable) as caught:
            self.revoke(place)
        assert "--force" in caught.value.hint
        assert place.credential().login()
        self.revoke(place, force=True)
        assert accounts.read_all() == []
        assert place.vault.get(place.key) is None
        assert "forgotten here only" in place.said[-1]
        place.close()

    def test_not_at_another_address(self, place: Place, oauth_server: OAuthServer) -> None:
        place.connect()
        calls = place.calls()
        place.target = Target(place.url, override="https://elsewhere.test")
        with pytest.raises(e.NeedsLogin, match="points to https://elsewhere"):
            self.revoke(place)
        assert place.calls() == calls


def test_nothing_secret_is_said_logged_or_listed(
    place: Place, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level("DEBUG")
    paster = Paster()
    fields = {"client_id": CONFIDENTIAL, "client_secret": SECRETS[CONFIDENTIAL]}
    entry = place.authorize(fields, paster.person(), flow="paste")
    record = place.record()
    assert record.tokens
    assert record.tokens.refresh
    hidden = {
        SECRETS[CONFIDENTIAL],
        record.tokens.access.reveal(),
        record.tokens.refresh.reveal(),
        dict(parse_qsl(urlsplit(paster.answer).query))["code"],
    }
    shown = [caplog.text, *capfd.readouterr(), *paster.said, repr(entry), repr(record)]
    files = [p.read_bytes() for p in Path(os.environ["MKTOOL_HOME"]).rglob("*") if p.is_file()]
    assert len(files) > 4
    for secret in hidden:
        assert not any(secret in text for text in shown)
        assert not any(secret.encode() in data for data in files)
