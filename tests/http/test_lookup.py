from __future__ import annotations

import pytest

from mktool.errors import Unsupported
from mktool.http.lookup import SKEW, Listed, find
from mktool.model import Posted

SINCE = 1_790_000_000.0


def item(id: str, text: str, age: float = -1) -> Listed:
    """``age`` is seconds before the write; a negative one is after it."""
    return Listed(Posted(id), text, SINCE - age)


def test_the_same_words_are_enough() -> None:
    items = [item("1", "other"), item("2", "so  much\nnews ")]
    assert find(items, "so much news", SINCE, (), most=10) == Posted("2")


def test_clocks_differ() -> None:
    assert find([item("1", "hi", SKEW - 1)], "hi", SINCE, (), most=10) == Posted("1")
    assert find([item("1", "hi", SKEW + 1)], "hi", SINCE, (), most=10) is None


def test_what_belongs_to_another_act_is_not_it() -> None:
    assert find([item("1", "hi")], "hi", SINCE, {"1"}, most=10) is None


def test_an_unknown_item_may_be_it() -> None:
    with pytest.raises(Unsupported, match="meanwhile"):
        find([item("1", "hi, cut o")], "hi, cut off", SINCE, (), most=10)


def test_a_full_list_proves_nothing() -> None:
    with pytest.raises(Unsupported, match="cut short"):
        find([item("1", "old", 900), item("2", "old", 900)], "hi", SINCE, (), most=2)
