"""
What a provider may be able to do: one Protocol per verb.

A vendor class names its capabilities as bases, so its header is its feature list and mypy
checks every signature. Absent means `Unsupported`, said before anything is sent.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from .message import Batch, Broadcast, Event, Message, Receipt, Sent, Suppressed
from .model import Account, Metric, Post, Posted

if TYPE_CHECKING:
    from .records import Found, Page, Record, Row, Wish, Written
    from .report import Export, Piece
    from .spec import RecordKind


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


@runtime_checkable
class CanDeliver(Protocol):
    """Send the messages of a campaign; `Spec.delivery` says how many at a time."""

    @abstractmethod
    def deliver(self, batch: Batch, /) -> Receipt:
        """Send one request's worth of messages."""

    def pack(self, batch: Batch, /) -> bytes:
        """Return the bulk of the request, for `deliver` to find in ``Batch.packed``: what takes
        long is made before the batch is claimed. Sends nothing."""
        return b""


@runtime_checkable
class CanTrace(Protocol):
    """Find out which messages of a lost request the vendor has."""

    @abstractmethod
    def trace(self, batch: Batch, since: float, known: frozenset[str], /) -> Mapping[int, str]:
        """Return the vendor's ids of the messages it took after ``since``, by position.

        ``known`` are ids of other messages to the same people. Read-only; what is not in it did
        not happen. Raises `Unsupported` where it cannot be told.
        """


@runtime_checkable
class CanHold(Protocol):
    """Keep messages until a time, so that they can still be cancelled."""

    @abstractmethod
    def hold(self) -> str:
        """Return what `Batch.hold` is to carry; "" where the vendor needs nothing."""

    @abstractmethod
    def release(self, hold: str, ids: Sequence[str], /) -> None:
        """Cancel what is held under ``hold``, or these messages where it is cancelled one by one.

        Raises `Rejected` where it is too late.
        """


@runtime_checkable
class CanTrack(Protocol):
    """Read what happened to messages."""

    @abstractmethod
    def track(self, sent: Sent, /) -> Iterator[Event]:
        """Yield events of a campaign; others' may be among them. Read-only."""


@runtime_checkable
class CanReceive(Protocol):
    """Understand the webhooks of the vendor; that needs no login."""

    @staticmethod
    @abstractmethod
    def receive(notice: Mapping[str, Any], /) -> Iterator[Event]:
        """Yield what one notice says; nothing where it is about something else.

        A notice is the object of a JSON body, or a form, whose ``data[email]`` is "email" in
        "data". Raises `UnexpectedReply` if it is not as documented.
        """


@runtime_checkable
class CanSummarize(Protocol):
    """Read the totals of a campaign."""

    @abstractmethod
    def summarize(self, sent: Sent, /) -> Mapping[str, float]:
        """Return totals by event kind (and "revenue"); others, as unique_opens, under their own
        names."""


@runtime_checkable
class CanSuppress(Protocol):
    """Tell who must not be written to."""

    @abstractmethod
    def suppressed(self, since: float, /) -> Iterator[Suppressed]:
        """Yield the addresses that were suppressed after ``since`` (epoch seconds)."""


@runtime_checkable
class CanBroadcast(Protocol):
    """Hold an audience and send to it."""

    @abstractmethod
    def merge_tag(self, name: str, default: str = "", /) -> str:
        """Return what stands for a column in the content, with what is shown where it is empty.

        "email" is the address, "unsubscribe" the vendor's own link.
        """

    @abstractmethod
    def enlist(self, broadcast: Broadcast, people: Sequence[Message], /) -> Receipt:
        """Put people, whose ``values`` are those of ``broadcast.fields``, into the audience of
        this broadcast. Repeatable."""

    @abstractmethod
    def draft(self, broadcast: Broadcast, /) -> str:
        """Return the vendor's id of the broadcast, whole but unsent: found by its token, or new."""

    @abstractmethod
    def launch(self, id: str, at: float | None, /) -> None:
        """Send a draft now, or have it sent at ``at`` (epoch seconds)."""

    @abstractmethod
    def launched(self, id: str, /) -> bool:
        """Whether a draft was sent, or is scheduled. Read-only."""

    @abstractmethod
    def recall(self, id: str, /) -> None:
        """Take back what is scheduled."""


@runtime_checkable
class CanTemplate(Protocol):
    """Hold templates."""

    @abstractmethod
    def templates(self) -> Iterable[tuple[str, str]]:
        """Yield (id, name) of each template."""

    @abstractmethod
    def template(self, id: str, /) -> str:
        """Return the HTML of a template. Raises `Unsupported` where the vendor keeps it back."""

    @abstractmethod
    def add_template(self, name: str, html: str, /) -> str:
        """Add a template and return its id."""


@runtime_checkable
class CanExport(Protocol):
    """Take the report of a meeting."""

    @abstractmethod
    def pieces(self, export: Export, /) -> Sequence[Piece]:
        """Return what is to be written, in order, without any call.

        Raises `Unsupported` or `InvalidInput` if this account cannot take it.
        """

    @abstractmethod
    def write(self, piece: Piece, before: Sequence[Posted], /) -> Posted:
        """Write one piece; ``before`` is what the pieces before it became.

        Only its last call may be one that cannot be repeated.
        """


@runtime_checkable
class CanLocate(Protocol):
    """Find out whether a lost piece of an export was written."""

    @abstractmethod
    def locate(
        self, piece: Piece, before: Sequence[Posted], since: float, known: frozenset[str], /
    ) -> Posted | None:
        """Return the piece if it was written after ``since`` (epoch seconds), or None.

        ``known`` are ids that belong to other acts. Read-only. Raises `Unsupported` where it
        cannot be told.
        """


@runtime_checkable
class CanFind(Protocol):
    """Find things by what people know of them."""

    @abstractmethod
    def find(self, kind: str, term: str, /) -> Iterator[Found]:
        """Yield what of ``kind`` (one of `Spec.finds`) matches an address, a name or an id."""


@runtime_checkable
class CanPull(Protocol):
    """Read records."""

    @abstractmethod
    def fields(self, kind: RecordKind, /) -> Mapping[str, bool]:
        """Return the fields of a kind, and whether this account may write each; none where the
        vendor does not tell."""

    @abstractmethod
    def pull(self, kind: RecordKind, wish: Wish, /) -> Iterator[Page]:
        """Yield page after page; a record that changes meanwhile may come twice, none is left out.

        Where the vendor tells what was deleted, a wish with ``since`` yields that too.
        """

    @abstractmethod
    def fetch(
        self, kind: RecordKind, field: str, values: Sequence[str], fields: tuple[str, ...], /
    ) -> Iterator[Record]:
        """Yield the records in which ``field`` ("id" is the vendor's id) is one of ``values``."""


@runtime_checkable
class CanPush(Protocol):
    """Write records."""

    @abstractmethod
    def push(self, kind: RecordKind, rows: Sequence[Row], key: str, /) -> Sequence[Written]:
        """Write up to ``kind.batch`` rows in one request, and return what became of each.

        Either all rows have an id, and are changed, or none has: those are made or, where
        ``kind`` upserts by ``key``, found by it.
        """


@runtime_checkable
class CanLoad(CanPush, Protocol):
    """Write very many records as one job."""

    @abstractmethod
    def stage(self, kind: RecordKind, rows: Sequence[Row], key: str, /) -> str:
        """Return the vendor's id of a job that holds the rows and has not begun. Repeatable."""

    @abstractmethod
    def load(
        self, kind: RecordKind, job: str, rows: Sequence[Row], key: str, /
    ) -> Sequence[Written]:
        """Have a staged job done unless it was, and return what became of each row. Repeatable."""


@runtime_checkable
class CanListMembers(Protocol):
    """Read who is in a list."""

    @abstractmethod
    def members(self, group: str, id: str, fields: tuple[str, ...], /) -> Iterator[Record]:
        """Yield the people of a list ("list", "campaign" and their like, by the vendor's id)."""


CAPABILITIES: Mapping[str, type] = {
    "check": CanCheck,
    "post": CanPost,
    "thread": CanThread,
    "settle": CanSettle,
    "measure": CanMeasure,
    "deliver": CanDeliver,
    "broadcast": CanBroadcast,
    "trace": CanTrace,
    "hold": CanHold,
    "track": CanTrack,
    "receive": CanReceive,
    "summarize": CanSummarize,
    "suppress": CanSuppress,
    "templates": CanTemplate,
    "export": CanExport,
    "locate": CanLocate,
    "find": CanFind,
    "pull": CanPull,
    "push": CanPush,
    "load": CanLoad,
    "members": CanListMembers,
}


def capabilities(provider: type) -> frozenset[str]:
    """Return the capability names a provider class declares."""
    return frozenset(n for n, p in CAPABILITIES.items() if p in provider.__mro__)
