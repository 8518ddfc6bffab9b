"""Finding things in Slack: channels and people by name, threads by their first message, and
messages by the mark they carry. Part of the vendor file beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from .. import errors as e
from ..http.client import Calls
from ..http.pages import by_token
from ..http.reply import Reply
from ..model import Post, Posted
from ..spec import Endpoint

WHOAMI = Endpoint("whoami", "POST", "/auth.test", repeatable=True, bucket="tier 4")
CHANNELS = Endpoint("channels", "GET", "/conversations.list", bucket="tier 2")
PERSON = Endpoint("person", "GET", "/users.lookupByEmail", bucket="tier 3")
OPEN = Endpoint("open", "POST", "/conversations.open", repeatable=True, bucket="tier 3")
HISTORY = Endpoint("history", "GET", "/conversations.history", bucket="tier 3")
REPLIES = Endpoint("replies", "GET", "/conversations.replies", bucket="tier 3")

IS_CHANNEL = re.compile(r"[CDG][A-Z0-9]{5,}")
IS_PERSON = re.compile(r"@?(?:(?P<email>[^@\s]+@[^@\s]+)|(?P<id>[UW][A-Z0-9]{5,}))")
SKEW = 300.0  # seconds that Slack's clock and ours may differ
NAPS = (1.0, 2.0, 4.0, 8.0, 15.0)  # seconds; a shared file is shown once it has been scanned
PAGES, LARGE_PAGES = 20, 100
CHANNEL_FROM = "--set channel=#NAME, $MKTOOL_SLACK_CHANNEL, or channel in [providers.slack]"


class Place(NamedTuple):
    """A conversation, and the ``ts`` of the message that the thread hangs on, or ""."""

    channel: str
    thread: str = ""

    @property
    def below(self) -> dict[str, str]:
        return {"thread_ts": self.thread} if self.thread else {}


def by_webhook(client: Calls) -> bool:
    """Whether the account has no token, only the address of an incoming webhook."""
    return client.has("webhook_url") and not client.has("bot_token")


def wanted(client: Calls, post: Post) -> str:
    """Return the channel or person that was asked for, as it was written; "" for none."""
    return post.extra.get("channel") or client.options.get("channel", "")


def place(client: Calls, post: Post, *, by_id: bool) -> Place:
    """Return where to post; a channel's name does unless an ID is needed.

    Raises `InvalidInput` if the bot sees no channel of that name.
    """
    if (root := post.root) is None:
        return Place(_channel(client, wanted(client, post), by_id), post.extra.get("thread_ts", ""))
    channel = root.ref.get("channel") or _channel(client, wanted(client, post), by_id)
    thread = (post.reply_to or root).ref.get("thread")
    return Place(channel, thread or (_shown(client, root) if "file" in root.ref else root.id))


def posted(client: Calls, where: Place, ts: str, file: str = "") -> Posted:
    """Return a message; shared files have the id of the first, which is all that sharing tells."""
    home = client.options.get("workspace", "").rstrip("/")
    url = f"{home}/archives/{where.channel}/p{ts.replace('.', '')}" if home else ""
    return Posted(file or ts, url, {"channel": where.channel, "thread": where.thread or ts})


def sent(client: Calls, post: Post, where: Place, since: float) -> Iterator[Reply]:
    """Yield the messages, sent after ``since`` (epoch seconds), that may be this post: a text is
    known by the token in its metadata, files by who shared them and by their titles."""
    me = names = None
    if post.media:
        me = client.options.get("account_id") or client.call(WHOAMI).need("user_id")
        names = sorted(file.name for file in post.media)
    for message in _messages(client, where, since - SKEW):
        if names is None:
            if message.get("metadata.event_payload.token") == post.token:
                yield message
        elif message.get("user") == me and names == _titles(message):
            yield message


def _messages(client: Calls, where: Place, oldest: float) -> Iterator[Reply]:
    query = {"channel": where.channel, "oldest": f"{oldest:.6f}", "limit": "200"}
    query |= {"include_all_metadata": "true"} | ({"ts": where.thread} if where.thread else {})
    for page in by_token(
        client, REPLIES if where.thread else HISTORY, query=query,
        found="response_metadata.next_cursor", param="cursor", most=PAGES,
    ):  # fmt: skip
        page.need("ok")  # silence proves nothing
        yield from page.each("messages")


def _titles(message: Reply) -> list[str]:
    return sorted(str(file.get("title")) for file in message.each("files"))


def _channel(client: Calls, name: str, by_id: bool) -> str:
    if person := IS_PERSON.fullmatch(name):
        query = {"email": person["email"] or ""}
        id = person["id"] or client.call(PERSON, query=query).need("user.id")
        return client.call(OPEN, json={"users": id}).need("channel.id")
    if not by_id or IS_CHANNEL.fullmatch(name):
        return name
    query = {"types": "public_channel,private_channel", "exclude_archived": "true", "limit": "999"}
    for page in by_token(
        client, CHANNELS, query=query,
        found="response_metadata.next_cursor", param="cursor", most=LARGE_PAGES,
    ):  # fmt: skip
        if row := page.find("channels", name=name.removeprefix("#")):
            return row.need("id")
    raise e.InvalidInput(f"Slack: the bot sees no channel {name}", hint="/invite it, or use the ID")


def _shown(client: Calls, root: Posted) -> str:
    """Return the ``ts`` of the message that shows a file, which sharing it does not tell:
    https://github.com/slackapi/python-slack-sdk/issues/1363 (2023-05)."""
    for nap in NAPS:
        for message in _messages(client, Place(root.ref["channel"]), oldest=0.0):
            if message.find("files", id=root.ref["file"]):
                return message.need("ts")
        client.pause(nap)
    raise e.Unavailable(
        "the file that begins the thread is not shown in the channel yet",
        e.Context("slack", operation=HISTORY.operation),
        hint="run the same command again: what has gone is not sent twice",
    )
