"""What every call to Mailchimp goes through: the key, the page asked for, and how it refuses.

https://mailchimp.com/developer/marketing/docs/fundamentals/ (read 2026-11). Refusals are problem
documents (RFC 7807).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from hashlib import md5
from typing import Any, ClassVar

from ...inbox import iso
from ...vendor import Vendor, on, whole
from ...wire import Call, Refusal, Reply

API = "{dc}.api.mailchimp.com/3.0"
SITE = "https://sandbox.mailchimp.example"
OPENED = 1_780_000_000.0  # when the account was made
_TITLES = {
    400: "Invalid Resource",
    401: "API Key Invalid",
    403: "Forbidden",
    404: "Resource Not Found",
    405: "Method Not Allowed",
    429: "Too Many Requests",
    500: "Internal Server Error",
}


class Desk(Vendor):
    """Identity and refusals."""

    name: ClassVar[str] = "mailchimp"
    title: ClassVar[str] = "Mailchimp"
    color: ClassVar[str] = "#8a6d00"
    hosts: ClassVar[tuple[str, ...]] = ("*.api.mailchimp.com",)
    scopes: ClassVar[frozenset[str]] = frozenset()
    environment: ClassVar[Mapping[str, str]] = {"MKTOOL_MAILCHIMP_API_KEY": "sandbox-run-us1"}

    def admit(self, call: Call) -> None:
        """Check the key, which ends in the data centre that it is good for, and do what is due."""
        key = call.basic[1] if call.basic else call.bearer
        centre = key.rpartition("-")[2]
        elsewhere = call.basic is not None and centre != call.params["dc"]
        if "sandbox" not in key or elsewhere:
            raise Refusal(problem(401, "The key is invalid, or belongs to another data centre."))
        self.advance(call.now)

    def advance(self, now: float) -> None:
        """Do what time has come for, in epoch seconds."""

    @on("GET", API + "/ping")
    def ping(self, call: Call) -> Reply:
        self.admit(call)
        return Reply(json={"health_status": "Everything's Chimpy!"})

    @on("GET", API, API + "/")
    def root(self, call: Call) -> Reply:
        self.admit(call)
        return Reply(
            json={
                "account_id": ident("account"), "login_id": "1", "account_name": "Sandbox",
                "email": "owner@sandbox.example", "first_name": "Sandy", "last_name": "Box",
                "username": "sandbox", "role": "owner", "member_since": iso(OPENED),
                "pricing_plan_type": "monthly", "account_timezone": "UTC", "pro_enabled": False,
                "last_login": iso(OPENED), "total_subscribers": self.subscribers(), "_links": [],
            }
        )  # fmt: skip

    def subscribers(self) -> int:
        """Return how many addresses can be written to."""
        return 0

    def fails(self, status: int, call: Call) -> Reply:
        if status == 403:  # at very high volume it is refused before the API sees it
            return Reply(403, body=b"<h1>Forbidden</h1>", mime="text/html")
        return problem(status, "The sandbox was asked to answer with this.")

    def missing(self, call: Call) -> Reply:
        return problem(404, "The requested resource could not be found.")


def problem(status: int, detail: str, **fields: str) -> Reply:
    """Return the document that says no; ``fields`` are the members that are wrong, and how."""
    body: dict[str, Any] = {
        "type": "https://mailchimp.com/developer/marketing/docs/errors/",
        "title": _TITLES.get(status, _TITLES[500 if status >= 500 else 400]),
        "status": status,
        "detail": detail,
        "instance": "00000000-0000-0000-0000-000000000000",
    }
    if fields:
        body["errors"] = [{"field": name, "message": text} for name, text in fields.items()]
    mime = "application/problem+json; charset=utf-8"
    return Reply(status, body=json.dumps(body).encode(), mime=mime)


def invalid(**fields: str) -> Refusal:
    """Return the refusal of members that break a rule."""
    return Refusal(problem(400, "The resource submitted could not be validated.", **fields))


def missing() -> Refusal:
    """Return the refusal of something that does not exist."""
    return Refusal(problem(404, "The requested resource could not be found."))


def body_of(call: Call) -> dict[str, Any]:
    """Return the JSON object that was sent, or refuse it."""
    found = call.object()
    if found is None:
        raise Refusal(problem(400, "The request body is not a JSON object."))
    return found


def page(call: Call, name: str, rows: Sequence[dict[str, Any]], **more: object) -> Reply:
    """Return the part of a collection that ``count`` and ``offset`` ask for."""
    count, offset = whole(call.query.get("count", "10")), whole(call.query.get("offset", "0"))
    if count is None or offset is None or count > 1000:
        raise invalid(count="at most 1000")
    shown = rows[offset : offset + count]
    return Reply(json={name: shown, "total_items": len(rows), "_links": [], **more})


def ident(seed: object) -> str:
    """Return an id that is always the same for this seed: ten hex digits."""
    return md5(f"mailchimp/{seed}".encode(), usedforsecurity=False).hexdigest()[:10]
