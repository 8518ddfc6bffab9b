"""Lists of contacts and other records; the first one holds every contact.

https://developers.hubspot.com/docs/api-reference/legacy/crm/lists/guide (read 2026-11)
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from ...inbox import iso
from ...shelf import Entry
from ...vendor import on, text_of, whole
from ...wire import Call, Refusal, Reply
from ...world import World
from .account import OPENED
from .desk import PORTAL, api, body_of, paging, problem
from .objects import Objects, Store

_TYPES = ("MANUAL", "DYNAMIC", "SNAPSHOT")
MOST = 250  # members of a page


@dataclass(slots=True)
class List:
    """A list; one that is dynamic holds all records of its kind."""

    id: int
    name: str
    store: Store
    type: str
    made: float
    members: list[int] = field(default_factory=list)
    joined: dict[int, float] = field(default_factory=dict)

    def after(self, id: int) -> Iterator[Entry]:
        """Yield the members with a higher id, lowest first."""
        if self.type == "DYNAMIC":
            yield from (entry for entry in self.store.shelf.after(id) if not entry.deleted)
            return
        for at in range(bisect_right(self.members, id), len(self.members)):
            if entry := self.store.shelf.live(self.members[at]):
                yield entry

    def __len__(self) -> int:
        return self.store.shelf.alive if self.type == "DYNAMIC" else len(self.members)

    def to_json(self) -> dict[str, Any]:
        return {
            "listId": str(self.id), "listVersion": 1, "name": self.name,
            "objectTypeId": self.store.kind.code, "processingType": self.type,
            "processingStatus": "COMPLETE", "createdAt": iso(self.made),
            "updatedAt": iso(self.made), "createdById": "1", "updatedById": "1",
            "additionalProperties": {"hs_list_size": str(len(self))}, "size": len(self),
        }  # fmt: skip


class Lists(Objects):
    """The lists of the account."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        everyone = List(1, "Everyone", self.stores["contacts"], "DYNAMIC", OPENED)
        self._lists = {everyone.id: everyone}

    @on("GET", *api("crm/lists", "crm/v3/lists"), *api("crm/lists", "crm/v3/lists", "/"))
    def lists(self, call: Call) -> Reply:
        self.admit(call, "crm.lists.read")
        named = {value for key, value in parse_qsl(call.raw_query) if key == "listIds"}
        rows = [each.to_json() for each in self._lists.values()
                if not named or str(each.id) in named]  # fmt: skip
        return Reply(json={"lists": rows})

    @on("POST", *api("crm/lists", "crm/v3/lists"), *api("crm/lists", "crm/v3/lists", "/"))
    def create_list(self, call: Call) -> Reply:
        self.admit(call, "crm.lists.write")
        body = body_of(call)
        name, type = text_of(body, "name"), text_of(body, "processingType")
        store = self._named.get(text_of(body, "objectTypeId"))
        if not name or store is None or type not in _TYPES:
            raise Refusal(problem(400, "name, objectTypeId and processingType are required"))
        if any(each.name.lower() == name.lower() for each in self._lists.values()):
            raise Refusal(problem(400, f"A list named {name} already exists"))
        made = List(len(self._lists) + 1, name, store, type, call.now)
        self._lists[made.id] = made
        return Reply(json={"list": made.to_json()})

    @on("POST", *api("crm/lists", "crm/v3/lists", "/search"))
    def search_lists(self, call: Call) -> Reply:
        self.admit(call, "crm.lists.read")
        body = body_of(call)
        words = text_of(body, "query").lower()
        size, offset = whole(str(body.get("count", 20))), whole(str(body.get("offset", 0)))
        if not size or size > 500 or offset is None:
            raise Refusal(problem(400, "count must be at most 500"))
        found = [each for each in self._lists.values() if words in each.name.lower()]
        shown = found[offset : offset + size]
        return Reply(
            json={"lists": [each.to_json() for each in shown], "offset": offset + len(shown),
                  "hasMore": offset + size < len(found), "total": len(found)}
        )  # fmt: skip

    @on("GET", *api("crm/lists", "crm/v3/lists", "/{list}"))
    def one_list(self, call: Call) -> Reply:
        self.admit(call, "crm.lists.read")
        return Reply(json={"list": self._list(call).to_json()})

    @on("GET", *api("crm/lists", "crm/v3/lists", "/object-type-id/{type}/name/{name}"))
    def list_by_name(self, call: Call) -> Reply:
        self.admit(call, "crm.lists.read")
        for each in self._lists.values():
            same = each.name.lower() == call.params["name"].lower()
            if same and each.store.kind.code == call.params["type"]:
                return Reply(json={"list": each.to_json()})
        raise Refusal(problem(404, "List does not exist"))

    @on("GET", *api("crm/lists", "crm/v3/lists", "/{list}/memberships"))
    def memberships(self, call: Call) -> Reply:
        self.admit(call, "crm.lists.read")
        found = self._list(call)
        size = whole(call.query.get("limit", "100"))
        after = whole(call.query.get("after") or "0")
        if not size or size > MOST or after is None:
            raise Refusal(problem(400, f"limit must be between 1 and {MOST}"))
        rows: list[dict[str, str]] = []
        for entry in found.after(after):
            if len(rows) == size:
                next_page = paging(call, rows[-1]["recordId"])
                return Reply(json={"results": rows, "total": len(found), "paging": next_page})
            joined = iso(found.joined.get(entry.id, entry.created))
            rows.append({"recordId": str(entry.id), "membershipTimestamp": joined})
        return Reply(json={"results": rows, "total": len(found)})

    @on("PUT", *api("crm/lists", "crm/v3/lists", "/{list}/memberships/add"))
    def add_members(self, call: Call) -> Reply:
        self.admit(call, "crm.lists.write")
        found, asked = self._list(call), call.array()
        if found.type == "DYNAMIC" or asked is None:
            raise Refusal(problem(400, f"Records cannot be added by hand: a {found.type} list"))
        added, lost = [], []
        for given in asked:
            entry = found.store.shelf.live(whole(str(given)))
            if entry is None:
                lost.append(str(given))
            elif entry.id not in found.joined:
                insort(found.members, entry.id)
                found.joined[entry.id] = call.now
                added.append(str(entry.id))
        return Reply(
            json={"recordIdsAdded": added, "recordsIdsAdded": added, "recordIdsMissing": lost,
                  "recordIdsRemoved": [], "recordsIdsRemoved": []}
        )  # fmt: skip

    @on("PUT", *api("crm/lists", "crm/v3/lists", "/{list}/memberships/remove"))
    def remove_members(self, call: Call) -> Reply:
        self.admit(call, "crm.lists.write")
        found, asked = self._list(call), call.array()
        if found.type == "DYNAMIC" or asked is None:
            raise Refusal(problem(400, f"Records cannot be removed by hand: a {found.type} list"))
        gone = {id for given in asked if (id := whole(str(given))) in found.joined}
        found.members = [id for id in found.members if id not in gone]
        found.joined = {id: when for id, when in found.joined.items() if id not in gone}
        removed = [str(id) for id in sorted(filter(None, gone))]
        return Reply(json={"recordIdsAdded": [], "recordIdsMissing": [],
                           "recordIdsRemoved": removed})  # fmt: skip

    def _list(self, call: Call) -> List:
        found = self._lists.get(whole(call.params["list"]) or 0)
        if found is None:
            text = f"List does not exist with ID {call.params['list']} in portal {PORTAL}."
            raise Refusal(problem(404, text))
        return found
