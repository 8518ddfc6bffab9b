"""Contacts, segments, topics and suppressions of Resend (read 2026-11).

https://resend.com/docs/api-reference/contacts
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ...fate import ADDRESS
from ...vendor import on, text_of
from ...wire import Call, Refusal, Reply
from ...world import World
from .desk import API, Desk, Shelf, listed, object_of, refusal, stamp

NAMES = ("first_name", "last_name")


@dataclass(slots=True)
class Contact:
    """A person of the list; ``topics`` are by id, "opt_in" or "opt_out"."""

    id: str
    email: str
    created: float
    data: dict[str, Any] = field(default_factory=dict)
    segments: set[str] = field(default_factory=set)
    topics: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        names = {name: self.data.get(name, "") for name in NAMES}
        return {"id": self.id, "email": self.email, **names, "created_at": stamp(self.created),
                "unsubscribed": self.data.get("unsubscribed", False)}  # fmt: skip

    def wants(self, topic: str) -> bool:
        """Tell whether mail about a topic ("" for none in particular) may be sent."""
        if self.data.get("unsubscribed"):
            return False
        return self.topics.get(topic, "opt_in") == "opt_in"


@dataclass(slots=True)
class Entry:
    """A segment, a topic or a suppressed address: an id and what is shown of it."""

    id: str
    created: float
    data: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        return {"id": self.id, **self.data, "created_at": stamp(self.created)}


class Contacts(Desk):
    """Who gets mail."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.contacts: Shelf[Contact] = Shelf()
        self.emails_of: dict[str, Contact] = {}
        self.segments: Shelf[Entry] = Shelf()
        self.topics: Shelf[Entry] = Shelf()
        self.suppressions: Shelf[Entry] = Shelf()
        self.suppressed: dict[str, Entry] = {}

    @on("POST", f"{API}/contacts")
    def create_contact(self, call: Call) -> Reply:
        headers, body = self.admit(call), object_of(call)
        contact = self.emails_of.get(text_of(body, "email"))
        if contact is None:
            email = _address(body)
            contact = self.contacts.add(Contact(self.made(), email, call.now))
            self.emails_of[email] = contact
        self._change(contact, body)
        contact.segments |= set(_ids(body, "segments"))
        contact.topics |= _choices(body)
        return _done("contact", contact.id, headers, status=201)

    @on("GET", f"{API}/contacts")
    def list_contacts(self, call: Call) -> Reply:
        headers, segment = self.admit(call), call.query.get("segment_id", "")
        rows, more = self.contacts.page(call, lambda c: not segment or segment in c.segments)
        return listed([contact.to_json() for contact in rows], more, headers)

    @on("GET", f"{API}/contacts/{{id}}")
    def get_contact(self, call: Call) -> Reply:
        headers, contact = self.admit(call), self._contact(call)
        properties = contact.data.get("properties", {})
        shown = {"object": "contact", **contact.to_json(), "properties": properties}
        return Reply(json=shown, headers=headers)

    @on("PATCH", f"{API}/contacts/{{id}}")
    def update_contact(self, call: Call) -> Reply:
        headers, contact = self.admit(call), self._contact(call)
        self._change(contact, object_of(call))
        return _done("contact", contact.id, headers)

    @on("DELETE", f"{API}/contacts/{{id}}")
    def delete_contact(self, call: Call) -> Reply:
        headers, contact = self.admit(call), self._contact(call)
        self.contacts.remove(contact.id)
        del self.emails_of[contact.email]
        return _done("contact", contact.id, headers, deleted=True)

    @on("POST", f"{API}/contacts/{{id}}/segments/{{segment}}")
    def join(self, call: Call) -> Reply:
        headers, contact = self.admit(call), self._contact(call)
        segment = self.segments.get(call.params["segment"])
        contact.segments.add(segment.id)
        return _member(contact, segment, headers)

    @on("DELETE", f"{API}/contacts/{{id}}/segments/{{segment}}")
    def leave(self, call: Call) -> Reply:
        headers, contact = self.admit(call), self._contact(call)
        segment = self.segments.get(call.params["segment"])
        contact.segments.discard(segment.id)
        return _member(contact, segment, headers, deleted=True)

    @on("PATCH", f"{API}/contacts/{{id}}/topics")
    def choose(self, call: Call) -> Reply:
        headers, contact = self.admit(call), self._contact(call)
        chosen = _choices(object_of(call))
        contact.topics |= chosen
        topics = [{"id": id, "subscription": choice} for id, choice in chosen.items()]
        shown = {"object": "contact", "contact_id": contact.id, "topics": topics}
        return Reply(json=shown, headers=headers)

    @on("POST", f"{API}/segments")
    def create_segment(self, call: Call) -> Reply:
        return self._create(call, "segment", self.segments, "name")

    @on("GET", f"{API}/segments")
    def list_segments(self, call: Call) -> Reply:
        return self._list(call, self.segments)

    @on("GET", f"{API}/segments/{{id}}")
    def get_segment(self, call: Call) -> Reply:
        return self._get(call, "segment", self.segments)

    @on("DELETE", f"{API}/segments/{{id}}")
    def delete_segment(self, call: Call) -> Reply:
        return self._delete(call, "segment", self.segments)

    @on("POST", f"{API}/topics")
    def create_topic(self, call: Call) -> Reply:
        return self._create(call, "topic", self.topics, "name", "default_subscription")

    @on("GET", f"{API}/topics")
    def list_topics(self, call: Call) -> Reply:
        return self._list(call, self.topics)

    @on("GET", f"{API}/topics/{{id}}")
    def get_topic(self, call: Call) -> Reply:
        return self._get(call, "topic", self.topics)

    @on("DELETE", f"{API}/topics/{{id}}")
    def delete_topic(self, call: Call) -> Reply:
        return self._delete(call, "topic", self.topics)

    @on("POST", f"{API}/suppressions")
    def suppress(self, call: Call) -> Reply:
        headers = self.admit(call)
        entry = self.block(_address(object_of(call)), "manual", None, call.now)
        return _done("suppression", entry.id, headers, status=201)

    @on("GET", f"{API}/suppressions")
    def list_suppressions(self, call: Call) -> Reply:
        headers, origin = self.admit(call), call.query.get("origin", "")
        rows, more = self.suppressions.page(
            call, lambda e: e.created <= call.now and origin in ("", e.data["origin"])
        )
        return listed([entry.to_json() for entry in rows], more, headers)

    @on("GET", f"{API}/suppressions/{{id}}")
    def get_suppression(self, call: Call) -> Reply:
        headers, entry = self.admit(call), self._suppression(call)
        return Reply(json={"object": "suppression", **entry.to_json()}, headers=headers)

    @on("DELETE", f"{API}/suppressions/{{id}}")
    def unsuppress(self, call: Call) -> Reply:
        headers, entry = self.admit(call), self._suppression(call)
        self.suppressions.remove(entry.id)
        del self.suppressed[entry.data["email"]]
        return _done("suppression", entry.id, headers, deleted=True)

    def block(self, email: str, origin: str, source: str | None, at: float) -> Entry:
        """Suppress an address from ``at`` (epoch seconds) on; the first reason stays."""
        if email not in self.suppressed:
            data = {"email": email, "origin": origin, "source_id": source}
            self.suppressed[email] = self.suppressions.add(Entry(self.made(), at, data))
        return self.suppressed[email]

    def blocked(self, email: str, now: float) -> bool:
        entry = self.suppressed.get(email)
        return entry is not None and entry.created <= now

    def _contact(self, call: Call) -> Contact:
        id = call.params["id"]
        return self.emails_of[id] if id in self.emails_of else self.contacts.get(id)

    def _suppression(self, call: Call) -> Entry:
        id = call.params["id"]
        return self.suppressed[id] if id in self.suppressed else self.suppressions.get(id)

    def _change(self, contact: Contact, body: Mapping[str, Any]) -> None:
        known = (*NAMES, "unsubscribed", "properties")
        contact.data |= {name: body[name] for name in known if name in body}

    def _create(self, call: Call, kind: str, shelf: Shelf[Entry], *needed: str) -> Reply:
        headers, body = self.admit(call), object_of(call)
        for name in needed:
            require(body, name)
        known = ("name", "description", "default_subscription", "visibility", "key", "type",
                 "fallback_value")  # fmt: skip
        data = {name: body[name] for name in known if name in body}
        return _done(kind, shelf.add(Entry(self.made(), call.now, data)).id, headers, status=201)

    def _list(self, call: Call, shelf: Shelf[Entry]) -> Reply:
        headers = self.admit(call)
        rows, more = shelf.page(call)
        return listed([row.to_json() for row in rows], more, headers)

    def _get(self, call: Call, kind: str, shelf: Shelf[Entry]) -> Reply:
        headers = self.admit(call)
        row = shelf.get(call.params["id"])
        return Reply(json={"object": kind, **row.to_json()}, headers=headers)

    def _delete(self, call: Call, kind: str, shelf: Shelf[Entry]) -> Reply:
        headers = self.admit(call)
        return _done(kind, shelf.remove(call.params["id"]).id, headers, deleted=True)


def require(body: Mapping[str, Any], name: str) -> str:
    """Return a member that must be a text with something in it."""
    value = text_of(body, name)
    if not value:
        raise Refusal(refusal(422, "missing_required_field", f"Missing `{name}` field."))
    return value


def _address(body: Mapping[str, Any]) -> str:
    email = require(body, "email")
    if not ADDRESS.fullmatch(email):
        raise Refusal(refusal(422, "validation_error", "Invalid `email` field."))
    return email


def _ids(body: Mapping[str, Any], name: str) -> list[str]:
    """Return the ids in a list of ids, or of objects that have one."""
    found = body.get(name)
    rows = found if isinstance(found, list) else []
    return [str(row.get("id", "")) if isinstance(row, dict) else str(row) for row in rows]


def _choices(body: Mapping[str, Any]) -> dict[str, str]:
    found = body.get("topics")
    rows = [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []
    return {text_of(row, "id"): text_of(row, "subscription") for row in rows}


def _done(
    kind: str, id: str, headers: Mapping[str, str], *, status: int = 200, deleted: bool = False
) -> Reply:
    shown = {"object": kind, "id": id} | ({"deleted": True} if deleted else {})
    return Reply(status, json=shown, headers=headers)


def _member(
    contact: Contact, segment: Entry, headers: Mapping[str, str], *, deleted: bool = False
) -> Reply:
    ids = {"object": "contact_segment", "contact_id": contact.id, "segment_id": segment.id}
    return Reply(json=ids | ({"deleted": True} if deleted else {}), headers=headers)
