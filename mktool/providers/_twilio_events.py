"""
Twilio's webhooks: status callbacks of messages that went out, and messages that came in.

https://www.twilio.com/docs/messaging/guides/track-outbound-message-status and
https://www.twilio.com/docs/messaging/tutorials/advanced-opt-out (read 2026-11)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..capability import CanReceive
from ..http.reply import Notice
from ..message import Event, EventKind
from ..provider import Provider

EVENTS: Mapping[str, EventKind] = {
    "accepted": "queued", "scheduled": "queued", "queued": "queued", "sending": "queued",
    "sent": "sent", "delivered": "delivered", "partially_delivered": "delivered", "read": "opened",
    "undelivered": "bounced", "failed": "failed", "canceled": "failed",
}  # fmt: skip
# Twilio blocks whoever answers with one of these words alone.
STOP = {"STOP", "STOPALL", "UNSUBSCRIBE", "END", "QUIT", "REVOKE", "OPTOUT", "CANCEL"}
OPTED_OUT = "21610"


class Webhooks(Provider, CanReceive):
    """What Twilio tells unasked. It dates none of it."""

    @staticmethod
    def receive(notice: Mapping[str, Any], /) -> Iterator[Event]:
        one = Notice("twilio", notice)
        id, code = one.need("MessageSid"), str(one.get("ErrorCode") or "")
        if status := one.get("MessageStatus"):
            if kind := EVENTS.get(str(status)):
                yield Event(kind, id, one.need("To"), detail=code)
            if code == OPTED_OUT:
                yield Event("unsubscribed", id, one.need("To"))
        # A service with words of its own for it says what they mean.
        elif str(one.get("OptOutType") or one.get("Body") or "").strip().upper() in STOP:
            yield Event("unsubscribed", "", one.need("From"))
