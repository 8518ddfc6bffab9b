"""
Resend's broadcasts: one mail to a whole segment.

https://resend.com/docs/api-reference/broadcasts/create-broadcast (read 2026-11)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from .. import errors as e
from ..capability import CanBroadcast
from ..http.client import Calls
from ..http.pages import by_last_id
from ..message import Broadcast, Event, EventKind, Mailbox, Message, Receipt
from ..provider import Provider
from ..spec import Endpoint
from ._resend_audience import enlist, key_of, name_of, segment

BROADCASTS = Endpoint("broadcasts", "GET", "/broadcasts")
BROADCAST = Endpoint("broadcast", "GET", "/broadcasts/{}")
DRAFT = Endpoint("draft", "POST", "/broadcasts")
LAUNCH = Endpoint("launch", "POST", "/broadcasts/{}/send")
CANCEL = Endpoint("cancel", "POST", "/broadcasts/{}/cancel")
RECIPIENTS = Endpoint("recipients", "GET", "/broadcasts/{}/recipients")
TAGS = {"email": "EMAIL", "first_name": "FIRST_NAME", "last_name": "LAST_NAME",
        "unsubscribe": "RESEND_UNSUBSCRIBE_URL"}  # fmt: skip
EVENTS: dict[str, EventKind] = {
    "sent": "sent", "delivered": "delivered", "bounced": "bounced", "suppressed": "rejected",
    "complained": "complained", "unsubscribed": "unsubscribed", "opened": "opened",
    "clicked": "clicked"}  # fmt: skip


class Broadcasts(Provider, CanBroadcast):
    """What Resend sends by itself."""

    def merge_tag(self, name: str, default: str = "", /) -> str:
        if set(default) & set("{|}"):
            raise e.Unsupported(f"Resend takes no {{, | or }} in a default: {default!r}")
        tag = TAGS.get(name) or f"contact.{key_of(name)}"
        return f"{{{{{{{tag}|{default}}}}}}}" if default else f"{{{{{{{tag}}}}}}}"

    def enlist(self, broadcast: Broadcast, people: Sequence[Message], /) -> Receipt:
        enlist(self.client, broadcast, people)
        return Receipt()

    def draft(self, broadcast: Broadcast, /) -> str:
        for one in by_last_id(self.client, BROADCASTS):
            if broadcast.token in str(one.get("name")):
                return one.need("id")
        name = name_of(broadcast)
        if not (audience := segment(self.client, name)):
            raise e.InvalidInput("nobody was added to the audience: the campaign has no recipients")
        body = {
            "name": name, "segment_id": audience,
            "from": sender(broadcast.sender), "subject": broadcast.subject, "html": broadcast.html,
            **({"text": broadcast.text} if broadcast.text else {}),
            **({"preview_text": broadcast.preheader} if broadcast.preheader else {}),
            **({"reply_to": [broadcast.reply_to]} if broadcast.reply_to else {}),
        }  # fmt: skip
        return self.client.call(DRAFT, json=broadcast.over(body)).need("id")

    def launch(self, id: str, at: float | None, /) -> None:
        body = {} if at is None else {"scheduled_at": datetime.fromtimestamp(at, UTC).isoformat()}
        self.client.call(LAUNCH, id, json=body)

    def launched(self, id: str, /) -> bool:
        # What is scheduled may be called a draft until it is sent:
        # https://resend.com/docs/dashboard/broadcasts/introduction (read 2026-11)
        found = self.client.call(BROADCAST, id)
        return found.need("status") != "draft" or bool(found.get("scheduled_at"))

    def recall(self, id: str, /) -> None:
        self.client.call(CANCEL, id)


def events(client: Calls, id: str) -> Iterator[Event]:
    """Yield what became of a broadcast, by address; since when is not told."""
    for word, kind in EVENTS.items():
        for row in by_last_id(client, RECIPIENTS, id, query={"type": word}):
            soft = row.get("bounce_type") in ("transient", "undetermined")
            yield Event(kind, "", row.need("email"), detail="soft" if soft else "")


def sender(sender: Mailbox) -> str:
    """Resend takes a name as it is: encoded (RFC 2047) or quoted it is refused (2026-09)."""
    return f"{sender.name} <{sender.address}>" if sender.name else sender.address
