"""`mktool find`: what a person needs to fill in an id."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tests.box import Box
from tests.cli.conftest import Mktool


@pytest.fixture
def people(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty-five contacts at one vendor."""
    import httpx

    monkeypatch.setenv("MKTOOL_HUBSPOT_ACCESS_TOKEN", "pat-sandbox-run")
    filled = {"vendor": "hubspot", "kind": "contacts", "count": 25}
    httpx.post(f"{box.sandbox.url}/_fill", json=filled).raise_for_status()
    box.sleep(60)  # what is new shows in a search after a while


def test_somebody_is_found_by_address_and_by_id(
    people: None, mktool: Mktool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    listed = mktool("sync", "hubspot", "contacts", "--to", "sqlite:///x.db", "--json")
    assert listed.code == 0, listed

    with sqlite3.connect("x.db") as db:
        id, email = db.execute("select id, email from contacts where email is not null").fetchone()
    db.close()
    found = mktool("find", "hubspot", "contacts", email, "--json")
    assert found.code == 0, found
    assert [row["id"] for row in found.json["data"]] == [id]
    assert mktool("find", "hubspot", "contact", id, "--json").json["data"][0]["id"] == id


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (("hubspot", "contact", "nobody@nowhere.example"), 13, "no contact matches nobody@"),
        (("hubspot", "cat", "Tom"), 2, "has no 'cat' to find"),
        (("hubspot", "contact", "  "), 2, "what is to be found?"),
        (("x", "contact", "ada@example.com"), 5, "cannot be searched"),
    ],
)
def test_where_nothing_is_found_it_is_said_why(
    people: None, mktool: Mktool, args: tuple[str, ...], code: int, words: str
) -> None:
    ran = mktool("find", *args)
    assert ran.code == code, ran
    assert words in ran.err


def test_no_more_than_asked_for(people: None, mktool: Mktool) -> None:
    found = mktool("find", "hubspot", "contact", "example", "--limit", "2", "--json")
    assert len(found.json["data"]) <= 2
