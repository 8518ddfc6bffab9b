"""The token endpoint: what vendors do differently, and what their answers mean."""

from __future__ import annotations

import base64
import hashlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest

from mktool import errors as e
from mktool.http.auth import OAuth2
from mktool.http.exchange import Exchange
from mktool.http.oauth import Device, Handshake, TokenClient
from mktool.http.target import Target
from mktool.http.wire import Wire
from mktool.model import Login, Secret
from mktool.spec import Field, Limit, Spec
from mktool.store.ledger import Ledger

NOW = 1_790_000_000.0
REFRESH = Secret("canary-refresh-token")
CLIENT_SECRET = "canary client/secret"
HTML = b"<!DOCTYPE html><html><body>canary-page</body></html>"


@dataclass
class Sent:
    """A request as the server got it."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode(), strict_parsing=True))


@dataclass
class Vendor:
    """An HTTP server that answers in turn what a test lays down; the last answer repeats."""

    answers: list[tuple[int, bytes, dict[str, str]]] = field(default_factory=list)
    got: list[Sent] = field(default_factory=list)
    url: str = ""

    def will(self, status: int, body: Any = b"", **headers: str) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answers.append((status, data, named))


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    vendor = Vendor()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            vendor.got.append(Sent(self.path, dict(self.headers.items()), body))
            answers = vendor.answers
            status, data, headers = answers.pop(0) if len(answers) > 1 else answers[0]
            if status == 0:  # cut the line in the middle of the answer
                self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
                return
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(data))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        vendor.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield vendor
        server.shutdown()
        thread.join()


Make = Callable[..., TokenClient]


@pytest.fixture
def client(vendor: Vendor, tmp_path: Path) -> Iterator[Make]:
    """A maker of clients, whose scheme is changed by the keywords."""
    ledger = Ledger(tmp_path / "ledger.db")
    opened: list[Exchange] = []

    def make(login: Login | None = None, **changes: Any) -> TokenClient:
        scheme = OAuth2(
            authorize_url=f"{vendor.url}/authorize",
            token_url=f"{vendor.url}/token",
            revoke_url=f"{vendor.url}/revoke",
            introspect_url=f"{vendor.url}/introspect",
            device_url=f"{vendor.url}/device",
            scopes=("a", "b"),
        )
        spec = Spec(
            "toy", "Toy", "https://toy.test", vendor.url, (scheme,),
            fields=(Field("client_id", ""), Field("client_secret", "", secret=True)),
            limits=(Limit(0, 3600),), failed=("ok", False),
            error_code=("code",), error_text=("message",),
        )  # fmt: skip
        exchange = Exchange(
            spec, "work", lambda: Wire(loopback=True), ledger, sleep=slept.append,
            clock=lambda: NOW + sum(slept),
        )  # fmt: skip
        opened.append(exchange)
        default = Login({"client_id": "app"}, {"client_secret": Secret(CLIENT_SECRET)})
        return TokenClient(
            exchange, Target(vendor.url), replace(scheme, **changes), login or default
        )

    slept: list[float] = []
    make.slept = slept  # type: ignore[attr-defined]
    yield make
    for exchange in opened:
        exchange.close()
    ledger.close()


class TestAuthorizationUrl:
    def query(self, url: str) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}

    def test_holds_what_the_vendor_needs(self, client: Make) -> None:
        shake = Handshake()
        url = client(authorize_params={"prompt": "consent"}).authorization_url(
            shake, "http://127.0.0.1:5/callback", ("a", "b")
        )
        digest = hashlib.sha256(shake.verifier.reveal().encode()).digest()
        assert self.query(url) == {
            "response_type": "code",
            "client_id": "app",
            "redirect_uri": "http://127.0.0.1:5/callback",
            "state": shake.state,
            "scope": "a b",
            "prompt": "consent",
            "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
            "code_challenge_method": "S256",
        }
        assert shake.verifier.reveal() not in url
        assert CLIENT_SECRET not in url
        assert "scope=a%20b" in url  # a plus sign is not a space everywhere

    def test_as_the_vendor_differs(self, client: Make) -> None:
        made = client(
            authorize_url="https://{shop}.toy.test/authorize?v=2", scope_separator=",", pkce=False,
            login=Login({"client_id": "app", "shop": "my-shop"}),
        )  # fmt: skip
        url = made.authorization_url(Handshake(), "http://127.0.0.1:5/callback", ("a", "b"))
        assert url.startswith("https://my-shop.toy.test/authorize?v=2&response_type=code")
        assert self.query(url)["scope"] == "a,b"
        assert "code_challenge" not in url

    def test_an_option_cannot_change_the_host(self, client: Make) -> None:
        login = Login({"client_id": "app", "shop": "evil.test/"})
        made = client(authorize_url="https://{shop}.toy.test/authorize", login=login)
        url = made.authorization_url(Handshake(), "http://127.0.0.1:5/callback", ())
        assert urlsplit(url).netloc.endswith(".toy.test")

    @pytest.mark.parametrize("name", ["client_id", "shop"])
    def test_what_is_missing_is_named(self, client: Make, name: str) -> None:
        options = {"client_id": "app", "shop": "s"}
        del options[name]
        made = client(authorize_url="https://{shop}.toy.test/authorize", login=Login(options))
        with pytest.raises(e.InvalidInput, match=f"Toy needs {name}"):
            made.authorization_url(Handshake(), "http://127.0.0.1:5/callback", ())

    def test_every_login_is_new(self) -> None:
        one, other = Handshake(), Handshake()
        assert one.state != other.state
        assert one.verifier != other.verifier
        assert 43 <= len(one.verifier.reveal()) <= 128  # RFC 7636 section 4.1
        assert one.verifier.reveal() not in repr(one)


class TestClientAuthentication:
    def sent(self, vendor: Vendor, made: TokenClient) -> Sent:
        vendor.will(200, {"access_token": "t"})
        made.refresh(REFRESH)
        return vendor.got[-1]

    def test_in_the_body(self, vendor: Vendor, client: Make) -> None:
        sent = self.sent(vendor, client())
        assert sent.form == {
            "grant_type": "refresh_token",
            "refresh_token": REFRESH.reveal(),
            "client_id": "app",
            "client_secret": CLIENT_SECRET,
        }
        assert sent.headers["Content-Type"] == "application/x-www-form-urlencoded"
        assert sent.headers["Accept"] == "application/json"
        assert "Authorization" not in sent.headers

    def test_basic_is_form_encoded_first(self, vendor: Vendor, client: Make) -> None:
        sent = self.sent(vendor, client(client_auth="basic"))  # RFC 6749 section 2.3.1
        pair = base64.b64decode(sent.headers["Authorization"].removeprefix("Basic "))
        assert pair == b"app:canary+client%2Fsecret"
        assert set(sent.form) == {"grant_type", "refresh_token"}

    def test_none_never_sends_the_secret(self, vendor: Vendor, client: Make) -> None:
        sent = self.sent(vendor, client(client_auth="none"))
        assert sent.form["client_id"] == "app"
        assert b"canary+client" not in sent.body
        assert "Authorization" not in sent.headers

    def test_an_app_that_may_have_no_secret(self, vendor: Vendor, client: Make) -> None:
        public = Login({"client_id": "app"})
        sent = self.sent(vendor, client(login=public, client_auth="basic", public=True))
        assert sent.form["client_id"] == "app"
        assert "Authorization" not in sent.headers

    def test_an_app_that_must_have_one(self, vendor: Vendor, client: Make) -> None:
        with pytest.raises(e.InvalidInput, match="Toy needs client_secret"):
            client(login=Login({"client_id": "app"})).refresh(REFRESH)
        assert vendor.got == []

    def test_json_where_the_vendor_wants_it(self, vendor: Vendor, client: Make) -> None:
        sent = self.sent(vendor, client(token_body="json", client_auth="basic"))
        assert sent.headers["Content-Type"].startswith("application/json")
        assert json.loads(sent.body) == {
            "grant_type": "refresh_token", "refresh_token": REFRESH.reveal(),
        }  # fmt: skip

    def test_the_limits_of_the_api_do_not_count_here(self, vendor: Vendor, client: Make) -> None:
        assert self.sent(vendor, client())  # the spec above allows no call at all


class TestAnswers:
    @pytest.mark.parametrize(
        ("reply", "expected"),
        [
            ({"expires_in": 3600}, 3600.0),
            ({"expires_in": "3600"}, 3600.0),
            ({"expires_in": 59.5}, 59.5),
            ({}, None),
            ({"expires_in": None}, None),
            ({"expires_in": 0}, None),
            ({"expires_in": -1}, None),
            ({"expires_in": True}, None),
            ({"expires_in": "soon"}, None),
            ({"expires_in": 1e300}, None),
        ],
    )
    def test_lifetime(
        self, vendor: Vendor, client: Make, reply: dict[str, Any], expected: float | None
    ) -> None:
        vendor.will(200, {"access_token": "t", **reply})
        tokens = client().refresh(REFRESH)
        assert tokens.expires_at == (NOW + expected if expected else None)

    def test_lifetime_where_the_vendor_is_silent(self, vendor: Vendor, client: Make) -> None:
        vendor.will(200, {"access_token": "t"})
        assert client(lifetime=7200.0).refresh(REFRESH).expires_at == NOW + 7200

    @pytest.mark.parametrize("scope", ["a b", "a,b", "a, b", ["a", "b"], "b a  "])
    def test_scopes(self, vendor: Vendor, client: Make, scope: Any) -> None:
        vendor.will(200, {"access_token": "t", "scope": scope})
        assert client().refresh(REFRESH).scopes == frozenset({"a", "b"})

    def test_silence_about_scopes(self, vendor: Vendor, client: Make) -> None:
        vendor.will(200, {"access_token": "t"})
        assert client().refresh(REFRESH).scopes is None

    def test_a_refresh_token_is_kept_unless_replaced(self, vendor: Vendor, client: Make) -> None:
        vendor.will(200, {"access_token": "t"})
        vendor.will(200, {"access_token": "t", "refresh_token": "new"})
        assert client().refresh(REFRESH).refresh == REFRESH
        assert client().refresh(REFRESH).refresh == Secret("new")

    def test_values_worth_keeping(self, vendor: Vendor, client: Make) -> None:
        vendor.will(200, {"access_token": "t", "instance_url": "https://eu.toy.test", "id": 1})
        tokens = client(keep=("instance_url", "absent")).refresh(REFRESH)
        assert tokens.kept == {"instance_url": "https://eu.toy.test"}

    def test_tokens_are_not_shown(self, vendor: Vendor, client: Make) -> None:
        vendor.will(200, {"access_token": "canary-a", "refresh_token": "canary-r"})
        assert "canary" not in repr(client().refresh(REFRESH))


class TestErrors:
    @pytest.mark.parametrize(
        ("status", "body", "error"),
        [
            (400, {"error": "invalid_grant", "error_description": "spent"}, e.NeedsLogin),
            (401, {"error": "invalid_grant"}, e.NeedsLogin),
            (200, {"error": "invalid_grant"}, e.NeedsLogin),
            (200, {"ok": False, "error": "invalid_grant"}, e.NeedsLogin),
            (400, {"code": "invalid_grant", "message": "the vendor's own way"}, e.NeedsLogin),
            (401, {"error": "invalid_client"}, e.Unauthorized),
            (400, {"error": "invalid_client"}, e.Unauthorized),
            (400, {"error": "invalid_scope"}, e.Rejected),
            (400, {"error": "invalid_request"}, e.Rejected),
            (200, {"ok": False, "error": "internal"}, e.Rejected),
            (429, {"error": "slow_down"}, e.RateLimited),
            (500, b"", e.Unavailable),
            (503, {"error": "temporarily_unavailable"}, e.Unavailable),
            (502, HTML, e.Unavailable),
            (200, HTML, e.UnexpectedReply),
            (400, HTML, e.UnexpectedReply),
            (401, HTML, e.UnexpectedReply),
            (403, HTML, e.UnexpectedReply),
            (404, HTML, e.UnexpectedReply),
            (302, b"", e.UnexpectedReply),
            (200, b"", e.UnexpectedReply),
            (200, b"[]", e.UnexpectedReply),
            (200, b"null", e.UnexpectedReply),
            (200, b"not json", e.UnexpectedReply),
            (200, {"access_token": {"a": 1}}, e.UnexpectedReply),
            (200, {"access_token": "two\r\nlines"}, e.UnexpectedReply),
            (200, {"access_token": "tøken"}, e.UnexpectedReply),
            (0, b"", e.Unavailable),
        ],
    )
    def test_meaning(
        self, vendor: Vendor, client: Make, status: int, body: Any, error: type[e.MktoolError]
    ) -> None:
        vendor.will(status, body)
        with pytest.raises(error) as caught:
            client().refresh(REFRESH)
        assert type(caught.value) is error
        assert len(vendor.got) == 1  # a token request is never repeated blindly

    def test_the_dead_codes_of_a_vendor(self, vendor: Vendor, client: Make) -> None:
        vendor.will(400, {"error": "invalid_request", "error_description": "Value was invalid."})
        with pytest.raises(e.NeedsLogin, match=r"Toy: Value was invalid. \(invalid_request\)") as c:
            client(dead_codes=("invalid_request",)).refresh(REFRESH)
        assert c.value.hint == "mktool authorize toy --account work"

    @pytest.mark.parametrize("status", [200, 400])
    def test_too_many_tokens(self, vendor: Vendor, client: Make, status: int) -> None:
        vendor.will(status, {"error": "Access Denied", "error_description": "too many requests"})
        with pytest.raises(e.RateLimited, match="too many requests") as caught:
            client(throttled={"Access Denied": 600.0}).refresh(REFRESH)
        assert caught.value.retry_after == 600

    def test_how_long_to_wait(self, vendor: Vendor, client: Make) -> None:
        vendor.will(429, {"error": "slow_down"}, Retry_After="17")
        with pytest.raises(e.RateLimited) as caught:
            client().refresh(REFRESH)
        assert caught.value.retry_after == 17

    def test_nobody_there(self, vendor: Vendor, client: Make) -> None:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        with pytest.raises(e.Unavailable, match="not reached"):
            client(token_url=f"http://127.0.0.1:{port}/token").refresh(REFRESH)

    @pytest.mark.parametrize("status", [400, 401, 403, 429, 500])
    def test_a_server_that_repeats_what_it_was_sent(
        self, vendor: Vendor, client: Make, status: int
    ) -> None:
        token = Secret("canary" + "-long" * 90)  # longer than what is kept of a message
        echo = f"bad token of {CLIENT_SECRET}: {token.reveal()}"
        vendor.will(status, {"error": token.reveal(), "error_description": echo})
        for way in ("body", "basic"):
            with pytest.raises(e.MktoolError) as caught:
                client(client_auth=way).refresh(token)
            error: BaseException | None = caught.value
            while error is not None:
                assert "canary" not in f"{error!r} {error} {vars(error)}"
                error = error.__context__

    def test_no_address(self, vendor: Vendor, client: Make) -> None:
        with pytest.raises(e.Unsupported, match="no address for revoke"):
            client(revoke_url="").revoke(REFRESH, "refresh_token")


class TestDevice:
    def device(self, **changes: Any) -> Device:
        made = Device(Secret("canary-device"), "ABCD", "https://toy.test/d", 5.0, NOW + 60)
        return replace(made, **changes)

    def test_the_server_sets_the_pace(self, vendor: Vendor, client: Make) -> None:
        for error in ("authorization_pending", "slow_down", "authorization_pending"):
            vendor.will(400, {"error": error})
        vendor.will(200, {"access_token": "t"})
        assert client().device_poll(self.device()).access == Secret("t")
        assert client.slept == [5, 5, 10, 10]  # type: ignore[attr-defined]
        assert vendor.got[0].form["device_code"] == "canary-device"

    def test_an_outage_is_waited_out(self, vendor: Vendor, client: Make) -> None:
        vendor.will(503)
        vendor.will(200, {"access_token": "t"})
        client().device_poll(self.device())
        assert client.slept == [5, 10]  # type: ignore[attr-defined]

    @pytest.mark.parametrize("error", ["access_denied", "expired_token", "invalid_grant"])
    def test_no_is_no(self, vendor: Vendor, client: Make, error: str) -> None:
        vendor.will(400, {"error": error})
        with pytest.raises(e.NeedsLogin, match=error):
            client().device_poll(self.device())
        assert len(vendor.got) == 1

    def test_time_runs_out(self, vendor: Vendor, client: Make) -> None:
        vendor.will(400, {"error": "authorization_pending"})
        with pytest.raises(e.NeedsLogin, match="not entered in time"):
            client().device_poll(self.device())
        assert len(vendor.got) == 12

    def test_start(self, vendor: Vendor, client: Make) -> None:
        vendor.will(200, {
            "device_code": "canary-d", "user_code": "AB\x1b[31mCD", "expires_in": 900,
            "verification_uri": "https://toy.test/device",
        })  # fmt: skip
        device = client().device_start(("a", "b"))
        assert device == Device(
            Secret("canary-d"), "AB[31mCD", "https://toy.test/device", 5.0, NOW + 900
        )
        assert vendor.got[0].form["scope"] == "a b"
        assert "canary" not in repr(device)

    @pytest.mark.parametrize("url", ["http://toy.test", "javascript:alert(1)", "file:///etc", ""])
    def test_an_address_that_must_not_be_opened(
        self, vendor: Vendor, client: Make, url: str
    ) -> None:
        vendor.will(200, {"device_code": "d", "user_code": "u", "verification_uri": url})
        with pytest.raises(e.UnexpectedReply):
            client().device_start(())


class TestRevoke:
    @pytest.mark.parametrize(
        ("status", "body"),
        [
            (200, b""), (200, b"{}"), (204, b""), (200, b"OK"), (200, {"revoked": True}),
            (400, {"error": "invalid_token"}), (400, {"error": "invalid_grant"}),
        ],
    )  # fmt: skip
    def test_gone(self, vendor: Vendor, client: Make, status: int, body: Any) -> None:
        vendor.will(status, body)
        client().revoke(REFRESH, "refresh_token")
        assert vendor.got[0].path == "/revoke"
        assert vendor.got[0].form["token"] == REFRESH.reveal()
        assert vendor.got[0].form["token_type_hint"] == "refresh_token"

    @pytest.mark.parametrize(
        ("status", "body", "error"),
        [
            (503, b"", e.Unavailable),
            (400, {"error": "unsupported_token_type"}, e.Rejected),
            (200, {"ok": False, "error": "internal"}, e.Rejected),
            (200, HTML, e.UnexpectedReply),
        ],
    )
    def test_not_gone(
        self, vendor: Vendor, client: Make, status: int, body: Any, error: type[e.MktoolError]
    ) -> None:
        vendor.will(status, body)
        with pytest.raises(error):
            client().revoke(REFRESH, "refresh_token")


class TestIntrospect:
    @pytest.mark.parametrize(
        ("reply", "active", "scopes", "expires_at"),
        [
            ({"active": True, "scope": "a b", "exp": 2_000_000_000}, True, {"a", "b"}, 2e9),
            # https://learn.microsoft.com/linkedin/shared/authentication/token-introspection
            (
                {"active": True, "status": "active", "scope": "a,b", "expires_at": 2_000_000_000},
                True, {"a", "b"}, 2e9,
            ),
            ({"active": True, "status": "revoked"}, False, None, None),
            ({"active": False, "status": "expired"}, False, None, None),
            ({"active": False}, False, None, None),
            ({"active": "true"}, False, None, None),
        ],
    )  # fmt: skip
    def test_both_shapes(
        self, vendor: Vendor, client: Make, reply: dict[str, Any], active: bool,
        scopes: set[str] | None, expires_at: float | None,
    ) -> None:  # fmt: skip
        vendor.will(200, reply)
        told = client().introspect(REFRESH)
        assert told.active is active
        assert told.scopes == (None if scopes is None else frozenset(scopes))
        assert told.expires_at == expires_at

    def test_an_app_that_is_refused(self, vendor: Vendor, client: Make) -> None:
        vendor.will(401, {"error": "invalid_client"})
        with pytest.raises(e.Unauthorized):
            client().introspect(REFRESH)
