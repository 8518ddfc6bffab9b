"""Mails of Resend, one by one and in batches.

https://resend.com/docs/api-reference/emails (read 2026-11); idempotency keys:
https://resend.com/docs/dashboard/emails/idempotency-keys
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from ...fate import ARRIVAL, fate
from ...inbox import Item
from ...vendor import on, text_of
from ...wire import Call, Refusal, Reply
from ...world import World
from . import message
from .desk import API, Shelf, listed, object_of, refusal, stamp
from .message import Draft, Mail, wrong
from .templates import Templates

MOST = 100  # mails of one batch
KEY_LIFE = 86_400.0  # seconds


@dataclass(frozen=True, slots=True)
class First:
    """The first answer to an idempotency key, and the digest of what it was asked with."""

    at: float
    payload: bytes
    reply: Reply


class Emails(Templates):
    """Sends, reads back, takes back."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.mails: Shelf[Mail] = Shelf()
        self._firsts: dict[str, First] = {}

    @on("GET", f"{API}/domains")
    def domains(self, call: Call) -> Reply:
        headers = self.admit(call)
        domain = {
            "id": "4dd369bc-aa82-4ff3-97de-514ae3000ee0", "name": "sandbox.example",
            "status": "verified", "created_at": stamp(0), "region": "eu-west-1",
            "open_tracking": True, "click_tracking": True,
            "capabilities": {"sending": "enabled", "receiving": "disabled"},
        }  # fmt: skip
        return listed([domain], False, headers)

    @on("POST", f"{API}/emails")
    def send(self, call: Call) -> Reply:
        headers = self.admit(call, sending=True)
        return self._once(call, lambda: self._one(call, headers))

    @on("POST", f"{API}/emails/batch")
    def batch(self, call: Call) -> Reply:
        headers = self.admit(call, sending=True)
        return self._once(call, lambda: self._many(call, headers))

    @on("GET", f"{API}/emails")
    def list_emails(self, call: Call) -> Reply:
        headers = self.admit(call)
        rows, more = self.mails.page(call)
        return listed([mail.to_json(call.now) for mail in rows], more, headers)

    # The routes are tried in the order of these names, so this is found before an id.
    @on("GET", f"{API}/emails/metrics")
    def email_metrics(self, call: Call) -> Reply:
        headers = self.admit(call)
        start, end = _period(call)
        broadcast = call.query.get("broadcast_id", "")
        names = ("sent", "delivered", "opened", "clicked", "bounced", "complained", "suppressed")
        asked = call.query.get("metrics", ",".join(names)).split(",")
        totals = dict.fromkeys(asked, 0)
        for mail in self.mails:
            if start <= mail.due <= end and not mail.canceled and broadcast in ("", mail.broadcast):
                for name in mail.events(call.now).intersection(asked):
                    totals[name] += 1
        shown = {"object": "metrics", "start_date": stamp(start), "end_date": stamp(end),
                 "metrics": asked, "dimensions": [], "granularity": "daily",
                 "totals": totals}  # fmt: skip
        return Reply(json=shown, headers=headers)

    @on("GET", f"{API}/emails/{{id}}")
    def get_email(self, call: Call) -> Reply:
        headers = self.admit(call)
        return Reply(json=self.mails.get(call.params["id"]).in_full(call.now), headers=headers)

    @on("PATCH", f"{API}/emails/{{id}}")
    def reschedule(self, call: Call) -> Reply:
        headers, mail = self.admit(call), self._waiting(call)
        due = message.moment(object_of(call), call.now)
        if due is None:
            raise message.missing("scheduled_at")
        self.world.inbox.withdraw([mail.item])
        mail.due = mail.item.time = due
        self.world.inbox.add(mail.item)
        return Reply(json={"object": "email", "id": mail.id}, headers=headers)

    @on("POST", f"{API}/emails/{{id}}/cancel")
    def cancel(self, call: Call) -> Reply:
        headers, mail = self.admit(call), self._waiting(call)
        mail.canceled = True
        self.world.inbox.withdraw([mail.item])
        return Reply(json={"object": "email", "id": mail.id}, headers=headers)

    def deliver(self, draft: Draft, now: float, topic: str = "", broadcast: str = "") -> Mail:
        """Keep a mail, and put it into the inbox when it is due, unless nobody would get it."""
        data, due = draft.data, draft.due or now
        to = message.bare(data["to"][0])
        contact = self.emails_of.get(to)
        item = Item(
            due, self.name, message.bare(data["from"]), "email", self.made(), data["text"],
            media=draft.media, extra=draft.extra, to=", ".join(data["to"]), sender=data["from"],
            subject=data["subject"], html=data["html"],
        )  # fmt: skip
        unwanted = bool(topic and contact and not contact.wants(topic))
        unwanted |= fate(to) == "suppressed" or self.blocked(to, due)
        mail = Mail(item.id, now, due, data, item, broadcast, scheduled=draft.due is not None,
                    suppressed=unwanted)  # fmt: skip
        self.mails.add(mail)
        if not unwanted:
            self.world.inbox.add(item)
            self._consequences(mail)
        return mail

    def _consequences(self, mail: Mail) -> None:
        origin = {"bounced": "bounce", "invalid": "bounce", "complained": "complaint"}
        lot = fate(mail.to)
        # Those that are there to try this out stay as they are.
        if lot in origin and not mail.to.endswith("@resend.dev"):
            self.block(mail.to, origin[lot], mail.id, mail.due + ARRIVAL)

    def _one(self, call: Call, headers: Mapping[str, str]) -> Reply:
        body = object_of(call)
        draft = message.read(self.filled(body), call.now)
        mail = self.deliver(draft, call.now, text_of(body, "topic_id"))
        return Reply(json={"id": mail.id}, headers=headers)

    def _many(self, call: Call, headers: Mapping[str, str]) -> Reply:
        mode = call.headers.get("x-batch-validation", "strict")
        if mode not in ("strict", "permissive"):
            raise Refusal(refusal(400, message="Invalid `x-batch-validation` header."))
        bodies = call.array()
        if bodies is None or not 1 <= len(bodies) <= MOST:
            raise wrong(f"The batch must be a list of 1 to {MOST} emails.")
        drafts: list[tuple[Draft, str]] = []
        errors: list[dict[str, Any]] = []
        for index, body in enumerate(bodies):
            try:
                drafts.append((self._batched(body, call.now), text_of(body, "topic_id")))
            except Refusal as refused:
                if mode == "strict":
                    raise
                errors.append({"index": index, "message": _message(refused)})
        data = [{"id": self.deliver(draft, call.now, topic).id} for draft, topic in drafts]
        found = {"data": data} | ({"errors": errors} if mode == "permissive" else {})
        return Reply(json=found, headers=headers)

    def _batched(self, body: object, now: float) -> Draft:
        if not isinstance(body, dict):
            raise wrong("Every email of a batch must be an object.")
        for name in ("attachments", "scheduled_at"):
            if body.get(name):
                raise wrong(f"The `{name}` field is not supported in batch emails.")
        return message.read(self.filled(body), now)

    def _once(self, call: Call, act: Any) -> Reply:
        """Carry a request out, or return the answer that its idempotency key has already."""
        key = call.headers.get("idempotency-key")
        if key is None:
            answer: Reply = act()
            return answer
        if not 1 <= len(key) <= 256:
            text = "The idempotency key must have 1 to 256 characters."
            raise Refusal(refusal(400, "invalid_idempotency_key", text))
        payload = sha256(call.path.encode() + b"\0" + call.body).digest()
        first = self._firsts.get(key)
        if first is None or call.now >= first.at + KEY_LIFE:
            first = self._firsts[key] = First(call.now, payload, act())
        if first.payload != payload:
            text = "This idempotency key was used with another payload."
            raise Refusal(refusal(409, "invalid_idempotent_request", text))
        return first.reply

    def _waiting(self, call: Call) -> Mail:
        mail = self.mails.get(call.params["id"])
        if mail.last_event(call.now) != "scheduled":
            raise wrong("Only scheduled emails can be changed.")
        return mail


def _message(refused: Refusal) -> str:
    body = refused.reply.json
    return str(body["message"]) if isinstance(body, dict) else ""


def _period(call: Call) -> tuple[float, float]:
    bounds = {}
    for name in ("start_date", "end_date"):
        given = call.query.get(name)
        bounds[name] = message.parsed_date(given, call.now) if given else None
    end = min(bounds["end_date"] or call.now, call.now)
    return bounds["start_date"] or end - 6 * 86_400, end
