"""A meeting's report as messages of Slack and a file. Part of the vendor file beside it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from .. import errors as e
from ..http.client import Calls
from ..http.request import Made
from ..model import Media, Post, Posted
from ..report import Export, Piece
from ..text import blocks, meeting
from ..text.mrkdwn import escape, mentioned
from ._slack_find import CHANNEL_FROM, by_webhook, wanted
from ._slack_layout import CUT, Json, foot, head, messages

STEERING = ("channel", "attach")
ONCE = (*STEERING, "blocks", "text", "thread_ts", "reply_broadcast", "attachments")
DOCUMENT = "text/markdown"
BELOW = "_It goes on in the thread._"
LEFT_OUT = "_The transcript is left out: a webhook takes no files._"
SHORTER = "--format summary, or a bot token: mktool authorize slack"


def pieces(client: Calls, export: Export) -> list[Piece]:
    """Return the first message, those of its thread, and the file below them.

    Raises `InvalidInput` without a channel, and `Unsupported` for what a webhook cannot take.
    """
    hook, attach = by_webhook(client), _attach(client, export)
    post = Post("", extra=export.extra)
    first, *more = messages(meeting.below(export.report, export.body))
    _refuse(client, post, len(more) + 1)
    at = {} if hook else {"channel": wanted(client, post)}
    last = BELOW if more else LEFT_OUT if hook and export.transcript else ""
    whole = [*head(export.report), *first, *foot(export.report, last)]
    said = post.over(_said(export, whole), without=STEERING)
    made = [Piece("message", {"message": said, **at})]
    for rest in more:
        said = post.over(_said(export, rest), without=ONCE)
        made.append(Piece("message", {"message": said, **at}))
    if attach == "file" and export.markdown and not hook:
        made.append(Piece("file", {"name": _name(export), "text": export.markdown, **at}))
    return made


def _refuse(client: Calls, post: Post, count: int) -> None:
    if wrong := blocks.fault(post.settings().get("blocks", [])):
        raise e.InvalidInput(f"Slack: {wrong}")
    if "metadata" in post.extra:
        raise e.InvalidInput("Slack: metadata holds the mark by which a lost message is found")
    if not by_webhook(client):
        if not wanted(client, post):
            raise e.InvalidInput("Slack: no channel to post to", hint=CHANNEL_FROM)
    elif "channel" in post.extra:
        raise e.Unsupported("Slack: a webhook posts to its one channel")
    elif count > 1:
        raise e.Unsupported(f"Slack: a webhook posts one message, not {count}", hint=SHORTER)


def as_post(piece: Piece, before: Sequence[Posted]) -> Post:
    """Return a piece as a post, to find its place, or itself, by."""
    root = before[0] if before else None
    above = piece.body.get("message", {}).get("thread_ts", "")
    extra = {"channel": str(piece.body.get("channel", "")), "thread_ts": str(above)}
    file = Media(Path(piece.body["name"]), "file", DOCUMENT, 0) if piece.kind == "file" else None
    return Post("", (file,) if file else (), "", root, root, extra, piece.token)


def message(piece: Piece, id_of: Callable[[str], str]) -> Json:
    """Return the message of a piece, with people mentioned whom Slack knows."""
    body: Json = dict(piece.body["message"])
    body["blocks"] = [_named(block, id_of) for block in body["blocks"]]
    return body


def document(piece: Piece) -> Made:
    return Made(piece.body["text"].encode(errors="replace"), piece.body["name"], DOCUMENT)


def _named(block: Mapping[str, Any], id_of: Callable[[str], str]) -> Mapping[str, Any]:
    if block.get("type") != "section" or "text" not in block:
        return block
    text = mentioned(block["text"]["text"], id_of)
    return {**block, "text": {**block["text"], "text": text}}


def _said(export: Export, whole: Sequence[Json]) -> Json:
    told = ", ".join(filter(None, (export.report.title, meeting.when(export.report))))
    quiet = {"unfurl_links": False, "unfurl_media": False}
    return {"text": escape(told[:CUT]), "blocks": whole, **quiet}


def _attach(client: Calls, export: Export) -> str:
    asked = export.extra.get("attach") or client.options.get("attach") or "file"
    if asked not in ("file", "none"):
        raise e.InvalidInput(f"Slack: attach is file or none, not {asked!r}")
    return asked


def _name(export: Export) -> str:
    words = re.sub(r"[^\w.-]+", "-", export.report.title).strip("-.")[:60].strip("-.")
    return f"{words or 'report'}.md"
