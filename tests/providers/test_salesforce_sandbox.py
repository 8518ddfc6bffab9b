"""Salesforce's provider against the sandbox, which is written from the documents alone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from mktool import errors as e
from mktool.model import Posted
from mktool.providers.salesforce import Salesforce
from mktool.records import Record, Row, Wish
from tests import reports
from tests.providers.desk import Desk

pytest.importorskip("uvicorn", reason="needs mktool[server]")

CONTACTS, COMPANIES = Salesforce.spec.records[:2]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with Desk(tmp_path) as desk:
        yield desk


@pytest.fixture
def salesforce(desk: Desk) -> Salesforce:
    token = {"access_token": "00D!sandbox-run"}
    return desk.open(Salesforce, token, instance_url="https://sandbox.my.salesforce.com")


def people(*names: str) -> list[Row]:
    return [
        Row(seq, {"LastName": name, "Email": f"{name.lower()}@acme.example"})
        for seq, name in enumerate(names, start=1)
    ]


def pulled(salesforce: Salesforce, **wish: float) -> list[Record]:
    asked = Wish(("LastName", "Email"), **wish)  # type: ignore[arg-type]
    return [record for page in salesforce.pull(CONTACTS, asked) for record in page.records]


def test_check(salesforce: Salesforce) -> None:
    assert salesforce.check().id.startswith("005")


def test_rows_are_written_read_changed_and_missed(salesforce: Salesforce) -> None:
    began = time.time() - 5
    rows = [*people("Lee", "O'Hara"), Row(3, {"Email": "x@acme.example"})]
    lee, ohara, wrong = salesforce.push(CONTACTS, rows, "Email")
    assert (lee.created, ohara.created) == (True, True)
    assert wrong.refusal
    assert wrong.refusal.code == "REQUIRED_FIELD_MISSING"
    (found,) = salesforce.fetch(CONTACTS, "Email", ["o'hara@acme.example"], ("LastName",))
    assert found.values == {"LastName": "O'Hara"}
    assert ohara.id in {record.id for record in pulled(salesforce)}
    (changed,) = salesforce.push(CONTACTS, [Row(1, {"LastName": "Lea"}, lee.id)], "")
    assert changed.created is False
    by_id = {record.id: record for record in pulled(salesforce, since=began)}
    assert by_id[lee.id].values["LastName"] == "Lea"
    assert by_id[lee.id].modified == pytest.approx(time.time(), abs=10)


def test_all_fields_of_a_record_can_be_read(salesforce: Salesforce) -> None:
    (made,) = salesforce.push(COMPANIES, [Row(1, {"Name": "Acme"})], "")
    records = [r for page in salesforce.pull(COMPANIES, Wish()) for r in page.records]
    acme = next(record for record in records if record.id == made.id)
    assert acme.values["Name"] == "Acme"
    assert acme.values["IsDeleted"] == "false"


def test_an_upsert_by_an_external_id_makes_no_second_one(salesforce: Salesforce) -> None:
    row = Row(1, {"External_Id__c": "7", "LastName": "Lee"})
    (first,) = salesforce.push(CONTACTS, [row], "External_Id__c")
    (second,) = salesforce.push(CONTACTS, [row], "External_Id__c")
    assert (first.created, second.created, second.id) == (True, False, first.id)


def test_many_records_go_and_come_by_jobs(desk: Desk, salesforce: Salesforce) -> None:
    rows = people(*(f"Lee{n}" for n in range(2100)))
    rows.append(Row(2101, {"Email": "nobody"}))
    desk.exchanges[-1].sleep = lambda seconds: time.sleep(0.05)
    job = salesforce.stage(CONTACTS, rows, "Email")
    written = salesforce.load(CONTACTS, job, rows, "Email")
    assert written == salesforce.load(CONTACTS, job, rows, "Email")
    assert all(one.created for one in written[:-1])
    assert written[-1].refusal
    pages = list(salesforce.pull(CONTACTS, Wish(("LastName", "Email"))))
    assert pages[0].next.startswith("job ")
    names = {record.id: record.values["LastName"] for page in pages for record in page.records}
    assert [names[one.id] for one in written[:3]] == ["Lee0", "Lee1", "Lee2"]
    again = Wish(("LastName", "Email"), cursor=pages[0].next)
    assert [*salesforce.pull(CONTACTS, again)] == pages[1:]


def test_what_was_deleted_is_told(desk: Desk, salesforce: Salesforce) -> None:
    began = time.time() - 5
    (made,) = salesforce.push(CONTACTS, people("Gone"), "")
    path = f"/sandbox.my.salesforce.com/services/data/v65.0/sobjects/Contact/{made.id}"
    header = {"authorization": "Bearer 00D!sandbox-run"}
    assert httpx.delete(f"{desk.sandbox.url}{path}", headers=header, trust_env=False).is_success
    (gone,) = (r for r in pulled(salesforce, since=began) if r.id == made.id)
    assert gone.deleted


@pytest.mark.parametrize("object", ["Task", "Event"])
@pytest.mark.parametrize("size", ["usual", "huge"])
def test_a_report_is_written_piece_by_piece_and_found_again(
    salesforce: Salesforce, object: str, size: str
) -> None:
    ada = Row(1, {"LastName": "Lovelace", "Email": "p3@example.com"})
    (who,) = salesforce.push(CONTACTS, [ada], "")
    (acme,) = salesforce.push(COMPANIES, [Row(1, {"Name": "Acme's"})], "")
    extra = {"object": object, "what": "Acme's"} | ({"who": "p3@example.com"} if size else {})
    pieces = salesforce.pieces(replace(reports.EXPORTS[size], extra=extra))
    before: list[Posted] = []
    for number, plain in enumerate(pieces):
        piece, began = replace(plain, token=f"tok-{size}-{object}-{number}"), time.time()
        if piece.kind != "refused":
            assert salesforce.locate(piece, before, began, frozenset()) is None
        posted = salesforce.write(piece, before)
        if piece.kind != "refused":
            found = salesforce.locate(piece, before, began, frozenset())
            assert found
            assert found.id == posted.id
        before.append(posted)
    assert before[0].ref == {"WhoId": who.id, "WhatId": acme.id}


def test_finding(salesforce: Salesforce) -> None:
    (made,) = salesforce.push(COMPANIES, [Row(1, {"Name": "100%_ 'Acme'"})], "")
    (by_name,) = salesforce.find("account", "%_ 'A")
    (by_id,) = salesforce.find("account", made.id)
    assert by_name == by_id
    assert by_id.url.endswith(f"/Account/{made.id}/view")
    assert not list(salesforce.find("lead", "nobody@example.com"))
    for kind in Salesforce.spec.finds:
        list(salesforce.find(kind, "x"))


def test_a_wrong_token_is_told(desk: Desk) -> None:
    home = "https://sandbox.my.salesforce.com"
    wrong = desk.open(Salesforce, {"access_token": "real"}, instance_url=home)
    for call in (wrong.check, lambda: list(wrong.find("lead", "x"))):
        with pytest.raises(e.Unauthorized):
            call()
