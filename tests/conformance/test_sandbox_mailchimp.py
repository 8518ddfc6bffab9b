"""The sandbox's Mailchimp against the vendor's OpenAPI document."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from mktool.sandbox.server import Sandbox
from tests.conformance import specs
from tests.conformance.replies import Replies


@pytest.fixture(scope="module")
def document() -> Replies:
    return Replies(open_ended(specs.load("mailchimp", "marketing-3.0.85.openapi.json")))


def open_ended(node: Any) -> Any:
    """Return the document with "any value" where it says "object", as it does for merge fields."""
    if isinstance(node, list):
        return [open_ended(part) for part in node]
    if not isinstance(node, dict):
        return node
    kept = {name: open_ended(part) for name, part in node.items()}
    if isinstance(kept.get("additionalProperties"), dict):
        del kept["additionalProperties"]
    return kept


class Account:
    """Makes calls and holds every reply against the document."""

    def __init__(self, http: httpx.Client, document: Replies) -> None:
        self.http, self.document = http, document

    def check(self, method: str, path: str, body: object = None) -> Any:
        answer = self.http.request(method, path, json=body)
        found: Any = answer.json() if answer.content else None
        if answer.is_error:  # the page on errors has this one, the document does not
            wrong = found.pop("errors", [])
            assert all(error.keys() == {"field", "message"} for error in wrong)
        self.document.check(method, path.partition("?")[0], answer.status_code, found)
        return found


@pytest.fixture
def account(document: Replies) -> Iterator[Account]:
    with Sandbox() as running:
        base = f"{running.url}/us1.api.mailchimp.com/3.0"
        with httpx.Client(base_url=base, auth=("a", "sandbox-us1"), trust_env=False) as http:
            yield Account(http, document)


def test_audiences(account: Account) -> None:
    account.check("GET", "/ping")
    account.check("GET", "/")
    audience = account.check("GET", "/lists")["lists"][0]["id"]
    here = f"/lists/{audience}"
    account.check("GET", here)
    rows = [{"email_address": e, "status": "subscribed", "tags": ["vip"]} for e in ("a@a.io", "b")]
    assert account.check("POST", here, {"members": rows})["error_count"] == 1
    member = account.check("GET", f"{here}/members")["members"][0]["id"]
    account.check("PUT", f"{here}/members/{member}", {"email_address": "a@a.io"})
    account.check("GET", f"{here}/members/{member}/tags")
    tag = {"tags": [{"name": "vip", "status": "active"}]}
    account.check("POST", f"{here}/members/{member}/tags", tag)
    account.check("GET", f"{here}/merge-fields")
    account.check("POST", f"{here}/merge-fields", {"tag": "A", "name": "A", "type": "text"})
    named = {"name": "x", "static_segment": ["a@a.io"]}
    segment = account.check("POST", f"{here}/segments", named)["id"]
    account.check("GET", f"{here}/segments")
    account.check("GET", f"{here}/segments/{segment}")
    account.check("POST", f"{here}/segments/{segment}", {"members_to_remove": ["a@a.io", "x@x.io"]})
    account.check("POST", f"{here}/segments/{segment}/members", {"email_address": "a@a.io"})
    account.check("GET", f"{here}/segments/{segment}/members")
    account.check("DELETE", f"{here}/segments/{segment}")
    account.check("DELETE", f"{here}/members/{member}")


def test_campaigns(account: Account) -> None:
    audience = account.check("GET", "/lists")["lists"][0]["id"]
    rows = [{"email_address": "a@a.io", "status": "subscribed"}]
    account.check("POST", f"/lists/{audience}", {"members": rows})
    template = account.check("GET", "/templates")["templates"][0]["id"]
    account.check("GET", f"/templates/{template}")
    account.check("GET", f"/templates/{template}/default-content")
    account.check("POST", "/templates", {"name": "b", "html": "<p>b</p>"})
    settings = {"subject_line": "s", "from_name": "f", "reply_to": "f@a.io", "title": "t"}
    draft = {"type": "regular", "recipients": {"list_id": audience}, "settings": settings}
    here = f"/campaigns/{account.check('POST', '/campaigns', draft)['id']}"
    account.check("GET", f"{here}/send-checklist")
    account.check("PUT", f"{here}/content", {"template": {"id": template}})
    account.check("GET", f"{here}/content")
    account.check("PATCH", here, {"settings": settings})
    test = {"test_emails": ["a@a.io"], "send_type": "html"}
    account.check("POST", f"{here}/actions/test", test)
    account.check("POST", f"{here}/actions/schedule", {"schedule_time": "2099-01-01T10:15:00Z"})
    account.check("GET", here)
    account.check("POST", f"{here}/actions/unschedule")
    account.check("POST", f"{here}/actions/send")
    account.check("GET", "/campaigns")
    account.check("GET", "/reports")
    report = here.replace("campaigns", "reports")
    account.check("GET", report)
    account.check("GET", f"{report}/sent-to")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/lists/none", None),
        ("POST", "/campaigns", {"type": "none"}),
        ("GET", "/reports/none", None),
        ("POST", "/campaigns/none/actions/send", None),
        ("POST", "/templates", {"name": "b"}),
    ],
)
def test_refusals(account: Account, method: str, path: str, body: object) -> None:
    assert account.check(method, path, body)["status"] in (400, 404)
