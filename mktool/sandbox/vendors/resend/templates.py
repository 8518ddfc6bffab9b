"""Templates of Resend (https://resend.com/docs/api-reference/templates, read 2026-11)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...vendor import on, text_of
from ...wire import Call, Refusal, Reply
from ...world import World
from .contacts import Contacts, require
from .desk import API, Shelf, listed, object_of, refusal, stamp

_VARIABLE = re.compile(r"\{\{\{\s*(\w+)\s*\}\}\}")
_SHOWN = ("name", "alias", "from", "subject", "html", "text")


@dataclass(slots=True)
class Template:
    """A template as it is kept; ``published`` is epoch seconds, None for a draft."""

    id: str
    created: float
    data: dict[str, Any]
    published: float | None = None

    def to_json(self) -> dict[str, Any]:
        return {"id": self.id, "name": text_of(self.data, "name"),
                "alias": text_of(self.data, "alias"), "created_at": stamp(self.created),
                "status": "draft" if self.published is None else "published",
                "published_at": self.published and stamp(self.published),
                "updated_at": stamp(self.published or self.created)}  # fmt: skip

    def fill(self, given: Mapping[str, Any]) -> dict[str, str]:
        """Return the members of a mail, with the variables put in; refuse where one is missing."""
        declared = self.data.get("variables")
        rows = [row for row in declared if isinstance(row, dict)] if declared else []
        values = {text_of(row, "key"): row.get("fallback_value") for row in rows} | dict(given)

        def value(found: re.Match[str]) -> str:
            if values.get(found[1]) is None:
                text = f"Missing value for the template variable `{found[1]}`."
                raise Refusal(refusal(422, "validation_error", text))
            return str(values[found[1]])

        names = ("from", "subject", "html", "text")
        return {n: _VARIABLE.sub(value, text_of(self.data, n)) for n in names if n in self.data}


class Templates(Contacts):
    """Kept texts; only those that are published can be sent."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.templates: Shelf[Template] = Shelf()

    @on("POST", f"{API}/templates")
    def create_template(self, call: Call) -> Reply:
        headers, body = self.admit(call), object_of(call)
        for name in ("name", "html"):
            require(body, name)
        known = (*_SHOWN, "variables")
        data = {name: body[name] for name in known if name in body}
        template = self.templates.add(Template(self.made(), call.now, data))
        return Reply(201, json={"object": "template", "id": template.id}, headers=headers)

    @on("GET", f"{API}/templates")
    def list_templates(self, call: Call) -> Reply:
        headers = self.admit(call)
        rows, more = self.templates.page(call)
        return listed([template.to_json() for template in rows], more, headers)

    @on("GET", f"{API}/templates/{{id}}")
    def get_template(self, call: Call) -> Reply:
        headers, template = self.admit(call), self._template(call.params["id"])
        texts = {name: text_of(template.data, name) for name in _SHOWN}
        shown = {"object": "template", **texts, **template.to_json(), "reply_to": None,
                 "variables": template.data.get("variables", []),
                 "has_unpublished_versions": template.published is None}  # fmt: skip
        return Reply(json=shown, headers=headers)

    @on("POST", f"{API}/templates/{{id}}/publish")
    def publish_template(self, call: Call) -> Reply:
        headers, template = self.admit(call), self._template(call.params["id"])
        template.published = call.now
        return Reply(json={"object": "template", "id": template.id}, headers=headers)

    def filled(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return a message with the template that it names in place of html and text."""
        asked = body.get("template")
        if asked is None:
            return body
        if "html" in body or "text" in body:
            text = "`template` cannot be used together with `html` or `text`."
            raise Refusal(refusal(422, "validation_error", text))
        wanted = asked if isinstance(asked, dict) else {}
        template = self._template(text_of(wanted, "id") or text_of(wanted, "alias"))
        if template.published is None:
            raise Refusal(refusal(422, "validation_error", "The template is not published."))
        variables = wanted.get("variables")
        return {**template.fill(variables if isinstance(variables, dict) else {}), **body}

    def _template(self, wanted: str) -> Template:
        aliased = (t for t in self.templates if wanted and text_of(t.data, "alias") == wanted)
        return next(aliased, None) or self.templates.get(wanted)
