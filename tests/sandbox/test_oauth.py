"""Logging in at each vendor: codes, PKCE, rotation, revocation, and their error bodies."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from mktool.sandbox.server import Sandbox

from .conftest import Clock

BACK = "http://127.0.0.1:8765/callback"
VERIFIER = "v" * 64
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode()[:-1]
X_SCOPES = "tweet.read tweet.write users.read offline.access"


class XClient:
    """A public client of X."""

    def __init__(self, http: httpx.Client, sandbox: Sandbox, scope: str = X_SCOPES) -> None:
        self.http, self.url, self.scope = http, sandbox.url, scope

    def code(self) -> str:
        query = {"response_type": "code", "client_id": "app", "redirect_uri": BACK, "state": "s1",
                 "scope": self.scope, "code_challenge": CHALLENGE,
                 "code_challenge_method": "S256"}  # fmt: skip
        reply = self.http.get(f"{self.url}/x.com/i/oauth2/authorize", params=query)
        answer = parse_qs(urlsplit(reply.headers["location"]).query)
        assert answer["state"] == ["s1"]
        return answer["code"][0]

    def token(self, **form: str) -> httpx.Response:
        url = f"{self.url}/api.x.com/2/oauth2/token"
        return self.http.post(url, data={"client_id": "app", **form})

    def redeem(self, code: str, **form: str) -> httpx.Response:
        given = {"redirect_uri": BACK, "code_verifier": VERIFIER, "code": code}
        return self.token(grant_type="authorization_code", **(given | form))

    def refresh(self, token: str) -> httpx.Response:
        return self.token(grant_type="refresh_token", refresh_token=token)

    def me(self, token: str) -> int:
        headers = {"authorization": f"Bearer {token}"}
        return self.http.get(f"{self.url}/api.x.com/2/users/me", headers=headers).status_code


@pytest.fixture
def x(http: httpx.Client, sandbox: Sandbox) -> XClient:
    return XClient(http, sandbox)


def test_a_code_becomes_tokens(x: XClient) -> None:
    granted = x.redeem(x.code()).json()
    assert granted["token_type"] == "bearer"
    assert granted["expires_in"] == 7200
    assert set(granted["scope"].split()) == set(X_SCOPES.split())
    assert x.me(granted["access_token"]) == 200


def test_no_refresh_token_without_its_scope(http: httpx.Client, sandbox: Sandbox) -> None:
    x = XClient(http, sandbox, "tweet.read users.read")
    assert "refresh_token" not in x.redeem(x.code()).json()


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"code": "made-up"}, "Value passed for the authorization code was invalid."),
        ({"code_verifier": "w" * 64}, "code verifier did not match"),
        ({"code_verifier": ""}, "Missing required parameter [code_verifier]."),
        ({"redirect_uri": BACK + "/"}, "redirect uri did not match"),
        ({"client_id": "other"}, "client id was invalid"),
    ],
)
def test_a_wrong_exchange_is_refused(x: XClient, form: dict[str, str], words: str) -> None:
    reply = x.redeem(**({"code": x.code()} | form))
    assert reply.status_code == 400
    assert reply.json()["error"] == "invalid_request"
    assert words in reply.json()["error_description"]


def test_a_code_lives_thirty_seconds(x: XClient, clock: Clock) -> None:
    code = x.code()
    clock.sleep(30)
    assert x.redeem(code).status_code == 400


def test_a_code_that_comes_twice_takes_back_what_it_gave(x: XClient) -> None:
    code = x.code()
    granted = x.redeem(code).json()
    assert x.redeem(code).status_code == 400
    assert x.me(granted["access_token"]) == 401


def test_refresh_rotates_and_reuse_ends_the_family(x: XClient) -> None:
    first = x.redeem(x.code()).json()
    second = x.refresh(first["refresh_token"]).json()
    assert second["refresh_token"] != first["refresh_token"]
    assert x.me(second["access_token"]) == 200
    again = x.refresh(first["refresh_token"])
    assert again.json() == {
        "error": "invalid_request",
        "error_description": "Value passed for the token was invalid.",
    }
    assert x.me(second["access_token"]) == 401
    assert x.refresh(second["refresh_token"]).status_code == 400


def test_an_access_token_expires_when_told(
    serve: Callable[..., Sandbox], http: httpx.Client, clock: Clock
) -> None:
    x = XClient(http, serve(ttl=5))
    granted = x.redeem(x.code()).json()
    assert granted["expires_in"] == 5
    clock.sleep(4.9)
    assert x.me(granted["access_token"]) == 200
    clock.sleep(0.1)
    assert x.me(granted["access_token"]) == 401
    assert x.me(x.refresh(granted["refresh_token"]).json()["access_token"]) == 200


def test_revoking_ends_the_grant(x: XClient, http: httpx.Client) -> None:
    granted = x.redeem(x.code()).json()
    form = {"client_id": "app", "token": granted["refresh_token"]}
    assert http.post(f"{x.url}/api.x.com/2/oauth2/revoke", data=form).json() == {"revoked": True}
    assert x.me(granted["access_token"]) == 401


def test_a_confidential_client_must_use_basic(x: XClient) -> None:
    reply = x.redeem(x.code(), client_id="confidential")
    assert (reply.status_code, reply.json()["error"]) == (401, "unauthorized_client")


def test_a_token_of_another_sandbox_is_unknown(
    x: XClient, serve: Callable[..., Sandbox], http: httpx.Client
) -> None:
    token = x.redeem(x.code()).json()["access_token"]
    assert XClient(http, serve()).me(token) == 401


@pytest.mark.parametrize("leave_out", ["code_challenge", "state"])
def test_pkce_and_state_are_required_at_x(
    sandbox: Sandbox, http: httpx.Client, leave_out: str
) -> None:
    query = {"response_type": "code", "client_id": "a", "redirect_uri": BACK, "scope": X_SCOPES,
             "state": "s", "code_challenge": CHALLENGE,
             "code_challenge_method": "S256"}  # fmt: skip
    del query[leave_out]
    reply = http.get(f"{sandbox.url}/x.com/i/oauth2/authorize", params=query)
    assert "error=invalid_request" in reply.headers["location"]


def test_a_person_denies(serve: Callable[..., Sandbox], http: httpx.Client) -> None:
    sandbox = serve(approve=False)
    query = {"client_id": "<a>", "redirect_uri": BACK + "?keep=1", "scope": "openid", "state": "é&"}
    page = http.get(f"{sandbox.url}/www.linkedin.com/oauth/v2/authorization", params=query)
    assert "&lt;a&gt;" in page.text
    assert "<a>" not in page.text
    ticket = page.text.partition('name="ticket" value="')[2].partition('"')[0]
    form = {"ticket": ticket, "decision": "deny"}
    back = http.post(f"{sandbox.url}/_consent", data=form).headers["location"]
    answer = parse_qs(urlsplit(back).query)
    assert answer == {"keep": ["1"], "error": ["access_denied"], "state": ["é&"]}
    assert http.post(f"{sandbox.url}/_consent", data=form).status_code == 400


def linkedin_code(http: httpx.Client, sandbox: Sandbox, client: str, scope: str) -> dict[str, str]:
    query = {"response_type": "code", "client_id": client, "redirect_uri": BACK, "scope": scope}
    reply = http.get(f"{sandbox.url}/www.linkedin.com/oauth/v2/authorization", params=query)
    answer = parse_qs(urlsplit(reply.headers["location"]).query)
    return {name: values[0] for name, values in answer.items()}


def linkedin(http: httpx.Client, sandbox: Sandbox, path: str, **form: str) -> httpx.Response:
    return http.post(f"{sandbox.url}/www.linkedin.com/oauth/v2/{path}", data=form)


def test_linkedin_tells_about_its_tokens(
    sandbox: Sandbox, http: httpx.Client, clock: Clock
) -> None:
    app = {"client_id": "app", "client_secret": "s"}
    code = linkedin_code(http, sandbox, "app", "openid profile w_member_social")["code"]
    exchange = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK}
    assert linkedin(http, sandbox, "accessToken", client_id="app", **exchange).status_code == 401
    granted = linkedin(http, sandbox, "accessToken", **app, **exchange).json()
    assert granted["expires_in"] == 60 * 86400
    assert "refresh_token" not in granted
    token = granted["access_token"]
    told = linkedin(http, sandbox, "introspectToken", **app, token=token).json()
    assert told["active"] is True
    assert told["scope"] == "openid,profile,w_member_social"
    assert told["expires_at"] == clock.now + 60 * 86400
    linkedin(http, sandbox, "revoke", **app, token=token)
    told = linkedin(http, sandbox, "introspectToken", **app, token=token).json()
    assert (told["active"], told["status"]) == (False, "revoked")
    headers = {"authorization": f"Bearer {token}"}
    reply = http.get(f"{sandbox.url}/api.linkedin.com/v2/userinfo", headers=headers)
    assert (reply.status_code, reply.json()["code"]) == (401, "REVOKED_ACCESS_TOKEN")


def test_linkedin_partners_refresh_without_rotation(
    sandbox: Sandbox, http: httpx.Client, clock: Clock
) -> None:
    app = {"client_id": "partner", "client_secret": "s"}
    code = linkedin_code(http, sandbox, "partner", "r_member_social")["code"]
    granted = linkedin(http, sandbox, "accessToken", **app, grant_type="authorization_code",
                       code=code, redirect_uri=BACK).json()  # fmt: skip
    clock.sleep(59 * 86400)
    again = linkedin(http, sandbox, "accessToken", **app, grant_type="refresh_token",
                     refresh_token=granted["refresh_token"]).json()  # fmt: skip
    assert again["refresh_token"] == granted["refresh_token"]
    assert again["refresh_token_expires_in"] == (365 - 59) * 86400


def test_linkedin_keeps_a_closed_scope(sandbox: Sandbox, http: httpx.Client) -> None:
    answer = linkedin_code(http, sandbox, "app", "openid r_member_social")
    assert answer == {"error": "unauthorized_scope_error"}


def slack(
    http: httpx.Client, sandbox: Sandbox, scope: dict[str, str], **form: str
) -> dict[str, object]:
    query = {"client_id": "1.2", "redirect_uri": "https://acme.example/cb", **scope}
    back = http.get(f"{sandbox.url}/slack.com/oauth/v2/authorize", params=query).headers["location"]
    given = {"client_id": "1.2", "client_secret": "s", "redirect_uri": "https://acme.example/cb",
             "code": parse_qs(urlsplit(back).query)["code"][0]}  # fmt: skip
    reply = http.post(f"{sandbox.url}/slack.com/api/oauth.v2.access", data=given | form)
    assert reply.status_code == 200
    found: dict[str, object] = reply.json()
    return found


def test_slack_installs_a_bot_for_ever(sandbox: Sandbox, http: httpx.Client) -> None:
    installed = slack(http, sandbox, {"scope": "chat:write,files:write"})
    assert installed["scope"] == "chat:write,files:write"
    assert str(installed["access_token"]).startswith("xoxb-")
    assert "expires_in" not in installed
    assert "refresh_token" not in installed


def test_slack_rotates_when_tokens_are_short(
    serve: Callable[..., Sandbox], http: httpx.Client
) -> None:
    sandbox = serve(ttl=60)
    installed = slack(http, sandbox, {"scope": "chat:write"})
    assert installed["expires_in"] == 60
    url = f"{sandbox.url}/slack.com/api/oauth.v2.access"
    form = {"client_id": "1.2", "client_secret": "s", "grant_type": "refresh_token",
            "refresh_token": str(installed["refresh_token"])}  # fmt: skip
    assert http.post(url, data=form).json()["ok"] is True
    assert http.post(url, data=form).json() == {"ok": False, "error": "invalid_refresh_token"}


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"code": "x"}, "invalid_code"),
        ({"client_secret": ""}, "bad_client_secret"),
        ({"redirect_uri": BACK}, "bad_redirect_uri"),
        ({"code_verifier": VERIFIER}, "invalid_code_verifier"),
        ({"grant_type": "password"}, "invalid_grant_type"),
    ],
)
def test_slack_has_a_word_for_each_mistake(
    sandbox: Sandbox, http: httpx.Client, form: dict[str, str], error: str
) -> None:
    assert slack(http, sandbox, {"scope": "chat:write"}, **form) == {"ok": False, "error": error}


def test_slack_gives_no_bot_scopes_to_a_desktop_app(sandbox: Sandbox, http: httpx.Client) -> None:
    query = {"client_id": "1.2", "redirect_uri": BACK, "scope": "chat:write",
             "code_challenge": CHALLENGE, "code_challenge_method": "S256"}  # fmt: skip
    reply = http.get(f"{sandbox.url}/slack.com/oauth/v2/authorize", params=query)
    assert reply.status_code == 400
