"""Resend: what it takes, what it refuses and by which name, and what becomes of a mail."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from mktool.sandbox.server import Sandbox

from .conftest import Clock

MAIL = {"from": "Acme <news@acme.example>", "to": "ann@b.example", "subject": "Hi",
        "html": "<p>Hi</p>", "text": "Hi"}  # fmt: skip


@pytest.fixture
def running(serve: Callable[..., Sandbox]) -> Sandbox:
    return serve(limits={"resend": 1000})


@pytest.fixture
def resend(running: Sandbox) -> Iterator[httpx.Client]:
    with team(running) as client:
        yield client


def team(sandbox: Sandbox, key: str = "re_sandbox") -> httpx.Client:
    headers = {"authorization": f"Bearer {key}"} if key else {}
    base = f"{sandbox.url}/api.resend.com"
    return httpx.Client(base_url=base, headers=headers, trust_env=False)


def send(resend: httpx.Client, **change: object) -> httpx.Response:
    body = {name: value for name, value in {**MAIL, **change}.items() if value is not None}
    return resend.post("/emails", json=body)


def event(resend: httpx.Client, id: str) -> str:
    return str(resend.get(f"/emails/{id}").json()["last_event"])


def iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def test_a_mail_arrives_with_its_headers(
    resend: httpx.Client, running: Sandbox, clock: Clock
) -> None:
    headers = {"List-Unsubscribe": "<https://acme.example/u/1>"}
    id = send(resend, headers=headers, tags=[{"name": "campaign", "value": "launch"}]).json()["id"]
    (item,) = running.world.inbox.items
    assert (item.kind, item.id, item.to, item.sender) == ("email", id, MAIL["to"], MAIL["from"])
    assert (item.subject, item.html, item.text) == ("Hi", "<p>Hi</p>", "Hi")
    assert item.extra == {**headers, "tags": "campaign=launch"}
    assert event(resend, id) == "sent"
    clock.sleep(2)
    assert event(resend, id) == "delivered"
    assert resend.get("/emails").json()["data"][0]["id"] == id


@pytest.mark.parametrize(
    ("to", "last"),
    [
        ("bounced@resend.dev", "bounced"),
        ("complained+7@resend.dev", "complained"),
        ("bounced.ann@b.example", "bounced"),
        ("delayed@b.example", "delivery_delayed"),
        ("suppressed@b.example", "suppressed"),
    ],
)
def test_an_address_decides_what_becomes_of_its_mail(
    resend: httpx.Client, clock: Clock, to: str, last: str
) -> None:
    id = send(resend, to=to).json()["id"]
    clock.sleep(3)
    assert event(resend, id) == last


def test_what_bounced_is_suppressed_from_then_on(
    resend: httpx.Client, running: Sandbox, clock: Clock
) -> None:
    first = send(resend, to="bounced@b.example").json()["id"]
    assert resend.get("/suppressions").json()["data"] == []
    clock.sleep(3)
    (entry,) = resend.get("/suppressions?origin=bounce").json()["data"]
    assert (entry["email"], entry["source_id"]) == ("bounced@b.example", first)
    assert event(resend, send(resend, to="bounced@b.example").json()["id"]) == "suppressed"
    assert len(running.world.inbox.items) == 1
    assert resend.delete("/suppressions/bounced@b.example").json()["deleted"] is True
    assert resend.get("/suppressions").json()["data"] == []


@pytest.mark.parametrize(
    ("change", "status", "name"),
    [
        ({"from": None}, 422, "missing_required_field"),
        ({"to": None}, 422, "missing_required_field"),
        ({"to": []}, 422, "missing_required_field"),
        ({"subject": ""}, 422, "missing_required_field"),
        ({"html": None, "text": None}, 422, "validation_error"),
        ({"from": "nobody"}, 422, "validation_error"),
        ({"to": "grüße@b.example"}, 422, "validation_error"),
        ({"to": ["a@b.example"] * 51}, 422, "validation_error"),
        ({"from": "a@unverified.example"}, 403, "validation_error"),
        ({"tags": [{"name": "a b", "value": "c"}]}, 422, "validation_error"),
        ({"tags": 3}, 422, "validation_error"),
        ({"headers": []}, 200, ""),
        ({"headers": [1]}, 422, "validation_error"),
        ({"scheduled_at": "whenever"}, 422, "validation_error"),
        ({"scheduled_at": "in 31 days"}, 422, "validation_error"),
        ({"attachments": [{"filename": "a", "content": "%"}]}, 422, "invalid_attachment"),
        ({"template": {"id": "none"}}, 422, "validation_error"),
    ],
)
def test_refused_mails(
    resend: httpx.Client, change: dict[str, Any], status: int, name: str
) -> None:
    answer = send(resend, **change)
    assert (answer.status_code, answer.json().get("name", "")) == (status, name)
    assert status == 200 or answer.json()["statusCode"] == status


@pytest.mark.parametrize(
    ("key", "path", "status", "name"),
    [
        ("", "/domains", 401, "missing_api_key"),
        ("re_real", "/domains", 403, "invalid_api_key"),
        ("sandbox", "/domains", 403, "invalid_api_key"),
        ("re_sandbox_sending", "/domains", 401, "restricted_api_key"),
        ("re_sandbox", "/nowhere", 404, "not_found"),
        ("re_sandbox", "/emails/none", 404, "not_found"),
        ("re_sandbox", "/emails?limit=0", 422, "validation_error"),
    ],
)
def test_refused_calls(running: Sandbox, key: str, path: str, status: int, name: str) -> None:
    with team(running, key) as client:
        answer = client.get(path)
    assert (answer.status_code, answer.json()["name"]) == (status, name)


def test_a_key_for_sending_sends(running: Sandbox) -> None:
    with team(running, "re_sandbox_sending") as client:
        assert send(client).status_code == 200


def test_a_program_must_say_who_it_is(resend: httpx.Client) -> None:
    answer = resend.get("/domains", headers={"user-agent": ""})
    assert (answer.status_code, answer.text) == (403, "error code: 1010")


def test_the_rate_limit(sandbox: Sandbox, clock: Clock) -> None:
    with team(sandbox) as client:
        left = [client.get("/domains").headers["ratelimit-remaining"] for _ in range(5)]
        over = client.get("/domains")
        assert left == ["4", "3", "2", "1", "0"]
        assert (over.status_code, over.json()["name"]) == (429, "rate_limit_exceeded")
        assert (over.headers["retry-after"], over.headers["ratelimit-limit"]) == ("1", "5")
        clock.sleep(1)
        assert client.get("/domains").status_code == 200


def test_a_batch_is_taken_whole_or_not_at_all(resend: httpx.Client, running: Sandbox) -> None:
    good = [{**MAIL, "to": f"u{n}@b.example"} for n in range(100)]
    ids = [row["id"] for row in resend.post("/emails/batch", json=good).json()["data"]]
    assert [item.id for item in running.world.inbox.items] == ids
    assert resend.post("/emails/batch", json=[*good[:2], {**MAIL, "to": "x"}]).status_code == 422
    assert resend.post("/emails/batch", json=[*good, MAIL]).status_code == 422
    assert len(running.world.inbox.items) == 100


def test_a_permissive_batch_tells_which_were_refused(resend: httpx.Client) -> None:
    bodies = [MAIL, {**MAIL, "to": "x"}, {**MAIL, "scheduled_at": "in 1 min"}, 3, MAIL]
    headers = {"x-batch-validation": "permissive"}
    answer = resend.post("/emails/batch", json=bodies, headers=headers).json()
    assert len(answer["data"]) == 2
    assert [error["index"] for error in answer["errors"]] == [1, 2, 3]
    assert "`to`" in answer["errors"][0]["message"]


@pytest.mark.parametrize("path", ["/emails", "/emails/batch"])
def test_a_key_is_answered_once_for_a_day(
    resend: httpx.Client, running: Sandbox, clock: Clock, path: str
) -> None:
    body: object = MAIL if path == "/emails" else [MAIL]
    other: object = {**MAIL, "text": "x"} if path == "/emails" else [MAIL, MAIL]
    headers = {"idempotency-key": "launch/1"}
    first = resend.post(path, json=body, headers=headers).json()
    clock.sleep(86_399)
    assert resend.post(path, json=body, headers=headers).json() == first
    refused = resend.post(path, json=other, headers=headers)
    assert (refused.status_code, refused.json()["name"]) == (409, "invalid_idempotent_request")
    assert len(running.world.inbox.items) == 1
    clock.sleep(1)
    assert resend.post(path, json=body, headers=headers).json() != first


def test_a_key_that_was_refused_is_free_and_a_key_has_a_length(resend: httpx.Client) -> None:
    headers = {"idempotency-key": "k"}
    assert resend.post("/emails", json={}, headers=headers).status_code == 422
    assert resend.post("/emails", json=MAIL, headers=headers).status_code == 200
    long = resend.post("/emails", json=MAIL, headers={"idempotency-key": "k" * 257})
    assert (long.status_code, long.json()["name"]) == (400, "invalid_idempotency_key")


def test_mail_for_later_can_be_moved_and_taken_back(
    resend: httpx.Client, running: Sandbox, clock: Clock
) -> None:
    moved, cancelled = (send(resend, scheduled_at="in 10 min").json()["id"] for _ in range(2))
    assert resend.patch(f"/emails/{moved}", json={"scheduled_at": iso(clock.now + 1200)}).is_success
    assert resend.post(f"/emails/{cancelled}/cancel").is_success
    clock.sleep(900)
    assert running.world.inbox.items == []
    assert [event(resend, id) for id in (moved, cancelled)] == ["scheduled", "canceled"]
    clock.sleep(300)
    assert [item.id for item in running.world.inbox.items] == [moved]
    assert resend.post(f"/emails/{moved}/cancel").status_code == 422


def test_attachments(resend: httpx.Client, running: Sandbox) -> None:
    file = {"filename": "a.txt", "content": b64encode(b"hi").decode(), "content_type": "text/plain"}
    assert send(resend, attachments=[file]).is_success
    assert [m.size for m in running.world.inbox.items[0].media] == [2]
    assert send(resend, attachments=[file], scheduled_at="in 1 min").status_code == 422


def test_lists_go_from_the_newest_on(resend: httpx.Client) -> None:
    ids = [send(resend).json()["id"] for _ in range(5)][::-1]
    first = resend.get("/emails?limit=2").json()
    assert ([row["id"] for row in first["data"]], first["has_more"]) == (ids[:2], True)
    rest = resend.get(f"/emails?limit=3&after={ids[1]}").json()
    assert ([row["id"] for row in rest["data"]], rest["has_more"]) == (ids[2:], False)
    newer = resend.get(f"/emails?limit=2&before={ids[3]}").json()
    assert ([row["id"] for row in newer["data"]], newer["has_more"]) == (ids[1:3], True)


def test_templates_fill_in_variables(resend: httpx.Client, running: Sandbox) -> None:
    made = {"name": "Welcome", "alias": "welcome", "html": "<p>Hi {{{NAME}}}, {{{DAY}}}</p>",
            "variables": [{"key": "NAME", "type": "string", "fallback_value": "you"},
                          {"key": "DAY", "type": "string"}]}  # fmt: skip
    id = resend.post("/templates", json=made).json()["id"]
    texts: dict[str, Any] = {"html": None, "text": None}
    using = {**texts, "template": {"alias": "welcome", "variables": {"DAY": "Monday"}}}
    assert send(resend, **using).status_code == 422  # a draft
    resend.post(f"/templates/{id}/publish")
    assert send(resend, **using).is_success
    assert running.world.inbox.items[0].html == "<p>Hi you, Monday</p>"
    assert send(resend, **texts, template={"id": id}).status_code == 422
    assert resend.get(f"/templates/{id}").json()["status"] == "published"


def test_a_broadcast_goes_to_those_who_want_it(
    resend: httpx.Client, running: Sandbox, clock: Clock
) -> None:
    segment = resend.post("/segments", json={"name": "All"}).json()["id"]
    topic = {"name": "News", "default_subscription": "opt_in"}
    topic_id = resend.post("/topics", json=topic).json()["id"]
    for name in ("ann", "bob", "cy", "di"):
        person = {"email": f"{name}@b.example", "first_name": name.title(), "segments": [segment]}
        resend.post("/contacts", json=person)
    out = {"topics": [{"id": topic_id, "subscription": "opt_out"}]}
    resend.patch("/contacts/bob@b.example/topics", json=out)
    resend.patch("/contacts/cy@b.example", json={"unsubscribed": True})
    resend.delete(f"/contacts/di@b.example/segments/{segment}")
    body = {"segment_id": segment, "from": MAIL["from"], "subject": "Hi {{{FIRST_NAME|you}}}",
            "html": "<a href='{{{RESEND_UNSUBSCRIBE_URL}}}'>", "topic_id": topic_id}  # fmt: skip
    id = resend.post("/broadcasts", json=body).json()["id"]
    assert resend.post(f"/broadcasts/{id}/send", json={"scheduled_at": "in 1 hour"}).is_success
    assert resend.delete(f"/broadcasts/{id}").status_code == 422
    assert resend.post(f"/broadcasts/{id}/cancel").is_success
    clock.sleep(3600)
    assert running.world.inbox.items == []
    assert resend.post(f"/broadcasts/{id}/send").is_success
    (item,) = running.world.inbox.items
    assert (item.to, item.subject) == ("ann@b.example", "Hi Ann")
    assert "https://unsubscribe.resend.com/" in item.html
    clock.sleep(5)
    assert resend.get(f"/broadcasts/{id}").json()["status"] == "sent"
    rows = resend.get(f"/broadcasts/{id}/recipients?type=delivered").json()["data"]
    assert [row["email"] for row in rows] == ["ann@b.example"]


def test_metrics_count_what_happened(resend: httpx.Client, clock: Clock) -> None:
    for to in ("ann@b.example", "bob@b.example", "bounced@b.example"):
        send(resend, to=to)
    clock.sleep(3)
    totals = resend.get("/emails/metrics?metrics=sent,delivered,bounced").json()["totals"]
    assert totals == {"sent": 3, "delivered": 2, "bounced": 1}
