"""`mktool sync` with Pipedrive, Zoho and Salesforce as their sandboxes play them."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from mktool.providers.pipedrive import Pipedrive
from mktool.sandbox.vendors.salesforce import ingest
from tests.box import Box
from tests.cli.conftest import Mktool

Rows = list[dict[str, Any]]
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
