"""Comments of Notion (https://developers.notion.com/reference/create-a-comment, read 2026-11)."""

from __future__ import annotations

from ...inbox import Item
from ...vendor import on
from ...wire import Call, Reply
from ...world import World
from . import text
from .blocks import Blocks
from .desk import API, BOT, body_of, ident, invalid, listed, made, stamp, unknown
from .pages import Data


class Comments(Blocks):
    """Discussions of a page or a block; each has a list of comments."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._comments: list[Data] = []

    @on("POST", f"{API}/comments")
    def comment(self, call: Call) -> Reply:
        self.admit(call)
        body = body_of(call)
        runs = text.written(body.get("rich_text"), "body.rich_text")
        discussion = body.get("discussion_id")
        kind, id = text.pointed(body.get("parent"))
        if discussion is not None:
            known = [c for c in self._comments if c["discussion_id"] == ident(discussion)]
            if not known:
                raise unknown(str(discussion))
            parent = known[0]["parent"]
        elif kind in ("page_id", "block_id"):
            parent = {"type": kind, kind: self.node(id).id}
        else:
            raise invalid("body.parent should be defined, instead was `undefined`.")
        number = self.world.number()
        made_now = {
            "object": "comment", "id": made(f"comment/{number}"), "parent": parent,
            "discussion_id": ident(discussion) or made(f"discussion/{number}"),
            "created_time": stamp(call.now), "last_edited_time": stamp(call.now),
            "created_by": text.user(BOT), "rich_text": runs,
        }  # fmt: skip
        self._comments.append(made_now)
        self.world.inbox.add(
            Item(call.now, self.name, "Sandbox", "comment", str(made_now["id"]), text.plain(runs),
                 parent=str(parent.get("page_id", "")))
        )  # fmt: skip
        return Reply(json={**made_now, "request_id": made("comment")})

    @on("GET", f"{API}/comments")
    def commented(self, call: Call) -> Reply:
        self.admit(call)
        node = self.node(call.query.get("block_id", ""))
        found = [c for c in self._comments if node.id in c["parent"].values()]
        size, start = call.query.get("page_size"), call.query.get("start_cursor")
        return listed(found, size, start, "comment")
