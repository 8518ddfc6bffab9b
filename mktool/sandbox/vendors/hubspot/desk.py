"""What every call to HubSpot goes through: the token, its scopes, the limits, the refusals.

https://developers.hubspot.com/docs/api-reference/error-handling and
https://developers.hubspot.com/docs/developer-tooling/platform/usage-guidelines (read 2026-11)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from hashlib import md5
from typing import Any, ClassVar

from ...oauth import Session
from ...vendor import Bound, Expired, Handler, Vendor, whole
from ...wire import Call, Refusal, Reply

HOST = "api.hubapi.com"
PORTAL = 4242424
VERSIONS = ("2026-03", "2026-09")
BURST, OAUTH_BURST, DAY, SEARCH = 190, 110, 625_000, 5  # calls
_KINDS = ("contacts", "companies", "deals", "leads")
_CATEGORIES = {400: "VALIDATION_ERROR", 401: "INVALID_AUTHENTICATION", 403: "MISSING_SCOPES",
               404: "OBJECT_NOT_FOUND", 405: "METHOD_NOT_ALLOWED",
               409: "CONFLICT"}  # fmt: skip


def api(family: str, old: str, rest: str = "") -> tuple[str, ...]:
    """Return the paths of a resource: the one with a version, and those with a date.

    ``family`` is what comes before the date, as in ``crm/objects``.
    """
    return (f"{HOST}/{old}{rest}", *(f"{HOST}/{family}/{date}{rest}" for date in VERSIONS))


class Desk(Vendor):
    """Identity, limits and refusals. ``pat-sandbox-content`` may do just that."""

    name: ClassVar[str] = "hubspot"
    title: ClassVar[str] = "HubSpot"
    color: ClassVar[str] = "#b8431f"
    hosts: ClassVar[tuple[str, ...]] = (HOST, "app.hubspot.com", "app-eu1.hubspot.com")
    scopes: ClassVar[frozenset[str]] = frozenset(
        [
            "oauth",
            "content",
            "crm.lists.read",
            "crm.lists.write",
            "crm.objects.owners.read",
            "marketing.campaigns.read",
            "marketing.campaigns.write",
            *(f"crm.objects.{kind}.{act}" for kind in _KINDS for act in ("read", "write")),
            *(f"crm.schemas.{kind}.{act}" for kind in _KINDS for act in ("read", "write")),
        ]
    )
    environment: ClassVar[Mapping[str, str]] = {"MKTOOL_HUBSPOT_TOKEN": "pat-sandbox-run"}

    def bound(self) -> Iterator[Bound]:
        for bound in super().bound():
            paced = bound.route.path.startswith(HOST) and "/oauth/" not in bound.route.path
            yield replace(bound, handler=self._paced(bound.handler)) if paced else bound

    def admit(self, call: Call, *scopes: str) -> Session:
        """Check the token and that it has one of these scopes."""
        session = self._session(call)
        if scopes and not session.scopes.intersection(scopes):
            text = "This app hasn't been granted all required scopes to make this call."
            need = {"message": "One or more of the following scopes are required.",
                    "context": {"requiredGranularScopes": list(scopes)}}  # fmt: skip
            raise Refusal(problem(403, text, errors=[need]))
        return session

    def _session(self, call: Call) -> Session:
        if not call.bearer:
            raise Refusal(problem(401, "Authentication credentials not found."))
        try:
            return self.session(call.bearer)
        except Expired as over:
            text = "The OAuth token used to make this call expired or was revoked."
            category = "INVALID_AUTHENTICATION" if over.revoked else "EXPIRED_AUTHENTICATION"
            raise Refusal(problem(401, text, category)) from None
        except LookupError:
            raise Refusal(problem(401, "The token is not valid.")) from None

    def _paced(self, handler: Handler) -> Handler:
        def answer(call: Call) -> Reply:
            try:
                headers = self._count(call)
                reply = handler(call)
            except Refusal as refusal:
                if refusal.reply.status in (401, 429):
                    raise
                reply = refusal.reply
            return replace(reply, headers={**reply.headers, **headers})

        return answer

    def _count(self, call: Call) -> dict[str, str]:
        """Count a call; return the headers that tell what is left. Searches have none."""
        session = self._session(call)
        if call.path.endswith("/search"):
            if self.world.take("hubspot.search", self.name, SEARCH, 1.0).exceeded:
                raise Refusal(throttled("SECONDLY"))
            return {}
        static = session.client_id == "static"
        burst = self.world.take(
            self.name, session.client_id, BURST if static else OAUTH_BURST, 10.0
        )
        day = self.world.take("hubspot.day", self.name, DAY, 86_400.0)
        if burst.exceeded or day.exceeded:
            raise Refusal(throttled("DAILY" if day.exceeded else "TEN_SECONDLY_ROLLING"))
        told = {"x-hubspot-ratelimit-max": str(burst.limit),
                "x-hubspot-ratelimit-remaining": str(burst.remaining),
                "x-hubspot-ratelimit-interval-milliseconds": "10000"}  # fmt: skip
        if static:  # apps with OAuth are not told the account's
            told |= {"x-hubspot-ratelimit-daily": str(day.limit),
                     "x-hubspot-ratelimit-daily-remaining": str(day.remaining)}  # fmt: skip
        return told

    def fails(self, status: int, call: Call) -> Reply:
        if status == 429:
            return throttled("TEN_SECONDLY_ROLLING")
        if status >= 500:
            return Reply(status, json={"status": "error", "message": "internal error",
                                       "correlationId": correlation(call.path)})  # fmt: skip
        return problem(status, "The sandbox was asked to answer with this.")

    def missing(self, call: Call) -> Reply:
        return Reply(404, body=b"<h2>Not Found</h2>", mime="text/html")


def correlation(seed: object) -> str:
    """Return what support asks for; always the same for this seed."""
    digits = md5(str(seed).encode(), usedforsecurity=False).hexdigest()
    return "-".join(digits[a:b] for a, b in ((0, 8), (8, 12), (12, 16), (16, 20), (20, 32)))


def problem(status: int, message: str, category: str = "", **more: object) -> Reply:
    """Return a refusal."""
    told = category or _CATEGORIES.get(status, "VALIDATION_ERROR")
    return Reply(
        status, json={"status": "error", "message": message, "correlationId": correlation(message),
                      "category": told, **more},
    )  # fmt: skip


def throttled(policy: str) -> Reply:
    """Return the refusal of too many calls; no header says for how long."""
    text = f"You have reached your {policy.lower()} limit."
    return Reply(
        429, json={"status": "error", "message": text, "errorType": "RATE_LIMIT",
                   "correlationId": correlation(policy), "policyName": policy,
                   "groupName": f"publicapi:private-app-api-calls:{PORTAL}"},
    )  # fmt: skip


def body_of(call: Call) -> dict[str, Any]:
    """Return the JSON object of a call, or refuse it."""
    found = call.object()
    if found is None:
        raise Refusal(problem(400, "Invalid input JSON on line 1, column 1"))
    return found


def listed(call: Call, usual: int, most: int) -> int:
    """Return how many rows a page has, or refuse."""
    size = whole(call.query.get("limit", str(usual)))
    if not size or size > most:
        raise Refusal(problem(400, f"limit must be between 1 and {most}"))
    return size


def paging(call: Call, after: object) -> dict[str, Any]:
    """Return the member of a page that leads to the next one."""
    link = f"https://{call.path}?after={after}"
    return {"next": {"after": str(after), "link": link}}
