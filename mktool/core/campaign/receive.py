"""
What vendors' webhooks told about campaigns, put on record. Repeatable.

Vendors deliver a notice at least once, and in any order. Nothing depends on either: a kind of
event is on record once for each recipient, with its earliest time, and an address is suppressed
once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress as ignoring
from dataclasses import dataclass, field
from itertools import islice

from ... import errors as e
from ... import providers
from ...capability import CanReceive
from ...message import Event, Suppressed
from ...store.acts import CAMPAIGN, Act, Acts
from ...store.campaigns import CampaignFile, path_of
from ...store.events import Events
from ...store.ledger import Ledger
from ...store.suppressions import Suppressions
from ...text.address import either
from ..settings import Settings, ledger_path
from . import suppress
from .definition import from_json
from .notices import Told
from .plan import SHOWN, Problem
from .track import happened, reason_of
from .way import is_hosted

CHUNK = 10_000  # events that are looked for in one campaign after the other


@dataclass(slots=True)
class Received:
    """What notices came to. ``new`` counts recipients by campaign and kind of event.

    ``others`` are events that belong to no recipient of a campaign; ``suppressed`` were not yet.
    """

    notices: int = 0
    events: int = 0
    others: int = 0
    suppressed: int = 0
    bad: int = 0
    new: dict[str, dict[str, int]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def receive(settings: Settings, provider: str, account: str, told: Iterable[Told]) -> Received:
    """Record the events of a provider's campaigns, ``account`` "" being all of them, and suppress
    whoever unsubscribed, complained or cannot be reached for good, campaign or not.

    Notices that cannot be read are counted. `Unsupported` where the vendor's are not known.
    """
    cls = providers.load(provider)
    if not issubclass(cls, CanReceive) or cls.spec.campaigns is None:
        raise e.Unsupported(f"webhooks of {cls.spec.title} are not understood")
    channel, source, found = cls.spec.campaigns.channel, f"{cls.spec.name} webhook", Received()
    events = _events(cls, told, found)
    with Ledger(ledger_path()) as ledger:
        book, hashed = Suppressions(ledger), suppress.hashed(settings)
        campaigns = _Campaigns(ledger, cls.spec.name, account)
        while chunk := list(islice(events, CHUNK)):
            settings.breathe()
            unwanted = list[Suppressed]()
            for event, address in campaigns.record(chunk):
                found.others += not address
                if reason := reason_of(event, channel):
                    with ignoring(ValueError):  # what is no address is never sent to
                        who = address or either(event.address)
                        unwanted.append(Suppressed(who, reason, event.at))
            found.suppressed += book.add(unwanted, source=source, hashed=hashed)
        found.new = campaigns.new()
    return found


def _events(cls: type[CanReceive], told: Iterable[Told], found: Received) -> Iterator[Event]:
    for line, notice, problem in told:
        found.notices += 1
        events, why = list[Event](), problem
        if not problem:
            try:
                events = list(cls.receive(notice))
            except e.UnexpectedReply as error:
                why = error.message
        if why:
            found.bad += 1
            if len(found.problems) < SHOWN:
                found.problems.append(Problem(line, "", why))
        found.events += len(events)
        yield from events


class _Campaigns:
    """The campaigns of a provider, the newest first."""

    def __init__(self, ledger: Ledger, provider: str, account: str) -> None:
        self._acts = Acts(ledger)
        self._ids = self._acts.ids(CAMPAIGN, provider, account)
        self._before = dict[int, tuple[str, dict[str, int]]]()

    def record(self, events: Sequence[Event]) -> list[tuple[Event, str]]:
        """Record events with the recipients that they are about; return them with their addresses,
        "" for those of nobody."""
        left, done = list(events), list[tuple[Event, str]]()
        for id in self._ids:
            if not left:
                break
            if not path_of(id).exists():  # its list was never read, or is gone
                continue
            act = self._acts.get(id)
            with CampaignFile(path_of(id)) as file:
                mine = _Mine(act, file, left)
                if not mine.found:
                    continue
                self._before.setdefault(id, (str(act.key), mine.events.counts()))
                mine.record()
                done += [(event, address) for event, _, address in mine.found]
                left = mine.left
        return done + [(event, "") for event in left]

    def new(self) -> dict[str, dict[str, int]]:
        """Return how many recipients more each kind of event happened to, by campaign."""
        found = dict[str, dict[str, int]]()
        for id, (name, before) in self._before.items():
            with CampaignFile(path_of(id)) as file:
                after = Events(file).counts()
            more = {kind: n - before.get(kind, 0) for kind, n in after.items()}
            if any(more.values()):
                found[name] = {kind: n for kind, n in more.items() if n}
        return found


class _Mine:
    """Those of some events that are about recipients of one campaign; the others are ``left``."""

    def __init__(self, act: Act, file: CampaignFile, events: Sequence[Event]) -> None:
        self.events = Events(file)
        self.found: list[tuple[Event, int, str]] = []
        self.left: list[Event] = []
        self._file, self._began = file, self.events.began()
        self._names = {str(act.key), str(file.get("draft") or act.key)}
        hosted = is_hosted(from_json(act.content["definition"]))
        if self._began is None or (hosted and not file.get("launched")):
            self.left = list(events)
            return
        self._ids = any(event.id for event in events) and self.events.index()
        for event in events:
            if to := self._recipient(event):
                self.found.append((event, *to))
            else:
                self.left.append(event)

    def record(self) -> None:
        with self._file.transaction():
            for event, seq, _ in self.found:
                self.events.add(happened(seq, event))

    def _recipient(self, event: Event) -> tuple[int, str] | None:
        if event.id and self._ids and (to := self.events.by_id(event.id)):
            return to
        if event.campaign:
            return self._by_address(event) if event.campaign in self._names else None
        # What comes from the person, and not from a message, answers the last campaign before.
        began = self._began or 0.0
        return self._by_address(event) if not event.id and began <= (event.at or began) else None

    def _by_address(self, event: Event) -> tuple[int, str] | None:
        with ignoring(ValueError):
            return self.events.by_address(either(event.address))
        return None
