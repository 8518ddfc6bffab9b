"""What vendors tell about a campaign that went out, read into its file. Repeatable."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice

from ... import errors as e
from ... import providers
from ...capability import CanSummarize, CanSuppress, CanTrack
from ...message import Channel, Event, EventKind, Reason, Sent, Suppressed
from ...store.acts import Act
from ...store.campaigns import CampaignFile
from ...store.events import Events, Happened
from ...store.ledger import Ledger
from ...store.suppressions import Suppressions
from ...text.address import either
from ..session import Session, open_session
from ..settings import DEFAULT, Settings, ledger_path
from . import overview, suppress
from .definition import from_json
from .way import delivery_of, is_hosted

CHUNK = 1_000  # events of one transaction
EARLIER = 60.0  # seconds by which the vendor's clock may be behind
DETAIL = 500  # characters of the vendor's words

# Some vendors tell only what happened last.
IMPLIED: Mapping[EventKind, tuple[EventKind, ...]] = {
    "opened": ("delivered",), "clicked": ("opened", "delivered"), "complained": ("delivered",),
}  # fmt: skip
KINDS: Mapping[Reason, EventKind] = {
    "unsubscribed": "unsubscribed", "bounced": "bounced", "complained": "complained",
}  # fmt: skip


_TELLING = CanTrack | CanSuppress | CanSummarize


@dataclass(slots=True)
class Tracked:
    """What a vendor told. ``read`` says what could be read: events, suppressions, totals.

    ``new`` counts recipients by kind of event, ``others`` events that belong to no recipient;
    ``suppressed`` were not yet.
    """

    read: list[str] = field(default_factory=list)
    new: dict[str, int] = field(default_factory=dict)
    others: int = 0
    suppressed: int = 0
    summary: dict[str, float] = field(default_factory=dict)
    errors: list[e.MktoolError] = field(default_factory=list)


def tells(provider: str) -> bool:
    """Whether a vendor can be asked what became of a campaign; not if it is installed no more."""
    try:
        return issubclass(providers.load(provider), _TELLING)
    except e.InvalidInput:
        return False


def sync_named(settings: Settings, name: str) -> Tracked:
    """Read what happened to the campaign of a name, as `sync`; also while it is being sent.

    `Unsupported` where the vendor tells nothing.
    """
    with Ledger(ledger_path()) as ledger:
        act = overview.find(ledger, name)
    session = open_session(settings, act.provider, "" if act.account == DEFAULT else act.account)
    try:
        if not isinstance(session.provider, _TELLING):
            raise e.Unsupported(f"{session.spec.title} tells nothing about what was sent")
        with overview.opened(act) as file:
            return sync(session, act, file)
    finally:
        session.close()


def sync(session: Session, act: Act, file: CampaignFile) -> Tracked:
    """Read events, suppressions and totals, whichever the vendor has, into the campaign's file.

    What failed is in the result if something else could be read, and raised if not.
    `InvalidInput` if nothing has gone out yet.
    """
    reading = _Reading(session, act, file)
    before = reading.events.counts()
    for word, able, step in (
        ("events", CanTrack, reading.track),
        ("suppressions", CanSuppress, reading.suppressions),
        ("totals", CanSummarize, reading.totals),
    ):
        if isinstance(session.provider, able):
            try:
                step()
                reading.found.read.append(word)
            except (e.Interrupted, e.StorageError):
                raise
            except e.MktoolError as error:
                reading.found.errors.append(error)
    found = reading.found
    if found.errors and not found.read:
        raise found.errors[0]
    after = reading.events.counts()
    found.new = {k: n - before.get(k, 0) for k, n in after.items() if n > before.get(k, 0)}
    known = {*json.loads(file.get("sources", "[]")), *found.read}
    file.put(synced=session.ledger.clock(), sources=json.dumps(sorted(known)))
    return found


class _Reading:
    """One reading of what a vendor knows about a campaign."""

    def __init__(self, session: Session, act: Act, file: CampaignFile) -> None:
        self.session, self.file, self.events = session, file, Events(file)
        self.definition = from_json(act.content["definition"])
        self.found = Tracked()
        began = self.events.began()
        if began is None or (is_hosted(self.definition) and not file.get("launched")):
            raise e.InvalidInput(
                f"the campaign {act.key!r} has not gone out yet",
                hint=overview.command("show", act.key),
            )
        ref = str(file.get("draft") or "")
        self.sent = Sent(str(act.key), began - EARLIER, self.definition.tags, ref)

    def track(self) -> None:
        """Read what happened to messages, and suppress whom that says should be."""
        assert isinstance(self.session.provider, CanTrack)
        have_ids, price = self.events.index(), 0.0
        book, hashed = Suppressions(self.session.ledger), suppress.hashed(self.session.settings)
        source = f"campaign {self.sent.campaign}"
        channel = delivery_of(self.definition).channel
        for chunk in _chunks(self.session.provider.track(self.sent)):
            self.session.breathe()
            unwanted: list[Suppressed] = []
            with self.file.transaction():
                for event in chunk:
                    by_id = bool(event.id) and have_ids
                    to = self.events.by_id(event.id) if by_id else self._by_address(event.address)
                    if to is None:
                        self.found.others += 1
                        continue
                    self.events.add(happened(to[0], event))
                    price += event.price
                    if reason := reason_of(event, channel):
                        unwanted.append(Suppressed(to[1], reason, event.at))
            if unwanted:
                self.found.suppressed += book.add(unwanted, source=source, hashed=hashed)
        if price:
            self.file.put(price=price)

    def suppressions(self) -> None:
        """Read who was suppressed since the campaign began, and put it down to the campaign where
        it is one of its recipients and the vendor says when."""
        assert isinstance(self.session.provider, CanSuppress)
        people, since = self.session.provider.suppressed(self.sent.since), self.sent.since
        for chunk, added in suppress.told(self.session, people, self.session.name):
            self.found.suppressed += added
            with self.file.transaction():
                for one in chunk:
                    kind = KINDS.get(one.reason)
                    dated = one.at is not None and one.at >= since
                    if kind and dated and (to := self.events.by_address(one.address)):
                        self.events.add([Happened(to[0], kind, one.at)])

    def totals(self) -> None:
        """Read the vendor's own totals."""
        assert isinstance(self.session.provider, CanSummarize)
        self.found.summary = dict(self.session.provider.summarize(self.sent))
        self.file.put(summary=json.dumps(self.found.summary))

    def _by_address(self, address: str) -> tuple[int, str] | None:
        try:
            return self.events.by_address(either(address))
        except ValueError:
            return None


def reason_of(event: Event, channel: Channel) -> Reason | None:
    """Return why an event ends all mail to an address, or None.

    A number that did not get a text may be out of reach for an hour; a mailbox that is full
    bounces softly.
    """
    if event.kind == "bounced":
        hard = channel == "email" and not event.detail.lower().startswith("soft")
        return "bounced" if hard else None
    return next((reason for reason, kind in KINDS.items() if kind == event.kind), None)


def happened(seq: int, event: Event) -> Iterator[Happened]:
    """Yield what an event says of a recipient, with what it implies."""
    yield Happened(seq, event.kind, event.at, event.detail[:DETAIL])
    for kind in IMPLIED.get(event.kind, ()):
        yield Happened(seq, kind)


def _chunks(events: Iterable[Event]) -> Iterator[list[Event]]:
    waiting = iter(events)
    while chunk := list(islice(waiting, CHUNK)):
        yield chunk
