"""HubSpot's provider against the sandbox, which is written from the documents alone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mktool import errors as e
from mktool.model import Posted
from mktool.providers.hubspot import HubSpot
from mktool.records import Row, Wish
from mktool.report import Export
from tests import reports
from tests.providers.desk import Desk

pytest.importorskip("uvicorn", reason="needs mktool[server]")

KINDS = {kind.name: kind for kind in HubSpot.spec.records}
CONTACTS, COMPANIES = KINDS["contacts"], KINDS["companies"]
ADA = "ada@example.com"


@pytest.fixture(params=["v3", "2026-03"])
def hubspot(
    tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[HubSpot]:
    monkeypatch.setattr("mktool.sandbox.vendors.hubspot.objects.LAG", 0.5)  # not ten seconds
    with Desk(tmp_path) as desk:
        opened = desk.open(HubSpot, {"access_token": "pat-sandbox-run"}, api_version=request.param)
        desk.exchanges[-1].sleep = time.sleep  # its limits are real ones
        yield opened


@pytest.fixture
def ada(hubspot: HubSpot) -> str:
    (written,) = hubspot.push(CONTACTS, [Row(1, {"email": ADA, "firstname": "Ada"})], "email")
    assert written.created is True
    return written.id


def write(hubspot: HubSpot, export: Export) -> list[Posted]:
    done: list[Posted] = []
    for number, piece in enumerate(hubspot.pieces(export)):
        done.append(hubspot.write(replace(piece, token=f"t{number}"), done))
    return done


def test_check(hubspot: HubSpot) -> None:
    assert hubspot.check().id.isdecimal()


@pytest.mark.usefixtures("ada")
def test_a_report_is_written_and_found(hubspot: HubSpot) -> None:
    began = time.time()
    export = reports.EXPORTS["usual"]
    done = write(hubspot, export)
    note, tasks, _ = hubspot.pieces(export)
    for piece, before, posted in ((note, (), done[0]), (tasks, done[:1], done[1])):
        found = hubspot.locate(piece, before, began, frozenset())
        assert found is not None
        assert found.id == posted.id
        assert hubspot.locate(piece, before, began, frozenset({posted.id})) is None
    assert len(done[1].id.split(",")) == 2


def test_nobody_known(hubspot: HubSpot) -> None:
    with pytest.raises(e.InvalidInput):
        write(hubspot, reports.EXPORTS["usual"])
    with pytest.raises(e.NotFound):
        write(hubspot, replace(reports.EXPORTS["usual"], extra={"contacts": "nobody@b.c"}))


def test_records_there_and_back(hubspot: HubSpot, ada: str) -> None:
    rows = [Row(n, {"email": f"p{n}@example.com", "firstname": f"P{n} é"}) for n in range(1, 101)]
    assert all(w.created and w.id for w in hubspot.push(CONTACTS, rows, "email"))
    again = hubspot.push(CONTACTS, rows[:2], "email")
    assert [w.created for w in again] == [False, False]
    wish = Wish(("email", "firstname"))
    pages = list(hubspot.pull(CONTACTS, wish))
    emails = {r.values["email"] for page in pages for r in page.records}
    assert emails == {ADA, *(row.values["email"] for row in rows)}
    after = replace(wish, cursor=pages[0].next)
    rest = [r for page in hubspot.pull(CONTACTS, after) for r in page.records]
    assert len(rest) == len(emails) - len(pages[0].records)
    (found,) = hubspot.fetch(CONTACTS, "email", ["p7@example.com"], ("firstname",))
    assert found.values == {"firstname": "P7 é"}
    (changed, lost) = hubspot.push(
        CONTACTS, [Row(1, {"firstname": "Eve"}, ada), Row(2, {"firstname": "x"}, "999999999")], ""
    )
    assert (changed.id, changed.refusal) == (ada, None)
    assert lost.refusal


def test_what_changed(hubspot: HubSpot, ada: str) -> None:
    for _ in range(50):  # a search is late
        pages = list(hubspot.pull(CONTACTS, Wish(("email",), time.time() - 60)))
        if any(r.id == ada for page in pages for r in page.records):
            return
        time.sleep(0.2)
    pytest.fail("never found")


def test_companies(hubspot: HubSpot) -> None:
    (made,) = hubspot.push(
        COMPANIES, [Row(1, {"name": "Acme", "domain": "acme.example"})], "domain"
    )
    assert made.refusal is None
    for _ in range(50):
        if found := list(hubspot.find("company", "acme.example")):
            assert (found[0].id, found[0].name) == (made.id, "Acme")
            return
        time.sleep(0.2)
    pytest.fail("never found")


def test_owners_lists_and_campaigns(hubspot: HubSpot) -> None:
    list(hubspot.find("owner", "a"))
    list(hubspot.find("list", "a"))
    for name in ("lists", "campaigns", "deals"):
        assert list(hubspot.pull(KINDS[name], Wish()))


def test_a_wrong_token_is_told(tmp_path: Path) -> None:
    with Desk(tmp_path) as desk, pytest.raises(e.Unauthorized):
        desk.open(HubSpot, {"access_token": "real"}).check()
