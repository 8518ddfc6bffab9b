"""Whoever must not get mail any more is found, also by a hash alone."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from mktool.message import Suppressed
from mktool.store.campaigns import key_of
from mktool.store.ledger import Ledger
from mktool.store.suppressions import EVERYWHERE, Row, Suppressions, digest
from tests.store.campaign import colliding, people

ANN, BOB = Suppressed("ann@acme.example", "unsubscribed"), Suppressed("bob@acme.example", "bounced")


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Suppressions]:
    with Ledger(tmp_path / "ledger.db", lambda: 1000.0) as ledger:
        yield Suppressions(ledger)


def test_an_address_is_suppressed_in_every_spelling(book: Suppressions) -> None:
    assert book.add([ANN, BOB, Suppressed("ANN@acme.example", "manual")], source="a test") == 2
    assert book.reason("Ann@ACME.example", (EVERYWHERE,)) == "unsubscribed"
    assert book.reason("eve@acme.example", (EVERYWHERE,)) == ""
    assert book.add([ANN], source="another") == 0
    assert len([*book.rows()]) == 2
    assert list(book.rows()) == [
        Row("ann@acme.example", EVERYWHERE, "unsubscribed", "a test", 1000.0),
        Row("bob@acme.example", EVERYWHERE, "bounced", "a test", 1000.0),
    ]


def test_a_list_of_its_own(book: Suppressions) -> None:
    book.add([ANN], source="test", list="news")
    book.add([BOB], source="test")
    assert book.reason(ANN.address, (EVERYWHERE,)) == ""
    assert book.reason(ANN.address, (EVERYWHERE, "news")) == "unsubscribed"
    assert list(book.keys((EVERYWHERE,))) == [key_of(BOB.address)]
    assert list(book.keys((EVERYWHERE, "news"))) == [key_of(ANN.address), key_of(BOB.address)]
    assert [row.address for row in book.rows("news")] == [ANN.address]
    assert [row.address for row in book.rows(reason="bounced")] == [BOB.address]


def test_only_a_hash_is_kept_where_that_is_asked_for(book: Suppressions, tmp_path: Path) -> None:
    book.add([ANN, BOB._replace(at=5.0)], source="test", hashed=True)
    assert [(row.address, row.at) for row in book.rows()] == [("", 5.0), ("", 1000.0)]
    assert book.reason("ANN@acme.example", (EVERYWHERE,)) == "unsubscribed"
    book.ledger.db.execute("pragma wal_checkpoint(truncate)")
    assert b"ann@acme" not in (tmp_path / "ledger.db").read_bytes().lower()
    assert book.remove("Bob@acme.example") == 1
    assert len([*book.rows()]) == 1


def test_a_key_that_two_share_suppresses_one(book: Suppressions) -> None:
    one, other = colliding()
    book.add([Suppressed(one, "manual")], source="test")
    assert digest(one) != digest(other)
    assert (book.reason(one, ("",)), book.reason(other, ("",))) == ("manual", "")
    assert book.add([Suppressed(other, "bounced")], source="test") == 1
    assert book.remove(one) == 1
    assert (book.reason(one, ("",)), book.reason(other, ("",))) == ("", "bounced")


def test_removing_from_one_list_or_from_all(book: Suppressions) -> None:
    for name in (EVERYWHERE, "news", "offers"):
        book.add([ANN], source="test", list=name)
    assert book.remove(ANN.address, "news") == 1
    assert book.remove(ANN.address, "none") == 0
    assert book.remove(BOB.address) == 0
    assert book.remove(ANN.address) == 2


def test_what_came_since_is_found_though_others_were_removed(book: Suppressions) -> None:
    assert (book.newest(), list(book.keys(("",)))) == (0, [])
    book.add([ANN, BOB], source="test")
    seen = book.newest()
    assert list(book.keys(("",), seen)) == []
    book.remove(BOB.address)
    book.add([Suppressed("eve@acme.example", "complained")], source="test")
    assert book.newest() > seen
    assert list(book.keys(("",), seen)) == [key_of("eve@acme.example")]


def test_a_source_is_asked_from_where_it_was_read_to(book: Suppressions) -> None:
    assert book.synced("toy:default") == 0.0
    book.note_sync("toy:default", 5.0)
    book.note_sync("toy:default", 7.0)
    assert (book.synced("toy:default"), book.synced("toy:other")) == (7.0, 0.0)


def broken() -> Iterator[Suppressed]:
    yield ANN
    raise sqlite3.OperationalError("disk I/O error")


def test_a_source_that_breaks_off_adds_nothing(book: Suppressions) -> None:
    with pytest.raises(Exception, match="disk"):
        book.add(broken(), source="test")
    assert not [*book.rows()]
    assert book.add((Suppressed(one, "manual") for one in people(500)), source="test") == 500
