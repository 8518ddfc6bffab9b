"""Records: created, read, changed, archived and listed one kind at a time.

https://developers.hubspot.com/docs/api-reference/latest/crm/objects/contacts/guide (read 2026-11)
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...inbox import Item, iso
from ...shelf import Data, Entry, Shelf
from ...vendor import on, whole
from ...wire import Call, Refusal, Reply
from ...world import World
from .desk import PORTAL, Desk, api, body_of, listed, paging, problem
from .kinds import Kind, kinds

LAG = 10.0  # seconds until a search knows of a change
OBJECTS = api("crm/objects", "crm/v3/objects", "/{type}")
ONE = api("crm/objects", "crm/v3/objects", "/{type}/{id}")
ACTIVITIES = ("notes", "tasks")


@dataclass(frozen=True, slots=True)
class Shadow:
    """What a search still sees of a record: None for one that is too new."""

    until: float
    data: Data | None
    modified: float


@dataclass(slots=True)
class Store:
    """The records of one kind."""

    kind: Kind
    shelf: Shelf = field(init=False)
    shadows: dict[int, Shadow] = field(default_factory=dict)
    version: int = 0

    def __post_init__(self) -> None:
        self.shelf = Shelf(self.keys)

    def keys(self, data: Mapping[str, Any]) -> Iterable[str]:
        """Return what a record is found by, besides its id."""
        return [f"{name}={data[name]}" for name in self.kind.unique if data.get(name)]

    def named(self, id: str, name: str = "") -> Entry | None:
        """Return the record that has this id, or this value of a unique property."""
        if name in ("", "hs_object_id"):
            return self.shelf.live(whole(id))
        return next(iter(self.shelf.find(f"{name}={id.strip()}")), None)

    def touch(self, entry: Entry, now: float, *, new: bool = False) -> None:
        """Remember what a search sees until it learns of the change that follows."""
        self.version += 1
        known = self.shadows.get(entry.id)
        if known is None or known.until <= now:
            data = None if new else entry.data
            self.shadows[entry.id] = Shadow(now + LAG, data, entry.modified)

    def seen(self, entry: Entry, now: float) -> tuple[Data, float] | None:
        """Return what a search sees of a record, and when that was written."""
        shadow = self.shadows.get(entry.id)
        if shadow is not None and now < shadow.until:
            return None if shadow.data is None else (shadow.data, shadow.modified)
        return None if entry.deleted else (entry.data, entry.modified)

    def shown(
        self, entry: Entry, wanted: Iterable[str] = (), data: Data | None = None
    ) -> dict[str, Any]:
        """Return a record as the API shows it, with the properties that are wanted."""
        kind = self.kind
        known = {**(entry.data if data is None else data), **self.own(entry)}
        names = {*(wanted or kind.shown), "hs_object_id", kind.made, kind.changed}
        found: dict[str, Any] = {
            "id": str(entry.id),
            "properties": {
                name: known.get(name) or None for name in sorted(names) if name in kind.properties
            },
            "createdAt": iso(entry.created), "updatedAt": iso(entry.modified),
            "archived": entry.deleted,
            "url": f"https://app.hubspot.com/contacts/{PORTAL}/record/{kind.code}/{entry.id}",
        }  # fmt: skip
        if entry.deleted:
            found["archivedAt"] = iso(entry.modified)
        return found

    def own(self, entry: Entry) -> Data:
        """Return the properties that HubSpot itself writes."""
        return {"hs_object_id": str(entry.id), "hs_object_source": "INTEGRATION",
                self.kind.made: iso(entry.created),
                self.kind.changed: iso(entry.modified)}  # fmt: skip


Links = list[tuple[Store, Entry, int]]  # what a record belongs to, and by which type


class Objects(Desk):
    """The records of the account."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.stores = {kind.name: Store(kind) for kind in kinds()}
        self._named = {
            word: store
            for store in self.stores.values()
            for word in (store.kind.name, store.kind.one, store.kind.code)
        }
        self._activities: dict[int, Item] = {}

    def fill(self, kind: str, count: int) -> None:
        if kind not in ("contacts", "companies", "deals"):
            return super().fill(kind, count)
        store, now = self.stores[kind], self.world.clock() - LAG
        base = store.kind.first

        def make(id: int) -> Data:
            return store.kind.invented(id - base)

        last = next((entry.id for entry in store.shelf.before()), base)
        for id in range(last + 1, last + 1 + count):
            keys = store.keys(make(id)) if store.kind.unique else ()
            store.shelf.invent(id, make, now, keys)
        store.version += 1
        return None

    def store(self, call: Call, act: str = "read", named: str = "type") -> Store:
        """Return the records that a call is about, or refuse it."""
        found = self._named.get(call.params[named])
        self.admit(call, *([f"crm.objects.{found.kind.scope}.{act}"] if found else []))
        if found is None:
            text = f"Unable to infer object type from: {call.params[named]}"
            raise Refusal(problem(400, text))
        return found

    def entry(self, store: Store, id: str, name: str = "") -> Entry:
        """Return one record, or refuse."""
        if name and name != "hs_object_id" and name not in store.kind.unique:
            raise Refusal(problem(400, f"Property {name} is not a unique identifier property"))
        found = store.named(id, name)
        if found is None:
            raise Refusal(problem(404, "resource not found"))
        return found

    @on("POST", *OBJECTS)
    def create_one(self, call: Call) -> Reply:
        store = self.store(call, "write")
        row = body_of(call)
        entry = self.create(store, row, call.now)
        return Reply(201, json=store.shown(entry, _names(store, row)))

    @on("GET", *ONE)
    def read_one(self, call: Call) -> Reply:
        store = self.store(call)
        if call.query.get("archived") == "true":
            entry = store.shelf.get(whole(call.params["id"]))
            if entry is None or not entry.deleted:
                raise Refusal(problem(404, "resource not found"))
        else:
            entry = self.entry(store, call.params["id"], call.query.get("idProperty", ""))
        shown = store.shown(entry, _wanted(call))
        linked = {
            to: {"results": self.linked(store, entry, self._named[to])}
            for to in filter(None, call.query.get("associations", "").split(","))
            if to in self._named
        }
        return Reply(json={**shown, **({"associations": linked} if linked else {})})

    @on("PATCH", *ONE)
    def update_one(self, call: Call) -> Reply:
        store = self.store(call, "write")
        entry = self.entry(store, call.params["id"], call.query.get("idProperty", ""))
        row = body_of(call)
        self.change(store, entry, row, call.now)
        return Reply(json=store.shown(entry, _names(store, row)))

    @on("DELETE", *ONE)
    def archive_one(self, call: Call) -> Reply:
        store = self.store(call, "write")
        self.archive(store, store.shelf.get(whole(call.params["id"])), call.now)
        return Reply(204)

    @on("GET", *OBJECTS)
    def listing(self, call: Call) -> Reply:
        store = self.store(call)
        size, after = listed(call, 10, 100), whole(call.query.get("after") or "0")
        if after is None:
            raise Refusal(problem(400, "after is not the cursor of a page"))
        archived, wanted = call.query.get("archived") == "true", _wanted(call)
        rows: list[dict[str, Any]] = []
        for entry in store.shelf.after(after):
            if entry.deleted != archived:
                continue
            if len(rows) == size:
                return Reply(json={"results": rows, "paging": paging(call, rows[-1]["id"])})
            rows.append(store.shown(entry, wanted))
        return Reply(json={"results": rows})

    def prepared(self, store: Store, row: Mapping[str, Any]) -> tuple[Data, Links]:
        """Return the values of a new record and what it belongs to, or refuse it."""
        kind = store.kind
        data = values(store, row.get("properties"))
        absent = [name for name in kind.needed if not data.get(name)]
        if kind.any_of and not any(data.get(name) for name in kind.any_of):
            absent = list(kind.any_of)
        if absent:
            text = f"Error creating {kind.one.upper()}. Some required properties were not set."
            raise Refusal(problem(400, text, context={"properties": absent}))
        self.unclaimed(store, data)
        return data, self.links(store, row.get("associations"))

    def create(self, store: Store, row: Mapping[str, Any], now: float) -> Entry:
        """Add a record, or refuse it."""
        data, links = self.prepared(store, row)
        last = next((entry.id for entry in store.shelf.before()), store.kind.first)
        entry = store.shelf.add(last + 1, data, now)
        store.touch(entry, now, new=True)
        for link in links:
            self.join(store, entry, *link)
        self._tell(store, entry, now, "created", links)
        return entry

    def change(self, store: Store, entry: Entry, row: Mapping[str, Any], now: float) -> None:
        """Set properties of a record, or refuse them."""
        data = values(store, row.get("properties"))
        self.unclaimed(store, data, entry)
        store.touch(entry, now)
        store.shelf.change(entry, data, now)
        self._tell(store, entry, now, "updated", [])

    def archive(self, store: Store, entry: Entry | None, now: float) -> None:
        """Archive a record; what is archived or never was stays as it is."""
        if entry is None or entry.deleted:
            return
        store.touch(entry, now)
        store.shelf.delete(entry, now)
        if item := self._activities.get(entry.id):
            item.deleted = True
        elif store.kind.name not in ACTIVITIES:
            self._tell(store, entry, now, "archived", [])

    def unclaimed(self, store: Store, data: Data, own: Entry | None = None) -> None:
        """Refuse a value that must be unique and that another record has."""
        for name in store.kind.unique:
            other = store.named(data[name], name) if data.get(name) else None
            if other is not None and other is not own:
                who = store.kind.one.capitalize()
                text = f"{who} already exists. Existing ID: {other.id}"
                raise Refusal(problem(409, text))

    def links(self, store: Store, asked: Any) -> Links:
        """Return the records that a new one belongs to, and how, or refuse."""
        raise NotImplementedError

    def join(self, store: Store, entry: Entry, to: Store, other: Entry, type: int) -> None:
        """Associate two records."""
        raise NotImplementedError

    def linked(self, store: Store, entry: Entry, to: Store) -> list[dict[str, Any]]:
        """Return what a record is associated with, as a read shows it."""
        raise NotImplementedError

    def _tell(
        self,
        store: Store,
        entry: Entry,
        now: float,
        act: str,
        links: Links,
    ) -> None:
        """Show in the inbox what was written."""
        kind, data = store.kind, entry.data
        text = next((str(data[name]) for name in kind.searched if data.get(name)), "")
        about = ", ".join(f"{to.kind.one} {_title(to, other)}" for to, other, _ in links)
        if item := self._activities.get(entry.id):
            item.text = text
            return
        extra = {"act": act, **({"about": about} if about else {})}
        item = Item(now, self.name, str(PORTAL), kind.one, str(entry.id), text, extra=extra)
        if kind.name in ACTIVITIES:
            self._activities[entry.id] = self.world.inbox.add(item)
        else:
            self.world.inbox.record(item)


def _title(store: Store, entry: Entry) -> str:
    names = store.kind.searched
    return next((str(entry.data[name]) for name in names if entry.data.get(name)), str(entry.id))


def values(store: Store, properties: Any) -> Data:
    """Return the values to write, as text, or refuse them all together."""
    if not isinstance(properties, dict):
        raise Refusal(problem(400, "Invalid input JSON: properties must be an object"))
    found: Data = {}
    faults: list[dict[str, Any]] = []
    for name, given in properties.items():
        value, fault = _value(store.kind, name, given)
        found[name] = value
        if fault:
            faults.append({"isValid": False, "message": fault[1], "error": fault[0],
                           "name": name, "localizedErrorMessage": fault[1],
                           "portalId": PORTAL})  # fmt: skip
    if faults:
        text = f"Property values were not valid: {json.dumps(faults, ensure_ascii=False)}"
        errors = [
            {"message": each["message"], "code": each["error"],
             "context": {"propertyName": [each["name"]]}}
            for each in faults
        ]  # fmt: skip
        raise Refusal(problem(400, text, errors=errors))
    return found


def _value(kind: Kind, name: str, given: Any) -> tuple[str, tuple[str, str] | None]:
    if isinstance(given, (dict, list)):
        raise Refusal(problem(400, f"Invalid input JSON: {name} must be a string"))
    described = kind.properties.get(name)
    if described is None:
        return "", ("PROPERTY_DOESNT_EXIST", f'Property "{name}" does not exist')
    value = "" if given is None else str(given)
    if isinstance(given, bool):
        value = value.lower()
    if name == "email":
        value = value.strip().lower()
    return value, described.fault(value)


def _names(store: Store, row: Mapping[str, Any]) -> list[str]:
    return [*store.kind.shown, *row["properties"]]


def _wanted(call: Call) -> list[str]:
    return [name for name in call.query.get("properties", "").split(",") if name]
