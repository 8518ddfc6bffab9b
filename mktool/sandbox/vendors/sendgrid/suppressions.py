"""Addresses that get no more mail from SendGrid, and why.

https://www.twilio.com/docs/sendgrid/api-reference/suppressions-suppressions (read 2026-11)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ...fate import ADDRESS, ARRIVAL
from ...inbox import Item
from ...vendor import on, text_of, whole
from ...wire import Call, Refusal, Reply
from ...world import World
from .desk import Desk, api, bad, object_of, refusal, window

KINDS: dict[str, dict[str, str]] = {
    "bounces": {"reason": "550 5.1.1 The mailbox does not exist", "status": "5.1.1"},
    "blocks": {"reason": "error dialing remote address", "status": "4.0.0"},
    "spam_reports": {"ip": "127.0.0.1"},
    "invalid_emails": {"reason": "Mail domain mentioned in email address is unknown"},
    "unsubscribes": {},
}


@dataclass(slots=True)
class Group:
    """An unsubscribe group; ``left`` is when each address left it, in epoch seconds."""

    id: int
    name: str
    description: str
    is_default: bool = False
    left: dict[str, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {"id": self.id, "name": self.name, "description": self.description,
                "is_default": self.is_default, "unsubscribes": len(self.left)}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Trouble:
    """A mail that brings its address onto the list of this kind, once it has gone."""

    kind: str
    email: str
    item: Item


class Suppressions(Desk):
    """Lists by kind: address to the epoch seconds from which on it counts."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.lists: dict[str, dict[str, float]] = {kind: {} for kind in KINDS}
        self.groups: dict[int, Group] = {}
        self.troubles: list[Trouble] = []

    def unwanted(self, email: str, group: int | None, at: float) -> bool:
        """Tell whether mail of a group (None for no group) to an address is dropped."""
        left = self.groups[group].left if group in self.groups else {}
        every = [self.lists[k] for k in ("bounces", "spam_reports", "invalid_emails")]
        every += [self.lists["unsubscribes"], left]
        return any(email in found and found[email] <= at for found in every)

    def settle(self, now: float) -> None:
        """List the addresses whose mail came back by now."""
        self.world.inbox.release()
        waiting = []
        for trouble in self.troubles:
            at = trouble.item.time + ARRIVAL
            if trouble.item.number and at <= now:
                self.lists[trouble.kind].setdefault(trouble.email, at)
            else:
                waiting.append(trouble)
        self.troubles = waiting

    @on("GET", *api("suppression/{kind}"))
    def list_suppressed(self, call: Call) -> Reply:
        headers = self.admit(call, "suppression.read")
        kind, found = self._list(call)
        first, last = _bound(call, "start_time", 0), _bound(call, "end_time", int(call.now))
        wanted = call.query.get("email", "").lower()
        rows = [(e, at) for e, at in found.items() if first <= at <= last]
        rows = [row for row in rows if row[0].lower().startswith(wanted)]
        shown = [_row(kind, email, at) for email, at in window(call, rows)]
        return Reply(json=shown, headers=headers)

    @on("GET", *api("suppression/{kind}/{email}"))
    def get_suppressed(self, call: Call) -> Reply:
        headers = self.admit(call, "suppression.read")
        kind, found = self._list(call)
        email = call.params["email"]
        known = email in found
        return Reply(json=[_row(kind, email, found[email])] if known else [], headers=headers)

    @on("DELETE", *api("suppression/{kind}/{email}"))
    def forgive(self, call: Call) -> Reply:
        headers = self.admit(call, "suppression.delete")
        self._list(call)[1].pop(call.params["email"], None)
        return Reply(204, headers=headers)

    @on("POST", *api("asm/suppressions/global"))
    def suppress(self, call: Call) -> Reply:
        headers, emails = self.admit(call, "suppression.create"), list(_emails(call))
        self.lists["unsubscribes"] |= dict.fromkeys(emails, call.now)
        return Reply(201, json={"recipient_emails": emails}, headers=headers)

    @on("GET", *api("asm/suppressions/global/{email}"))
    def is_suppressed(self, call: Call) -> Reply:
        headers, email = self.admit(call, "suppression.read"), call.params["email"]
        known = email in self.lists["unsubscribes"]
        return Reply(json={"recipient_email": email} if known else {}, headers=headers)

    @on("DELETE", *api("asm/suppressions/global/{email}"))
    def resubscribe(self, call: Call) -> Reply:
        headers = self.admit(call, "suppression.delete")
        self.lists["unsubscribes"].pop(call.params["email"], None)
        return Reply(204, headers=headers)

    @on("POST", *api("asm/groups"))
    def create_group(self, call: Call) -> Reply:
        headers, body = self.admit(call, "asm.groups.create"), object_of(call)
        if not text_of(body, "name"):
            raise bad("name is required", "name")
        group = Group(self.world.number(), text_of(body, "name"), text_of(body, "description"),
                      body.get("is_default") is True)  # fmt: skip
        self.groups[group.id] = group
        return Reply(201, json=group.to_json(), headers=headers)

    @on("GET", *api("asm/groups"))
    def list_groups(self, call: Call) -> Reply:
        headers = self.admit(call, "asm.groups.read")
        return Reply(json=[group.to_json() for group in self.groups.values()], headers=headers)

    @on("GET", *api("asm/groups/{group}"))
    def get_group(self, call: Call) -> Reply:
        headers = self.admit(call, "asm.groups.read")
        return Reply(json=self._group(call).to_json(), headers=headers)

    @on("POST", *api("asm/groups/{group}/suppressions"))
    def leave_group(self, call: Call) -> Reply:
        headers, emails = self.admit(call, "suppression.create"), list(_emails(call))
        self._group(call).left |= dict.fromkeys(emails, call.now)
        return Reply(201, json={"recipient_emails": emails}, headers=headers)

    @on("GET", *api("asm/groups/{group}/suppressions"))
    def list_group(self, call: Call) -> Reply:
        headers = self.admit(call, "suppression.read")
        return Reply(json=list(self._group(call).left), headers=headers)

    def _group(self, call: Call) -> Group:
        found = self.groups.get(whole(call.params["group"]) or 0)
        if found is None:
            raise Refusal(refusal(404))
        return found

    def _list(self, call: Call) -> tuple[str, dict[str, float]]:
        self.settle(call.now)
        kind = call.params["kind"]
        if kind not in self.lists:
            raise Refusal(refusal(404))
        return kind, self.lists[kind]


def _row(kind: str, email: str, at: float) -> dict[str, Any]:
    return {"created": int(at), "email": email, **KINDS[kind]}


def _bound(call: Call, name: str, usual: int) -> int:
    found = whole(call.query.get(name, str(usual)))
    if found is None:
        raise bad(f"{name} must be a unix timestamp", name)
    return found


def _emails(call: Call) -> Iterator[str]:
    given = object_of(call).get("recipient_emails")
    if not isinstance(given, list) or not given:
        raise bad("recipient_emails is required", "recipient_emails")
    for email in given:
        if not isinstance(email, str) or not ADDRESS.fullmatch(email):
            raise bad("invalid email", "recipient_emails")
        yield email
