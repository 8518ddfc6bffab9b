"""Broadcasts of Resend: one mail to a whole segment.

https://resend.com/docs/api-reference/broadcasts (read 2026-11)
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from ...vendor import on, text_of
from ...wire import Call, Reply
from ...world import World
from . import message
from .contacts import Contact, require
from .desk import API, Shelf, listed, object_of, stamp
from .emails import Emails
from .message import Draft, Mail, wrong

_TAG = re.compile(r"\{\{\{\s*(?:contact\.)?(\w+)\s*(?:\|([^{}]*))?\}\}\}")
_TEXTS = ("name", "segment_id", "from", "subject", "preview_text", "html", "text", "topic_id")


@dataclass(slots=True)
class Broadcast:
    """A broadcast as it is kept; ``due`` is None until it is to be sent."""

    id: str
    created: float
    data: dict[str, Any]
    due: float | None = None
    scheduled: bool = False
    mails: list[Mail] = field(default_factory=list)

    def status(self, now: float) -> str:
        if self.due is None:
            return "draft"
        if now < self.due:
            return "scheduled"
        return "queued" if now < self.due + 1 else "sent"

    def to_json(self, now: float) -> dict[str, Any]:
        """Return the broadcast as a list shows it."""
        sent = self.status(now) == "sent" and self.due is not None
        segment = text_of(self.data, "segment_id")
        return {"id": self.id, "name": text_of(self.data, "name"), "segment_id": segment,
                "audience_id": segment, "status": self.status(now),
                "created_at": stamp(self.created),
                "scheduled_at": stamp(self.due) if self.scheduled and self.due else None,
                "sent_at": stamp(self.due) if sent and self.due else None,
                "topic_id": self.data.get("topic_id")}  # fmt: skip


class Broadcasts(Emails):
    """Kept as drafts, sent to those of the segment who want them."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.broadcasts: Shelf[Broadcast] = Shelf()

    @on("POST", f"{API}/broadcasts")
    def create_broadcast(self, call: Call) -> Reply:
        headers, body = self.admit(call), object_of(call)
        self.segments.get(require(body, "segment_id"))
        message.one_address(body, "from")
        require(body, "subject")
        if not text_of(body, "html") and not text_of(body, "text"):
            raise message.missing("html")
        if "scheduled_at" in body and body.get("send") is not True:
            raise wrong("`scheduled_at` can only be used together with `send`.")
        due = message.moment(body, call.now)
        data = {name: body[name] for name in (*_TEXTS, "reply_to") if name in body}
        broadcast = self.broadcasts.add(Broadcast(self.made(), call.now, data))
        if body.get("send") is True:
            self._start(broadcast, due, call.now)
        return Reply(201, json={"object": "broadcast", "id": broadcast.id}, headers=headers)

    @on("GET", f"{API}/broadcasts")
    def list_broadcasts(self, call: Call) -> Reply:
        headers = self.admit(call)
        rows, more = self.broadcasts.page(call)
        return listed([row.to_json(call.now) for row in rows], more, headers)

    @on("GET", f"{API}/broadcasts/{{id}}")
    def get_broadcast(self, call: Call) -> Reply:
        headers, found = self.admit(call), self.broadcasts.get(call.params["id"])
        texts = {name: found.data.get(name) for name in ("html", "text")}
        words = {name: text_of(found.data, name) for name in ("from", "subject", "preview_text")}
        shown = {"object": "broadcast", **found.to_json(call.now), **words, **texts,
                 "reply_to": found.data.get("reply_to") or []}  # fmt: skip
        return Reply(json=shown, headers=headers)

    @on("PATCH", f"{API}/broadcasts/{{id}}")
    def change_broadcast(self, call: Call) -> Reply:
        headers, found, body = self.admit(call), self._draft(call), object_of(call)
        found.data |= {name: body[name] for name in (*_TEXTS, "reply_to") if name in body}
        return Reply(json={"object": "broadcast", "id": found.id}, headers=headers)

    @on("DELETE", f"{API}/broadcasts/{{id}}")
    def delete_broadcast(self, call: Call) -> Reply:
        headers, found = self.admit(call), self._draft(call)
        self.broadcasts.remove(found.id)
        shown = {"object": "broadcast", "id": found.id, "deleted": True}
        return Reply(json=shown, headers=headers)

    @on("POST", f"{API}/broadcasts/{{id}}/send")
    def send_broadcast(self, call: Call) -> Reply:
        headers, found = self.admit(call, sending=True), self._draft(call)
        due = message.moment(object_of(call) if call.body else {}, call.now)
        self._start(found, due, call.now)
        return Reply(json={"id": found.id}, headers=headers)

    @on("POST", f"{API}/broadcasts/{{id}}/cancel")
    def cancel_broadcast(self, call: Call) -> Reply:
        headers, found = self.admit(call), self.broadcasts.get(call.params["id"])
        if found.status(call.now) != "scheduled":
            raise wrong("Only scheduled broadcasts can be cancelled.")
        for mail in found.mails:
            mail.canceled = True
        self.world.inbox.withdraw(mail.item for mail in found.mails)
        found.due, found.scheduled, found.mails = None, False, []
        return Reply(json={"object": "broadcast", "id": found.id}, headers=headers)

    @on("GET", f"{API}/broadcasts/{{id}}/recipients")
    def recipients(self, call: Call) -> Reply:
        headers, found = self.admit(call), self.broadcasts.get(call.params["id"])
        kind = call.query.get("type", "")
        kinds = ("sent", "delivered", "opened", "clicked", "bounced", "complained",
                 "unsubscribed", "suppressed")  # fmt: skip
        if kind not in kinds:
            raise wrong("`type` must be one of " + ", ".join(kinds))
        shelf: Shelf[Mail] = Shelf()
        for mail in found.mails:
            shelf.add(mail)
        rows, more = shelf.page(call, lambda m: kind in m.events(call.now))
        return listed([self._recipient(mail, kind) for mail in rows], more, headers)

    def _recipient(self, mail: Mail, kind: str) -> dict[str, Any]:
        contact = self.emails_of.get(mail.to)
        bounce = {"bounce_type": "permanent"} if kind == "bounced" else {}
        return {"id": mail.id, "contact_id": contact.id if contact else None, "email": mail.to,
                "count": 1, **bounce}  # fmt: skip

    def _start(self, broadcast: Broadcast, due: float | None, now: float) -> None:
        segment, topic = broadcast.data["segment_id"], text_of(broadcast.data, "topic_id")
        broadcast.due, broadcast.scheduled = due or now, due is not None
        broadcast.mails = [
            self.deliver(self._copy(broadcast, contact, due), now, broadcast=broadcast.id)
            for contact in self.contacts
            if segment in contact.segments and contact.wants(topic)
        ]

    def _copy(self, broadcast: Broadcast, contact: Contact, due: float | None) -> Draft:
        leave = f"https://unsubscribe.resend.com/?token=sandbox-{contact.id}"
        values = {"EMAIL": contact.email, "RESEND_UNSUBSCRIBE_URL": leave, "UNSUBSCRIBE_URL": leave}
        properties = contact.data.get("properties")
        known = {**contact.data, **(properties if isinstance(properties, dict) else {}), **values}
        known = {name.lower(): value for name, value in known.items()}

        def merged(name: str) -> str:
            text = text_of(broadcast.data, name)
            return _TAG.sub(lambda m: str(known.get(m[1].lower()) or m[2] or ""), text)

        words = {name: merged(name) for name in ("subject", "html", "text")}
        data = {"from": broadcast.data["from"], "to": [contact.email], "cc": [], "bcc": [],
                "reply_to": broadcast.data.get("reply_to") or [], "tags": [], **words}  # fmt: skip
        extra = {"broadcast": broadcast.id, "List-Unsubscribe": f"<{leave}>"}
        return Draft(data, due, extra=extra)

    def _draft(self, call: Call) -> Broadcast:
        found = self.broadcasts.get(call.params["id"])
        if found.due is not None:
            raise wrong("Only drafts can be changed, sent or deleted.")
        return found
