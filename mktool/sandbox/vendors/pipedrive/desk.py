"""What every call to Pipedrive goes through: token, scope, and what it costs.

https://pipedrive.readme.io/docs/core-api-concepts-rate-limiting (read 2026-11): each call spends
tokens of the company's daily budget, and each credential has a burst limit per two seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar

from ...vendor import Expired, Session, Vendor
from ...wire import Call, Refusal, Reply
from ...world import World

V2 = "{company}.pipedrive.com/api/v2"
COMPANY = {"company_id": 1, "company_name": "Sandbox", "company_domain": "sandbox"}
USER = 1
DAILY = 30_000 * 7 * 10  # tokens: the base, times the largest plan's multiplier, times the seats
BURST, BURST_OAUTH, BURST_SEARCH = 120, 480, 10  # calls of one credential in two seconds
WINDOW = 2.0


@dataclass(frozen=True, slots=True)
class Ask:
    """A call that was admitted; ``headers`` tell what is left."""

    call: Call
    session: Session
    headers: Mapping[str, str]

    def reply(self, data: object, more: Mapping[str, object] | None = None, status: int = 200,
              **beside: object) -> Reply:  # fmt: skip
        """Return success; ``more`` is ``additional_data``."""
        body: dict[str, object] = {"success": True, "data": data, **beside}
        if more is not None:
            body["additional_data"] = more
        return Reply(status, json=body, headers=self.headers)


class Desk(Vendor):
    """Identity and refusals."""

    name: ClassVar[str] = "pipedrive"
    title: ClassVar[str] = "Pipedrive"
    color: ClassVar[str] = "#0b6e3b"
    hosts: ClassVar[tuple[str, ...]] = (
        "api.pipedrive.com", "oauth.pipedrive.com", "*.pipedrive.com",
    )  # fmt: skip
    scopes: ClassVar[frozenset[str]] = frozenset(
        f"{area}:{right}"
        for area in ("deals", "contacts", "activities", "leads", "users")
        for right in ("read", "full")
    ) | {"base", "search:read", "recents:read"}
    environment: ClassVar[Mapping[str, str]] = {"MKTOOL_PIPEDRIVE_API_TOKEN": "sandbox-run"}

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._spent: tuple[int, int] = (0, 0)  # day, tokens

    def admit(self, call: Call, cost: int, scope: str = "", *, search: bool = False) -> Ask:
        """Check the credential and count the call, which costs so many tokens."""
        session, who = self._session(call)
        area, _, right = scope.partition(":")
        enough = {scope, f"{area}:full"} if right == "read" else {scope}
        if scope and not enough & session.scopes:
            raise Refusal(failure(403, "Scope and URL mismatch"))
        burst = BURST if who.startswith("token") else BURST_OAUTH
        named = ("pipedrive search", BURST_SEARCH) if search else ("pipedrive", burst)
        quota = self.world.take(named[0], who, named[1], WINDOW)
        left = self._left(call.now)
        headers = {
            "x-ratelimit-limit": str(quota.limit),
            "x-ratelimit-remaining": str(max(quota.remaining, 0)),
            "x-ratelimit-reset": str(max(1, round(quota.reset - call.now))),  # seconds from now
            "x-daily-requests-left": str(max(left - cost, 0)),
            "x-daily-ratelimit-token-remaining": str(max(left - cost, 0)),
        }
        if quota.exceeded or left < cost:
            raise Refusal(failure(429, "Request over limit", headers=headers))
        day, spent = self._spent
        self._spent = (day, spent + cost)
        return Ask(call, session, headers)

    def _left(self, now: float) -> int:
        """Return the tokens of the day, which begins at midnight UTC."""
        today = int(now // 86400)
        if self._spent[0] != today:
            self._spent = (today, 0)
        return self.world.limits.get("pipedrive tokens", DAILY) - self._spent[1]

    def _session(self, call: Call) -> tuple[Session, str]:
        token = call.headers.get("x-api-token", "")
        if token:
            if "sandbox" not in token:
                raise Refusal(unauthorized())
            return Session("token", self.scopes, None), f"token {token}"
        try:
            return self.session(call.bearer), f"oauth {call.bearer}"
        except (Expired, LookupError):
            raise Refusal(unauthorized()) from None

    def fails(self, status: int, call: Call) -> Reply:
        headers = {}
        if status == 429:
            headers = {"x-ratelimit-limit": str(BURST), "x-ratelimit-remaining": "0",
                       "x-ratelimit-reset": "2"}  # fmt: skip
        return failure(status, "The sandbox was asked to answer with this.", headers=headers)

    def missing(self, call: Call) -> Reply:
        return failure(404, "Unknown method .")


def failure(
    status: int, error: str, code: str = "", headers: Mapping[str, str] | None = None
) -> Reply:
    """Return the answer that says no."""
    body: dict[str, Any] = {"success": False, "error": error, "errorCode": status,
                            "error_info": "Please check developers.pipedrive.com for more "
                            "information about Pipedrive API."}  # fmt: skip
    if code:
        body["code"] = code
    return Reply(status, json=body, headers=headers or {})


def unauthorized() -> Reply:
    return failure(401, "unauthorized access")


def invalid(error: str) -> Refusal:
    """Return the refusal of an argument: the second version is strict about types."""
    text = f"Parameters validation failed: {error}"
    return Refusal(failure(400, text, "ERR_SCHEMA_VALIDATION_FAILED"))


def body_of(call: Call) -> dict[str, Any]:
    """Return the JSON object that was sent, or refuse it."""
    found = call.object()
    if found is None:
        raise invalid("the body is not a JSON object")
    return found


def rfc3339(seconds: float) -> str:
    """Return epoch seconds as the second version writes them, to the second."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
