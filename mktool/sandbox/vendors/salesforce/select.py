"""Carrying out a query: which records, in which order."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

from ...shelf import Entry
from ...wire import Call
from .desk import Unfit, decode
from .schema import Field, moment
from .soql import Logic, Moment, Query, Test, parse
from .store import Archive, Store

Check = Callable[[Entry], bool]
_SINCE = ("systemmodstamp", "lastmodifieddate")


class Selection(Archive):
    """Finds what a query asks for."""

    def ask(self, text: str, call: Call, *, deleted: bool) -> tuple[Store, Query, list[int]]:
        """Return whose records a query found, the query, and their numbers in order."""
        if not text.strip():
            raise Unfit("MALFORMED_QUERY", "The query is empty")
        try:
            query = parse(text, call.now)
            store, found = self._found(query, deleted=deleted)
        except RecursionError:
            raise Unfit("MALFORMED_QUERY", "The query is nested too deeply") from None
        query.fields = [self._proper(store, path) for path in query.fields]
        return store, query, found

    def value(self, store: Store, entry: Entry, path: str) -> Any:
        """Return a value; ``Account.Name`` leads through a reference."""
        head, _, rest = path.partition(".")
        if not rest:
            return store.read(entry, head)
        target = self._target(store, head)
        id = store.read(entry, f"{head}Id")
        other = target.shelf.live(decode(id, target.kind.prefix)) if id else None
        return self.value(target, other, rest) if other else None

    def row(self, store: Store, query: Query, entry: Entry, version: str) -> dict[str, Any]:
        """Return a record with what the query selects."""
        shown: dict[str, Any] = {"attributes": store.attributes(entry, version)}
        for path in query.fields:
            inner = shown
            *heads, name = path.split(".")
            for head in heads:
                if self.value(store, entry, f"{head}.Id") is None:
                    inner[head] = None
                    break
                inner = inner.setdefault(head, {"attributes": {"type": head}})
            else:
                inner[name] = self.value(store, entry, path)
        return shown

    def _found(self, query: Query, *, deleted: bool) -> tuple[Store, list[int]]:
        store = self.stores.get(query.table.lower())
        if store is None:
            raise Unfit("INVALID_TYPE", f"sObject type '{query.table}' is not supported.")
        check = self._check(store, query.where) if query.where else None
        sorts = [(self._proper(store, path), back, last) for path, back, last in query.order]
        entries = self._candidates(store, query.where)
        live = (e for e in entries if (deleted or not e.deleted) and (check is None or check(e)))
        if not sorts or [sort[:2] for sort in sorts] == [("Id", False)]:
            ordered: Iterable[Entry] = live
        else:
            ordered = self._sorted(store, live, sorts)
        end = None if query.limit is None else query.offset + query.limit
        return store, [entry.id for entry in islice(ordered, query.offset, end)]

    def _sorted(
        self, store: Store, entries: Iterable[Entry], sorts: list[tuple[str, bool, bool]]
    ) -> list[Entry]:
        rows = list(entries)
        for path, backwards, last in reversed(sorts):
            rows.sort(key=self._key(store, path, first=last == backwards), reverse=backwards)
        return rows

    def _key(self, store: Store, path: str, *, first: bool) -> Callable[[Entry], Any]:
        """Return what a field is sorted by; ``first`` tells where nothing has its place."""
        field = self._field(store, path)

        def key(entry: Entry) -> Any:
            value = self.value(store, entry, path)
            return (value is None) != first, 0 if value is None else _comparable(field, value)

        return key

    def _candidates(self, store: Store, where: Test | Logic | None) -> Iterator[Entry]:
        """Return the records that may match, by number: few of many where a test says so."""
        tests = where.parts if isinstance(where, Logic) and where.sign == "AND" else (where,)
        for test in tests:
            if not isinstance(test, Test):
                continue
            name, keys = test.path.lower(), {key.lower(): key for key in store.kind.keys}
            exact = test.sign == "=" or (test.sign == "IN" and isinstance(test.value, list))
            if exact and (name == "id" or name in keys):
                given = test.value if isinstance(test.value, list) else [test.value]
                found = {e.id: e for each in given for e in _exact(store, keys.get(name), each)}
                return iter([found[id] for id in sorted(found)])
            if name == "id" and test.sign in (">", ">="):
                first = decode(str(test.value), store.kind.prefix) or 0
                return store.shelf.after(first - 1)
            if name in _SINCE and test.sign in (">", ">=") and isinstance(test.value, Moment):
                return iter(sorted(store.shelf.changed(test.value), key=lambda e: e.id))
        return store.shelf.after()

    def _check(self, store: Store, where: Test | Logic) -> Check:
        if isinstance(where, Test):
            return self._test(store, where)
        checks = [self._check(store, part) for part in where.parts]
        if where.sign == "NOT":
            return lambda entry: not checks[0](entry)
        some = any if where.sign == "OR" else all
        return lambda entry: some(check(entry) for check in checks)

    def _test(self, store: Store, test: Test) -> Check:
        path = self._proper(store, test.path)
        field = self._field(store, path)
        if test.sign in ("IN", "NOT IN"):
            several = {_comparable(field, each) for each in self._several(test.value)}
            positive = test.sign == "IN"
            return lambda entry: (
                (_comparable(field, self.value(store, entry, path)) in several) == positive
            )
        if test.sign == "LIKE":
            pattern = re.escape(str(test.value)).replace("%", ".*").replace("_", ".")
            like = re.compile(pattern, re.IGNORECASE | re.DOTALL)
            return lambda entry: bool(like.fullmatch(str(self.value(store, entry, path) or "")))
        if not _fitting(field, test.value):
            text = f"value of filter criterion for field '{path}' must be of type {field.type}"
            raise Unfit("INVALID_QUERY_FILTER_OPERATOR", text)
        wanted, holds = _comparable(field, test.value), _SIGNS[test.sign]

        def check(entry: Entry) -> bool:
            value = self.value(store, entry, path)
            if value is None or wanted is None:
                return test.sign in ("=", "!=") and ((value == wanted) == (test.sign == "="))
            return holds(_comparable(field, value), wanted)

        return check

    def _several(self, value: Any) -> list[Any]:
        if not isinstance(value, Query):
            return list(value)
        store, found = self._found(value, deleted=False)
        path = self._proper(store, value.fields[0])
        entries = filter(None, (store.shelf.get(number) for number in found))
        return [self.value(store, entry, path) for entry in entries]

    def _proper(self, store: Store, path: str) -> str:
        """Return a path as it is spelled, or raise `Unfit`."""
        head, _, rest = path.partition(".")
        if rest:
            target = self._target(store, head)
            field = store.kind.field(f"{head}Id")
            assert field is not None
            return f"{field.name.removesuffix('Id')}.{self._proper(target, rest)}"
        found = store.kind.field(head)
        if found is None:
            text = f"No such column '{head}' on entity '{store.kind.name}'."
            raise Unfit("INVALID_FIELD", text)
        return found.name

    def _field(self, store: Store, path: str) -> Field:
        head, _, rest = path.partition(".")
        if rest:
            return self._field(self._target(store, head), rest)
        return store.kind.fields[head.lower()]

    def _target(self, store: Store, head: str) -> Store:
        field = store.kind.field(f"{head}Id")
        if field is None or not any(field.refers):
            text = f"Didn't understand relationship '{head}' in field path."
            raise Unfit("INVALID_FIELD", text)
        return self.stores[field.refers[0].lower()]


def _exact(store: Store, key: str | None, value: Any) -> list[Entry]:
    if key is None:
        found = store.shelf.get(decode(str(value), store.kind.prefix))
        return [found] if found else []
    # The index forgets what was deleted; whoever asks for that too gets it by another field.
    return store.shelf.find(f"{key}={value}")


_SIGNS: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda value, wanted: value == wanted,
    "!=": lambda value, wanted: value != wanted,
    "<": lambda value, wanted: value < wanted,
    "<=": lambda value, wanted: value <= wanted,
    ">": lambda value, wanted: value > wanted,
    ">=": lambda value, wanted: value >= wanted,
}


def _fitting(field: Field, value: Any) -> bool:
    """Tell whether a value may be compared with a field."""
    if value is None:
        return True
    if field.type in ("date", "datetime"):
        return isinstance(value, Moment)
    if field.type == "boolean":
        return isinstance(value, bool)
    if field.type in ("double", "currency", "int"):
        return isinstance(value, float) and not isinstance(value, Moment)
    return isinstance(value, str)


def _comparable(field: Field, value: Any) -> Any:
    """Return a value as it is compared: dates as seconds, ids by their first 15 characters."""
    if value is None or isinstance(value, (bool, float, int)):
        return value
    if field.type in ("date", "datetime"):
        return moment(str(value)) or 0.0
    if field.type in ("id", "reference"):
        return str(value)[:15]
    return str(value).lower()
