"""Where a text may be cut."""

from __future__ import annotations

import pytest

from mktool.text import emoji


def clusters(text: str) -> list[str]:
    cuts = [at for at in range(len(text)) if at == 0 or emoji.cuttable(text, at)]
    return [text[a:b] for a, b in zip(cuts, [*cuts[1:], len(text)], strict=True)]


@pytest.mark.parametrize(
    "expected",
    [
        ["a", "b"],
        ["e\u0301", "e"],
        ["\r\n", "\n"],
        ["👨\u200d👩\u200d👧\u200d👦", "👍🏽"],
        ["🇳🇴", "🇸🇪", "🇳"],
        ["1\ufe0f\u20e3", "1"],
        ["🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f", "x"],
        ["ᄀ\u1161\u11a8", "ᄀ\u1161"],  # decomposed Korean
        ["क्षि", "क"],
        ["กำ", "ก"],
        ["日", "本"],
    ],
)
def test_characters_as_readers_see_them(expected: list[str]) -> None:
    assert clusters("".join(expected)) == expected


def test_every_emoji_in_use_is_found_whole() -> None:
    for sequence in emoji._sequences():
        if sequence in "©®":
            continue
        assert list(emoji.find(f"a{sequence}b")) == [(1, 1 + len(sequence))], sequence
