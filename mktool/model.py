"""The nouns every provider speaks: frozen, vendor-free."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NoReturn


class Secret:
    """A string that refuses to be printed, pickled or formatted."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the text. Only auth schemes and the vault call this."""
        return self._value

    def fingerprint(self) -> str:
        """Return eight hex digits that identify the secret without showing it."""
        import hashlib

        return hashlib.sha256(b"mktool/fingerprint/" + self._value.encode()).hexdigest()[:8]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        import hmac

        return hmac.compare_digest(self._value.encode(), other._value.encode())

    __hash__ = None  # type: ignore[assignment]  # a secret is never a key

    def __bool__(self) -> bool:
        return bool(self._value)

    def __repr__(self) -> str:
        return "Secret('***')"

    def __str__(self) -> str:
        return "***"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not serialised")

    def __deepcopy__(self, memo: object) -> Secret:
        return self


@dataclass(frozen=True)
class Login:
    """What one account of one provider authenticates with, valid now."""

    options: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, Secret] = field(default_factory=dict)
    generation: int = 0

    def has(self, name: str) -> bool:
        return bool(self.secrets.get(name)) or bool(self.options.get(name))

    def value(self, name: str) -> str:
        """Return an option, or reveal a secret; KeyError if there is neither."""
        if name in self.secrets:
            return self.secrets[name].reveal()
        return self.options[name]


@dataclass(frozen=True)
class Account:
    """Who a credential belongs to, as the vendor says it.

    ``scopes`` is None where the vendor does not tell; ``expires_at`` is epoch seconds.
    """

    id: str
    name: str
    scopes: frozenset[str] | None = None
    expires_at: float | None = None
    details: Mapping[str, str] = field(default_factory=dict)


Kind = Literal["image", "gif", "video", "file"]


@dataclass(frozen=True)
class Media:
    """A file to publish with a post; ``alt`` describes it for screen readers."""

    path: Path
    kind: Kind
    mime: str
    size: int
    alt: str = ""

    @property
    def name(self) -> str:
        return self.path.name


@dataclass(frozen=True)
class Posted:
    """A published item. ``ref`` is vendor state that shared code never reads."""

    id: str
    url: str = ""
    ref: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Post:
    """One item to publish. ``reply_to`` and ``root`` place it inside a thread.

    ``token`` is unique to this part of this act: the idempotency key where a vendor takes one,
    and a marker to find the item by where a vendor keeps one.
    """

    text: str
    media: tuple[Media, ...] = ()
    link: str = ""
    reply_to: Posted | None = None
    root: Posted | None = None
    extra: Mapping[str, str] = field(default_factory=dict)
    token: str = ""

    def settings(self) -> dict[str, Any]:
        """Return ``extra`` with what is JSON (objects, lists, true, false, null) decoded.

        Numbers stay text: as a vendor's option they are identifiers, where 1.10 is not 1.1.
        """
        return {name: _decoded(value) for name, value in self.extra.items()}

    def over(self, body: Mapping[str, Any], *, without: Collection[str] = ()) -> dict[str, Any]:
        """Return ``body`` with the settings merged last, all but those named in ``without``.

        An object adds to ours instead of replacing it, so that an option for the reply does not
        cut a thread.
        """
        merged = dict(body)
        for name, value in self.settings().items():
            if name in without:
                continue
            ours = merged.get(name)
            if isinstance(ours, Mapping) and isinstance(value, Mapping):
                merged[name] = {**ours, **value}
            else:
                merged[name] = value
        return merged


def _decoded(value: str) -> Any:
    if not value.startswith(("{", "[")) and value not in ("true", "false", "null"):
        return value
    import json

    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


@dataclass(frozen=True)
class Metric:
    """One number about one item; ``at`` is epoch seconds where the vendor dates it."""

    name: str
    value: float
    at: float | None = None
