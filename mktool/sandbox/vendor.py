"""What a vendor file provides: routes, refusals, and who its tokens belong to."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, ClassVar, TypeVar
from urllib.parse import unquote

from .oauth import Expired, Session
from .wire import Call, Reply
from .world import World

Handler = Callable[[Call], Reply]
F = TypeVar("F", bound=Callable[..., Reply])


@dataclass(frozen=True, slots=True)
class Route:
    """``path`` is HOST/PATH with ``{name}`` for one segment.

    A ``page`` is shown to a person: faults leave it alone.
    """

    method: str
    path: str
    page: bool = False


def on(method: str, *paths: str, page: bool = False) -> Callable[[F], F]:
    """Mark a vendor's method as what answers these paths; it can be used more than once."""

    def mark(handler: F) -> F:
        more = [Route(method, path, page) for path in paths]
        handler.__dict__["routes"] = getattr(handler, "routes", []) + more
        return handler

    return mark


@dataclass(frozen=True, slots=True)
class Bound:
    """A route of one vendor, ready to be matched against a path as it was sent."""

    vendor: Vendor
    route: Route
    handler: Handler
    pattern: re.Pattern[str]

    def match(self, path: str) -> dict[str, str] | None:
        found = self.pattern.fullmatch(path)
        return found and {name: unquote(part) for name, part in found.groupdict().items()}

    def shown(self, params: Mapping[str, str]) -> str:
        """Return the path for people, without what the route calls ``secret``."""
        return re.sub(
            r"\{(\w+)\}",
            lambda m: "***" if m[1] == "secret" else params[m[1]],
            self.route.path,
        )


class Vendor:
    """Base of the vendors. ``title`` and ``color`` are for people, ``scopes`` all that it knows.

    ``environment`` is what a script needs to be logged in here without a login.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    hosts: ClassVar[tuple[str, ...]]
    color: ClassVar[str]
    scopes: ClassVar[frozenset[str]]
    environment: ClassVar[Mapping[str, str]] = {}

    def __init__(self, world: World) -> None:
        self.world = world

    def bound(self) -> Iterator[Bound]:
        for key in dir(self):
            handler = getattr(self, key)
            for route in getattr(handler, "routes", ()):
                pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(route.path))
                yield Bound(self, route, handler, re.compile(pattern))

    def session(self, token: str) -> Session:
        """Return what a token may do here.

        Raises `Expired` for one that was issued and is over, LookupError for any other that
        the sandbox did not issue and that does not say "sandbox": a real one is refused.
        """
        issued = self.world.authority.session(self.name, token)
        if issued is not None:
            return issued
        _, made_up, tail = token.partition("sandbox")
        if not made_up:
            raise LookupError("not a token of this sandbox")
        named = frozenset(tail.lstrip("-").split(",")) & self.scopes
        return Session("static", named or self.scopes, None)

    def fill(self, kind: str, count: int) -> None:
        """Add invented records, the same ones every time; LookupError for another kind."""
        raise LookupError(kind)

    def fails(self, status: int, call: Call) -> Reply:
        """Return the vendor's answer of this status, for a fault."""
        raise NotImplementedError

    def missing(self, call: Call) -> Reply:
        """Return the vendor's answer for a path that it does not have."""
        return self.fails(404, call)


def invent(seed: str, low: int, high: int) -> int:
    """Return a number between the two that is always the same for this seed.

    Nobody reads what is published here, so views and reactions are made up.
    """
    digest = sha256(seed.encode()).digest()
    return low + int.from_bytes(digest[:4], "big") % (high - low + 1)


def text_of(data: Mapping[str, Any], name: str) -> str:
    """Return a member that is a string, "" otherwise."""
    value = data.get(name)
    return value if isinstance(value, str) else ""


def whole(text: str) -> int | None:
    """Return a number written in digits, None for anything else and for what is absurdly long."""
    return int(text) if re.fullmatch("[0-9]{1,19}", text) else None


__all__ = ["Bound", "Expired", "Route", "Session", "Vendor", "invent", "on", "text_of", "whole"]
