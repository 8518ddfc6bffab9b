"""A request as a value: built once, sent by `wire`, shown by a dry run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from ..errors import InvalidInput
from ..model import Media
from ..spec import Endpoint, Signed, Spec
from .body import encoded
from .target import Target

CHUNK = 256 * 1024

Form = Mapping[str, str | list[str] | tuple[str, ...]]
"""The fields of a form; a list is a field given several times."""


@dataclass(frozen=True, slots=True)
class Slice:
    """A stretch of a file, in bytes, read only while it is sent."""

    path: Path
    offset: int
    length: int
    mime: str = "application/octet-stream"
    name: str = ""

    @classmethod
    def of(cls, media: Media) -> Slice:
        """Return the whole file."""
        return cls(media.path, 0, media.size, media.mime, media.name)

    @property
    def filename(self) -> str:
        return self.name or self.path.name

    def read(self) -> bytes:
        return b"".join(self)

    def __iter__(self) -> Iterator[bytes]:
        left = self.length
        try:
            with self.path.open("rb") as file:
                file.seek(self.offset)
                while left and (chunk := file.read(min(CHUNK, left))):
                    left -= len(chunk)
                    yield chunk
        except OSError as error:
            raise InvalidInput(f"{self.path}: {error.strerror}") from None
        if left:
            raise InvalidInput(f"{self.path}: became shorter while it was sent")

    def __str__(self) -> str:
        return f"<{self.length:,} bytes of {self.path.name}>"


@dataclass(frozen=True, slots=True)
class Made:
    """A file that is made for one request and is on no disk."""

    data: bytes = field(repr=False)
    filename: str
    mime: str

    @property
    def length(self) -> int:
        return len(self.data)

    def read(self) -> bytes:
        return self.data

    def __iter__(self) -> Iterator[bytes]:
        yield self.data

    def __str__(self) -> str:
        return f"<{self.length:,} bytes of {self.filename}>"


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request, complete but for the secret in ``signed``."""

    endpoint: Endpoint
    url: str = field(repr=False)  # that of a webhook is a secret
    shown_url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    query: str = ""
    json: Any = None
    form: Form | None = None
    files: Mapping[str, Slice | Made] | None = None
    raw: Slice | Made | None = None
    signed: Signed = field(default_factory=Signed, repr=False)

    @property
    def full_url(self) -> str:
        """The address with its query. Holds a secret where the scheme puts one there."""
        query = "&".join(q for q in (self.query, urlencode(self.signed.query)) if q)
        return f"{self.url}?{query}" if query else self.url

    def all_headers(self) -> dict[str, str]:
        """The headers to send. Hold the secret."""
        kind = {"Content-Type": content_type} if (content_type := self.content_type()) else {}
        return {**kind, **self.headers, **self.signed.headers}

    def content_type(self) -> str:
        if self.json is not None:
            return "application/json; charset=utf-8"
        if self.raw is not None:
            return self.raw.mime
        if self.form is not None and not self.files:
            return "application/x-www-form-urlencoded"
        return ""

    def content(self) -> bytes | None:
        """The encoded body, unless it is streamed or multipart."""
        if self.json is not None:
            whole = {**self.json, **self.signed.body} if self.signed.body else self.json
            return encoded(whole)
        if self.form is not None and not self.files:
            return urlencode({**self.form, **self.signed.body}, doseq=True).encode()
        return None

    def shown(self) -> dict[str, Any]:
        """The request for people: what is secret is masked, what is streamed is described."""
        query = "&".join([*([self.query] if self.query else []),
                          *(f"{name}=***" for name in self.signed.query)])  # fmt: skip
        shown: dict[str, Any] = {
            "operation": self.endpoint.operation,
            "method": self.endpoint.method,
            "url": f"{self.shown_url}?{query}" if query else self.shown_url,
            "headers": {**Request.all_headers(self), **_masked(self.signed.headers)},
        }
        hidden = dict.fromkeys(self.signed.body, "***")
        if self.json is not None:
            shown["json"] = {**self.json, **hidden} if hidden else self.json
        if self.form is not None:
            shown["form"] = {**self.form, **hidden}
        if self.files:
            shown["files"] = {name: str(part) for name, part in self.files.items()}
        if self.raw is not None:
            shown["body"] = str(self.raw)
        return shown


def unwritable() -> InvalidInput:
    """Return the error of a request that HTTP cannot carry; it does not repeat it."""
    return InvalidInput(
        "the request cannot be written: its address, a header or a text holds what HTTP does not"
        " allow, such as a line break",
        hint="check the credential and the options; --dry-run shows the request",
    )


def _masked(headers: Mapping[str, str]) -> dict[str, str]:
    # The scheme is no secret ("Bearer ***"); the first word of a key in another header would be.
    return {
        name: f"{value.split(' ')[0]} ***"
        if " " in value and name.lower() == "authorization"
        else "***"
        for name, value in headers.items()
    }


def build(
    spec: Spec,
    target: Target,
    options: Mapping[str, str],
    signed: Signed,
    endpoint: Endpoint,
    path: tuple[str, ...],
    *,
    json: Any = None,
    form: Form | None = None,
    query: Mapping[str, str] | str = "",
    files: Mapping[str, Slice | Made] | None = None,
    raw: Slice | Made | None = None,
    headers: Mapping[str, str] | None = None,
    key: str = "",
    url: str = "",
) -> Request:
    """Return the request for one call of ``endpoint``.

    Path arguments are percent-encoded whole. ``query`` as a string is already encoded.
    ``url`` is an address that the vendor handed out: neither signed nor logged in full.
    Raises `InvalidInput` for an argument that would make it the address of something else.
    """
    own = {} if url else _own_headers(spec, options)
    if key and endpoint.key_header:
        own[endpoint.key_header] = key
    where = endpoint.path.format(*map(_segment, path))
    if url or signed.url:
        address = url or target.move(signed.url)
    else:
        address = target.url(where, {**options, **signed.options}, signed.home)
    shown = address if not (url or signed.url) else (signed.shown_url or _host(address))
    return Request(
        endpoint,
        address,
        shown,
        {**own, **(headers or {})},
        query if isinstance(query, str) else urlencode(query, errors="replace"),
        json,
        form,
        files,
        raw,
        Signed() if url else signed,
    )


def _own_headers(spec: Spec, options: Mapping[str, str]) -> dict[str, str]:
    """The vendor's fixed headers; one whose setting is empty or absent is left out."""
    known = defaultdict(str, options)
    filled = ((name, value.format_map(known)) for name, value in spec.headers.items())
    return {name: value for name, value in filled if value}


def _segment(part: str) -> str:
    """A path argument. "." and ".." lead elsewhere, however they are encoded (RFC 3986 5.2.4)."""
    if part in ("", ".", ".."):
        raise InvalidInput(f"{part!r} is not an id")
    return quote(part, safe="", errors="replace")


def _host(url: str) -> str:
    return "/".join(url.split("/", 3)[:3]) + "/…"
