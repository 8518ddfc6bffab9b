"""What every call to Zoho CRM goes through: token, scope and credits.

https://www.zoho.com/crm/developer/docs/api/v8/ (read 2026-11)
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar

from ...oauth import Session
from ...vendor import Expired, Vendor
from ...wire import Call, Refusal, Reply
from ...world import World

API = "www.zohoapis.{dc}/crm/v8"
CENTRES = {"com": "us", "eu": "eu", "in": "in", "com.au": "au", "jp": "jp", "com.cn": "cn",
           "sa": "sa", "ca": "ca"}  # fmt: skip
CREDITS = 51_000  # of 24 hours: one user of the Enterprise edition
USER = {"name": "Sandy Box", "id": "4150868000000225013", "email": "owner@sandbox.example"}
BY = {"name": USER["name"], "id": USER["id"]}
_SCOPE = re.compile(r"(ZohoCRM|ZohoSearch|AaaServer)(\.\w+){1,3}")


@dataclass(slots=True)
class Spent:
    """The credits of the last 24 hours, counted from the first call."""

    since: float = 0.0
    credits: int = 0


class Desk(Vendor):
    """Identity and refusals."""

    name: ClassVar[str] = "zoho"
    title: ClassVar[str] = "Zoho CRM"
    color: ClassVar[str] = "#a3301f"
    hosts: ClassVar[tuple[str, ...]] = (
        *(f"accounts.zoho.{centre}" for centre in CENTRES), "accounts.zohocloud.ca",
        *(f"www.zohoapis.{centre}" for centre in CENTRES),
    )  # fmt: skip
    scopes: ClassVar[frozenset[str]] = frozenset(
        ["ZohoCRM.modules.ALL", "ZohoCRM.settings.ALL", "ZohoCRM.users.ALL", "ZohoCRM.org.ALL",
         "ZohoCRM.coql.READ", "ZohoSearch.securesearch.READ"]
    )  # fmt: skip
    environment: ClassVar[Mapping[str, str]] = {"MKTOOL_ZOHO_ACCESS_TOKEN": "1000.sandbox-run"}

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._spent = Spent()

    def admit(self, call: Call, area: str, right: str, credits: int = 1) -> None:
        """Check token and scope, as "modules.leads" and "READ", and take the credits."""
        session = self._session(call)
        parts = ["ZohoCRM", *area.split(".")]
        stems = [".".join(parts[: n + 1]) for n in range(1, len(parts))]
        enough = {f"{stem}.{level}" for stem in stems for level in (right, "ALL")}
        if not enough & session.scopes:
            raise Refusal(failure("OAUTH_SCOPE_MISMATCH", "invalid oauth scope to access this URL",
                                  401))  # fmt: skip
        if call.now >= self._spent.since + 86400:
            self._spent = Spent(call.now)
        if self._spent.credits + credits > self.world.limits.get("zoho credits", CREDITS):
            raise Refusal(too_many())
        self._spent.credits += credits

    def _session(self, call: Call) -> Session:
        scheme, _, token = call.headers.get("authorization", "").partition(" ")
        if scheme.lower() not in ("zoho-oauthtoken", "bearer") or not token:
            raise Refusal(failure("AUTHENTICATION_FAILURE", "Authentication failed", 401))
        try:
            return self.session(token.strip())
        except (Expired, LookupError):
            raise Refusal(failure("INVALID_TOKEN", "invalid oauth token", 401)) from None

    def fails(self, status: int, call: Call) -> Reply:
        if status == 429:
            return too_many()
        if status == 405:
            return failure("INVALID_REQUEST_METHOD",
                           "The http request method type is not a valid one", 400)  # fmt: skip
        code = "INTERNAL_ERROR" if status >= 500 else "INVALID_DATA"
        return failure(code, "The sandbox was asked to answer with this.", status)

    def missing(self, call: Call) -> Reply:
        text = "Please check if the URL trying to access is a correct one"
        return failure("INVALID_URL_PATTERN", text, 404)


def failure(code: str, message: str, status: int = 400, **details: object) -> Reply:
    """Return the answer that says no."""
    return Reply(status, json=outcome(code, message, "error", **details))


def outcome(code: str, message: str, status: str, **details: object) -> dict[str, Any]:
    """Return what became of a call or of one row: ``status`` is "success" or "error"."""
    return {"code": code, "details": details, "message": message, "status": status}


def too_many() -> Reply:
    return failure("TOO_MANY_REQUESTS", "You have exceeded the API call limit. "
                   "Please try again after some time.", 429)  # fmt: skip


def body_of(call: Call) -> dict[str, Any]:
    """Return the JSON object that was sent, or refuse it."""
    found = call.object()
    if found is None:
        raise Refusal(failure("INVALID_DATA", "body is not a valid JSON object"))
    return found


def known_scopes(text: str) -> frozenset[str] | None:
    """Return the scopes of a request, which commas separate; None when one makes no sense."""
    found = [scope for scope in re.split(r"[,\s]+", text) if scope]
    return frozenset(found) if found and all(map(_SCOPE.fullmatch, found)) else None


def stamp(seconds: float) -> str:
    """Return epoch seconds as Zoho writes them, to the second."""
    return datetime.fromtimestamp(int(seconds), UTC).isoformat()


def moment(text: str) -> float | None:
    """Return a date and time with its zone as epoch seconds; None for what is none."""
    try:
        found = datetime.fromisoformat(text.replace(" ", "+"))
        return found.timestamp() if found.tzinfo else None
    except (ValueError, OverflowError):
        return None
