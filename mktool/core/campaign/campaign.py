"""
One campaign, from its file to its end: opened, planned, sent, gone on with.

A campaign is an act of the ledger whose key is its name: the same name again goes on with it. What
its recipients see is kept in the act when sending begins, so that a crash, or an edit of the
file, changes nothing about what is under way.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from ... import errors as e
from ... import providers
from ...capability import CanBroadcast, CanCheck, CanDeliver, CanHold
from ...spec import Delivery
from ...store.acts import Act, Acts, Wanted
from ...store.campaigns import CampaignFile, State, path_of
from ...store.locks import lock_path, named_lock
from ...store.staging import Stage
from ...store.suppressions import EVERYWHERE, Suppressions
from ...text.template import variable_name
from . import course, definition, plan
from .compose import Composer
from .condition import compile as condition
from .definition import Definition
from .engine import Course, Engine, Progress, Run, heed
from .plan import Plan, Reader, Reading
from .recipients import Rows, address_column, open_list, status_column

if TYPE_CHECKING:
    from ..session import Session
    from ..settings import Settings

VERB = "campaign"


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says. ``at`` is epoch seconds, ``retry`` who is sent to again."""

    name: str = ""
    recipients: str = ""
    segment: str = ""
    keep_content: bool = False
    skip_invalid: bool = False
    limit: int = 0
    max_errors: int | None = None
    at: float | None = None
    retry: tuple[State, ...] = ()
    stdin: BinaryIO | None = None


@dataclass(slots=True)
class Result:
    """How a run ended. ``totals`` are of the whole campaign, ``progress`` of this run."""

    totals: dict[State, int]
    progress: Progress = field(default_factory=Progress)
    error: e.MktoolError | None = None
    due: float | None = None

    @property
    def complete(self) -> bool:
        return not self.totals.get(State.PENDING) and not self.totals.get(State.RETRY)


def read(path: Path, options: Options, settings: Settings) -> Definition:
    """Return the definition in a file, as the command line changes it."""
    found = definition.load(path)
    changed: dict[str, Any] = {}
    if options.name:
        changed["name"] = options.name
    if options.recipients:
        changed["recipients"] = options.recipients
    if name := options.segment or found.segment:
        changed |= {"segment": name, "where": settings.config.segment(name)}
    if options.skip_invalid:
        changed["skip_invalid"] = True
    found = replace(found, **changed) if changed else found
    delivery = delivery_of(found.provider)
    definition.check_channel(found, delivery.channel)
    return found


def delivery_of(provider: str) -> Delivery:
    """Return how a provider delivers campaigns; `Unsupported` if it does not."""
    cls = providers.load(provider)
    if cls.spec.delivery is None or not issubclass(cls, CanDeliver | CanBroadcast):
        able = [s.name for s in providers.specs() if s.delivery is not None]
        raise e.Unsupported(
            f"{cls.spec.title} sends no campaigns", hint=f"one of {', '.join(able)}"
        )
    return cls.spec.delivery


@contextlib.contextmanager
def opened(
    settings: Settings, wanted: Definition, options: Options
) -> Iterator[Campaign]:  # fmt: skip
    """Open the campaign of a file, new or begun, and hold its lock: `Busy` names who else does."""
    from ..session import open_session

    session = open_session(settings, wanted.provider, wanted.account, many=True)
    try:
        with _lock(wanted.name):
            yield Campaign(session, _act(session, wanted, options), options)
    finally:
        session.close()


@contextlib.contextmanager
def resumed(settings: Settings, act: Act, options: Options) -> Iterator[Campaign]:
    """Open a campaign from the ledger alone: its list was read, and is not read again."""
    from ..session import open_session
    from ..settings import DEFAULT

    account = "" if act.account == DEFAULT else act.account
    session = open_session(settings, act.provider, account, many=True)
    try:
        with _lock(str(act.key)):
            yield Campaign(session, Acts(session.ledger).get(act.id), options)
    finally:
        session.close()


def _lock(name: str) -> contextlib.AbstractContextManager[None]:
    short = hashlib.sha256(name.encode()).hexdigest()[:16]  # a name may be longer than a file's
    return named_lock(lock_path(f"campaign-{short}"), "mktool send-campaign")


def _act(session: Session, wanted: Definition, options: Options) -> Act:
    """Return the act of a campaign: begun, or new; refuses another content under its name."""
    acts = Acts(session.ledger)
    digest = definition.digest(wanted)
    found = acts.named(VERB, wanted.name)
    if found is None:
        return _begin(acts, session, wanted, digest)
    if found.state == "cancelled":
        raise e.InvalidInput(
            f"the campaign {wanted.name!r} was cancelled", hint="--as NAME begins a new one"
        )
    if found.digest == digest and found.provider == session.spec.name:
        return _refreshed(acts, found, wanted)
    if options.keep_content:
        return found
    with CampaignFile(path_of(found.id)) as file:
        begun = file.begun()
    if begun:
        raise e.InvalidInput(
            f"the campaign {wanted.name!r} went out, at least in part, with another content",
            hint="--keep-content goes on with that one, --as NAME sends this one as a new campaign",
        )
    if found.provider != session.spec.name or found.account != session.account:
        acts.mark(found.id, "cancelled", code="replaced", error="begun anew elsewhere")
        return _begin(acts, session, wanted, digest)
    return acts.rewrite(found.id, _wanted(session, wanted, digest, found.content["token"]))


def _begin(acts: Acts, session: Session, wanted: Definition, digest: str) -> Act:
    act = acts.open(_wanted(session, wanted, digest, uuid.uuid4().hex))
    with CampaignFile(path_of(act.id), create=True):
        return act


def _wanted(session: Session, wanted: Definition, digest: str, token: str) -> Wanted:
    content = {"token": token, "definition": definition.to_json(wanted)}
    return Wanted(VERB, session.spec.name, session.account, wanted.name, digest, content)


def _refreshed(acts: Acts, act: Act, wanted: Definition) -> Act:
    """Keep what may change while a campaign is under way: its list, its pace, its figures."""
    content = {**act.content, "definition": definition.to_json(wanted)}
    if content != act.content:
        acts.keep(act.id, content)
    return act._replace(content=content)


class Campaign:
    """A campaign under its lock."""

    def __init__(self, session: Session, act: Act, options: Options) -> None:
        self.session, self.act, self.options = session, act, options
        self.acts = Acts(session.ledger)
        self.definition = definition.from_json(act.content["definition"])
        self.token = str(act.content["token"])
        self.delivery = delivery_of(act.provider)
        self.file = CampaignFile(path_of(act.id), create=act.state == "open" and not act.error)
        self.postal = str(session.settings.config.get("campaign", "postal_address"))
        self.contents = course.contents(self.definition, self.postal)
        self.suppressions = Suppressions(session.ledger)
        self.reading: Reading | None = None

    @property
    def lists(self) -> tuple[str, ...]:
        own = self.definition.list
        return (EVERYWHERE, own) if own else (EVERYWHERE,)

    @property
    def address(self) -> str:
        """The variable that stands for the address."""
        return str(self.file.get("address", "email"))

    @property
    def fields(self) -> tuple[str, ...]:
        return tuple(json.loads(self.file.get("fields", "[]")))

    # -- the list ------------------------------------------------------------------------------

    def stage(self) -> None:
        """Read the list, unless it is the one that was read already; then leave out whoever is
        suppressed, and have sent again to whom that was asked for."""
        wanted = self.definition
        if not wanted.recipients:
            raise e.InvalidInput(
                "no list of recipients", hint='recipients = "people.csv", or --recipients FILE'
            )
        mark = fingerprint(wanted)
        if not mark or mark != self.file.get("list"):
            folder = Path.cwd() if self.options.recipients else wanted.path.parent
            with open_list(wanted.recipients, folder, self.options.stdin) as rows:
                self._read(rows, mark)
        self.revise()

    def revise(self) -> None:
        if self.options.retry:
            self.file.send_again(self.options.retry)
        heed(self.file, self.suppressions, self.lists)
        self.file.put(suppressions=self.suppressions.newest())

    def _read(self, rows: Rows, mark: str) -> None:
        wanted = self.definition
        column = wanted.column or address_column(rows.columns, self.delivery.channel)
        if column not in rows.columns:
            raise e.InvalidInput(
                f"the list has no column {column!r}; it has {', '.join(rows.columns)}",
                hint='column = "…" names the one with the addresses',
            )
        address = variable_name(column)
        fields = self.fields or course.fields_of(self.contents, rows.columns, address)
        status = status_column(rows.columns)
        reader = Reader(
            self.delivery.channel, wanted.name, rows.columns.index(column), address, fields,
            course.picks(fields, rows.columns), [one.content for one in self.contents],
            wanted.ab.share if wanted.ab else 1.0,
            condition(wanted.where, rows.columns) if wanted.where else None,
            rows.columns.index(status) if status else None,
        )  # fmt: skip
        with Stage(self.file) as stage:
            found = self.reading = reader.stage(rows, stage)
            found.skipped = wanted.skip_invalid
            if found.invalid and not found.skipped:
                return
            found.folded = stage.fold()
            kept = int(self.file.get("staged", 0)) + found.staged - found.folded
            stage.finish(staged=kept, list=mark, address=address, fields=json.dumps(fields))

    def due(self, when: str, zone: str) -> str:
        """Schedule it if a time was said that is still to come; return that time, or ""."""
        return ""

    # -- sending -------------------------------------------------------------------------------

    def plan(self) -> Plan:
        """Return what a run would do, without doing it."""
        totals, spec, wanted = self.file.totals(), self.session.spec, self.definition
        count = self.to_send()
        price = self.delivery.endpoint.price
        calls = plan.requests(self.delivery, count)
        return Plan(
            wanted.name, spec.name, self.session.account, self.delivery.channel,
            self._audience(totals), count, totals.get(State.SUPPRESSED, 0), calls,
            plan.seconds(spec.limits, self.delivery, count, wanted.rate), calls * price,
            self._largest(), self.reading, self._warnings(),
        )  # fmt: skip

    def _audience(self, totals: Mapping[State, int]) -> int:
        left_out = (State.INVALID, State.SUPPRESSED)
        return sum(count for state, count in totals.items() if state not in left_out)

    def _largest(self) -> int:
        """Return the bytes of the message of whoever has the most to merge."""
        first = self.file.longest()
        if first is None:
            return 0
        try:
            found = self._courses(schedule=False)[0].composer
            message = found.whole(first) if isinstance(found, Composer) else None
        except ValueError:
            return 0
        return sum(len(part.encode()) for part in message[2:5]) if message else 0

    def _warnings(self) -> list[str]:
        """Return what spam laws ask for and is not there, and what makes texts dear."""
        found, texts = [], self.reading.texts if self.reading else None
        every = " ".join(" ".join(one.parts) for one in self.contents)
        if self.delivery.channel == "email" and not isinstance(self.session.provider, CanBroadcast):
            if not self.definition.unsubscribe:
                found.append('no way to unsubscribe: unsubscribe = "https://…/{{ id }}"')
            if not (self.definition.postal_address or self.postal):
                found.append('no postal address, which spam laws ask for: postal_address = "…"')
        elif self.delivery.channel == "sms" and not re.search(r"(?i)\bstop\b", every):
            found.append("the text does not say how to opt out, as in: Reply STOP to end")
        if texts and texts.saved:
            found.append(
                f"{texts.culprit!r} is not in GSM-7: {texts.parts} parts instead of"
                f" {texts.parts - texts.saved}"
            )
        return found

    def to_send(self) -> int:
        """Return how many a run would send to."""
        totals = self.file.totals()
        count = totals.get(State.PENDING, 0) + totals.get(State.RETRY, 0)
        return min(count, self.options.limit) if self.options.limit else count

    def send(self, report: Callable[[Progress], None] = lambda progress: None) -> Result:
        """Send to whoever is waiting; what ended the run is in the result."""
        result = Result(self.file.totals())
        if result.complete and not self.file.unfinished() and not self._broadcasting():
            return self._ended(result)
        try:
            self._preflight()
            engine = self._engine(report)
        except e.MktoolError as error:
            result.error = error
            return self._ended(result)
        engine.go()
        result = Result(self.file.totals(), engine.progress, engine.error)
        return self._ended(result)

    def _engine(self, report: Callable[[Progress], None]) -> Engine:
        wanted, settings = self.definition, self.session.settings
        most = self.options.max_errors
        run = Run(
            self.act.id, self.token, self._courses(), None, self.options.limit,
            most if most is not None else
            wanted.max_errors or int(settings.config.get("campaign", "max_errors")),
            wanted.rate, wanted.concurrency, self.lists, self._stopped, report,
        )  # fmt: skip
        engine = Engine(self.session, self.file, run)
        engine.progress.asked = self.to_send()
        return engine

    def _courses(self, *, schedule: bool = True) -> Sequence[Course]:
        at = self.options.at if schedule else None
        held = course.Schedule(at, self._hold()) if at else course.Schedule()
        return course.courses(
            self.definition, self.contents, self.fields, self.address, self.delivery, self.token,
            held, int(self.file.get("winner", 0)),
        )  # fmt: skip

    def _hold(self) -> str:
        """Return under what the vendor holds it: asked for once, and kept before it is used."""
        if (known := self.file.get("hold")) is not None:
            return str(known)
        assert isinstance(self.session.provider, CanHold)
        hold = self.session.provider.hold()
        self.file.put(hold=hold)
        return hold

    def _preflight(self) -> None:
        """Prove the credential before anything is claimed, and learn the vendor's time."""
        if isinstance(self.session.provider, CanCheck):
            with contextlib.suppress(
                e.Forbidden, e.NotFound, e.Rejected, e.UnexpectedReply, e.RateLimited
            ):
                self.session.provider.check()

    def _stopped(self) -> str:
        state = self.acts.state(self.act.id)
        return state if state in ("paused", "cancelled") else ""

    # -- the word of a person ------------------------------------------------------------------

    @property
    def unfinished(self) -> bool:
        return bool(self.file.unfinished())

    def confirmable(self, plan: Plan) -> set[int]:
        """Return the numbers that confirm a plan: of everybody, of who is left, or what was
        confirmed before of which some dropped out since."""
        before = int(self.file.get("confirmed", 0))
        return {plan.audience, plan.to_send} | ({before} if before >= plan.audience else set())

    def needs_confirmation(self, plan: Plan, above: int) -> bool:
        many = plan.to_send > above
        return many and (
            bool(self.options.retry) or plan.audience > int(self.file.get("confirmed", 0))
        )

    def confirmed(self, plan: Plan) -> None:
        self.file.put(confirmed=max(plan.audience, int(self.file.get("confirmed", 0))))

    def reasons(self) -> list[tuple[str, str, str, int]]:
        """Return (state, code, words, how many) of who did not get it, the most frequent first."""
        return [
            (state.name.lower(), *reason)
            for state in (State.FAILED, State.UNKNOWN)
            for reason in self.file.reasons(state)
        ]

    def _broadcasting(self) -> bool:
        return False

    def _ended(self, result: Result) -> Result:
        """Put where the campaign stands on record."""
        if self._stopped():
            return result
        if result.error is None and result.complete:
            self.acts.mark(self.act.id, "done")
        elif isinstance(result.error, e.Interrupted) or result.error is None:
            self.acts.mark(self.act.id, "open")
        else:
            error = result.error
            self.acts.mark(self.act.id, "failed", code=error.code, error=error.message)
        return result


def fingerprint(wanted: Definition) -> str:
    """Return what tells a list from the same one changed, "" where that takes reading it."""
    path = wanted.path.parent / wanted.recipients
    try:
        found = path.stat()
    except (OSError, ValueError):
        return ""
    about = (str(path), found.st_size, found.st_mtime_ns, found.st_ino, wanted.where, wanted.column)
    return hashlib.sha256(json.dumps(about).encode()).hexdigest()
