"""Recognise a text that a vendor gives back: the same words, not the same bytes."""

from __future__ import annotations

import re
import unicodedata


def canonical(text: str) -> str:
    """Return the text without what vendors change on the way.

    Composed (NFC), white space as single blanks, addresses without "https://" and a last "/".
    """
    words = " ".join(unicodedata.normalize("NFC", text).split())
    return re.sub(r"(?<=\w)/(?= |$)", "", re.sub(r"https?://", "", words, flags=re.IGNORECASE))


def bare(source: str) -> str:
    """Return the letters of HTML alone, without tags and white space: vendors lay it out anew."""
    import html

    return "".join(html.unescape(re.sub(r"<[^>]*>", "", source)).split())
