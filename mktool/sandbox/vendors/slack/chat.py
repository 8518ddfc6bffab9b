"""Messages of Slack (https://docs.slack.dev/reference/methods/chat.postMessage, read 2026-11)."""

from __future__ import annotations

import re
from typing import Any

from ...inbox import Attachment, Item, iso
from ...vendor import on, whole
from ...wire import Call, Refusal, Reply
from . import blocks as kit
from .channels import Channel, Channels, Message
from .desk import APP, BOT, SITE, TEAM, USER, Ask, failure

LONGEST = 40_000  # characters of a text; what is longer is cut
AHEAD = 120 * 86400  # seconds that a message can be scheduled ahead


class Chat(Channels):
    """Writes to conversations."""

    @on("POST", "slack.com/api/chat.postMessage")
    def post(self, call: Call) -> Reply:
        ask = self.admit(call, "chat:write")
        channel = self.writable(ask, ask.text("channel"))
        thread = self._thread(channel, ask.text("thread_ts"))
        content = _content(ask)
        metadata = _metadata(ask)
        self.pace("chat.postMessage", channel.id)
        cut = len(content["text"]) > LONGEST
        content["text"] = content["text"][:LONGEST]
        if thread and ask.flag("reply_broadcast"):
            content["subtype"] = "thread_broadcast"
        message = self.say(channel, content, thread, metadata)
        warned: dict[str, object] = {}
        if cut:
            warned = {"warning": "message_truncated",
                      "response_metadata": {"warnings": ["message_truncated"]}}  # fmt: skip
        return ask.reply(channel=channel.id, ts=message.ts, message=message.data, **warned)

    @on("POST", "slack.com/api/chat.scheduleMessage")
    def schedule(self, call: Call) -> Reply:
        ask = self.admit(call, "chat:write")
        channel = self.writable(ask, ask.text("channel"))
        at = whole(ask.text("post_at"))
        if at is None:
            raise Refusal(failure("invalid_time"))
        if at <= call.now or at > call.now + AHEAD:
            raise Refusal(failure("time_in_past" if at <= call.now else "time_too_far"))
        content = _content(ask)
        if len(content["text"]) > LONGEST:
            raise Refusal(failure("msg_too_long"))
        id = f"Q0{self.world.number():010d}"
        message = {"type": "delayed_message", "bot_id": BOT, "team": TEAM, "user": USER, **content}
        shown = content["text"] or kit.plain(content.get("blocks"))
        self.world.inbox.add(
            Item(call.now, self.name, _title(channel), "scheduled message", id, shown,
                 parent=self._thread(channel, ask.text("thread_ts")), extra={"at": iso(at)})
        )  # fmt: skip
        return ask.reply(channel=channel.id, scheduled_message_id=id, post_at=at, message=message)

    @on("POST", "slack.com/api/chat.delete")
    def delete(self, call: Call) -> Reply:
        ask = self.admit(call, "chat:write")
        channel = self.channel(ask.text("channel"))
        message = channel.find(ask.text("ts"))
        if message is None:
            raise Refusal(failure("message_not_found"))
        channel.messages.remove(message)
        for item in self.world.inbox.items:
            if item.vendor == self.name and item.id == message.ts:
                item.deleted = True
        return ask.reply(channel=channel.id, ts=message.ts)

    @on("GET", "slack.com/api/chat.getPermalink")
    @on("POST", "slack.com/api/chat.getPermalink")
    def permalink(self, call: Call) -> Reply:
        ask = self.admit(call, form_only=True)
        channel = self.channel(ask.text("channel"))
        message = channel.find(ask.text("message_ts"))
        if message is None:
            raise Refusal(failure("message_not_found"))
        return ask.reply(channel=channel.id, permalink=link(channel, message))

    def say(
        self,
        channel: Channel,
        content: dict[str, Any],
        thread: str = "",
        metadata: object = None,
        files: tuple[Attachment, ...] = (),
    ) -> Message:
        """Keep a message in its channel and in the inbox."""
        now = self.world.clock()
        ts = f"{int(now):010d}.{self.world.number():06d}"
        data = {"type": "message", "user": USER, "bot_id": BOT, "app_id": APP, "team": TEAM,
                "ts": ts, **content}  # fmt: skip
        if thread:
            data |= {"thread_ts": thread, "parent_user_id": USER}
        message = Message(ts, data, metadata)
        channel.messages.append(message)
        shown = content["text"] or kit.plain(content.get("blocks"))
        self.world.inbox.add(
            Item(now, self.name, _title(channel), "reply" if thread else "message", ts, shown,
                 link(channel, message), parent=thread, media=files)
        )  # fmt: skip
        return message

    def _thread(self, channel: Channel, ts: str) -> str:
        """Return the parent of a reply; a reply cannot be replied to."""
        if not ts:
            return ""
        parent = channel.find(ts)
        if parent is None or parent.thread not in ("", ts):
            raise Refusal(failure("cannot_reply_to_message"))
        return ts


def link(channel: Channel, message: Message) -> str:
    """Return the address of a message for people."""
    address = f"{SITE}/archives/{channel.id}/p{message.ts.replace('.', '')}"
    return f"{address}?thread_ts={message.thread}&cid={channel.id}" if message.thread else address


def _title(channel: Channel) -> str:
    return channel.name if channel.user else f"#{channel.name}"


def _content(ask: Ask) -> dict[str, Any]:
    """Return text and blocks of a message, or refuse them."""
    blocks = ask.structure("blocks", "invalid_blocks_format")
    text, markdown = ask.text("text"), ask.text("markdown_text")
    if markdown and (text or blocks):
        raise Refusal(failure("markdown_text_conflict"))
    if len(markdown) > kit.MARKDOWN:
        raise Refusal(failure("msg_blocks_too_long"))
    if blocks:
        wrong = list(kit.problems(blocks))
        if wrong:
            raise Refusal(failure("invalid_blocks", response_metadata={"messages": wrong}))
    if not text and not markdown and not blocks and not ask.args.get("attachments"):
        raise Refusal(failure("no_text"))
    return {"text": text or markdown} | ({"blocks": blocks} if blocks else {})


def _metadata(ask: Ask) -> object:
    found = ask.structure("metadata", "invalid_metadata_format")
    if found is None:
        return None
    kind = found.get("event_type") if isinstance(found, dict) else None
    if not isinstance(kind, str) or not isinstance(found.get("event_payload"), dict):
        raise Refusal(failure("invalid_metadata_schema"))
    if not re.fullmatch(r"[\w.-]{1,255}", kind):
        raise Refusal(failure("invalid_metadata_schema"))
    return found
