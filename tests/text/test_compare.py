from __future__ import annotations

import pytest

from mktool.text.compare import canonical


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a  b\n\nc ", "a b c"),
        ("cafe\u0301", "caf\u00e9"),
        ("https://acme.com/", "acme.com"),
        ("HTTP://acme.com/a/ and more", "acme.com/a and more"),
    ],
)
def test_the_same_words_are_the_same(one: str, other: str) -> None:
    assert canonical(one) == canonical(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("a b", "ab"), ("acme.com/a", "acme.com/b"), ("Hi", "hi"), ("and / or", "and or"), ("!", "")],
)
def test_other_words_are_not(one: str, other: str) -> None:
    assert canonical(one) != canonical(other)
