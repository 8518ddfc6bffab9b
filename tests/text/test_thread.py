"""One text becomes several."""

from __future__ import annotations

import random

import pytest

from mktool.errors import InvalidInput
from mktool.text import links
from mktool.text.thread import parts, split
from mktool.text.weighted import weighted_length

FAMILY = "👨\u200d👩\u200d👧\u200d👦"


def cut(text: str, room: int) -> list[str]:
    return split(text, lambda number: room, len)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("one\n\n---\n\ntwo", ["one", "two"]),
        ("one\n---\ntwo", ["one", "two"]),
        ("one\r\n\r\n---\r\n\r\ntwo\r\n", ["one", "two"]),
        ("one\n  --- \t\ntwo", ["one", "two"]),
        ("---\none\n---", ["one"]),
        ("one\n---\n---\n\n---\ntwo", ["one", "two"]),
        ("one --- two", ["one --- two"]),
        ("one\n----\ntwo", ["one\n----\ntwo"]),
        ("one\n- --\ntwo", ["one\n- --\ntwo"]),
        ("one\n\ntwo", ["one\n\ntwo"]),
        ("---", []),
        ("", []),
        (" \n ", []),
    ],
)
def test_marked_parts(text: str, expected: list[str]) -> None:
    assert parts(text) == expected


@pytest.mark.parametrize(
    ("text", "room", "expected"),
    [
        ("", 10, []),
        (" \n\n ", 10, []),
        ("fits", 4, ["fits"]),
        ("  fits  ", 4, ["fits"]),
        ("First here.\n\nSecond here.", 20, ["First here.", "Second here."]),
        ("One one. Two two. Three.", 18, ["One one. Two two.", "Three."]),
        ("He said “Yes.” Then left.", 16, ["He said “Yes.”", "Then left."]),
        ("- first item\n- second item", 18, ["- first item", "- second item"]),
        ("about e.g. this thing", 14, ["about e.g.", "this thing"]),
        ("several words here", 10, ["several", "words here"]),
        ("A. then a long line of words", 20, ["A. then a long line", "of words"]),
        ("abcdefgh", 3, ["abc", "def", "gh"]),
        ("これは長い文です。次の文です。", 12, ["これは長い文です。", "次の文です。"]),
        ("日本語日本語", 4, ["日本語日", "本語"]),
        ("e\u0301e\u0301e\u0301", 3, ["e\u0301", "e\u0301", "e\u0301"]),
        (FAMILY * 3, 15, [FAMILY * 2, FAMILY]),
    ],
)
def test_where_a_text_is_cut(text: str, room: int, expected: list[str]) -> None:
    assert cut(text, room) == expected


def test_each_part_has_its_own_room() -> None:
    rooms = {1: 3, 2: 6, 3: 9}
    assert split("aa bb cc dd ee", rooms.__getitem__, len) == ["aa", "bb cc", "dd ee"]


def test_a_link_stays_whole() -> None:
    link = "https://example.com/" + "a" * 100
    text = f"{'word ' * 30}{link} {link}日本語{link}"
    made = split(text, lambda number: 50, weighted_length)
    assert sum(part.count(link) for part in made) == 3
    assert all(weighted_length(part) <= 50 for part in made)


@pytest.mark.parametrize("text", ["https://example.com/long", "a" + "\u0301" * 20, FAMILY])
def test_what_cannot_be_cut_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        cut(text, 6)
    assert caught.value.hint


def test_no_room_is_refused() -> None:
    with pytest.raises(InvalidInput):
        cut("a", 0)


WORDS = [
    "a", "word", "sentence.", "Really?", "“Quoted.”", "über", "שלום", "https://example.com/a_(b)",
    "example.com,", "(see", "note)", "😀", FAMILY, "🇳🇴🇸🇪", "e\u0301", "1\ufe0f\u20e3", "3.14",
]  # fmt: skip


@pytest.mark.parametrize("seed", range(150))
def test_every_word_survives_in_order(seed: int) -> None:
    chance = random.Random(seed)
    blanks = [" ", " ", " ", "  ", "\n", "\n\n", "\r\n\r\n", "\t"]
    text = "".join(
        chance.choice(WORDS) + chance.choice(blanks) for _ in range(chance.randint(1, 120))
    )
    room = chance.randint(30, 120)
    made = split(text, lambda number: room, weighted_length)
    assert " ".join(made).split() == text.split()
    assert all(part and part == part.strip() for part in made)
    assert all(weighted_length(part) <= room for part in made)


@pytest.mark.parametrize("seed", range(150))
def test_no_character_is_lost_or_broken(seed: int) -> None:
    chance = random.Random(seed)
    pieces = ["a", "日", "。", " ", "\n\n", FAMILY, "🇳🇴", "e\u0301", " https://example.com/x "]
    text = "".join(chance.choices(pieces, k=chance.randint(1, 150)))
    made = split(text, lambda number: 30, weighted_length)
    assert "".join("".join(made).split()) == "".join(text.split())
    assert all(0 < weighted_length(part) <= 30 for part in made)
    assert sum(part.count(FAMILY) for part in made) == text.count(FAMILY)
    assert sum(len(links.find(part)) for part in made) == len(links.find(text))
