"""What every call to Notion goes through: token, version, and how a refusal is worded.

https://developers.notion.com/reference/errors and /reference/versioning (read 2026-11)
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar
from uuid import UUID, uuid5

from ...inbox import iso
from ...vendor import Expired, Vendor
from ...wire import Call, Refusal, Reply

API = "api.notion.com/v1"
OLD, DATA_SOURCES, NEWEST = "2022-06-28", "2025-09-03", "2026-03-11"
VERSIONS = (OLD, DATA_SOURCES, NEWEST)
LARGEST = 500_000  # bytes of a request
PER_MINUTE = 180  # calls: three a second on average
MOST = 100  # results of a page
_SPACE = UUID("5a4db0c5-0000-4000-8000-000000000000")
_ID = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}", re.IGNORECASE)
_CODES = {400: "validation_error", 401: "unauthorized", 403: "restricted_resource",
          404: "object_not_found", 405: "invalid_request_url", 409: "conflict_error",
          413: "validation_error", 429: "rate_limited", 503: "service_unavailable",
          529: "service_overload"}  # fmt: skip
BOT, PERSON = (str(uuid5(_SPACE, who)) for who in ("bot", "person"))
WORKSPACE = str(uuid5(_SPACE, "workspace"))


class Desk(Vendor):
    """Identity and refusals."""

    name: ClassVar[str] = "notion"
    title: ClassVar[str] = "Notion"
    color: ClassVar[str] = "#37352f"
    hosts: ClassVar[tuple[str, ...]] = ("api.notion.com",)
    scopes: ClassVar[frozenset[str]] = frozenset()
    environment: ClassVar[Mapping[str, str]] = {
        "MKTOOL_NOTION_TOKEN": "ntn_sandbox-run",
        "MKTOOL_NOTION_PARENT": str(uuid5(_SPACE, "database")),
    }

    def admit(self, call: Call, *, since: str = OLD) -> str:
        """Check token, version and pace; return the version. ``since`` is the first that has it."""
        try:
            self.session(call.bearer)
        except (Expired, LookupError):
            raise Refusal(failure(401, "API token is invalid.")) from None
        version = call.headers.get("notion-version", "")
        if version not in VERSIONS:
            text = "Notion-Version header failed validation: Notion-Version header should be "
            text += f"defined, instead was `{version or 'undefined'}`."
            raise Refusal(failure(400, text, "validation_error" if version else "missing_version"))
        if version < since:
            raise Refusal(failure(400, "Invalid request URL.", "invalid_request_url"))
        if len(call.body) > LARGEST:
            raise Refusal(failure(413, f"the body is larger than {LARGEST} bytes"))
        quota = self.world.take("notion", call.bearer, PER_MINUTE, 60.0)
        if quota.exceeded:
            raise Refusal(throttled(max(1, round(quota.reset - call.now))))
        return version

    def fails(self, status: int, call: Call) -> Reply:
        if status in (429, 529):
            return throttled(1, status)
        return failure(status, "The sandbox was asked to answer with this.")

    def missing(self, call: Call) -> Reply:
        return failure(400, "Invalid request URL.", "invalid_request_url")


def failure(status: int, message: str, code: str = "") -> Reply:
    """Return the answer that says no."""
    code = code or _CODES.get(status, "internal_server_error")
    return Reply(status, json=_error(status, code, message))


def throttled(wait: int, status: int = 429) -> Reply:
    """Return the answer to who calls too often; ``wait`` is seconds."""
    body = _error(status, _CODES[status], "You have been rate limited. Please try again later.")
    body["additional_data"] = {"rate_limit_reason": "connection_limit"}
    return Reply(status, json=body, headers={"retry-after": str(wait)})


def _error(status: int, code: str, message: str) -> dict[str, Any]:
    request = str(uuid5(_SPACE, f"{status}/{message}"))
    return {"object": "error", "status": status, "code": code, "message": message,
            "request_id": request}  # fmt: skip


def invalid(message: str) -> Refusal:
    return Refusal(failure(400, f"body failed validation: {message}"))


def unknown(id: str) -> Refusal:
    """Return the refusal of what does not exist, or is not shared with the integration."""
    return Refusal(failure(404, f"Could not find object with ID: {id}. Make sure the relevant "
                           "pages and databases are shared with your integration."))  # fmt: skip


def body_of(call: Call) -> dict[str, Any]:
    """Return the JSON object that was sent, or refuse it."""
    found = call.object()
    if found is None:
        raise Refusal(failure(400, "Error parsing JSON body.", "invalid_json"))
    return found


def ident(value: object) -> str:
    """Return an id with its dashes, "" for what is none."""
    return str(UUID(value)) if isinstance(value, str) and _ID.fullmatch(value) else ""


def made(seed: object) -> str:
    """Return an id that is always the same for this seed."""
    return str(uuid5(_SPACE, str(seed)))


def stamp(seconds: float) -> str:
    """Return epoch seconds as Notion keeps times: to the minute."""
    return iso(seconds // 60 * 60)


def listed(rows: Sequence[Any], size: object, start: object, kind: str) -> Reply:
    """Return a page of things that have an ``id``, from the cursor on, which is one of those."""
    count = page_size(size)
    first = 0
    if start is not None:
        ids = [row["id"] for row in rows]
        if ident(start) not in ids:
            raise invalid("start_cursor is not valid")
        first = ids.index(ident(start))
    return answer(rows[first : first + count + 1], count, kind)


def answer(rows: Sequence[Any], count: int, kind: str) -> Reply:
    """Return the first so many of the rows; one more says that there is a next page."""
    more = len(rows) > count
    return Reply(json={
        "object": "list", "results": list(rows[:count]), "has_more": more,
        "next_cursor": rows[count]["id"] if more else None, "type": kind, kind: {},
        "request_id": made("list"),
    })  # fmt: skip


def page_size(given: object) -> int:
    if given is None:
        return MOST
    if isinstance(given, str) and given.isascii() and given.isdigit() and len(given) < 6:
        given = int(given)
    if type(given) is not int or not 1 <= given <= MOST:
        raise invalid(f"page_size should be a number from 1 to {MOST}")
    return given
