"""Long texts in blocks: nothing is lost, nothing is too long, code stays code."""

from __future__ import annotations

import random
from typing import Any

import pytest

from mktool.errors import InvalidInput
from mktool.text.blocks import fault, from_text, pieces
from mktool.text.mrkdwn import from_markdown


def section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def test_a_short_text_is_one_section() -> None:
    assert from_text("**Out now**: a & b") == [section("*Out now*: a &amp; b")]


def test_nothing_to_say_has_no_block() -> None:
    assert from_text("") == []
    assert from_text("\n \n") == []


def test_a_long_text_is_several_sections() -> None:
    blocks = from_text("A line of some length, again and again.\n" * 300)
    assert [len(b["text"]["text"]) <= 3000 for b in blocks] == [True] * 5
    assert fault(blocks) == ""


def test_a_piece_ends_with_a_line() -> None:
    assert pieces("first line\nsecond line\n3rd", 20) == ["first line", "second line\n3rd"]


def test_a_fence_is_closed_and_opened_again() -> None:
    code = "\n".join(f"x = {n}  # a **comment**" for n in range(6))
    found = pieces(f"Look:\n```python\n{code}\n```\nand **done**", 100)
    assert all(piece.count("```") % 2 == 0 for piece in found)
    assert "".join(found).count("**comment**") == 6
    assert found[-1].endswith("and *done*")


def test_a_line_longer_than_a_piece_is_cut_between_words() -> None:
    line = " ".join(f"word{n}" for n in range(100))
    found = pieces(line, 60)
    assert " ".join(found).split() == line.split()
    assert all(len(piece) <= 60 for piece in found)


def test_a_link_longer_than_a_piece_is_refused() -> None:
    with pytest.raises(InvalidInput):
        pieces(f"https://example.com/{'a' * 200}", 100)


@pytest.mark.parametrize("seed", range(50))
def test_every_word_survives_and_every_piece_fits(seed: int) -> None:
    chance = random.Random(seed)
    words = ["a", "b & c", "<d>", "**e**", "`f`", "\n", "\n\n", "\n```\n", "g" * 9, "naïve", "😀"]
    text = " ".join(chance.choice(words) for _ in range(200))
    found = pieces(text, 64)
    assert all(0 < len(piece) <= 64 for piece in found)
    letters = str.maketrans("", "", "`\n ")
    assert "".join(found).translate(letters) == from_markdown(text).translate(letters)


@pytest.mark.parametrize(
    ("blocks", "words"),
    [
        ([section("x" * 3000)], ""),
        ([section("x" * 3001)], "block 1: text.text holds 3001, 3000 fit"),
        ([{"type": "divider"}] * 50, ""),
        ([{"type": "divider"}] * 51, "51 blocks, 50 fit"),
        ([{"type": "divider"}, {"type": "header", "text": {"text": "x" * 151}}], "block 2"),
        ([{"type": "context", "elements": [{}] * 11}], "elements holds 11, 10 fit"),
        ([{"type": "section", "text": "odd"}], ""),
        ([{"type": ["odd"]}], ""),
        ({"type": "section"}, "not a JSON list"),
        (["section"], "not a JSON list"),
        ("nonsense", "not a JSON list"),
    ],
)
def test_a_broken_limit_is_named(blocks: Any, words: str) -> None:
    assert words in fault(blocks)
    assert bool(fault(blocks)) == bool(words)
