"""Zoho CRM: rows that stand for themselves, two ways of paging, and tokens that are rationed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from mktool.sandbox.server import Sandbox

from .conftest import Clock

APP = {"client_id": "1000.APP", "client_secret": "s"}
ANN = {"Last_Name": "Lee", "First_Name": "Ann", "Email": "ann@acme.example"}


class Company:
    """The API as one token sees it."""

    def __init__(self, sandbox: Sandbox, token: str = "sandbox-1") -> None:
        self.url = f"{sandbox.url}/www.zohoapis.eu/crm/v8"
        headers = {"authorization": f"Zoho-oauthtoken {token}"}
        self.http = httpx.Client(headers=headers, trust_env=False)

    def ask(
        self, call: str, body: Any = None, status: int = 200, since: str = "", **query: Any
    ) -> Any:
        method, _, path = call.partition(" ")
        reply = self.http.request(
            method, f"{self.url}{path}", json=body, params=query or None,
            headers={"if-modified-since": since} if since else {},
        )  # fmt: skip
        assert reply.status_code == status, reply.text
        return reply.json() if reply.content else None

    def rows(self, call: str, *rows: Any, status: int = 200, **more: Any) -> Any:
        return self.ask(call, {"data": list(rows), **more}, status)["data"]


@pytest.fixture
def crm(sandbox: Sandbox) -> Iterator[Company]:
    company = Company(sandbox)
    with company.http:
        yield company


def test_rows_are_judged_one_by_one(crm: Company) -> None:
    good, bad = crm.rows("POST /Leads", ANN, {"Email": "x@y.example"}, status=207)
    assert (good["code"], bad["code"]) == ("SUCCESS", "MANDATORY_NOT_FOUND")
    assert bad["details"] == {"api_name": "Last_Name", "json_path": "$.data[1].Last_Name"}
    wrong: list[Any] = [{"Email": "no"}, {"Annual_Revenue": "1"}, {"Company": "x" * 256},
                        {"Email_Opt_Out": "yes"}, {"Last_Name": 5}]  # fmt: skip
    refused = crm.rows("POST /Leads", *({**ANN, **one} for one in wrong), status=400)
    assert {row["code"] for row in refused} == {"INVALID_DATA"}
    assert refused[0]["details"]["expected_data_type"] == "email"
    id = good["details"]["id"]
    (again,) = crm.rows("PUT /Leads", {"id": id, "Company": "Acme"})
    assert again["message"] == "record updated"
    (unknown,) = crm.rows("PUT /Leads/1", {"Company": "Acme"}, status=400)
    assert unknown["details"]["api_name"] == "id"
    assert crm.ask(f"GET /Leads/{id}")["data"][0]["Company"] == "Acme"
    crm.ask("POST /Leads", {"data": [ANN] * 101}, 400)
    assert crm.ask("POST /Nothing", {"data": [ANN]}, 400)["code"] == "INVALID_MODULE"


def test_an_upsert_finds_records_by_the_fields_to_check(crm: Company) -> None:
    first, second = crm.rows("POST /Contacts/upsert", ANN, {**ANN, "Title": "CEO"})
    assert (first["action"], second["action"]) == ("insert", "update")
    assert (second["details"]["id"], second["duplicate_field"]) == (
        first["details"]["id"], "Email",
    )  # fmt: skip
    phone = {"Last_Name": "Lee", "Phone": "5", "Email": "other@acme.example"}
    made, same = crm.rows("POST /Contacts/upsert", phone, {**phone, "Email": "new@acme.example"},
                          duplicate_check_fields=["Phone"])  # fmt: skip
    assert (made["action"], same["action"]) == ("insert", "update")
    unique = {**ANN, "External_Id": "7"}
    crm.rows("POST /Leads", unique, status=201)
    (twice,) = crm.rows("POST /Leads", unique, status=400)
    assert (twice["code"], twice["details"]["api_name"]) == ("DUPLICATE_DATA", "External_Id")


def test_pages_by_number_then_by_token(sandbox: Sandbox, crm: Company) -> None:
    filled = {"vendor": "zoho", "kind": "Contacts", "count": 2450}
    httpx.post(f"{sandbox.url}/_fill", json=filled, trust_env=False).raise_for_status()
    assert crm.ask("GET /Contacts", None, 400)["details"] == {"param_name": "fields"}
    crm.ask("GET /Contacts", None, 400, fields=",".join(f"F{n}" for n in range(51)))
    asked: dict[str, Any] = {"fields": "Email,Last_Name", "per_page": 200}
    assert crm.ask("GET /Contacts", **asked, page=10)["info"]["more_records"] is True
    far = crm.ask("GET /Contacts", None, 400, **asked, page=11)
    assert far["code"] == "DISCRETE_PAGINATION_LIMIT_EXCEEDED"
    seen: list[str] = []
    token: str | None = ""
    while token is not None:
        more: dict[str, Any] = {"page_token": token} if token else {}
        page = crm.ask("GET /Contacts", **asked, **more)
        seen += [row["id"] for row in page["data"]]
        token = page["info"]["next_page_token"]
        if token:
            other = {**asked, "fields": "Email", "page_token": token}
            crm.ask("GET /Contacts", None, 400, **other)
    assert len(set(seen)) == 2450
    assert seen == sorted(seen, reverse=True)
    up = crm.ask("GET /Contacts", **asked, sort_by="id", sort_order="asc")
    assert up["data"][0]["Email"] == "person1@company0.example"


def test_what_changed_and_what_is_gone(crm: Company, clock: Clock) -> None:
    first, second = crm.rows("POST /Leads", ANN, ANN, status=201)
    clock.sleep(100)
    asked: dict[str, Any] = {"fields": "Email", "sort_by": "Modified_Time", "sort_order": "asc"}
    now = "2026-11-18T11:08:20+00:00"
    crm.ask("GET /Leads", None, 304, "2030-01-01T00:00:00+00:00", **asked)
    crm.ask("GET /Leads/deleted", None, 204, type="all")
    crm.rows("PUT /Leads", {"id": first["details"]["id"], "Phone": "1"})
    since = crm.ask(f"GET /Leads/{first['details']['id']}")["data"][0]["Modified_Time"]
    assert since > now[:4]
    found = crm.ask("GET /Leads", since=since, **asked)["data"]
    assert [row["id"] for row in found] == [first["details"]["id"]]
    gone, unknown = crm.ask(f"DELETE /Leads?ids={second['details']['id']},9", None, 207)["data"]
    assert (gone["code"], unknown["message"]) == ("SUCCESS", "record not deleted")
    (dead,) = crm.ask("GET /Leads/deleted", since=since, type="all")["data"]
    assert (dead["id"], dead["type"]) == (second["details"]["id"], "recycle")
    crm.ask("GET /Leads/deleted", None, 204, "2030-01-01T00:00:00+00:00", type="all")
    crm.ask("GET /Leads/deleted", None, 400, type="old")


def test_search_hears_of_a_record_some_seconds_later(crm: Company, clock: Clock) -> None:
    crm.rows("POST /Leads", {**ANN, "Company": "A (b), c"}, status=201)
    crm.ask("GET /Leads/search", None, 204, email=ANN["Email"])
    clock.sleep(4)
    queries: list[dict[str, Any]] = [
        {"email": ANN["Email"]}, {"word": "acme"}, {"criteria": "(Email:equals:ann@acme.example)"},
        {"criteria": "((Last_Name:starts_with:le)and(Company:equals:A \\(b\\)\\, c))"},
    ]  # fmt: skip
    for query in queries:
        assert len(crm.ask("GET /Leads/search", **query)["data"]) == 1, query
    crm.ask("GET /Leads/search", None, 204, email="nobody@acme.example")
    assert crm.ask("GET /Leads/search", None, 400, criteria="Email=x")["code"] == "INVALID_QUERY"


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("Email = 'ann@acme.example'", 1),
        ("Last_Name like 'L%' and Amount is null", 2),
        ("(Last_Name = 'Lee' or Last_Name = 'O\\'Neil') and Email is not null", 2),
        ("Email in ('a@b.example', 'c@d.example') or First_Name != 'Ann'", 2),
        ("Created_Time between '2020-01-01T00:00:00Z' and '2030-01-01T00:00:00+01:00'", 3),
        ("Created_Time < '2020-01-01T00:00:00Z'", 0),
        ("id > 0 and Last_Name not in ('Lee')", 2),
    ],
)
def test_queries(crm: Company, where: str, found: int) -> None:
    crm.rows("POST /Leads", ANN, {"Last_Name": "O'Neil", "Email": "a@b.example"},
             {"Last_Name": "Lopez", "Email": "c@d.example"}, status=201)  # fmt: skip
    text = f"select id, Email from Leads where {where} order by id asc limit 0, 200"
    status = 200 if found else 204
    answer = crm.ask("POST /coql", {"select_query": text}, status)
    assert (len(answer["data"]) if answer else 0) == found


def test_a_query_that_makes_no_sense_is_refused(crm: Company) -> None:
    for text in ("select id from Leads", "select id from Leads where Email", "drop", "a'b", None):
        assert crm.ask("POST /coql", {"select_query": text}, 400)["code"] == "SYNTAX_ERROR"
    many = "select id from Leads where id > 0 limit 2001"
    assert crm.ask("POST /coql", {"select_query": many}, 400)["code"] == "LIMIT_EXCEEDED"


def test_notes_and_tasks_are_shown(sandbox: Sandbox, crm: Company) -> None:
    (lead,) = crm.rows("POST /Leads", ANN, status=201)
    id = lead["details"]["id"]
    parent = {"module": {"api_name": "Leads"}, "id": id}
    crm.rows("POST /Notes", {"Note_Title": "T", "Note_Content": "hi", "Parent_Id": parent},
             status=201)  # fmt: skip
    crm.rows("POST /Notes", {"Note_Content": "hi", "Parent_Id": id}, status=400)
    crm.rows(f"POST /Leads/{id}/Notes", {"Note_Content": "too"}, status=201)
    notes = crm.ask(f"GET /Leads/{id}/Notes", fields="Note_Content")["data"]
    assert [note["Note_Content"] for note in notes] == ["too", "hi"]
    task = {"Subject": "Call", "Due_Date": "2026-12-01", "What_Id": {"id": id},
            "$se_module": "Leads"}  # fmt: skip
    crm.rows("POST /Tasks", task, status=201)
    shown = [(item.kind, item.text) for item in sandbox.world.inbox.items]
    assert shown == [("lead", "Ann Lee"), ("note", "hi"), ("note", "too"), ("task", "Call")]


def test_credits_run_out(serve: Callable[..., Sandbox], clock: Clock) -> None:
    company = Company(serve(limits={"zoho credits": 11}))
    with company.http:
        company.rows("POST /Leads", *[ANN] * 100, status=201)
        company.ask("GET /org")
        assert company.ask("GET /org", None, 429)["code"] == "TOO_MANY_REQUESTS"
        clock.sleep(86400)
        assert company.ask("GET /users?type=CurrentUser")["users"][0]["status"] == "active"


def login(sandbox: Sandbox, **more: str) -> Any:
    query = {"client_id": "1000.APP", "redirect_uri": "https://a.example/cb", "state": "s",
             "scope": "ZohoCRM.modules.ALL,ZohoCRM.org.READ", "access_type": "offline",
             **more}  # fmt: skip
    asked = httpx.get(f"{sandbox.url}/accounts.zoho.eu/oauth/v2/auth", params=query,
                      trust_env=False)  # fmt: skip
    back = parse_qs(urlsplit(asked.headers["location"]).query)
    assert back["location"] == ["eu"]
    form = {**APP, "grant_type": "authorization_code", "code": back["code"][0],
            "redirect_uri": "https://a.example/cb"}  # fmt: skip
    url = f"{back['accounts-server'][0]}/oauth/v2/token"
    return httpx.post(url, data=form, trust_env=False).json()


def refreshed(sandbox: Sandbox, token: str) -> httpx.Response:
    form = {**APP, "grant_type": "refresh_token", "refresh_token": token}
    url = f"{sandbox.url}/accounts.zoho.eu/oauth/v2/token"
    return httpx.post(url, data=form, trust_env=False)


def test_logging_in_and_refreshing(sandbox: Sandbox, clock: Clock) -> None:
    first = login(sandbox)
    assert first["api_domain"] == f"{sandbox.url}/www.zohoapis.eu"
    assert "refresh_token" not in login(sandbox)
    assert "refresh_token" in login(sandbox, prompt="consent")
    company = Company(sandbox, first["access_token"])
    company.ask("GET /org")
    assert company.ask("GET /users", None, 401)["code"] == "OAUTH_SCOPE_MISMATCH"
    clock.sleep(3600)
    assert company.ask("GET /org", None, 401)["code"] == "INVALID_TOKEN"
    for _ in range(10):
        again = refreshed(sandbox, first["refresh_token"]).json()
        assert "refresh_token" not in again
    assert refreshed(sandbox, first["refresh_token"]).json()["error"] == "Access Denied"
    company.http.close()
    renewed = Company(sandbox, again["access_token"])
    with renewed.http:
        renewed.ask("GET /org")
    clock.sleep(600)
    assert "access_token" in refreshed(sandbox, first["refresh_token"]).json()
    unknown = refreshed(sandbox, "1000.unknown")
    assert (unknown.status_code, unknown.json()) == (200, {"error": "invalid_code"})
    assert "access_token" in refreshed(sandbox, "1000.sandbox-run").json()


@pytest.mark.parametrize("token", ["x", "1000.real"])
def test_a_real_credential_is_refused(sandbox: Sandbox, token: str) -> None:
    with Company(sandbox, token).http as http:
        assert http.get(f"{sandbox.url}/www.zohoapis.com/crm/v8/org").status_code == 401
