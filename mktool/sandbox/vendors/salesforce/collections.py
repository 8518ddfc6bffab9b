"""Two hundred records in one call.

https://developer.salesforce.com/docs/platform/api-rest/guide/resources-composite-sobjects-collections.html
(read 2026-11)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...vendor import on
from ...wire import Call, Reply
from .desk import DATA, Unfit, decode
from .records import Records, body_of
from .store import Rehearsed

MOST, CHUNKS = 200, 10  # records, and runs of one object in a row
_PATH = f"{DATA}/composite/sobjects"
Row = dict[str, Any]


class Collections(Records):
    """Each record has an outcome of its own; with ``allOrNone`` one that fails undoes all."""

    @on("POST", _PATH, f"{_PATH}/")
    def create_some(self, call: Call) -> Reply:
        def write(row: Row) -> Row:
            store = self.store(_type(row))
            return {"id": store.id(self.insert(store, row, call))}

        return self._each(call, write)

    @on("PATCH", _PATH, f"{_PATH}/")
    def update_some(self, call: Call) -> Reply:
        def write(row: Row) -> Row:
            store = self.store(_type(row))
            id = next((str(v) for k, v in row.items() if k.lower() == "id"), "")
            if not id:
                raise Unfit("MISSING_ARGUMENT", "Id not specified in an update call")
            fields = {k: v for k, v in row.items() if k.lower() != "id"}
            entry = self.entry(store, id)
            self.update(store, entry, fields, call)
            return {"id": store.id(entry)}

        return self._each(call, write)

    @on("PATCH", f"{_PATH}/{{object}}/{{key}}")
    def upsert_some(self, call: Call) -> Reply:
        store, key = self.store(call.params["object"]), call.params["key"]
        self.matched(store, key, "")

        def write(row: Row) -> Row:
            if _type(row).lower() != store.kind.name.lower():
                raise Unfit("INVALID_TYPE", f"only records of {store.kind.name} are allowed")
            value = next((v for k, v in row.items() if k.lower() == key.lower()), None)
            if not value:
                raise Unfit("MISSING_ARGUMENT", f"{key} not specified")
            fields = {k: v for k, v in row.items() if k.lower() != key.lower()}
            entry, new = self.upsert(store, key, str(value), fields, call)
            return {"id": store.id(entry), "created": new}

        return self._each(call, write)

    @on("DELETE", _PATH, f"{_PATH}/")
    def delete_some(self, call: Call) -> Reply:
        ids = [id for id in call.query.get("ids", "").split(",") if id]
        _bounded(len(ids))

        def write(row: Row) -> Row:
            store = self.owner(row["id"])
            entry = self.entry(store, row["id"])
            self.delete(store, entry, call.now)
            return {"id": store.id(entry)}

        together = call.query.get("allOrNone", "").lower() == "true"
        return Reply(json=self._outcomes([{"id": id} for id in ids], write, together))

    @on("GET", f"{_PATH}/{{object}}")
    def read_some(self, call: Call) -> Reply:
        store = self.store(call.params["object"])
        ids = [id for id in call.query.get("ids", "").split(",") if id]
        names = [name for name in call.query.get("fields", "").split(",") if name]
        if not names:
            raise Unfit("MISSING_ARGUMENT", "fields is required")
        proper = [self._proper(store, name) for name in names]
        found = (store.shelf.live(decode(id, store.kind.prefix)) for id in ids)
        version = call.params["version"]
        return Reply(json=[entry and store.shown(entry, version, proper) for entry in found])

    def _each(self, call: Call, write: Callable[[Row], Row]) -> Reply:
        body = body_of(call)
        rows = body.get("records")
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise Unfit("JSON_PARSER_ERROR", "records must be an array of records")
        _bounded(len(rows))
        types = [_type(row).lower() for row in rows]
        chunks = sum(1 for at, type in enumerate(types) if at == 0 or type != types[at - 1])
        if chunks > CHUNKS:
            text = f"Cannot have more than {CHUNKS} chunks in a single operation."
            raise Unfit("INVALID_OPERATION", text)
        return Reply(json=self._outcomes(rows, write, body.get("allOrNone") is True))

    def _outcomes(self, rows: list[Row], write: Callable[[Row], Row], together: bool) -> list[Row]:
        if together and (failed := self._rehearsed(rows, write)):
            return [failed.get(at, _rolled_back()) for at in range(len(rows))]
        outcomes = []
        for row in rows:
            try:
                outcomes.append({**write(row), "success": True, "errors": []})
            except Unfit as unfit:
                outcomes.append(_failed(unfit))
        return outcomes

    def _rehearsed(self, rows: list[Row], write: Callable[[Row], Row]) -> dict[int, Row]:
        """Return what would fail, and write nothing."""
        failed: dict[int, Row] = {}
        self.rehearsing = True
        try:
            for at, row in enumerate(rows):
                try:
                    write(row)
                except Rehearsed:
                    continue
                except Unfit as unfit:
                    failed[at] = _failed(unfit)
        finally:
            self.rehearsing = False
        return failed


def _failed(unfit: Unfit) -> Row:
    return {"success": False, "errors": [unfit.to_json()]}


def _rolled_back() -> Row:
    text = "Record rolled back because not all records were valid and the request was using "
    return _failed(Unfit("ALL_OR_NONE_OPERATION_ROLLED_BACK", f"{text}AllOrNone header"))


def _bounded(count: int) -> None:
    if not count or count > MOST:
        text = f"record limit reached. cannot submit more than {MOST} records in this call"
        raise Unfit("EXCEEDED_ID_LIMIT" if count else "MISSING_ARGUMENT", text)


def _type(row: Row) -> str:
    attributes = row.get("attributes")
    type = attributes.get("type") if isinstance(attributes, dict) else None
    if not isinstance(type, str):
        raise Unfit("INVALID_INPUT", "Include an entity type in the attributes of each record")
    return type
