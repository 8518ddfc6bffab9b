"""Templates (https://mailchimp.com/developer/marketing/api/templates/, read 2026-11)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from ...inbox import iso
from ...vendor import on, text_of, whole
from ...wire import Call, Reply
from ...world import World
from .audiences import Audiences
from .desk import API, OPENED, SITE, body_of, invalid, missing, page

_SECTION = re.compile(
    r"(?P<open><(?P<tag>\w+)[^>]*\bmc:edit=\"(?P<name>[^\"]+)\"[^>]*>)(?P<inner>.*?)(?P<end></(?P=tag)>)",
    re.DOTALL,
)
_FIRST = (
    '<html><body><h1 mc:edit="title">A title</h1><div mc:edit="body">Some words</div>'
    '<p><a href="*|UNSUB|*">Unsubscribe</a></p></body></html>'
)


@dataclass(slots=True)
class Template:
    """A document whose elements with ``mc:edit`` can be filled."""

    id: int
    name: str
    html: str
    made: float

    def filled(self, sections: dict[str, Any]) -> str:
        def fill(found: re.Match[str]) -> str:
            inner = sections.get(found["name"], found["inner"])
            return f"{found['open']}{inner}{found['end']}"

        return _SECTION.sub(fill, self.html)

    def to_json(self) -> dict[str, Any]:
        return {
            "id": self.id, "type": "user", "name": self.name, "drag_and_drop": False,
            "responsive": False, "category": "", "date_created": iso(self.made),
            "date_edited": iso(self.made), "created_by": "Sandy Box", "edited_by": "Sandy Box",
            "active": True, "folder_id": "", "thumbnail": "", "share_url": SITE,
            "content_type": "html", "_links": [],
        }  # fmt: skip


class Templates(Audiences):
    """The templates of the account: one to begin with."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.kept = {1001: Template(1001, "Announcement", _FIRST, OPENED)}

    def template(self, id: object) -> Template:
        """Return a template by id, or refuse."""
        found = self.kept.get(whole(str(id)) or 0)
        if found is None:
            raise missing()
        return found

    @on("GET", API + "/templates")
    def templates(self, call: Call) -> Reply:
        self.admit(call)
        return page(call, "templates", [template.to_json() for template in self.kept.values()])

    @on("POST", API + "/templates")
    def create_template(self, call: Call) -> Reply:
        self.admit(call)
        body = body_of(call)
        name, html = text_of(body, "name"), text_of(body, "html")
        if not name or not html:
            raise invalid(**{"html" if name else "name": "This value should not be blank."})
        template = Template(max(self.kept) + 1, name, html, call.now)
        self.kept[template.id] = template
        return Reply(json=template.to_json())

    @on("GET", API + "/templates/{template}")
    def one_template(self, call: Call) -> Reply:
        self.admit(call)
        return Reply(json=self.template(call.params["template"]).to_json())

    @on("GET", API + "/templates/{template}/default-content")
    def default_content(self, call: Call) -> Reply:
        self.admit(call)
        html = self.template(call.params["template"]).html
        sections = {found["name"]: found["inner"] for found in _SECTION.finditer(html)}
        return Reply(json={"sections": sections, "_links": []})
