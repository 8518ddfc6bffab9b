"""
Resend's webhooks: one event in each body.

https://resend.com/docs/webhooks/event-types (read 2026-11)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..capability import CanReceive
from ..http.reply import Notice
from ..message import Event, EventKind

EVENTS: Mapping[str, EventKind] = {
    "queued": "queued", "scheduled": "queued", "sent": "sent", "delivered": "delivered",
    "delivery_delayed": "deferred", "bounced": "bounced", "complained": "complained",
    "suppressed": "rejected", "opened": "opened", "clicked": "clicked", "failed": "failed",
    "canceled": "failed"}  # fmt: skip
WORDS = ("data.bounce.message", "data.suppressed.message", "data.failed.reason", "data.click.link")


class Webhooks(CanReceive):
    """What Resend tells unasked."""

    @staticmethod
    def receive(notice: Mapping[str, Any], /) -> Iterator[Event]:
        one = Notice("resend", notice)
        word, at = one.need("type"), one.moment("created_at")
        about, _, what = word.partition(".")
        if about == "email" and (kind := EVENTS.get(what)):
            detail = next((str(text) for path in WORDS if (text := one.get(path))), "")
            if one.get("data.bounce.type") in ("Transient", "Undetermined"):
                detail = f"soft: {detail}"
            broadcast = str(one.get("data.broadcast_id") or "")
            yield Event(kind, one.need("data.email_id"), one.need("data.to.0"), at, detail,
                        campaign=broadcast)  # fmt: skip
        elif word == "contact.updated" and one.get("data.unsubscribed") is True:
            yield Event("unsubscribed", "", one.need("data.email"), at)
