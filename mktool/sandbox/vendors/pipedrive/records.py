"""Persons, organizations, deals and activities of Pipedrive, by version 2 of its API.

https://developers.pipedrive.com/docs/api/v1/Persons (read 2026-11). Nothing is made unique: what
is created twice is there twice. Deleted records stay for 30 days, marked: each by its id, deals
also in a list that asks for the status "deleted".
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import Any

from ...inbox import Item
from ...people import company, email, person
from ...shelf import Data, Entry, Shelf
from ...vendor import on, whole
from ...wire import Call, Refusal, Reply
from ...world import World
from . import fields
from .desk import USER, V2, Desk, body_of, failure, invalid, rfc3339

KEPT = 30 * 86400.0  # seconds that a deleted record can still be read
SCOPES = {"persons": "contacts", "organizations": "contacts", "deals": "deals",
          "activities": "activities"}  # fmt: skip
_NAMES = {"persons": "Person", "organizations": "Organization", "deals": "Deal",
          "activities": "Activity"}  # fmt: skip
_FILTERS = ("owner_id", "person_id", "org_id", "pipeline_id", "stage_id", "deal_id")


def _keys(data: Data) -> Iterator[str]:
    yield str(data.get("name") or data.get("title") or "")
    yield from (str(one["value"]) for one in data.get("emails", ()))


class Records(Desk):
    """The shelves of the company, by kind."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.shelves = {kind: Shelf(_keys) for kind in fields.FIELDS}

    def fill(self, kind: str, count: int) -> None:
        if kind not in _INVENTED:
            raise LookupError(kind)
        make, shelf, now = _INVENTED[kind], self.shelves[kind], self.world.clock()
        for number in range(shelf.last + 1, shelf.last + 1 + count):
            keys = [email(number)] if kind == "persons" else []
            shelf.invent(number, make, now, keys)

    @on("GET", *(f"{V2}/{kind}" for kind in fields.FIELDS))
    def listing(self, call: Call) -> Reply:
        kind = _kind(call)
        ask = self.admit(call, 10, f"{SCOPES[kind]}:read")
        shelf, order = self.shelves[kind], _Order(call)
        limit = _limit(call)
        if "ids" in call.query:
            named = (shelf.get(whole(id)) for id in call.query["ids"].split(",")[:100])
            found: Iterable[Entry] = filter(None, named)
        else:
            found = order.entries(shelf)
        page = list(islice(filter(self._wanted(call, kind), found), limit + 1))
        following = order.cursor(page[limit - 1]) if len(page) > limit else None
        shown = [self.shown(kind, entry) for entry in page[:limit]]
        return ask.reply(shown, {"next_cursor": following})

    @on("POST", *(f"{V2}/{kind}" for kind in fields.FIELDS))
    def create(self, call: Call) -> Reply:
        kind = _kind(call)
        ask = self.admit(call, 5, f"{SCOPES[kind]}:full")
        body = body_of(call)
        if kind in fields.REQUIRED:
            body.setdefault(fields.REQUIRED[kind], "")
        self._check(kind, body)
        shelf = self.shelves[kind]
        entry = shelf.add(shelf.last + 1, fields.whole(kind, body), call.now)
        self.tell(kind, entry, "created")
        return ask.reply(self.shown(kind, entry), status=201)

    @on("GET", *(f"{V2}/{kind}/{{id}}" for kind in fields.FIELDS))
    def read(self, call: Call) -> Reply:
        kind = _kind(call)
        ask = self.admit(call, 1, f"{SCOPES[kind]}:read")
        return ask.reply(self.shown(kind, self.entry(call, kind)))

    @on("PATCH", *(f"{V2}/{kind}/{{id}}" for kind in fields.FIELDS))
    def update(self, call: Call) -> Reply:
        kind = _kind(call)
        ask = self.admit(call, 5, f"{SCOPES[kind]}:full")
        entry = self.entry(call, kind, alive=True)
        body = body_of(call)
        self._check(kind, body)
        data = {**entry.data, **body}
        data["custom_fields"] = {
            **(entry.data.get("custom_fields") or {}), **(body.get("custom_fields") or {})
        }  # fmt: skip
        self.shelves[kind].change(entry, fields.derived(kind, data), call.now)
        self.tell(kind, entry, "updated")
        return ask.reply(self.shown(kind, entry))

    @on("DELETE", *(f"{V2}/{kind}/{{id}}" for kind in fields.FIELDS))
    def delete(self, call: Call) -> Reply:
        kind = _kind(call)
        ask = self.admit(call, 3, f"{SCOPES[kind]}:full")
        entry = self.entry(call, kind, alive=True)
        self.shelves[kind].delete(entry, call.now)
        self.tell(kind, entry, "deleted")
        return ask.reply({"id": entry.id})

    @on("GET", *(f"{V2}/{kind}/search" for kind in ("persons", "organizations", "deals")))
    def find(self, call: Call) -> Reply:
        kind = _kind(call)
        ask = self.admit(call, 20, "search:read", search=True)
        found = self.searched(kind, call)
        limit = _limit(call)
        start = _decoded(call.query.get("cursor", "")).get("start", 0)
        page = list(islice(found, start, start + limit + 1))
        items = [{"result_score": 1.0, "item": self._hit(kind, entry)} for entry in page[:limit]]
        more = _encoded(start=start + limit) if len(page) > limit else None
        return ask.reply({"items": items}, {"next_cursor": more})

    def searched(self, kind: str, call: Call) -> Iterator[Entry]:
        """Yield the records that a term is found in."""
        term = call.query.get("term", "").strip().lower()
        exact = call.query.get("exact_match", "").lower() in ("true", "1")
        if len(term) < (1 if exact else 2):
            raise invalid("term is too short")
        asked = set(filter(None, call.query.get("fields", "").split(",")))
        fits = _fits(term, asked, exact=exact)
        shelf = self.shelves[kind]
        every = shelf.find(term) if exact else shelf.after()
        return (entry for entry in every if not entry.deleted and fits(entry.data))

    def entry(self, call: Call, kind: str, *, alive: bool = False) -> Entry:
        """Return the record that the path names, or refuse: after 30 days it is gone for good."""
        id = whole(call.params["id"])
        if id is None:
            raise invalid("id must be a number")
        found = self.shelves[kind].get(id)
        gone = found and found.deleted and (alive or found.modified + KEPT < call.now)
        if found is None or gone:
            raise Refusal(failure(404, f"{_NAMES[kind]} not found", "ERR_NOT_FOUND"))
        return found

    def shown(self, kind: str, entry: Entry) -> Data:
        """Return a record as version 2 shows it."""
        data = entry.data if entry.kept is not None else fields.whole(kind, entry.data)
        return {"id": entry.id, **data, "add_time": rfc3339(entry.created),
                "update_time": rfc3339(entry.modified), "is_deleted": entry.deleted}  # fmt: skip

    def tell(self, kind: str, entry: Entry, act: str) -> None:
        data = entry.data
        text = str(data.get("name") or data.get("title") or data.get("subject"))
        item = Item(self.world.clock(), self.name, "Sandbox", kind.removesuffix("s"),
                    str(entry.id), text, extra={"act": act}, deleted=act == "deleted")  # fmt: skip
        if kind == "activities":
            item.kind = "activity"
            item.extra = _told(data) | {"act": act}
            self.world.inbox.add(item)
        else:
            self.world.inbox.record(item)

    def linked(self, body: Data) -> None:
        """Refuse what points at a record that is not there."""
        pointers = [(kind, body.get(name)) for name, kind in fields.LINKS.items()]
        pointers += [("persons", one["person_id"]) for one in body.get("participants") or ()]
        for kind, id in pointers:
            if id is not None and not self.shelves[kind].live(id):
                raise invalid(f"{_NAMES[kind]} {id} does not exist")

    def _check(self, kind: str, body: Data) -> None:
        wrong = next(fields.problems(kind, body), "")
        if wrong:
            raise invalid(wrong)
        self.linked(body)

    def _wanted(self, call: Call, kind: str) -> Callable[[Entry], bool]:
        query = call.query
        statuses = set(filter(None, query.get("status", "").split(",")))
        if statuses - {"open", "won", "lost", "deleted"}:
            raise invalid("status is not one of open, won, lost, deleted")
        exact = {name: whole(query[name]) for name in _FILTERS if name in query}
        until = _instant(query, "updated_until", float("inf"))
        since = _instant(query, "updated_since", 0.0)

        def wanted(entry: Entry) -> bool:
            if not since <= int(entry.modified) < until:
                return False
            if entry.deleted and (
                kind != "deals" or "deleted" not in statuses or entry.modified + KEPT < call.now
            ):
                return False
            if not entry.deleted and statuses and entry.data.get("status", "open") not in statuses:
                return False
            data = entry.data
            usual = {"owner_id": USER}
            return all(data.get(n, usual.get(n)) == value for n, value in exact.items())

        return wanted

    def _hit(self, kind: str, entry: Entry) -> Data:
        data = self.shown(kind, entry)
        hit: Data = {"id": entry.id, "type": _NAMES[kind].lower(), "owner": {"id": 1},
                     "visible_to": 3, "custom_fields": [], "notes": []}  # fmt: skip
        if kind == "persons":
            org = self.shelves["organizations"].live(data["org_id"])
            hit |= {
                "name": data["name"], "emails": [one["value"] for one in data["emails"]],
                "phones": [one["value"] for one in data["phones"]],
                "organization": org and {"id": org.id, "name": org.data["name"], "address": None},
            }  # fmt: skip
        elif kind == "deals":
            hit |= {"title": data["title"], "value": data["value"], "currency": data["currency"],
                    "status": data["status"]}  # fmt: skip
        else:
            hit |= {"name": data["name"], "address": None}
        return hit


class _Order:
    """The order of a list, and where in it a page begins."""

    def __init__(self, call: Call) -> None:
        self.by = call.query.get("sort_by", "id")
        direction = call.query.get("sort_direction", "asc")
        if self.by not in ("id", "update_time", "add_time") or direction not in ("asc", "desc"):
            raise invalid("sort_by or sort_direction is not supported")
        self.down = direction == "desc"
        self.since = _instant(call.query, "updated_since", 0.0)
        self.at = _decoded(call.query.get("cursor", ""))

    def entries(self, shelf: Shelf) -> Iterator[Entry]:
        """Return the records from where the cursor points; those of an id order are those of the
        time that they were added."""
        if self.by == "update_time":
            if self.down:
                return shelf.latest(self.at.get("version"))
            return shelf.changed(self.since, self.at.get("version", -1))
        if self.down:
            return shelf.before(self.at.get("id"))
        return shelf.after(self.at.get("id", 0))

    def cursor(self, last: Entry) -> str:
        return _encoded(id=last.id, version=last.version)


def _encoded(**position: int) -> str:
    return base64.urlsafe_b64encode(json.dumps(position).encode()).decode()


def _decoded(cursor: str) -> dict[str, int]:
    if not cursor:
        return {}
    try:
        found = json.loads(base64.urlsafe_b64decode(cursor.encode()))
    except ValueError:
        found = None
    if not isinstance(found, dict) or not all(type(at) is int and at >= 0 for at in found.values()):
        raise invalid("cursor is not valid")
    return found


def _instant(query: Any, name: str, usual: float) -> float:
    """Return a moment in epoch seconds; a fraction of a second is refused."""
    given = query.get(name, "")
    if not given:
        return usual
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)", given):
        raise invalid(f"{name} is not a valid datetime")
    try:
        return datetime.fromisoformat(given).timestamp()
    except (ValueError, OverflowError):
        raise invalid(f"{name} is not a valid datetime") from None


def _limit(call: Call) -> int:
    found = whole(call.query.get("limit", "100"))
    if found is None or not 1 <= found <= 500:
        raise invalid("limit must be 1 to 500")
    return found


def _kind(call: Call) -> str:
    return call.path.split("/")[3]


def _fits(term: str, asked: set[str], *, exact: bool) -> Callable[[Data], bool]:
    def texts(data: Data) -> Iterator[str]:
        if not asked or asked & {"name", "title"}:
            yield str(data.get("name") or data.get("title") or "")
        if not asked or "email" in asked:
            yield from (str(one["value"]) for one in data.get("emails", ()))
        if not asked or "phone" in asked:
            yield from (str(one["value"]) for one in data.get("phones", ()))

    def fits(data: Data) -> bool:
        found = (text.lower() for text in texts(data))
        return any(term == text if exact else term in text for text in found)

    return fits


def _told(data: Data) -> dict[str, str]:
    names = ("type", "due_date", "done", "deal_id", "person_id", "org_id")
    return {name: str(data[name]) for name in names if data.get(name)}


def _person(number: int) -> Data:
    one = person(number)
    return {"name": one.name, "emails": [{"value": one.email, "primary": True, "label": "work"}],
            "phones": [{"value": one.phone, "primary": True, "label": "work"}]}  # fmt: skip


_INVENTED: dict[str, Callable[[int], Data]] = {
    "persons": _person,
    "organizations": lambda number: {"name": company(number)},
    "deals": lambda number: {"title": f"Deal {number}", "value": number % 9000 + 100},
}
