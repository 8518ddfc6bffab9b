"""Salesforce: records, queries, collections and bulk jobs, and what is refused and how."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from mktool.sandbox.server import Sandbox

from .conftest import Clock

SITE = "/sandbox.my.salesforce.com"
API = f"{SITE}/services/data/v66.0"
LOGIN = "/login.salesforce.com/services/oauth2"
REDIRECT = "http://localhost:1717/OauthRedirect"
LEAD = {"LastName": "Lee", "Company": "Acme", "Email": "ann@a.example"}


@pytest.fixture
def salesforce(sandbox: Sandbox) -> Iterator[httpx.Client]:
    with session(sandbox) as client:
        yield client


def session(sandbox: Sandbox, token: str = "00D!sandbox") -> httpx.Client:
    headers = {"authorization": f"Bearer {token}"}
    return httpx.Client(base_url=sandbox.url, headers=headers, trust_env=False)


def fill(sandbox: Sandbox, kind: str, count: int) -> None:
    asked = {"vendor": "salesforce", "kind": kind, "count": count}
    assert httpx.post(f"{sandbox.url}/_fill", json=asked, trust_env=False).is_success


def create(salesforce: httpx.Client, kind: str, **fields: Any) -> str:
    made = salesforce.post(f"{API}/sobjects/{kind}", json=fields)
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


def ask(salesforce: httpx.Client, soql: str, resource: str = "query") -> Any:
    return salesforce.get(f"{API}/{resource}", params={"q": soql}).json()


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()[0]["errorCode"]


def test_a_record_from_birth_to_the_bin(salesforce: httpx.Client, clock: Clock) -> None:
    id = create(salesforce, "Lead", **LEAD)
    assert (len(id), id[:3]) == (18, "00Q")
    path = f"{API}/sobjects/Lead/{id}"
    clock.sleep(60)
    assert salesforce.patch(path, json={"FirstName": "Ann"}).status_code == 204
    lead = salesforce.get(path).json()
    assert (lead["Name"], lead["attributes"]["type"]) == ("Ann Lee", "Lead")
    assert lead["SystemModstamp"] > lead["CreatedDate"]
    short = salesforce.get(f"{API}/sobjects/Lead/{id[:15]}", params={"fields": "Email"}).json()
    assert short.keys() == {"attributes", "Email"}
    assert salesforce.delete(path).status_code == 204
    assert code(salesforce.get(path)) == (404, "ENTITY_IS_DELETED")
    assert ask(salesforce, "SELECT Id FROM Lead")["totalSize"] == 0
    gone = ask(salesforce, "SELECT Id FROM Lead WHERE IsDeleted = true", "queryAll")
    assert [row["Id"] for row in gone["records"]] == [id]
    span = {"start": "2026-11-01T00:00:00+00:00", "end": "2026-12-01T00:00:00+00:00"}
    deleted = salesforce.get(f"{API}/sobjects/Lead/deleted/", params=span).json()
    assert [row["id"] for row in deleted["deletedRecords"]] == [id]


@pytest.mark.parametrize(
    ("kind", "fields", "error"),
    [
        ("Lead", {"LastName": "Lee"}, "REQUIRED_FIELD_MISSING"),
        ("Opportunity", {"Name": "Deal"}, "REQUIRED_FIELD_MISSING"),
        ("Event", {"Subject": "x", "StartDateTime": "2026-11-21T10:00:00Z"},
         "REQUIRED_FIELD_MISSING"),
        ("Contact", {"LastName": "Lee", "Shoes": 42}, "INVALID_FIELD"),
        ("Contact", {"LastName": "Lee", "Email": "no"}, "INVALID_EMAIL_ADDRESS"),
        ("Contact", {"LastName": "x" * 81}, "STRING_TOO_LONG"),
        ("Contact", {"LastName": 7}, "JSON_PARSER_ERROR"),
        ("Contact", {"LastName": "Lee", "CreatedDate": "2026-01-01"},
         "INVALID_FIELD_FOR_INSERT_UPDATE"),
        ("Task", {"Subject": "x" * 256}, "STRING_TOO_LONG"),
        ("Task", {"Description": "x" * 32_001}, "STRING_TOO_LONG"),
        ("Task", {"WhoId": "nobody"}, "MALFORMED_ID"),
        ("Task", {"WhoId": "0015g0000000001AAA"}, "MALFORMED_ID"),
        ("Task", {"WhoId": "0035g0000000099"}, "INVALID_CROSS_REFERENCE_KEY"),
        ("Task", {"ActivityDate": "soon"}, "JSON_PARSER_ERROR"),
        ("CampaignMember", {"CampaignId": "7015g0000000009"}, "INVALID_CROSS_REFERENCE_KEY"),
        ("ContentVersion", {"PathOnClient": "a", "VersionData": "!"},
         "INVALID_TYPE_ON_FIELD_IN_RECORD"),
    ],
)  # fmt: skip
def test_what_cannot_be_written(
    salesforce: httpx.Client, sandbox: Sandbox, kind: str, fields: dict[str, Any], error: str
) -> None:
    assert code(salesforce.post(f"{API}/sobjects/{kind}", json=fields)) == (400, error)
    assert sandbox.world.inbox.items == []


def test_paths_that_lead_nowhere(salesforce: httpx.Client) -> None:
    assert code(salesforce.post(f"{API}/sobjects/Unicorn", json={})) == (404, "NOT_FOUND")
    assert code(salesforce.get(f"{API}/sobjects/Lead/00Q5g0000000001")) == (404, "NOT_FOUND")
    assert code(salesforce.get(f"{API}/sobjects/Lead/not-an-id")) == (400, "MALFORMED_ID")
    assert code(salesforce.post(f"{API}/sobjects/Lead", content="{"))[1] == "JSON_PARSER_ERROR"
    old = salesforce.get(f"{SITE}/services/data/v10.0/limits")
    assert code(old) == (404, "NOT_FOUND")


def test_a_person_twice_is_a_duplicate(salesforce: httpx.Client) -> None:
    create(salesforce, "Lead", **LEAD)
    path = f"{API}/sobjects/Lead"
    assert code(salesforce.post(path, json=LEAD)) == (400, "DUPLICATES_DETECTED")
    allowed = {"Sforce-Duplicate-Rule-Header": "allowSave=true"}
    assert salesforce.post(path, json=LEAD, headers=allowed).status_code == 201
    answer = salesforce.patch(f"{path}/Email/ann@a.example", json={"FirstName": "A"})
    assert (answer.status_code, len(answer.json())) == (300, 2)


def test_an_external_id_makes_writing_safe_to_repeat(salesforce: httpx.Client) -> None:
    path = f"{API}/sobjects/Account/External_Id__c/a%2F1"
    first, second = (salesforce.patch(path, json={"Name": "Acme"}) for _ in "12")
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json()["id"] == second.json()["id"]
    assert (first.json()["created"], second.json()["created"]) == (True, False)
    assert salesforce.get(path).json()["External_Id__c"] == "a/1"
    twice = {"Name": "B", "External_Id__c": "a/1"}
    assert code(salesforce.post(f"{API}/sobjects/Account", json=twice))[1] == "DUPLICATE_VALUE"
    assert code(salesforce.patch(path, json=twice))[1] == "INVALID_FIELD"
    wrong = path.replace("External_Id__c", "Phone")
    assert code(salesforce.patch(wrong, json={})) == (404, "NOT_FOUND")


def test_a_task_is_about_somebody(salesforce: httpx.Client, sandbox: Sandbox) -> None:
    who = create(salesforce, "Contact", LastName="Lee")
    task = create(salesforce, "Task", Subject="Newsletter", Description="Sent", WhoId=who)
    shown = sandbox.world.inbox.items[-1]
    assert (shown.kind, shown.text, shown.extra["WhoId"]) == ("task", "Newsletter\nSent", who)
    salesforce.patch(f"{API}/sobjects/Task/{task}", json={"Description": "Opened"})
    assert shown.text == "Newsletter\nOpened"
    salesforce.delete(f"{API}/sobjects/Task/{task}")
    assert shown.deleted
    picture = base64.b64encode(b"bytes").decode()
    create(salesforce, "ContentVersion", PathOnClient="a.txt", VersionData=picture)
    assert sandbox.world.inbox.items[-1].media[0].size == 5


@pytest.mark.parametrize(
    ("where", "names"),
    [
        ("Name = 'acme'", ["Acme"]),
        ("Name LIKE 'b%'", ["Bolt"]),
        ("Name IN ('Acme', 'Bolt')", ["Acme", "Bolt"]),
        ("Name NOT IN ('Acme', 'Bolt')", ["O'Neill \\ Co"]),
        (r"Name = 'O\'Neill \\ Co'", ["O'Neill \\ Co"]),
        ("NumberOfEmployees >= 10 AND NumberOfEmployees < 20", ["Bolt"]),
        ("NumberOfEmployees = null", ["O'Neill \\ Co"]),
        ("NumberOfEmployees != null AND (Name = 'Acme' OR Name = 'x')", ["Acme"]),
        ("NOT Name = 'Acme'", ["Bolt", "O'Neill \\ Co"]),
        ("CreatedDate = TODAY", []),
        ("CreatedDate > YESTERDAY", ["Acme", "Bolt", "O'Neill \\ Co"]),
        ("SystemModstamp >= 2030-01-01T00:00:00Z", []),
        ("External_Id__c = 'one'", ["Acme"]),
        ("Id IN (SELECT AccountId FROM Contact WHERE LastName = 'Lee')", ["Bolt"]),
    ],
)
def test_where(salesforce: httpx.Client, where: str, names: list[str]) -> None:
    create(salesforce, "Account", Name="Acme", NumberOfEmployees=5, External_Id__c="one")
    bolt = create(salesforce, "Account", Name="Bolt", NumberOfEmployees=15)
    create(salesforce, "Account", Name="O'Neill \\ Co")
    create(salesforce, "Contact", LastName="Lee", AccountId=bolt)
    found = ask(salesforce, f"SELECT Name FROM Account WHERE {where} ORDER BY Name")
    assert [row["Name"] for row in found["records"]] == names


def test_references_are_followed_and_rows_are_ordered(salesforce: httpx.Client) -> None:
    acme = create(salesforce, "Account", Name="Acme")
    create(salesforce, "Contact", LastName="Lee", AccountId=acme, Title="b")
    create(salesforce, "Contact", LastName="Kim", Title="a")
    rows = ask(salesforce, "SELECT LastName, Account.Name FROM Contact ORDER BY Account.Name DESC "
                           "NULLS LAST LIMIT 2")["records"]  # fmt: skip
    assert [row["LastName"] for row in rows] == ["Lee", "Kim"]
    assert rows[0]["Account"]["Name"] == "Acme"
    assert rows[1]["Account"] is None
    first = ask(salesforce, "SELECT LastName FROM Contact ORDER BY Account.Name, Title")["records"]
    assert [row["LastName"] for row in first] == ["Kim", "Lee"]
    second = ask(salesforce, "SELECT Id, Title FROM Contact ORDER BY Title LIMIT 1 OFFSET 1")
    assert second["records"][0]["Title"] == "b"
    assert ask(salesforce, "SELECT COUNT() FROM Contact")["totalSize"] == 2


@pytest.mark.parametrize(
    ("soql", "error"),
    [
        ("", "MALFORMED_QUERY"),
        ("SELECT FROM Lead", "MALFORMED_QUERY"),
        ("SELECT Id FROM Lead WHERE Name = 'x", "MALFORMED_QUERY"),
        ("SELECT Id FROM Lead WHERE Name = 'a' AND Name = 'b' OR Name = 'c'", "MALFORMED_QUERY"),
        ("SELECT Id FROM Lead LIMIT", "MALFORMED_QUERY"),
        ("SELECT Id FROM Lead LIMIT 1.5", "MALFORMED_QUERY"),
        ("SELECT Id FROM Lead LIMIT -1", "MALFORMED_QUERY"),
        ("SELECT Id FROM Lead WHERE CreatedDate > LAST_N_DAYS:99999999", "MALFORMED_QUERY"),
        ("SELECT Id FROM Lead WHERE Id IN (SELECT COUNT() FROM Lead)", "MALFORMED_QUERY"),
        (f"SELECT Id FROM Lead WHERE {'NOT ' * 3000}Name = 'x'", "MALFORMED_QUERY"),
        ("SELECT Id FROM Lead; DROP", "MALFORMED_QUERY"),
        ("SELECT Shoes FROM Lead", "INVALID_FIELD"),
        ("SELECT Id FROM Lead WHERE Shoes = 1", "INVALID_FIELD"),
        ("SELECT Id FROM Unicorn", "INVALID_TYPE"),
        ("SELECT Id FROM Lead WHERE CreatedDate > '2026-01-01'", "INVALID_QUERY_FILTER_OPERATOR"),
    ],
)
def test_what_is_no_query(salesforce: httpx.Client, soql: str, error: str) -> None:
    assert code(salesforce.get(f"{API}/query", params={"q": soql})) == (400, error)


def test_a_query_is_read_page_by_page(salesforce: httpx.Client, sandbox: Sandbox) -> None:
    fill(sandbox, "contacts", 4500)
    page = ask(salesforce, "SELECT Id, Email FROM Contact")
    seen = [row["Email"] for row in page["records"]]
    assert (page["totalSize"], page["done"], len(seen)) == (4500, False, 2000)
    while not page["done"]:
        page = salesforce.get(SITE + page["nextRecordsUrl"]).json()
        seen += [row["Email"] for row in page["records"]]
    assert len(set(seen)) == 4500
    by_key = ask(salesforce, f"SELECT Name FROM Contact WHERE Email = '{seen[7]}'")
    assert by_key["totalSize"] == 1
    small = {"Sforce-Query-Options": "batchSize=200"}
    first = salesforce.get(f"{API}/query", params={"q": "SELECT Id FROM Contact"}, headers=small)
    assert len(first.json()["records"]) == 200
    last = first.json()["records"][-1]["Id"]
    more = ask(salesforce, f"SELECT Id FROM Contact WHERE Id > '{last}' ORDER BY Id LIMIT 1")
    assert more["records"][0]["Id"] > last
    assert code(salesforce.get(f"{API}/query/01gnothing-2000"))[1] == "INVALID_QUERY_LOCATOR"


def rows(kind: str, *fields: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"attributes": {"type": kind}, **each} for each in fields]


def test_some_records_at_once(salesforce: httpx.Client) -> None:
    path = f"{API}/composite/sobjects"
    asked = {"records": rows("Contact", {"LastName": "Lee"}, {"FirstName": "Bo"})}
    done, failed = salesforce.post(path, json=asked).json()
    assert (done["success"], failed["success"]) == (True, False)
    assert failed["errors"][0]["statusCode"] == "REQUIRED_FIELD_MISSING"
    changes = rows("Contact", {"id": done["id"], "Title": "CEO"}, {"id": "0035g0000000099"})
    told = salesforce.patch(path, json={"records": changes}).json()
    assert [row["success"] for row in told] == [True, False]
    together = {"allOrNone": True, **asked}
    rolled, cause = salesforce.post(path, json=together).json()
    assert rolled["errors"][0]["statusCode"] == "ALL_OR_NONE_OPERATION_ROLLED_BACK"
    assert cause["errors"][0]["statusCode"] == "REQUIRED_FIELD_MISSING"
    assert ask(salesforce, "SELECT Id FROM Contact")["totalSize"] == 1
    gone = salesforce.delete(path, params={"ids": f"{done['id']},{done['id']}"}).json()
    assert [row["success"] for row in gone] == [True, False]
    assert gone[1]["errors"][0]["statusCode"] == "ENTITY_IS_DELETED"
    many = {"records": rows("Contact", *[{"LastName": "x"}] * 201)}
    assert code(salesforce.post(path, json=many)) == (400, "EXCEEDED_ID_LIMIT")


def test_some_records_by_their_key(salesforce: httpx.Client) -> None:
    path = f"{API}/composite/sobjects/Account/External_Id__c"
    asked = rows("Account", {"External_Id__c": "1", "Name": "A"}, {"Name": "keyless"})
    first, keyless = salesforce.patch(path, json={"records": asked}).json()
    again, _ = salesforce.patch(path, json={"records": asked}).json()
    assert (first["created"], again["created"]) == (True, False)
    assert first["id"] == again["id"]
    assert keyless["errors"][0]["statusCode"] == "MISSING_ARGUMENT"
    fields = {"ids": first["id"], "fields": "Name"}
    read = salesforce.get(f"{API}/composite/sobjects/Account", params=fields).json()
    assert read[0]["Name"] == "A"


def job(salesforce: httpx.Client, data: str, **asked: str) -> str:
    asked = {"object": "Contact", "operation": "insert", "contentType": "CSV", **asked}
    made = salesforce.post(f"{API}/jobs/ingest", json=asked).json()
    path = f"{API}/jobs/ingest/{made['id']}"
    assert made["state"] == "Open"
    csv_type = {"content-type": "text/csv; charset=UTF-8"}
    answer = salesforce.put(f"{SITE}/{made['contentUrl']}", content=data, headers=csv_type)
    assert answer.status_code == 201
    assert salesforce.patch(path, json={"state": "UploadComplete"}).is_success
    return path


def table(answer: httpx.Response) -> list[dict[str, str]]:
    assert answer.headers["content-type"].startswith("text/csv")
    return list(csv.DictReader(io.StringIO(answer.text)))


def test_a_bulk_job(salesforce: httpx.Client, clock: Clock) -> None:
    path = job(salesforce, 'LastName,Email\n"Lee, Ann",ann@a.example\n,bo@a.example\n')
    assert salesforce.get(path).json()["state"] == "UploadComplete"
    assert code(salesforce.get(f"{path}/successfulResults"))[1] == "INVALIDJOBSTATE"
    clock.sleep(1)
    assert salesforce.get(path).json()["state"] == "InProgress"
    clock.sleep(2)
    ended = salesforce.get(path).json()
    assert ended["state"] == "JobComplete"
    assert (ended["numberRecordsProcessed"], ended["numberRecordsFailed"]) == (2, 1)
    (good,) = table(salesforce.get(f"{path}/successfulResults"))
    assert (good["LastName"], good["sf__Created"]) == ("Lee, Ann", "true")
    (bad,) = table(salesforce.get(f"{path}/failedResults"))
    assert bad["sf__Error"].startswith("REQUIRED_FIELD_MISSING:Required fields are missing")
    assert table(salesforce.get(f"{path}/unprocessedrecords")) == []
    change = job(salesforce, f"Id,Email\n{good['sf__Id']},#N/A\n", operation="update")
    clock.sleep(3)
    assert len(table(salesforce.get(f"{change}/successfulResults"))) == 1
    assert salesforce.get(f"{API}/sobjects/Contact/{good['sf__Id']}").json()["Email"] is None
    assert salesforce.delete(path).status_code == 204
    assert code(salesforce.get(path)) == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("data", "error"), [("LastName,Shoes\nLee,42\n", "InvalidBatch : Field name not found : Shoes"),
                        ("LastName\r\nLee\r\n", "ClientInputError : LineEnding is invalid")]
)  # fmt: skip
def test_a_bulk_job_that_fails(
    salesforce: httpx.Client, clock: Clock, data: str, error: str
) -> None:
    path = job(salesforce, data)
    clock.sleep(3)
    ended = salesforce.get(path).json()
    assert ended["state"] == "Failed"
    assert ended["errorMessage"].startswith(error)
    assert len(table(salesforce.get(f"{path}/unprocessedrecords"))) == 1
    assert code(salesforce.patch(path, json={"state": "Aborted"}))[1] == "INVALIDJOBSTATE"


def test_a_bulk_upsert_and_delete(salesforce: httpx.Client, clock: Clock) -> None:
    settings = {"operation": "upsert", "externalIdFieldName": "External_Id__c"}
    paths = [job(salesforce, "LastName,External_Id__c\nLee,1\n", **settings) for _ in "12"]
    clock.sleep(3)
    told = [table(salesforce.get(f"{path}/successfulResults"))[0] for path in paths]
    assert [row["sf__Created"] for row in told] == ["true", "false"]
    path = job(salesforce, f"Id\n{told[0]['sf__Id']}\n", operation="delete")
    clock.sleep(3)
    assert salesforce.get(path).json()["numberRecordsFailed"] == 0
    assert ask(salesforce, "SELECT Id FROM Contact")["totalSize"] == 0


def test_a_bulk_query(salesforce: httpx.Client, sandbox: Sandbox, clock: Clock) -> None:
    fill(sandbox, "contacts", 25)
    asked = {"operation": "query", "query": "SELECT Id, Email FROM Contact"}
    made = salesforce.post(f"{API}/jobs/query", json=asked).json()
    path = f"{API}/jobs/query/{made['id']}"
    assert code(salesforce.get(f"{path}/results"))[1] == "INVALIDJOBSTATE"
    clock.sleep(3)
    assert salesforce.get(path).json()["numberRecordsProcessed"] == 25
    seen: list[str] = []
    locator = ""
    while locator != "null":
        params = {"maxRecords": "10", **({"locator": locator} if locator else {})}
        page = salesforce.get(f"{path}/results", params=params)
        found = table(page)
        assert page.headers["sforce-numberofrecords"] == str(len(found))
        seen += [row["Email"] for row in found]
        locator = page.headers["sforce-locator"]
    assert len(set(seen)) == 25
    assert code(salesforce.get(f"{path}/results", params={"locator": "?"})) == (
        400, "INVALID_QUERY_LOCATOR",
    )  # fmt: skip


def test_campaign_members(salesforce: httpx.Client) -> None:
    campaign = create(salesforce, "Campaign", Name="Spring")
    lead = create(salesforce, "Lead", **LEAD)
    member = {"CampaignId": campaign, "LeadId": lead}
    create(salesforce, "CampaignMember", **member)
    again = salesforce.post(f"{API}/sobjects/CampaignMember", json=member)
    assert code(again) == (400, "DUPLICATE_VALUE")
    nobody = salesforce.post(f"{API}/sobjects/CampaignMember", json={"CampaignId": campaign})
    assert code(nobody)[1] == "REQUIRED_FIELD_MISSING"


def test_the_calls_of_a_day(serve: Callable[..., Sandbox], clock: Clock) -> None:
    with session(serve(limits={"salesforce": 2})) as salesforce:
        first = salesforce.get(f"{API}/limits")
        assert first.headers["sforce-limit-info"] == "api-usage=1/2"
        salesforce.get(f"{API}/limits")
        refused = salesforce.get(f"{API}/limits")
        assert code(refused) == (403, "REQUEST_LIMIT_EXCEEDED")
        assert refused.headers["sforce-limit-info"] == "api-usage=2/2"
        clock.sleep(86_400)
        assert salesforce.get(f"{API}/limits").is_success


def test_what_there_is(salesforce: httpx.Client, http: httpx.Client, sandbox: Sandbox) -> None:
    versions = http.get(f"{sandbox.url}{SITE}/services/data").json()
    assert versions[-1]["version"] == "66.0"
    described = salesforce.get(f"{API}/sobjects/lead/describe").json()
    fields = {field["name"]: field for field in described["fields"]}
    assert fields["Description"]["length"] == 32_000
    assert not fields["Company"]["nillable"]
    assert fields["External_Id__c"]["externalId"]
    names = {each["name"] for each in salesforce.get(f"{API}/sobjects").json()["sobjects"]}
    assert {"Task", "Campaign", "User"} <= names


@pytest.mark.parametrize("token", ["", "00D5g000004abc!AQ0AQ"])
def test_who_is_not_let_in(sandbox: Sandbox, http: httpx.Client, token: str) -> None:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    answer = http.get(f"{sandbox.url}{API}/limits", headers=headers)
    assert answer.status_code == 401
    assert answer.json()[0]["errorCode"] in ("INVALID_SESSION_ID", "INVALID_AUTH_HEADER")


def authorized(sandbox: Sandbox, http: httpx.Client, verifier: str, **change: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    asked = {
        "client_id": "app", "redirect_uri": REDIRECT, "response_type": "code",
        "scope": "api refresh_token", "code_challenge_method": "S256",
        "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(), **change,
    }  # fmt: skip
    page = http.get(f"{sandbox.url}{LOGIN}/authorize", params=asked)
    return page.headers["location"]


def test_a_login_and_its_tokens(sandbox: Sandbox, http: httpx.Client, clock: Clock) -> None:
    verifier = "v" * 43
    sent_back = parse_qs(urlsplit(authorized(sandbox, http, verifier)).query)
    form = {"grant_type": "authorization_code", "client_id": "app", "redirect_uri": REDIRECT,
            "code": sent_back["code"][0], "code_verifier": verifier}  # fmt: skip
    path = f"{sandbox.url}{LOGIN}/token"
    tokens = http.post(path, data=form).json()
    assert "expires_in" not in tokens
    assert tokens["instance_url"] == f"{sandbox.url}{SITE}"
    bearer = {"authorization": f"Bearer {tokens['access_token']}"}
    limits = f"{tokens['instance_url']}/services/data/v66.0/limits"
    assert http.get(limits, headers=bearer).is_success
    who = http.get(tokens["id"], headers=bearer).json()
    assert who["user_id"] == tokens["id"].rpartition("/")[2]
    clock.sleep(7201)
    assert code(http.get(limits, headers=bearer)) == (401, "INVALID_SESSION_ID")
    again = {"grant_type": "refresh_token", "client_id": "app",
             "refresh_token": tokens["refresh_token"]}  # fmt: skip
    fresh = http.post(path, data=again).json()
    assert fresh["refresh_token"] != tokens["refresh_token"]
    bearer = {"authorization": f"Bearer {fresh['access_token']}"}
    assert http.get(limits, headers=bearer).is_success
    assert http.post(f"{sandbox.url}{LOGIN}/revoke", data={"token": fresh["refresh_token"]})
    assert http.get(limits, headers=bearer).status_code == 401
    assert http.post(path, data=again).json()["error"] == "invalid_grant"


def test_a_login_without_pkce_is_refused(sandbox: Sandbox, http: httpx.Client) -> None:
    back = authorized(sandbox, http, "v" * 43, code_challenge="")
    assert parse_qs(urlsplit(back).query)["error"] == ["invalid_request"]


def test_a_client_comes_by_itself_at_my_domain_only(sandbox: Sandbox, http: httpx.Client) -> None:
    form = {"grant_type": "client_credentials", "client_id": "app",
            "client_secret": "sandbox-secret"}  # fmt: skip
    site = f"{sandbox.url}{SITE}/services/oauth2/token"
    tokens = http.post(site, data=form).json()
    assert "refresh_token" not in tokens
    assert http.post(f"{sandbox.url}{LOGIN}/token", data=form).status_code == 400
    real = http.post(site, data={**form, "client_secret": "0123456789"})
    assert real.json()["error"] == "invalid_client"


def signed(key: RSAPrivateKey, claims: dict[str, object], alg: str = "RS256") -> str:
    def part(data: bytes) -> str:
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    body = ".".join(part(json.dumps(each).encode()) for each in ({"alg": alg}, claims))
    return f"{body}.{part(key.sign(body.encode(), PKCS1v15(), SHA256()))}"


def test_a_signed_request(sandbox: Sandbox, http: httpx.Client, clock: Clock) -> None:
    pem = http.get(f"{sandbox.url}{LOGIN}/sandbox-key").content
    key = load_pem_private_key(pem, None)
    assert isinstance(key, RSAPrivateKey)
    fine: dict[str, object] = {"iss": "app", "sub": "sandy@sandbox.example",
                               "aud": "https://login.salesforce.com",
                               "exp": round(clock.now) + 180}  # fmt: skip

    def say(assertion: str) -> Any:
        form = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
                "assertion": assertion}  # fmt: skip
        return http.post(f"{sandbox.url}{LOGIN}/token", data=form).json()

    bearer = {"authorization": f"Bearer {say(signed(key, fine))['access_token']}"}
    assert http.get(f"{sandbox.url}{API}/limits", headers=bearer).is_success
    other = generate_private_key(public_exponent=65537, key_size=2048)
    refused = {
        signed(other, fine): "invalid assertion",
        signed(key, fine, "none"): "invalid assertion",
        signed(key, {**fine, "exp": (round(clock.now) + 180) * 1000}): "invalid assertion",
        signed(key, {**fine, "exp": round(clock.now) - 1}): "invalid assertion",
        signed(key, {**fine, "aud": "https://example.com"}): "audience is invalid",
        signed(key, {**fine, "sub": "unapproved@a.example"}):
            "user hasn't approved this consumer",
        "a.b": "invalid assertion",
    }  # fmt: skip
    for assertion, text in refused.items():
        assert say(assertion) == {"error": "invalid_grant", "error_description": text}
