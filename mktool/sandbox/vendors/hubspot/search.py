"""Searching records: by filters and words, ten thousand at most, and some seconds late.

https://developers.hubspot.com/docs/api-reference/latest/crm/search-the-crm (read 2026-11)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from ...inbox import iso
from ...shelf import Data, Entry
from ...vendor import on, whole
from ...wire import Call, Refusal, Reply
from ...world import World
from .desk import api, body_of, paging, problem
from .kinds import Kind, moment
from .objects import Objects, Store

MOST, REACH = 200, 10_000  # of a page, and of all pages together
GROUPS, FILTERS, IN_ALL = 5, 6, 18
LONGEST = 3000  # characters of the body
Test = Callable[[Data], bool]


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found, kept for its next page: the ids in order."""

    key: tuple[object, ...]
    ids: list[int]


class Search(Objects):
    """One search for all kinds."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._last: Found | None = None

    @on("POST", *api("crm/objects", "crm/v3/objects", "/{type}/search"))
    def search(self, call: Call) -> Reply:
        store = self.store(call)
        if len(call.body) > LONGEST:
            raise Refusal(problem(400, f"The body must not exceed {LONGEST} characters"))
        body = body_of(call)
        size, after = _window(body)
        ids = self._ids(store, body, call.now)
        rows = []
        for id in ids[after : after + size]:
            entry = store.shelf.get(id)
            assert entry is not None
            seen = store.seen(entry, call.now)
            wanted = body.get("properties")
            rows.append(store.shown(entry, wanted if isinstance(wanted, list) else (),
                                    seen[0] if seen else None))  # fmt: skip
        answer: dict[str, Any] = {"total": len(ids), "results": rows}
        if after + size < len(ids):
            answer["paging"] = paging(call, after + size)
        return Reply(json=answer)

    def _ids(self, store: Store, body: dict[str, Any], now: float) -> list[int]:
        for id in [id for id, shadow in store.shadows.items() if shadow.until <= now]:
            del store.shadows[id]
        asked = repr([body.get(k) for k in ("filterGroups", "query", "sorts")])
        # While there are changes that it has not seen, the answer depends on the moment.
        key = (store.kind.name, asked, store.version, now if store.shadows else 0)
        if self._last is None or self._last.key != key:
            self._last = Found(key, _search(store, body, now))
        return self._last.ids


def _search(store: Store, body: dict[str, Any], now: float) -> list[int]:
    groups = _groups(store.kind, body.get("filterGroups") or [])
    words = str(body.get("query") or "").lower().split()
    name, backwards = _sort(store.kind, body.get("sorts") or [])
    found: list[tuple[Any, int]] = []
    for entry in _candidates(store, body.get("filterGroups") or []):
        seen = store.seen(entry, now)
        if seen is None:
            continue
        data = _whole(store, entry, *seen)
        if _matches(data, groups) and _worded(store.kind, data, words):
            found.append((_rank(store.kind, name, data.get(name)), entry.id))
    found.sort(reverse=backwards)
    return [id for _, id in found]


def _whole(store: Store, entry: Entry, data: Data, modified: float) -> Data:
    return {**data, **store.own(entry), store.kind.changed: iso(modified)}


def _candidates(store: Store, groups: list[dict[str, Any]]) -> Iterable[Entry]:
    """Return the records that may match: few of many where a filter says so."""
    rows = groups[0].get("filters", []) if len(groups) == 1 else []
    for row in rows:
        name, operator = row.get("propertyName"), row.get("operator")
        given = [row.get("value")] if operator == "EQ" else row.get("values", [])
        if name in (*store.kind.unique, "hs_object_id") and operator in ("EQ", "IN"):
            # A shadow may still have the value that the record itself has no longer.
            late = (store.shelf.get(id) for id in store.shadows)
            exact = (store.named(str(value), str(name)) for value in given)
            return {entry.id: entry for entry in (*exact, *late) if entry}.values()
        since = moment(str(row.get("value", "")))
        if name == store.kind.changed and operator in ("GT", "GTE") and since is not None:
            return store.shelf.changed(since)
    return store.shelf.after()


def _matches(data: Data, groups: list[list[Test]]) -> bool:
    return not groups or any(all(test(data) for test in group) for group in groups)


def _worded(kind: Kind, data: Data, words: list[str]) -> bool:
    if not words:
        return True
    text = " ".join(str(data.get(name) or "") for name in kind.searched).lower()
    return all(word in text for word in words)


def _window(body: dict[str, Any]) -> tuple[int, int]:
    size, after = whole(str(body.get("limit", 10))), whole(str(body.get("after") or 0))
    if size is None or size > MOST or after is None:
        raise Refusal(problem(400, f"limit must be at most {MOST}, after the cursor of a page"))
    if after + size > REACH:
        text = f"Paging through results past {REACH} is not supported"
        raise Refusal(problem(400, text))
    return size, after


def _groups(kind: Kind, groups: Any) -> list[list[Test]]:
    if not isinstance(groups, list) or len(groups) > GROUPS:
        raise Refusal(problem(400, f"filterGroups must be an array of at most {GROUPS}"))
    rows = [group.get("filters", []) if isinstance(group, dict) else [] for group in groups]
    if not all(isinstance(group, list) and all(isinstance(row, dict) for row in group)
               for group in rows):  # fmt: skip
        raise Refusal(problem(400, "Invalid input JSON: filters must be an array of objects"))
    if any(len(group) > FILTERS for group in rows) or sum(map(len, rows)) > IN_ALL:
        raise Refusal(problem(400, f"At most {FILTERS} filters in a group, {IN_ALL} in all"))
    return [[_test(kind, row) for row in group] for group in rows]


def _test(kind: Kind, row: dict[str, Any]) -> Test:
    name, operator = str(row.get("propertyName")), str(row.get("operator"))
    if name not in kind.properties:
        raise Refusal(problem(400, f"There was a problem with the request: no property {name}"))
    if operator in ("HAS_PROPERTY", "NOT_HAS_PROPERTY"):
        return lambda data: bool(data.get(name)) == (operator == "HAS_PROPERTY")
    if operator not in _OPERATORS:
        raise Refusal(problem(400, f"Invalid input JSON: no operator {operator}"))
    many = operator in ("IN", "NOT_IN")
    given = row.get("values") if many else [row.get("value"), row.get("highValue")]
    if not isinstance(given, list) or given[:1] in ([], [None]):
        raise Refusal(problem(400, f"operator {operator} needs a {'values' if many else 'value'}"))
    wanted = [_rank(kind, name, value) for value in given if value is not None]
    holds = _OPERATORS[operator]

    def test(data: Data) -> bool:
        value = data.get(name)
        if value in (None, ""):
            return operator in ("NEQ", "NOT_IN", "NOT_CONTAINS_TOKEN")
        return holds(_rank(kind, name, value), wanted)

    return test


def _contains(value: tuple[float, str], wanted: list[tuple[float, str]]) -> bool:
    """Tell whether a value has a word in it; ``*`` stands for anything in the word."""
    pattern = re.escape(wanted[0][1]).replace(r"\*", r"\S*")
    return bool(re.search(rf"(?<!\w){pattern}(?!\w)", value[1]))


_OPERATORS: dict[str, Callable[[tuple[float, str], list[tuple[float, str]]], bool]] = {
    "EQ": lambda value, wanted: value == wanted[0],
    "NEQ": lambda value, wanted: value != wanted[0],
    "LT": lambda value, wanted: value < wanted[0],
    "LTE": lambda value, wanted: value <= wanted[0],
    "GT": lambda value, wanted: value > wanted[0],
    "GTE": lambda value, wanted: value >= wanted[0],
    "BETWEEN": lambda value, wanted: wanted[0] <= value <= wanted[-1],
    "IN": lambda value, wanted: value in wanted,
    "NOT_IN": lambda value, wanted: value not in wanted,
    "CONTAINS_TOKEN": _contains,
    "NOT_CONTAINS_TOKEN": lambda value, wanted: not _contains(value, wanted),
}


def _rank(kind: Kind, name: str, value: Any) -> tuple[float, str]:
    """Return a value as it is compared: numbers and dates by size, words in any case."""
    text = str(value if value is not None else "").lower()
    type = kind.properties[name].type if name in kind.properties else "string"
    if type in ("datetime", "date"):
        return moment(text.upper()) or 0.0, ""
    if type == "number":
        try:
            return float(text), ""
        except ValueError:
            return 0.0, ""
    return 0.0, text


def _sort(kind: Kind, sorts: Any) -> tuple[str, bool]:
    """Return what is sorted by, and whether the highest comes first."""
    if not sorts:
        return "hs_object_id", False
    first = sorts[0] if isinstance(sorts, list) and len(sorts) == 1 else None
    if isinstance(first, str):
        name, backwards = first.lstrip("-"), first.startswith("-")
    elif isinstance(first, dict):
        name = str(first.get("propertyName"))
        backwards = first.get("direction") == "DESCENDING"
    else:
        raise Refusal(problem(400, "Only one sort is allowed"))
    if name not in kind.properties:
        raise Refusal(problem(400, f"There was a problem with the request: no property {name}"))
    return name, backwards
