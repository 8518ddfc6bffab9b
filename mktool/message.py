"""The nouns of campaigns: what goes to a recipient, and what became of it. Vendor-free."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

Channel = Literal["email", "sms"]

EventKind = Literal[
    "queued", "sent", "delivered", "deferred", "bounced", "rejected", "complained",
    "unsubscribed", "opened", "clicked", "failed",
]  # fmt: skip
"""What happened to a message, in the words of django-anymail."""


class Mailbox(NamedTuple):
    """An e-mail address with the name to show; for SMS a number or a service, with no name."""

    address: str
    name: str = ""

    def __str__(self) -> str:
        from email.utils import formataddr

        return formataddr((self.name, self.address)) if self.name else self.address


class Message(NamedTuple):
    """One recipient's copy.

    ``seq`` numbers the recipients of a campaign from 1; ``to`` is an e-mail address or an E.164
    number. Either subject, html and text are rendered, or, for a vendor that merges, ``values``
    replace the `Batch.tokens`. ``unsubscribe`` is the address for List-Unsubscribe (RFC 8058).
    """

    seq: int
    to: str
    subject: str = ""
    html: str = ""
    text: str = ""
    values: tuple[str, ...] = ()
    unsubscribe: str = ""


@dataclass(frozen=True, slots=True)
class Batch:
    """The messages of one request.

    ``key`` is the idempotency key: the same batch has the same key and the same bytes again.
    Where the vendor merges, ``subject``, ``html`` and ``text`` hold ``tokens``. ``send_at`` is
    epoch seconds and ``hold`` what `CanHold.hold` returned, for mail that the vendor keeps until
    then. ``rehearsal``: to be checked by the vendor and not sent. ``media`` are URLs (MMS).
    ``extra`` are the vendor's own options, merged last. ``packed`` is what `CanDeliver.pack` made
    of just these messages, if anything.
    """

    campaign: str
    key: str
    sender: Mailbox
    messages: Sequence[Message]
    subject: str = ""
    html: str = ""
    text: str = ""
    tokens: tuple[str, ...] = ()
    reply_to: str = ""
    tags: tuple[str, ...] = ()
    media: tuple[str, ...] = ()
    send_at: float | None = None
    hold: str = ""
    rehearsal: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict)
    packed: bytes = b""

    @property
    def one_click(self) -> dict[str, str]:
        """The header that stands beside a List-Unsubscribe of https (RFC 8058 section 3.1)."""
        web = self.messages[0].unsubscribe.lower().startswith("https://")
        return {"List-Unsubscribe-Post": "List-Unsubscribe=One-Click"} if web else {}

    def over(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return ``body`` with the options merged last; an object adds to ours."""
        return _over(body, self.extra)


class Refusal(NamedTuple):
    """Why the vendor did not take one message. ``code`` is the vendor's, or ours."""

    code: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the vendor said to one batch: it took all messages but those ``refused``.

    ``ids`` are the vendor's ids in the order of the messages, empty where it gives none;
    ``id`` is that of the whole request. ``refused`` is by position.
    """

    ids: Sequence[str] = ()
    id: str = ""
    refused: Mapping[int, Refusal] = field(default_factory=dict)


class Event(NamedTuple):
    """Something that happened to a message, which is named by the vendor's id or by its address.

    ``at`` is epoch seconds where the vendor dates it; ``detail`` its words (a bounce's reason),
    which begin with "soft" where a bounce is not for good. ``campaign`` is the name that we gave
    it, or the vendor's id of a broadcast, where the vendor tells.
    """

    kind: EventKind
    id: str = ""
    address: str = ""
    at: float | None = None
    detail: str = ""
    price: float = 0.0
    campaign: str = ""


Reason = Literal["unsubscribed", "bounced", "complained", "manual"]


class Suppressed(NamedTuple):
    """An address that must not get mail any more; ``at`` is epoch seconds."""

    address: str
    reason: Reason
    at: float | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """A campaign as the vendor knows it, to be asked about.

    ``ref`` is the vendor's id of a broadcast; ``since`` the epoch seconds of the first message.
    """

    campaign: str
    since: float
    tags: tuple[str, ...] = ()
    ref: str = ""


@dataclass(frozen=True, slots=True)
class Broadcast:
    """A campaign that the vendor itself sends, to an audience that was handed to it.

    ``token`` is unique to the campaign and kept by the vendor, to find a lost draft by.
    ``fields`` are the columns that ``html``, ``text`` and ``subject`` use, as merge tags.
    """

    campaign: str
    token: str
    sender: Mailbox
    subject: str
    html: str
    text: str = ""
    preheader: str = ""
    reply_to: str = ""
    fields: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)

    def over(self, body: Mapping[str, Any], *, without: Collection[str] = ()) -> dict[str, Any]:
        """Return ``body`` with the options, all but those named, merged last."""
        return _over(body, {name: v for name, v in self.extra.items() if name not in without})


def _over(body: Mapping[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(body)
    for name, value in extra.items():
        ours = merged.get(name)
        both = isinstance(ours, Mapping) and isinstance(value, Mapping)
        merged[name] = {**ours, **value} if both else value  # type: ignore[dict-item]
    return merged
