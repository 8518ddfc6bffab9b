"""Text messages: how many parts are paid for, and which character made them more."""

from __future__ import annotations

import pytest

from mktool.text.sms import Segments, plain, segments


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Segments("GSM-7", 0, 0)),
        ("a" * 160, Segments("GSM-7", 160, 1)),
        ("a" * 161, Segments("GSM-7", 161, 2)),
        ("a" * 306, Segments("GSM-7", 306, 2)),
        ("a" * 307, Segments("GSM-7", 307, 3)),
        ("€" * 80, Segments("GSM-7", 160, 1)),
        ("€" * 81, Segments("GSM-7", 162, 2)),
        # 152 septets, then an escape and its letter, which go into the next part together
        ("a" * 152 + "€" + "a" * 151, Segments("GSM-7", 305, 2)),
        ("a" * 152 + "€" + "a" * 152, Segments("GSM-7", 306, 3)),
        ("@£$¥èéùìòÇ\nØø\rÅåΔÆæßÉ ¤¡ÄÖÑÜ§¿äöñüà", Segments("GSM-7", 35, 1)),
        ("\f^{}\\[~]|€", Segments("GSM-7", 20, 1)),
        ("ç", Segments("UCS-2", 1, 1, "ç")),
        ("a `b", Segments("UCS-2", 4, 1, "`")),
        ("a\tb", Segments("UCS-2", 3, 1, "\t")),
        ("Sale! 🎉 now…", Segments("UCS-2", 13, 1, "🎉")),
        ("ы" * 70, Segments("UCS-2", 70, 1, "ы")),
        ("ы" * 71, Segments("UCS-2", 71, 2, "ы")),
        ("ы" * 134, Segments("UCS-2", 134, 2, "ы")),
        ("ы" * 135, Segments("UCS-2", 135, 3, "ы")),
        ("🎉" * 35, Segments("UCS-2", 70, 1, "🎉")),
        # 66 units and a pair that does not fit into the 67th
        ("ы" * 66 + "🎉" + "ы" * 65, Segments("UCS-2", 133, 2, "ы")),
        ("ы" * 66 + "🎉" + "ы" * 66, Segments("UCS-2", 134, 3, "ы")),
    ],
)
def test_segments(text: str, expected: Segments) -> None:
    assert segments(text) == expected


def test_what_looks_alike() -> None:
    text = "“It\u2019s here” – now… 5\u00a0€ cafe\u0301"
    assert segments(text).culprit == "“"
    assert plain(text) == '"It\'s here" - now... 5 € café'
    assert segments(plain(text)).encoding == "GSM-7"


def test_what_has_no_look_alike_stays() -> None:
    assert plain("Привет 🎉") == "Привет 🎉"
