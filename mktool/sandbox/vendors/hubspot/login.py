"""OAuth of HubSpot: codes, tokens of thirty minutes, and refresh tokens that stay the same.

https://developers.hubspot.com/docs/api-reference/auth-oauth-v3/guide (read 2026-11)
"""

from __future__ import annotations

from ...oauth import Grant, Refused, Token, consent_of, redirect
from ...vendor import on
from ...wire import Call, Reply
from .desk import HOST, PORTAL, VERSIONS, Desk, correlation, problem

CODE_LIFE, ACCESS_LIFE = 600.0, 1800.0  # seconds
_TOKEN = (f"{HOST}/oauth/v1/token", f"{HOST}/oauth/v3/token",
          *(f"{HOST}/oauth/{date}/token" for date in VERSIONS))  # fmt: skip
_USER = "owner@sandbox.example"


class Login(Desk):
    """An account installs the app."""

    @on("GET", "app.hubspot.com/oauth/authorize", "app-eu1.hubspot.com/oauth/authorize", page=True)
    def authorize(self, call: Call) -> Reply:
        wanted = set(call.query.get("scope", "").split())
        optional = set(call.query.get("optional_scope", "").split())
        asked = consent_of(call, self.name, self.title, wanted | (optional & self.scopes))
        if isinstance(asked, Reply):
            return asked
        if not wanted or wanted - self.scopes:
            return redirect(asked, error="invalid_scope")
        return self.world.authority.ask(asked)

    @on("POST", *_TOKEN)
    def token(self, call: Call) -> Reply:
        form = call.form or call.query  # the first version took it in the address, too
        client, authority = form.get("client_id", ""), self.world.authority
        if not client or not form.get("client_secret"):
            return _no("BAD_CLIENT_ID", "missing or invalid client id")
        refresh = form.get("refresh_token", "")
        try:
            if form.get("grant_type") == "refresh_token":
                grant = authority.refresh(self.name, refresh, client, rotate=False)
            elif form.get("grant_type") == "authorization_code":
                grant = authority.redeem(
                    self.name, form.get("code", ""), client, form.get("redirect_uri", ""),
                    form.get("code_verifier", ""), lives=CODE_LIFE,
                )  # fmt: skip
                refresh = authority.issue(grant, "refresh", None, "eu1-")
            else:
                return _no("BAD_GRANT_TYPE", "missing or unknown grant type")
        except Refused as no:
            return _refused(no)
        return Reply(json=self._tokens(grant, refresh))

    def _tokens(self, grant: Grant, refresh: str) -> dict[str, object]:
        lives = self.world.lifetime(ACCESS_LIFE) or ACCESS_LIFE
        # Longer than most: as many characters as the real ones may have.
        access = self.world.authority.issue(grant, "access", lives, "C" + "L" * 260 + "-")
        return {"token_type": "bearer", "access_token": access, "refresh_token": refresh,
                "expires_in": round(lives), "hub_id": PORTAL, "user_id": 1,
                "scopes": sorted(grant.scopes)}  # fmt: skip

    @on("POST", *(f"{path}/introspect" for path in _TOKEN[1:]))
    def introspect(self, call: Call) -> Reply:
        form = call.form
        if not form.get("client_id") or not form.get("client_secret"):
            return _no("BAD_CLIENT_ID", "missing or invalid client id")
        found = self.world.authority.find(self.name, form.get("token", ""))
        if found is None or found.state(call.now) != "active":
            return Reply(json={"active": False})
        return Reply(json={"active": True, **_about(found, call.now),
                           "token_use": f"{found.kind}_token"})  # fmt: skip

    @on("GET", f"{HOST}/oauth/v1/access-tokens/{{secret}}")
    def metadata(self, call: Call) -> Reply:
        found = self.world.authority.find(self.name, call.params["secret"])
        if found is None or found.kind != "access" or found.state(call.now) != "active":
            return problem(404, "access token not found or expired", "NOT_FOUND")
        return Reply(json={"token": call.params["secret"], **_about(found, call.now)})

    @on("POST", *(f"{path}/revoke" for path in _TOKEN[1:]))
    def revoke(self, call: Call) -> Reply:
        self.world.authority.revoke(self.name, call.form.get("token", ""), family=False)
        return Reply(200)

    @on("DELETE", f"{HOST}/oauth/v1/refresh-tokens/{{secret}}")
    def forget(self, call: Call) -> Reply:
        self.world.authority.revoke(self.name, call.params["secret"], family=False)
        return Reply(204)


def _about(token: Token, now: float) -> dict[str, object]:
    left = {} if token.expires is None else {"expires_in": round(token.expires - now)}
    return {
        "hub_id": PORTAL, "hub_domain": "sandbox.example", "app_id": 1, "user_id": 1,
        "user": _USER, "client_id": token.grant.consent.client_id, "token_type": token.kind,
        "scopes": sorted(token.grant.scopes), "is_private_distribution": True, **left,
    }  # fmt: skip


def _refused(no: Refused) -> Reply:
    if no.reason == "client":
        return _no("BAD_CLIENT_ID", "missing or invalid client id")
    if no.reason == "redirect":
        return _no("BAD_REDIRECT_URI", "redirect uri does not match the one of the authorization")
    if no.reason == "refresh":
        return _no("BAD_REFRESH_TOKEN", "missing or invalid refresh token")
    return _no("BAD_AUTH_CODE", "missing or unknown auth code")


def _no(status: str, message: str) -> Reply:
    error = "invalid_client" if status == "BAD_CLIENT_ID" else "invalid_grant"
    return Reply(
        400, json={"status": status, "message": message, "correlationId": correlation(status),
                   "error": error, "error_description": message},
    )  # fmt: skip
