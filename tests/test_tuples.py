"""Named tuples by column are the same sequence."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from mktool.tuples import ByColumn, Filled, maker


class Pair(NamedTuple):
    left: int
    right: str = ""


PAIRS = [Pair(1, "a"), Pair(2, "b"), Pair(3)]


def test_it_is_the_sequence_of_its_rows() -> None:
    found = ByColumn.of(Pair, PAIRS)
    assert (len(found), list(found)) == (3, PAIRS)
    assert found == ByColumn.of(Pair, PAIRS)
    assert (found[0], found[-1], [*found[1:]]) == (PAIRS[0], PAIRS[-1], PAIRS[1:])
    assert {*map(type, found)} == {Pair}
    assert isinstance(found[1:], ByColumn)
    assert found != found[1:]
    assert found.column("right") == ("a", "b", "")
    assert Pair(2, "b") in found
    with pytest.raises(IndexError):
        found[3]


def test_what_is_by_column_stays_so_and_may_be_empty() -> None:
    found = ByColumn.of(Pair, PAIRS)
    assert ByColumn.of(Pair, found) is found
    assert (len(ByColumn.of(Pair, [])), list(ByColumn.of(Pair, []))) == (0, [])
    assert maker(Pair)((1, "a")) == Pair(1, "a")
    nested = ByColumn(tuple, [["a", "b"], ["c", "d"]])
    assert (list(nested), nested[1]) == ([("a", "c"), ("b", "d")], ("b", "d"))


def test_texts_are_filled_in_when_they_are_looked_at() -> None:
    found = Filled(["100 % of ", ": ", ""], [["a", "b", "%s"], ["1", "", "{}"]])
    texts = ["100 % of a: 1", "100 % of b: ", "100 % of %s: {}"]
    assert ([*found], len(found), found.size) == (texts, 3, sum(map(len, texts)))
    assert (found[0], found[-1], [*found[1:]]) == (texts[0], texts[-1], texts[1:])
    with pytest.raises(IndexError):
        found[3]
