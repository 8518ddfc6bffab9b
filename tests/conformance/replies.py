"""Replies of the sandbox held against a vendor's OpenAPI document: path, status and body."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker

FORMATS = FormatChecker(formats=())
FORMATS.checks("date-time", raises=ValueError)(
    lambda text: not text or bool(datetime.fromisoformat(text))
)
FORMATS.checks("date-time-rfc-2822", raises=ValueError)(
    lambda text: not text or bool(parsedate_to_datetime(text))
)


class Replies:
    """What one document says about replies; its ``nullable`` is read as JSON Schema says it."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document

    @cached_property
    def _components(self) -> Any:
        return nullable(self._document["components"])

    def schema(self, method: str, path: str, status: int) -> Any:
        """Return the schema of a reply, None for one without a body; it must be documented."""
        responses = self._operation(method, path)["responses"]
        content = responses.get(str(status), responses.get("default", {})).get("content", {})
        assert content or str(status) in responses, f"{method} {path} has no {status}"
        found = next((v["schema"] for k, v in content.items() if "json" in k), None)
        return found and self._resolved(nullable(found))

    def check(
        self,
        method: str,
        path: str,
        status: int,
        body: Any,
        *,
        undocumented: frozenset[str] = frozenset(),
    ) -> None:
        """Fail unless the reply is documented, with no member that is not but ``undocumented``."""
        schema = self.schema(method, path, status)
        if schema is None:
            assert body is None
            return
        whole = {**schema, "components": self._components}
        Draft202012Validator(whole, format_checker=FORMATS).validate(body)
        assert sorted({*self._strangers(body, schema)} - undocumented) == [], f"{method} {path}"

    def _operation(self, method: str, path: str) -> Any:
        # The path with the most literal segments is meant: /Messages.json before /{Sid}.json.
        for template in sorted(self._document["paths"], key=lambda known: known.count("{")):
            if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path):
                return self._document["paths"][template][method.lower()]
        raise AssertionError(f"{path} is not documented")

    def _resolved(self, node: Any) -> Any:
        while "$ref" in node:
            node = self._components["schemas"][node["$ref"].rsplit("/", 1)[-1]]
        return node

    def _properties(self, schema: Any) -> dict[str, Any]:
        schema = self._resolved(schema)
        found = dict(schema.get("properties", {}))
        for part in schema.get("allOf", ()):
            found |= self._properties(part)
        return found

    def _strangers(self, value: Any, schema: Any) -> Iterator[str]:
        schema = self._resolved(schema)
        if isinstance(value, list):
            for item in value:
                yield from self._strangers(item, schema.get("items", {}))
        known = self._properties(schema)
        if isinstance(value, dict) and known:
            yield from (name for name in value if name not in known)
            for name in value.keys() & known.keys():
                yield from self._strangers(value[name], known[name])


def nullable(node: Any) -> Any:
    """Return a schema of OpenAPI 3.0 in the words of JSON Schema."""
    if isinstance(node, list):
        return [nullable(part) for part in node]
    if not isinstance(node, dict):
        return node
    found = {name: nullable(part) for name, part in node.items()}
    if found.pop("nullable", None) is True and isinstance(found.get("type"), str):
        found["type"] = [found["type"], "null"]
        if "enum" in found:
            found["enum"] = [*found["enum"], None]
    return found
