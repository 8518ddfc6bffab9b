"""Mailchimp: audiences, a campaign from draft to inbox, and how it refuses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from mktool.sandbox.faults import Faults
from mktool.sandbox.server import Sandbox
from mktool.sandbox.vendors.mailchimp.merge import merged

from .conftest import Clock

PROBLEM = "application/problem+json; charset=utf-8"


class Account:
    """An owner's view of Mailchimp."""

    def __init__(self, sandbox: Sandbox, key: str = "sandbox-us1", centre: str = "us1") -> None:
        base = f"{sandbox.url}/{centre}.api.mailchimp.com/3.0"
        self.http = httpx.Client(base_url=base, auth=("any", key), trust_env=False)

    def call(self, method: str, path: str, body: object = None, status: int = 200) -> Any:
        answer = self.http.request(method, path, json=body)
        assert answer.status_code == status, answer.text
        if status >= 400:
            assert answer.headers["content-type"] == PROBLEM
        return answer.json() if answer.content else None

    @property
    def list(self) -> str:
        return str(self.call("GET", "/lists")["lists"][0]["id"])

    def add(self, *emails: str, **merge: str) -> Any:
        rows = [{"email_address": e, "status": "subscribed", "merge_fields": merge} for e in emails]
        return self.call("POST", f"/lists/{self.list}", {"members": rows, "update_existing": True})

    def draft(self, html: str = "<p>Hi *|FNAME|*</p>", **options: object) -> str:
        settings = {"subject_line": "News for *|FNAME|*", "from_name": "Acme",
                    "reply_to": "news@acme.example", "title": "Launch"}  # fmt: skip
        recipients = {"list_id": self.list, "segment_opts": options}
        body = {"type": "regular", "recipients": recipients, "settings": settings}
        id = str(self.call("POST", "/campaigns", body)["id"])
        self.call("PUT", f"/campaigns/{id}/content", {"html": html})
        return id

    def act(self, campaign: str, action: str, body: object = None, status: int = 204) -> Any:
        return self.call("POST", f"/campaigns/{campaign}/actions/{action}", body, status)

    def status(self, campaign: str) -> str:
        return str(self.call("GET", f"/campaigns/{campaign}")["status"])


@pytest.fixture
def account(sandbox: Sandbox) -> Iterator[Account]:
    found = Account(sandbox)
    with found.http:
        yield found


def test_a_campaign_reaches_its_audience(account: Account, sandbox: Sandbox, clock: Clock) -> None:
    account.add("ann@acme.example", FNAME="Ann")
    account.add("bob@acme.example", "bounced@acme.example")
    campaign = account.draft("<p>Hi *|IF:FNAME|**|FNAME|**|ELSE:|*friend*|END:IF|*</p>")
    assert account.call("GET", f"/campaigns/{campaign}/send-checklist")["is_ready"] is True
    account.act(campaign, "send")
    assert account.status(campaign) == "sending"
    clock.sleep(5)
    assert account.status(campaign) == "sent"
    items = sandbox.world.inbox.items
    assert [(i.to, i.html) for i in items] == [
        ("ann@acme.example", "<p>Hi Ann</p>"),
        ("bob@acme.example", "<p>Hi friend</p>"),
    ]
    assert (items[0].subject, items[0].sender) == ("News for Ann", "Acme <news@acme.example>")
    report = account.call("GET", f"/reports/{campaign}")
    assert (report["emails_sent"], report["bounces"]["hard_bounces"]) == (3, 1)
    assert report == account.call("GET", "/reports")["reports"][0]
    account.act(campaign, "send", status=400)
    assert len(items) == 2


def test_a_batch_says_what_it_took_and_why_not(account: Account) -> None:
    account.add("ann@acme.example")
    emails = ["ann@acme.example", "new@acme.example", "fake@acme.example", "no address",
              "unsubscribed@acme.example"]  # fmt: skip
    rows = [{"email_address": email, "status": "subscribed"} for email in emails]
    found = account.call("POST", f"/lists/{account.list}", {"members": rows})
    assert [m["email_address"] for m in found["new_members"]] == ["new@acme.example"]
    assert [(e["email_address"], e["error_code"]) for e in found["errors"]] == [
        ("ann@acme.example", "ERROR_CONTACT_EXISTS"),
        ("fake@acme.example", "ERROR_GENERIC"),
        ("no address", "ERROR_GENERIC"),
        ("unsubscribed@acme.example", "ERROR_GENERIC"),
    ]
    assert account.add("ann@acme.example")["total_updated"] == 1
    account.call("POST", f"/lists/{account.list}", {"members": rows * 101}, 400)


def test_a_member_is_put_by_its_hash(account: Account) -> None:
    path = f"/lists/{account.list}/members/7e9ef6d5b0b9bc5e4b5b0f5ee2a9c3cb"
    account.call("PUT", path, {"email_address": "Ann@acme.example"}, 400)
    made = account.call(
        "PUT", path,
        {"email_address": "Ann@acme.example", "status_if_new": "subscribed",
         "merge_fields": {"FNAME": "Ann", "NOPE": "x"}, "tags": ["vip"]},
    )  # fmt: skip
    assert (made["status"], made["full_name"]) == ("subscribed", "Ann")
    assert made["merge_fields"] == {"FNAME": "Ann", "LNAME": "", "PHONE": ""}
    own = f"/lists/{account.list}/members/{made['id']}"
    account.call("PATCH", own, {"status": "unsubscribed"})
    again = account.call("PUT", own, {"status_if_new": "subscribed"})
    assert again["status"] == "unsubscribed"
    account.call("POST", f"{own}/tags", {"tags": [{"name": "vip", "status": "inactive"}]}, 204)
    assert account.call("GET", f"{own}/tags")["tags"] == []
    account.call("DELETE", own, status=204)
    account.call("GET", own, status=404)


def test_a_segment_chooses_who_is_written_to(account: Account, sandbox: Sandbox) -> None:
    account.add("ann@acme.example", FNAME="Ann")
    account.add("bob@acme.example", "eve@acme.example", FNAME="Bob")
    emails = ["eve@acme.example", "nobody@acme.example"]
    path = f"/lists/{account.list}/segments"
    segment = account.call("POST", path, {"name": "two", "static_segment": emails})
    assert (segment["member_count"], segment["type"]) == (1, "static")
    change = {"members_to_add": ["ann@acme.example"], "members_to_remove": ["eve@acme.example"]}
    moved = account.call("POST", f"{path}/{segment['id']}", change)
    assert (moved["total_added"], moved["total_removed"]) == (1, 1)
    account.act(account.draft(saved_segment_id=segment["id"]), "send")
    where = {"field": "FNAME", "op": "is", "value": "Bob"}
    account.act(account.draft(match="all", conditions=[where]), "send")
    reached = [item.to for item in sandbox.world.inbox.items]
    assert reached == ["ann@acme.example", "bob@acme.example", "eve@acme.example"]


def test_a_schedule_is_on_a_quarter_hour(account: Account, sandbox: Sandbox, clock: Clock) -> None:
    account.add("ann@acme.example")
    campaign = account.draft()
    quarter = (clock.now // 900 + 2) * 900
    times = [datetime.fromtimestamp(t, UTC).isoformat() for t in (quarter, quarter + 60, 900)]
    for wrong in (*times[1:], "soon"):
        account.act(campaign, "schedule", {"schedule_time": wrong}, 400)
    account.act(campaign, "schedule", {"schedule_time": times[0]})
    assert account.status(campaign) == "schedule"
    account.act(campaign, "unschedule")
    assert account.status(campaign) == "save"
    account.act(campaign, "schedule", {"schedule_time": times[0]})
    clock.sleep(2000)
    assert account.status(campaign) == "sent"
    assert [item.to for item in sandbox.world.inbox.items] == ["ann@acme.example"]


def test_what_is_not_ready_is_not_sent(account: Account) -> None:
    campaign = account.draft()
    listed = account.call("GET", f"/campaigns/{campaign}/send-checklist")
    assert listed["is_ready"] is False
    assert "no recipients" in account.act(campaign, "send", status=400)["detail"]
    account.act(campaign, "unschedule", status=400)
    account.call("DELETE", f"/campaigns/{campaign}", status=204)
    account.call("GET", f"/campaigns/{campaign}", status=404)


def test_a_test_goes_to_whom_it_names(account: Account, sandbox: Sandbox) -> None:
    body = {"test_emails": ["me@acme.example"], "send_type": "html"}
    account.act(account.draft(), "test", body)
    (item,) = sandbox.world.inbox.items
    assert (item.kind, item.to, item.html) == ("test email", "me@acme.example", "<p>Hi </p>")


def test_a_template_is_filled(account: Account) -> None:
    (template,) = account.call("GET", "/templates")["templates"]
    sections = account.call("GET", f"/templates/{template['id']}/default-content")["sections"]
    assert sections == {"title": "A title", "body": "Some words"}
    body = {"template": {"id": template["id"], "sections": {"title": "Launch"}}}
    content = account.call("PUT", f"/campaigns/{account.draft()}/content", body)
    assert '<h1 mc:edit="title">Launch</h1>' in content["html"]
    assert "Some words" in content["html"]


def test_a_merge_field_has_a_short_tag(account: Account) -> None:
    path = f"/lists/{account.list}/merge-fields"
    made = account.call("POST", path, {"tag": "PLAN", "name": "Plan", "type": "text"})
    assert (made["tag"], made["merge_id"]) == ("PLAN", 4)
    for tag in ("PLAN", "LONGER_THAN_10", "plan"):
        account.call("POST", path, {"tag": tag, "name": "Plan", "type": "text"}, 400)
    assert account.call("GET", path)["total_items"] == 4


def test_a_list_comes_in_pages(account: Account) -> None:
    account.add(*(f"p{number}@acme.example" for number in range(25)))
    path = f"/lists/{account.list}/members"
    sizes = [len(account.call("GET", f"{path}?{q}")["members"]) for q in ("", "count=20&offset=20")]
    assert sizes == [10, 5]
    account.call("GET", f"{path}?count=1001", status=400)


@pytest.mark.parametrize(
    ("key", "centre", "status"),
    [
        ("sandbox-us1", "us1", 200),
        ("sandbox-us21", "us21", 200),
        ("sandbox-us1", "us2", 401),
        ("0123456789abcdef-us1", "us1", 401),
    ],
)
def test_only_a_made_up_key_is_let_in(sandbox: Sandbox, key: str, centre: str, status: int) -> None:
    found = Account(sandbox, key, centre)
    with found.http:
        found.call("GET", "/ping", status=status)
        found.call("GET", "/", status=status)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/campaigns", {"type": "regular", "recipients": {"list_id": ["x"]}}),
        ("POST", "/campaigns", {"type": "rss"}),
        ("POST", "/campaigns", ["regular"]),
        ("POST", "/lists", {"name": "x"}),
        ("POST", "/lists/{list}", {"members": "x"}),
        ("POST", "/lists/{list}/segments", {"name": "x", "static_segment": [], "options": {}}),
        ("POST", "/lists/{list}/segments", {"name": "x", "options": {"conditions": [{"op": []}]}}),
        ("POST", "/lists/{list}/segments", {"name": "x", "options": {"conditions": "x"}}),
        ("GET", "/nothing", None),
        ("GET", "/lists/nothing", None),
    ],
)
def test_what_is_wrong_is_a_problem_document(
    account: Account, method: str, path: str, body: object
) -> None:
    answer = account.http.request(method, path.format(list=account.list), json=body)
    assert answer.headers["content-type"] == PROBLEM
    found = answer.json()
    assert found["status"] == answer.status_code in (400, 404)
    assert found["title"]
    assert found["detail"]


def test_faults_are_said_in_its_words(serve: Callable[..., Sandbox]) -> None:
    account = Account(serve(faults=Faults.parse("429@1,403@2")))
    with account.http:
        assert account.call("GET", "/ping", status=429)["title"] == "Too Many Requests"
        refused = account.http.get("/ping")
    assert (refused.status_code, refused.headers["content-type"]) == (
        403,
        "text/html; charset=utf-8",
    )


@pytest.mark.parametrize(
    ("text", "out"),
    [
        ("*|A|* *|UNKNOWN|*", "1 *|UNKNOWN|*"),
        ("*|IF:A|*x*|END:IF|*", "x"),
        ("*|IF:B|*x*|ELSE:|*y*|END:IF|*", "y"),
        ("*|IFNOT:B|*x*|END:IF|*", "x"),
        ("*|IF:A=2|*x*|ELSEIF:A=1|*y*|ELSE:|*z*|END:IF|*", "y"),
        ("*|IF:A != 2|*x*|END:IF|*", "x"),
        ("*|IF:B|*x*|END:IF|*", ""),
    ],
)
def test_merge_tags(text: str, out: str) -> None:
    assert merged(text, {"A": "1", "B": ""}) == out
