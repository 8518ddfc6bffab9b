"""The resources of single records and of queries.

https://developer.salesforce.com/docs/platform/api-rest/guide/resources-list.html (read 2026-11)
"""

from __future__ import annotations

from typing import Any

from ...vendor import on, whole
from ...wire import Call, Refusal, Reply
from ...world import World
from .desk import DATA, ORG, PER_DAY, Unfit, refused, stamp
from .schema import describe, moment, summary
from .select import Selection
from .soql import Query
from .store import Store

PAGE = 2000  # records
CURSORS = 10  # queries that can be read on
OBJECT = f"{DATA}/sobjects/{{object}}"


class Records(Selection):
    """Records one by one, and page by page."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._cursors: dict[str, tuple[Store, Query, list[int]]] = {}

    @on("GET", DATA, f"{DATA}/")
    def resources(self, call: Call) -> Reply:
        base = f"/services/data/{call.params['version']}"
        names = ("sobjects", "query", "queryAll", "composite", "limits", "jobs")
        return Reply(json={name: f"{base}/{name}" for name in names})

    @on("GET", f"{DATA}/limits", f"{DATA}/limits/")
    def limits(self, call: Call) -> Reply:
        quota = self.world.take("salesforce.look", ORG, 1 << 60, 86_400.0)
        most = self.world.limits.get(self.name, PER_DAY)
        left = max(0, most - (quota.limit - quota.remaining))
        return Reply(
            json={"DailyApiRequests": {"Max": most, "Remaining": left},
                  "DailyBulkApiBatches": {"Max": 15_000, "Remaining": 15_000},
                  "DailyBulkV2QueryJobs": {"Max": 10_000, "Remaining": 10_000},
                  "DataStorageMB": {"Max": 1024, "Remaining": 1000}}
        )  # fmt: skip

    @on("GET", f"{DATA}/sobjects", f"{DATA}/sobjects/")
    def objects(self, call: Call) -> Reply:
        rows = [summary(store.kind) for store in self.stores.values()]
        return Reply(json={"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": rows})

    # These three come before the record of an id: routes are tried in the order of their names.
    @on("GET", f"{OBJECT}/describe", f"{OBJECT}/describe/")
    def a_description(self, call: Call) -> Reply:
        return Reply(json=describe(self.store(call.params["object"]).kind))

    @on("GET", f"{OBJECT}/deleted", f"{OBJECT}/deleted/")
    def a_list_of_deleted(self, call: Call) -> Reply:
        store, since, until = self._span(call)
        rows = [
            {"id": store.id(entry), "deletedDate": stamp(entry.modified)}
            for entry in store.shelf.changed(since) if entry.deleted and entry.modified <= until
        ]  # fmt: skip
        return Reply(json={"deletedRecords": rows, "earliestDateAvailable": stamp(since),
                           "latestDateCovered": stamp(until)})  # fmt: skip

    @on("GET", f"{OBJECT}/updated", f"{OBJECT}/updated/")
    def a_list_of_updated(self, call: Call) -> Reply:
        store, since, until = self._span(call)
        ids = [store.id(entry) for entry in store.shelf.changed(since)
               if not entry.deleted and entry.modified <= until]  # fmt: skip
        return Reply(json={"ids": ids, "latestDateCovered": stamp(until)})

    @on("POST", OBJECT, f"{OBJECT}/")
    def create(self, call: Call) -> Reply:
        store = self.store(call.params["object"])
        entry = self.insert(store, body_of(call), call)
        return Reply(201, json={"id": store.id(entry), "success": True, "errors": []})

    @on("GET", f"{OBJECT}/{{id}}")
    def read_one(self, call: Call) -> Reply:
        store = self.store(call.params["object"])
        return self._one(call, store, self.entry(store, call.params["id"]).id)

    @on("PATCH", f"{OBJECT}/{{id}}")
    def update_one(self, call: Call) -> Reply:
        store = self.store(call.params["object"])
        self.update(store, self.entry(store, call.params["id"]), body_of(call), call)
        return Reply(204)

    @on("DELETE", f"{OBJECT}/{{id}}")
    def delete_one(self, call: Call) -> Reply:
        store = self.store(call.params["object"])
        self.delete(store, self.entry(store, call.params["id"]), call.now)
        return Reply(204)

    @on("GET", f"{OBJECT}/{{key}}/{{value}}")
    def read_by_key(self, call: Call) -> Reply:
        store = self.store(call.params["object"])
        found = self.matched(store, call.params["key"], call.params["value"])
        if not found:
            raise Unfit("NOT_FOUND", "The requested resource does not exist", status=404)
        if len(found) > 1:
            return Reply(300, json=[store.attributes(each, call.params["version"])["url"]
                                    for each in found])  # fmt: skip
        return self._one(call, store, found[0].id)

    @on("PATCH", f"{OBJECT}/{{key}}/{{value}}")
    def upsert_one(self, call: Call) -> Reply:
        store, body = self.store(call.params["object"]), body_of(call)
        key, value = call.params["key"], call.params["value"]
        if key.lower() in map(str.lower, body):
            text = f"The {key} field should not be specified in the sobject data."
            raise Unfit("INVALID_FIELD", text, key)
        found = self.matched(store, key, value)
        if len(found) > 1:
            return Reply(300, json=[store.attributes(each, call.params["version"])["url"]
                                    for each in found])  # fmt: skip
        entry, new = self.upsert(store, key, value, body, call)
        told = {"id": store.id(entry), "success": True, "errors": [], "created": new}
        return Reply(201 if new else 200, json=told)

    @on("GET", f"{DATA}/query", f"{DATA}/query/")
    def query(self, call: Call) -> Reply:
        return self._queried(call, deleted=False)

    @on("GET", f"{DATA}/queryAll", f"{DATA}/queryAll/")
    def query_all(self, call: Call) -> Reply:
        return self._queried(call, deleted=True)

    @on("GET", f"{DATA}/query/{{cursor}}", f"{DATA}/queryAll/{{cursor}}")
    def query_more(self, call: Call) -> Reply:
        cursor, _, start = call.params["cursor"].rpartition("-")
        found = self._cursors.get(cursor)
        at = whole(start)
        if found is None or at is None:
            raise Unfit("INVALID_QUERY_LOCATOR", "invalid query locator")
        return self._page(call, cursor, at, *found)

    def _queried(self, call: Call, *, deleted: bool) -> Reply:
        store, query, found = self.ask(call.query.get("q", ""), call, deleted=deleted)
        if query.count:
            return Reply(json={"totalSize": len(found), "done": True, "records": []})
        cursor = f"01g5g{self.world.number():013d}"
        if len(found) > _page_size(call):
            self._cursors[cursor] = store, query, found
            for old in list(self._cursors)[:-CURSORS]:
                del self._cursors[old]
        return self._page(call, cursor, 0, store, query, found)

    def _page(
        self, call: Call, cursor: str, at: int, store: Store, query: Query, found: list[int]
    ) -> Reply:
        end, version = at + _page_size(call), call.params["version"]
        entries = filter(None, (store.shelf.get(number) for number in found[at:end]))
        rows = [self.row(store, query, entry, version) for entry in entries]
        told: dict[str, Any] = {"totalSize": len(found), "done": end >= len(found)}
        if end < len(found):
            told["nextRecordsUrl"] = f"/services/data/{version}/query/{cursor}-{end}"
        return Reply(json={**told, "records": rows})

    def _one(self, call: Call, store: Store, number: int) -> Reply:
        entry = store.shelf.get(number)
        assert entry is not None
        names = [name for name in call.query.get("fields", "").split(",") if name]
        for name in names:
            if store.kind.field(name) is None:
                text = f"No such column '{name}' on sobject of type {store.kind.name}"
                raise Unfit("INVALID_FIELD", text)
        proper = [store.kind.fields[name.lower()].name for name in names]
        return Reply(json=store.shown(entry, call.params["version"], proper))

    def _span(self, call: Call) -> tuple[Store, float, float]:
        """Return the records and the time that a call is about; a month at most."""
        store = self.store(call.params["object"])
        since, until = (moment(call.query.get(name, "").replace(" ", "+"))
                        for name in ("start", "end"))  # fmt: skip
        if since is None or until is None or until <= since:
            raise Unfit("INVALID_REPLICATION_DATE", "start and end are wanted, in this order")
        if call.now - since > 30 * 86_400:
            raise Unfit("INVALID_REPLICATION_DATE", "startDate before org replication enabled date")
        return store, since, until


def body_of(call: Call) -> dict[str, Any]:
    """Return the JSON object of a call, or refuse it."""
    found = call.object()
    if found is None:
        raise Refusal(refused(400, "JSON_PARSER_ERROR", "Unexpected character at [line:1]"))
    return found


def _page_size(call: Call) -> int:
    asked = call.headers.get("sforce-query-options", "").lower().replace(" ", "")
    size = whole(asked.removeprefix("batchsize=")) if asked.startswith("batchsize=") else None
    return min(max(size, 200), PAGE) if size else PAGE
