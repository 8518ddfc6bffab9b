"""What was published here, kept for people and for tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256

KEPT = 16 << 20  # bytes of one picture that is kept to be shown


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
    """One published thing. ``parent`` is the id of the item that it answers."""

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
            "text": self.text,
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
    """The published items, oldest first. Clearing it leaves the vendors' own state alone."""

    def __init__(self) -> None:
        self.items: list[Item] = []
        self._count = 0

    def add(self, item: Item) -> Item:
        self._count += 1
        item.number = self._count
        self.items.append(item)
        return item

    def clear(self) -> None:
        self.items.clear()

    def picture(self, digest: str) -> Attachment | None:
        every = (m for item in self.items for m in item.media)
        return next((m for m in every if m.sha256 == digest and m.data), None)

    def threads(self) -> list[list[Item]]:
        """Return the items grouped with what answers them, the newest group first."""
        known = {(item.vendor, item.id): item for item in self.items}
        groups: dict[int, list[Item]] = {}
        for item in self.items:
            root = item
            while (item.vendor, root.parent) in known:
                root = known[(item.vendor, root.parent)]
            groups.setdefault(root.number, []).append(item)
        return sorted(groups.values(), key=lambda group: -group[-1].number)


def iso(seconds: float) -> str:
    """Return epoch seconds as RFC 3339 in UTC, to the millisecond."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"
