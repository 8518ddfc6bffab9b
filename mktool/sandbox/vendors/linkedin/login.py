"""OAuth 2.0 of LinkedIn, and who the member is.

https://learn.microsoft.com/linkedin/shared/authentication/authorization-code-flow (read 2026-11).
Only a client whose id contains "partner" gets refresh tokens and the closed scope
r_member_social. PKCE belongs to native clients, which have another address: a challenge is
ignored here, and a verifier then matches nothing.
"""

from __future__ import annotations

from dataclasses import replace

from ...oauth import Grant, Refused, consent_of, redirect
from ...vendor import on
from ...wire import Call, Refusal, Reply
from .desk import MEMBER, Desk, permit

CODE_LIFE = 1800.0  # seconds
ACCESS_LIFE = 60 * 86400.0
REFRESH_LIFE = 365 * 86400.0
HOST = "www.linkedin.com/oauth/v2"


class Login(Desk):
    """The member signs in, and an application looks at its token."""

    @on("GET", f"{HOST}/authorization", page=True)
    def authorize(self, call: Call) -> Reply:
        scopes = call.query.get("scope", "").replace(",", " ").split()
        asked = consent_of(call, self.name, self.title, scopes)
        if isinstance(asked, Reply):
            return asked
        known = self.scopes | ({"r_member_social"} if _partner(asked.client_id) else set())
        if not asked.scopes or asked.scopes - known:
            return redirect(asked, error="unauthorized_scope_error")
        return self.world.authority.ask(replace(asked, challenge=""))

    @on("POST", f"{HOST}/accessToken")
    def token(self, call: Call) -> Reply:
        client = _client(call)
        form, authority = call.form, self.world.authority
        if form.get("grant_type") == "refresh_token":
            return self._renew(form.get("refresh_token", ""), client)
        if form.get("grant_type") != "authorization_code":
            return _refused('A required parameter "grant_type" is missing')
        try:
            grant = authority.redeem(
                self.name, form.get("code", ""), client, form.get("redirect_uri", ""),
                form.get("code_verifier", ""), lives=CODE_LIFE,
            )  # fmt: skip
        except Refused:
            return _refused(
                "Unable to retrieve access token: appid/redirect uri/code verifier does not match "
                "authorization code. Or authorization code expired. Or external member binding "
                "exists"
            )
        if not _partner(client):
            return self._granted(grant)
        refresh = authority.issue(grant, "refresh", REFRESH_LIFE, "li-refresh-")
        return self._granted(grant, refresh)

    @on("POST", f"{HOST}/introspectToken")
    def introspect(self, call: Call) -> Reply:
        _client(call)
        text = call.form.get("token", "")
        token = self.world.authority.find(self.name, text)
        if token is not None:
            state, scopes = token.state(call.now), token.grant.scopes
            created, expires = token.created, token.expires or 0
        elif "sandbox" in text:
            state, scopes = "active", self.session(text).scopes
            created, expires = call.now, call.now + ACCESS_LIFE
        else:
            return _refused("The token is not valid")
        return Reply(json={
            "active": state == "active", "status": state, "client_id": call.form["client_id"],
            "scope": ",".join(sorted(scopes)), "auth_type": "3L", "created_at": int(created),
            "authorized_at": int(created), "expires_at": int(expires),
        })  # fmt: skip

    @on("POST", f"{HOST}/revoke")
    def revoke(self, call: Call) -> Reply:
        _client(call)
        self.world.authority.revoke(self.name, call.form.get("token", ""))
        return Reply(200)

    @on("GET", "api.linkedin.com/v2/userinfo")
    def userinfo(self, call: Call) -> Reply:
        session = self.member(call)
        permit(session, "userinfo.GET.NO_VERSION", "openid", "profile")
        shown: dict[str, object] = {"sub": MEMBER.rpartition(":")[2]}
        if "profile" in session.scopes:
            shown |= {"name": "Sam Sandbox", "given_name": "Sam", "family_name": "Sandbox",
                      "locale": {"country": "US", "language": "en"}}  # fmt: skip
        if "email" in session.scopes:
            shown |= {"email": "sam@example.com", "email_verified": True}
        return Reply(json=shown)

    def _renew(self, token: str, client: str) -> Reply:
        """A new access token; the refresh token stays, and so does the day that it ends."""
        try:
            grant = self.world.authority.refresh(self.name, token, client, rotate=False)
        except Refused:
            text = "The provided authorization grant or refresh token is invalid, expired or "
            return _refused(f"{text}revoked.", "invalid_grant")
        return self._granted(grant, token)

    def _granted(self, grant: Grant, refresh: str = "") -> Reply:
        authority = self.world.authority
        lives = self.world.lifetime(ACCESS_LIFE) or ACCESS_LIFE
        answer: dict[str, object] = {
            "access_token": authority.issue(grant, "access", lives, "li-access-"),
            "expires_in": round(lives),
            "scope": ",".join(sorted(grant.scopes)),
            "token_type": "Bearer",
        }
        kept = authority.find(self.name, refresh)
        if kept is not None and kept.expires is not None:
            left = round(kept.expires - self.world.clock())
            answer |= {"refresh_token": refresh, "refresh_token_expires_in": left}
        return Reply(json=answer)


def _client(call: Call) -> str:
    """Return the client's id; id and secret travel in the form, and nowhere else."""
    if not call.form.get("client_id") or not call.form.get("client_secret"):
        text = {"error": "invalid_client", "error_description": "Client authentication failed"}
        raise Refusal(Reply(401, json=text))
    return call.form["client_id"]


def _partner(client_id: str) -> bool:
    return "partner" in client_id.lower()


def _refused(description: str, code: str = "invalid_request") -> Reply:
    return Reply(400, json={"error": code, "error_description": description})
