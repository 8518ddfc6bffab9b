"""Conversations and users of Slack (https://docs.slack.dev/reference/methods, read 2026-11)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from ...vendor import on, whole
from ...wire import Call, Refusal, Reply
from ...world import World
from .desk import TEAM, USER, Ask, Desk, failure

_ID = re.compile(r"[CGD][A-Z0-9]{8,}")
_NAME = re.compile(r"#?[a-z0-9][a-z0-9_-]{0,79}")


@dataclass(slots=True)
class Message:
    """A message as it is kept; ``reply_broadcast`` and ``metadata`` are in ``data``."""

    ts: str
    data: dict[str, Any]
    metadata: object = None

    @property
    def thread(self) -> str:
        return str(self.data.get("thread_ts", ""))


@dataclass(slots=True)
class Channel:
    """A conversation, its messages oldest first."""

    id: str
    name: str
    member: bool = True
    archived: bool = False
    user: str = ""
    created: int = 0
    messages: list[Message] = field(default_factory=list)

    def find(self, ts: str) -> Message | None:
        return next((m for m in self.messages if m.ts == ts), None)

    def replies(self, ts: str) -> list[Message]:
        return [m for m in self.messages if m.thread == ts and m.ts != ts]

    def to_json(self) -> dict[str, Any]:
        if self.user:
            return {"id": self.id, "created": self.created, "is_im": True, "is_org_shared": False,
                    "user": self.user, "is_user_deleted": False}  # fmt: skip
        note = {"value": "", "creator": "", "last_set": 0}
        return {
            "id": self.id, "name": self.name, "name_normalized": self.name, "created": self.created,
            "creator": USER, "is_channel": True, "is_group": False, "is_im": False,
            "is_mpim": False, "is_private": False, "is_archived": self.archived,
            "is_general": self.name == "general", "is_member": self.member, "is_shared": False,
            "is_ext_shared": False, "is_org_shared": False, "is_pending_ext_shared": False,
            "pending_shared": [], "unlinked": 0, "previous_names": [], "topic": note,
            "purpose": note, "num_members": 3,
        }  # fmt: skip


class Channels(Desk):
    """The conversations of the workspace."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.channels: dict[str, Channel] = {}
        self.members = dict.fromkeys(
            f"{name}@sandbox.example" for name in ("ann.lee", "ben.okafor", "sandy.box")
        )
        for name in ("general", "random", "launch"):
            self.channel(name)

    def channel(self, wanted: str) -> Channel:
        """Return a channel by id or name; it is made when it is named for the first time."""
        by_name = _NAME.fullmatch(wanted)
        if not by_name and not _ID.fullmatch(wanted):
            raise Refusal(failure("channel_not_found"))
        id = _made("C", wanted.lstrip("#")) if by_name else wanted
        if id.startswith("C0MISSING"):
            raise Refusal(failure("channel_not_found"))
        if id not in self.channels:
            name = wanted.lstrip("#") if by_name else id.lower()
            self.channels[id] = Channel(
                id, name, not id.startswith("C0OUTSIDE"), id.startswith("C0ARCHIVED"),
                created=int(self.world.clock()),
            )  # fmt: skip
        return self.channels[id]

    def writable(self, ask: Ask, wanted: str) -> Channel:
        """Return a channel that the bot may write to, or refuse."""
        channel = self.channel(wanted)
        if channel.archived:
            raise Refusal(failure("is_archived"))
        if not channel.member and "chat:write.public" not in ask.session.scopes:
            raise Refusal(failure("not_in_channel"))
        return channel

    @on("GET", "slack.com/api/conversations.list")
    @on("POST", "slack.com/api/conversations.list")
    def listing(self, call: Call) -> Reply:
        ask = self.admit(call, "channels:read", "groups:read", form_only=True)
        hidden = ask.flag("exclude_archived")
        found = [c for c in self.channels.values() if not c.user and not (hidden and c.archived)]
        size, first = _limit(ask, 1000, "invalid_limit"), self._cursor(ask)
        shown = found[first : first + size]
        cursor = f"next:{first + size}" if len(found) > first + size else ""
        return ask.reply(channels=[c.to_json() for c in shown],
                         response_metadata={"next_cursor": cursor})  # fmt: skip

    @on("POST", "slack.com/api/conversations.open")
    def open(self, call: Call) -> Reply:
        ask = self.admit(call, "im:write", "mpim:write")
        users = [user for user in ask.text("users").split(",") if user]
        if not users:
            raise Refusal(failure("users_list_not_supplied"))
        if len(users) > 8:
            raise Refusal(failure("too_many_users"))
        if not all(re.fullmatch(r"[UW][A-Z0-9]{8,}", user) for user in users):
            raise Refusal(failure("user_not_found"))
        id = _made("D" if len(users) == 1 else "G", *sorted(users))
        known = id in self.channels
        if not known:
            self.channels[id] = Channel(id, ",".join(users), user=users[0], created=int(call.now))
        shown = self.channels[id].to_json() if ask.flag("return_im") else {"id": id}
        return ask.reply(channel=shown, no_op=known, already_open=known)

    @on("POST", "slack.com/api/conversations.join")
    def join(self, call: Call) -> Reply:
        ask = self.admit(call, "channels:join")
        channel = self.channel(ask.text("channel"))
        if channel.archived:
            raise Refusal(failure("is_archived"))
        channel.member = True
        return ask.reply(channel=channel.to_json())

    @on("GET", "slack.com/api/users.lookupByEmail")
    @on("POST", "slack.com/api/users.lookupByEmail")
    def lookup(self, call: Call) -> Reply:
        ask = self.admit(call, "users:read.email", form_only=True)
        email = ask.text("email")
        name, at, domain = email.partition("@")
        if not name or not at or "." not in domain or name.startswith("missing"):
            raise Refusal(failure("users_not_found"))
        self.members.setdefault(email)
        return ask.reply(user=_user(email, int(call.now)))

    @on("GET", "slack.com/api/users.list")
    @on("POST", "slack.com/api/users.list")
    def people(self, call: Call) -> Reply:
        """Answer who is there: a few, and whoever was looked up."""
        ask = self.admit(call, "users:read", form_only=True)
        found = [_user(email, int(call.now)) for email in self.members]
        if "users:read.email" not in ask.session.scopes:
            for user in found:
                del user["profile"]["email"]
        size = whole(ask.text("limit") or "0")
        if size is None or size > 1000:
            raise Refusal(failure("invalid_arguments"))
        first = self._cursor(ask)
        shown = found[first : first + size] if size else found
        cursor = f"next:{first + size}" if size and len(found) > first + size else ""
        return ask.reply(members=shown, cache_ts=int(call.now),
                         response_metadata={"next_cursor": cursor})  # fmt: skip

    @on("GET", "slack.com/api/conversations.history")
    @on("POST", "slack.com/api/conversations.history")
    def history(self, call: Call) -> Reply:
        ask = self.admit(call, "channels:history", "groups:history", "im:history")
        channel = self._readable(ask)
        top = [m for m in channel.messages if m.thread in ("", m.ts) or _broadcast(m)]
        shown, cursor = self._page(ask, top[::-1])
        return ask.reply(
            messages=[_shown(channel, m, ask) for m in shown], has_more=bool(cursor), pin_count=0,
            channel_actions_ts=None, channel_actions_count=0,
            response_metadata={"next_cursor": cursor},
        )  # fmt: skip

    @on("GET", "slack.com/api/conversations.replies")
    @on("POST", "slack.com/api/conversations.replies")
    def thread(self, call: Call) -> Reply:
        ask = self.admit(call, "channels:history", "groups:history", "im:history", form_only=True)
        channel = self._readable(ask)
        parent = channel.find(ask.text("ts"))
        if parent is None:
            raise Refusal(failure("thread_not_found"))
        shown, cursor = self._page(ask, [parent, *channel.replies(parent.ts)])
        return ask.reply(
            messages=[_shown(channel, m, ask) for m in shown], has_more=bool(cursor),
            response_metadata={"next_cursor": cursor},
        )  # fmt: skip

    def _readable(self, ask: Ask) -> Channel:
        channel = self.channel(ask.text("channel"))
        if not channel.member:
            raise Refusal(failure("not_in_channel"))
        return channel

    def _page(self, ask: Ask, found: list[Message]) -> tuple[list[Message], str]:
        """Return the messages between ``oldest`` and ``latest``, and the cursor after them."""
        inside = _between(ask)
        found = [m for m in found if inside(float(m.ts))]
        size, first = _limit(ask, 999, "invalid_arguments"), self._cursor(ask)
        more = f"next:{first + size}" if len(found) > first + size else ""
        return found[first : first + size], more

    def _cursor(self, ask: Ask) -> int:
        cursor = re.fullmatch(r"(?:next:([0-9]{1,9}))?", ask.text("cursor"))
        if cursor is None:
            raise Refusal(failure("invalid_cursor"))
        return int(cursor[1] or 0)


def _user(email: str, now: int) -> dict[str, Any]:
    name = email.partition("@")[0]
    title = name.replace(".", " ").title()
    profile = {"email": email, "real_name": title, "display_name": name,
               "real_name_normalized": title, "display_name_normalized": name,
               "team": TEAM}  # fmt: skip
    return {"id": _made("U", email), "team_id": TEAM, "name": name, "deleted": False,
            "real_name": title, "profile": profile, "is_bot": False, "updated": now}  # fmt: skip


def _between(ask: Ask) -> Callable[[float], bool]:
    bounds = {"oldest": 0.0, "latest": float("inf")}
    for name, usual in bounds.items():
        given = ask.text(name)
        if given and not re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,9})?", given):
            raise Refusal(failure(f"invalid_ts_{name}"))
        bounds[name] = float(given or usual)
    oldest, latest = bounds["oldest"], bounds["latest"]
    if ask.flag("inclusive"):
        return lambda at: oldest <= at <= latest
    return lambda at: oldest < at < latest


def _limit(ask: Ask, most: int, error: str) -> int:
    given = ask.text("limit")
    number = whole(given) if given else 100
    if number is None or not 1 <= number <= most:
        raise Refusal(failure(error))
    return number


def _shown(channel: Channel, message: Message, ask: Ask) -> dict[str, Any]:
    shown = dict(message.data)
    if message.metadata and ask.flag("include_all_metadata"):
        shown["metadata"] = message.metadata
    replies = channel.replies(message.ts)
    if replies and message.thread in ("", message.ts):
        shown |= {"thread_ts": message.ts, "reply_count": len(replies), "reply_users": [USER],
                  "reply_users_count": 1, "latest_reply": replies[-1].ts}  # fmt: skip
    return shown


def _broadcast(message: Message) -> bool:
    return message.data.get("subtype") == "thread_broadcast"


def _made(kind: str, *parts: str) -> str:
    """Return the id that always belongs to these parts."""
    return kind + sha256("/".join(parts).encode()).hexdigest()[:10].upper()
