"""Before a campaign goes out: what it would do, what it would look like, and one real copy."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import islice, takewhile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from ... import errors as e
from ... import providers
from ...capability import CanBroadcast, CanDeliver
from ...http.client import DryRun
from ...http.target import Target
from ...message import Batch, Channel, Mailbox, Message, Receipt
from ...provider import Provider
from ...spec import Spec
from ...store import accounts
from ...store.acts import CAMPAIGN, Act, Acts
from ...store.campaigns import CampaignFile, Recipient, path_of
from ...store.ledger import Ledger
from ...text.address import email_address, phone_number
from ..lists.recipients import Rows
from ..lists.tables import Table
from ..rehearsal import rehearse
from ..settings import DEFAULT, Settings, environment_accounts, ledger_path
from . import broadcast, definition, opening
from .campaign import Campaign, Options
from .compose import Composer, Enlister
from .definition import Definition
from .run import Course
from .way import delivery_of

if TYPE_CHECKING:
    from ..session import Session

FIRST_ROWS = 10_000  # in which a test looks for somebody
PREVIEW = "--dry-run --preview DIR shows it"


class Copy(NamedTuple):
    """A real copy that was sent: to whom, the vendor's id, and whose it is a copy of."""

    to: str
    id: str
    like: str


@dataclass(frozen=True, slots=True)
class Stand:
    """What a campaign needs of a session before it is sent, without a login and a connection."""

    settings: Settings
    spec: Spec
    account: str
    provider: Provider
    dry: DryRun
    ledger: Ledger
    connected: bool


class Rehearsal(Campaign):
    """A campaign that is played on a copy of its file; its requests are kept and not sent.

    ``rows`` is how much of the list is read, None for all of it; ``connected`` whether the account
    exists.
    """

    def __init__(
        self, stand: Stand, act: Act, options: Options, source: str, file: CampaignFile,
        rows: int | None = None,
    ) -> None:  # fmt: skip
        super().__init__(cast("Session", stand), act, options, source, file)
        self.dry, self.rows, self.connected = stand.dry, rows, stand.connected

    def stage(self) -> None:
        super().stage()
        with self.asked_again():  # the file is a copy
            pass
        if self.hosted:
            broadcast.described(self)  # what the vendor cannot merge is found here, not when sent

    def _read(self, rows: Rows, mark: str) -> None:
        if self.rows is not None:
            rows = Rows(
                rows.source, Table(rows.columns, islice(rows, self.rows)), ExitStack(), None
            )
        super()._read(rows, mark)

    def first(self, count: int) -> list[tuple[Course, Recipient]]:
        """Return who would be sent to first, each with the variant."""
        found = [
            (one, person)
            for one in self.courses()
            for person in self.file.after(self.file.reached(one.number), one.number, count)
        ]
        return sorted(found, key=lambda pair: pair[1].seq)[:count]

    def longest(self) -> tuple[Course, Recipient] | None:
        """Return the recipient with the most to merge, with the variant."""
        if (longest := self.file.longest()) is None:
            return None
        for one in self.courses():
            for person in self.file.after(longest.seq - 1, one.number, 1):
                if person.seq == longest.seq:
                    return one, person
        return None

    def requests(self, one: Course, person: Recipient) -> list[dict[str, Any]]:
        """Return the requests that would be made for one recipient; secrets are masked.

        Where the vendor sends, that is to put them into its audience.
        """
        provider, messages = self.session.provider, [one.composer.message(person)]
        if not self.hosted and isinstance(provider, CanDeliver):
            key = f"{self.token}-{person.seq}"
            provider.deliver(replace(one.batch, messages=messages, key=key))
        elif isinstance(provider, CanBroadcast):
            provider.enlist(broadcast.described(self), messages)
        return self._made()

    def launch_requests(self, at: float | None) -> list[dict[str, Any]]:
        """Return the requests by which the vendor would send, once everybody is in its audience;
        ``at`` is when (epoch seconds), None for now."""
        provider = self.session.provider
        assert isinstance(provider, CanBroadcast)
        provider.launch(provider.draft(broadcast.described(self)), at)
        return self._made()

    def _made(self) -> list[dict[str, Any]]:
        """Return the requests since the last time, and forget them."""
        made = self.dry.requests[:]
        self.dry.requests.clear()
        return made


@contextlib.contextmanager
def rehearsed(settings: Settings, wanted: Definition, options: Options) -> Iterator[Rehearsal]:
    """Open a campaign to try it: no login is needed, and neither the ledger nor the campaign's
    file changes. What was sent before counts."""
    with _folder() as folder, _stand(settings, wanted, folder) as stand:
        act = Acts(stand.ledger).named(CAMPAIGN, wanted.name)
        standing = opening.standing(act, wanted, options) if act is not None else "anew"
        if act is None or standing == "anew":
            act = _new(stand, wanted)
        elif standing == "same":
            told = {**act.content, "definition": definition.to_json(wanted)}
            act = act._replace(content=told)
        with _copied(act, folder / "campaign.db") as file:
            yield Rehearsal(stand, act, options, wanted.recipients, file)


def previews(
    campaign: Rehearsal, folder: Path, samples: int, at: float | None = None
) -> list[Path]:
    """Write what the first recipients, and the one with the most to merge, would get.

    Each has NNN.html and NNN.txt, and NNN.json with the requests; NNN is the recipient's number.
    launch.json has those by which a vendor would send it to its audience, ``at`` (epoch seconds).
    """
    people = campaign.first(samples)
    longest = campaign.longest()
    if longest is not None and longest[1].seq not in {person.seq for _, person in people}:
        people.append(longest)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        written = [path for one in people for path in _preview(campaign, folder, *one)]
        if campaign.hosted:
            requests = campaign.launch_requests(at)
            written.append(_written(folder / "launch.json", _shown(requests)))
        return written
    except OSError as error:
        raise e.InvalidInput(
            f"{error.filename or folder}: {error.strerror}", hint="--preview DIR, another one"
        ) from None


def send_test(settings: Settings, wanted: Definition, options: Options, address: str) -> Copy:
    """Send the first recipient's copy to an address, "[test]" before its subject.

    It is on record as a call, and is no part of the campaign, nor of the vendor's figures of it.
    Raises `Unsupported` where the vendor sends to nobody but its audience.
    """
    _needs_delivery(wanted, f"{PREVIEW}; --as test --recipients me.csv sends it to you")
    to = _checked(address, delivery_of(wanted).channel)
    with _first_rows(settings, wanted, options) as campaign:
        ((one, person),) = campaign.first(1)
        whole = _composed(_composer(one).whole, person)
    message = whole._replace(to=to, subject=_marked(whole.subject))
    batch = replace(
        one.batch, campaign=_marked(one.batch.campaign), messages=[message],
        subject="", html="", text="", tokens=(),
    )  # fmt: skip
    receipt = _deliver(settings, wanted, batch)
    return Copy(to, next(iter(receipt.ids), receipt.id), whole.to)


def check_test(settings: Settings, wanted: Definition, options: Options) -> int:
    """Have the vendor check the first request of a campaign without sending it; return how many
    messages are in it.

    Raises what the vendor says against it, and `Unsupported` where it checks nothing.
    """
    instead = f"{PREVIEW}; --test-to ADDRESS sends one real copy"
    _needs_delivery(wanted, PREVIEW)
    with _first_rows(settings, wanted, options) as campaign:
        batch = replace(_first_batch(campaign), rehearsal=True)
    try:
        _deliver(settings, wanted, batch)
    except e.Unsupported as error:
        raise e.Unsupported(error.message, hint=instead) from None
    return len(batch.messages)


def suggested(settings: Settings) -> tuple[str, Channel]:
    """Return the provider that an example is written for, and its channel: the first connected
    one that delivers, else one of e-mail that no vendor's account is needed for."""
    connected = [entry.provider for entry in accounts.read_all()] + environment_accounts(settings)
    for name in filter(providers.names().__contains__, connected):
        cls = providers.load(name)
        if issubclass(cls, CanDeliver) and cls.spec.delivery:
            return name, cls.spec.delivery.channel
    able = [(spec, spec.campaigns) for spec in providers.specs() if spec.campaigns]
    able.sort(key=lambda pair: (pair[1].channel != "email", not Target(pair[0].base_url).mail))
    spec, delivery = able[0]
    return spec.name, delivery.channel


# -- inside ------------------------------------------------------------------------------------


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    with TemporaryDirectory(prefix="mktool-") as folder:
        yield Path(folder)


@contextlib.contextmanager
def _stand(settings: Settings, wanted: Definition, folder: Path) -> Iterator[Stand]:
    provider, dry, connected = rehearse(settings, wanted.provider, wanted.account)
    secret = {field.name for field in provider.spec.fields if field.secret}
    for name in provider.spec.auth[0].needs:  # where nobody has logged in yet
        if name not in secret | set(dry.options):
            dry.options = {**dry.options, name: f"‹{name}›"}
    known = ledger_path().exists()
    with Ledger(ledger_path() if known else folder / "ledger.db") as ledger:
        ledger.db.execute("pragma query_only = on")
        spec = provider.spec.paced(dry.options)
        yield Stand(settings, spec, wanted.account or DEFAULT, provider, dry, ledger, connected)


def _new(stand: Stand, wanted: Definition) -> Act:
    now = stand.ledger.clock()
    content = {"token": uuid.uuid4().hex, "definition": definition.to_json(wanted)}
    return Act(
        0, now, now, CAMPAIGN, stand.spec.name, stand.account, wanted.name,
        definition.digest(wanted), "open", content, None, "", "", "",
    )  # fmt: skip


def _copied(act: Act, path: Path) -> CampaignFile:
    """Return a copy of a campaign's file, or a new one if it has none yet."""
    if not act.content.get("ready"):
        return CampaignFile(path, create=True)
    with (
        CampaignFile(path_of(act.id)) as real,
        real.guard(),
        contextlib.closing(sqlite3.connect(path)) as copy,
    ):
        real.db.backup(copy)
    return CampaignFile(path)


def _needs_delivery(wanted: Definition, instead: str) -> None:
    cls = providers.load(wanted.provider)
    if not issubclass(cls, CanDeliver):
        raise e.Unsupported(
            f"{cls.spec.title} sends to its own audience only, not to one address", hint=instead
        )


@contextlib.contextmanager
def _first_rows(
    settings: Settings, wanted: Definition, options: Options
) -> Iterator[Rehearsal]:  # fmt: skip
    """Open a campaign as if it were new, with the beginning of its list; somebody is in it."""
    some = replace(wanted, skip_invalid=True)
    if wanted.hosted:  # a copy to one address is delivered, without the vendor's link
        answer = f"mailto:{wanted.variants[0].sender.address}"
        some = replace(some, hosted=False, unsubscribe=wanted.unsubscribe or answer)
    with (
        _folder() as folder,
        _stand(settings, wanted, folder) as stand,
        CampaignFile(folder / "campaign.db", create=True) as file,
    ):
        act = _new(stand, some)
        alone = replace(options, retry=(), limit=0)
        campaign = Rehearsal(stand, act, alone, wanted.recipients, file, FIRST_ROWS)
        campaign.stage()
        if not campaign.first(1):
            reason = next(iter(campaign.reading.problems), None) if campaign.reading else None
            why = f": line {reason.line}: {reason.reason}" if reason else ""
            raise e.InvalidInput(
                f"nobody in the first {FIRST_ROWS:,} rows can be sent to{why}",
                hint="--recipients FILE, with one row that can",
            )
        yield campaign


def _first_batch(campaign: Rehearsal) -> Batch:
    """Return the first request: a message that cannot be merged is alone in its own."""
    found = campaign.first(campaign.delivery.batch)
    one = found[0][0]
    people = (person for variant, person in found if variant.number == one.number)
    messages = [_composed(one.composer.message, person) for person in people]
    merged = takewhile(lambda message: not (one.composer.merges and message.subject), messages)
    return replace(one.batch, messages=[*merged] or messages[:1])


def _composed(compose: Callable[[Recipient], Message], person: Recipient) -> Message:
    try:
        return compose(person)
    except ValueError as reason:
        raise e.InvalidInput(f"{person.address}: {reason}") from None


def _deliver(settings: Settings, wanted: Definition, batch: Batch) -> Receipt:
    """Hand a batch over, apart from any campaign; a message that is refused is an error."""
    from ..session import open_session

    session = open_session(settings, wanted.provider, wanted.account)
    try:
        assert isinstance(session.provider, CanDeliver)
        receipt = session.provider.deliver(replace(batch, key=f"test-{uuid.uuid4().hex}"))
        for refusal in receipt.refused.values():
            raise e.Rejected(refusal.text or refusal.code, session.where("test"))
        return receipt
    finally:
        session.close()


def _composer(one: Course) -> Composer:
    return one.composer.composer if isinstance(one.composer, Enlister) else one.composer


def _preview(campaign: Rehearsal, folder: Path, one: Course, person: Recipient) -> Iterator[Path]:
    try:
        whole, requests = _composer(one).whole(person), campaign.requests(one, person)
    except ValueError as reason:
        raise e.InvalidInput(f"{person.address}: {reason}") from None
    made = {
        "html": whole.html,
        "txt": f"{_head(one.batch.sender, whole)}\n\n{whole.text}",
        "json": _shown(requests),
    }
    for suffix, text in made.items():
        if text:
            yield _written(folder / f"{person.seq:03}.{suffix}", text)


def _shown(requests: list[dict[str, Any]]) -> str:
    return json.dumps(requests, ensure_ascii=False, indent=2, default=str)


def _written(path: Path, text: str) -> Path:
    path.write_text(text + "\n", encoding="utf-8", newline="")
    return path


def _head(sender: Mailbox, whole: Message) -> str:
    subject = f"\nSubject: {whole.subject}" if whole.subject else ""
    return f"From: {sender}\nTo: {whole.to}{subject}"


def _marked(subject: str) -> str:
    return f"[test] {subject}" if subject else ""


def _checked(address: str, channel: Channel) -> str:
    try:
        return email_address(address) if channel == "email" else phone_number(address)
    except ValueError as reason:
        raise e.InvalidInput(
            f"--test-to {address!r}: {reason}",
            hint="--test-to you@example.com" if channel == "email" else "--test-to +12025550100",
        ) from None
