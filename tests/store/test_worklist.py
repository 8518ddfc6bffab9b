"""What is kept of a push, and of what the vendor was last seen to hold."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mktool.records import Record, Values, Written
from mktool.store.replica import identities, identity
from mktool.store.worklist import Planned, Staged, Worklist

NOW = 1_000.0


@pytest.fixture
def work(tmp_path: Path) -> Iterator[Worklist]:
    with Worklist(tmp_path / "1.db") as made:
        yield made


def stage(work: Worklist, *keys: str) -> None:
    """Have a row for each key, to be made."""
    work.stage([Staged(n, n + 1, identity(key), None, {"email": key})
                for n, key in enumerate(keys, 1)])  # fmt: skip
    work.match("email")
    work.tell_apart()
    made = [(row, Planned(row.seq, "refused" if row.reason else "create", row.ours, {},
                          row.reason or "")) for row, _ in work.joined()]  # fmt: skip
    work.plan([plan for _, plan in made])


def held(work: Worklist) -> dict[str, tuple[bool, Values, Values | None]]:
    return {r.id: (r.deleted, r.theirs, r.base) for r in work.records()}


@pytest.mark.parametrize(
    ("key", "same"),
    [(" Ada@Acme.CH ", "ada@acme.ch"), ("ACME.example", "acme.example"), ("00X", "00X"),
     ("Big Deal v1.A", "Big Deal v1.A"), ("1.10", "1.10"), ("  ", None), (None, None)],
)  # fmt: skip
def test_two_spellings_of_one_key(key: str | None, same: str | None) -> None:
    assert identity(key) == same


@pytest.mark.parametrize(
    ("held", "keys"),
    [(None, []), ("", []), ("B@x.ch; c@x.ch;", ["b@x.ch", "c@x.ch"]), ("[not JSON", []),
     ('[{"value":"B@x.ch","primary":false},{"label":"work"},null,"c@x.ch",7]',
      ["b@x.ch", "c@x.ch"])],
)  # fmt: skip
def test_several_values_of_a_key(held: str | None, keys: list[str]) -> None:
    assert identities(held) == keys


def test_a_record_is_known_by_each_of_its_values(work: Worklist) -> None:
    work.take([Record("1", {"email": "a@x.ch", "more": "b@x.ch;a@x.ch;b@x.ch;both@x.ch"}),
               Record("2", {"email": "b2@x.ch", "more": "a@x.ch;both@x.ch"})], 1,
              agreed=False)  # fmt: skip
    work.take([Record("3", {"email": "gone@x.ch"}), Record("4", {"more": "gone@x.ch"})], 1,
              agreed=False)  # fmt: skip
    work.take([Record("3", {}, deleted=True)], 2, agreed=False)
    keys = ("B@x.ch", "b2@x.ch", "both@x.ch", "gone@x.ch", "nobody@x.ch")
    work.stage([Staged(n, n + 1, identity(key), None, {}) for n, key in enumerate(keys, 1)])
    work.match("email", "more")
    found = {row.key: (row.id, row.reason) for row, _ in work.joined()}
    assert found == {
        "b@x.ch": ("1", None), "b2@x.ch": ("2", None), "gone@x.ch": ("4", None),
        "both@x.ch": ("1", "2 records there have this email"), "nobody@x.ch": (None, None),
    }  # fmt: skip


def test_what_is_unknown_stays_so_over_many_runs(work: Worklist) -> None:
    for _ in range(3):
        stage(work, "a@b.ch", "c@d.ch")
        claimed = work.claim(1, NOW, 10)
        if claimed:
            work.give_up(claimed, "unknown", "nobody knows")
    assert work.outcomes() == {"unknown": 2}
    assert work.steps() == {"refused": 2}
    work.take([Record("7", {"email": "A@b.ch"}, NOW)], 1, agreed=False)
    stage(work, "a@b.ch", "c@d.ch")
    assert work.outcomes().get("unknown") == 1
    work.dispel()
    stage(work, "c@d.ch")
    assert work.steps() == {"create": 1}


def test_a_batch_is_in_doubt_until_it_is_over(work: Worklist) -> None:
    stage(work, *(f"c{n}@b.ch" for n in range(3)))
    claimed = work.claim(7, NOW, 2)
    assert claimed is not None
    assert [(d.act, d.at, len(d.rows)) for d in work.doubts()] == [(7, NOW, 2)]
    work.confirm(claimed.rows[:1], [Written("70")], NOW)
    assert len(work.doubts()[0].rows) == 1
    work.undo(claimed)
    assert work.doubts() == []
    assert work.outcomes() == {"done": 1, "planned": 2}
    second = work.claim(7, NOW, 2)
    assert second is not None
    assert second.id > claimed.id  # the journal knows it by its number


def test_what_is_owed_to_our_side(work: Worklist) -> None:
    first = [Record(str(n), {"f": "x"}, NOW) for n in range(3)]
    work.take(first, 1, agreed=True)
    assert work.owed(9) == []
    work.take([first[0], Record("1", {"f": "y"}, NOW), Record("2", {}, NOW, deleted=True)], 2,
              agreed=False)  # fmt: skip
    assert [(r.id, r.deleted) for r in work.owed(9)] == [("1", False), ("2", True)]
    assert held(work)["1"] == (False, {"f": "y"}, {"f": "x"})
    work.paid(work.owed(1))
    assert [r.id for r in work.owed(9)] == ["2"]
    work.level()
    assert work.owed(9) == []
    assert held(work)["1"] == (False, {"f": "y"}, {"f": "y"})


def test_of_what_comes_back_nothing_is_agreed_on(work: Worklist) -> None:
    work.take([Record("1", {"f": "x"}, NOW)], 1, agreed=True)
    work.take([Record("1", {}, NOW, deleted=True)], 2, agreed=True)
    work.take([Record("1", {"f": "x"}, NOW)], 3, agreed=False)
    assert held(work) == {"1": (False, {"f": "x"}, None)}


def test_what_a_whole_reading_did_not_see_is_gone(work: Worklist) -> None:
    work.take([Record("1", {"f": "x"}), Record("2", {"f": ""})], 1, agreed=True)
    work.take([Record("1", {"f": "x"})], 2, agreed=True)
    assert list(work.unseen(2)) == ["2"]
    assert work.sweep(2, agreed=True) == 1
    assert work.counts() == (1, 1)
