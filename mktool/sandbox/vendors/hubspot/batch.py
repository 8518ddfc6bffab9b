"""A hundred records at once.

https://developers.hubspot.com/docs/api-reference/error-handling, multi-status errors: with an
``objectWriteTraceId`` of its own for each row, those that can be written are (read 2026-11).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...inbox import iso
from ...vendor import on, whole
from ...wire import Call, Refusal, Reply
from .associations import failed
from .desk import api, body_of, problem
from .objects import Objects, Store, values

MOST = 100
Row = dict[str, Any]


def _path(act: str) -> tuple[str, ...]:
    return api("crm/objects", "crm/v3/objects", f"/{{type}}/batch/{act}")


class Batches(Objects):
    """The batches of all kinds."""

    @on("POST", *_path("read"))
    def read_batch(self, call: Call) -> Reply:
        store, body = self.store(call), body_of(call)
        name, wanted = str(body.get("idProperty") or ""), body.get("properties")
        if name and name not in ("hs_object_id", *store.kind.unique):
            raise Refusal(problem(400, f"Property {name} is not a unique identifier property"))
        results, lost = [], []
        for row in _inputs(body):
            id = str(row.get("id", ""))
            found = store.named(id, name)
            if found is None:
                lost.append(id)
            else:
                shown = store.shown(found, wanted if isinstance(wanted, list) else ())
                results.append(shown)
        return _answer(call, 200, results, [_lost(store, lost)] if lost else [], len(lost))

    @on("POST", *_path("create"))
    def create_batch(self, call: Call) -> Reply:
        store = self.store(call, "write")
        rows = _inputs(body_of(call))

        def write(row: Row) -> Row:
            return store.shown(self.create(store, row, call.now), _names(store, row))

        if not _traced(rows):  # one that cannot be written stops all of them
            for row in rows:
                self.prepared(store, row)
            _distinct(store, rows)
        return self._written(call, rows, write, 201)

    @on("POST", *_path("update"))
    def update_batch(self, call: Call) -> Reply:
        store = self.store(call, "write")
        rows = _inputs(body_of(call))
        _once(rows)
        kept: list[Row] = []
        lost: list[Row] = []
        for row in rows:
            found = store.named(str(row.get("id", "")), str(row.get("idProperty") or ""))
            (kept if found else lost).append(row)
        if not _traced(rows):
            for row in kept:
                found = store.named(str(row["id"]), str(row.get("idProperty") or ""))
                self.unclaimed(store, values(store, row.get("properties")), found)

        def write(row: Row) -> Row:
            entry = self.entry(store, str(row["id"]), str(row.get("idProperty") or ""))
            self.change(store, entry, row, call.now)
            return store.shown(entry, _names(store, row))

        ids = [str(row.get("id", "")) for row in lost]
        return self._written(call, kept, write, 200, [_lost(store, ids)] if lost else [])

    @on("POST", *_path("upsert"))
    def upsert_batch(self, call: Call) -> Reply:
        store = self.store(call, "write")
        rows = _inputs(body_of(call))
        _once(rows)
        for row in rows:
            if str(row.get("idProperty") or "") not in ("hs_object_id", *store.kind.unique):
                raise Refusal(problem(400, "idProperty must name a unique property"))
        if not _traced(rows):
            for row in rows:
                self._checked(store, row)
        return self._written(call, rows, lambda row: self._put(store, row, call.now), 200)

    @on("POST", *_path("archive"))
    def archive_batch(self, call: Call) -> Reply:
        store = self.store(call, "write")
        for row in _inputs(body_of(call)):
            self.archive(store, store.shelf.get(whole(str(row.get("id", "")))), call.now)
        return Reply(204)

    def _checked(self, store: Store, row: Row) -> None:
        """Refuse a row of an upsert that cannot be written."""
        name, id = str(row["idProperty"]), str(row.get("id", ""))
        known = store.named(id, name)
        given = values(store, row.get("properties") or {})
        if known is not None:
            self.unclaimed(store, given, known)
        elif name != "hs_object_id":
            self.prepared(store, {"properties": {name: id, **given}})

    def _put(self, store: Store, row: Row, now: float) -> Row:
        """Write one row of an upsert."""
        name, id = str(row["idProperty"]), str(row.get("id", ""))
        entry = store.named(id, name)
        own = name == "hs_object_id"
        if entry is None and own:
            raise Refusal(problem(404, "resource not found"))
        properties = {**({} if own else {name: id}), **(row.get("properties") or {})}
        new = entry is None
        if entry is None:
            entry = self.create(store, {"properties": properties}, now)
        else:
            self.change(store, entry, {"properties": properties}, now)
        return {**store.shown(entry, [*store.kind.shown, *properties]), "new": new}

    def _written(
        self,
        call: Call,
        rows: list[Row],
        write: Callable[[Row], Row],
        status: int,
        lost: list[Row] | None = None,
    ) -> Reply:
        """Write each row; what is refused is told, or refuses all where rows have no trace."""
        results: list[Row] = []
        errors = [*(lost or [])]
        traced = _traced(rows)
        for row in rows:
            trace = {"objectWriteTraceId": row["objectWriteTraceId"]} if traced else {}
            try:
                results.append({**write(row), **trace})
            except Refusal as refusal:
                if not traced:
                    raise
                errors.append(failed(refusal, {"objectWriteTraceId": [row["objectWriteTraceId"]]}))
        return _answer(call, status, results, errors, len(errors))


def _answer(call: Call, status: int, results: list[Row], errors: list[Row], count: int) -> Reply:
    when = iso(call.now)
    body: Row = {"status": "COMPLETE", "results": results, "requestedAt": when, "startedAt": when,
                 "completedAt": when}  # fmt: skip
    if not errors:
        return Reply(status, json=body)
    return Reply(207, json={**body, "numErrors": count, "errors": errors})


def _lost(store: Store, ids: list[str]) -> Row:
    text = (f"Could not get some {store.kind.one.upper()} objects, they may be deleted or not "
            "exist. Check that ids are valid.")  # fmt: skip
    return {"status": "error", "category": "OBJECT_NOT_FOUND", "message": text,
            "context": {"ids": ids}}  # fmt: skip


def _inputs(body: Row) -> list[Row]:
    rows = body.get("inputs")
    if not isinstance(rows, list) or not rows:
        raise Refusal(problem(400, "inputs must not be empty"))
    if len(rows) > MOST:
        raise Refusal(problem(400, f"The maximum batch size is {MOST}, {len(rows)} were sent"))
    if not all(isinstance(row, dict) for row in rows):
        raise Refusal(problem(400, "Invalid input JSON: inputs must be objects"))
    return rows


def _traced(rows: list[Row]) -> bool:
    traces = [row.get("objectWriteTraceId") for row in rows]
    named = all(isinstance(trace, str) and trace for trace in traces)
    return named and len(set(traces)) == len(traces)


def _once(rows: list[Row]) -> None:
    """Refuse a batch that names the same record twice."""
    ids = [str(row.get("id", "")).lower() for row in rows]
    twice = sorted({id for id in ids if ids.count(id) > 1})
    if twice:
        text = f"Duplicate IDs found in batch input: [{', '.join(twice)}]. IDs must be unique"
        raise Refusal(problem(400, text))


def _distinct(store: Store, rows: list[Row]) -> None:
    """Refuse a batch whose new records would have the same unique value."""
    for name in store.kind.unique:
        given = [str(row["properties"].get(name) or "").lower() for row in rows]
        known = [value for value in given if value]
        if len(set(known)) < len(known):
            raise Refusal(problem(409, f"Two rows have the same {name}"))


def _names(store: Store, row: Row) -> list[str]:
    return [*store.kind.shown, *row["properties"]]
