"""OAuth of Slack, and what a token is (https://docs.slack.dev/authentication/, read 2026-11).

Tokens live for ever unless rotation is on, which it is here when the sandbox is given a lifetime.
Bot scopes cannot be had with PKCE and a loopback redirect.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from ... import page
from ...oauth import Grant, Refused, consent_of, redirect
from ...vendor import on
from ...wire import Call, Refusal, Reply
from .desk import APP, BOT, SITE, TEAM, USER, Desk, failure

CODE_LIFE = 600.0  # seconds
REFRESH_LIFE = 30 * 86400.0
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
# Slack has an error of its own for each reason.
_ERRORS = {
    "code": "invalid_code",
    "expired": "invalid_code",
    "client": "invalid_client_id",
    "redirect": "bad_redirect_uri",
    "verifier": "invalid_code_verifier",
    "refresh": "invalid_refresh_token",
}


class Login(Desk):
    """A workspace installs the app."""

    @on("GET", "slack.com/oauth/v2/authorize", page=True)
    def authorize(self, call: Call) -> Reply:
        bot = set(filter(None, call.query.get("scope", "").replace(" ", ",").split(",")))
        user = set(filter(None, call.query.get("user_scope", "").replace(" ", ",").split(",")))
        asked = consent_of(call, self.name, self.title, bot | {f"user:{s}" for s in user})
        if isinstance(asked, Reply):
            return asked
        if not asked.scopes or (bot | user) - self.scopes:
            return redirect(asked, error="invalid_scope")
        if bot and asked.challenge and urlsplit(asked.redirect_uri).hostname in _LOOPBACK:
            text = "Desktop redirects of apps with PKCE get user scopes only."
            return page.problem(400, "Bot scopes cannot be requested", text)
        return self.world.authority.ask(asked)

    @on("POST", "slack.com/api/oauth.v2.access")
    def access(self, call: Call) -> Reply:
        form, authority = call.form, self.world.authority
        client, secret = call.basic or (form.get("client_id", ""), form.get("client_secret", ""))
        if not client:
            return failure("invalid_client_id")
        if not secret and "code_verifier" not in form and "refresh_token" not in form:
            return failure("bad_client_secret")
        try:
            if form.get("grant_type") == "refresh_token":
                token = form.get("refresh_token", "")
                grant = authority.refresh(self.name, token, client, rotate=True)
            elif form.get("grant_type", "authorization_code") == "authorization_code":
                grant = authority.redeem(
                    self.name, form.get("code", ""), client, form.get("redirect_uri", ""),
                    form.get("code_verifier", ""), lives=CODE_LIFE,
                )  # fmt: skip
            else:
                return failure("invalid_grant_type")
        except Refused as no:
            return failure(_ERRORS[no.reason])
        return Reply(json=self._installed(grant))

    def _installed(self, grant: Grant) -> dict[str, Any]:
        bot = sorted(s for s in grant.scopes if not s.startswith("user:"))
        user = sorted(s.removeprefix("user:") for s in grant.scopes if s.startswith("user:"))
        answer: dict[str, Any] = {
            "ok": True, "app_id": APP, "team": {"id": TEAM, "name": "Sandbox"},
            "enterprise": None, "is_enterprise_install": False, "authed_user": {"id": USER},
        }  # fmt: skip
        if bot:
            answer |= {"token_type": "bot", "scope": ",".join(bot), "bot_user_id": USER}
            answer |= self._tokens(grant, "xoxb")
        if user:
            answer["authed_user"] |= {"token_type": "user", "scope": ",".join(user)}
            answer["authed_user"] |= self._tokens(grant, "xoxp")
        return answer

    def _tokens(self, grant: Grant, kind: str) -> dict[str, object]:
        authority, lives = self.world.authority, self.world.lifetime(None)
        if lives is None:
            return {"access_token": authority.issue(grant, "access", None, f"{kind}-")}
        return {
            "access_token": authority.issue(grant, "access", lives, f"xoxe.{kind}-1-"),
            "refresh_token": authority.issue(grant, "refresh", REFRESH_LIFE, "xoxe-1-"),
            "expires_in": round(lives),
        }

    @on("GET", "slack.com/api/auth.test")
    @on("POST", "slack.com/api/auth.test")
    def test(self, call: Call) -> Reply:
        ask = self.admit(call)
        answer: dict[str, object] = {
            "url": f"{SITE}/", "team": "Sandbox", "user": "mktool", "team_id": TEAM,
            "user_id": USER, "bot_id": BOT, "is_enterprise_install": False,
        }  # fmt: skip
        if ask.session.expires is not None:
            answer["expires_in"] = round(ask.session.expires - call.now)
        return ask.reply(**answer)

    @on("POST", "slack.com/api/auth.revoke")
    def revoke(self, call: Call) -> Reply:
        ask = self.admit(call, form_only=True)
        if ask.flag("test"):
            return ask.reply(revoked=False)
        token = call.bearer or ask.text("token")
        if not self.world.authority.revoke(self.name, token):
            raise Refusal(failure("not_bearer_token"))  # a made-up token is not ended
        return ask.reply(revoked=True)
