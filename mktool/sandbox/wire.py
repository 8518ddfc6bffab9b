"""One request as a vendor sees it, and its answer: all that a vendor file needs of HTTP."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Upload:
    """A file part of a multipart form."""

    name: str
    mime: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: JSON when ``json`` is given, else ``body`` of type ``mime``."""

    status: int = 200
    json: object = None
    body: bytes = b""
    mime: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    def content(self) -> tuple[bytes, str]:
        """Return the bytes to send and their media type ("" when there are none)."""
        if self.json is None:
            return self.body, self.mime
        return json.dumps(self.json, ensure_ascii=False).encode(), "application/json; charset=utf-8"


class Refusal(Exception):
    """Raised by a vendor to end a call with this answer."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


def parsed(text: str | bytes) -> dict[str, Any] | None:
    """Return the JSON object in a text; None for what is none, or holds half a character."""
    found = _decoded(text)
    return found if isinstance(found, dict) else None


def array(text: str | bytes) -> list[Any] | None:
    """Return the JSON array in a text, None when there is no such thing."""
    found = _decoded(text)
    return found if isinstance(found, list) else None


def _decoded(text: str | bytes) -> Any:
    try:
        found = json.loads(text, parse_constant=_no_number)
        json.dumps(found, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return None
    return found


def _no_number(word: str) -> None:
    raise ValueError(word)  # NaN and Infinity, which Python would take


@dataclass(frozen=True, slots=True)
class Call:
    """One request. ``path`` begins with the vendor's host, still percent-encoded as it was sent.

    ``params`` are the decoded parts that the route names, ``base`` is where the sandbox is
    reached, ``now`` is epoch seconds.
    """

    method: str
    path: str
    base: str
    now: float
    raw_query: str = ""
    params: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    form: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, Upload] = field(default_factory=dict)

    @property
    def mime(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def bearer(self) -> str:
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        return token.strip() if scheme.lower() == "bearer" else ""

    @property
    def basic(self) -> tuple[str, str] | None:
        """The client's id and secret from HTTP Basic, None when absent or malformed."""
        scheme, _, encoded = self.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            user, colon, password = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        return (user, password) if colon else None

    def object(self) -> dict[str, Any] | None:
        """Return the JSON object in the body, None when there is no such thing."""
        return parsed(self.body)

    def array(self) -> list[Any] | None:
        """Return the JSON array in the body, None when there is no such thing."""
        return array(self.body)
