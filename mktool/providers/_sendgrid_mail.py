"""
The parts of SendGrid's Mail Send that differ from recipient to recipient.

https://www.twilio.com/docs/sendgrid/for-developers/sending-email/personalizations (read 2026-09)
"""

from __future__ import annotations

from typing import Any

from ..message import Batch, Mailbox


def personalizations(batch: Batch) -> list[dict[str, Any]]:
    """Return one for each message; what is rendered already needs no substitutions."""
    tokens = () if batch.messages[0].subject else batch.tokens
    one_click = batch.one_click
    people: list[dict[str, Any]] = []
    for seq, to, _, _, _, values, unsubscribe in batch.messages:
        person: dict[str, Any] = {
            "to": [{"email": to}],
            "custom_args": {"campaign": batch.campaign, "recipient": str(seq)},
        }
        if tokens:
            person["substitutions"] = dict(zip(tokens, values, strict=True))
        if unsubscribe:
            person["headers"] = {"List-Unsubscribe": f"<{unsubscribe}>", **one_click}
        people.append(person)
    return people


def mailbox(box: Mailbox) -> dict[str, str]:
    return {"email": box.address, **({"name": box.name} if box.name else {})}
