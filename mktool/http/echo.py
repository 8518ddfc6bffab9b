"""Secrets that come back: some servers repeat in a refusal what they were sent."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote, quote_plus

from ..spec import Signed

RECOGNISABLE = 8  # characters of a secret that may not be shown


def hidden(text: str, signed: Signed, *others: str) -> str:
    """Return ``text`` with ``***`` for all that ``signed`` added to the request, and ``others``."""
    if not text:
        return text
    for secret in (*_secrets(signed), *others):
        if any(head in text for head in _heads(secret)):
            forms = {secret, quote(secret, safe=""), quote_plus(secret)}
            for cut in sorted(_cuts(forms), key=len, reverse=True):
                text = text.replace(cut, "***")
    return text


def _heads(secret: str) -> set[str]:
    """How each form of a secret begins: this is asked about every reply, so it must be quick."""
    head = secret[:RECOGNISABLE]
    if head.isascii() and head.isalnum():
        return {head}
    return {head, quote(head, safe="")[:RECOGNISABLE], quote_plus(head)[:RECOGNISABLE]}


def _secrets(signed: Signed) -> Iterator[str]:
    """Without the word before a header's secret ("Bearer"), which stands in many a message."""
    yield from (value.rsplit(" ", 1)[-1] for value in signed.headers.values())
    yield from signed.query.values()
    yield from (value for name, value in signed.body.items() if name != "client_id")
    if signed.url:  # of a webhook: its host and most of its path are no secret
        yield signed.url.rsplit("/", 1)[-1]
        query = signed.url.partition("?")[2]
        yield from (pair.partition("=")[2] for pair in query.split("&"))


def _cuts(forms: set[str]) -> set[str]:
    """An echo may be cut short."""
    return {form[:end] for form in forms for end in range(RECOGNISABLE, len(form) + 1)}
