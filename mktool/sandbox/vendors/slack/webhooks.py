"""Incoming webhooks of Slack: the address is the secret, and the answer is plain text.

https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks (read 2026-11)
"""

from __future__ import annotations

from ...vendor import on, text_of
from ...wire import Call, Reply, parsed
from . import blocks as kit
from .chat import Chat


class Webhooks(Chat):
    """A secret that says "sandbox" leads to #general; any other is a webhook that is gone."""

    @on("POST", "hooks.slack.com/services/{team}/{bot}/{secret}")
    def webhook(self, call: Call) -> Reply:
        if "sandbox" not in call.params["secret"].lower():
            return _text("no_service", 404)
        body = call.object() if "payload" not in call.form else parsed(call.form["payload"])
        if body is None:
            return _text("invalid_payload", 400)
        blocks = body.get("blocks")
        if not text_of(body, "text") and not blocks and not body.get("attachments"):
            return _text("no_text", 400)
        if blocks and any(kit.problems(blocks)):
            return _text("invalid_blocks", 400)
        self.pace("webhook", call.params["bot"])
        content = {"text": text_of(body, "text")} | ({"blocks": blocks} if blocks else {})
        channel = self.channel("general")
        thread = text_of(body, "thread_ts")
        self.say(channel, content, thread if channel.find(thread) else "")
        return _text("ok")


def _text(word: str, status: int = 200) -> Reply:
    return Reply(status, body=word.encode(), mime="text/html; charset=utf-8")
