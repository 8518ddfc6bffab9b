"""OAuth of Zoho (https://www.zoho.com/accounts/protocol/oauth.html, read 2026-11).

A refusal is HTTP 200 with an ``error``. The refresh token comes with ``access_type=offline``,
once for each client, and again only when ``prompt=consent`` asks for it; it never changes.
"""

from __future__ import annotations

from collections import deque

from ...oauth import Consent, Grant, Refused, consent_of, redirect
from ...vendor import on
from ...wire import Call, Reply
from ...world import World
from .desk import CENTRES, Desk, known_scopes

ACCOUNTS = ("accounts.zoho.{dc}", "accounts.zohocloud.{dc}")
CODE_LIFE = 120.0  # seconds
ACCESS_LIFE = 3600.0
TOKENS, WINDOW = 10, 600.0  # access tokens that a refresh token yields, and in how many seconds
ACTIVE = 10  # access tokens of a refresh token: one more ends the oldest
_OFFLINE = "offline"
_ERRORS = {"code": "invalid_code", "expired": "invalid_code", "client": "invalid_client",
           "redirect": "invalid_redirect_uri", "verifier": "invalid_code",
           "refresh": "invalid_code"}  # fmt: skip


class Login(Desk):
    """Somebody of the company lets a client in."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._lasting: set[str] = set()  # clients that were given a refresh token
        self._active: dict[str, deque[str]] = {}

    @on("GET", *(f"{host}/oauth/v2/auth" for host in ACCOUNTS), page=True)
    def authorize(self, call: Call) -> Reply:
        query = call.query
        scopes = known_scopes(query.get("scope", ""))
        offline = query.get("access_type") == "offline"
        client = query.get("client_id", "")
        lasting = offline and (client not in self._lasting or query.get("prompt") == "consent")
        asked = consent_of(call, self.name, self.title, scopes or ())
        if isinstance(asked, Reply):
            return asked
        if scopes is None:
            return redirect(asked, error="invalid_scope")
        asked = Consent(
            asked.vendor, asked.title, client, _with_centre(call, asked.redirect_uri),
            scopes | ({_OFFLINE} if lasting else set()), asked.state, asked.challenge,
        )  # fmt: skip
        return self.world.authority.ask(asked)

    @on("POST", *(f"{host}/oauth/v2/token" for host in ACCOUNTS))
    def token(self, call: Call) -> Reply:
        sent = {**call.query, **call.form}
        client = sent.get("client_id", "")
        if not client or not sent.get("client_secret"):
            return _refused("invalid_client")
        try:
            if sent.get("grant_type") == "refresh_token":
                return self._refreshed(call, sent.get("refresh_token", ""), client)
            if sent.get("grant_type") != "authorization_code":
                return _refused("unsupported_grant_type")
            grant = self._granted(call, sent, client)
        except Refused as no:
            return _refused(_ERRORS[no.reason])
        refresh = ""
        if _OFFLINE in grant.scopes:
            self._lasting.add(client)
            refresh = self.world.authority.issue(grant, "refresh", None, "1000.")
        return self._issued(call, grant, refresh, new=True)

    @on("POST", *(f"{host}/oauth/v2/token/revoke" for host in ACCOUNTS))
    def revoke(self, call: Call) -> Reply:
        token = call.query.get("token") or call.form.get("token", "")
        known = self.world.authority.revoke(self.name, token)
        return Reply(json={"status": "success"}) if known else _refused("invalid_token", 400)

    def _granted(self, call: Call, sent: dict[str, str], client: str) -> Grant:
        code = sent.get("code", "")
        if "sandbox" in code:  # as the console gives one to a self client, without a redirect
            return self._made_up(client)
        back = _with_centre(call, sent.get("redirect_uri", ""))
        verifier = sent.get("code_verifier", "")
        return self.world.authority.redeem(self.name, code, client, back, verifier, lives=CODE_LIFE)

    def _refreshed(self, call: Call, refresh: str, client: str) -> Reply:
        if "sandbox" in refresh:
            grant = self._made_up(client)
        else:
            grant = self.world.authority.refresh(self.name, refresh, client, rotate=False)
        if self.world.take("zoho tokens", refresh, TOKENS, WINDOW).exceeded:
            return Reply(400, json={
                "error_description": "You have made too many requests continuously. "
                "Please try again after some time.",
                "error": "Access Denied", "status": "failure",
            })  # fmt: skip
        return self._issued(call, grant, refresh, new=False)

    def _made_up(self, client: str) -> Grant:
        scopes = self.scopes | {_OFFLINE}
        return Grant(Consent(self.name, self.title, client, "", scopes), self.world.clock())

    def _issued(self, call: Call, grant: Grant, refresh: str, *, new: bool) -> Reply:
        lives = self.world.lifetime(ACCESS_LIFE) or ACCESS_LIFE
        access = self.world.authority.issue(grant, "access", lives, "1000.")
        active = self._active.setdefault(refresh, deque())
        active.append(access)
        if len(active) > ACTIVE:
            self.world.authority.revoke(self.name, active.popleft(), family=False)
        centre = call.params["dc"]
        body = {
            "access_token": access, "scope": " ".join(sorted(grant.scopes - {_OFFLINE})),
            "api_domain": f"{call.base}/www.zohoapis.{centre}", "token_type": "Bearer",
            "expires_in": round(lives),
        }  # fmt: skip
        return Reply(json=body | ({"refresh_token": refresh} if new and refresh else {}))


def _with_centre(call: Call, back: str) -> str:
    """Return where a client is sent back to, with the data centre that it must go on with."""
    host = call.path.partition("/")[0]
    joint = "&" if "?" in back else "?"
    centre = CENTRES.get(call.params["dc"], "us")
    return f"{back}{joint}location={centre}&accounts-server={call.base}/{host}"


def _refused(error: str, status: int = 200) -> Reply:
    return Reply(status, json={"error": error})
