"""
What a provider may be able to do: one Protocol per verb.

A vendor class names its capabilities as bases, so its header is its feature list and mypy
checks every signature. Absent means `Unsupported`, said before anything is sent.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import Protocol, runtime_checkable

from .model import Account, Metric, Post, Posted


@runtime_checkable
class CanCheck(Protocol):
    """Prove the credential."""

    @abstractmethod
    def check(self) -> Account:
        """Return the account the credential belongs to. Read-only."""


@runtime_checkable
class CanPost(Protocol):
    """Publish."""

    @abstractmethod
    def post(self, post: Post, /) -> Posted:
        """Publish one item; its last call is the one that publishes."""


@runtime_checkable
class CanThread(CanPost, Protocol):
    """Publish an item as the continuation of an earlier one."""

    @abstractmethod
    def reply(self, post: Post, /) -> Posted:
        """Publish below ``post.reply_to`` in the thread that ``post.root`` began."""


@runtime_checkable
class CanSettle(Protocol):
    """Find out whether a lost write happened."""

    @abstractmethod
    def settle(self, post: Post, since: float, known: frozenset[str], /) -> Posted | None:
        """Return the item published after ``since`` (epoch seconds) or None. Read-only.

        ``known`` are ids that belong to other acts. Raises `Unsupported` where it cannot be told.
        """


@runtime_checkable
class CanMeasure(Protocol):
    """Read numbers about published items."""

    @abstractmethod
    def measure(self, item: str, /) -> Iterator[Metric]:
        """Yield the numbers the vendor holds about one item."""


CAPABILITIES: Mapping[str, type] = {
    "check": CanCheck,
    "post": CanPost,
    "thread": CanThread,
    "settle": CanSettle,
    "measure": CanMeasure,
}


def capabilities(provider: type) -> frozenset[str]:
    """Return the capability names a provider class declares."""
    return frozenset(n for n, p in CAPABILITIES.items() if p in provider.__mro__)
