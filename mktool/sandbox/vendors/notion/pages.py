"""Pages of Notion and the blocks on them (https://developers.notion.com/reference/page, 2026-11).

A page is shared with the integration because a page above it is. What is in the trash can be read
but not written to.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ...inbox import Item
from ...vendor import on
from ...wire import Call, Refusal, Reply
from ...world import World
from . import rows, text
from .desk import (
    API,
    BOT,
    DATA_SOURCES,
    NEWEST,
    Desk,
    answer,
    body_of,
    failure,
    ident,
    invalid,
    made,
    page_size,
    stamp,
    unknown,
)

Data = dict[str, Any]
HOME, DATABASE, SOURCE = made("home"), made("database"), made("source")


@dataclass(slots=True)
class Node:
    """A page or a block: ``parent`` is kind and id, ``children`` the ids of blocks in order."""

    id: str
    kind: str
    parent: tuple[str, str]
    created: float
    edited: float
    content: Data
    number: int = 0
    trashed: bool = False
    children: list[str] = field(default_factory=list)
    item: Item | None = None


class Pages(Desk):
    """All pages and blocks by their id."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.nodes: dict[str, Node] = {}
        self.rows: list[Node] = []  # pages of the data source, oldest first
        now = world.clock()
        title = {"title": text.written([{"text": {"content": "Meeting notes"}}], "")}
        self.nodes[HOME] = Node(HOME, "page", ("workspace", ""), now - 60, now - 60, title)

    def node(self, id: str, kind: str = "") -> Node:
        """Return a page or a block of the workspace, or refuse."""
        found = self.nodes.get(ident(id))
        if found is None or (kind and found.kind != kind):
            raise unknown(ident(id) or id) if ident(id) else invalid("id should be a valid uuid.")
        return found

    @on("POST", f"{API}/pages")
    def create(self, call: Call) -> Reply:
        version = self.admit(call)
        body = body_of(call)
        strange = sorted(body.keys() - {"parent", "properties", "children", "icon", "cover"})
        if strange:
            raise invalid(f"body.{strange[0]} should be not present, instead was given.")
        parent, kinds = self._parent(body.get("parent"), version)
        values = rows.kept(body.get("properties", {}), kinds)
        children = text.blocks(body.get("children", []), "body.children")
        number = self.world.number()
        page = Node(made(f"page/{number}"), "page", parent, call.now, call.now, values, number)
        self.nodes[page.id] = page
        if parent[0] == "data_source_id":
            self.rows.append(page)
        if parent[0] == "page_id":  # a page is a block of the page that it is on
            self.nodes[parent[1]].children.append(page.id)
        page.children = self.place(children, ("page_id", page.id), call.now)
        page.item = self.world.inbox.add(
            Item(call.now, self.name, "Sandbox", "page", page.id, self.words(page),
                 address(page), subject=self.name_of(page),
                 extra={"blocks": str(len(list(text.every(children))))})
        )  # fmt: skip
        return Reply(json=self.shown(page, version))

    @on("GET", f"{API}/pages/{{id}}")
    def read(self, call: Call) -> Reply:
        version = self.admit(call)
        return Reply(json=self.shown(self.node(call.params["id"], "page"), version))

    @on("PATCH", f"{API}/pages/{{id}}")
    def update(self, call: Call) -> Reply:
        version = self.admit(call)
        page, body = self.node(call.params["id"], "page"), body_of(call)
        trashed = trash(body, version, page.trashed)
        if page.trashed and trashed:
            raise archived()
        kinds = rows.SCHEMA if page.parent[0] == "data_source_id" else {"title": "title"}
        page.content |= rows.kept(body.get("properties", {}), kinds)
        page.trashed, page.edited = trashed, call.now
        self.refresh(page)
        return Reply(json=self.shown(page, version))

    @on("POST", f"{API}/search")
    def search(self, call: Call) -> Reply:
        version = self.admit(call)
        body = body_of(call)
        asked = body.get("filter") or {}
        kind = asked.get("value") if isinstance(asked, dict) else "?"
        sources = ("page", "data_source") if version >= DATA_SOURCES else ("page", "database")
        if kind not in (None, *sources):
            raise invalid(f"body.filter.value should be `page` or `{sources[1]}`.")
        word = str(body.get("query") or "").lower()
        found = [
            self.shown(node, version) for node in self.nodes.values()
            if node.kind == "page" and kind in (None, "page") and not node.trashed
            and node.created + LAG <= call.now and word in self.name_of(node).lower()
        ]  # fmt: skip
        if kind in (None, sources[1]) and word in "meetings":
            found.append(self.source(version))
        sort = body.get("sort")
        if not isinstance(sort, dict) or sort.get("direction") != "ascending":
            found.sort(key=lambda one: str(one["last_edited_time"]), reverse=True)
        first = _start(found, body.get("start_cursor"))
        count = page_size(body.get("page_size"))
        return answer(found[first : first + count + 1], count, "page_or_data_source")

    def source(self, version: str) -> Data:
        """Return the data source, as the API shows it."""
        raise NotImplementedError

    def place(self, children: list[Data], parent: tuple[str, str], now: float) -> list[str]:
        """Keep blocks below a parent; return their ids."""
        ids = []
        for child in children:
            block = Node(made(f"block/{self.world.number()}"), child["type"], parent, now, now,
                         child["content"])  # fmt: skip
            self.nodes[block.id] = block
            block.children = self.place(child["children"], ("block_id", block.id), now)
            ids.append(block.id)
        return ids

    def below(self, node: Node) -> Iterator[Node]:
        """Yield the blocks of a page or a block that are not in the trash, in order of reading."""
        for id in node.children:
            child = self.nodes[id]
            if not child.trashed and child.kind != "page":
                yield child
                yield from self.below(child)

    def page_of(self, node: Node) -> Node:
        """Return the page that a block is on."""
        while node.kind != "page":
            node = self.nodes[node.parent[1]]
        return node

    def words(self, page: Node) -> str:
        blocks = ({"type": block.kind, "content": block.content} for block in self.below(page))
        return "\n".join(filter(None, map(text.words, blocks)))

    def name_of(self, page: Node) -> str:
        runs = page.content.get("title") or page.content.get("Name") or []
        return text.plain(runs)

    def refresh(self, page: Node) -> None:
        """Show a page in the inbox as it is now."""
        if page.item:
            page.item.text, page.item.subject = self.words(page), self.name_of(page)
            page.item.deleted = page.trashed
            page.item.extra = {"blocks": str(sum(1 for _ in self.below(page)))}

    def shown(self, page: Node, version: str) -> Data:
        """Return a page as a version of the API shows it."""
        kinds = rows.SCHEMA if page.parent[0] == "data_source_id" else {"title": "title"}
        values = {"Created": stamp(page.created)} | page.content
        properties = {
            name: {"id": rows.identified(name), "type": kind,
                   kind: values.get(name, rows.empty(kind))}
            for name, kind in kinds.items()
        }  # fmt: skip
        return {
            "object": "page", "id": page.id, "created_time": stamp(page.created),
            "last_edited_time": stamp(page.edited), "created_by": text.user(BOT),
            "last_edited_by": text.user(BOT), "cover": None, "icon": None,
            "parent": parent_shown(page.parent), **flags(page.trashed, version),
            "is_locked": False, "properties": properties, "url": address(page),
            "public_url": None, "request_id": made("page"),
        }  # fmt: skip

    def _parent(self, given: Any, version: str) -> tuple[tuple[str, str], dict[str, str]]:
        kind, id = text.pointed(given)
        if kind == "database_id" and id == DATABASE:  # it has one data source only
            kind, id = "data_source_id", SOURCE
        elif kind == "data_source_id" and version < DATA_SOURCES:
            raise invalid("body.parent.data_source_id should be not present.")
        if kind == "data_source_id":
            if id != SOURCE:
                raise unknown(id)
            return (kind, id), rows.SCHEMA
        if kind != "page_id" or not id:
            raise invalid("body.parent should be defined, instead was `undefined`.")
        if self.node(id, "page").trashed:
            raise archived()
        return (kind, id), {"title": "title"}


LAG = 5.0  # seconds until the search has heard of a page


def address(page: Node) -> str:
    return f"https://www.notion.so/{page.id.replace('-', '')}"


def archived() -> Refusal:
    return Refusal(failure(400, "Can't edit block that is archived. You must unarchive the block "
                           "before editing."))  # fmt: skip


def flags(trashed: bool, version: str) -> Data:
    """Return what tells that something is in the trash; before 2026-03-11 by two names."""
    return {"in_trash": trashed} | ({} if version >= NEWEST else {"archived": trashed})


def trash(body: Data, version: str, usual: bool) -> bool:
    """Return whether something is to be in the trash."""
    if "archived" in body and version >= NEWEST:
        raise invalid("body.archived should be not present, use in_trash instead.")
    wanted = body.get("in_trash", body.get("archived", usual))
    if not isinstance(wanted, bool):
        raise invalid("body.in_trash should be a boolean.")
    return wanted


def parent_shown(parent: tuple[str, str]) -> Data:
    kind, id = parent
    if kind == "workspace":
        return {"type": "workspace", "workspace": True}
    more = {"database_id": DATABASE} if kind == "data_source_id" else {}
    return {"type": kind, kind: id, **more}


def _start(found: list[Data], cursor: Any) -> int:
    if cursor is None:
        return 0
    ids = [one["id"] for one in found]
    if ident(cursor) not in ids:
        raise invalid("body.start_cursor is not valid")
    return ids.index(ident(cursor))
