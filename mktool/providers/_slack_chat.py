"""Messages of Slack: sent, and found again. Part of the vendor file beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import Unsupported
from ..http.client import Calls
from ..model import Post, Posted
from ..spec import Endpoint
from ._slack_find import Place, by_webhook, place, posted, sent

WEBHOOK = Endpoint("webhook", "POST", "", answers_text=True)
MESSAGE = Endpoint("chat.postMessage", "POST", "/chat.postMessage", bucket="message")


def send(client: Calls, where: Place, body: Mapping[str, Any], token: str) -> Posted:
    """Send one message; the mark that it carries is how it is found again."""
    mark = {"event_type": "mktool_post", "event_payload": {"token": token}}
    said = {"channel": where.channel, **where.below, **body, "metadata": mark}
    done = client.call(MESSAGE, json=said)
    return posted(client, where._replace(channel=done.need("channel")), done.need("ts"))


def located(client: Calls, post: Post, since: float, known: frozenset[str]) -> Posted | None:
    """Return what was sent after ``since`` (epoch seconds) as ``post``, or None."""
    if by_webhook(client):
        raise Unsupported("what an incoming webhook posted cannot be looked up")
    where = place(client, post, by_id=True)
    for message in sent(client, post, where, since):
        file = message.need("files.0.id") if post.media else ""
        found = posted(client, where, message.need("ts"), file)
        if found.id not in known:
            return found
    return None
