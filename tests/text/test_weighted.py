"""Weighted length: our own table, then the public conformance vectors when they are at hand."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from mktool.text.weighted import Rules, has_url, urls, weighted_length

FAMILY = "👨\u200d👩\u200d👧\u200d👦"

LENGTHS = [
    ("", 0),
    ("plain", 5),
    ("two\nlines", 9),
    ("é", 1),
    ("e\u0301", 1),  # NFC makes it one letter
    ("ß – “x” …", 10),  # the dash and the quotes are in the light ranges, the ellipsis is not
    ("€", 2),
    ("日本語", 6),
    ("한국", 4),
    ("Привет", 6),
    ("שלום", 4),
    ("ก", 1),
    ("\u10ff", 1),
    ("\u1100", 2),
    ("a\u200bb", 3),
    # emoji
    ("😀", 2),
    (FAMILY, 2),
    ("👍🏽", 2),
    ("👩🏾\u200d🚀", 2),
    ("🇳🇴", 2),
    ("🇦🇦", 4),  # no such country: two letters
    ("🇳🇴🇸🇪", 4),
    ("🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f", 2),  # Scotland
    ("1\ufe0f\u20e3", 2),
    ("#\u20e3", 2),
    ("1", 1),
    ("©", 1),
    ("©\ufe0f", 2),
    ("❤\ufe0f", 2),
    ("❤", 2),
    ("☺\ufe0e", 4),  # asked for as text: two characters
    ("👨\u200d🐱", 5),  # not a sequence in use: two emoji and a joiner
    ("🍕🏽", 4),  # a pizza has no skin
    ("👁\ufe0f\u200d🗨\ufe0f", 2),
    ("🏳\ufe0f\u200d🌈", 2),
    # links
    ("https://example.com", 23),
    ("https://example.com/" + "a" * 500, 23),
    ("see example.com", 27),
    ("EXAMPLE.COM", 23),
    ("example.com.", 24),
    ("(example.com)", 25),
    ("https://example.com/a_(b).", 24),
    ("https://example.com/a, b", 26),
    ("https://example.com?q=1!", 24),
    ("https://example.com:8080/x", 23),
    ("a.co b.io", 47),
    ("me@example.com", 14),
    ("@example.com", 12),
    ("#example.com", 12),
    ("$example.com", 12),
    ("file.txt", 8),
    ("v1.2.3", 6),
    ("e.g. this", 9),
    ("Node.js", 7),
    ("ftp://example.com", 17),
    ("./example.com", 13),
    ("-example.com", 12),
    ("http://foo_bar.com", 18),
    ("http://foo_bar.example.com", 23),
    ("日本語http://example.com日本語", 35),
    ("日本語example.com", 29),
    ("http://例え.jp", 23),
    ("例え.jp", 7),  # a domain that is not Latin needs its scheme
    ("http://example.みんな", 23),
    ("http://xn--fsq.xn--p1ai/", 23),
    ("http://192.168.0.1", 18),
    ("http://localhost:8000", 21),
    ("https://t.co/abc-def", 27),
    ("https://t.co/" + "a" * 41, 54),
    ("a" * 63 + ".com", 23),
    ("a" * 64 + ".com", 68),
    ("example.com/path?x=1#top", 23),
    ("http://user:word@example.com", 28),
    ("http://example.com/日本example.com", 50),
    ("école.fr", 24),  # the first letter stands before the link, as the suite has it
    ("une école.fr", 27),
    ("dash—https://example.com—dash", 33),
]


@pytest.mark.parametrize(("text", "length"), LENGTHS)
def test_length(text: str, length: int) -> None:
    assert weighted_length(text) == length


def test_spans_of_links() -> None:
    text = "a example.com/x, https://b.de! c"
    assert [text[start:end] for start, end in urls(text)] == ["example.com/x", "https://b.de"]
    assert has_url(text)
    assert not has_url("no link, not even me@example.com")


@pytest.mark.parametrize(
    "unit",
    ["a.", "a.com", "https://a.com/(", "https://a.com?", "👨\u200d", "🇦", "xn--", "http://", "日"],
)
def test_time_grows_with_length_only(unit: str) -> None:
    # A quadratic rule would need hours for this; the test would not come back.
    assert weighted_length(unit * 50_000) > 0


def test_import_compiles_nothing_big() -> None:
    code = (
        "import sys, mktool.text.weighted, mktool.text.thread;"
        "from mktool.text import emoji, links;"
        "print(links._grammar.cache_info().currsize, emoji._candidate.cache_info().currsize,"
        "'httpx' in sys.modules, 'importlib.resources' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["0", "0", "False", "False"]


# --- public vectors ---------------------------------------------------------------------------


def vectors(section: str) -> list[Any]:
    """Read one section of the file under MKTOOL_SPECS; without it the tests are skipped."""
    folder = os.environ.get("MKTOOL_SPECS")
    if not folder:
        if os.environ.get("MKTOOL_STRICT") == "1":
            pytest.fail("MKTOOL_SPECS is not set")
        pytest.skip("MKTOOL_SPECS is not set")
    path = Path(folder, "x", "twitter-text-conformance-validate.yml")
    found: list[Any] = yaml.safe_load(path.read_text("utf-8"))["tests"][section]
    assert found
    return found


@pytest.mark.parametrize(
    ("section", "rules"),
    [
        ("WeightedTweetsCounterTest", Rules(emoji=False)),  # configuration 2
        ("WeightedTweetsWithDiscountedEmojiCounterTest", Rules()),
        ("UnicodeDirectionalMarkerCounterTest", Rules()),
    ],
)
def test_conformance_of_lengths(section: str, rules: Rules) -> None:
    for case in vectors(section):
        got, wanted = weighted_length(case["text"], rules), case["expected"]["weightedLength"]
        assert got == wanted, case["description"]


def test_conformance_of_links() -> None:
    # Valid as addresses, yet not made into links of 23 when they stand in a text.
    not_shortened = {
        "Valid url: port and userinfo",
        "Valid url: ipv4",
        "Valid url: ipv6",
        "Valid url: sub delims and question marks",  # all of it but the plus sign at its end
    }
    differ = {
        case["description"]
        for section in ("urls", "urls_without_protocol")
        for case in vectors(section)
        if (urls(case["text"]) == [(0, len(case["text"]))]) is not case["expected"]
    }
    assert differ == not_shortened
