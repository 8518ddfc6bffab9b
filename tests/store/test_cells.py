"""The values of recipients come back as they were staged, from chunks that are read once."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from mktool.errors import InvalidInput, StorageError
from mktool.store.campaigns import CampaignFile, State
from mktool.store.cells import MOST, ROOM, Kept, cells_of, kept
from mktool.store.staging import Stage, Staged
from tests.store.campaign import claim, confirm, entry, note, people, stage

HOSTILE: Sequence[Kept] = (
    "Ada\x1fLovelace", "", None, "\x1e", "a\x1eb\x1fc", "\0", "\x1f\x1f", "\r\n\x1f\u2028",
    "Zo\u00eb \U0001f600", kept(["a\x1fb", "c"]), kept(["\x1e\x1f"]), "\ufeff", "x" * ROOM, "plain",
)  # fmt: skip
NO_TEXT = zlib.compress(b"\xff" + b"\x1e" * 4).hex()


@pytest.fixture
def file(tmp_path: Path) -> Iterator[CampaignFile]:
    with CampaignFile(tmp_path / "1.db", create=True) as opened:
        yield opened


def rows(values: Sequence[Kept], tag: str = "p", variants: int = 0) -> list[Staged]:
    return [
        entry(address, 1 + at % variants if variants else None)._replace(data=value)
        for at, (address, value) in enumerate(zip(people(len(values), tag), values, strict=True))
    ]


def many(count: int) -> list[Kept]:
    return [f"{number}\x1fpro\x1fhttps://shop.example.com/{number}" for number in range(count)]


def read(file: CampaignFile, together: int = 100, variant: int | None = None) -> list[Kept]:
    found, seq = list[Kept](), 0
    while some := file.after(seq, variant, together):
        found += [one.data for one in some]
        seq = some[-1].seq
    return found


def chunks(file: CampaignFile) -> list[tuple[int, int]]:
    return file.db.execute("select lo, hi from cells order by lo").fetchall()


def in_rows(file: CampaignFile) -> dict[int, Kept]:
    return dict(file.db.execute("select seq, data from recipients where data is not null"))


class Reads(list[str]):
    """The chunks that a connection reads, as long as it is open."""

    def __init__(self, file: CampaignFile) -> None:
        file.db.set_trace_callback(self._seen)

    def _seen(self, statement: str) -> None:
        if statement.startswith("select lo, hi, data from cells"):
            self.append(statement)


# -- what comes back ------------------------------------------------------------------------------


@pytest.mark.parametrize("around", [0, 1, MOST])
@pytest.mark.parametrize("together", [7, 2000])
def test_any_value_comes_back_as_it_was(file: CampaignFile, around: int, together: int) -> None:
    values = [*many(around), *HOSTILE, *many(around)]
    stage(file, rows(values))
    assert read(file, together) == values


@pytest.mark.parametrize("at", range(len(HOSTILE)))
def test_any_value_comes_back_alone(file: CampaignFile, at: int) -> None:
    stage(file, rows(HOSTILE))
    assert [one.data for one in file.after(at, None, 1)] == [HOSTILE[at]]


def test_only_what_a_chunk_cannot_hold_is_in_its_own_row(file: CampaignFile) -> None:
    stage(file, rows([*HOSTILE, *many(3)]))
    expected = {
        seq: value
        for seq, value in enumerate(HOSTILE, 1)
        if value is not None and (isinstance(value, bytes) or value == "" or "\x1e" in value)
    }
    assert in_rows(file) == expected
    assert len(expected) == 5


def test_what_no_file_can_hold_is_refused_with_all_that_came_with_it(file: CampaignFile) -> None:
    with pytest.raises(InvalidInput, match="not valid Unicode"):
        stage(file, rows(["fine", "\ud800"]))
    assert (chunks(file), read(file)) == ([], [])


def test_a_list_without_columns(file: CampaignFile) -> None:
    stage(file, people(3))
    assert read(file) == [None] * 3
    longest = file.longest()
    assert longest is not None
    assert (longest.seq, longest.data) == (1, None)


def test_people_of_one_list_have_a_lot_in_common(file: CampaignFile) -> None:
    values = many(5000)
    stage(file, rows(values))
    (size,) = file.db.execute("select total(length(data)) from cells").fetchone()
    assert size * 3 < len("".join(map(str, values)))


# -- chunks ---------------------------------------------------------------------------------------


def test_a_chunk_is_bounded_by_people_and_by_room(file: CampaignFile) -> None:
    with Stage(file) as reading:
        reading.add(rows(["x"] * (2 * MOST + 1)))
        reading.add(rows(["y" * (ROOM // 4)] * 9, "q"))
        reading.add(rows(["a", "z" * ROOM, "b" * ROOM + "c", "d"], "r"))
        reading.finish(staged=2 * MOST + 14)
    first, second = 2 * MOST + 2, 2 * MOST + 11
    assert chunks(file) == [
        (1, MOST), (MOST + 1, 2 * MOST), (2 * MOST + 1, 2 * MOST + 1),
        (first, first + 3), (first + 4, first + 7), (first + 8, first + 8),
        (second, second), (second + 1, second + 1), (second + 2, second + 2),
        (second + 3, second + 3),
    ]  # fmt: skip
    for (data,) in file.db.execute("select data from cells where hi > lo"):
        assert len(zlib.decompress(data)) <= ROOM + MOST
    assert [len(str(one.data)) for one in file.after(second - 1, None, 9)] == [1, ROOM, ROOM + 1, 1]


@pytest.mark.parametrize("variants", [1, 2, 5])
def test_a_list_is_read_once(file: CampaignFile, variants: int) -> None:
    """Also where variants take turns, each a thousand."""
    values = many(5 * MOST)
    with Stage(file) as reading:
        reading.add(rows(values[:700], variants=variants))
        reading.add(rows(values[700:], "q", variants=variants))
        reading.finish(staged=len(values))
    reads, reached, found = Reads(file), dict.fromkeys(range(1, variants + 1), 0), list[Kept]()
    while reached:
        for variant, seq in [*reached.items()]:
            if some := file.after(seq, variant, MOST):
                found += [one.data for one in some]
                reached[variant] = some[-1].seq
            else:
                del reached[variant]
    assert sorted(map(str, found)) == sorted(map(str, values))
    assert len(reads) == len(chunks(file)) == 6


def test_one_recipient_takes_one_chunk(file: CampaignFile) -> None:
    values = many(4 * MOST)
    stage(file, rows(values))
    confirm(file, claim(file, 1, 4 * MOST), implied=4 * MOST)
    note(file, State.RETRY, 7, 2 * MOST + 7, 2 * MOST + 9)
    reads = Reads(file)
    assert [one.data for one in file.again(0, None, 9)] == [
        values[6],
        values[2 * MOST + 6],
        values[2 * MOST + 8],
    ]
    assert len(reads) == 2
    members = file.members(claim(file, 7, 7, retry=True))
    assert ([one.data for one in members], len(reads)) == ([values[6]], 2)


# -- the longest ----------------------------------------------------------------------------------


def test_the_longest_is_found_without_a_look_at_all(file: CampaignFile) -> None:
    values = many(4 * MOST)
    values[2 * MOST + 5] = "x" * 200
    stage(file, rows(values))
    reads = Reads(file)
    longest = file.longest()
    assert longest is not None
    assert (longest.seq, longest.data, len(reads)) == (2 * MOST + 6, "x" * 200, 1)


@pytest.mark.parametrize("long", ["x" * 99, "x\x1e" * 50, kept(["\x1f" * 99])])
def test_who_was_folded_is_not_the_longest(file: CampaignFile, long: Kept) -> None:
    listed = rows(["a", "bbb", "cc"])
    assert stage(file, [*listed, listed[0]._replace(data=long)]) == 1
    found = file.longest()
    assert found is not None
    assert found.data == "bbb"
    stage(file, [entry("late@acme.example")._replace(data=long)])
    found = file.longest()
    assert found is not None
    assert found.data == long


# -- what is added and removed --------------------------------------------------------------------


def test_a_longer_list_adds_chunks(file: CampaignFile) -> None:
    stage(file, rows(["a", "b"]))
    assert read(file) == ["a", "b"]
    stage(file, [*rows(["a", "b"]), *rows(["c", "\x1e"], "q")])
    assert read(file) == ["a", "b", "c", "\x1e"]
    assert chunks(file) == [(1, 2), (3, 6)]


def test_whoever_is_folded_leaves_the_others_theirs(file: CampaignFile) -> None:
    listed = rows(many(6))
    twice = [listed[0], listed[1], listed[0], listed[2], *listed]
    assert stage(file, twice) == 4
    assert read(file, 2) == many(6)


@pytest.mark.parametrize("before", [0, 2])
def test_a_killed_run_leaves_no_values(tmp_path: Path, before: int) -> None:
    path = tmp_path / "1.db"
    killed = CampaignFile(path, create=True)
    if before:
        stage(killed, rows(many(before)))
    reading = Stage(killed)
    reading.__enter__()
    reading.add(rows(["of the killed run"] * 5, "q"))
    assert read(killed)[-1] == "of the killed run"
    killed.close()
    with CampaignFile(path) as file:
        stage(file, rows(["new", "\x1e"], "r"))
        assert read(file) == [*many(before), "new", "\x1e"]
        assert len(chunks(file)) == (2 if before else 1)


def test_what_is_forgotten_and_staged_anew_is_new(file: CampaignFile) -> None:
    stage(file, rows(many(5)))
    assert read(file) == many(5)
    file.forget()
    assert chunks(file) == []
    stage(file, rows(["new"] * 5))
    assert read(file) == ["new"] * 5


def test_values_are_written_with_their_recipients_or_not_at_all(file: CampaignFile) -> None:
    nobody = rows(["a"])[0]._replace(address=None)  # type: ignore[arg-type]
    with pytest.raises(StorageError), Stage(file) as reading:
        reading.add([*rows(["b"] * 3, "q"), nobody])
    assert (chunks(file), read(file)) == ([], [])


# -- other files ----------------------------------------------------------------------------------


def test_a_file_of_the_second_version_is_read_and_added_to(tmp_path: Path) -> None:
    path, old = tmp_path / "1.db", ["a\x1fb", "cc\x1fdd\x1fee", None]
    with CampaignFile(path, create=True) as file:
        stage(file, rows(old))
        file.db.executemany(
            "update recipients set data = ? where seq = ?", zip(old, (1, 2, 3), strict=True)
        )
        file.db.execute("drop table cells")
        file.db.execute("pragma user_version = 2")
    with CampaignFile(path) as file:
        assert (read(file), chunks(file)) == (old, [])
        longest = file.longest()
        assert longest is not None
        assert longest.data == old[1]
        stage(file, rows(["new", "x" * 99], "q"))
        assert (read(file), chunks(file)) == ([*old, "new", "x" * 99], [(4, 5)])
        longest = file.longest()
        assert longest is not None
        assert longest.data == "x" * 99


@pytest.mark.parametrize(
    "damage",
    [
        "update cells set data = substr(data, 1, length(data) - 3)",
        "update cells set data = zeroblob(20)",
        f"update cells set data = x'{NO_TEXT}'",
        "update cells set hi = hi + 1",
        "update cells set hi = 2",
        "delete from cells where lo > 1",
    ],
)
def test_a_damaged_chunk_is_told_and_nothing_made_up(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "1.db"
    with CampaignFile(path, create=True) as file, Stage(file) as reading:
        reading.add(rows(many(5)))
        reading.add(rows(many(5), "q"))
        reading.finish(staged=10)
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(damage)
    with CampaignFile(path) as file:
        with pytest.raises(StorageError, match=r"damaged: the values of recipient \d+") as caught:
            read(file)
        assert "mktool campaign export" in caught.value.hint
        assert len(list(file.outcomes())) == 10


@pytest.mark.parametrize("cells", [[], ["a"], ["a", ""], ["\x1f"], ["\x1e", "b"], ["", "", ""]])
def test_cells_come_back(cells: list[str]) -> None:
    assert cells_of(kept(cells)) == cells
