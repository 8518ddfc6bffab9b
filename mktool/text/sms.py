"""
How many parts a text message is sent, and billed, in.

The alphabet is that of 3GPP TS 23.038 (GSM 03.38) 6.2.1, parts by 3GPP TS 23.040 9.2.3.24.1: 140
bytes, of which a message of several parts gives 6 to its header in each.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Literal, NamedTuple

_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION = "\f^{}\\[~]|€"  # each is an escape and a letter
_FOREIGN = re.compile(f"[^{re.escape(_BASIC + _EXTENSION)}]")
_ESCAPED = re.compile(f"[{re.escape(_EXTENSION)}]")
_PAIRED = re.compile("[\U00010000-\U0010ffff]")  # two units of UTF-16 each

_LOOK_ALIKES = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\u02bc`\u00b4", "'"),
        **dict.fromkeys("“”„‟″«»", '"'),
        **dict.fromkeys("\u2010\u2011\u2012–\u2014\u2015\u2212", "-"),
        **dict.fromkeys("\t\u00a0\u2002\u2003\u2009\u200a\u202f\u3000", " "),
        **dict.fromkeys("\u00ad\u200b\u200d\u2060\ufe0f\ufeff", ""),
        "…": "...",
        "•": "*",
    }
)


class Segments(NamedTuple):
    """How a text goes out: ``units`` are septets of GSM-7 or 16-bit units of UCS-2.

    ``culprit`` is the first character that GSM-7 does not have, "" if there is none.
    """

    encoding: Literal["GSM-7", "UCS-2"]
    units: int
    parts: int
    culprit: str = ""


def segments(text: str) -> Segments:
    """Return encoding, length and number of parts; the empty text has none."""
    if found := _FOREIGN.search(text):
        return Segments("UCS-2", *_parts(_PAIRED, text, alone=70, joined=67), found[0])
    return Segments("GSM-7", *_parts(_ESCAPED, text, alone=160, joined=153))


def plain(text: str) -> str:
    """Return the text with the typography that GSM-7 lacks replaced by what looks alike."""
    return unicodedata.normalize("NFC", text).translate(_LOOK_ALIKES)


def _parts(double: re.Pattern[str], text: str, *, alone: int, joined: int) -> tuple[int, int]:
    """Return units and parts, where what is ``double`` takes two units in the same part."""
    lead = "\ud800"  # stands for the first unit; no text that can be sent holds it
    units = double.sub(rf"{lead}\g<0>", text)
    if len(units) <= alone:
        return len(units), 1 if units else 0
    parts = at = 0
    while at < len(units):
        at += joined
        parts += 1
        if units[at - 1 : at] == lead:  # a pair stays together
            at -= 1
    return len(units), parts
