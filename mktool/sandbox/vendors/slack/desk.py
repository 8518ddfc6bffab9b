"""What every method of Slack does first: token, arguments, scope; and how it refuses.

https://docs.slack.dev/apis/web-api/ (read 2026-11): a refusal is HTTP 200 with ``ok`` false.
Arguments are a form, or JSON where the method takes it and the token is in the header.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from ...vendor import Expired, Session, Vendor
from ...wire import Call, Refusal, Reply

TEAM, BOT, USER, APP = "T0SANDBOX1", "B0SANDBOX1", "U0SANDBOX1", "A0SANDBOX1"
SITE = "https://sandbox.slack.com"
JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Ask:
    """A call whose token was accepted, and its arguments."""

    call: Call
    session: Session
    args: Mapping[str, Any]

    def text(self, name: str) -> str:
        """Return an argument as text, "" when it is absent."""
        value = self.args.get(name)
        return "" if value is None else str(value)

    def flag(self, name: str) -> bool:
        return self.text(name).lower() in ("true", "1")

    def structure(self, name: str, malformed: str) -> Any:
        """Return an argument that is JSON, or JSON in text; None when absent."""
        value = self.args.get(name)
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value) if value else None
        except ValueError:
            raise Refusal(failure(malformed)) from None

    def reply(self, **data: object) -> Reply:
        """Return success, with the headers that tell the scopes."""
        headers = {"x-oauth-scopes": ",".join(sorted(self.session.scopes))}
        return Reply(json={"ok": True, **data}, headers=headers)


class Desk(Vendor):
    """Identity and refusals; the methods are in the classes that build on it."""

    name: ClassVar[str] = "slack"
    title: ClassVar[str] = "Slack"
    color: ClassVar[str] = "#7a2f73"
    hosts: ClassVar[tuple[str, ...]] = ("slack.com", "hooks.slack.com", "files.slack.com")
    scopes: ClassVar[frozenset[str]] = frozenset(
        [
            "chat:write",
            "chat:write.public",
            "files:write",
            "files:read",
            "channels:read",
            "channels:history",
            "channels:join",
            "groups:history",
            "groups:read",
            "im:write",
            "im:history",
            "mpim:write",
            "users:read",
            "users:read.email",
            "incoming-webhook",
        ]
    )
    environment: ClassVar[Mapping[str, str]] = {
        "MKTOOL_SLACK_BOT_TOKEN": "xoxb-sandbox-run",
        "MKTOOL_SLACK_CHANNEL": "#general",
    }

    def admit(self, call: Call, *any_of: str, form_only: bool = False) -> Ask:
        """Check the token, read the arguments, check the scope (any one of them will do)."""
        in_json = call.mime == JSON
        if in_json and form_only:
            raise Refusal(failure("invalid_arguments"))
        args = call.object() if in_json else {**call.query, **call.form}
        if args is None:
            raise Refusal(failure("invalid_json"))
        # Elsewhere than in the header it is only looked for in a form: not in JSON, not in the URL.
        token = call.bearer or call.form.get("token", "")
        ask = Ask(call, self._session(token), args)
        if any_of and not ask.session.scopes.intersection(any_of):
            provided = ",".join(sorted(ask.session.scopes))
            raise Refusal(failure("missing_scope", needed=any_of[0], provided=provided))
        return ask

    def _session(self, token: str) -> Session:
        if not token:
            raise Refusal(failure("not_authed"))
        try:
            return self.session(token)
        except Expired as over:
            error = "token_revoked" if over.revoked else "token_expired"
            raise Refusal(failure(error)) from None
        except LookupError:
            raise Refusal(failure("invalid_auth")) from None

    def pace(self, name: str, who: str) -> None:
        """Allow one message a second: https://docs.slack.dev/apis/web-api/rate-limits."""
        if self.world.take(name, who, 1, 1.0).exceeded:
            raise Refusal(throttled())

    def fails(self, status: int, call: Call) -> Reply:
        if status == 429:
            return throttled()
        if status == 404:
            return failure("unknown_method")
        return Reply(status, json={"ok": False, "error": "internal_error"})


def failure(error: str, **more: object) -> Reply:
    """Return a refusal, which Slack sends with status 200."""
    return Reply(json={"ok": False, "error": error, **more})


def throttled() -> Reply:
    """Return the refusal of too many calls; wait ``Retry-After`` seconds."""
    return Reply(429, json={"ok": False, "error": "ratelimited"}, headers={"retry-after": "1"})
