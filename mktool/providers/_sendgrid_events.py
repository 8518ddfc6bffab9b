"""
SendGrid's Event Webhook: a list of events, each with what was sent along as ``custom_args``.

https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event (read 2026-11)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..capability import CanReceive
from ..http.reply import Notice
from ..message import Event, EventKind
from ..provider import Provider

# Who leaves a group of unsubscribers has pressed the link in a mail of ours.
KINDS: Mapping[str, EventKind] = {
    "processed": "sent", "delivered": "delivered", "deferred": "deferred", "bounce": "bounced",
    "dropped": "rejected", "open": "opened", "click": "clicked", "spamreport": "complained",
    "unsubscribe": "unsubscribed", "group_unsubscribe": "unsubscribed"}  # fmt: skip
WORDS = ("reason", "response", "url")


class Webhooks(Provider, CanReceive):
    """What SendGrid tells unasked."""

    @staticmethod
    def receive(notice: Mapping[str, Any], /) -> Iterator[Event]:
        one = Notice("sendgrid", notice)
        if kind := KINDS.get(one.need("event")):
            detail = next((str(word) for name in WORDS if (word := one.get(name))), "")
            if one.get("type") == "blocked":  # for the moment: SendGrid tries the address again
                detail = f"soft: {detail}"
            campaign = str(one.get("campaign") or "")
            yield Event(kind, "", one.need("email"), one.number("timestamp"), detail,
                        campaign=campaign)  # fmt: skip
