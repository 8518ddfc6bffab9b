"""What Pipedrive has in version 1 of its API only: users, notes, leads, and recent changes.

https://developers.pipedrive.com/docs/api/v1/Notes (read 2026-11). Version 1 pages by ``start``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice

from ...inbox import Item
from ...shelf import Data, Entry, Shelf
from ...vendor import on, whole
from ...wire import Call, Refusal, Reply
from ...world import World
from .desk import COMPANY, USER, Ask, body_of, failure, rfc3339
from .records import Records

V1 = ("{company}.pipedrive.com/v1", "{company}.pipedrive.com/api/v1")
LONGEST_NOTE = 100_000  # bytes
_TARGETS = {"deal_id": "deals", "person_id": "persons", "org_id": "organizations"}
_LEAD = {"title", "owner_id", "label_ids", "person_id", "organization_id", "value",
         "expected_close_date", "visible_to", "was_seen", "origin_id", "channel", "channel_id",
         "is_archived"}  # fmt: skip
_RECENT = {"person": "persons", "organization": "organizations", "deal": "deals",
           "activity": "activities", "note": "notes"}  # fmt: skip


def _paths(tail: str) -> Iterable[str]:
    return (f"{base}/{tail}" for base in V1)


class Legacy(Records):
    """Notes and leads have shelves of their own."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.notes = Shelf()
        self.leads = Shelf(lambda data: [str(data["title"])])

    @on("GET", *_paths("users/me"))
    def me(self, call: Call) -> Reply:
        ask = self.admit(call, 2)
        return ask.reply({**_user(), **COMPANY, "company_country": "US", "language":
                          {"language_code": "en", "country_code": "US"}})  # fmt: skip

    @on("GET", *_paths("users"))
    def users(self, call: Call) -> Reply:
        return self.admit(call, 20, "users:read").reply([_user()])

    @on("POST", *_paths("notes"))
    def write(self, call: Call) -> Reply:
        ask = self.admit(call, 10)
        body = _body(call)
        content = body.get("content")
        targets = {name: _number(body[name]) for name in _TARGETS if body.get(name)}
        lead = self._lead(str(body["lead_id"])) if body.get("lead_id") else None
        if not isinstance(content, str) or not content:
            raise _bad("Note content must be set")
        if len(content.encode()) > LONGEST_NOTE:
            raise _bad("Note content is too long")
        if not targets and not lead:
            raise _bad("At least one of the fields must be provided: deal_id, person_id, org_id, "
                       "lead_id, project_id")  # fmt: skip
        for name, id in targets.items():
            if not self.shelves[_TARGETS[name]].live(id):
                raise _bad(f"{name} {id} does not exist")
        data = {"content": content, "lead_id": body.get("lead_id"), **targets}
        note = self.notes.add(self.notes.last + 1, data, call.now)
        where = ", ".join(f"{name} {id}" for name, id in targets.items()) or str(body["lead_id"])
        self.world.inbox.add(Item(call.now, self.name, "Sandbox", "note", str(note.id), content,
                                  extra={"on": where}))  # fmt: skip
        return ask.reply(_note(note), status=201)

    @on("GET", *_paths("notes"))
    def noted(self, call: Call) -> Reply:
        ask = self.admit(call, 20)
        exact = {name: whole(call.query[name]) for name in _TARGETS if name in call.query}
        lead = call.query.get("lead_id")
        found = (
            note for note in self.notes.after()
            if not note.deleted and all(note.data.get(n) == id for n, id in exact.items())
            and lead in (None, note.data["lead_id"])
        )  # fmt: skip
        return _page(ask, map(_note, found))

    @on("GET", *_paths("notes/{id}"))
    def note(self, call: Call) -> Reply:
        ask = self.admit(call, 1)
        return ask.reply(_note(self._noted(call)))

    @on("PUT", *_paths("notes/{id}"))
    def rewrite(self, call: Call) -> Reply:
        ask = self.admit(call, 10)
        note, body = self._noted(call), _body(call)
        if not isinstance(body.get("content"), str):
            raise _bad("Note content must be set")
        self.notes.change(note, {"content": body["content"]}, call.now)
        return ask.reply(_note(note))

    @on("DELETE", *_paths("notes/{id}"))
    def unwrite(self, call: Call) -> Reply:
        ask = self.admit(call, 6)
        note = self._noted(call)
        self.notes.delete(note, call.now)
        for item in self.world.inbox.items:
            if (item.vendor, item.kind, item.id) == (self.name, "note", str(note.id)):
                item.deleted = True
        return ask.reply(True)

    @on("POST", *_paths("leads"))
    def lead(self, call: Call) -> Reply:
        ask = self.admit(call, 10, "leads:full")
        body = _body(call)
        self._fitting(body)
        if not body.get("title"):
            raise _bad("title is required")
        if not body.get("person_id") and not body.get("organization_id"):
            raise _bad("A lead must be linked to a person or an organization")
        entry = self.leads.add(self.leads.last + 1, body, call.now)
        self._tell(entry, "created")
        return ask.reply(_lead(entry), status=201)

    @on("GET", *_paths("leads"))
    def led(self, call: Call) -> Reply:
        ask = self.admit(call, 20, "leads:read")
        exact = {name: whole(call.query[name]) for name in ("person_id", "organization_id")
                 if name in call.query}  # fmt: skip
        found = (
            lead for lead in self.leads.after()
            if not lead.deleted and all(lead.data.get(n) == id for n, id in exact.items())
        )  # fmt: skip
        return _page(ask, map(_lead, found))

    @on("GET", *_paths("leads/{id}"))
    def read_lead(self, call: Call) -> Reply:
        ask = self.admit(call, 1, "leads:read")
        return ask.reply(_lead(self._lead(call.params["id"])))

    @on("PATCH", *_paths("leads/{id}"))
    def change_lead(self, call: Call) -> Reply:
        ask = self.admit(call, 10, "leads:full")
        entry, body = self._lead(call.params["id"]), _body(call)
        self._fitting(body)
        self.leads.change(entry, body, call.now)
        self._tell(entry, "updated")
        return ask.reply(_lead(entry))

    @on("DELETE", *_paths("leads/{id}"))
    def drop_lead(self, call: Call) -> Reply:
        ask = self.admit(call, 6, "leads:full")
        entry = self._lead(call.params["id"])
        self.leads.delete(entry, call.now)
        self._tell(entry, "deleted")
        return ask.reply({"id": _uuid(entry.id)})

    @on("GET", *_paths("recents"))
    def recents(self, call: Call) -> Reply:
        """Answer what was changed since a moment, deleted records too."""
        ask = self.admit(call, 20, "recents:read")
        try:
            moment = datetime.strptime(call.query.get("since_timestamp", ""), "%Y-%m-%d %H:%M:%S")
            since = moment.replace(tzinfo=UTC).timestamp()
        except (ValueError, OverflowError):
            raise _bad("since_timestamp must be YYYY-MM-DD HH:MM:SS") from None
        items = call.query.get("items") or ",".join(_RECENT)
        return _page(ask, self._changed(items.split(","), since))

    def _changed(self, items: list[str], since: float) -> Iterator[Data]:
        for item in items:
            kind = _RECENT.get(item, "")
            shelf = self.notes if kind == "notes" else self.shelves.get(kind, Shelf())
            for entry in shelf.changed(since):
                shown = _note(entry) if kind == "notes" else self.shown(kind, entry)
                shown |= {"active_flag": not entry.deleted, "deleted": entry.deleted,
                          "update_time": _spaced(entry.modified)}  # fmt: skip
                yield {"item": item, "id": entry.id, "data": shown}

    def _fitting(self, body: Data) -> None:
        """Refuse a lead that has members of the wrong kind, or points at nothing."""
        strange = sorted(body.keys() - _LEAD)
        if strange:
            raise _bad(f"{strange[0]} is not allowed")
        if not isinstance(body.get("title", ""), str):
            raise _bad("title must be a string")
        value = body.get("value")
        if value is not None and not (
            isinstance(value, dict) and {"amount", "currency"} == value.keys()
        ):
            raise _bad("value must have amount and currency")
        for name, kind in (("person_id", "persons"), ("organization_id", "organizations")):
            if body.get(name) and not self.shelves[kind].live(_number(body[name])):
                raise _bad(f"{name} does not exist")

    def _noted(self, call: Call) -> Entry:
        found = self.notes.live(whole(call.params["id"]))
        if found is None:
            raise Refusal(failure(404, "Note not found"))
        return found

    def _lead(self, id: str) -> Entry:
        number = re.fullmatch("([0-9a-f]{8})-0000-4000-8000-000000000000", id)
        found = self.leads.live(int(number[1], 16)) if number else None
        if found is None:
            raise Refusal(failure(404, "Lead not found"))
        return found

    def _tell(self, entry: Entry, act: str) -> None:
        self.world.inbox.record(
            Item(self.world.clock(), self.name, "Sandbox", "lead", _uuid(entry.id),
                 str(entry.data["title"]), extra={"act": act}, deleted=act == "deleted")
        )  # fmt: skip


def _body(call: Call) -> Data:
    """Return what was sent, as JSON or as a form."""
    return dict(call.form) if call.form else body_of(call)


def _bad(error: str) -> Refusal:
    return Refusal(failure(400, error))


def _number(value: object) -> int:
    found = whole(str(value)) if type(value) in (int, str) else None
    if found is None:
        raise _bad(f"not an id: {str(value)[:40]}")
    return found


def _page(ask: Ask, rows: Iterable[Data]) -> Reply:
    start, limit = (
        whole(ask.call.query.get("start", "0")),
        whole(ask.call.query.get("limit", "100")),
    )
    if start is None or not limit or limit > 500:
        raise _bad("start or limit is not valid")
    found = list(islice(rows, start, start + limit + 1))
    more = len(found) > limit
    paging: Data = {"start": start, "limit": limit, "more_items_in_collection": more}
    if more:
        paging["next_start"] = start + limit
    return ask.reply(found[:limit], {"pagination": paging})


def _user() -> Data:
    return {"id": USER, "name": "Sandy Box", "email": "owner@sandbox.example", "lang": 1,
            "locale": "en_US", "timezone_name": "UTC", "timezone_offset": "+00:00",
            "default_currency": "USD", "icon_url": None, "active_flag": True, "is_you": True,
            "is_admin": 1, "role_id": 1, "activated": True, "phone": None}  # fmt: skip


def _uuid(number: int) -> str:
    return f"{number:08x}-0000-4000-8000-000000000000"


def _spaced(seconds: float) -> str:
    return rfc3339(seconds).replace("T", " ").rstrip("Z")


def _note(note: Entry) -> Data:
    data = note.data
    return {"id": note.id, "user_id": USER, "content": data["content"],
            "deal_id": data.get("deal_id"), "person_id": data.get("person_id"),
            "org_id": data.get("org_id"), "lead_id": data.get("lead_id"),
            "add_time": _spaced(note.created), "update_time": _spaced(note.modified),
            "active_flag": not note.deleted, "pinned_to_deal_flag": False,
            "pinned_to_organization_flag": False, "pinned_to_person_flag": False,
            "last_update_user_id": None}  # fmt: skip


def _lead(entry: Entry) -> Data:
    data = entry.data
    return {"id": _uuid(entry.id), "title": data["title"], "owner_id": data.get("owner_id", USER),
            "creator_id": USER, "label_ids": data.get("label_ids", []),
            "person_id": data.get("person_id"), "organization_id": data.get("organization_id"),
            "source_name": "API", "is_archived": data.get("is_archived", False),
            "was_seen": data.get("was_seen", False), "value": data.get("value"),
            "expected_close_date": data.get("expected_close_date"), "next_activity_id": None,
            "add_time": rfc3339(entry.created), "update_time": rfc3339(entry.modified),
            "visible_to": data.get("visible_to", "3")}  # fmt: skip
