"""OAuth 2.0 of X, with PKCE.

https://docs.x.com/fundamentals/authentication/oauth-2-0/authorization-code (read 2026-11)
"""

from __future__ import annotations

from ... import page
from ...oauth import Refused, consent_of, redirect
from ...vendor import on
from ...wire import Call, Refusal, Reply
from .desk import Desk

CODE_LIFE = 30.0  # seconds
ACCESS_LIFE = 7200.0
REFRESH_LIFE = 180 * 86400.0
REASONS = {
    "code": "Value passed for the authorization code was invalid.",
    "expired": "Value passed for the authorization code was invalid.",
    "client": "Value passed for the client id was invalid.",
    "redirect": "Value passed for the redirect uri did not match the uri of the code.",
    "verifier": "Value passed for the code verifier did not match the code challenge.",
    "refresh": "Value passed for the token was invalid.",
}


class Login(Desk):
    """The client is confidential when it sends Basic, and must when its id says so."""

    @on("GET", "x.com/i/oauth2/authorize", "twitter.com/i/oauth2/authorize", page=True)
    def authorize(self, call: Call) -> Reply:
        asked = consent_of(call, self.name, self.title, call.query.get("scope", "").split())
        if isinstance(asked, Reply):
            return asked
        if "//localhost" in asked.redirect_uri:
            return page.problem(400, "Something went wrong", "Use 127.0.0.1, not localhost.")
        if not asked.challenge or not asked.state or len(asked.state) > 500:
            return redirect(asked, error="invalid_request")
        if not asked.scopes or asked.scopes - self.scopes:
            return redirect(asked, error="invalid_scope")
        return self.world.authority.ask(asked)

    @on("POST", "api.x.com/2/oauth2/token", "api.twitter.com/2/oauth2/token")
    def token(self, call: Call) -> Reply:
        client = self._client(call)
        form, authority = call.form, self.world.authority
        try:
            if form.get("grant_type") == "authorization_code":
                if not form.get("code_verifier"):
                    return _oauth("Missing required parameter [code_verifier].")
                grant = authority.redeem(
                    self.name, form.get("code", ""), client, form.get("redirect_uri", ""),
                    form["code_verifier"], lives=CODE_LIFE,
                )  # fmt: skip
            elif form.get("grant_type") == "refresh_token":
                token = form.get("refresh_token", "")
                grant = authority.refresh(self.name, token, client, rotate=True)
            else:
                return _oauth("Missing required parameter [grant_type].")
        except Refused as no:
            return _oauth(REASONS[no.reason])
        lives = self.world.lifetime(ACCESS_LIFE) or ACCESS_LIFE
        answer = {
            "token_type": "bearer",
            "expires_in": round(lives),
            "access_token": authority.issue(grant, "access", lives, "x-access-"),
            "scope": " ".join(sorted(grant.scopes)),
        }
        if "offline.access" in grant.scopes:
            answer["refresh_token"] = authority.issue(grant, "refresh", REFRESH_LIFE, "x-refresh-")
        return Reply(json=answer)

    @on("POST", "api.x.com/2/oauth2/revoke", "api.twitter.com/2/oauth2/revoke")
    def revoke(self, call: Call) -> Reply:
        self._client(call)
        self.world.authority.revoke(self.name, call.form.get("token", ""))
        return Reply(json={"revoked": True})

    def _client(self, call: Call) -> str:
        if call.basic:
            return call.basic[0]
        client = call.form.get("client_id", "")
        if not client or "confidential" in client:
            raise Refusal(_oauth("Missing valid authorization header", "unauthorized_client", 401))
        return client


def _oauth(description: str, error: str = "invalid_request", status: int = 400) -> Reply:
    return Reply(status, json={"error": error, "error_description": description})
