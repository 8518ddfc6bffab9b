"""What every call to Resend goes through: https://resend.com/docs/api-reference (read 2026-11)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar, Generic, Protocol, TypeVar
from uuid import NAMESPACE_URL, uuid5

from ...vendor import Vendor, whole
from ...wire import Call, Refusal, Reply

API = "api.resend.com"
PER_SECOND = 5  # calls of one team: https://resend.com/docs/api-reference/rate-limit

# https://resend.com/docs/api-reference/errors
NAMES = {400: "validation_error", 401: "missing_api_key", 403: "invalid_api_key", 404: "not_found",
         405: "method_not_allowed", 409: "concurrent_idempotent_requests",
         422: "missing_required_field", 429: "rate_limit_exceeded"}  # fmt: skip
MEANINGS = {
    "application_error": "An unexpected error occurred.",
    "concurrent_idempotent_requests": "Another request with the same idempotency key is under way.",
    "invalid_api_key": "API key is invalid",
    "method_not_allowed": "Method is not allowed for the requested path.",
    "missing_api_key": "Missing API Key",
    "not_found": "The requested endpoint does not exist.",
    "rate_limit_exceeded": "Too many requests. Wait before you send the next one.",
    "restricted_api_key": "This API key is restricted to only send emails",
}


class Kept(Protocol):
    """Something with an id."""

    @property
    def id(self) -> str: ...


K = TypeVar("K", bound=Kept)


class Shelf(Generic[K]):
    """Objects by id, to be listed from any of them on."""

    def __init__(self) -> None:
        self._rows: list[K | None] = []
        self._places: dict[str, int] = {}

    def __iter__(self) -> Iterator[K]:
        return (row for row in self._rows if row is not None)

    def add(self, row: K) -> K:
        self._places[row.id] = len(self._rows)
        self._rows.append(row)
        return row

    def get(self, id: str) -> K:
        """Return one; Refusal for an id that is none."""
        row = self._rows[self._places[id]] if id in self._places else None
        if row is None:
            raise Refusal(refusal(404, "not_found", "The requested resource was not found"))
        return row

    def remove(self, id: str) -> K:
        row = self.get(id)
        self._rows[self._places.pop(id)] = None
        return row

    def page(
        self, call: Call, wanted: Callable[[K], bool] = lambda row: True
    ) -> tuple[list[K], bool]:
        """Return the objects that a call asks for, newest first, and whether there are more."""
        size = whole(call.query.get("limit", "20"))
        if size is None or not 1 <= size <= 100:
            raise Refusal(refusal(422, "validation_error", "`limit` must be between 1 and 100"))
        after, before = call.query.get("after", ""), call.query.get("before", "")
        if after and before:
            raise Refusal(refusal(422, "validation_error", "Use either `after` or `before`"))
        found: list[K] = []
        for row in self._from(after, before):
            if row is not None and wanted(row):
                found.append(row)
            if len(found) > size:
                break
        shown = found[:size]
        return (shown[::-1] if before else shown), len(found) > size

    def _from(self, after: str, before: str) -> Iterator[K | None]:
        if before:
            self.get(before)
            return (self._rows[at] for at in range(self._places[before] + 1, len(self._rows)))
        if after:
            self.get(after)
        start = self._places[after] if after else len(self._rows)
        return (self._rows[at] for at in range(start - 1, -1, -1))


class Desk(Vendor):
    """Identity, limits and refusals. A key that says "sending" may send and nothing else."""

    name: ClassVar[str] = "resend"
    title: ClassVar[str] = "Resend"
    color: ClassVar[str] = "#33363d"
    hosts: ClassVar[tuple[str, ...]] = (API,)
    scopes: ClassVar[frozenset[str]] = frozenset({"full_access", "sending_access"})
    environment: ClassVar[Mapping[str, str]] = {"MKTOOL_RESEND_API_KEY": "re_sandbox_run"}

    def admit(self, call: Call, *, sending: bool = False) -> Mapping[str, str]:
        """Check the key and count the call; return the headers that tell what is left."""
        if not call.headers.get("user-agent"):
            raise Refusal(Reply(403, body=b"error code: 1010", mime="text/plain"))
        key = call.bearer
        if not key:
            raise Refusal(refusal(401))
        if not key.startswith("re_") or "sandbox" not in key:
            raise Refusal(refusal(403))
        quota = self.world.take(self.name, "team", PER_SECOND, 1.0)
        wait = str(max(1, quota.reset - int(call.now)))
        headers = {"ratelimit-limit": str(quota.limit), "ratelimit-reset": wait,
                   "ratelimit-remaining": str(max(0, quota.remaining))}  # fmt: skip
        if quota.exceeded:
            raise Refusal(refusal(429, headers={**headers, "retry-after": wait}))
        if "sending" in key and not sending:
            raise Refusal(refusal(401, "restricted_api_key"))
        return headers

    def made(self) -> str:
        """Return the id of something new."""
        return str(uuid5(NAMESPACE_URL, f"{self.name}/{self.world.clock()}/{self.world.number()}"))

    def fails(self, status: int, call: Call) -> Reply:
        headers = {"retry-after": "1"} if status == 429 else {}
        return refusal(status, headers=headers)


def refusal(
    status: int, name: str = "", message: str = "", headers: Mapping[str, str] | None = None
) -> Reply:
    """Return the answer that says no, in the words of the vendor for this status or name."""
    name = name or NAMES.get(status, "application_error")
    body = {"statusCode": status, "name": name, "message": message or MEANINGS.get(name, name)}
    return Reply(status, json=body, headers=headers or {})


def object_of(call: Call) -> dict[str, Any]:
    """Return the JSON object in the body, or refuse."""
    body = call.object()
    if body is None:
        raise Refusal(refusal(400, message="The body is not a JSON object"))
    return body


def listed(rows: list[dict[str, Any]], more: bool, headers: Mapping[str, str]) -> Reply:
    """Return a list as the vendor words it."""
    return Reply(json={"object": "list", "has_more": more, "data": rows}, headers=headers)


def stamp(seconds: float) -> str:
    """Return epoch seconds as the vendor writes them."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds")
