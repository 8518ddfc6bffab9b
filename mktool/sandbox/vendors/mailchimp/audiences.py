"""Audiences, their members and merge fields.

https://mailchimp.com/developer/marketing/api/lists/ and …/list-members/ (read 2026-11).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from hashlib import md5
from typing import Any

from ...inbox import iso
from ...vendor import on, text_of
from ...wire import Call, Reply
from ...world import World
from .desk import API, OPENED, SITE, Desk, body_of, ident, invalid, missing, page

MOST = 500  # members of one batch
STATUSES = ("subscribed", "unsubscribed", "cleaned", "pending", "transactional")
_FIELD_TYPES = ("text", "number", "address", "phone", "date", "url", "imageurl", "radio",
                "dropdown", "birthday", "zip")  # fmt: skip
IN_BATCH = frozenset({"full_name", "web_id"})  # what members lack there
_ADDRESS = re.compile(r"[^@\s<>\"(),;:]{1,64}@[^@\s<>\"(),;:]+\.[^@\s<>\"(),;:.]{2,}")


class Unwanted(Exception):
    """A member cannot be taken; the message says why, ``code`` is that of a batch."""

    def __init__(self, message: str, code: str = "ERROR_GENERIC") -> None:
        super().__init__(message)
        self.code = code


@dataclass(slots=True)
class Member:
    """A contact of an audience; ``merge`` holds its values by tag."""

    email: str
    status: str
    changed: float
    merge: dict[str, str] = field(default_factory=dict)

    @property
    def hash(self) -> str:
        return hashed(self.email)


@dataclass(slots=True)
class Segment:
    """Members named one by one (a tag is that, too), or by conditions."""

    id: int
    name: str
    kind: str
    made: float
    hashes: set[str] = field(default_factory=set)
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Audience:
    """A list; ``fields`` are its merge fields by tag."""

    id: str
    name: str
    made: float
    data: dict[str, Any] = field(default_factory=dict)
    fields: dict[str, dict[str, Any]] = field(default_factory=dict)
    members: dict[str, Member] = field(default_factory=dict)
    segments: dict[int, Segment] = field(default_factory=dict)

    def tags(self, hash: str) -> list[dict[str, Any]]:
        return [{"id": s.id, "name": s.name} for s in self.segments.values() if hash in s.hashes]

    def shown(self, member: Member, lacking: frozenset[str] = frozenset()) -> dict[str, Any]:
        """Return a member as the API shows it; some replies lack some of it."""
        merge = {tag: member.merge.get(tag, "") for tag in self.fields}
        name = f"{merge.get('FNAME', '')} {merge.get('LNAME', '')}".strip()
        tags = self.tags(member.hash)
        found = {
            "id": member.hash, "email_address": member.email, "contact_id": member.hash,
            "unique_email_id": member.hash[:10], "full_name": name, "web_id": 1,
            "email_type": "html", "status": member.status, "merge_fields": merge,
            "stats": {"avg_open_rate": 0, "avg_click_rate": 0}, "ip_signup": "", "ip_opt": "",
            "member_rating": 2, "last_changed": iso(member.changed), "language": "", "vip": False,
            "timestamp_opt": iso(member.changed), "tags_count": len(tags), "tags": tags,
            "list_id": self.id, "_links": [],
        }  # fmt: skip
        return {name: value for name, value in found.items() if name not in lacking}

    def to_json(self) -> dict[str, Any]:
        counts = {s: sum(m.status == s for m in self.members.values()) for s in STATUSES}
        return {
            "id": self.id, "web_id": int(self.id, 16), "name": self.name,
            "permission_reminder": "You signed up.", "use_archive_bar": False,
            "notify_on_subscribe": "", "notify_on_unsubscribe": "", "date_created": iso(self.made),
            "list_rating": 4, "email_type_option": False, "subscribe_url_short": SITE,
            "subscribe_url_long": SITE, "beamer_address": "", "visibility": "prv",
            "double_optin": False, "has_welcome": False, "marketing_permissions": False,
            "modules": [], "stats": {
                "member_count": counts["subscribed"], "cleaned_count": counts["cleaned"],
                "unsubscribe_count": counts["unsubscribed"], "total_contacts": len(self.members),
                "merge_field_count": len(self.fields),
            }, **self.data, "_links": [],
        }  # fmt: skip


class Audiences(Desk):
    """The audiences of the account."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.audiences: dict[str, Audience] = {}
        self._open("Sandbox", OPENED, {})

    def subscribers(self) -> int:
        every = (m for a in self.audiences.values() for m in a.members.values())
        return sum(m.status == "subscribed" for m in every)

    def audience(self, id: object) -> Audience:
        """Return an audience by id, or refuse."""
        found = self.audiences.get(str(id))
        if found is None:
            raise missing()
        return found

    def member(self, audience: Audience, named: str) -> Member:
        """Return a member by hash or address, or refuse."""
        found = audience.members.get(hashed(named) if "@" in named else named)
        if found is None:
            raise missing()
        return found

    @on("GET", API + "/lists")
    def lists(self, call: Call) -> Reply:
        self.admit(call)
        rows = [audience.to_json() for audience in self.audiences.values()]
        limits = {"may_create": True, "max_instances": 100, "current_total_instances": len(rows)}
        return page(call, "lists", rows, constraints=limits)

    @on("POST", API + "/lists")
    def create_list(self, call: Call) -> Reply:
        self.admit(call)
        body = body_of(call)
        needed = ("name", "contact", "permission_reminder", "campaign_defaults")
        absent = {name: "This value should not be blank." for name in needed if not body.get(name)}
        if absent:
            raise invalid(**absent)
        data = {k: body[k] for k in ("contact", "permission_reminder", "campaign_defaults")}
        return Reply(json=self._open(str(body["name"]), call.now, data).to_json())

    @on("GET", API + "/lists/{list}")
    def one_list(self, call: Call) -> Reply:
        self.admit(call)
        return Reply(json=self.audience(call.params["list"]).to_json())

    @on("GET", API + "/lists/{list}/members")
    def members(self, call: Call) -> Reply:
        self.admit(call)
        audience, status = self.audience(call.params["list"]), call.query.get("status", "")
        found = [m for m in audience.members.values() if status in ("", m.status)]
        return page(call, "members", [audience.shown(m) for m in found], list_id=audience.id)

    @on("GET", API + "/lists/{list}/members/{hash}")
    def one_member(self, call: Call) -> Reply:
        self.admit(call)
        audience = self.audience(call.params["list"])
        return Reply(json=audience.shown(self.member(audience, call.params["hash"])))

    @on("PUT", API + "/lists/{list}/members/{hash}")
    def put_member(self, call: Call) -> Reply:
        self.admit(call)
        audience, body = self.audience(call.params["list"]), body_of(call)
        known = audience.members.get(call.params["hash"])
        if not known and not body.get("status_if_new") and not body.get("status"):
            raise invalid(status_if_new="This value should not be blank.")
        usual = text_of(body, "status_if_new") if not known else known.status
        given = {"email_address": known.email} if known else {}
        return self._kept(audience, {**given, "status": usual, **body}, call.now)

    @on("PATCH", API + "/lists/{list}/members/{hash}")
    def patch_member(self, call: Call) -> Reply:
        self.admit(call)
        audience = self.audience(call.params["list"])
        known = self.member(audience, call.params["hash"])
        usual = {"email_address": known.email, "status": known.status}
        return self._kept(audience, usual | body_of(call), call.now)

    @on("DELETE", API + "/lists/{list}/members/{hash}")
    def archive_member(self, call: Call) -> Reply:
        self.admit(call)
        audience = self.audience(call.params["list"])
        del audience.members[self.member(audience, call.params["hash"]).hash]
        return Reply(204)

    @on("POST", API + "/lists/{list}")
    def batch(self, call: Call) -> Reply:
        self.admit(call)
        audience, body = self.audience(call.params["list"]), body_of(call)
        rows = body.get("members")
        if not isinstance(rows, list) or len(rows) > MOST:
            raise invalid(members=f"an array of at most {MOST}")
        new: list[dict[str, Any]] = []
        updated: list[dict[str, Any]] = []
        errors: list[dict[str, str]] = []
        for row in rows:
            data = row if isinstance(row, dict) else {}
            known = hashed(text_of(data, "email_address")) in audience.members
            try:
                if known and body.get("update_existing") is not True:
                    raise Unwanted("is already a list member", "ERROR_CONTACT_EXISTS")
                member = self.keep(audience, data, call.now)
            except Unwanted as reason:
                email = text_of(data, "email_address")
                errors.append(
                    {"email_address": email, "error": f"{email} {reason}",
                     "error_code": reason.code, "field": "", "field_message": ""}
                )  # fmt: skip
            else:
                (updated if known else new).append(audience.shown(member, IN_BATCH))
        return Reply(
            json={"new_members": new, "updated_members": updated, "errors": errors,
                  "total_created": len(new), "total_updated": len(updated),
                  "error_count": len(errors), "_links": []}
        )  # fmt: skip

    @on("GET", API + "/lists/{list}/merge-fields")
    def merge_fields(self, call: Call) -> Reply:
        self.admit(call)
        audience = self.audience(call.params["list"])
        return page(call, "merge_fields", list(audience.fields.values()), list_id=audience.id)

    @on("POST", API + "/lists/{list}/merge-fields")
    def create_merge_field(self, call: Call) -> Reply:
        self.admit(call)
        audience, body = self.audience(call.params["list"]), body_of(call)
        name, kind = text_of(body, "name"), text_of(body, "type")
        tag = text_of(body, "tag") or f"MMERGE{len(audience.fields) + 1}"
        if not name or kind not in _FIELD_TYPES:
            raise invalid(**{"type" if name else "name": "This value is not valid."})
        if not re.fullmatch(r"[A-Z0-9_]{1,10}", tag) or len(audience.fields) >= 80:
            raise invalid(tag="at most 10 letters, digits and _, and 80 fields in all")
        if tag in audience.fields:
            raise invalid(tag=f'A Merge Field with the tag "{tag}" already exists for this list.')
        return Reply(json=_add_field(audience, tag, name, kind, text_of(body, "default_value")))

    def keep(self, audience: Audience, data: dict[str, Any], now: float) -> Member:
        """Add or change a member; raises `Unwanted`."""
        email = text_of(data, "email_address")
        known = audience.members.get(hashed(email))
        usual = known.status if known else text_of(data, "status_if_new")
        status = text_of(data, "status") or usual
        if not _ADDRESS.fullmatch(email) or email.lower().startswith("fake"):
            raise Unwanted("looks fake or invalid, please enter a real email address.")
        if status not in STATUSES:
            raise Unwanted("has no valid status")
        if email.lower().startswith("unsubscribed") and status == "subscribed":
            raise Unwanted("is in a compliance state and cannot be subscribed.")
        member = known or Member(email, status, now)
        member.status, member.changed = status, now
        merge = data.get("merge_fields")
        for tag, value in (merge if isinstance(merge, dict) else {}).items():
            if tag in audience.fields:  # what is no field of the audience is ignored
                member.merge[tag] = str(value)
        audience.members[member.hash] = member
        tags = data.get("tags")
        for name in tags if isinstance(tags, list) else []:
            named_segment(audience, str(name), now).hashes.add(member.hash)
        return member

    def _kept(self, audience: Audience, data: dict[str, Any], now: float) -> Reply:
        try:
            return Reply(json=audience.shown(self.keep(audience, data, now)))
        except Unwanted as reason:
            raise invalid(email_address=f"{text_of(data, 'email_address')} {reason}") from None

    def _open(self, name: str, now: float, data: dict[str, Any]) -> Audience:
        audience = Audience(ident(f"list{self.world.number()}"), name, now, data)
        for tag, words, kind in (("FNAME", "First Name", "text"), ("LNAME", "Last Name", "text"),
                                 ("PHONE", "Phone Number", "phone")):  # fmt: skip
            _add_field(audience, tag, words, kind)
        self.audiences[audience.id] = audience
        return audience


def hashed(email: str) -> str:
    """Return the id of a member: the MD5 of the address in lower case."""
    return md5(email.lower().encode(), usedforsecurity=False).hexdigest()


def named_segment(audience: Audience, name: str, now: float) -> Segment:
    """Return the static segment, or tag, of this name; it is made when it is new."""
    known = (s for s in audience.segments.values() if s.name == name and s.kind == "static")
    return next(known, None) or add_segment(audience, name, "static", now)


def add_segment(audience: Audience, name: str, kind: str, now: float) -> Segment:
    """Add a segment that is empty yet; its id is its own in the whole account."""
    id = int(audience.id, 16) % 10_000 * 1000 + len(audience.segments) + 1
    audience.segments[id] = Segment(id, name, kind, now)
    return audience.segments[id]


def _add_field(
    audience: Audience, tag: str, name: str, kind: str, default: str = ""
) -> dict[str, Any]:
    number = len(audience.fields) + 1
    audience.fields[tag] = {
        "merge_id": number, "tag": tag, "name": name, "type": kind, "required": False,
        "default_value": default, "public": False, "display_order": number + 1,
        "options": {"size": 25}, "help_text": "", "list_id": audience.id, "_links": [],
    }  # fmt: skip
    return audience.fields[tag]
