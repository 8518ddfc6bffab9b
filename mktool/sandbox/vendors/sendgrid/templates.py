"""Templates of SendGrid: https://www.twilio.com/docs/sendgrid/api-reference (read 2026-11).

Of Handlebars, ``{{name}}`` and ``{{{name}}}`` are played; what is not given is left empty.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html import escape
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from ...vendor import on, text_of, whole
from ...wire import Call, Refusal, Reply
from ...world import World
from .desk import api, bad, object_of, refusal
from .suppressions import Suppressions

_VALUE = re.compile(r"\{\{\{\s*([\w.]+)\s*\}\}\}|\{\{\s*([\w.]+)\s*\}\}")
_TEXTS = ("name", "subject", "html_content", "plain_content")


@dataclass(slots=True)
class Template:
    """A template; the newest of its ``versions`` is the one that is sent."""

    id: str
    name: str
    generation: str
    updated: str
    versions: list[dict[str, Any]] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        return {"id": self.id, "name": self.name, "generation": self.generation,
                "updated_at": self.updated, "versions": self.versions}  # fmt: skip


class Templates(Suppressions):
    """Kept texts with versions."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.templates: dict[str, Template] = {}

    @on("POST", *api("templates"))
    def create_template(self, call: Call) -> Reply:
        headers, body = self.admit(call, "templates.create"), object_of(call)
        generation = text_of(body, "generation") or "legacy"
        if not text_of(body, "name") or generation not in ("legacy", "dynamic"):
            raise bad("name is required, generation is legacy or dynamic", "name")
        id = str(uuid5(NAMESPACE_URL, f"{call.now}/{self.world.number()}"))
        if generation == "dynamic":
            id = f"d-{id.replace('-', '')}"
        updated = f"{datetime.fromtimestamp(call.now, UTC):%Y-%m-%d %H:%M:%S}"
        template = Template(id, text_of(body, "name"), generation, updated)
        self.templates[id] = template
        return Reply(201, json=template.to_json(), headers=headers)

    @on("POST", *api("templates/{id}/versions"))
    def create_version(self, call: Call) -> Reply:
        headers, template = self.admit(call, "templates.create"), self._template(call)
        body = object_of(call)
        if not text_of(body, "name") or not text_of(body, "subject"):
            raise bad("name and subject are required", "subject")
        for version in template.versions:
            version["active"] = 0
        id = str(uuid5(NAMESPACE_URL, f"{call.now}/{self.world.number()}"))
        version = {"id": id, "template_id": template.id, "active": 1, "editor": "code",
                   "updated_at": template.updated, "generate_plain_content": True,
                   **{name: text_of(body, name) for name in _TEXTS}}  # fmt: skip
        template.versions.insert(0, version)
        return Reply(201, json=version, headers=headers)

    @on("GET", *api("templates"))
    def list_templates(self, call: Call) -> Reply:
        headers = self.admit(call, "templates.read")
        size = whole(call.query.get("page_size", ""))
        if size is None or not 1 <= size <= 200:
            raise bad("page_size must be between 1 and 200", "page_size")
        kinds = call.query.get("generations", "legacy").split(",")
        found = [t for t in self.templates.values() if t.generation in kinds]
        first = whole(call.query.get("page_token", "0")) or 0
        shown = [template.to_json() for template in found[first : first + size]]
        base = f"{call.base}/{call.path}?page_size={size}&generations={','.join(kinds)}"
        metadata = {"self": f"{base}&page_token={first}", "count": len(found)}
        if len(found) > first + size:
            metadata["next"] = f"{base}&page_token={first + size}"
        return Reply(json={"result": shown, "_metadata": metadata}, headers=headers)

    @on("GET", *api("templates/{id}"))
    def get_template(self, call: Call) -> Reply:
        headers = self.admit(call, "templates.read")
        return Reply(json=self._template(call).to_json(), headers=headers)

    def _template(self, call: Call) -> Template:
        found = self.templates.get(call.params["id"])
        if found is None:
            raise Refusal(refusal(404))
        return found


def rendered(text: str, data: Mapping[str, Any], *, html: bool) -> str:
    """Return a text with the values of one recipient put in."""

    def value(found: re.Match[str]) -> str:
        inner: Any = data
        for name in (found[1] or found[2]).split("."):
            inner = inner.get(name) if isinstance(inner, Mapping) else None
        words = "" if inner is None else str(inner)
        return escape(words) if html and found[2] else words

    return _VALUE.sub(value, text)
