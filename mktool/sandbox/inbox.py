"""What was published here, kept for people and for tests."""

from __future__ import annotations

import itertools
import threading
from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from heapq import heapify, heappop, heappush

KEPT = 16 << 20  # bytes of one picture that is kept to be shown
NEWEST = 20  # records of one kind that are shown; the others are only counted


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that came with an item; ``data`` is kept for pictures only."""

    name: str
    mime: str
    size: int
    sha256: str
    alt: str = ""
    data: bytes = field(default=b"", repr=False)

    @classmethod
    def of(cls, name: str, mime: str, data: bytes, alt: str = "") -> Attachment:
        shown = data if mime.startswith("image/") and len(data) <= KEPT else b""
        return cls(name, mime, len(data), sha256(data).hexdigest(), alt, shown)


@dataclass(slots=True)
class Item:
    """One published thing. ``parent`` is the id of the item that it answers.

    ``time`` is epoch seconds; ``to``, ``sender``, ``subject`` and ``html`` are those of a message.
    """

    time: float
    vendor: str
    account: str
    kind: str
    id: str
    text: str
    url: str = ""
    parent: str = ""
    link: str = ""
    media: tuple[Attachment, ...] = ()
    extra: Mapping[str, str] = field(default_factory=dict)
    deleted: bool = False
    number: int = 0
    to: str = ""
    sender: str = ""
    subject: str = ""
    html: str = ""

    def to_json(self) -> dict[str, object]:
        """Return the item as the inbox shows it: no bytes, no credential."""
        return {
            "number": self.number,
            "time": iso(self.time),
            "vendor": self.vendor,
            "account": self.account,
            "kind": self.kind,
            "id": self.id,
            "url": self.url,
            "from": self.sender,
            "to": self.to,
            "subject": self.subject,
            "text": self.text,
            "html": self.html,
            "link": self.link,
            "parent": self.parent,
            "media": [
                {"name": m.name, "mime": m.mime, "size": m.size, "sha256": m.sha256, "alt": m.alt}
                for m in self.media
            ],
            "extra": dict(self.extra),
            "deleted": self.deleted,
        }


@dataclass(frozen=True, slots=True)
class Row:
    """One call, as it is shown: without query, headers and body."""

    number: int
    time: float
    vendor: str
    method: str
    path: str
    status: int
    fault: str
    milliseconds: int

    def to_json(self) -> dict[str, object]:
        """Return the call; ``status`` 0 means that the connection was closed without an answer."""
        return {
            "number": self.number,
            "time": iso(self.time),
            "vendor": self.vendor,
            "method": self.method,
            "path": self.path,
            "status": self.status,
            "fault": self.fault,
            "milliseconds": self.milliseconds,
        }


class Inbox:
    """The published items, oldest first. Clearing it leaves the vendors' own state alone.

    An item of a later time is held back until ``clock`` (epoch seconds) reaches it. ``totals``
    counts the items of each vendor, ``records`` the records of each vendor and kind.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.totals: Counter[str] = Counter()
        self.records: Counter[tuple[str, str]] = Counter()
        self._newest: dict[tuple[str, str], deque[Item]] = {}
        self._items: list[Item] = []
        self._held: list[tuple[float, int, Item]] = []
        self._arrivals = itertools.count()
        self._lock = threading.Lock()  # whoever started the sandbox looks in from another thread
        self._count = 0
        # By vendor and id: an item's whole thread, so that showing a few reads no more than those.
        self._threads: dict[tuple[str, str], list[Item]] = {}

    @property
    def items(self) -> list[Item]:
        self.release()
        return self._items

    def release(self) -> None:
        """Publish what was held until now."""
        with self._lock:
            now = self.clock()
            while self._held and self._held[0][0] <= now:
                self._publish(heappop(self._held)[2])

    def add(self, item: Item) -> Item:
        with self._lock:
            heappush(self._held, (item.time, next(self._arrivals), item))
        return item

    def record(self, item: Item) -> None:
        """Count a record that was written, and show it while it is among the newest of its kind.

        Its ``extra`` tells the how-manieth it is.
        """
        kind = item.vendor, item.kind
        self.records[kind] += 1
        item.extra = {**item.extra, "no.": f"{self.records[kind]:,}"}
        newest = self._newest.setdefault(kind, deque())
        newest.append(item)
        with self._lock:
            self._publish(item)
            if len(newest) > NEWEST:
                self._drop(newest.popleft())

    def withdraw(self, items: Iterable[Item]) -> None:
        """Take back those that are still held; the others stay."""
        unwanted = set(map(id, items))
        with self._lock:
            self._held = [held for held in self._held if id(held[2]) not in unwanted]
            heapify(self._held)

    def clear(self) -> None:
        self.items.clear()
        self.totals.clear()
        self.records.clear()
        self._newest.clear()
        self._threads.clear()

    def picture(self, digest: str) -> Attachment | None:
        every = (m for item in self.items for m in item.media)
        return next((m for m in every if m.sha256 == digest and m.data), None)

    def find(self, number: int) -> Item | None:
        at = bisect_left(self.items, number, key=lambda item: item.number)
        found = self._items[at : at + 1]
        return found[0] if found and found[0].number == number else None

    def threads(self, most: int) -> list[list[Item]]:
        """Return the newest items grouped with what they answer and what answers them."""
        found: dict[int, list[Item]] = {}
        for item in reversed(self.items):
            thread = self._threads.get((item.vendor, item.id), [item])
            found.setdefault(id(thread), thread)
            if len(found) == most:
                break
        return list(found.values())

    def _drop(self, item: Item) -> None:
        at = bisect_left(self._items, item.number, key=lambda kept: kept.number)
        if self._items[at : at + 1] == [item]:
            del self._items[at]
            key = item.vendor, item.id
            if self._threads.get(key, [None])[-1] is item:  # else it is on show once more
                del self._threads[key]

    def _publish(self, item: Item) -> None:
        self._count += 1
        item.number = self._count
        self._items.append(item)
        self.totals[item.vendor] += 1
        thread = self._threads.get((item.vendor, item.parent), [])
        thread.append(item)
        self._threads[item.vendor, item.id] = thread


def iso(seconds: float) -> str:
    """Return epoch seconds as RFC 3339 in UTC, to the millisecond."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"
