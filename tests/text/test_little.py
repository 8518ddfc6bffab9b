"""Little text: everything reserved is escaped, tags and mentions keep working."""

from __future__ import annotations

import random

import pytest

from mktool.text.little import escape, unescape

RESERVED = "\\|{}@[]()<>#*_~"
MENTION = "@[Dev Tag](urn:li:organization:1234)"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain, with – punctuation: 1 + 1 = 2 & so on!", None),
        (RESERVED, "".join("\\" + one for one in RESERVED)),
        ("(a_b)", r"\(a\_b\)"),
        ("#Launch today", r"{hashtag|\#|Launch} today"),
        ("(#Launch), #two.", r"\({hashtag|\#|Launch}\), {hashtag|\#|two}."),
        ("#snake_case", r"{hashtag|\#|snake\_case}"),
        ("#हिंदी", r"{hashtag|\#|हिंदी}"),
        ("#2026goals", r"{hashtag|\#|2026goals}"),
        ("we are #1", r"we are \#1"),
        ("C# and page#top", r"C\# and page\#top"),
        ("https://example.com/#top", r"https://example.com/\#top"),
        ("# heading", r"\# heading"),
        ("##twice", r"\#\#twice"),
        (r"\#no", r"\\\#no"),
        (f"with {MENTION}!", f"with {MENTION}!"),
        ("@[A. Person](urn:li:person:a-B_1)", "@[A. Person](urn:li:person:a-B_1)"),
        ("@[a_b](urn:li:person:abc)", r"@[a\_b](urn:li:person:abc)"),
        ("@[Name](https://example.com)", r"\@\[Name\]\(https://example.com\)"),
        ("me@example.com", r"me\@example.com"),
        (r"{hashtag|\#|mine}", r"\{hashtag\|\\\#\|mine\}"),
    ],
)
def test_escape(text: str, expected: str | None) -> None:
    assert escape(text) == (text if expected is None else expected)
    assert unescape(escape(text)) == text


@pytest.mark.parametrize(
    ("returned", "text"),
    [
        ("{hashtag|#|Tag}", "#Tag"),
        (r"{hashtag|\#|a\_b}", "#a_b"),
        ("never escaped (at all)", "never escaped (at all)"),
        ("ends in \\", "ends in \\"),
        (r"\n stays", r"\n stays"),
    ],
)
def test_unescape_what_a_vendor_returns(returned: str, text: str) -> None:
    assert unescape(returned) == text


PIECES = [
    *RESERVED, "a", "é", "日", "😀", " ", "\n", "1", "#Tag", "#a_b", MENTION, "@[x](", "](urn:li:",
    "{hashtag|\\#|", "https://example.com/a_(b)#c", "\\\\", "urn:li:person:a",
]  # fmt: skip


@pytest.mark.parametrize("seed", range(300))
def test_round_trip(seed: int) -> None:
    chance = random.Random(seed)
    text = "".join(chance.choices(PIECES, k=chance.randint(0, 60)))
    assert unescape(escape(text)) == text


@pytest.mark.parametrize("seed", range(50))
def test_nothing_reserved_is_left_bare(seed: int) -> None:
    chance = random.Random(seed)
    text = "".join(chance.choices(RESERVED + "ab 1", k=80))
    escaped = escape(text)
    left = escaped.replace("{hashtag|\\#|", "").replace("\\\\", "")
    for at, one in enumerate(left):
        tag_end = one == "}" and left[at - 1 : at] not in ("", "\\")
        assert one not in RESERVED or one == "\\" or tag_end or left[at - 1] == "\\", escaped
