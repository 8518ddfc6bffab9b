"""SendGrid: what it takes, what it refuses and where, and what becomes of a mail."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from mktool.sandbox.server import Sandbox

from .conftest import Clock

TO: dict[str, Any] = {"to": [{"email": "ann@b.example"}]}
MAIL: dict[str, Any] = {
    "personalizations": [TO],
    "from": {"email": "news@acme.example", "name": "Acme"},
    "subject": "Hi -name-",
    "content": [
        {"type": "text/plain", "value": "Hi -name-"},
        {"type": "text/html", "value": "<p>Hi -name-, -names-</p>"},
    ],
}


@pytest.fixture
def sendgrid(sandbox: Sandbox) -> Iterator[httpx.Client]:
    with account(sandbox) as client:
        yield client


def account(
    sandbox: Sandbox, key: str = "SG.sandbox", host: str = "api.sendgrid.com"
) -> httpx.Client:
    headers = {"authorization": f"Bearer {key}"}
    return httpx.Client(base_url=f"{sandbox.url}/{host}/v3", headers=headers, trust_env=False)


def send(sendgrid: httpx.Client, *to: dict[str, Any], **change: object) -> httpx.Response:
    body = {**MAIL, "personalizations": list(to) or [TO], **change}
    found = {name: value for name, value in body.items() if value is not None}
    return sendgrid.post("/mail/send", json=found)


def person(email: str, **more: object) -> dict[str, Any]:
    return {"to": [{"email": email}], **more}


@pytest.mark.parametrize("host", ["api.sendgrid.com", "api.eu.sendgrid.com"])
def test_each_recipient_gets_values_of_their_own(sandbox: Sandbox, host: str) -> None:
    people = [
        person("ann@b.example", substitutions={"-name-": "Ann", "-names-": "-name-"},
               headers={"List-Unsubscribe": "<https://acme.example/1>"},
               custom_args={"campaign": "launch"}),
        person("bob@b.example", substitutions={"-name-": "Bob", "-names-": "Bobs"}),
    ]  # fmt: skip
    with account(sandbox, host=host) as client:
        answer = send(client, *people, categories=["launch"])
    assert (answer.status_code, answer.content) == (202, b"")
    ann, bob = sandbox.world.inbox.items
    assert ann.id.startswith(answer.headers["x-message-id"])
    assert (ann.to, ann.sender) == ("ann@b.example", "Acme <news@acme.example>")
    # What is put in is not looked at again.
    assert (ann.subject, ann.text, ann.html) == ("Hi Ann", "Hi Ann", "<p>Hi Ann, -name-</p>")
    assert (bob.to, bob.html) == ("bob@b.example", "<p>Hi Bob, Bobs</p>")
    unsubscribe = {"List-Unsubscribe": "<https://acme.example/1>"}
    assert ann.extra == {**unsubscribe, "categories": "launch", "campaign": "launch"}


def test_a_rehearsal_sends_nothing(sendgrid: httpx.Client, sandbox: Sandbox) -> None:
    settings = {"sandbox_mode": {"enable": True}}
    assert send(sendgrid, mail_settings=settings).status_code == 200
    assert send(sendgrid, person("x"), mail_settings=settings).status_code == 400
    assert sandbox.world.inbox.items == []


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"from": None}, "from"),
        ({"from": {"email": "x"}}, "from.email"),
        ({"subject": None}, "subject"),
        ({"content": None}, "content"),
        ({"content": [{"type": "text/plain", "value": ""}]}, "content.0.value"),
        ({"content": MAIL["content"][::-1]}, "content"),
        ({"personalizations": []}, "personalizations"),
        ({"personalizations": [TO] * 1001}, "personalizations"),
        ({"personalizations": [{}]}, "personalizations.0.to"),
        ({"personalizations": [TO] * 17 + [person("x")]}, "personalizations.17.to.0.email"),
        ({"personalizations": [{**TO, "cc": TO["to"]}]}, "personalizations.0"),
        ({"personalizations": [person("a@b.example", substitutions={"-a-": "x" * 9_998})]},
         "personalizations.0.substitutions"),
        ({"personalizations": [person("a@b.example", substitutions={"-a-": 1})]},
         "personalizations.0.substitutions"),
        ({"personalizations": [person("a@b.example", custom_args={"a": 1})]},
         "personalizations.0.custom_args"),
        ({"categories": list("abcdefghijk")}, "categories"),
        ({"categories": ["a", "a"]}, "categories"),
        ({"categories": ["x" * 256]}, "categories.0"),
        ({"send_at": 1_795_000_000 + 72 * 3600 + 1}, "send_at"),
        ({"send_at": "soon"}, "send_at"),
        ({"batch_id": "unknown"}, "batch_id"),
        ({"template_id": "d-unknown"}, "template_id"),
        ({"asm": {"group_id": 99}}, "asm.group_id"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(
    sendgrid: httpx.Client, sandbox: Sandbox, change: dict[str, Any], field: str
) -> None:
    answer = send(sendgrid, **change)
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert sandbox.world.inbox.items == []


def test_a_thousand_recipients_and_no_more(sendgrid: httpx.Client, sandbox: Sandbox) -> None:
    people = [person(f"u{n}@b.example", substitutions={"-name-": str(n)}) for n in range(1000)]
    assert send(sendgrid, *people).status_code == 202
    assert [item.subject for item in sandbox.world.inbox.items][::333] == [
        "Hi 0", "Hi 333", "Hi 666", "Hi 999",
    ]  # fmt: skip
    people[0]["bcc"] = [{"email": "boss@acme.example"}]
    (error,) = send(sendgrid, *people).json()["errors"]
    assert "1000 total recipients" in error["message"]


@pytest.mark.parametrize(
    ("key", "method", "path", "status"),
    [
        ("SG.real", "GET", "/scopes", 401),
        ("re_sandbox", "GET", "/scopes", 401),
        ("SG.sandbox-mail.send", "GET", "/stats?start_date=2026-11-18", 403),
        ("SG.sandbox-stats.read", "POST", "/mail/send", 403),
        ("SG.sandbox", "GET", "/nowhere", 404),
        ("SG.sandbox", "GET", "/suppression/nothing", 404),
        ("SG.sandbox", "GET", "/suppression/bounces?limit=501", 400),
        ("SG.sandbox", "GET", "/stats", 400),
        ("SG.sandbox", "GET", "/mail/send", 405),
        ("SG.sandbox", "POST", "/mail/send", 400),
    ],
)
def test_refused_calls(sandbox: Sandbox, key: str, method: str, path: str, status: int) -> None:
    with account(sandbox, key) as client:
        answer = client.request(method, path)
    assert answer.status_code == status
    assert answer.json()["errors"][0]["message"]


def test_scopes_are_those_that_the_key_names(sandbox: Sandbox) -> None:
    with account(sandbox, "SG.sandbox-mail.send,stats.read") as client:
        assert client.get("/scopes").json() == {"scopes": ["mail.send", "stats.read"]}


def test_the_rate_limit(serve: Any, clock: Clock) -> None:
    with account(serve(limits={"mail": 2})) as client:
        assert [send(client).headers["x-ratelimit-remaining"] for _ in range(2)] == ["1", "0"]
        over = send(client)
        assert (over.status_code, over.headers["x-ratelimit-remaining"]) == (429, "0")
        clock.sleep(int(over.headers["x-ratelimit-reset"]) - clock.now)
        assert send(client).status_code == 202


def test_mail_for_later_comes_when_it_is_due(
    sendgrid: httpx.Client, sandbox: Sandbox, clock: Clock
) -> None:
    send(sendgrid, person("late@b.example"), send_at=int(clock.now) + 100)
    send(sendgrid, person("own@b.example", send_at=int(clock.now) + 50))
    send(sendgrid, person("now@b.example"))
    assert [item.to for item in sandbox.world.inbox.items] == ["now@b.example"]
    clock.sleep(100)
    order = ["now@b.example", "own@b.example", "late@b.example"]
    assert [item.to for item in sandbox.world.inbox.items] == order


@pytest.mark.parametrize(
    ("status", "resumed_after", "arrives"),
    [("cancel", 0, False), ("cancel", 50, True), ("cancel", 150, False),
     ("pause", 0, False), ("pause", 50, True), ("pause", 150, True)],
)  # fmt: skip
def test_a_batch_can_be_stopped(
    sendgrid: httpx.Client, sandbox: Sandbox, clock: Clock, status: str, resumed_after: int,
    arrives: bool,
) -> None:  # fmt: skip
    batch = sendgrid.post("/mail/batch").json()["batch_id"]
    send(sendgrid, person("bounced@b.example"), batch_id=batch, send_at=int(clock.now) + 100)
    body = {"batch_id": batch, "status": status}
    assert sendgrid.post("/user/scheduled_sends", json=body).json() == body
    assert sendgrid.post("/user/scheduled_sends", json=body).status_code == 400
    assert sendgrid.get(f"/user/scheduled_sends/{batch}").json() == [body]
    if resumed_after:
        clock.sleep(resumed_after)
        assert sendgrid.delete(f"/user/scheduled_sends/{batch}").status_code == 204
        assert sendgrid.get("/user/scheduled_sends").json() == []
    clock.sleep(1000)
    assert len(sandbox.world.inbox.items) == arrives
    assert len(sendgrid.get("/suppression/bounces").json()) == arrives


def test_what_came_back_is_listed_and_then_dropped(
    sendgrid: httpx.Client, sandbox: Sandbox, clock: Clock
) -> None:
    kinds = {"bounced": "bounces", "complained": "spam_reports", "invalid": "invalid_emails"}
    for name in kinds:
        send(sendgrid, person(f"{name}@b.example"))
    assert sendgrid.get("/suppression/bounces").json() == []
    clock.sleep(3)
    for name, kind in kinds.items():
        (row,) = sendgrid.get(f"/suppression/{kind}").json()
        assert (row["email"], row["created"]) == (f"{name}@b.example", int(clock.now - 1))
        send(sendgrid, person(f"{name}@b.example"))
    assert len(sandbox.world.inbox.items) == 3
    assert sendgrid.get(f"/suppression/bounces?start_time={int(clock.now)}").json() == []
    sendgrid.delete("/suppression/bounces/bounced@b.example")
    send(sendgrid, person("bounced@b.example"))
    assert len(sandbox.world.inbox.items) == 4


def test_who_left_gets_nothing(sendgrid: httpx.Client, sandbox: Sandbox) -> None:
    group = sendgrid.post("/asm/groups", json={"name": "News", "description": "n"}).json()["id"]
    everything = {"recipient_emails": ["ann@b.example"]}
    sendgrid.post("/asm/suppressions/global", json=everything)
    sendgrid.post(f"/asm/groups/{group}/suppressions", json={"recipient_emails": ["b@b.example"]})
    send(sendgrid, person("ann@b.example"), person("b@b.example"), asm={"group_id": group})
    assert sandbox.world.inbox.items == []
    send(sendgrid, person("ann@b.example"), person("b@b.example"))
    assert [item.to for item in sandbox.world.inbox.items] == ["b@b.example"]
    assert [row["email"] for row in sendgrid.get("/suppression/unsubscribes").json()] == [
        "ann@b.example"
    ]


def test_statistics_by_day_and_category(sendgrid: httpx.Client, clock: Clock) -> None:
    people = [person(f"u{n}@b.example") for n in range(40)]
    send(sendgrid, *people, person("bounced@b.example"), categories=["launch", "all"])
    send(sendgrid, person("u1@b.example"), categories=["all"])
    clock.sleep(100)
    today = f"{datetime.fromtimestamp(clock.now, UTC):%Y-%m-%d}"
    (day,) = sendgrid.get("/stats", params={"start_date": today}).json()
    metrics = day["stats"][0]["metrics"]
    assert (day["date"], metrics["requests"], metrics["delivered"]) == (today, 42, 41)
    assert metrics["bounces"] == 1
    assert 0 < metrics["clicks"] < metrics["opens"] < 41
    path = f"/categories/stats?start_date={today}&categories=launch&categories=all"
    (day,) = sendgrid.get(path).json()
    assert {s["name"]: s["metrics"]["requests"] for s in day["stats"]} == {"launch": 41, "all": 42}


def test_dynamic_templates(sendgrid: httpx.Client, sandbox: Sandbox) -> None:
    made = {"name": "T", "generation": "dynamic"}
    id = sendgrid.post("/templates", json=made).json()["id"]
    version = {"name": "v", "subject": "Hi {{name}}", "html_content": "{{name}} {{{name}}} {{x}}."}
    sendgrid.post(f"/templates/{id}/versions", json=version)
    one = person("ann@b.example", dynamic_template_data={"name": "A&B"})
    assert send(sendgrid, one, template_id=id, subject=None, content=None).status_code == 202
    (item,) = sandbox.world.inbox.items
    assert (item.subject, item.html) == ("Hi A&B", "A&amp;B A&B .")
    listed = sendgrid.get("/templates?generations=dynamic&page_size=10").json()["result"]
    assert [template["id"] for template in listed] == [id]
    assert sendgrid.get("/templates?page_size=10").json()["result"] == []
