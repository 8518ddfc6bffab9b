"""Every request that the Mailchimp provider makes, against Mailchimp's OpenAPI document."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mktool.message import Broadcast, Mailbox, Message, Sent
from mktool.providers.mailchimp import Mailchimp
from tests.conformance.openapi import Document, Vendor, connect
from tests.conformance.specs import load
from tests.contract import NOW

KNOWN = {"email_address": "ada@acme.example", "error_code": "ERROR_CONTACT_EXISTS"}
ANSWERS: dict[str, Any] = {
    "/": {"account_id": "a1", "account_name": "Acme"},
    "/lists": {"lists": [{"id": "L1"}], "total_items": 1},
    "/lists/L1": {"errors": [KNOWN], "error_count": 1},
    "/lists/L1/merge-fields": {"merge_fields": [], "total_items": 0},
    "/lists/L1/tag-search": {"tags": [{"id": 8, "name": "mk-1"}]},
    "/lists/L1/members": {"members": []},
    "/campaigns": {"campaigns": [], "id": "c1"},
    "/campaigns/c1": {"status": "schedule"},
    "/campaigns/c1/content": {},
    "/campaigns/c1/send-checklist": {"is_ready": True},
    "/campaigns/c1/actions/send": {},
    "/campaigns/c1/actions/schedule": {},
    "/campaigns/c1/actions/unschedule": {},
    "/templates": {"templates": [], "id": 1001},
    "/reports/c1": {"emails_sent": 1},
    "/reports/c1/email-activity": {"emails": []},
}
LAUNCH = Broadcast(
    "launch", "mk-1", Mailbox("news@acme.example", "Acme"), "It is here", "<p>Hi</p>", text="Hi",
    preheader="At last", fields=("first_name", "plan"),
)  # fmt: skip
ADA = Message(1, "ada@acme.example", values=("Ada", "pro"))
CALLS: dict[str, Callable[[Mailchimp], object]] = {
    "check": lambda x: x.check(),
    "enlist": lambda x: x.enlist(LAUNCH, [ADA]),
    "draft": lambda x: x.draft(LAUNCH),
    "launch": lambda x: x.launch("c1", None),
    "launch later": lambda x: x.launch("c1", NOW - NOW % 900),
    "launched": lambda x: x.launched("c1"),
    "recall": lambda x: x.recall("c1"),
    "track": lambda x: list(x.track(Sent("launch", NOW, ref="c1"))),
    "summarize": lambda x: x.summarize(Sent("launch", NOW, ref="c1")),
    "suppressed": lambda x: list(x.suppressed(NOW)),
    "templates": lambda x: list(x.templates()),
    "add template": lambda x: x.add_template("Launch", "<p></p>"),
}


def described() -> Document:
    whole = load("mailchimp", "marketing-3.0.85.openapi.json")
    # "The values are the values to be added", and yet of type object: that is a slip of the pen.
    fields = whole["components"]["schemas"]["AddListMembers"]["properties"]["merge_fields"]
    fields["additionalProperties"] = {"type": "string"}
    return Document(whole, base="/3.0")


@pytest.mark.parametrize("name", CALLS)
def test_requests_fit_the_document(name: str, tmp_path: Path) -> None:
    document = described()
    vendor = Vendor({f"/3.0{path}": answer for path, answer in ANSWERS.items()})
    CALLS[name](connect(Mailchimp, vendor, tmp_path, secret=("api_key", "k-us1"), status="pending"))
    assert vendor.requests
    for request in vendor.requests:
        document.check(request, undocumented=frozenset({"tags", "status_if_new"}))
