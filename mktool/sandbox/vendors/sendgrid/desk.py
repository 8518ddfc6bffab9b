"""What every call to SendGrid goes through: the key, its scopes, the limits, the refusals.

https://www.twilio.com/docs/sendgrid/api-reference/how-to-use-the-sendgrid-v3-api (read 2026-11)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from ...oauth import Session
from ...vendor import Expired, Vendor, on, whole
from ...wire import Call, Refusal, Reply

HOSTS = ("api.sendgrid.com", "api.eu.sendgrid.com")
MAIL_PER_SECOND, OTHERS_PER_MINUTE = 10_000, 600
MOST_LISTED = 500
T = TypeVar("T")

MEANINGS = {400: "Bad Request", 401: "authorization required", 403: "access forbidden",
            404: "resource not found", 405: "method not allowed", 413: "content too large",
            429: "too many requests"}  # fmt: skip


def api(path: str) -> tuple[str, ...]:
    """Return a path as it is in both regions."""
    return tuple(f"{host}/v3/{path}" for host in HOSTS)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong; ``field`` is where, as in ``personalizations.0.to``."""

    message: str
    field: str | None = None


class Desk(Vendor):
    """Identity, limits and refusals. ``SG.sandbox-mail.send,stats.read`` may do just that."""

    name: ClassVar[str] = "sendgrid"
    title: ClassVar[str] = "SendGrid"
    color: ClassVar[str] = "#1378b8"
    hosts: ClassVar[tuple[str, ...]] = HOSTS
    scopes: ClassVar[frozenset[str]] = frozenset(
        [
            "mail.send",
            "mail.batch.create",
            "mail.batch.read",
            "user.scheduled_sends.create",
            "user.scheduled_sends.read",
            "user.scheduled_sends.update",
            "user.scheduled_sends.delete",
            "stats.read",
            "categories.stats.read",
            "suppression.read",
            "suppression.create",
            "suppression.delete",
            "asm.groups.read",
            "asm.groups.create",
            "templates.read",
            "templates.create",
        ]
    )
    environment: ClassVar[Mapping[str, str]] = {"MKTOOL_SENDGRID_API_KEY": "SG.sandbox-run"}

    def admit(self, call: Call, scope: str = "") -> dict[str, str]:
        """Check the key and its scope, count the call; return headers that tell what is left."""
        key = self._session(call.bearer)
        if scope and scope not in key.scopes:
            raise Refusal(refusal(403))
        mail = scope == "mail.send"
        limit, per = (MAIL_PER_SECOND, 1.0) if mail else (OTHERS_PER_MINUTE, 60.0)
        quota = self.world.take("mail" if mail else "sendgrid", scope, limit, per)
        headers = {"x-ratelimit-limit": str(quota.limit), "x-ratelimit-reset": str(quota.reset),
                   "x-ratelimit-remaining": str(max(0, quota.remaining))}  # fmt: skip
        if quota.exceeded:
            raise Refusal(refusal(429, headers=headers))
        return headers

    @on("GET", *api("scopes"))
    def list_scopes(self, call: Call) -> Reply:
        headers = self.admit(call)
        return Reply(json={"scopes": sorted(self._session(call.bearer).scopes)}, headers=headers)

    def fails(self, status: int, call: Call) -> Reply:
        if status == 429:
            return refusal(429, headers={"x-ratelimit-remaining": "0", "x-ratelimit-limit": "600",
                                         "x-ratelimit-reset": str(int(call.now) + 1)})  # fmt: skip
        return refusal(status)

    def _session(self, key: str) -> Session:
        if not key.startswith("SG."):
            raise Refusal(refusal(401))
        try:
            return self.session(key)
        except (Expired, LookupError):
            text = "The provided authorization grant is invalid, expired, or revoked"
            raise Refusal(refusal(401, [Problem(text)])) from None


def refusal(
    status: int, problems: Sequence[Problem] = (), headers: Mapping[str, str] | None = None
) -> Reply:
    """Return the answer that says no: everything that is wrong, or the words for this status."""
    found = problems or [Problem(MEANINGS.get(status, "Internal Server Error"))]
    errors = [{"message": p.message, "field": p.field} for p in found]
    return Reply(status, json={"errors": errors}, headers=headers or {})


def bad(message: str, field: str | None = None) -> Refusal:
    return Refusal(refusal(400, [Problem(message, field)]))


def object_of(call: Call) -> dict[str, Any]:
    """Return the JSON object in the body, or refuse."""
    body = call.object()
    if body is None:
        raise bad("Bad Request")
    return body


def window(call: Call, rows: Sequence[T]) -> Sequence[T]:
    """Return what ``limit`` and ``offset`` ask for."""
    size, first = whole(call.query.get("limit", "500")), whole(call.query.get("offset", "0"))
    if size is None or first is None or not 1 <= size <= MOST_LISTED:
        raise bad(f"limit must be between 1 and {MOST_LISTED}", "limit")
    return rows[first : first + size]
