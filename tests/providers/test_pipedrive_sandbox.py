"""Pipedrive's provider against the sandbox, which is written from the documents alone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mktool import errors as e
from mktool.model import Posted
from mktool.providers.pipedrive import Pipedrive
from mktool.records import Row, Wish
from mktool.report import Export
from tests import reports
from tests.providers.desk import Desk

pytest.importorskip("uvicorn", reason="needs mktool[server]")

ADA = "ada@example.com"
KINDS = {kind.name: kind for kind in Pipedrive.spec.records}


@pytest.fixture
def pipedrive(tmp_path: Path) -> Iterator[Pipedrive]:
    with Desk(tmp_path) as desk:
        opened = desk.open(Pipedrive, {"api_token": "sandbox-run"}, calls_per_2s="120")
        desk.exchanges[-1].sleep = time.sleep  # its limits are real ones
        yield opened


@pytest.fixture
def ada(pipedrive: Pipedrive) -> str:
    row = Row(1, {"name": "Ada", "email": ADA, "org_id": None})
    (written,) = pipedrive.push(KINDS["contacts"], [row], "email")
    assert written.refusal is None
    return written.id


def write(pipedrive: Pipedrive, export: Export) -> list[Posted]:
    done: list[Posted] = []
    for number, piece in enumerate(pipedrive.pieces(export)):
        done.append(pipedrive.write(replace(piece, token=f"t{number}"), done))
    return done


def test_check(pipedrive: Pipedrive) -> None:
    assert pipedrive.check().id.isdecimal()


@pytest.mark.usefixtures("ada")
def test_a_report_is_written_and_found(pipedrive: Pipedrive) -> None:
    began = time.time()
    export = reports.EXPORTS["usual"]
    done = write(pipedrive, export)
    for number, piece in enumerate(pipedrive.pieces(export)[:-1]):
        found = pipedrive.locate(piece, done[:number], began, frozenset())
        assert found is not None
        assert found.id == done[number].id


def test_nobody_known(pipedrive: Pipedrive) -> None:
    with pytest.raises(e.InvalidInput):
        write(pipedrive, reports.EXPORTS["usual"])


def test_records_there_and_back(pipedrive: Pipedrive, ada: str) -> None:
    (org,) = pipedrive.push(KINDS["companies"], [Row(1, {"name": "Acme"})], "name")
    (deal,) = pipedrive.push(
        KINDS["deals"], [Row(1, {"title": "Big", "value": "1.10", "org_id": org.id})], "title"
    )
    (lead,) = pipedrive.push(
        KINDS["leads"], [Row(1, {"title": "New", "organization_id": org.id})], "title"
    )
    assert not [w.refusal for w in (org, deal, lead) if w.refusal]
    (changed,) = pipedrive.push(
        KINDS["contacts"], [Row(1, {"email": "new@b.c", "org_id": org.id}, ada)], "email"
    )
    assert changed.id == ada
    expected = {"contacts": "new@b.c", "companies": "Acme", "deals": "Big", "leads": "New"}
    for name, value in expected.items():
        records = [r for page in pipedrive.pull(KINDS[name], Wish()) for r in page.records]
        assert value in {text for r in records for text in r.values.values()}, name
        recent = Wish(since=time.time() - 60)
        assert [r for page in pipedrive.pull(KINDS[name], recent) for r in page.records], name
    (found,) = pipedrive.fetch(KINDS["contacts"], "id", [ada], ("email", "org_id"))
    assert found.values == {"email": "new@b.c", "org_id": org.id}


def test_a_refusal_is_an_answer(pipedrive: Pipedrive) -> None:
    (made,) = pipedrive.push(KINDS["deals"], [Row(1, {"title": None})], "title")
    (lost,) = pipedrive.push(KINDS["deals"], [Row(1, {"title": "x"}, "999999")], "title")
    assert made.refusal
    assert lost.refusal


def test_found_by_what_people_know(pipedrive: Pipedrive, ada: str) -> None:
    for term in ("Ada", ADA, ada):
        assert [f.id for f in pipedrive.find("person", term)] == [ada], term
    (record,) = pipedrive.fetch(KINDS["contacts"], "email", [ADA.upper()], ("name",))
    assert record.values == {"name": "Ada"}


def test_a_wrong_token_is_told(tmp_path: Path) -> None:
    with Desk(tmp_path) as desk, pytest.raises(e.Unauthorized):
        desk.open(Pipedrive, {"api_token": "real"}).check()
