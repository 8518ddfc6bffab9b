"""Mail of SendGrid: one request, up to a thousand recipients, each with values of its own.

https://www.twilio.com/docs/sendgrid/api-reference/mail-send/mail-send (read 2026-11)
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from email.utils import formataddr
from functools import lru_cache
from hashlib import sha256
from typing import Any

from ...fate import fate
from ...inbox import Item
from ...vendor import on, text_of
from ...wire import Call, Refusal, Reply
from ...world import World
from . import check
from .check import rows, table
from .desk import api, bad, object_of, refusal
from .suppressions import Trouble
from .templates import Template, Templates, rendered

_LISTED = {"bounced": "bounces", "complained": "spam_reports", "invalid": "invalid_emails"}


@dataclass(frozen=True, slots=True)
class Sent:
    """What the statistics need of a mail; ``dropped`` for an address that is suppressed."""

    due: float
    to: str
    categories: tuple[str, ...]
    dropped: bool
    item: Item


class Mail(Templates):
    """Takes mail, and holds it for a batch that can be paused or cancelled."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.sent: list[Sent] = []
        self.batches: dict[str, list[Item]] = {}
        self.stopped: dict[str, str] = {}  # batch to "pause" or "cancel"

    @on("POST", *api("mail/send"))
    def send(self, call: Call) -> Reply:
        headers, body = self.admit(call, "mail.send"), object_of(call)
        found = list(check.problems(body, call.now))
        if found:
            raise Refusal(refusal(400, found, headers))
        self._known(body)
        self.settle(call.now)
        settings = table(table(body.get("mail_settings")).get("sandbox_mode"))
        if settings.get("enable") is True:
            return Reply(200, headers=headers)
        seed = f"{call.now}/{self.world.number()}"
        id = sha256(seed.encode()).hexdigest()[:22]
        for number, one in enumerate(body["personalizations"]):
            self._deliver(body, one, f"{id}.{number}", call.now)
        return Reply(202, headers={**headers, "x-message-id": id})

    def _known(self, body: Mapping[str, Any]) -> None:
        """Refuse a batch, a group or a template that does not exist."""
        known: list[tuple[str, object, Container[Any]]] = [
            ("batch_id", body.get("batch_id"), self.batches),
            ("template_id", body.get("template_id"), self.templates),
            ("asm.group_id", table(body.get("asm")).get("group_id"), self.groups),
        ]
        for field, given, there in known:
            if given is not None and (not isinstance(given, str | int) or given not in there):
                raise bad(f"The {field} is invalid.", field)

    def _deliver(
        self, body: Mapping[str, Any], one: Mapping[str, Any], id: str, now: float
    ) -> None:
        to, due = text_of(one["to"][0], "email"), max(now, _due(body, one, now))
        group = table(body.get("asm")).get("group_id")
        dropped = fate(to) == "suppressed" or self.unwanted(to, group, due)
        item = self._item(body, one, id, due)
        self.sent.append(Sent(due, to, tuple(rows(body.get("categories"))), dropped, item))
        if dropped:
            return
        batch = text_of(body, "batch_id")
        if batch:
            self.batches[batch].append(item)
        if batch not in self.stopped:
            self.world.inbox.add(item)
        if fate(to) in _LISTED:
            self.troubles.append(Trouble(_LISTED[fate(to)], to, item))

    def _item(self, body: Mapping[str, Any], one: Mapping[str, Any], id: str, due: float) -> Item:
        subject, text, html = self._texts(body, one)
        sender = table(one.get("from")) or body["from"]
        people = ", ".join(_shown(person) for person in one["to"])
        return Item(
            due, self.name, text_of(sender, "email"), "email", id, text, to=people,
            sender=_shown(sender), subject=subject, html=html, extra=dict(_extra(body, one)),
        )  # fmt: skip

    def _texts(self, body: Mapping[str, Any], one: Mapping[str, Any]) -> tuple[str, str, str]:
        """Return subject, text and html as this recipient gets them."""
        kinds = {text_of(c, "type"): text_of(c, "value") for c in rows(body.get("content"))}
        text, html = kinds.get("text/plain", ""), kinds.get("text/html", "")
        subject = text_of(one, "subject") or text_of(body, "subject")
        template = self.templates.get(text_of(body, "template_id"))
        if template and template.versions:
            subject, text, html = _filled(
                template, table(one.get("dynamic_template_data")), subject
            )
        values = table(one.get("substitutions"))
        if not values:
            return subject, text, html
        tokens = _tokens(tuple(sorted(values, key=len, reverse=True)))

        def value(found: re.Match[str]) -> str:
            return str(values[found[0]])

        return tokens.sub(value, subject), tokens.sub(value, text), tokens.sub(value, html)


@lru_cache(maxsize=64)
def _tokens(names: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(map(re.escape, filter(None, names))) or r"\Z.")


def _filled(template: Template, data: Mapping[str, Any], subject: str) -> tuple[str, str, str]:
    version = template.versions[0]
    if template.generation == "legacy":
        return subject or version["subject"], version["plain_content"], version["html_content"]
    return (
        rendered(version["subject"], data, html=False),
        rendered(version["plain_content"], data, html=False),
        rendered(version["html_content"], data, html=True),
    )


def _due(body: Mapping[str, Any], one: Mapping[str, Any], now: float) -> float:
    own = one.get("send_at")
    return float(own if own is not None else body.get("send_at") or now)


def _shown(person: Mapping[str, Any]) -> str:
    name = text_of(person, "name")
    return formataddr((name, text_of(person, "email"))) if name else text_of(person, "email")


def _extra(body: Mapping[str, Any], one: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the headers, and what else the inbox shows beside the text."""
    for name, value in {**table(body.get("headers")), **table(one.get("headers"))}.items():
        yield name, str(value)
    for role in ("cc", "bcc"):
        if rows(one.get(role)):
            yield role, ", ".join(_shown(person) for person in one[role])
    if body.get("reply_to"):
        yield "reply_to", _shown(body["reply_to"])
    if rows(body.get("categories")):
        yield "categories", ", ".join(body["categories"])
    for name, value in {**table(body.get("custom_args")), **table(one.get("custom_args"))}.items():
        yield name, str(value)
