"""Segments, tags (https://mailchimp.com/developer/marketing/api/list-segments/, read 2026-11)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...inbox import iso
from ...vendor import on, text_of, whole
from ...wire import Call, Reply
from .audiences import (
    IN_BATCH,
    MOST,
    Audience,
    Audiences,
    Member,
    Segment,
    add_segment,
    hashed,
    named_segment,
)
from .desk import API, body_of, invalid, missing, page

IN_SEGMENT = frozenset({"contact_id", "tags", "tags_count", "web_id"})  # what members lack there

_STATIC = ("static_is", "static_not")
_TESTS: dict[str, Callable[[str, str], bool]] = {
    "is": str.__eq__,
    "not": str.__ne__,
    "contains": str.__contains__,
    "notcontain": lambda value, wanted: wanted not in value,
    "starts": lambda value, wanted: value.startswith(wanted),
    "ends": lambda value, wanted: value.endswith(wanted),
    "blank": lambda value, wanted: not value,
    "blank_not": lambda value, wanted: bool(value),
}


class Segments(Audiences):
    """Parts of an audience."""

    @on("GET", API + "/lists/{list}/segments")
    def segments(self, call: Call) -> Reply:
        self.admit(call)
        audience = self.audience(call.params["list"])
        rows = [_shown(audience, segment) for segment in audience.segments.values()]
        return page(call, "segments", rows, list_id=audience.id)

    @on("GET", API + "/lists/{list}/tag-search")
    def search_tags(self, call: Call) -> Reply:
        self.admit(call)
        audience, start = self.audience(call.params["list"]), call.query.get("name", "").lower()
        tags = [{"id": s.id, "name": s.name} for s in audience.segments.values()
                if s.kind == "static" and s.name.lower().startswith(start)]  # fmt: skip
        return Reply(json={"tags": tags, "total_items": len(tags)})

    @on("POST", API + "/lists/{list}/segments")
    def create_segment(self, call: Call) -> Reply:
        self.admit(call)
        audience, body = self.audience(call.params["list"]), body_of(call)
        name = text_of(body, "name")
        named, options = body.get("static_segment"), body.get("options")
        if not name or (named is None) == (options is None):
            raise invalid(name="a name, and either static_segment or options")
        rules = options if isinstance(options, dict) else {}
        chosen(audience, rules)  # refuses what it cannot choose by
        segment = add_segment(audience, name, "saved" if named is None else "static", call.now)
        segment.options = rules
        _move(audience, segment, named if isinstance(named, list) else [], into=True)
        return Reply(json=_shown(audience, segment))

    @on("GET", API + "/lists/{list}/segments/{segment}")
    def one_segment(self, call: Call) -> Reply:
        return Reply(json=_shown(*self._named(call)))

    @on("DELETE", API + "/lists/{list}/segments/{segment}")
    def delete_segment(self, call: Call) -> Reply:
        audience, segment = self._named(call)
        del audience.segments[segment.id]
        return Reply(204)

    @on("POST", API + "/lists/{list}/segments/{segment}")
    def change_segment(self, call: Call) -> Reply:
        audience, segment = self._named(call)
        body = body_of(call)
        add, remove = (body.get(name, []) for name in ("members_to_add", "members_to_remove"))
        if not all(isinstance(part, list) and len(part) <= MOST for part in (add, remove)):
            raise invalid(members_to_add=f"an array of at most {MOST}")
        added, unknown = _move(audience, segment, add, into=True)
        removed, strangers = _move(audience, segment, remove, into=False)
        lost = unknown + strangers
        errors = [{"email_addresses": lost, "error": "Email addresses are not on the list"}]
        return Reply(
            json={"members_added": added, "members_removed": removed,
                  "errors": errors if lost else [], "total_added": len(added),
                  "total_removed": len(removed), "error_count": len(lost), "_links": []}
        )  # fmt: skip

    @on("GET", API + "/lists/{list}/segments/{segment}/members")
    def segment_members(self, call: Call) -> Reply:
        audience, segment = self._named(call)
        return page(
            call, "members", [audience.shown(m, IN_SEGMENT) for m in _inside(audience, segment)]
        )

    @on("POST", API + "/lists/{list}/segments/{segment}/members")
    def add_to_segment(self, call: Call) -> Reply:
        audience, segment = self._named(call)
        member = self.member(audience, text_of(body_of(call), "email_address"))
        segment.hashes.add(member.hash)
        return Reply(json=audience.shown(member, IN_SEGMENT))

    @on("GET", API + "/lists/{list}/members/{hash}/tags")
    def tags(self, call: Call) -> Reply:
        self.admit(call)
        audience = self.audience(call.params["list"])
        found = audience.tags(self.member(audience, call.params["hash"]).hash)
        return page(call, "tags", [{**tag, "date_added": iso(call.now)} for tag in found])

    @on("POST", API + "/lists/{list}/members/{hash}/tags")
    def change_tags(self, call: Call) -> Reply:
        self.admit(call)
        audience = self.audience(call.params["list"])
        member, tags = self.member(audience, call.params["hash"]), body_of(call).get("tags")
        if not isinstance(tags, list) or not all(map(_is_tag, tags)):
            raise invalid(tags="an array of objects with name and status (active or inactive)")
        for tag in tags:
            hashes = named_segment(audience, tag["name"], call.now).hashes
            (hashes.add if tag["status"] == "active" else hashes.discard)(member.hash)
        return Reply(204)

    def _named(self, call: Call) -> tuple[Audience, Segment]:
        self.admit(call)
        audience = self.audience(call.params["list"])
        found = audience.segments.get(whole(call.params["segment"]) or 0)
        if found is None:
            raise missing()
        return audience, found


def chosen(audience: Audience, options: dict[str, Any]) -> list[Member]:
    """Return the members that ``segment_opts`` of a campaign choose: all, if it says nothing."""
    id = options.get("saved_segment_id")
    saved = audience.segments.get(whole(str(id)) or 0)
    if id and saved is None:
        raise invalid(segment_opts="no such segment")
    if saved is not None:
        return _inside(audience, saved)
    conditions = _conditions(options)
    rule = any if options.get("match") == "any" and conditions else all
    return [
        m for m in audience.members.values() if rule(_holds(audience, m, c) for c in conditions)
    ]


def _inside(audience: Audience, segment: Segment) -> list[Member]:
    if segment.kind == "saved":
        return chosen(audience, segment.options)
    return [m for m in audience.members.values() if m.hash in segment.hashes]


def _conditions(options: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the conditions, or refuse what the sandbox cannot decide."""
    given = options.get("conditions") or []
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        raise invalid(conditions="an array of objects")
    for condition in given:
        known = _STATIC if condition.get("field") == "static_segment" else _TESTS
        if condition.get("op") not in list(known):
            raise invalid(conditions=f"the sandbox does not know {condition.get('op')!r}")
    return given


def _holds(audience: Audience, member: Member, condition: dict[str, Any]) -> bool:
    name, word, wanted = (condition.get(part) for part in ("field", "op", "value"))
    if name == "static_segment":
        segment = audience.segments.get(whole(str(wanted)) or 0)
        return (segment is not None and member.hash in segment.hashes) == (word == "static_is")
    value = member.email if name == "EMAIL" else member.merge.get(str(name), "")
    return _TESTS[str(word)](value, str(wanted))


def _move(
    audience: Audience, segment: Segment, emails: list[Any], *, into: bool
) -> tuple[list[dict[str, Any]], list[str]]:
    """Put members into a segment or take them out; return them, and who is no member."""
    moved, unknown = [], []
    for email in map(str, emails):
        member = audience.members.get(hashed(email))
        if member is None:
            unknown.append(email)
            continue
        (segment.hashes.add if into else segment.hashes.discard)(member.hash)
        moved.append(member)
    return [audience.shown(member, IN_BATCH) for member in moved], unknown


def _is_tag(tag: object) -> bool:
    known = isinstance(tag, dict) and tag.get("status") in ("active", "inactive")
    return known and isinstance(tag, dict) and bool(text_of(tag, "name"))


def _shown(audience: Audience, segment: Segment) -> dict[str, Any]:
    options = {"options": segment.options} if segment.options else {}
    return {
        "id": segment.id, "name": segment.name, "member_count": len(_inside(audience, segment)),
        "type": segment.kind, "created_at": iso(segment.made), "updated_at": iso(segment.made),
        "list_id": audience.id, **options, "_links": [],
    }  # fmt: skip
