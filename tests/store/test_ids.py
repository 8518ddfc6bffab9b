"""The vendor's ids: packed, in the row of a batch, and in rows of their own."""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from mktool.errors import StorageError
from mktool.store.campaigns import CampaignFile, Outcome, State, key_of
from mktool.store.events import Events
from mktool.store.held import batches, settled
from mktool.store.ids import all_packed, in_slots, spread, unpacked

from .campaign import claim, confirm, entry, people, stage

GAP = bytes(16)


def id_of(seq: int) -> str:
    return str(uuid.UUID(int=seq, version=4))


def octets(*seqs: int) -> bytes:
    return all_packed([id_of(seq) for seq in seqs])


@pytest.mark.parametrize(
    ("seqs", "hi", "found"),
    [
        ((3, 4, 5), 5, octets(3, 4, 5)),
        ((3, 5), 6, octets(3) + GAP + octets(5) + GAP),
        ((5, 3, 4), 5, octets(3, 4, 5)),  # as they were sent: the last one alone, say
        ((3,), 5, b""),  # mostly gaps
    ],
)
def test_each_number_has_its_place(seqs: Sequence[int], hi: int, found: bytes) -> None:
    assert in_slots(seqs, octets(*seqs), 3, hi) == found


def test_fewer_ids_than_numbers_have_no_place() -> None:
    assert in_slots((1, 2), octets(1), 1, 2) == b""


def sent(file: CampaignFile, seqs: Sequence[int], variant: int | None = None) -> None:
    batch = claim(file, seqs[0], seqs[-1], variant)
    slots = in_slots(seqs, octets(*seqs), batch.lo, batch.hi)
    with file.transaction():
        file.confirm(batch, (), implied=len(seqs), ids=slots)


def known(file: CampaignFile) -> dict[int, str]:
    return {row["seq"]: row["vendor_id"] for row in file.outcomes()}


@pytest.fixture
def file(tmp_path: Path) -> Iterator[CampaignFile]:
    with CampaignFile(tmp_path / "campaign.db", create=True) as opened:
        yield opened


@pytest.fixture
def two(file: CampaignFile) -> CampaignFile:
    """Two variants in turns, one of them without ids, and one recipient who is to come."""
    rows = [entry(one, 1 + at % 2) for at, one in enumerate(people(6))]
    stage(file, [*rows, *(entry(one, 1) for one in people(3, "q"))])
    batch = claim(file, 1, 5, 1)
    with file.transaction():
        failed = Outcome(3, State.FAILED, code="bad")
        file.confirm(batch, [failed], implied=2)
    sent(file, (2, 4, 6), 2)
    sent(file, (7, 8), 1)
    return file


EXPECTED = {1: "", 2: id_of(2), 3: "", 4: id_of(4), 5: "", 6: id_of(6), 7: id_of(7), 8: id_of(8)}


def test_an_outcome_shows_the_id_that_the_batch_keeps(two: CampaignFile) -> None:
    assert known(two) == EXPECTED | {9: ""}
    assert two.db.execute("select count(*) from outcomes").fetchone() == (1,)


def test_rows_say_the_same(two: CampaignFile) -> None:
    before = list(two.outcomes()), two.totals()
    for _ in range(2):  # there is nothing left to do the second time
        spread(two)
        assert (list(two.outcomes()), two.totals()) == before
    ids = two.db.execute("select count(*) from outcomes where vendor is not null").fetchone()
    assert ids == (5,)


def test_somebody_is_found_by_the_id(file: CampaignFile) -> None:
    stage(file, people(4))
    sent(file, (1, 2, 3))
    events = Events(file)
    assert events.index()
    assert events.by_id(id_of(2)) == (2, "p1@acme.example")
    assert events.by_id(id_of(4)) is None
    assert file.totals() == {State.SENT: 3, State.PENDING: 1}


def test_the_ids_of_somebody(file: CampaignFile) -> None:
    stage(file, people(4))
    sent(file, (1, 2, 3))
    keys = [key_of(address) for address in ("p1@acme.example", "p3@acme.example")]
    assert file.vendor_ids(keys) == {id_of(2)}


def test_what_a_vendor_holds_has_its_ids(file: CampaignFile) -> None:
    stage(file, people(3))
    sent(file, (1, 2))
    [(batch, held)] = batches(file)
    assert held == [Outcome(seq, State.SENT, id_of(seq)) for seq in (1, 2)]
    settled(file, batch, [one._replace(state=State.CANCELLED) for one in held])
    assert file.totals() == {State.CANCELLED: 2, State.SENT: 0, State.PENDING: 1}


def test_a_file_of_the_first_version_is_read_and_gone_on_with(tmp_path: Path) -> None:
    path = tmp_path / "1.db"
    with CampaignFile(path, create=True) as file:
        stage(file, people(4))
        confirm(file, claim(file, 1, 2), Outcome(1, State.SENT, id_of(1)), implied=1)
        file.db.execute("alter table batches drop column ids")
        file.db.execute("drop table cells")
        file.db.execute("pragma user_version = 1")
    with CampaignFile(path) as file:
        sent(file, (3, 4))
        assert known(file) == {1: id_of(1), 2: "", 3: id_of(3), 4: id_of(4)}
    with CampaignFile(path) as file:
        assert file.totals() == {State.SENT: 4, State.PENDING: 0}


def test_a_file_of_a_later_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "1.db"
    CampaignFile(path, create=True).close()
    with closing(sqlite3.connect(path)) as db:
        db.execute("pragma user_version = 999")
    with pytest.raises(StorageError, match="newer mktool"):
        CampaignFile(path)


def test_an_id_comes_back_as_it_was() -> None:
    assert unpacked(octets(7)) == id_of(7)
