"""Nothing that is sent as a mail makes the sandbox fail: each member with every wrong value."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from mktool.sandbox import vendors
from mktool.sandbox.faults import Faults
from mktool.sandbox.wire import Call, Refusal
from mktool.sandbox.world import World

WRONG: list[Any] = [None, True, -1, 1.5, 10**30, "", "x", "in 9999999 days", "2026-13-45", [],
                    [None], [[]], [{}], {}, {"email": 1}, {"id": []}, {"group_id": {}}]  # fmt: skip
ONE = {"from": "a@b.example", "to": ["c@d.example"], "cc": [], "bcc": [], "reply_to": [],
       "subject": "s", "html": "h", "text": "t", "tags": [{"name": "a", "value": "b"}],
       "headers": {"a": "b"}, "attachments": [{"filename": "a", "content": "YQ=="}],
       "scheduled_at": "in 1 min", "template": None, "topic_id": None}  # fmt: skip
MANY = {"personalizations": [{"to": [{"email": "c@d.example", "name": "C"}], "cc": [], "bcc": [],
                              "from": {"email": "a@b.example"}, "subject": "s", "send_at": 1,
                              "substitutions": {"a": "b"}, "headers": {"a": "b"},
                              "custom_args": {"a": "b"}, "dynamic_template_data": {"a": 1}}],
        "from": {"email": "a@b.example"}, "reply_to": {"email": "a@b.example"}, "subject": "s",
        "content": [{"type": "text/plain", "value": "t"}], "categories": ["a"], "headers": {},
        "custom_args": {}, "send_at": 1, "batch_id": None, "asm": None, "template_id": None,
        "mail_settings": {"sandbox_mode": {"enable": False}}}  # fmt: skip


def spoiled(whole: Any) -> Iterator[Any]:
    """Yield copies of a structure in each of which one part, however deep, is wrong."""
    yield from WRONG
    for key in whole if isinstance(whole, dict) else range(len(whole)):
        inner = spoiled(whole[key]) if isinstance(whole[key], dict | list) else iter(WRONG)
        for wrong in inner:
            copy = whole.copy()
            copy[key] = wrong
            yield copy


@pytest.mark.parametrize(
    ("vendor", "path", "key", "body"),
    [
        ("resend", "api.resend.com/emails", "re_sandbox", ONE),
        ("resend", "api.resend.com/emails/batch", "re_sandbox", [ONE, ONE]),
        ("sendgrid", "api.sendgrid.com/v3/mail/send", "SG.sandbox", MANY),
    ],
)
def test_no_mail_breaks_a_vendor(vendor: str, path: str, key: str, body: Any) -> None:
    world = World(time.time, Faults(), limits={"resend": 10**6, "mail": 10**6})
    routes = vendors.load(vendor)(world).bound()
    (handler,) = (b.handler for b in routes if b.route.path == path and b.route.method == "POST")
    headers = {"authorization": f"Bearer {key}", "user-agent": "test"}
    statuses = set()
    for wrong in spoiled(body):
        sent = json.dumps(wrong).encode()
        call = Call("POST", path, "http://127.0.0.1:1", 1.0, headers=headers, body=sent)
        try:
            statuses.add(handler(call).status)
        except Refusal as refusal:
            statuses.add(refusal.reply.status)
    assert statuses <= {200, 202, 400, 403, 404, 422}
    assert all(item.to_json() for item in world.inbox.items)
