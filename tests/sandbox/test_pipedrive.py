"""Pipedrive: what it takes, what it refuses, and what each call costs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from mktool.sandbox.server import Sandbox

from .conftest import Clock

ANN: dict[str, Any] = {"name": "Ann Lee",
                       "emails": [{"value": "ann@acme.example", "primary": True}]}  # fmt: skip


class Company:
    """The API as one credential sees it."""

    def __init__(self, sandbox: Sandbox, **headers: str) -> None:
        self.url = f"{sandbox.url}/sandbox.pipedrive.com"
        self.http = httpx.Client(headers=headers, trust_env=False)

    def ask(self, call: str, body: Any = None, status: int = 200, **query: Any) -> Any:
        method, _, path = call.partition(" ")
        reply = self.http.request(method, f"{self.url}{path}", json=body, params=query or None)
        assert reply.status_code == status, reply.text
        assert reply.json()["success"] is (status < 400)
        return reply.json()


@pytest.fixture
def crm(sandbox: Sandbox) -> Iterator[Company]:
    company = Company(sandbox, **{"x-api-token": "sandbox-1"})
    with company.http:
        yield company


def test_records_are_made_read_changed_and_deleted(crm: Company, clock: Clock) -> None:
    org = crm.ask("POST /api/v2/organizations", {"name": "Acme"}, 201)["data"]
    ann = crm.ask("POST /api/v2/persons", {**ANN, "org_id": org["id"]}, 201)["data"]
    assert (ann["first_name"], ann["last_name"], ann["org_id"]) == ("Ann", "Lee", org["id"])
    deal = {"title": "Big", "person_id": ann["id"], "value": 12.5, "custom_fields": {"a" * 40: "x"}}
    made = crm.ask("POST /api/v2/deals", deal, 201)["data"]
    clock.sleep(5)
    changed = crm.ask(f"PATCH /api/v2/deals/{made['id']}", {"status": "won"})["data"]
    assert (changed["status"], changed["value"], changed["custom_fields"]) == (
        "won", 12.5, {"a" * 40: "x"},
    )  # fmt: skip
    assert changed["update_time"] > made["update_time"]
    assert crm.ask(f"DELETE /api/v2/deals/{made['id']}")["data"] == {"id": made["id"]}
    assert crm.ask("GET /api/v2/deals")["data"] == []
    assert crm.ask(f"GET /api/v2/deals/{made['id']}")["data"]["is_deleted"] is True
    clock.sleep(31 * 86400)
    crm.ask(f"GET /api/v2/deals/{made['id']}", None, 404)


def test_deleted_deals_are_listed_when_asked_for(crm: Company, clock: Clock) -> None:
    made = crm.ask("POST /api/v2/deals", {"title": "Lost"}, 201)["data"]
    crm.ask(f"DELETE /api/v2/deals/{made['id']}")
    listed = crm.http.get(f"{crm.url}/api/v2/deals", params={"status": "open,deleted"}).json()
    assert [deal["is_deleted"] for deal in listed["data"]] == [True]
    since: dict[str, Any] = {"since_timestamp": "2020-01-01 00:00:00", "items": "deal"}
    recent = crm.ask("GET /v1/recents", **since)["data"]
    assert [(one["item"], one["data"]["deleted"]) for one in recent] == [("deal", True)]


def test_pages_by_cursor_and_what_changed_since(
    sandbox: Sandbox, crm: Company, clock: Clock
) -> None:
    crm.ask("POST /api/v2/persons", ANN, 201)
    pipedrive = {"vendor": "pipedrive", "kind": "persons", "count": 1200}
    httpx.post(f"{sandbox.url}/_fill", json=pipedrive, trust_env=False).raise_for_status()
    cursor: str | None = ""
    seen: list[int] = []
    while cursor is not None:
        page = crm.ask("GET /api/v2/persons", limit=500, cursor=cursor)
        seen += [person["id"] for person in page["data"]]
        cursor = page["additional_data"]["next_cursor"]
    assert seen == list(range(1, 1202))
    clock.sleep(60)
    crm.ask("PATCH /api/v2/persons/700", {"name": "Somebody Else"})
    since = crm.ask("GET /api/v2/persons/700")["data"]["update_time"]
    orders: list[dict[str, Any]] = [
        {},
        {"sort_by": "update_time"},
        {"sort_by": "id", "sort_direction": "desc"},
    ]
    for order in orders:
        found = crm.ask("GET /api/v2/persons", updated_since=since, **order)["data"]
        assert [person["id"] for person in found] == [700]
    latest: dict[str, Any] = {"sort_by": "update_time", "sort_direction": "desc", "limit": 1}
    first = crm.ask("GET /api/v2/persons", **latest)
    assert first["data"][0]["id"] == 700
    then = crm.ask("GET /api/v2/persons", **latest,
                   cursor=first["additional_data"]["next_cursor"])  # fmt: skip
    assert then["data"][0]["id"] == 1201


def test_search_finds_duplicates_as_nothing_is_unique(crm: Company) -> None:
    for _ in range(2):
        crm.ask("POST /api/v2/persons", ANN, 201)
    exact: dict[str, Any] = {"term": "ANN@acme.example", "fields": "email", "exact_match": "true"}
    items = crm.ask("GET /api/v2/persons/search", **exact)["data"]["items"]
    assert [hit["item"]["id"] for hit in items] == [1, 2]
    assert items[0]["item"]["emails"] == ["ann@acme.example"]
    crm.ask("GET /api/v2/persons/search", None, 400, term="a")


@pytest.mark.parametrize(
    ("call", "body"),
    [
        ("POST /api/v2/persons", {}),
        ("POST /api/v2/persons", {"name": 5}),
        ("POST /api/v2/persons", {"name": "A", "org_id": "1"}),
        ("POST /api/v2/persons", {"name": "A", "org_id": 99}),
        ("POST /api/v2/persons", {"name": "A", "email": "a@b.example"}),
        ("POST /api/v2/persons", {"name": "A", "emails": ["a@b.example"]}),
        ("POST /api/v2/deals", {"title": "A", "value": "12"}),
        ("POST /api/v2/deals", {"title": "A", "status": "deleted"}),
        ("POST /api/v2/activities", {"subject": "A", "due_date": "tomorrow"}),
        ("GET /api/v2/persons?limit=501", None),
        ("GET /api/v2/persons?updated_since=2026-01-01T00:00:00.000Z", None),
        ("GET /api/v2/persons?cursor=x", None),
    ],
)
def test_what_breaks_a_rule_is_refused(crm: Company, call: str, body: Any) -> None:
    assert crm.ask(call, body, 400)["code"] == "ERR_SCHEMA_VALIDATION_FAILED"


def test_notes_leads_and_activities(sandbox: Sandbox, crm: Company) -> None:
    ann = crm.ask("POST /api/v2/persons", ANN, 201)["data"]["id"]
    crm.ask("POST /v1/notes", {"content": "hi"}, 400)
    note = crm.ask("POST /v1/notes", {"content": "<b>hi</b>", "person_id": ann}, 201)["data"]
    assert crm.ask("GET /v1/notes", person_id=ann)["data"] == [note]
    lead = crm.ask("POST /v1/leads", {"title": "L", "person_id": ann}, 201)["data"]
    crm.ask("POST /v1/leads", {"title": "L"}, 400)
    assert crm.ask(f"GET /v1/leads/{lead['id']}")["data"]["person_id"] == ann
    task = {"subject": "Call", "type": "task", "due_date": "2026-12-01",
            "participants": [{"person_id": ann, "primary": True}]}  # fmt: skip
    assert crm.ask("POST /api/v2/activities", task, 201)["data"]["person_id"] == ann
    shown = {item.kind: item.text for item in sandbox.world.inbox.items}
    assert shown == {"person": "Ann Lee", "note": "<b>hi</b>", "lead": "L", "activity": "Call"}
    crm.ask(f"DELETE /v1/notes/{note['id']}")
    assert crm.ask("GET /v1/notes")["data"] == []


def test_a_day_has_a_budget_and_two_seconds_a_burst(
    serve: Callable[..., Sandbox], clock: Clock
) -> None:
    company = Company(serve(limits={"pipedrive tokens": 12, "pipedrive": 3}),
                      **{"x-api-token": "sandbox-1"})  # fmt: skip
    with company.http as http:
        for _ in range(3):
            company.ask("GET /v1/users/me")
        busy = http.get(f"{company.url}/v1/users/me")
        assert (busy.status_code, busy.headers["x-ratelimit-remaining"]) == (429, "0")
        clock.sleep(2)
        company.ask("POST /api/v2/persons", ANN, 201)
        spent = http.post(f"{company.url}/api/v2/persons", json=ANN)
        assert (spent.status_code, spent.headers["x-daily-requests-left"]) == (429, "0")
        clock.sleep(86400)
        company.ask("POST /api/v2/persons", ANN, 201)


def test_logging_in(sandbox: Sandbox, clock: Clock) -> None:
    query = {"client_id": "app", "redirect_uri": "https://a.example/cb", "state": "s"}
    url = f"{sandbox.url}/oauth.pipedrive.com/oauth"
    back = httpx.get(f"{url}/authorize", params=query, trust_env=False).headers["location"]
    form = {"grant_type": "authorization_code", "redirect_uri": "https://a.example/cb",
            "code": parse_qs(urlsplit(back).query)["code"][0]}  # fmt: skip
    assert httpx.post(f"{url}/token", data=form, trust_env=False).status_code == 401
    app: dict[str, Any] = {"auth": ("app", "secret"), "trust_env": False}
    first: Any = httpx.post(f"{url}/token", data=form, **app).json()
    assert first["api_domain"] == f"{sandbox.url}/sandbox.pipedrive.com"
    company = Company(sandbox, authorization=f"Bearer {first['access_token']}")
    assert company.ask("GET /v1/users/me")["data"]["company_domain"] == "sandbox"
    clock.sleep(3600)
    company.ask("GET /v1/users/me", None, 401)
    again = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    second: Any = httpx.post(f"{url}/token", data=again, **app).json()
    assert second["refresh_token"] == first["refresh_token"]
    assert second["access_token"] != first["access_token"]
    company.http.close()


@pytest.mark.parametrize("headers", [{}, {"x-api-token": "real"}, {"authorization": "Bearer x"}])
def test_a_real_credential_is_refused(sandbox: Sandbox, headers: dict[str, str]) -> None:
    with Company(sandbox, **headers).http as http:
        url = f"{sandbox.url}/api.pipedrive.com/v1/users/me"
        assert http.get(url).status_code == 401
