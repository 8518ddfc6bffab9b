"""HubSpot's records: where they are, how they are searched and read.

https://developers.hubspot.com/docs/guides/api/crm/understanding-the-crm (read 2026-11)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ..http.client import Calls
from ..http.reply import Reply
from ..records import Record, text_of
from ..spec import Endpoint

ONE = Endpoint("record", "GET", "/crm/{}/{}/{}/{}")
SEARCH = Endpoint("search", "POST", "/crm/{}/{}/{}/search", True, "search")
READ = Endpoint("read", "POST", "/crm/{}/{}/{}/batch/read", True)
PROPERTIES = Endpoint("properties", "GET", "/crm/{}/{}/{}")
BATCH = 100

Filter = tuple[str, str, str | list[str]]
"""A property, an operator (EQ, GTE, IN, …), and its value or values."""


class Crm:
    """The records of one account. What it looks up, it looks up once."""

    def __init__(self, client: Calls) -> None:
        self.client = client
        self._fields: dict[str, Mapping[str, bool]] = {}

    def at(self, area: str = "objects", legacy: str = "v3") -> tuple[str, str]:
        """Return how a path begins: v3/objects, or objects/2026-03 in a dated version."""
        version = self.client.options.get("api_version") or "v3"
        return (legacy, area) if version == "v3" else (area, version)

    def fields(self, object: str) -> Mapping[str, bool]:
        """Return all properties, and whether anybody but HubSpot writes them."""
        if object not in self._fields:
            reply = self.client.call(PROPERTIES, *self.at("properties"), object)
            self._fields[object] = {
                p.need("name"): p.get("modificationMetadata.readOnlyValue") is not True
                for p in listed(reply)
            }
        return self._fields[object]

    def properties(self, object: str) -> tuple[str, ...]:
        """Return the names of all properties: what is not asked for by name is not returned."""
        return tuple(self.fields(object))

    def search(
        self, object: str, filters: Sequence[Filter], properties: Sequence[str], *,
        sort: str = "", limit: int = 200, query: str = "",
    ) -> list[Reply]:  # fmt: skip
        """Return the first ``limit`` records; what changed a moment ago may be missing."""
        body: dict[str, Any] = {
            "filterGroups": [{"filters": [_filter(f) for f in filters]}] if filters else [],
            "properties": list(properties), "sorts": [sort] if sort else [], "limit": limit,
            "after": "0",
        }  # fmt: skip
        if query:
            body["query"] = query
        return listed(self.client.call(SEARCH, *self.at(), object, json=body))

    def read(
        self, object: str, ids: Iterable[str], properties: Sequence[str], by: str = ""
    ) -> Iterator[Reply]:
        """Yield the records that there are, by id or by a unique property."""
        wanted = list(dict.fromkeys(ids))
        for start in range(0, len(wanted), BATCH):
            inputs = [{"id": id} for id in wanted[start : start + BATCH]]
            body = {"inputs": inputs, "properties": list(properties), "propertiesWithHistory": [],
                    **({"idProperty": by} if by else {})}  # fmt: skip
            yield from self.client.call(READ, *self.at(), object, json=body).each("results")


def listed(reply: Reply, path: str = "results") -> list[Reply]:
    """Return the rows of a list; silence is not an empty one."""
    if reply.get(path) is None:
        reply.need(path)
    return reply.each(path)


def record(item: Reply, names: Sequence[str]) -> Record:
    """Return a record with the properties that were asked for."""
    held = item.object("properties")
    values = {name: text_of(held.get(name)) for name in names}
    return Record(item.need("id"), values, item.moment("updatedAt"))


def _filter(of: Filter) -> dict[str, Any]:
    name, operator, value = of
    return {"propertyName": name, "operator": operator,
            "values" if isinstance(value, list) else "value": value}  # fmt: skip
