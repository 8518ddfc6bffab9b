"""Long texts in pieces: nothing is lost, nothing is too long, code stays code."""

from __future__ import annotations

import random

import pytest

from mktool.errors import InvalidInput
from mktool.text.mrkdwn import from_markdown
from mktool.text.sections import sections


def test_a_short_text_is_one_piece() -> None:
    assert sections("**Out now**: a & b", 100) == ["*Out now*: a &amp; b"]


def test_nothing_to_say_has_no_piece() -> None:
    assert sections("", 100) == []
    assert sections("\n \n", 100) == []


def test_a_piece_ends_with_a_line() -> None:
    assert sections("first line\nsecond line\n3rd", 20) == ["first line", "second line\n3rd"]


def test_a_fence_is_closed_and_opened_again() -> None:
    code = "\n".join(f"x = {n}  # a **comment**" for n in range(6))
    pieces = sections(f"Look:\n```python\n{code}\n```\nand **done**", 100)
    assert all(piece.count("```") % 2 == 0 for piece in pieces)
    assert "".join(pieces).count("**comment**") == 6
    assert pieces[-1].endswith("and *done*")


def test_a_line_longer_than_a_piece_is_cut_between_words() -> None:
    line = " ".join(f"word{n}" for n in range(100))
    pieces = sections(line, 60)
    assert " ".join(pieces).split() == line.split()
    assert all(len(piece) <= 60 for piece in pieces)


def test_a_link_longer_than_a_piece_is_refused() -> None:
    with pytest.raises(InvalidInput):
        sections(f"https://example.com/{'a' * 200}", 100)


@pytest.mark.parametrize("seed", range(50))
def test_every_word_survives_and_every_piece_fits(seed: int) -> None:
    chance = random.Random(seed)
    words = ["a", "b & c", "<d>", "**e**", "`f`", "\n", "\n\n", "\n```\n", "g" * 9, "naïve", "😀"]
    text = " ".join(chance.choice(words) for _ in range(200))
    pieces = sections(text, 64)
    assert all(0 < len(piece) <= 64 for piece in pieces)
    letters = str.maketrans("", "", "`\n ")
    assert "".join(pieces).translate(letters) == from_markdown(text).translate(letters)
