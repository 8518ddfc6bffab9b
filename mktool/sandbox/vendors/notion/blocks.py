"""Blocks of Notion (https://developers.notion.com/reference/block, read 2026-11)."""

from __future__ import annotations

from typing import Any

from ...vendor import on
from ...wire import Call, Reply
from . import text
from .desk import API, BOT, NEWEST, answer, body_of, ident, invalid, made, page_size, stamp
from .pages import Data, Node, Pages, archived, flags, parent_shown, trash


class Blocks(Pages):
    """Reads, appends, changes and deletes them."""

    @on("GET", f"{API}/blocks/{{id}}")
    def block(self, call: Call) -> Reply:
        version = self.admit(call)
        return Reply(json=self.block_shown(self.node(call.params["id"]), version))

    @on("GET", f"{API}/blocks/{{id}}/children")
    def children(self, call: Call) -> Reply:
        version = self.admit(call)
        parent = self.node(call.params["id"])
        ids = [id for id in parent.children if not self.nodes[id].trashed]
        count, first = page_size(call.query.get("page_size")), 0
        if "start_cursor" in call.query:
            start = ident(call.query["start_cursor"])
            if start not in ids:
                raise invalid("start_cursor is not valid")
            first = ids.index(start)
        page = ids[first : first + count + 1]
        return answer([self.block_shown(self.nodes[id], version) for id in page], count, "block")

    @on("PATCH", f"{API}/blocks/{{id}}/children")
    def append(self, call: Call) -> Reply:
        version = self.admit(call)
        parent, body = self.node(call.params["id"]), body_of(call)
        if parent.trashed:
            raise archived()
        at = _position(parent, body, version)
        children = text.blocks(body.get("children"), "body.children")
        kind = "page_id" if parent.kind == "page" else "block_id"
        ids = self.place(children, (kind, parent.id), call.now)
        parent.children[at:at] = ids
        self._edited(parent, call.now)
        shown = [self.block_shown(self.nodes[id], version) for id in ids]
        return answer(shown, len(shown), "block")

    @on("PATCH", f"{API}/blocks/{{id}}")
    def rewrite(self, call: Call) -> Reply:
        version = self.admit(call)
        block, body = self.node(call.params["id"]), body_of(call)
        block.trashed = trash(body, version, block.trashed)
        if block.kind in body and block.kind != "page":
            inner = body[block.kind]
            if not isinstance(inner, dict):
                raise invalid(f"body.{block.kind} should be an object.")
            whole = {"type": block.kind, block.kind: {**block.content, **inner}}
            block.content = text.blocks([whole], "body")[0]["content"]
        self._edited(block, call.now)
        return Reply(json=self.block_shown(block, version))

    @on("DELETE", f"{API}/blocks/{{id}}")
    def delete(self, call: Call) -> Reply:
        version = self.admit(call)
        block = self.node(call.params["id"])
        if block.trashed:
            raise archived()
        block.trashed = True
        self._edited(block, call.now)
        return Reply(json=self.block_shown(block, version))

    def block_shown(self, block: Node, version: str) -> Data:
        """Return a block, or a page as the block that it is too."""
        kind, content = block.kind, block.content
        if kind == "page":
            kind, content = "child_page", {"title": self.name_of(block)}
        return {
            "object": "block", "id": block.id, "parent": parent_shown(block.parent),
            "created_time": stamp(block.created), "last_edited_time": stamp(block.edited),
            "created_by": text.user(BOT), "last_edited_by": text.user(BOT),
            "has_children": any(not self.nodes[id].trashed for id in block.children),
            **flags(block.trashed, version), "type": kind, kind: content,
            "request_id": made("block"),
        }  # fmt: skip

    def _edited(self, node: Node, now: float) -> None:
        node.edited = now
        page = self.page_of(node)
        page.edited = now
        self.refresh(page)


def _position(parent: Node, body: Data, version: str) -> int:
    """Return where in the list new blocks go; each version has a word of its own for it."""
    strange = "after" if version >= NEWEST else "position"
    if strange in body:
        raise invalid(f"body.{strange} should be not present.")
    after = body.get("after")
    if "position" in body:
        position = body["position"] if isinstance(body["position"], dict) else {}
        kind: Any = position.get("type")
        if kind == "start":
            return 0
        if kind not in ("end", "after_block"):
            raise invalid("body.position.type should be `after_block`, `start` or `end`.")
        inner = position.get("after_block")
        after = inner.get("id") if isinstance(inner, dict) else None
        if kind == "after_block" and after is None:
            raise invalid("body.position.after_block.id should be defined.")
    if after is None:
        return len(parent.children)
    if ident(after) not in parent.children:
        raise invalid("body.after: the block is not a child of this one.")
    return parent.children.index(ident(after)) + 1
