"""HubSpot: records one by one and by the hundred, what is refused, and how late a search is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from mktool.sandbox.server import Sandbox

from .conftest import Clock

API = "/api.hubapi.com"
CONTACTS = f"{API}/crm/v3/objects/contacts"
REDIRECT = "http://127.0.0.1:9/callback"
APP = {"client_id": "app", "client_secret": "sandbox-secret"}


@pytest.fixture
def hubspot(sandbox: Sandbox) -> Iterator[httpx.Client]:
    with account(sandbox) as client:
        yield client


def account(sandbox: Sandbox, token: str = "pat-sandbox") -> httpx.Client:
    headers = {"authorization": f"Bearer {token}"}
    return httpx.Client(base_url=sandbox.url, headers=headers, trust_env=False)


def fill(sandbox: Sandbox, kind: str, count: int) -> None:
    asked = {"vendor": "hubspot", "kind": kind, "count": count}
    answer = httpx.post(f"{sandbox.url}/_fill", json=asked, trust_env=False)
    assert answer.status_code == 200


def contact(hubspot: httpx.Client, email: str, **properties: str) -> str:
    made = hubspot.post(CONTACTS, json={"properties": {"email": email, **properties}})
    assert made.status_code == 201
    return str(made.json()["id"])


def search(hubspot: httpx.Client, **body: Any) -> Any:
    return hubspot.post(f"{CONTACTS}/search", json=body).json()


def where(name: str, operator: str, value: str) -> list[dict[str, Any]]:
    return [{"filters": [{"propertyName": name, "operator": operator, "value": value}]}]


@pytest.mark.parametrize("path", ["crm/v3/objects", "crm/objects/2026-03", "crm/objects/2026-09"])
def test_a_contact_from_birth_to_archive(hubspot: httpx.Client, clock: Clock, path: str) -> None:
    every = f"{API}/{path}/contacts"
    made = hubspot.post(every, json={"properties": {"email": "Ann@A.example", "firstname": "Ann"}})
    id, properties = made.json()["id"], made.json()["properties"]
    assert (made.status_code, properties["email"]) == (201, "ann@a.example")
    assert properties["hs_object_id"] == id
    clock.sleep(60)
    by_mail = hubspot.get(f"{every}/ANN@a.example", params={"idProperty": "email"}).json()
    assert (by_mail["id"], by_mail["properties"]["lastname"]) == (id, None)
    changed = hubspot.patch(f"{every}/{id}", json={"properties": {"lastname": "Lee"}}).json()
    assert changed["properties"]["lastmodifieddate"] > changed["properties"]["createdate"]
    assert hubspot.delete(f"{every}/{id}").status_code == 204
    assert hubspot.get(f"{every}/{id}").status_code == 404
    gone = hubspot.get(f"{every}/{id}", params={"archived": "true"}).json()
    assert (gone["archived"], gone["archivedAt"]) == (True, gone["updatedAt"])
    assert hubspot.get(every).json()["results"] == []
    assert len(hubspot.get(every, params={"archived": "true"}).json()["results"]) == 1
    assert hubspot.post(every, json={"properties": {"email": "ann@a.example"}}).status_code == 201


def test_an_address_belongs_to_one_contact(hubspot: httpx.Client) -> None:
    id = contact(hubspot, "ann@a.example")
    again = hubspot.post(CONTACTS, json={"properties": {"email": "ANN@a.example"}})
    assert (again.status_code, again.json()["category"]) == (409, "CONFLICT")
    assert again.json()["message"] == f"Contact already exists. Existing ID: {id}"
    companies = f"{API}/crm/v3/objects/companies"
    for _ in range(2):  # these are not told apart
        assert hubspot.post(companies, json={"properties": {"domain": "a.example"}}).is_success


@pytest.mark.parametrize(
    ("properties", "code"),
    [
        ({"email": "a@b.example", "shoe_size": "42"}, "PROPERTY_DOESNT_EXIST"),
        ({"email": "not an address"}, "INVALID_EMAIL"),
        ({"email": "a@b.example", "lifecyclestage": "friend"}, "INVALID_OPTION"),
        ({"email": "a@b.example", "hubspot_owner_id": "7"}, "INVALID_OPTION"),
        ({"email": "a@b.example", "createdate": "2026-01-01"}, "READ_ONLY_VALUE"),
    ],
)
def test_values_that_are_no_values(
    hubspot: httpx.Client, sandbox: Sandbox, properties: dict[str, str], code: str
) -> None:
    answer = hubspot.post(CONTACTS, json={"properties": properties})
    assert (answer.status_code, answer.json()["category"]) == (400, "VALIDATION_ERROR")
    assert answer.json()["errors"][0]["code"] == code
    assert code in answer.json()["message"]
    assert sandbox.world.inbox.items == []


def test_a_note_is_about_somebody(hubspot: httpx.Client, sandbox: Sandbox) -> None:
    id = contact(hubspot, "ann@a.example")
    type = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 202}
    note = {
        "properties": {"hs_timestamp": "2026-11-21T10:00:00Z", "hs_note_body": "Called"},
        "associations": [{"to": {"id": id}, "types": [type]}],
    }
    made = hubspot.post(f"{API}/crm/v3/objects/notes", json=note).json()
    linked = hubspot.get(f"{API}/crm/v4/objects/contacts/{id}/associations/notes").json()
    assert linked["results"][0]["toObjectId"] == int(made["id"])
    assert linked["results"][0]["associationTypes"][0]["typeId"] == 201
    shown = sandbox.world.inbox.items[-1]
    assert (shown.kind, shown.text) == ("note", "Called")
    assert shown.extra["about"] == "contact ann@a.example"
    hubspot.delete(f"{API}/crm/v3/objects/notes/{made['id']}")
    assert shown.deleted


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("notes", {"properties": {"hs_note_body": "no time"}}, 400),
        ("deals", {"properties": {"dealname": "no stage"}}, 400),
        ("deals", {"properties": {"dealname": "x", "dealstage": "won"}}, 400),
        ("contacts", {"properties": {"phone": "1"}}, 400),
        ("contacts", {"properties": {"email": ["a@b.example"]}}, 400),
        ("contacts", {}, 400),
        ("unicorns", {"properties": {}}, 400),
        ("notes", {"properties": {"hs_timestamp": "1"},
                   "associations": [{"to": {"id": "1"}, "types": [{"associationTypeId": 9}]}]},
         400),
        ("notes", {"properties": {"hs_timestamp": "1"},
                   "associations": [{"to": {"id": "1"}, "types": [{"associationTypeId": 202}]}]},
         404),
    ],
)  # fmt: skip
def test_what_cannot_be_created(
    hubspot: httpx.Client, kind: str, body: dict[str, Any], status: int
) -> None:
    assert hubspot.post(f"{API}/crm/v3/objects/{kind}", json=body).status_code == status


def test_a_page_leads_to_the_next(hubspot: httpx.Client, sandbox: Sandbox) -> None:
    fill(sandbox, "contacts", 250)
    seen: list[str] = []
    page: Any = {"paging": {"next": {"after": ""}}}
    while "paging" in page:
        params = {"limit": "100", "after": page["paging"]["next"]["after"]}
        page = hubspot.get(CONTACTS, params=params).json()
        seen += [row["id"] for row in page["results"]]
    assert len(seen) == len(set(seen)) == 250
    assert hubspot.get(CONTACTS, params={"limit": "101"}).status_code == 400
    assert sandbox.world.inbox.items == []  # they were there before


def test_filling_goes_on_where_it_ended(hubspot: httpx.Client, sandbox: Sandbox) -> None:
    fill(sandbox, "contacts", 2)
    contact(hubspot, "ann@a.example")
    fill(sandbox, "contacts", 2)
    rows = hubspot.get(CONTACTS).json()["results"]
    assert len({row["properties"]["email"] for row in rows}) == 5
    one = rows[-1]["properties"]["email"]
    found = hubspot.get(f"{CONTACTS}/{one}", params={"idProperty": "email"}).json()
    assert found["id"] == rows[-1]["id"]


def batch(hubspot: httpx.Client, act: str, *rows: dict[str, Any], **more: Any) -> httpx.Response:
    return hubspot.post(f"{CONTACTS}/batch/{act}", json={"inputs": rows, **more})


def row(email: str, trace: str = "", **properties: str) -> dict[str, Any]:
    traced = {"objectWriteTraceId": trace} if trace else {}
    return {"properties": {"email": email, **properties}, **traced}


def test_a_row_with_a_trace_fails_alone(hubspot: httpx.Client) -> None:
    contact(hubspot, "ann@a.example")
    rows = row("new@a.example", "1"), row("ann@a.example", "2"), row("bad", "3")
    answer = batch(hubspot, "create", *rows)
    told = answer.json()
    assert (answer.status_code, told["numErrors"]) == (207, 2)
    assert [each["objectWriteTraceId"] for each in told["results"]] == ["1"]
    failed = {each["context"]["objectWriteTraceId"][0]: each["category"] for each in told["errors"]}
    assert failed == {"2": "CONFLICT", "3": "VALIDATION_ERROR"}


def test_without_traces_one_row_stops_all(hubspot: httpx.Client) -> None:
    contact(hubspot, "ann@a.example")
    answer = batch(hubspot, "create", row("new@a.example"), row("ann@a.example"))
    assert answer.status_code == 409
    incomplete = {"properties": {"phone": "1"}}
    assert batch(hubspot, "create", row("new@a.example"), incomplete).status_code == 400
    upsert = {"id": "new@a.example", "idProperty": "email", "properties": {}}
    bad = {"id": "no address", "idProperty": "email", "properties": {}}
    assert batch(hubspot, "upsert", upsert, bad).status_code == 400
    assert len(hubspot.get(CONTACTS).json()["results"]) == 1
    assert batch(hubspot, "create", row("new@a.example"), row("new2@a.example")).status_code == 201


def test_upsert_tells_what_is_new(hubspot: httpx.Client) -> None:
    contact(hubspot, "ann@a.example")
    rows = [
        {"id": f"{name}@a.example", "idProperty": "email", "properties": {"firstname": name}}
        for name in ("ann", "bob")
    ]
    answer = batch(hubspot, "upsert", *rows)
    assert answer.status_code == 200
    assert [each["new"] for each in answer.json()["results"]] == [False, True]
    assert batch(hubspot, "upsert", rows[0], rows[0]).status_code == 400
    assert batch(hubspot, "upsert", {**rows[0], "idProperty": "phone"}).status_code == 400


def test_batches_name_what_they_do_not_find(hubspot: httpx.Client) -> None:
    id = contact(hubspot, "ann@a.example")
    read = batch(hubspot, "read", {"id": id}, {"id": "7"}, properties=["email"])
    assert (read.status_code, read.json()["errors"][0]["context"]["ids"]) == (207, ["7"])
    by_mail = batch(hubspot, "read", {"id": "ann@a.example"}, idProperty="email")
    assert (by_mail.status_code, by_mail.json()["results"][0]["id"]) == (200, id)
    changes = [{"id": each, "properties": {"firstname": "A"}} for each in (id, "7")]
    assert batch(hubspot, "update", *changes).json()["numErrors"] == 1
    assert batch(hubspot, "archive", {"id": id}, {"id": "7"}).status_code == 204
    assert batch(hubspot, "read", {"id": id}).json()["results"] == []
    assert batch(hubspot, "create", *[row(f"{n}@a.example") for n in range(101)]).is_client_error


def test_a_property_of_ones_own_makes_companies_unique(hubspot: httpx.Client) -> None:
    wanted = {"name": "crm_key", "label": "Key", "type": "string", "fieldType": "text",
              "groupName": "companyinformation", "hasUniqueValue": True}  # fmt: skip
    properties = f"{API}/crm/v3/properties/companies"
    assert hubspot.post(properties, json=wanted).status_code == 201
    assert hubspot.post(properties, json=wanted).status_code == 409
    assert hubspot.get(f"{properties}/crm_key").json()["hasUniqueValue"]
    upsert = {"id": "acme", "idProperty": "crm_key", "properties": {"name": "Acme"}}
    path = f"{API}/crm/objects/2026-03/companies/batch/upsert"
    first, second = (hubspot.post(path, json={"inputs": [upsert]}).json() for _ in "12")
    assert first["results"][0]["id"] == second["results"][0]["id"]


def test_a_search_is_late(hubspot: httpx.Client, clock: Clock) -> None:
    id = contact(hubspot, "ann@a.example")
    asked = {"filterGroups": where("email", "EQ", "ann@a.example")}
    assert search(hubspot, **asked)["total"] == 0
    clock.sleep(11)
    assert search(hubspot, **asked)["total"] == 1
    hubspot.patch(f"{CONTACTS}/{id}", json={"properties": {"email": "bob@a.example"}})
    assert search(hubspot, **asked)["total"] == 1
    clock.sleep(11)
    assert search(hubspot, **asked)["total"] == 0


def test_what_changed_since(hubspot: httpx.Client, sandbox: Sandbox, clock: Clock) -> None:
    fill(sandbox, "contacts", 300)
    clock.sleep(60)
    since = str(round(clock.now * 1000))
    email = "person7@company0.example"
    changed = hubspot.patch(f"{CONTACTS}/{email}?idProperty=email",
                            json={"properties": {"firstname": "New"}})  # fmt: skip
    assert changed.is_success
    clock.sleep(60)
    found = search(
        hubspot, filterGroups=where("lastmodifieddate", "GTE", since),
        sorts=[{"propertyName": "lastmodifieddate", "direction": "ASCENDING"}],
    )  # fmt: skip
    assert [each["properties"]["email"] for each in found["results"]] == [email]


@pytest.mark.parametrize(
    ("groups", "total"),
    [
        ([], 40),
        (where("company", "CONTAINS_TOKEN", "Bakery"), 19),
        (where("hs_object_id", "LTE", "50000000010"), 10),
        (where("phone", "HAS_PROPERTY", ""), 40),
        (where("website", "HAS_PROPERTY", ""), 0),
        (where("email", "NEQ", "person1@company0.example"), 39),
        (where("email", "EQ", "person1@company0.example") + where("firstname", "EQ", "ada"), 2),
    ],
)
def test_filters(sandbox: Sandbox, hubspot: httpx.Client, groups: list[Any], total: int) -> None:
    fill(sandbox, "contacts", 40)
    assert search(hubspot, filterGroups=groups, limit=5)["total"] == total


def test_a_search_has_ends(sandbox: Sandbox, hubspot: httpx.Client) -> None:
    fill(sandbox, "contacts", 10_100)
    page = search(hubspot, limit=200, after="9800")
    assert (page["total"], page["paging"]["next"]["after"]) == (10_100, "10000")
    path = f"{CONTACTS}/search"
    for body in ({"limit": 200, "after": "10000"}, {"limit": 201}, {"sorts": ["a", "b"]},
                 {"filterGroups": where("nothing", "EQ", "1")}):  # fmt: skip
        assert hubspot.post(path, json=body).status_code in (400, 429)


@pytest.mark.parametrize(
    "body",
    [{"filterGroups": 5}, {"filterGroups": [{"filters": 5}]}, {"filterGroups": [{"filters": [1]}]},
     {"filterGroups": where("email", "ALMOST", "a")}, {"sorts": 5}, {"limit": "many"}],
)  # fmt: skip
def test_what_is_no_search(hubspot: httpx.Client, body: dict[str, Any]) -> None:
    assert hubspot.post(f"{CONTACTS}/search", json=body).status_code == 400


def test_five_searches_a_second(hubspot: httpx.Client, clock: Clock) -> None:
    codes = [hubspot.post(f"{CONTACTS}/search", json={}).status_code for _ in range(6)]
    assert codes == [200] * 5 + [429]
    clock.sleep(1)
    answer = hubspot.post(f"{CONTACTS}/search", json={})
    assert answer.is_success
    assert "x-hubspot-ratelimit-remaining" not in answer.headers


def test_too_many_calls(serve: Callable[..., Sandbox], clock: Clock) -> None:
    with account(serve(limits={"hubspot": 2, "hubspot.day": 3})) as hubspot:
        first = hubspot.get(CONTACTS)
        assert first.headers["x-hubspot-ratelimit-remaining"] == "1"
        assert first.headers["x-hubspot-ratelimit-daily-remaining"] == "2"
        hubspot.get(CONTACTS)
        refused = hubspot.get(CONTACTS)
        assert refused.status_code == 429
        assert refused.json()["policyName"] == "TEN_SECONDLY_ROLLING"
        assert refused.json()["errorType"] == "RATE_LIMIT"
        clock.sleep(10)
        assert hubspot.get(CONTACTS).json()["policyName"] == "DAILY"


def test_lists_are_read_page_by_page(hubspot: httpx.Client, sandbox: Sandbox) -> None:
    fill(sandbox, "contacts", 300)
    lists = f"{API}/crm/v3/lists"
    everyone = hubspot.get(f"{lists}/1/memberships", params={"limit": "250"}).json()
    after = everyone["paging"]["next"]["after"]
    rest = hubspot.get(f"{lists}/1/memberships", params={"after": after}).json()
    assert (len(everyone["results"]), len(rest["results"])) == (250, 50)
    asked = {"name": "Friends", "objectTypeId": "0-1", "processingType": "MANUAL"}
    made = hubspot.post(lists, json=asked).json()["list"]
    path = f"{API}/crm/lists/2026-03/{made['listId']}/memberships"
    members = [row["recordId"] for row in rest["results"][:2]]
    added = hubspot.put(f"{path}/add", json=[*members, "7"]).json()
    assert (added["recordIdsAdded"], added["recordIdsMissing"]) == (members, ["7"])
    assert [row["recordId"] for row in hubspot.get(path).json()["results"]] == members
    found = hubspot.post(f"{lists}/search", json={"query": "friend"}).json()
    assert [each["listId"] for each in found["lists"]] == [made["listId"]]
    assert hubspot.get(f"{lists}/99").status_code == 404


def test_the_account(hubspot: httpx.Client) -> None:
    assert hubspot.get(f"{API}/account-info/v3/details").json()["portalId"]
    found = hubspot.get(f"{API}/crm/v3/owners", params={"email": "Sales@sandbox.example"}).json()
    assert [owner["firstName"] for owner in found["results"]] == ["Sandy"]
    named = hubspot.get(f"{API}/crm/v3/properties/contacts").json()["results"]
    assert {"email", "lastmodifieddate"} <= {each["name"] for each in named}
    campaigns = f"{API}/marketing/v3/campaigns"
    made = hubspot.post(campaigns, json={"properties": {"hs_name": "Spring"}})
    assert made.status_code == 201
    assert hubspot.get(campaigns).json()["results"] == [made.json()]
    assert hubspot.post(campaigns, json={"properties": {}}).status_code == 400


@pytest.mark.parametrize(
    ("token", "status", "category"),
    [
        ("", 401, "INVALID_AUTHENTICATION"),
        ("pat-na1-0123456789", 401, "INVALID_AUTHENTICATION"),
        ("pat-sandbox-content", 403, "MISSING_SCOPES"),
    ],
)
def test_who_is_let_in(sandbox: Sandbox, token: str, status: int, category: str) -> None:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    answer = httpx.get(f"{sandbox.url}{CONTACTS}", headers=headers, trust_env=False)
    assert (answer.status_code, answer.json()["category"]) == (status, category)


def test_a_login_and_its_tokens(sandbox: Sandbox, http: httpx.Client, clock: Clock) -> None:
    scope = "oauth crm.objects.contacts.read"
    asked = {"client_id": "app", "redirect_uri": REDIRECT, "scope": scope, "state": "s"}
    page = http.get(f"{sandbox.url}/app.hubspot.com/oauth/authorize", params=asked)
    code = parse_qs(urlsplit(page.headers["location"]).query)["code"][0]
    path = f"{sandbox.url}{API}/oauth/v3/token"
    form = {**APP, "grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT}
    tokens = http.post(path, data=form).json()
    assert tokens["expires_in"] == 1800
    assert len(tokens["access_token"]) > 300
    about = {**APP, "token": tokens["access_token"]}
    told = http.post(f"{path}/introspect", data=about).json()
    assert (told["active"], told["scopes"]) == (True, sorted(scope.split()))
    with account(sandbox, tokens["access_token"]) as client:
        answer = client.get(CONTACTS)
        assert answer.is_success
        assert "x-hubspot-ratelimit-daily" not in answer.headers
        assert client.post(CONTACTS, json={}).status_code == 403
        clock.sleep(1801)
        assert client.get(CONTACTS).json()["category"] == "EXPIRED_AUTHENTICATION"
    assert http.post(f"{path}/introspect", data=about).json() == {"active": False}
    again = {**APP, "grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    fresh = http.post(path, data=again).json()
    assert fresh["refresh_token"] == tokens["refresh_token"]
    assert http.post(path, data=form).json()["status"] == "BAD_AUTH_CODE"
    http.post(f"{path}/revoke", data={**APP, "token": tokens["refresh_token"]})
    assert http.post(path, data=again).json()["status"] == "BAD_REFRESH_TOKEN"


def test_associating_by_the_hundred(hubspot: httpx.Client) -> None:
    id = contact(hubspot, "ann@a.example")
    companies = f"{API}/crm/v3/objects/companies"
    company = hubspot.post(companies, json={"properties": {"name": "A"}}).json()["id"]
    pairs = f"{API}/crm/v4/associations/contacts/companies/batch"
    rows = [{"from": {"id": id}, "to": {"id": other}} for other in (company, "7")]
    answer = hubspot.post(f"{pairs}/associate/default", json={"inputs": rows})
    assert (answer.status_code, answer.json()["numErrors"]) == (207, 1)
    read = hubspot.post(f"{pairs}/read", json={"inputs": [{"id": id}]}).json()
    assert read["results"][0]["to"][0]["toObjectId"] == int(company)
    one = hubspot.get(f"{CONTACTS}/{id}", params={"associations": "companies"}).json()
    assert one["associations"]["companies"]["results"][0]["id"] == company
    path = f"{API}/crm/v4/objects/contacts/{id}/associations/companies/{company}"
    assert hubspot.delete(path).status_code == 204
    default = path.replace("associations/", "associations/default/")
    assert hubspot.put(default).json()["status"] == "COMPLETE"
