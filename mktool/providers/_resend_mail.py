"""
The mails of one of Resend's batches.

https://resend.com/docs/api-reference/emails/send-batch-emails (read 2026-09)
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from ..message import Batch, Message
from ._resend_broadcast import sender


def mail(batch: Batch) -> Callable[[Message], dict[str, Any]]:
    """Return what makes one of a message."""
    tags = [
        {"name": "campaign", "value": _plain(batch.campaign)},
        *({"name": _plain(tag), "value": "yes"} for tag in batch.tags),
    ]
    reply_to = {"reply_to": batch.reply_to} if batch.reply_to else {}
    common = batch.over({"from": sender(batch.sender), "tags": tags, **reply_to})
    headers = {**batch.one_click, **common.pop("headers", {})}

    def made(message: Message) -> dict[str, Any]:
        one: dict[str, Any] = {"to": message.to, "subject": message.subject}
        if message.html:
            one["html"] = message.html
        if message.text:
            one["text"] = message.text
        url = message.unsubscribe
        one["headers"] = {**headers, "List-Unsubscribe": f"<{url}>"} if url else headers
        return one | common

    return made


def _plain(tag: str) -> str:
    """A tag holds ASCII letters, digits, "_" and "-", at most 256 of them."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", tag)[:256]
