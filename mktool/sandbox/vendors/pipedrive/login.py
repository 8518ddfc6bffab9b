"""OAuth of Pipedrive (https://pipedrive.readme.io/docs/marketplace-oauth-authorization, 2026-11).

The scopes are a setting of the app, not of the request; the same refresh token comes back, good
for 60 days from its last use.
"""

from __future__ import annotations

from ...oauth import Refused, consent_of
from ...vendor import on
from ...wire import Call, Reply
from .desk import Desk

CODE_LIFE = 300.0  # seconds
ACCESS_LIFE = 3600.0
REFRESH_LIFE = 60 * 86400.0


class Login(Desk):
    """A company installs the app."""

    @on("GET", "oauth.pipedrive.com/oauth/authorize", page=True)
    def authorize(self, call: Call) -> Reply:
        asked = consent_of(call, self.name, self.title, self.scopes)
        return asked if isinstance(asked, Reply) else self.world.authority.ask(asked)

    @on("POST", "oauth.pipedrive.com/oauth/token")
    def token(self, call: Call) -> Reply:
        form, authority = call.form, self.world.authority
        client = call.basic[0] if call.basic else ""
        if not client:
            return _refused("invalid_client", 401)
        refresh = form.get("refresh_token", "")
        try:
            if form.get("grant_type") == "refresh_token":
                grant = authority.refresh(self.name, refresh, client, rotate=False)
                known = authority.find(self.name, refresh)
                if known:
                    known.expires = call.now + REFRESH_LIFE
            elif form.get("grant_type") == "authorization_code":
                back = form.get("redirect_uri", "")
                code = form.get("code", "")
                grant = authority.redeem(self.name, code, client, back, lives=CODE_LIFE)
                refresh = authority.issue(grant, "refresh", REFRESH_LIFE, "v1r:")
            else:
                return _refused("unsupported_grant_type")
        except Refused as no:
            return _refused("invalid_client" if no.reason == "client" else "invalid_grant")
        lives = self.world.lifetime(ACCESS_LIFE) or ACCESS_LIFE
        return Reply(
            json={
                "access_token": authority.issue(grant, "access", lives, "v1u:"),
                "token_type": "Bearer", "refresh_token": refresh, "expires_in": round(lives),
                "scope": " ".join(sorted(grant.scopes)).replace(" ", ","),
                "api_domain": f"{call.base}/sandbox.pipedrive.com",
            }
        )  # fmt: skip

    @on("POST", "oauth.pipedrive.com/oauth/revoke")
    def revoke(self, call: Call) -> Reply:
        if not call.basic:
            return _refused("invalid_client", 401)
        token = call.form.get("token", "")
        known = self.world.authority.find(self.name, token)
        # Without its refresh token the app is uninstalled: everything ends.
        self.world.authority.revoke(
            self.name, token, family=bool(known and known.kind == "refresh")
        )
        return Reply(json={"success": True})


def _refused(error: str, status: int = 400) -> Reply:
    return Reply(status, json={"success": False, "error": error, "message": error})
