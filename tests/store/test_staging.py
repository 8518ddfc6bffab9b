"""A list on its way into a campaign: whole or not at all, and everybody once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mktool.store.campaigns import CampaignFile, State, key_of
from mktool.store.staging import TOGETHER, Stage, Staged
from tests.store.campaign import claim, colliding, confirm, entry, people, stage


@pytest.fixture
def file(tmp_path: Path) -> Iterator[CampaignFile]:
    with CampaignFile(tmp_path / "1.db", create=True) as opened:
        yield opened


def listed(file: CampaignFile) -> list[str]:
    return [row["address"] for row in file.outcomes()]


def test_the_first_of_those_who_are_the_same_stays(file: CampaignFile) -> None:
    folded = stage(file, ["Ann@acme.example", "bob@acme.example", "ann@ACME.example"])
    assert (folded, listed(file)) == (1, ["Ann@acme.example", "bob@acme.example"])
    assert file.totals() == {State.SENT: 0, State.PENDING: 2}


@pytest.mark.parametrize("count", [1, TOGETHER - 1, TOGETHER, 2 * TOGETHER + 1])
def test_any_number_at_once(file: CampaignFile, count: int) -> None:
    rows = [entry(one)._replace(data=f"{n}") for n, one in enumerate(people(count), 1)]
    assert stage(file, rows) == 0
    found = [(one.seq, one.address, one.data) for one in file.after(0, None, -1)]
    assert found == [(n, one.address, one.data) for n, one in enumerate(rows, 1)]


def test_spellings_of_an_international_address_are_one(file: CampaignFile) -> None:
    assert stage(file, ["zo\u00eb@acme.example", "ZO\u00cb@acme.example"]) == 1


def test_two_that_only_share_a_key_both_stay(file: CampaignFile) -> None:
    one, other = colliding()
    assert key_of(one) == key_of(other)
    assert stage(file, [one, other, other.upper(), one]) == 2
    assert listed(file) == [one, other]


def test_a_million_times_one_address_takes_no_longer_than_a_list(file: CampaignFile) -> None:
    same, rows = entry("ann@acme.example"), 200_000
    started = time.perf_counter()
    with Stage(file) as reading:
        reading.add([same] * rows)
        written = time.perf_counter() - started
        assert reading.fold() == rows - 1
        folded = time.perf_counter() - started - written
        reading.finish(staged=1)
    assert folded < 10 * written + 1
    assert listed(file) == ["ann@acme.example"]


def test_many_that_share_a_key_and_repeat_are_folded_in_no_time(file: CampaignFile) -> None:
    crowd = [Staged(address, 7, None, None) for address in people(3000)]
    with Stage(file) as reading:
        reading.add([*crowd, *crowd])
        started = time.perf_counter()
        assert reading.fold() == 3000
        assert time.perf_counter() - started < 1.0  # 3000 ** 2 comparisons take six
        reading.finish(staged=3000)
    assert listed(file) == people(3000)


def test_who_was_in_the_list_before_is_not_added(file: CampaignFile) -> None:
    stage(file, people(3))
    confirm(file, claim(file, 1, 3), implied=3)
    assert stage(file, ["P1@acme.example", "new@acme.example", *people(3)]) == 4
    assert listed(file) == [*people(3), "new@acme.example"]
    assert file.totals() == {State.SENT: 3, State.PENDING: 1}
    assert [one.address for one in file.after(3, None, 10)] == ["new@acme.example"]


def test_an_invalid_row_has_its_outcome_at_once(file: CampaignFile) -> None:
    stage(file, ["ann@acme.example", entry("bob@", problem="nothing after the @")])
    (bad,) = file.outcomes([State.INVALID])
    assert (bad["address"], bad["code"], bad["text"]) == ("bob@", "invalid", "nothing after the @")
    assert file.reasons(State.INVALID) == [("invalid", "nothing after the @", 1)]
    assert [one.address for one in file.after(0, None, 10)] == ["ann@acme.example"]


def interrupted(file: CampaignFile) -> None:
    with Stage(file) as reading:
        reading.add([entry("late@acme.example")])
        raise KeyboardInterrupt


@pytest.mark.parametrize("before", [0, 3])
def test_what_is_not_finished_is_removed(file: CampaignFile, before: int) -> None:
    if before:
        stage(file, people(before))
    with Stage(file) as reading:
        reading.add([entry("late@acme.example"), entry("bad", problem="no @")])
    assert listed(file) == people(before)
    with pytest.raises(KeyboardInterrupt):
        interrupted(file)
    assert listed(file) == people(before)
    assert stage(file, ["late@acme.example"]) == 0
    assert [one.seq for one in file.after(0, None, 9)] == list(range(1, before + 2))


@pytest.mark.parametrize("step", ["added", "folded"])
@pytest.mark.parametrize("before", [0, 2])
def test_a_run_that_was_killed_leaves_nothing(tmp_path: Path, step: str, before: int) -> None:
    path = tmp_path / "2.db"
    killed = CampaignFile(path, create=True)
    if before:
        stage(killed, people(before))
    reading = Stage(killed)
    reading.__enter__()
    reading.add([entry(one) for one in people(5)])
    if step == "folded":
        reading.fold()
    killed.close()
    with CampaignFile(path) as file:
        assert stage(file, people(3)) == before
        assert listed(file) == people(3)
        assert file.db.execute("pragma synchronous").fetchone() == (2,)


def test_what_is_staged_is_durable_again_afterwards(file: CampaignFile) -> None:
    with Stage(file):
        assert file.db.execute("pragma synchronous").fetchone() == (1,)
    assert file.db.execute("pragma synchronous").fetchone() == (2,)
