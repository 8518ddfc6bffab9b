"""Zoho CRM's provider against the sandbox, which is written from the documents alone."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from mktool import errors as e
from mktool.model import Posted
from mktool.providers import _zoho_pull
from mktool.providers.zoho import Zoho
from mktool.records import Record, Row, Wish
from mktool.report import Piece
from mktool.sandbox.vendors.zoho import reading as sandbox
from tests import reports
from tests.providers.desk import Desk

pytest.importorskip("uvicorn", reason="needs mktool[server]")

API = "https://www.zohoapis.eu"
LEADS = Zoho.spec.records[0]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with Desk(tmp_path) as desk:
        yield desk


@pytest.fixture
def zoho(desk: Desk) -> Zoho:
    return desk.open(Zoho, {"access_token": "sandbox-1"}, api_domain=API)


def people(*names: str) -> list[Row]:
    return [
        Row(seq, {"Last_Name": name, "Company": "Acme", "Email": f"{name.lower()}@acme.example"})
        for seq, name in enumerate(names, start=1)
    ]


def pulled(zoho: Zoho, since: float | None = None) -> dict[str, Record]:
    wish = Wish(("Last_Name", "Email"), since)
    return {record.id: record for page in zoho.pull(LEADS, wish) for record in page.records}


def test_check(zoho: Zoho) -> None:
    assert zoho.check().id.isdecimal()


def test_rows_are_written_read_changed_and_missed(desk: Desk, zoho: Zoho) -> None:
    began = time.time() - 5
    lee, wrong = zoho.push(LEADS, [*people("Lee"), Row(2, {"Email": "x@acme.example"})], "Email")
    assert lee.created is True
    assert wrong.refusal
    assert wrong.refusal.code == "MANDATORY_NOT_FOUND"
    (again,) = zoho.push(LEADS, people("Lee"), "Email")
    assert (again.id, again.created) == (lee.id, False)
    assert pulled(zoho)[lee.id].values == {"Last_Name": "Lee", "Email": "lee@acme.example"}
    (changed,) = zoho.push(LEADS, [Row(1, {"Last_Name": "Lea"}, lee.id)], "")
    assert changed.created is False
    later = pulled(zoho, began)[lee.id]
    assert later.values["Last_Name"] == "Lea"
    assert later.modified == pytest.approx(time.time(), abs=10)
    (fetched,) = zoho.fetch(LEADS, "id", [lee.id], ("Last_Name",))
    assert fetched.values == {"Last_Name": "Lea"}
    url = f"{desk.sandbox.url}/www.zohoapis.eu/crm/v8/Leads?ids={lee.id}"
    header = {"authorization": "Zoho-oauthtoken sandbox-1"}
    assert httpx.delete(url, headers=header, trust_env=False).is_success
    assert pulled(zoho, began)[lee.id].deleted


def test_all_fields_are_read_page_by_page(zoho: Zoho) -> None:
    for start in range(0, 450, 90):
        zoho.push(LEADS, people(*(f"Lee{start + n}" for n in range(90))), "Email")
    pages = list(zoho.pull(LEADS, Wish()))
    names = {record.values["Last_Name"] for page in pages for record in page.records}
    assert {f"Lee{n}" for n in range(450)} <= names
    rest = zoho.pull(LEADS, Wish(cursor=pages[0].next))
    assert [page.records for page in rest] == [page.records for page in pages[1:]]
    assert not pulled(zoho, time.time() + 3600)


def test_a_module_is_read_whole_that_has_more_than_tokens_lead_to(
    zoho: Zoho, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_zoho_pull, "LISTED", 200)
    monkeypatch.setattr(sandbox, "BY_TOKEN", 200)
    for start in range(0, 450, 90):
        zoho.push(LEADS, people(*(f"Lee{start + n}" for n in range(90))), "Email")
    for since in (None, time.time() - 60):
        pages = list(zoho.pull(LEADS, Wish(("Last_Name",), since)))
        names = [record.values["Last_Name"] for page in pages for record in page.records]
        assert names == [f"Lee{n}" for n in range(450)]
        rest = zoho.pull(LEADS, Wish(("Last_Name",), since, cursor=pages[0].next))
        assert [page.records for page in rest] == [page.records for page in pages[1:]]


def test_a_cursor_that_has_expired_is_refused_so_that_all_is_read_anew(
    zoho: Zoho, monkeypatch: pytest.MonkeyPatch
) -> None:
    for start in range(0, 270, 90):
        zoho.push(LEADS, people(*(f"Lee{start + n}" for n in range(90))), "Email")
    first = next(zoho.pull(LEADS, Wish(("Email",))))
    monkeypatch.setattr(sandbox, "TOKEN_LIFE", -1.0)
    with pytest.raises(e.Rejected, match="expired"):
        next(zoho.pull(LEADS, Wish(("Email",), cursor=first.next)))


def test_more_deleted_records_than_are_told_of_need_a_whole_reading(
    desk: Desk, zoho: Zoho, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox, "BY_PAGE", 200)
    url, began = f"{desk.sandbox.url}/www.zohoapis.eu/crm/v8/Leads", time.time() - 5
    for start in range(0, 270, 90):
        made = zoho.push(LEADS, people(*(f"Lee{start + n}" for n in range(90))), "Email")
        gone = {"ids": ",".join(one.id for one in made)}
        header = {"authorization": "Zoho-oauthtoken sandbox-1"}
        assert httpx.delete(url, params=gone, headers=header, trust_env=False).is_success
    with pytest.raises(e.Unsupported, match="200 deleted") as told:
        pulled(zoho, began)
    assert "--full" in told.value.hint


@pytest.mark.parametrize("size", ["usual", "huge"])
def test_a_report_is_written_piece_by_piece_and_found_again(zoho: Zoho, size: str) -> None:
    (lead,) = zoho.push(LEADS, people("Lovelace"), "Email")
    extra = {"module": "Leads", "id": lead.id}
    before: list[Posted] = []
    for number, plain in enumerate(zoho.pieces(replace(reports.EXPORTS[size], extra=extra))):
        piece, began = replace(plain, token=f"tok-{size}-{number}"), time.time()
        assert zoho.locate(piece, before, began, frozenset()) is None
        posted = zoho.write(piece, before)
        if piece.kind != "refused":
            found = zoho.locate(piece, before, began, frozenset())
            assert found
            assert found.id == posted.id
            if piece.kind == "note":
                assert found.ref["parents"] == posted.ref["parents"]
        before.append(posted)


def test_a_note_is_put_on_nobody_whose_address_is_only_like_it(
    zoho: Zoho, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox, "LAG", 0.0)
    lee, _ = zoho.push(LEADS, people("Lee", "Kathlee"), "Email")
    body = {"people": ["lee@acme.example"], "module": "", "id": "", "own": {},
            "note": {"Note_Title": "Kick-off", "Note_Content": "We start."}}  # fmt: skip
    posted = zoho.write(Piece("note", body, "tok-like"), ())
    assert json.loads(posted.ref["parents"]) == [["Leads", lee.id]]
    fetched = zoho.fetch(LEADS, "Email", ["LEE@acme.example"], ("Email",))
    assert [record.id for record in fetched] == [lee.id]


def test_finding(zoho: Zoho) -> None:
    (made,) = zoho.push(LEADS, people("Lovelace"), "Email")
    (found,) = zoho.find("lead", made.id)
    assert (found.name, found.url) == ("Lovelace", f"https://crm.zoho.eu/crm/tab/Leads/{made.id}")
    for kind in Zoho.spec.finds:
        assert not list(zoho.find(kind, "nobody@example.com"))


def test_a_wrong_token_is_told(desk: Desk) -> None:
    wrong = desk.open(Zoho, {"access_token": "real"}, api_domain=API)
    with pytest.raises(e.Unauthorized):
        wrong.check()
