"""What every endpoint of LinkedIn does first: token, version, scope; and how it refuses.

https://learn.microsoft.com/linkedin/marketing/versioning (read 2026-11): a version lives about a
year; a missing one is answered with 400, a dead one with 426.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import unquote

from ...vendor import Expired, Session, Vendor, whole
from ...wire import Call, Refusal, Reply

OLDEST, NEWEST = 202512, 202611  # the versions that are active in November 2026
MEMBER = "urn:li:person:sandbox01"
PAGE = "1001"
DAY = 86400.0
POSTS_PER_DAY = 150
_URN = re.compile(r"urn:li:\w+:.+")


class Desk(Vendor):
    """Identity and refusals; the endpoints are in the classes that build on it."""

    name: ClassVar[str] = "linkedin"
    title: ClassVar[str] = "LinkedIn"
    color: ClassVar[str] = "#2266b8"
    hosts: ClassVar[tuple[str, ...]] = ("api.linkedin.com", "www.linkedin.com")
    # r_member_social is closed to new applications: it is never granted to a made-up token.
    scopes: ClassVar[frozenset[str]] = frozenset(
        [
            "openid",
            "profile",
            "email",
            "w_member_social",
            "w_member_social_feed",
            "r_member_social_feed",
            "w_organization_social",
            "r_organization_social",
            "w_organization_social_feed",
            "r_organization_social_feed",
            "rw_organization_admin",
            "r_organization_admin",
            "r_member_postAnalytics",
        ]
    )
    environment: ClassVar[Mapping[str, str]] = {"MKTOOL_LINKEDIN_ACCESS_TOKEN": "sandbox-run"}

    def admit(self, call: Call, resource: str, *any_of: str) -> Session:
        """Check token, version and scope; any one of the scopes will do, if any is named."""
        session = self.member(call)
        version = call.headers.get("linkedin-version", "")
        if not version:
            text = "A version must be present. Please specify a version by adding the "
            raise Refusal(error(400, f"{text}LinkedIn-Version header.", "VERSION_MISSING"))
        if not re.fullmatch("[0-9]{6}", version) or not OLDEST <= int(version) <= NEWEST:
            shown = f"{version}01" if len(version) == 6 else version
            text = f"Requested version {shown} is not active"
            raise Refusal(error(426, text, "NONEXISTENT_VERSION"))
        if call.headers.get("x-restli-protocol-version") != "2.0.0":
            raise Refusal(error(400, "X-Restli-Protocol-Version must be 2.0.0"))
        if any_of:
            permit(session, f"{resource}.{version}01", *any_of)
        return session

    def member(self, call: Call) -> Session:
        """Return what the token allows, wherever it was made."""
        if not call.bearer:
            raise Refusal(error(401, "Empty oauth2 access token", "EMPTY_ACCESS_TOKEN", 65604))
        try:
            return self.session(call.bearer)
        except Expired as over:
            if over.revoked:
                text = "The token used in the request has been revoked by the user"
                raise Refusal(error(401, text, "REVOKED_ACCESS_TOKEN", 65601)) from None
            text = "The token used in the request has expired"
            raise Refusal(error(401, text, "EXPIRED_ACCESS_TOKEN", 65602)) from None
        except LookupError:
            text = "Invalid access token"
            raise Refusal(error(401, text, "INVALID_ACCESS_TOKEN", 65600)) from None

    def may_act(self, session: Session, actor: object, field: str, suffix: str = "") -> str:
        """Return the URN of who acts: the member, or a page where scope and role allow it."""
        if actor == MEMBER and {"w_member_social", f"w_member_social{suffix}"} & session.scopes:
            return MEMBER
        if not isinstance(actor, str) or not actor.startswith("urn:li:organization:"):
            raise Refusal(denied(field))
        pages = {"w_organization_social", f"w_organization_social{suffix}"}
        if not pages & session.scopes:
            text = "Organization permissions must be used when using organization as author"
            raise Refusal(error(403, text, "ACCESS_DENIED", 100))
        if not administered(actor.rpartition(":")[2]):
            raise Refusal(denied(field))
        return actor

    def fails(self, status: int, call: Call) -> Reply:
        if status == 429:
            text = "Resource level throttle APPLICATION_AND_MEMBER DAY limit for calls to this "
            return error(429, f"{text}resource is reached.", "TOO_MANY_REQUESTS", 101)
        if status == 404:
            return error(404, "No virtual resource found", "RESOURCE_NOT_FOUND", 0)
        words = {401: "Invalid access token", 403: "Not enough permissions", 405: "Not allowed"}
        return error(status, words.get(status, "Internal Server Error"))


def error(status: int, message: str, code: str = "", service: int | None = None) -> Reply:
    """Return LinkedIn's error object."""
    body: dict[str, object] = {"status": status, "message": message}
    if code:
        body["code"] = code
    if service is not None:
        body["serviceErrorCode"] = service
    return Reply(status, json=body)


def denied(field: str) -> Reply:
    """Return the refusal of somebody else's URN in a field."""
    text = "Field Value validation failed in REQUEST_BODY: Data Processing Exception while "
    return error(403, f"{text}processing fields [{field}]", "ACCESS_DENIED", 100)


def unprocessable(field: str, why: str) -> Reply:
    """Return the refusal of a body that does not fit the schema."""
    return error(422, f"ERROR :: {field} :: {why}")


def permit(session: Session, resource: str, *any_of: str) -> None:
    """Refuse a token that has none of the scopes."""
    if not session.scopes.intersection(any_of):
        text = f"Not enough permissions to access: {resource}"
        raise Refusal(error(403, text, "ACCESS_DENIED", 100))


def administered(number: str) -> bool:
    """Whether the member holds a role at this page."""
    return whole(number) is not None and not number.endswith("404")


def key(call: Call, name: str = "urn") -> str:
    """Return a URN from the path, where it must be percent-encoded."""
    urn = call.params[name]
    if not _URN.fullmatch(urn) or urn in call.path:
        raise Refusal(error(400, "Syntax exception in path variables", "ILLEGAL_ARGUMENT"))
    return urn


def raw(call: Call, name: str) -> str:
    """Return a query parameter still encoded: Rest.li gives structure to what is not."""
    pairs = (part.partition("=") for part in call.raw_query.split("&"))
    return next((value for found, _, value in pairs if found == name), "")


def listed(value: str) -> list[str]:
    """Return the members of a Rest.li ``List(a,b)``."""
    inner = re.fullmatch(r"List\((.*)\)", value)
    return [unquote(part) for part in inner[1].split(",")] if inner else []


def paged(call: Call, found: list[dict[str, Any]]) -> Reply:
    """Return one page of a collection, by ``start`` and ``count``."""
    first, size = (whole(call.query.get(n, d)) for n, d in (("start", "0"), ("count", "10")))
    if first is None or size is None or size > 100:
        raise Refusal(error(400, "Invalid paging parameters", "ILLEGAL_ARGUMENT"))
    paging = {"start": first, "count": size, "links": [], "total": len(found)}
    return Reply(json={"paging": paging, "elements": found[first : first + size]})
