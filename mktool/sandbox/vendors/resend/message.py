"""What a mail to Resend must be, and the mail that comes of it.

https://resend.com/docs/api-reference/emails/send-email (read 2026-11)
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parseaddr
from typing import Any

from ...fate import ADDRESS, ARRIVAL, CLICKING, OPENING, clicked, fate, opened
from ...inbox import Attachment, Item
from ...vendor import text_of
from ...wire import Refusal
from .desk import refusal, stamp

MOST_TO = 50
LATEST = 30 * 86_400  # seconds that a mail can be scheduled ahead
_LABEL = re.compile(r"[A-Za-z0-9_-]{1,256}")
_IN = re.compile(r"in (\d{1,6}) ?(s|sec|second|min|minute|h|hour|d|day)s?")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_RANK = ("suppressed", "bounced", "complained", "clicked", "opened", "delivered", "sent")


@dataclass(slots=True)
class Mail:
    """A mail as it is kept; ``due`` is when it goes out, in epoch seconds."""

    id: str
    created: float
    due: float
    data: dict[str, Any]
    item: Item
    broadcast: str = ""
    scheduled: bool = False
    canceled: bool = False
    suppressed: bool = False

    @property
    def to(self) -> str:
        return bare(self.data["to"][0])

    def last_event(self, now: float) -> str:
        if self.canceled:
            return "canceled"
        if now < self.due:
            return "scheduled"
        events = self.events(now)
        return next(name for name in _RANK if name in events) if events else "delivery_delayed"

    def events(self, now: float) -> frozenset[str]:
        """Return what has happened to it by now, except that it is late."""
        if self.suppressed:
            return frozenset({"suppressed"})
        if now < self.due + ARRIVAL:
            return frozenset({"sent"})
        lot, age = fate(self.to), now - self.due
        if lot == "delayed":
            return frozenset()
        if lot in ("bounced", "invalid"):
            return frozenset({"sent", "bounced"})
        happened = {"sent", "delivered"} | ({"complained"} if lot == "complained" else set())
        happened |= {"opened"} if age >= OPENING and opened(self.to) else set()
        happened |= {"clicked"} if age >= CLICKING and clicked(self.to) else set()
        return frozenset(happened)

    def to_json(self, now: float) -> dict[str, Any]:
        """Return the mail as a list shows it."""
        names = ("to", "from", "subject", "bcc", "cc", "reply_to")
        return {"id": self.id, "message_id": f"<{self.id}@sandbox.example>",
                **{name: self.data[name] for name in names},
                "created_at": stamp(self.created), "last_event": self.last_event(now),
                "scheduled_at": stamp(self.due) if self.scheduled else None}  # fmt: skip

    def in_full(self, now: float) -> dict[str, Any]:
        bodies = {name: self.data[name] for name in ("html", "text", "tags")}
        return {"object": "email", **self.to_json(now), **bodies}


@dataclass(frozen=True, slots=True)
class Draft:
    """A message that was found to be right; ``due`` is None for at once."""

    data: dict[str, Any]
    due: float | None
    media: tuple[Attachment, ...] = ()
    extra: Mapping[str, str] = field(default_factory=dict)


def read(body: Mapping[str, Any], now: float) -> Draft:
    """Return what a message says, or refuse it."""
    sender = one_address(body, "from")
    to = _addresses(body, "to")
    if not to:
        raise missing("to")
    if not text_of(body, "subject"):
        raise missing("subject")
    if not text_of(body, "html") and not text_of(body, "text"):
        raise wrong("Missing `html` or `text` field.")
    others = {name: _addresses(body, name) for name in ("cc", "bcc", "reply_to")}
    tags = _tags(body)
    data = {"from": sender, "to": to, "subject": text_of(body, "subject"), **others,
            "html": text_of(body, "html"), "text": text_of(body, "text"), "tags": tags}  # fmt: skip
    due = moment(body, now)
    media = _attachments(body)
    if media and due is not None:
        raise wrong("Scheduled emails cannot have attachments.")
    return Draft(data, due, media, _extra(body, data))


def one_address(body: Mapping[str, Any], name: str) -> str:
    """Return an address with or without a name, or refuse."""
    value = text_of(body, name)
    if not value:
        raise missing(name)
    if not ADDRESS.fullmatch(bare(value)):
        raise wrong(
            f"Invalid `{name}` field. The email address needs to follow the `email@example.com` "
            "or `Name <email@example.com>` format."
        )
    domain = bare(value).partition("@")[2].lower()
    if name == "from" and domain.startswith("unverified"):
        raise Refusal(refusal(403, "validation_error", f"The {domain} domain is not verified."))
    return value


def bare(address: str) -> str:
    """Return the address without the name that may stand before it."""
    return parseaddr(address)[1] if "<" in address else address.strip()


def moment(body: Mapping[str, Any], now: float) -> float | None:
    """Return when a message shall go, in epoch seconds; None for at once."""
    given = body.get("scheduled_at")
    if given is None:
        return None
    due = parsed_date(str(given), now)
    if due is None or not now - 60 <= due <= now + LATEST:
        raise wrong("The `scheduled_at` must be a date within the next 30 days.")
    return due


def missing(name: str) -> Refusal:
    return Refusal(refusal(422, "missing_required_field", f"Missing `{name}` field."))


def wrong(message: str, name: str = "validation_error") -> Refusal:
    return Refusal(refusal(422, name, message))


def parsed_date(given: str, now: float) -> float | None:
    """Return a date or one like "in 5 min" as epoch seconds, None for what is neither."""
    words = _IN.fullmatch(given)
    if words:
        return now + int(words[1]) * _UNITS[words[2][0]]
    try:
        found = datetime.fromisoformat(given)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError, OSError):
        return None


def _addresses(body: Mapping[str, Any], name: str) -> list[str]:
    given = body.get(name)
    found = [given] if isinstance(given, str) else given
    if found is None:
        return []
    if not isinstance(found, list) or len(found) > MOST_TO:
        raise wrong(f"The `{name}` field must be a string or a list of at most {MOST_TO}.")
    return [one_address({name: address}, name) for address in found]


def _tags(body: Mapping[str, Any]) -> list[dict[str, str]]:
    given = body.get("tags") or []
    tags = [t if isinstance(t, dict) else {} for t in given] if isinstance(given, list) else [{}]
    for tag in tags:
        for part in ("name", "value"):
            if not _LABEL.fullmatch(text_of(tag, part)):
                raise wrong(
                    "Tags should only contain ASCII letters, numbers, underscores, or dashes."
                )
    return tags


def _attachments(body: Mapping[str, Any]) -> tuple[Attachment, ...]:
    given = body.get("attachments") or []
    if not isinstance(given, list):
        raise wrong("Invalid `attachments` field.", "invalid_attachment")
    return tuple(_attachment(one if isinstance(one, dict) else {}) for one in given)


def _attachment(one: Mapping[str, Any]) -> Attachment:
    """Return a file; one that is given by its address is not fetched."""
    content, name = one.get("content"), text_of(one, "filename")
    mime = text_of(one, "content_type") or "application/octet-stream"
    if text_of(one, "path"):
        return Attachment.of(name or text_of(one, "path"), mime, b"")
    try:
        data = base64.b64decode(content if isinstance(content, str) else "", validate=True)
    except binascii.Error:
        data = b""
    if not data:
        raise wrong("Attachment must have either a `content` or `path`.", "invalid_attachment")
    return Attachment.of(name, mime, data)


def _extra(body: Mapping[str, Any], data: Mapping[str, Any]) -> dict[str, str]:
    """Return the headers, and what else the inbox shows beside the text."""
    headers = body.get("headers") or {}
    if not isinstance(headers, dict):
        raise wrong("Invalid `headers` field.")
    extra = {str(name): str(value) for name, value in headers.items()}
    lists = {name: ", ".join(data[name]) for name in ("cc", "bcc", "reply_to")}
    lists["tags"] = ", ".join(f"{tag['name']}={tag['value']}" for tag in data["tags"])
    return extra | {name: shown for name, shown in lists.items() if shown}
