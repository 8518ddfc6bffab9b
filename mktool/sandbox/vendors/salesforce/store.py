"""Writing records, whichever way they come: one, some, or many.

https://developer.salesforce.com/docs/platform/api-rest/guide/using-resources-working-with-records
(read 2026-11)
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...inbox import Attachment, Item
from ...shelf import Data, Entry, Shelf
from ...wire import Call
from ...world import World
from .desk import ORG, USER, Desk, Unfit, decode, encode, stamp
from .schema import MIRRORED, Kind, kinds

USERS = (("sandy@sandbox.example", "Sandy", "Box"), ("sales@sandbox.example", "Sam", "Seller"))
_SHOWN = ("Name", "Email", "Subject", "Title", "LastName")


@dataclass(slots=True)
class Store:
    """The records of one object; ``version`` grows with every change."""

    kind: Kind
    shelf: Shelf = field(init=False)
    last: int = 0
    version: int = 0
    others: Mapping[str, Store] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.shelf = Shelf(self.keys)

    def keys(self, data: Data) -> list[str]:
        """Return what a record is found by, besides its id."""
        found = [f"{name}={data[name]}" for name in self.kind.keys if data.get(name)]
        return [*found, membership(data)] if self.kind.name == "CampaignMember" else found

    def id(self, entry: Entry) -> str:
        return encode(self.kind.prefix, entry.id)

    def read(self, entry: Entry, name: str) -> Any:
        """Return the value of a field, by its exact name."""
        own = _OWN.get(name)
        if own is not None:
            return own(self, entry)
        data = entry.data
        if name in MIRRORED and self.kind.name == "CampaignMember":
            return self._of_member(data, name)
        if name == "Name" and "LastName" in data:
            return f"{data.get('FirstName') or ''} {data['LastName']}".strip()
        if name == "OwnerId":
            return data.get(name) or USER
        return data.get(name)

    def _of_member(self, data: Data, name: str) -> Any:
        """Return what a member of a campaign has from its contact or lead."""
        people = self.others["contact" if data.get("ContactId") else "lead"]
        id = data.get("ContactId") or data.get("LeadId")
        if name == "LeadOrContactId":
            return id
        person = people.live(id)
        if name == "CompanyOrAccount" and people.kind.name == "Lead":
            name = "Company"
        elif name == "CompanyOrAccount" and person:
            people, name, id = self.others["account"], "Name", person.data.get("AccountId")
            person = people.live(id)
        return people.read(person, name) if person else None

    def live(self, id: str | None) -> Entry | None:
        """Return a record by its id, unless it was deleted."""
        return self.shelf.live(decode(id, self.kind.prefix)) if id else None

    def shown(self, entry: Entry, version: str, names: Iterable[str] = ()) -> dict[str, Any]:
        """Return a record as the API shows it."""
        wanted = list(names) or [field.name for field in self.kind.fields.values()]
        return {"attributes": self.attributes(entry, version),
                **{name: self.read(entry, name) for name in wanted}}  # fmt: skip

    def attributes(self, entry: Entry, version: str) -> dict[str, str]:
        url = f"/services/data/{version}/sobjects/{self.kind.name}/{self.id(entry)}"
        return {"type": self.kind.name, "url": url}


_OWN: dict[str, Any] = {
    "Id": Store.id,
    "CreatedDate": lambda store, entry: stamp(entry.created),
    "LastModifiedDate": lambda store, entry: stamp(entry.modified),
    "SystemModstamp": lambda store, entry: stamp(entry.modified),
    "IsDeleted": lambda store, entry: entry.deleted,
    "CreatedById": lambda store, entry: USER,
    "LastModifiedById": lambda store, entry: USER,
}


class Rehearsed(Exception):
    """Nothing speaks against writing a record, which was not to be written yet."""


class Archive(Desk):
    """The records of the organization. While ``rehearsing`` they are checked, and not written."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.stores = {name: Store(kind) for name, kind in kinds().items()}
        for store in self.stores.values():
            store.others = self.stores
        self._prefixes = {store.kind.prefix: store for store in self.stores.values()}
        self._activities: dict[str, Item] = {}
        self.rehearsing = False
        users = self.stores["user"]
        for email, first, last in USERS:
            users.last += 1
            data = {"Username": email, "Email": email, "FirstName": first, "LastName": last,
                    "IsActive": True, "Alias": first.lower()}  # fmt: skip
            users.shelf.add(users.last, data, 1_780_000_000.0)

    def fill(self, kind: str, count: int) -> None:
        name = {"contacts": "contact", "leads": "lead", "accounts": "account",
                "opportunities": "opportunity"}.get(kind)  # fmt: skip
        if name is None:
            return super().fill(kind, count)
        store, now = self.stores[name], self.world.clock()
        emails = "Email" in store.kind.keys
        for id in range(store.last + 1, store.last + 1 + count):
            keys = [f"Email={store.kind.invented(id)['Email']}"] if emails else ()
            store.shelf.invent(id, store.kind.invented, now, keys)
        store.last += count
        store.version += 1
        return None

    def store(self, name: str) -> Store:
        """Return the records of an object, or raise `Unfit`."""
        found = self.stores.get(name.lower())
        if found is None:
            raise Unfit("NOT_FOUND", "The requested resource does not exist", status=404)
        return found

    def entry(self, store: Store, id: str) -> Entry:
        """Return a record by its id, or raise `Unfit`."""
        found = store.shelf.get(decode(id, store.kind.prefix))
        if found is None:
            text = "Provided external ID field does not exist or is not accessible: " + id
            raise Unfit("NOT_FOUND", text, status=404)
        if found.deleted:
            raise Unfit("ENTITY_IS_DELETED", "entity is deleted", status=404)
        return found

    def owner(self, id: str) -> Store:
        """Return the records that an id belongs to, or raise `Unfit`."""
        found = self._prefixes.get(id[:3])
        if found is None:
            raise Unfit("MALFORMED_ID", f"bad id {id}")
        return found

    def matched(self, store: Store, name: str, value: str) -> list[Entry]:
        """Return the records that have a value in a field that identifies them."""
        described = store.kind.field(name)
        if described is None or described.name not in store.kind.keys:
            text = f"Provided external ID field does not exist or is not accessible: {name}"
            raise Unfit("NOT_FOUND", text, status=404)
        return store.shelf.find(f"{described.name}={value}")

    def insert(self, store: Store, given: Mapping[str, Any], call: Call) -> Entry:
        """Add a record, or raise `Unfit`."""
        data = self._values(store, given)
        absent = [name for name in store.kind.required if data.get(name) in (None, "")]
        if absent:
            text = f"Required fields are missing: [{', '.join(absent)}]"
            raise Unfit("REQUIRED_FIELD_MISSING", text, *absent)
        self._fits(store, data)
        self._unique(store, data, None)
        self._unlike(store, data, call)
        self._for_real()
        store.last += 1
        store.version += 1
        entry = store.shelf.add(store.last, data, call.now)
        self._tell(store, entry, call.now, "created")
        return entry

    def update(self, store: Store, entry: Entry, given: Mapping[str, Any], call: Call) -> None:
        """Change a record, or raise `Unfit`."""
        data = self._values(store, given)
        empty = [name for name in store.kind.required if data.get(name, "-") in (None, "")]
        if empty:
            text = f"Required fields are missing: [{', '.join(empty)}]"
            raise Unfit("REQUIRED_FIELD_MISSING", text, *empty)
        self._unique(store, data, entry)
        self._for_real()
        store.shelf.change(entry, data, call.now)
        store.version += 1
        self._tell(store, entry, call.now, "updated")

    def upsert(
        self, store: Store, name: str, value: str, given: Mapping[str, Any], call: Call
    ) -> tuple[Entry, bool]:
        """Change the record with this value of an external id, or add it; tell whether it is new.

        Raises `Unfit`.
        """
        found = self.matched(store, name, value)
        if len(found) > 1:
            urls = ", ".join(store.attributes(each, "v66.0")["url"] for each in found)
            raise Unfit("DUPLICATE_EXTERNAL_ID", f"{name}: more than one record found: {urls}")
        if found:
            self.update(store, found[0], given, call)
            return found[0], False
        field = store.kind.field(name)
        assert field is not None
        return self.insert(store, {**given, field.name: value}, call), True

    def delete(self, store: Store, entry: Entry, now: float) -> None:
        """Put a record into the bin."""
        self._for_real()
        store.shelf.delete(entry, now)
        store.version += 1
        if item := self._activities.get(store.id(entry)):
            item.deleted = True
        else:
            self._tell(store, entry, now, "deleted")

    def _for_real(self) -> None:
        if self.rehearsing:
            raise Rehearsed

    def _values(self, store: Store, given: Mapping[str, Any]) -> Data:
        data: Data = {}
        for name, value in given.items():
            field = store.kind.field(name)
            if name == "attributes":
                continue
            if field is None:
                text = f"No such column '{name}' on sobject of type {store.kind.name}"
                raise Unfit("INVALID_FIELD", text)
            if field.readonly:
                text = f"Unable to create/update fields: {field.name}"
                raise Unfit("INVALID_FIELD_FOR_INSERT_UPDATE", text, field.name)
            data[field.name] = self._reference(field.name, field.refers, field.value(value))
        return data

    def _reference(self, name: str, refers: tuple[str, ...], value: Any) -> Any:
        if not value or not any(refers):
            return value
        target = self._prefixes.get(value[:3])
        if target is None or target.kind.name not in refers:
            raise Unfit("MALFORMED_ID", f"{name}: id value of incorrect type: {value}", name)
        entry = target.shelf.live(decode(value, target.kind.prefix))
        if entry is None:
            text = f"invalid cross reference id: {value}"
            raise Unfit("INVALID_CROSS_REFERENCE_KEY", text, name)
        return target.id(entry)

    def _fits(self, store: Store, data: Data) -> None:
        check = _FITS.get(store.kind.name)
        if check is not None:
            check(store, data)

    def _unique(self, store: Store, data: Data, own: Entry | None) -> None:
        for name in (f.name for f in store.kind.fields.values() if f.external):
            for other in store.shelf.find(f"{name}={data[name]}") if data.get(name) else ():
                if other is not own:
                    text = (f"duplicate value found: {name} duplicates value on record with id: "
                            f"{store.id(other)}")  # fmt: skip
                    raise Unfit("DUPLICATE_VALUE", text)

    def _unlike(self, store: Store, data: Data, call: Call) -> None:
        """Refuse a person who is there already, as the usual duplicate rules do."""
        if store.kind.name not in ("Contact", "Lead") or not data.get("Email"):
            return
        allowed = call.headers.get("sforce-duplicate-rule-header", "").replace(" ", "").lower()
        if "allowsave=true" in allowed:
            return
        for other in store.shelf.find(f"Email={data['Email']}"):
            if str(other.data.get("LastName")).lower() == data["LastName"].lower():
                raise Unfit("DUPLICATES_DETECTED", "Use one of these records?")

    def _tell(self, store: Store, entry: Entry, now: float, act: str) -> None:
        """Show in the inbox what was written."""
        name, id = store.kind.name, store.id(entry)
        data = entry.data
        text = next((str(v) for n in _SHOWN if (v := store.read(entry, n))), id)
        extra = {"act": act}
        extra |= {n: str(data[n]) for n in ("WhoId", "WhatId") if data.get(n)}
        item = Item(now, self.name, ORG, name.lower(), id, text, extra=extra)
        if name in ("Task", "Event", "ContentVersion"):
            item.subject, item.text = "", f"{text}\n{data.get('Description') or ''}".strip()
            if name == "ContentVersion":
                content = base64.b64decode(data["VersionData"])
                path = str(data["PathOnClient"])
                item.media = (Attachment.of(path, "application/octet-stream", content),)
            known = self._activities.get(id)
            if known is None:
                self._activities[id] = self.world.inbox.add(item)
            else:
                known.text, known.extra = item.text, item.extra
        else:
            self.world.inbox.record(item)


def _member(store: Store, data: Data) -> None:
    person = data.get("LeadId") or data.get("ContactId")
    if not person:
        text = "Required fields are missing: [LeadId or ContactId]"
        raise Unfit("REQUIRED_FIELD_MISSING", text, "LeadId", "ContactId")
    if store.shelf.find(membership(data)):
        raise Unfit("DUPLICATE_VALUE", "Already a campaign member.")


def membership(data: Data) -> str:
    """Return the key of a person in a campaign: nobody is in it twice."""
    return f"{data['CampaignId']}/{data.get('LeadId') or data.get('ContactId')}"


def _event(store: Store, data: Data) -> None:
    ends = data.get("EndDateTime") or data.get("DurationInMinutes") is not None
    absent = [] if data.get("StartDateTime") else ["StartDateTime"]
    absent += [] if ends else ["DurationInMinutes"]
    if absent:
        text = f"Required fields are missing: [{', '.join(absent)}]"
        raise Unfit("REQUIRED_FIELD_MISSING", text, *absent)


def _file(store: Store, data: Data) -> None:
    try:
        base64.b64decode(data["VersionData"], validate=True)
    except binascii.Error:
        text = "VersionData: value not of required type"
        raise Unfit("INVALID_TYPE_ON_FIELD_IN_RECORD", text, "VersionData") from None


_FITS = {"Event": _event, "ContentVersion": _file, "CampaignMember": _member}
