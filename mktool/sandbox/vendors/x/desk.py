"""What every endpoint of X does first: token, scope, rate limit; and how it refuses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from ...vendor import Session, Vendor
from ...wire import Call, Refusal, Reply

PROBLEM = "https://api.x.com/2/problems/"
ME = "1730000000000000001"
NAME = "sandbox"
QUARTER = 900.0  # seconds of a rate-limit window
# https://docs.x.com/x-api/fundamentals/rate-limits: calls per user and window
RATES = {
    "POST /2/tweets": 100,
    "DELETE /2/tweets": 50,
    "GET /2/tweets": 900,
    "GET /2/users/me": 75,
    "GET /2/users/tweets": 900,
    "POST /2/media/upload": 500,
    "POST /2/media/upload/chunks": 1875,
    "GET /2/media/upload": 1000,
    "POST /2/media/metadata": 500,
}


class Desk(Vendor):
    """Identity and refusals; the endpoints are in the classes that build on it."""

    name: ClassVar[str] = "x"
    title: ClassVar[str] = "X"
    color: ClassVar[str] = "#3b3f46"
    hosts: ClassVar[tuple[str, ...]] = ("api.x.com", "api.twitter.com", "x.com", "twitter.com")
    scopes: ClassVar[frozenset[str]] = frozenset(
        ["tweet.read", "tweet.write", "users.read", "users.email", "media.write", "offline.access"]
    )
    environment: ClassVar[Mapping[str, str]] = {"MKTOOL_X_ACCESS_TOKEN": "sandbox-run"}

    def fails(self, status: int, call: Call) -> Reply:
        if status == 402:
            detail = "Your enrolled account does not have any credits to fulfill this request."
            kind = f"{PROBLEM}credits"
            return Reply(402, json={"title": "CreditsDepleted", "detail": detail, "type": kind,
                                    "status": 402})  # fmt: skip
        if status == 404:
            return Reply(404)  # an unknown path gets an empty body
        headers = {}
        if status == 429:
            headers = {"x-rate-limit-limit": "100", "x-rate-limit-remaining": "0",
                       "x-rate-limit-reset": str(int(call.now) + 1)}  # fmt: skip
        return problem(status, _TITLES.get(status, "Error"), headers=headers)

    def admit(self, call: Call, bucket: str, *scopes: str) -> dict[str, str]:
        """Check the token and the rate limit; return the rate-limit headers."""
        session = self._session(call)
        quota = self.world.take(bucket, session.client_id, RATES[bucket], QUARTER)
        headers = {
            "x-rate-limit-limit": str(quota.limit),
            "x-rate-limit-remaining": str(max(quota.remaining, 0)),
            "x-rate-limit-reset": str(quota.reset),
        }
        if quota.exceeded:
            raise Refusal(problem(429, "Too Many Requests", headers=headers))
        if not session.scopes.issuperset(scopes):
            raise Refusal(problem(403, "Forbidden", headers=headers))
        return headers

    def _session(self, call: Call) -> Session:
        try:
            return self.session(call.bearer)
        except LookupError:
            raise Refusal(problem(401, "Unauthorized")) from None


_TITLES = {400: "Invalid Request", 401: "Unauthorized", 403: "Forbidden", 405: "Method Not Allowed",
           429: "Too Many Requests", 500: "Internal Server Error",
           503: "Service Unavailable"}  # fmt: skip


def problem(
    status: int, title: str, detail: str = "", *, headers: Mapping[str, str] | None = None
) -> Reply:
    body = {"title": title, "detail": detail or title, "type": "about:blank", "status": status}
    return Reply(status, json=body, headers=headers or {})


def forbidden(detail: str) -> Reply:
    return problem(403, "Forbidden", detail)


def invalid(parameter: str, message: str) -> Reply:
    return Reply(400, json={
        "errors": [{"parameters": {parameter: []}, "message": message}],
        "title": "Invalid Request",
        "detail": "One or more parameters to your request was invalid.",
        "type": f"{PROBLEM}invalid-request",
    })  # fmt: skip


def listed(call: Call, name: str) -> set[str]:
    """Return a comma-separated query parameter as a set."""
    return set(call.query.get(name, "").split(","))
