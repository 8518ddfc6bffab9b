"""`mktool sync` with Pipedrive, Zoho and Salesforce as their sandboxes play them."""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest

from mktool import providers
from mktool.core import login
from mktool.core.settings import Settings
from mktool.providers._pipedrive_crm import COSTS
from mktool.providers.hubspot import HubSpot
from mktool.providers.pipedrive import Pipedrive
from mktool.providers.salesforce import Salesforce
from mktool.sandbox.vendors.salesforce import ingest
from mktool.sandbox.world import World
from mktool.spec import DAY, Limit
from mktool.store import ledger
from tests.box import Box
from tests.cli.conftest import Mktool

Rows = list[dict[str, Any]]
PACED = Pipedrive.spec
TOKENS = {
    "MKTOOL_PIPEDRIVE_API_TOKEN": "sandbox-run",
    "MKTOOL_ZOHO_ACCESS_TOKEN": "1000.sandbox-run",
    "MKTOOL_SALESFORCE_ACCESS_TOKEN": "00D!sandbox-run",
    "MKTOOL_SALESFORCE_INSTANCE_URL": "https://sandbox.my.salesforce.com",
}
HEADERS = {
    "pipedrive": {"x-api-token": "sandbox-run"},
    "zoho": {"authorization": "Zoho-oauthtoken 1000.sandbox-run"},
    "salesforce": {"authorization": "Bearer 00D!sandbox-run"},
}


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of record: where it is at the vendor, and one with values that are easily bent."""

    provider: str
    name: str
    path: str
    row: Mapping[str, str]
    change: tuple[str, str]
    more: Mapping[str, Any] = field(default_factory=dict)  # what the vendor's own call needs

    def __str__(self) -> str:
        return f"{self.provider}-{self.name}"


SALES = "sandbox.my.salesforce.com/services/data/v65.0/sobjects"
CRM = "www.zohoapis.com/crm/v8"
KINDS = (
    Kind("salesforce", "contacts", f"{SALES}/Contact", {
        "Email": "zoë+1@acme.example", "LastName": "O'Hára 👩‍👧", "Phone": "+41 79 555 01 02",
        "Birthdate": "1999-12-31", "HasOptedOutOfEmail": "true", "LeadSource": "Web",
        "Description": 'a "b";\t=1+1'}, ("Phone", "0041")),
    Kind("salesforce", "companies", f"{SALES}/Account", {
        "Name": "=Acme, \"Inc\"", "AnnualRevenue": "1234567890.12", "NumberOfEmployees": "7",
        "Website": "https://acme.example/?a=1&b"}, ("AnnualRevenue", "0.1")),
    Kind("salesforce", "deals", f"{SALES}/Opportunity", {
        "Name": "Big", "StageName": "Proposal/Price Quote", "CloseDate": "2027-02-28",
        "Amount": "99.95", "Probability": "33.3"}, ("StageName", "Closed Won")),
    Kind("salesforce", "leads", f"{SALES}/Lead", {
        "Email": "lead@acme.example", "LastName": "007", "Company": "-", "Status": "Open"},
        ("Company", "Acme")),
    Kind("salesforce", "campaigns", f"{SALES}/Campaign", {
        "Name": "Spring", "IsActive": "false", "StartDate": "2026-03-01", "BudgetedCost": "1000.5"},
        ("IsActive", "true")),
    Kind("zoho", "contacts", f"{CRM}/Contacts", {
        "Email": "zoe@acme.example", "Last_Name": "O'Hára 👩‍👧", "Phone": "+41 79 555 01 02",
        "Date_of_Birth": "1999-12-31", "Email_Opt_Out": "true", "Description": 'a "b";\t=1+1'},
        ("Phone", "0041")),
    Kind("zoho", "companies", f"{CRM}/Accounts", {
        "Account_Name": "=Acme, \"Inc\"", "Annual_Revenue": "1234567890.12", "Employees": "7"},
        ("Annual_Revenue", "0.1")),
    Kind("zoho", "deals", f"{CRM}/Deals", {
        "Deal_Name": "Big", "Stage": "Closed (won)", "Closing_Date": "2027-02-28",
        "Amount": "99.95", "Probability": "33"}, ("Stage", "Lost")),
    Kind("zoho", "leads", f"{CRM}/Leads", {
        "Email": "lead@acme.example", "Last_Name": "007", "Company": "-", "Zip_Code": "00123"},
        ("Company", "Acme")),
    Kind("zoho", "campaigns", f"{CRM}/Campaigns", {
        "Campaign_Name": "Spring", "Start_Date": "2026-03-01", "Budgeted_Cost": "1000",
        "Num_sent": "12"}, ("Status", "Active")),
    Kind("pipedrive", "contacts", "api.pipedrive.com/api/v2/persons", {
        "email": "zoe@acme.example", "name": "Zoë O'Hára 👩‍👧", "phone": "+41 79 555 01 02",
        "label_ids": "[1,2]"}, ("phone", "0041")),
    Kind("pipedrive", "companies", "api.pipedrive.com/api/v2/organizations", {
        "name": "=Acme, \"Inc\"", "visible_to": "3"}, ("visible_to", "1")),
    Kind("pipedrive", "deals", "api.pipedrive.com/api/v2/deals", {
        "title": "Big", "value": "99.95", "currency": "CHF", "expected_close_date": "2027-02-28",
        "is_archived": "false", "probability": "33"}, ("status", "won")),
)  # fmt: skip


class Desk:
    """The commands a person types, and the vendor's own API for what others do there."""

    def __init__(self, mktool: Mktool, box: Box) -> None:
        self.mktool, self.box = mktool, box

    def sync(self, kind: Kind, *args: str, code: int = 0) -> Any:
        ran = self.mktool("sync", kind.provider, kind.name, *args, "--json")
        assert ran.code == code, ran
        return ran.json

    def pull(self, kind: Kind, *args: str) -> Any:
        return self.sync(kind, "--to", "out.jsonl", *args)

    def push(self, kind: Kind, rows: Rows, *args: str, code: int = 0) -> Any:
        names = dict.fromkeys(name for row in rows for name in row)
        with Path("in.csv").open("w", encoding="utf-8", newline="") as file:
            table = csv.DictWriter(file, list(names), restval="")
            table.writeheader()
            table.writerows(rows)
        return self.sync(kind, "--from", "in.csv", *args, code=code)

    def rows(self) -> Rows:
        return [json.loads(line) for line in Path("out.jsonl").read_text().splitlines()]

    def call(self, kind: Kind, method: str, path: str, body: Any = None) -> Any:
        url = f"{self.box.sandbox.url}/{kind.path}{path}"
        reply = httpx.request(
            method, url, json=body, headers=HEADERS[kind.provider], trust_env=False
        )
        assert reply.is_success, reply.text
        return reply.json() if reply.content else None

    def delete(self, kind: Kind, id: str) -> None:
        self.call(kind, "DELETE", f"/{id}")

    def change(self, kind: Kind, id: str, **values: Any) -> None:
        if kind.provider == "zoho":
            self.call(kind, "PUT", "", {"data": [{"id": id, **values}]})
        else:
            self.call(kind, "PATCH", f"/{id}", values)

    def fill(self, vendor: str, kind: str, count: int) -> None:
        asked = {"vendor": vendor, "kind": kind, "count": count}
        httpx.post(f"{self.box.sandbox.url}/_fill", json=asked, trust_env=False).raise_for_status()


@pytest.fixture
def desk(mktool: Mktool, box: Box, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Desk:
    monkeypatch.chdir(tmp_path)
    for name, value in TOKENS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(Pipedrive, "spec", replace(Pipedrive.spec, limits=()))  # else tests wait
    box.sandbox.world.limits = {"pipedrive": 9999, "pipedrive search": 9999}
    monkeypatch.setattr(ingest, "WORK", 0.0)  # of a job
    monkeypatch.setattr(Settings, "sleep", lambda self, seconds: time.sleep(min(seconds, 0.05)))
    return Desk(mktool, box)


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_what_is_written_is_read_as_it_was(desk: Desk, kind: Kind) -> None:
    assert desk.push(kind, [dict(kind.row)])["data"]["outcomes"] == {"done": 1}
    desk.pull(kind)
    (row,) = desk.rows()
    assert {n: row[n] for n in kind.row} == kind.row
    assert desk.push(kind, [dict(kind.row)])["data"]["plan"] == {"unchanged": 1}
    name, value = kind.change
    assert desk.push(kind, [{**kind.row, name: value}])["data"]["plan"] == {"update": 1}
    desk.pull(kind)
    (row,) = desk.rows()
    assert row[name] == value
    assert {n: row[n] for n in kind.row if n != name} == {
        n: v for n, v in kind.row.items() if n != name
    }


def kind_of(name: str) -> Kind:
    return next(kind for kind in KINDS if str(kind) == name)


MANY = {  # what the sandbox is filled with, and a field that everybody has
    "salesforce-contacts": ("contacts", "LastName"), "zoho-contacts": ("Contacts", "Last_Name"),
    "zoho-leads": ("Leads", "Last_Name"), "pipedrive-contacts": ("persons", "name"),
    "pipedrive-deals": ("deals", "title"), "salesforce-deals": ("opportunities", "Name"),
}  # fmt: skip


@pytest.mark.parametrize("name", MANY)
def test_only_what_changed_is_read_again(desk: Desk, name: str) -> None:
    kind, (object, field) = kind_of(name), MANY[name]
    desk.box.ahead = -3600.0
    desk.fill(kind.provider, object, 450)
    desk.box.ahead = 0.0
    assert desk.pull(kind)["data"]["records"] == 450
    ids = [row["id"] for row in desk.rows()]
    desk.change(kind, ids[7], **{field: "changed"})
    desk.delete(kind, ids[8])
    desk.push(kind, [{**kind.row, field: "new"}])
    told = desk.pull(kind)["data"]
    deletes = name != "pipedrive-contacts"  # of which Pipedrive lists deals alone
    assert told["read"] == 2 + deletes
    if not deletes:
        desk.pull(kind, "--full")
    rows = {row["id"]: row for row in desk.rows()}
    assert len(rows) == 451
    assert rows[ids[7]][field] == "changed"
    assert [id for id, row in rows.items() if row["deleted"]] == [ids[8]]
    assert {row[field] for row in rows.values()} >= {"new"}
    assert desk.pull(kind)["data"]["changed"] == 0


@pytest.mark.parametrize(
    ("name", "page", "size", "count"),
    [("salesforce-contacts", "/results", 5000, 5100), ("zoho-contacts", "/Contacts", 200, 1250),
     ("pipedrive-contacts", "/persons", 500, 2600)],
)  # fmt: skip
def test_a_reading_that_was_cut_off_goes_on_where_it_was(
    desk: Desk, name: str, page: str, size: int, count: int
) -> None:
    kind, (object, field) = kind_of(name), MANY[name]
    desk.box.ahead = -3600.0
    desk.fill(kind.provider, object, count)
    desk.box.ahead = 0.0
    pages = -(-count // size)
    desk.box.breaks(",".join(f"503@{pages + more}:GET /*{page}" for more in range(5)))
    desk.sync(kind, "--to", "out.jsonl", "--fields", field, code=16)
    desk.box.breaks()
    before = desk.box.calls(page, "GET")
    desk.pull(kind, "--fields", field)
    assert desk.box.calls(page, "GET") - before <= 3  # the last page, and what changed meanwhile
    rows = desk.rows()
    assert len(rows) == len({row["id"] for row in rows}) == count
    assert all(row[field] for row in rows)


REFUSED = {
    "salesforce-contacts": ({"Email": "x@acme.example"}, "REQUIRED_FIELD_MISSING"),
    "zoho-contacts": ({"Email": "x@acme.example"}, "MANDATORY_NOT_FOUND"),
    "pipedrive-contacts": ({"email": "x@acme.example", "name": " "}, "ERR_SCHEMA"),
    "salesforce-deals": ({"Name": "x", "Amount": "many"}, "JSON_PARSER_ERROR"),
    "zoho-deals": ({"Deal_Name": "x", "Stage": "y", "Amount": "many"}, "INVALID_DATA"),
    "pipedrive-deals": ({"title": "x", "value": "many"}, "ERR_SCHEMA"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("alone", [False, True])
def test_a_row_that_is_refused_stops_no_other(desk: Desk, name: str, alone: bool) -> None:
    kind, (bad, code) = kind_of(name), REFUSED[name]
    good = [] if alone else [dict(kind.row)]
    told = desk.push(kind, [*good, bad], code=6)["data"]
    assert told["outcomes"] == {"failed": 1} | ({} if alone else {"done": 1})
    (row,) = desk.mktool("syncs", "1", "--state", "failed", "--json").json["data"]
    assert row["code"].startswith(code)
    assert row["reason"]


def test_who_is_there_twice_at_pipedrive_is_not_guessed(desk: Desk) -> None:
    kind = kind_of("pipedrive-contacts")
    for _ in range(2):
        desk.call(kind, "POST", "", {"name": "Zoe", "emails": [{"value": "zoe@acme.example"}]})
    row = {"email": "Zoe@acme.example", "name": "Other"}
    assert desk.push(kind, [row], code=6)["data"]["plan"] == {"refused": 1}
    desk.pull(kind)
    assert [r["name"] for r in desk.rows()] == ["Zoe", "Zoe"]


def test_an_external_id_is_upserted_by(desk: Desk) -> None:
    kind = kind_of("salesforce-contacts")
    rows = [{"External_Id__c": f"00{n}", "LastName": "A"} for n in range(3)]
    desk.call(kind, "POST", "", rows[1] | {"LastName": "old"})
    desk.push(kind, [dict(row) for row in rows], "--key", "External_Id__c")
    desk.pull(kind)
    assert {(r["External_Id__c"], r["LastName"]) for r in desk.rows()} == {
        (f"00{n}", "A") for n in range(3)
    }


LogIn = Callable[[str], None]


def passes(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Have time pass for us."""
    clock = (lambda: time.time() + seconds,)
    monkeypatch.setattr(ledger.Ledger.__init__, "__defaults__", clock)


@pytest.fixture
def log_in(desk: Desk, vault: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[LogIn]:
    """Log in: at Salesforce without a person, elsewhere with one who agrees to everything."""
    threads: list[Thread] = []

    def visit(url: str) -> bool:
        get = partial(httpx.get, url, trust_env=False, follow_redirects=True)
        threads.append(Thread(target=get))
        threads[-1].start()
        return True

    def log_in(provider: str) -> None:
        monkeypatch.setenv(f"MKTOOL_{provider.upper()}_CLIENT_SECRET", "sandbox-secret")
        more: tuple[str, ...] = ()
        if provider == "salesforce":
            domain = "login_url=https://sandbox.my.salesforce.com"
            more = ("--client-credentials", "--field", domain)
        ran = desk.mktool("authorize", provider, "--field", "client_id=sandbox-app", *more)
        assert ran.code == 0, ran.err

    monkeypatch.setattr(login, "open_browser", visit)
    for name in TOKENS:
        monkeypatch.delenv(name)
    yield log_in
    for thread in threads:
        thread.join()


@pytest.mark.parametrize("name", ["salesforce-contacts", "zoho-contacts", "pipedrive-contacts"])
def test_a_session_that_ends_between_pages_is_renewed_once(
    desk: Desk, log_in: LogIn, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind, (object, _) = kind_of(name), MANY[name]
    log_in(kind.provider)
    desk.fill(kind.provider, object, 2300)
    tokens, saw, pages = desk.box.calls("/token"), World.saw, iter(range(99))

    def passing(self: World, *about: Any) -> None:
        saw(self, *about)
        if "/token" not in about[3] and next(pages) == 3:
            desk.box.ahead += 7300.0

    monkeypatch.setattr(World, "saw", passing)
    assert desk.pull(kind)["data"]["records"] == 2300
    assert desk.box.calls("/token") == tokens + 1
    calls = desk.box.sandbox.world.calls
    assert sum(call.status == 401 for call in calls) == 1


def test_zoho_gives_no_more_tokens_for_a_while(desk: Desk, log_in: LogIn) -> None:
    kind = kind_of("zoho-contacts")
    log_in("zoho")
    desk.fill("zoho", "Contacts", 3)
    tokens = desk.box.calls("/token")
    for _ in range(3):
        desk.pull(kind)
    assert desk.box.calls("/token") == tokens
    world = desk.box.sandbox.world
    desk.box.ahead += 3700.0
    world.limits = {"zoho tokens": 0}
    (error,) = desk.sync(kind, "--to", "out.jsonl", code=15)["errors"]
    assert error["retry_after"]
    world.limits = {}
    assert desk.pull(kind)["data"]["records"] == 3


def test_a_token_that_is_still_good_does_without_another(
    desk: Desk, log_in: LogIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = desk.box.sandbox.world
    world.ttl = 100.0
    log_in("zoho")
    passes(monkeypatch, 80.0)  # it is renewed early
    desk.fill("zoho", "Contacts", 3)
    world.limits, tokens = {"zoho tokens": 0}, desk.box.calls("/token")
    assert desk.pull(kind_of("zoho-contacts"))["data"]["records"] == 3
    assert desk.box.calls("/token") == tokens + 1


BUDGETS = {  # as we count them; the columns of a row, and how many rows are more than a day's
    "pipedrive-contacts": (Limit(400, DAY, "*", "app", "", COSTS), ("email", "name"), 100),
    "zoho-contacts": (Limit(30, DAY, costs={"upsert": 10}), ("Email", "Last_Name"), 400),
}  # fmt: skip


@pytest.mark.parametrize("name", BUDGETS)
def test_a_day_that_is_used_up_goes_on_the_next_day(
    desk: Desk, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind, (limit, (key, named), count) = kind_of(name), BUDGETS[name]
    vendor = providers.load(kind.provider)
    monkeypatch.setattr(vendor, "spec", replace(vendor.spec, limits=(limit,)))
    confirm = ("--confirm", str(count))
    rows = [{key: f"p{n}@acme.example", named: "Lee"} for n in range(count)]
    (error,) = desk.push(kind, rows, *confirm, code=15)["errors"]
    assert DAY - 600 < error["retry_after"] <= DAY
    done = len(desk.mktool("syncs", "1", "--state", "done", "--json").json["data"])
    assert 0 < done < count
    (told,) = (row for row in desk.mktool("limits", "--json").json["data"] if row["per"] == DAY)
    assert limit.calls - 10 < told["used"] <= limit.calls
    again = desk.mktool("sync", kind.provider, kind.name, "--from", "in.csv", *confirm)
    assert "try again at" in again.err
    passes(monkeypatch, DAY)
    desk.sync(kind, "--from", "in.csv", *confirm)
    desk.pull(kind)
    assert sorted(row[key] for row in desk.rows()) == sorted(row[key] for row in rows)


@pytest.mark.parametrize(
    ("name", "limit", "most"),
    [("pipedrive-contacts", "pipedrive tokens", 60), ("salesforce-contacts", "salesforce", 5)],
)
def test_a_day_that_is_over_as_the_vendor_says(
    desk: Desk, name: str, limit: str, most: int
) -> None:
    kind, world = kind_of(name), desk.box.sandbox.world
    world.limits = {**world.limits, limit: most}
    for _ in range(5):
        if (ran := desk.mktool("sync", kind.provider, kind.name, "--to", "c.csv", "--full")).code:
            break
    assert ran.code == 15, ran
    assert "(in 60 min)" in ran.err


MAIL = """\
name = "launch"
provider = "sendgrid"
from = "Acme <news@acme.example>"
subject = "It is here, {{{{ {name} }}}}"
text = "It is here."
unsubscribe = "https://acme.example/u?{{{{ {email} }}}}"
postal_address = "1 Main Street"
recipients = "{recipients}"
"""
ATTRIBUTION = """\
[map.salesforce.attribution]
Email = "email"
Department = "campaign"
Title = "state"
Description = "sent_at"
[map.hubspot.attribution]
email = "email"
jobtitle = "campaign"
company = "medium"
"""


class TestACampaign:
    @pytest.fixture(autouse=True)
    def _configured(self, desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "config.toml").write_text(ATTRIBUTION)
        monkeypatch.setenv("MKTOOL_CONFIG", str(tmp_path / "config.toml"))
        monkeypatch.setenv("SENDGRID_API_KEY", "SG.sandbox.run")
        monkeypatch.setenv("MKTOOL_HUBSPOT_TOKEN", "pat-sandbox-run")
        monkeypatch.setattr(HubSpot, "spec", replace(HubSpot.spec, limits=()))

    def send(self, desk: Desk, recipients: str, name: str, email: str, *args: str) -> Any:
        Path("launch.toml").write_text(MAIL.format(recipients=recipients, name=name, email=email))
        return desk.mktool("send-campaign", "launch.toml", "--json", *args)

    def test_goes_to_a_list_of_hubspot_and_back(self, desk: Desk) -> None:
        desk.box.sandbox.world.limits = {"hubspot": 9999}
        desk.fill("hubspot", "contacts", 300)
        ran = self.send(desk, "hubspot:list/1", "firstname", "email", "--confirm", "300")
        assert ran.code == 0, ran
        mails = [item for item in desk.box.items if item.vendor == "sendgrid"]
        assert len({mail.to for mail in mails}) == 300
        Kind_ = Kind("hubspot", "contacts", "", {}, ("", ""))
        told = desk.sync(Kind_, "--from", "campaign:launch", "--confirm", "300")["data"]
        assert told["outcomes"] == {"done": 300}
        desk.pull(Kind_)
        assert {(r["jobtitle"], r["company"]) for r in desk.rows()} == {("launch", "email")}

    def test_goes_to_a_campaign_of_salesforce_and_back(self, desk: Desk) -> None:
        contacts, leads = kind_of("salesforce-contacts"), kind_of("salesforce-leads")
        people = [{"Email": f"p{n}@acme.example", "LastName": f"L{n}"} for n in range(3)]
        ids = [desk.call(contacts, "POST", "", row)["id"] for row in people[:2]]
        lead = desk.call(leads, "POST", "", {**people[2], "Company": "-"})["id"]
        campaign = desk.call(kind_of("salesforce-campaigns"), "POST", "", {"Name": "C"})["id"]
        members = Kind("salesforce", "", f"{SALES}/CampaignMember", {}, ("", ""))
        no = {"Email": "no@acme.example", "LastName": "No", "HasOptedOutOfEmail": True}
        out = desk.call(contacts, "POST", "", no)["id"]
        for named in (*({"ContactId": id} for id in (*ids, out)), {"LeadId": lead}):
            desk.call(members, "POST", "", {"CampaignId": campaign, **named})
        ran = self.send(desk, f"salesforce:campaign/{campaign}", "LastName", "Email")
        assert ran.code == 0, ran
        mails = [item for item in desk.box.items if item.vendor == "sendgrid"]
        assert {mail.subject for mail in mails} == {f"It is here, L{n}" for n in range(3)}
        told = desk.sync(contacts, "--from", "campaign:launch")["data"]
        assert told["plan"] == {"unchanged": 1, "update": 2}
        desk.pull(contacts)
        told = {r["LastName"]: (r["Department"], r["Title"]) for r in desk.rows()}
        sent = ("launch", "sent")
        assert told == {"L0": sent, "L1": sent, "No": (None, None)}
        assert {(r["Description"] or "")[:2] for r in desk.rows()} == {"20", ""}
        again = desk.sync(contacts, "--from", "campaign:launch")["data"]
        assert again["plan"] == {"unchanged": 3}

    def test_goes_to_the_mobile_phones_of_salesforce(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("TWILIO_ACCOUNT_SID", "ACsandbox0000000000000000000000run")
        monkeypatch.setenv("TWILIO_AUTH_TOKEN", "sandbox-run")
        lead = {"LastName": "L", "Company": "=Acme", "MobilePhone": "+12025550101"}
        id = desk.call(kind_of("salesforce-leads"), "POST", "", lead)["id"]
        campaign = desk.call(kind_of("salesforce-campaigns"), "POST", "", {"Name": "C"})["id"]
        members = Kind("salesforce", "", f"{SALES}/CampaignMember", {}, ("", ""))
        desk.call(members, "POST", "", {"CampaignId": campaign, "LeadId": id})
        Path("texts.toml").write_text(
            'name = "texts"\nprovider = "twilio"\nfrom = "+15005550006"\n'
            'text = "{{ CompanyOrAccount }}: reply STOP to end"\n'
            f'recipients = "salesforce:campaign/{campaign}"\n'
        )
        ran = desk.mktool("send-campaign", "texts.toml")
        assert ran.code == 0, ran
        assert [item.text for item in desk.box.items if item.vendor == "twilio"] == [
            "=Acme: reply STOP to end"
        ]

    @pytest.mark.parametrize(
        ("recipients", "code"),
        [("salesforce:campaign/701000000000000", 2), ("salesforce:list/1", 5),
         ("pipedrive:list/1", 5), ("hubspot:list/99", 13), ("salesforce:campaign/x'y", 2)],
    )  # fmt: skip
    def test_that_goes_to_nobody(self, desk: Desk, recipients: str, code: int) -> None:
        ran = self.send(desk, recipients, "name", "email")
        assert ran.code == code, ran
        assert ran.json["errors"][0]["hint"]


def test_budgets_of_a_day_are_shown_as_they_were_granted(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Pipedrive, "spec", PACED)
    monkeypatch.setenv("MKTOOL_PIPEDRIVE_TOKENS_PER_DAY", "210000")
    monkeypatch.setenv("MKTOOL_ZOHO_DAILY_CREDITS", "51000")
    for name in ("pipedrive-contacts", "zoho-contacts", "salesforce-contacts"):
        desk.push(kind_of(name), [dict(kind_of(name).row)])
    told = desk.mktool("limits", "--json").json["data"]
    days = {row["provider"]: row for row in told if row["bucket"] == "*"}
    assert (days["pipedrive"]["quota"], days["zoho"]["quota"]) == (210_000, 51_000)
    assert days["pipedrive"]["used"] == 2 * COSTS["list"] + COSTS["add record"]
    assert days["salesforce"]["source"] == "vendor"
    calls = desk.box.sandbox.world.calls
    assert days["salesforce"]["used"] == sum(call.vendor == "salesforce" for call in calls)


NASTY = 'he said "no", twice;|\t👩‍👩‍👧\n#N/A, =1+1'


def test_jobs_of_salesforce_carry_values_as_they_are(desk: Desk) -> None:
    kind, count = kind_of("salesforce-contacts"), 2100
    rows: Rows = [
        {"External_Id__c": f"00{n}", "LastName": f"L{n}", "Birthdate": "1999-12-31",
         "Phone": "+41 79", "HasOptedOutOfEmail": "false", "Description": NASTY}
        for n in range(count)
    ]  # fmt: skip
    desk.call(kind, "POST", "", {"External_Id__c": "007", "LastName": "old"})
    desk.push(kind, rows, "--key", "External_Id__c", "--confirm", str(count))
    desk.pull(kind)
    made = {row["External_Id__c"]: row for row in desk.rows()}
    assert [{n: made[row["External_Id__c"]][n] for n in row} for row in rows] == rows
    assert desk.box.calls("/jobs/ingest") == 1
    phones = ["2", None] * (count // 2)
    changed = [{"id": row["id"], "Phone": phone or ""}
               for row, phone in zip(desk.rows(), phones, strict=True)]  # fmt: skip
    desk.push(kind, changed, "--confirm", str(count))
    desk.pull(kind)
    assert desk.box.calls("/jobs/ingest") == 2
    assert [row["Phone"] for row in desk.rows()] == phones


@pytest.mark.parametrize("fault", ["cut", "drop", "503", "429", "html"])
@pytest.mark.parametrize(
    "call", ["POST /*/ingest", "PUT /*/batches", "PATCH /*/ingest/*", "GET /*/ingest/*"]
)
def test_whatever_befalls_a_job_each_row_is_there_once(
    desk: Desk, fault: str, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = tuple(replace(kind, bulk=20, batch=10) for kind in Salesforce.spec.records)
    monkeypatch.setattr(Salesforce, "spec", replace(Salesforce.spec, records=small))
    kind = kind_of("salesforce-leads")
    rows = [{"Email": f"p{n}@acme.example", "LastName": "L", "Company": "C"} for n in range(30)]
    desk.box.breaks(f"{fault}@1:{call}")
    lines = [",".join(row.values()) for row in rows]
    Path("in.csv").write_text("\n".join([",".join(rows[0]), *lines]))
    push = ("sync", kind.provider, kind.name, "--from", "in.csv")
    first, second = desk.mktool(*push), desk.mktool(*push)
    assert first.code in (0, 17)
    assert second.code == 0
    assert desk.box.calls("/jobs/ingest")
    desk.pull(kind)
    assert sorted(row["Email"] for row in desk.rows()) == sorted(row["Email"] for row in rows)


def test_leads_of_pipedrive_go_and_come(desk: Desk) -> None:
    person = desk.call(kind_of("pipedrive-contacts"), "POST", "", {"name": "Zoe"})["data"]["id"]
    kind = Kind("pipedrive", "leads", "api.pipedrive.com/v1/leads", {}, ("", ""))
    row = {"title": "New", "person_id": str(person), "expected_close_date": "2027-02-28",
           "value": '{"amount":99.95,"currency":"CHF"}'}  # fmt: skip
    assert desk.push(kind, [row, {"title": "nobody's"}], code=6)["data"]["outcomes"] == {
        "done": 1, "failed": 1,
    }  # fmt: skip
    desk.pull(kind)
    (found,) = desk.rows()
    assert {name: found[name] for name in row} == row
    desk.push(kind, [{"id": found["id"], "title": "Won"}])
    desk.delete(kind, found["id"])
    desk.pull(kind, "--full")
    assert [row["deleted"] for row in desk.rows()] == [True]


@pytest.mark.parametrize(
    ("name", "parent", "field", "made"),
    [("salesforce-contacts", "salesforce-companies", "AccountId", {"Name": "Acme"}),
     ("zoho-contacts", "zoho-companies", "Account_Name", {"Account_Name": "Acme"}),
     ("pipedrive-contacts", "pipedrive-companies", "org_id", {"name": "Acme"})],
)  # fmt: skip
def test_what_points_at_another_record_is_its_id(
    desk: Desk, name: str, parent: str, field: str, made: dict[str, str]
) -> None:
    kind = kind_of(name)
    desk.push(kind_of(parent), [made])
    desk.pull(kind_of(parent))
    (other,) = desk.rows()
    Path("out.jsonl").unlink()
    desk.push(kind, [{**kind.row, field: other["id"]}])
    desk.pull(kind)
    (row,) = desk.rows()
    told = json.loads(row[field]) if row[field].startswith("{") else row[field]
    assert (told["id"] if isinstance(told, dict) else told) == other["id"]
    assert desk.push(kind, [{**kind.row, field: row[field]}])["data"]["plan"] == {"unchanged": 1}
    told = desk.push(kind, [{**kind.row, field: "123456789012345"}], code=6)["data"]
    assert told["outcomes"] == {"failed": 1}
