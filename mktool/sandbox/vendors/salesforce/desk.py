"""What every call to Salesforce goes through: the session, the limit, and how it refuses.

https://developer.salesforce.com/docs/platform/api-rest/guide/errorcodes.html (read 2026-11):
refusals are arrays.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import ClassVar

from ...oauth import Session
from ...vendor import Bound, Expired, Handler, Vendor
from ...wire import Call, Refusal, Reply

MY = "{domain}.my.salesforce.com"
DATA = f"{MY}/services/data/{{version}}"
DOMAIN = "sandbox.my.salesforce.com"
ORG = "00D5g000004sandEAA"
OLDEST, NEWEST = 31, 66  # versions
PER_DAY = 100_000
_VERSION = re.compile(r"v(\d\d)\.0")
_CODES = {400: "INVALID_INPUT", 401: "INVALID_SESSION_ID", 403: "REQUEST_LIMIT_EXCEEDED",
          404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED", 429: "REQUEST_LIMIT_EXCEEDED",
          500: "UNKNOWN_EXCEPTION", 503: "SERVER_UNAVAILABLE"}  # fmt: skip


class Unfit(Exception):
    """A record cannot be written as it was given; one row of many, or the whole call."""

    def __init__(self, code: str, message: str, *fields: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.fields, self.status = code, fields, status

    def to_json(self, key: str = "statusCode") -> dict[str, object]:
        """Return the error; rows of many call its code ``statusCode``, a call ``errorCode``."""
        return {key: self.code, "message": str(self), "fields": list(self.fields)}

    def reply(self) -> Reply:
        return Reply(self.status, json=[self.to_json("errorCode")])


class Desk(Vendor):
    """Identity, the limit of a day, and refusals."""

    name: ClassVar[str] = "salesforce"
    title: ClassVar[str] = "Salesforce"
    color: ClassVar[str] = "#0b66a8"
    hosts: ClassVar[tuple[str, ...]] = (
        "login.salesforce.com", "test.salesforce.com", "*.my.salesforce.com"
    )  # fmt: skip
    scopes: ClassVar[frozenset[str]] = frozenset(
        ["api", "refresh_token", "offline_access", "openid", "id", "full", "web", "profile",
         "email"]
    )  # fmt: skip
    environment: ClassVar[Mapping[str, str]] = {
        "MKTOOL_SALESFORCE_ACCESS_TOKEN": f"{ORG}!sandbox-run",
        "MKTOOL_SALESFORCE_INSTANCE_URL": f"https://{DOMAIN}",
    }

    def bound(self) -> Iterator[Bound]:
        for bound in super().bound():
            counted = "/services/data/{version}" in bound.route.path
            yield replace(bound, handler=self._counted(bound.handler)) if counted else bound

    def _counted(self, handler: Handler) -> Handler:
        def answer(call: Call) -> Reply:
            try:
                self.admit(call)
            except Refusal as refusal:
                return refusal.reply
            day = self.world.take(self.name, ORG, PER_DAY, 86_400.0)
            told = f"api-usage={day.limit - max(0, day.remaining)}/{day.limit}"
            if day.exceeded:
                reply = refused(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
            else:
                reply = self._answered(handler, call)
            return replace(reply, headers={"sforce-limit-info": told, **reply.headers})

        return answer

    def _answered(self, handler: Handler, call: Call) -> Reply:
        version = _VERSION.fullmatch(call.params["version"])
        if version is None or not OLDEST <= int(version[1]) <= NEWEST:
            return refused(404, "NOT_FOUND", "The requested resource does not exist")
        try:
            return handler(call)
        except Refusal as refusal:
            return refusal.reply
        except Unfit as unfit:
            return unfit.reply()

    def admit(self, call: Call) -> Session:
        """Check the session."""
        scheme, _, token = call.headers.get("authorization", "").partition(" ")
        try:
            session = self.session(token.strip() if scheme in ("Bearer", "OAuth") else "")
        except Expired:
            text = "Session expired or invalid"
            raise Refusal(refused(401, "INVALID_SESSION_ID", text)) from None
        except LookupError:
            known = "INVALID_SESSION_ID" if token else "INVALID_AUTH_HEADER"
            raise Refusal(refused(401, known, "Session expired or invalid")) from None
        if not session.scopes & {"api", "full"}:
            text = "This session is not valid for use with the REST API"
            raise Refusal(refused(403, "INVALID_SESSION_ID", text))
        return session

    def fails(self, status: int, call: Call) -> Reply:
        return refused(status, _CODES.get(status, "UNKNOWN_EXCEPTION"), "Made to fail")

    def missing(self, call: Call) -> Reply:
        return refused(404, "NOT_FOUND", "The requested resource does not exist")


def refused(status: int, code: str, message: str) -> Reply:
    """Return a refusal."""
    return Reply(status, json=[{"message": message, "errorCode": code}])


def stamp(seconds: float) -> str:
    """Return a time as Salesforce writes it."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.000+0000"


_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CHECK = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_POD = "5g000"


def encode(prefix: str, number: int) -> str:
    """Return the id of 18 characters of a record: the last three protect upper and lower case."""
    digits = ""
    while number:
        number, rest = divmod(number, 62)
        digits = _DIGITS[rest] + digits
    return _checked(f"{prefix}{_POD}{digits.rjust(7, '0')}")


def decode(id: str, prefix: str) -> int | None:
    """Return the number in an id of 15 or 18 characters, None for one of something else.

    Raises `Unfit` for what is no id at all.
    """
    if not re.fullmatch("[0-9A-Za-z]{15}|[0-9A-Za-z]{18}", id):
        raise Unfit("MALFORMED_ID", f"malformed id {id}")
    if len(id) == 18 and _checked(id[:15]) != id[:15] + id[15:].upper():
        raise Unfit("MALFORMED_ID", f"malformed id {id}")
    if not id.startswith(prefix + _POD):
        return None
    number = 0
    for digit in id[8:15]:
        number = number * 62 + _DIGITS.index(digit)
    return number


def _checked(id: str) -> str:
    parts = (id[at : at + 5] for at in (0, 5, 10))
    return id + "".join(
        _CHECK[sum(1 << bit for bit, letter in enumerate(part) if letter.isupper())]
        for part in parts
    )


USER = encode("005", 1)  # whom every session belongs to
