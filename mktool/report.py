"""The nouns of exports: a meeting's report, and what of it goes to a vendor. Vendor-free."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal, NamedTuple

Priority = Literal["low", "normal", "high", "urgent"]
Status = Literal["open", "done", "cancelled"]


class Person(NamedTuple):
    """Somebody in a meeting; either may be unknown, and is "" then."""

    name: str = ""
    email: str = ""

    def __str__(self) -> str:
        return self.name or self.email


@dataclass(frozen=True, slots=True)
class Action:
    """What somebody is to do. ``owner`` is None where nobody was named."""

    text: str
    owner: Person | None = None
    due: date | None = None
    priority: Priority = "normal"
    status: Status = "open"
    link: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of a meeting. Times carry their zone; texts may hold Markdown.

    ``id`` is the note taker's own, or "". ``transcript`` is plain text of any length.
    """

    title: str
    id: str = ""
    start: datetime | None = None
    end: datetime | None = None
    participants: tuple[Person, ...] = ()
    summary: str = ""
    key_points: tuple[str, ...] = ()
    decisions: tuple[str, ...] = ()
    actions: tuple[Action, ...] = ()
    link: str = ""
    transcript: str = ""
    transcript_link: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)


class Span(NamedTuple):
    """A run of text in one style. ``link`` is an http(s) or mailto address.

    ``email``: the text names a person, whom a vendor may mention by this address.
    """

    text: str
    bold: bool = False
    italic: bool = False
    code: bool = False
    strike: bool = False
    link: str = ""
    email: str = ""


BlockKind = Literal["heading", "text", "bullet", "number", "todo", "quote", "code", "divider"]


@dataclass(frozen=True, slots=True)
class Block:
    """One paragraph, heading or list item of a document, in order.

    ``level`` is that of a heading (1 to 3) or how deep a list item is indented (0 is not);
    ``done`` says whether a "todo" is.
    """

    kind: BlockKind
    spans: tuple[Span, ...] = ()
    level: int = 0
    done: bool = False

    @property
    def plain(self) -> str:
        """The text without any style."""
        return "".join(span.text for span in self.spans)


@dataclass(frozen=True, slots=True)
class Export:
    """One report on its way to one account.

    ``report`` is what was asked to be shown of it: what ``--no-decisions`` and its like leave out
    is not in it. ``body`` is its document, below the title, without the transcript, and
    ``transcript`` the document of that. ``markdown`` is the whole of it, for vendors that take a
    file. ``fields`` are values for the vendor's own fields by object, as the user maps them.
    ``extra`` are the vendor's own options.
    """

    report: Report
    body: tuple[Block, ...]
    transcript: tuple[Block, ...] = ()
    markdown: str = ""
    fields: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    extra: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Piece:
    """One write of an export, made without asking anybody, so that it is the same in each run.

    ``kind`` is the vendor file's word for it and ``body`` JSON that only that file reads.
    ``token`` is unique to this piece of this act: an idempotency key, or a mark to find it by.
    """

    kind: str
    body: Mapping[str, Any]
    token: str = ""
