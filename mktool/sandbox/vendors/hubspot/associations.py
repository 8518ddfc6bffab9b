"""Which record belongs to which.

https://developers.hubspot.com/docs/api-reference/latest/crm/associations/guide (read 2026-11)
"""

from __future__ import annotations

from typing import Any

from ...inbox import iso
from ...shelf import Entry
from ...vendor import on, whole
from ...wire import Call, Refusal, Reply
from ...world import World
from .desk import HOST, VERSIONS, api, body_of, problem
from .objects import Objects, Store

MOST_CREATED, MOST_READ = 2000, 1000  # pairs
# https://developers.hubspot.com/docs/api-reference/latest/crm/associations/associate-records/guide
# The first one is what two records get without a word, the others are allowed, too.
TYPES: dict[tuple[str, str], tuple[int, ...]] = {
    ("contacts", "companies"): (279, 1), ("companies", "contacts"): (280, 2),
    ("deals", "contacts"): (3,), ("contacts", "deals"): (4,),
    ("deals", "companies"): (341, 5), ("companies", "deals"): (342, 6),
    ("notes", "contacts"): (202,), ("contacts", "notes"): (201,),
    ("notes", "companies"): (190,), ("companies", "notes"): (189,),
    ("notes", "deals"): (214,), ("deals", "notes"): (213,),
    ("tasks", "contacts"): (204,), ("contacts", "tasks"): (203,),
    ("tasks", "companies"): (192,), ("companies", "tasks"): (191,),
    ("tasks", "deals"): (216,), ("deals", "tasks"): (215,),
    ("leads", "contacts"): (578, 608), ("leads", "companies"): (610,),
}  # fmt: skip
_DIRECT = (f"{HOST}/crm/v4/objects/{{type}}/{{id}}/associations/default/{{to}}/{{other}}",
           *(f"{HOST}/crm/objects/{date}/{{type}}/{{id}}/associations/default/{{to}}/{{other}}"
             for date in VERSIONS))  # fmt: skip
_LABELLED = tuple(path.replace("/default", "") for path in _DIRECT)
_OF = tuple(path.removesuffix("/{other}") for path in _LABELLED)
_BATCH = "/{type}/{to}/batch"


class Associations(Objects):
    """Pairs of records; each pair is known from both sides."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        # By kind and id of one record and the kind of the other: their ids, and the type.
        self._pairs: dict[tuple[str, int, str], dict[int, int]] = {}

    @on("PUT", *_DIRECT)
    def associate(self, call: Call) -> Reply:
        store, to = self._two(call)
        pair = self._rows(store, to, [call.params["id"], call.params["other"]])
        row = self._joined(store, to, *pair)
        return Reply(json=_batch(call, [row]))

    @on("PUT", *_LABELLED)
    def label(self, call: Call) -> Reply:
        store, to = self._two(call)
        entry, other = self._rows(store, to, [call.params["id"], call.params["other"]])
        types = call.array()
        if not types:
            raise Refusal(problem(400, "An array of association types is wanted"))
        type = _typed(store, to, types)
        self.join(store, entry, to, other, type)
        return Reply(
            201, json={"fromObjectTypeId": store.kind.code, "fromObjectId": str(entry.id),
                       "toObjectTypeId": to.kind.code, "toObjectId": str(other.id),
                       "labels": []},
        )  # fmt: skip

    @on("DELETE", *_LABELLED)
    def part(self, call: Call) -> Reply:
        store, to = self._two(call)
        one, other = whole(call.params["id"]), whole(call.params["other"])
        self._pairs.get((store.kind.name, one or 0, to.kind.name), {}).pop(other or 0, None)
        self._pairs.get((to.kind.name, other or 0, store.kind.name), {}).pop(one or 0, None)
        return Reply(204)

    @on("GET", *_OF)
    def associated(self, call: Call) -> Reply:
        store, to = self._two(call, "read")
        entry = self.entry(store, call.params["id"])
        return Reply(json={"results": self._told(store, entry.id, to)})

    @on("POST", *api("crm/associations", "crm/v4/associations", f"{_BATCH}/associate/default"))
    def associate_all(self, call: Call) -> Reply:
        store, to = self._two(call)
        results, errors = [], []
        for row in _inputs(call, MOST_CREATED):
            ids = [str(_part(row, side).get("id", "")) for side in ("from", "to")]
            try:
                results.append(self._joined(store, to, *self._rows(store, to, ids)))
            except Refusal as refusal:
                errors.append(failed(refusal, {"fromObjectId": [ids[0]], "toObjectId": [ids[1]]}))
        return Reply(207 if errors else 200, json=_batch(call, results, errors))

    @on("POST", *api("crm/associations", "crm/v4/associations", f"{_BATCH}/create"))
    def label_all(self, call: Call) -> Reply:
        store, to = self._two(call)
        results, errors = [], []
        for row in _inputs(call, MOST_CREATED):
            ids = [str(_part(row, side).get("id", "")) for side in ("from", "to")]
            try:
                entry, other = self._rows(store, to, ids)
                self.join(store, entry, to, other, _typed(store, to, row.get("types")))
            except Refusal as refusal:
                errors.append(failed(refusal, {"fromObjectId": [ids[0]], "toObjectId": [ids[1]]}))
            else:
                results.append(
                    {"fromObjectTypeId": store.kind.code, "fromObjectId": entry.id,
                     "toObjectTypeId": to.kind.code, "toObjectId": other.id, "labels": []}
                )  # fmt: skip
        return Reply(207 if errors else 201, json=_batch(call, results, errors))

    @on("POST", *api("crm/associations", "crm/v4/associations", f"{_BATCH}/read"))
    def read_pairs(self, call: Call) -> Reply:
        store, to = self._two(call, "read")
        results, lost = [], []
        for row in _inputs(call, MOST_READ):
            id = whole(str(row.get("id", ""))) or 0
            told = self._told(store, id, to)
            if told:
                results.append({"from": {"id": str(id)}, "to": told})
            else:
                text = f"No {to.kind.name} is associated with {store.kind.name} {id}."
                refusal = Refusal(problem(404, text))
                lost.append(failed(refusal, {"fromObjectId": [str(id)]}))
        return Reply(207 if lost else 200, json=_batch(call, results, lost))

    def links(self, store: Store, asked: Any) -> list[tuple[Store, Entry, int]]:
        found: list[tuple[Store, Entry, int]] = []
        if asked is not None and not isinstance(asked, list):
            raise Refusal(problem(400, "Invalid input JSON: associations must be an array"))
        for row in asked or []:
            types = row.get("types") if isinstance(row, dict) else None
            to = next((self.stores[b] for (a, b), known in TYPES.items()
                       if a == store.kind.name and _ids(types) & set(known)), None)  # fmt: skip
            if to is None:
                text = f"No association type {sorted(_ids(types))} of {store.kind.name} exists"
                raise Refusal(problem(400, text))
            other = to.named(str(_part(row, "to").get("id", "")))
            if other is None:
                text = f"Invalid association: {to.kind.one} {_part(row, 'to').get('id')}"
                raise Refusal(problem(404, text))
            found.append((to, other, _typed(store, to, types)))
        return found

    def join(self, store: Store, entry: Entry, to: Store, other: Entry, type: int) -> None:
        back = TYPES.get((to.kind.name, store.kind.name), (type,))
        known = TYPES[store.kind.name, to.kind.name]
        there, here = (store.kind.name, entry.id, to.kind.name), (to.kind.name, other.id,
                                                                  store.kind.name)  # fmt: skip
        self._pairs.setdefault(there, {})[other.id] = type
        at = known.index(type) if type in known else 0
        self._pairs.setdefault(here, {})[entry.id] = back[min(at, len(back) - 1)]

    def linked(self, store: Store, entry: Entry, to: Store) -> list[dict[str, Any]]:
        name = f"{store.kind.one}_to_{to.kind.one}"
        pairs = self._pairs.get((store.kind.name, entry.id, to.kind.name), {})
        return [{"id": str(id), "type": name} for id in pairs]

    def _two(self, call: Call, act: str = "write") -> tuple[Store, Store]:
        store, to = self.store(call, act), self.store(call, act, "to")
        if (store.kind.name, to.kind.name) not in TYPES:
            text = f"{store.kind.name} are not associated with {to.kind.name}"
            raise Refusal(problem(400, text))
        return store, to

    def _rows(self, store: Store, to: Store, ids: list[str]) -> tuple[Entry, Entry]:
        return self.entry(store, ids[0]), self.entry(to, ids[1])

    def _joined(self, store: Store, to: Store, entry: Entry, other: Entry) -> dict[str, Any]:
        type = TYPES[store.kind.name, to.kind.name][0]
        self.join(store, entry, to, other, type)
        spec = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": type}
        return {"from": {"id": str(entry.id)}, "to": {"id": str(other.id)},
                "associationSpec": spec}  # fmt: skip

    def _told(self, store: Store, id: int, to: Store) -> list[dict[str, Any]]:
        pairs = self._pairs.get((store.kind.name, id, to.kind.name), {})
        return [
            {"toObjectId": other,
             "associationTypes": [{"category": "HUBSPOT_DEFINED", "typeId": type, "label": None}]}
            for other, type in pairs.items()
        ]  # fmt: skip


def failed(refusal: Refusal, context: dict[str, list[str]]) -> dict[str, Any]:
    """Return the row of a batch that was refused."""
    told = refusal.reply.json
    assert isinstance(told, dict)
    found = {"status": "error", "category": told["category"], "message": told["message"],
             "context": {**told.get("context", {}), **context}}  # fmt: skip
    return {**found, "errors": told["errors"]} if "errors" in told else found


def _batch(
    call: Call, results: list[dict[str, Any]], errors: list[dict[str, Any]] | None = None
) -> dict[str, Any]:
    when = iso(call.now)
    found = {"status": "COMPLETE", "results": results, "startedAt": when, "completedAt": when}
    return {**found, "numErrors": len(errors), "errors": errors} if errors else found


def _inputs(call: Call, most: int) -> list[dict[str, Any]]:
    rows = body_of(call).get("inputs")
    if not isinstance(rows, list) or not rows or len(rows) > most:
        raise Refusal(problem(400, f"inputs must be an array of 1 to {most}"))
    return [row if isinstance(row, dict) else {} for row in rows]


def _part(row: dict[str, Any], name: str) -> dict[str, Any]:
    found = row.get(name)
    return found if isinstance(found, dict) else {}


def _ids(types: Any) -> set[int]:
    rows = types if isinstance(types, list) else []
    found = (row.get("associationTypeId") for row in rows if isinstance(row, dict))
    return {id for id in found if isinstance(id, int)}


def _typed(store: Store, to: Store, types: Any) -> int:
    """Return the type that is asked for, or refuse: it must be one of the two kinds."""
    known = TYPES[store.kind.name, to.kind.name]
    asked = _ids(types)
    if not asked or asked - set(known):
        text = f"One or more associations are not valid: {sorted(asked)}"
        raise Refusal(problem(400, text))
    return next(type for type in known if type in asked)
