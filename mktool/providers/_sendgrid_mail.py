"""
The parts of SendGrid's Mail Send that differ from recipient to recipient.

https://www.twilio.com/docs/sendgrid/for-developers/sending-email/personalizations (read 2026-09)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..message import Batch, Mailbox, Message


def personalization(batch: Batch) -> Callable[[Message], dict[str, Any]]:
    """Return what makes one of a message."""
    one_click = batch.one_click

    def made(message: Message) -> dict[str, Any]:
        person: dict[str, Any] = {
            "to": [{"email": message.to}],
            "custom_args": {"campaign": batch.campaign, "recipient": str(message.seq)},
        }
        if batch.tokens and not message.subject:  # what is rendered needs no substitutions
            person["substitutions"] = dict(zip(batch.tokens, message.values, strict=True))
        if url := message.unsubscribe:
            person["headers"] = {"List-Unsubscribe": f"<{url}>", **one_click}
        return person

    return made


def mailbox(box: Mailbox) -> dict[str, str]:
    return {"email": box.address, **({"name": box.name} if box.name else {})}
