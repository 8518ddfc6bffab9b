"""OAuth of Notion (https://developers.notion.com/docs/authorization, read 2026-11).

The token endpoint takes JSON and HTTP Basic; there are no scopes, and access has no end.
"""

from __future__ import annotations

from typing import Any

from ...oauth import Refused, consent_of
from ...vendor import on
from ...wire import Call, Reply
from .desk import API, BOT, PERSON, WORKSPACE, Desk, body_of, made

CODE_LIFE = 600.0  # seconds


class Login(Desk):
    """Somebody of the workspace picks the pages that the integration may see."""

    @on("GET", f"{API}/oauth/authorize", page=True)
    def authorize(self, call: Call) -> Reply:
        asked = consent_of(call, self.name, self.title, ())
        return asked if isinstance(asked, Reply) else self.world.authority.ask(asked)

    @on("POST", f"{API}/oauth/token")
    def token(self, call: Call) -> Reply:
        if not call.basic or not all(call.basic):
            return _refused("invalid_client", 401)
        client, sent, authority = call.basic[0], body_of(call), self.world.authority
        try:
            if sent.get("grant_type") == "refresh_token":
                token = str(sent.get("refresh_token", ""))
                grant = authority.refresh(self.name, token, client, rotate=True)
            elif sent.get("grant_type") == "authorization_code":
                back = str(sent.get("redirect_uri", ""))
                code = str(sent.get("code", ""))
                grant = authority.redeem(self.name, code, client, back, lives=CODE_LIFE)
            else:
                return _refused("unsupported_grant_type")
        except Refused as no:
            if no.reason == "client":
                return _refused("invalid_client", 401)
            return _refused("invalid_grant")
        person = {"type": "person", "person": {"email": "owner@sandbox.example"}, "name":
                  "Sandy Box", "avatar_url": None, "object": "user", "id": PERSON}  # fmt: skip
        return Reply(json={
            "access_token": authority.issue(grant, "access", self.world.lifetime(None), "ntn_"),
            "refresh_token": authority.issue(grant, "refresh", None, "nrt_"),
            "token_type": "bearer", "bot_id": BOT, "workspace_id": WORKSPACE,
            "workspace_name": "Sandbox", "workspace_icon": None, "duplicated_template_id": None,
            "owner": {"type": "user", "user": person}, "request_id": made("token"),
        })  # fmt: skip

    @on("POST", f"{API}/oauth/introspect")
    def introspect(self, call: Call) -> Reply:
        if not call.basic:
            return _refused("invalid_client", 401)
        known = self.world.authority.find(self.name, str(body_of(call).get("token", "")))
        active = bool(known and known.state(call.now) == "active")
        told: dict[str, Any] = {"active": active, "request_id": made("introspect")}
        if known and active:
            told |= {"scope": "", "iat": round(known.created)}
        return Reply(json=told)

    @on("POST", f"{API}/oauth/revoke")
    def revoke(self, call: Call) -> Reply:
        if not call.basic:
            return _refused("invalid_client", 401)
        self.world.authority.revoke(self.name, str(body_of(call).get("token", "")))
        return Reply(json={"request_id": made("revoke")})

    @on("GET", f"{API}/users/me")
    def me(self, call: Call) -> Reply:
        self.admit(call)
        owner = {"type": "workspace", "workspace": True}
        bot = {"owner": owner, "workspace_id": WORKSPACE, "workspace_name": "Sandbox",
               "workspace_limits": {"max_file_upload_size_in_bytes": 5_242_880}}  # fmt: skip
        return Reply(json={"object": "user", "id": BOT, "name": "mktool", "avatar_url": None,
                           "type": "bot", "bot": bot, "request_id": made("me")})  # fmt: skip

    @on("GET", f"{API}/users")
    def users(self, call: Call) -> Reply:
        self.admit(call)
        return Reply(json={"object": "list", "results": [_PERSON], "next_cursor": None,
                           "has_more": False, "type": "user", "user": {}})  # fmt: skip


_PERSON = {"object": "user", "id": PERSON, "name": "Sandy Box", "avatar_url": None,
           "type": "person", "person": {"email": "owner@sandbox.example"}}  # fmt: skip


def _refused(error: str, status: int = 400) -> Reply:
    return Reply(status, json={"error": error, "request_id": made(error)})
