"""A campaign under its lock: its list, its plan, and its sending."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal

from ... import errors as e
from ...capability import CanCheck, CanHold
from ...store.acts import Act, Acts
from ...store.campaigns import CampaignFile, State, path_of
from ...store.staging import Stage
from ...store.suppressions import EVERYWHERE, Suppressions
from ...text.template import variable_name
from ..lists.recipients import Rows, address_column, open_list, status_column
from ..lists.tables import told
from . import broadcast, course, definition, overview, trial
from .condition import compile as condition
from .definition import Definition
from .engine import Engine
from .members import is_members, open_members
from .plan import HELD_BACK, Reader, Reading
from .run import Course, Progress, Run
from .way import delivery_of, is_hosted
from .work import heed

if TYPE_CHECKING:
    from ..session import Session
    from .forecast import Plan

OWN_LINK = "#unsubscribe"  # stands in for it where a copy is shown
Ending = Literal["failed", "unknown"]


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says. ``retry`` is who is sent to again."""

    name: str = ""
    account: str = ""
    recipients: str = ""
    segment: str = ""
    keep_content: bool = False
    skip_invalid: bool = False
    limit: int = 0
    max_errors: int | None = None
    retry: tuple[State, ...] = ()
    stdin: BinaryIO | None = None


@dataclass(slots=True)
class Result:
    """How a run ended. ``totals`` are of the whole campaign, ``progress`` of this run.

    ``held_back`` wait for the winner of a test, ``due`` is when something goes on by itself.
    """

    totals: dict[State, int]
    held_back: int = 0
    progress: Progress = field(default_factory=Progress)
    error: e.MktoolError | None = None
    due: float | None = None

    @property
    def left(self) -> int:
        """How many are still to be sent to now."""
        waiting = self.totals.get(State.PENDING, 0) + self.totals.get(State.RETRY, 0)
        return waiting - self.held_back


class Campaign:
    """One campaign; for one thread, and one process at a time."""

    def __init__(
        self, session: Session, act: Act, options: Options, source: str = "",
        file: CampaignFile | None = None,
    ) -> None:  # fmt: skip
        """``source`` is where the list is read from; the ledger does not keep its password.

        ``file`` is a copy to work on instead of the campaign's own.
        """
        self.session, self.act, self.options, self.source = session, act, options, source
        self.acts = Acts(session.ledger)
        self.definition = definition.from_json(act.content["definition"])
        self.token = str(act.content["token"])
        self.file = file or CampaignFile(path_of(act.id), create=not act.content.get("ready"))
        usual = session.settings.config.get("campaign", "postal_address")
        self.postal_address = str(act.content.get("postal_address", usual))
        self.hosted = is_hosted(self.definition)  # the vendor itself sends, to its audience
        self.contents = course.contents(self._shown(), self.postal_address)
        self.delivery = course.fitting(delivery_of(self.definition), self.contents)
        self.suppressions = Suppressions(session.ledger)
        self.reading: Reading | None = None
        self.doubtful = 0  # who are sent to once more, though they may have it

    def _shown(self) -> Definition:
        """Return what content is made of; a vendor that sends has a link to unsubscribe of its
        own, which only it knows."""
        own = self.hosted and not self.definition.unsubscribe
        return replace(self.definition, unsubscribe=OWN_LINK) if own else self.definition

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
        """Read the list, unless it is the one that was read already, and leave out whoever is
        suppressed."""
        if not self.source:
            raise e.InvalidInput(
                "no list of recipients", hint='recipients = "people.csv", or --recipients FILE'
            )
        folder = Path.cwd() if self.options.recipients else self.definition.path.parent
        mark = fingerprint(folder / self.source, self.definition)
        if not mark or mark != self.file.get("list"):
            with self._list(folder) as rows:
                self._read(rows, mark)
        self.heed()

    @contextlib.contextmanager
    def asked_again(self) -> Iterator[None]:
        """Have those wait once more who failed or are unknown, where that is asked for.

        Undone if what is inside raises: who may have it is not sent to on a word that nobody
        confirmed, by whichever run comes next.
        """
        if not self.options.retry:
            yield
            return
        before = self.file.totals().get(State.UNKNOWN, 0)
        with self.file.transaction():
            self.file.send_again(self.options.retry, self.options.limit or -1)
            self.doubtful = before - self.file.totals().get(State.UNKNOWN, 0)
            self.heed()
            yield

    def _list(self, folder: Path) -> Rows:
        if is_members(self.source):
            return open_members(self.session.settings, self.source, self.delivery.channel)
        return open_list(self.source, folder, self.options.stdin)

    def heed(self) -> None:
        """Leave out whoever was suppressed since the list was read."""
        newest = self.suppressions.newest()  # before, or who is suppressed meanwhile is missed
        heed(self.file, self.suppressions, self.lists, int(self.file.get("suppressions", 0)))
        self.file.put(suppressions=newest)

    def _read(self, rows: Rows, mark: str) -> None:
        wanted = self.definition
        column = wanted.column or address_column(rows.columns, self.delivery.channel)
        if column not in rows.columns:
            raise e.InvalidInput(
                f"the list has no column {column!r}; it has {told(rows.columns)}",
                hint='column = "…" names the one with the addresses',
            )
        address = variable_name(column)
        fields = self.fields or course.fields_of(self.contents, rows.columns, address)
        status = rows.status or status_column(rows.columns)
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
            stage.finish(
                staged=kept, list=mark, address=address, fields=json.dumps(fields), suppressions=0
            )

    # -- sending -------------------------------------------------------------------------------

    def to_send(self) -> int:
        """Return how many a run would send to."""
        count = Result(self.file.totals(), self.held_back()).left
        return min(count, self.options.limit) if self.options.limit else count

    def send(
        self, report: Callable[[Progress], None] = lambda progress: None,
        *, at: float | None = None,
    ) -> Result:  # fmt: skip
        """Send to whoever is waiting; what ended the run is in the result.

        ``at``: the vendor keeps it until then (epoch seconds).
        """
        result = Result(self.file.totals())
        try:
            trial.decide(self)
            result.held_back = self.held_back()
            if result.left or self.file.unfinished():
                self._preflight()
                engine = self._engine(report, at)
                engine.go()
                totals, held_back = self.file.totals(), self.held_back()
                result = Result(totals, held_back, engine.progress, engine.error)
            if result.error is None and not result.left and self.hosted:
                self._still_wanted()
                broadcast.launch(self, at)
        except e.MktoolError as error:
            result.error = error
        self._record(result)
        return result

    def _engine(self, report: Callable[[Progress], None], at: float | None) -> Engine:
        wanted, settings = self.definition, self.session.settings
        most = self.options.max_errors or wanted.max_errors
        run = Run(
            act=self.act.id,
            token=self.token,
            delivery=self.delivery,
            courses=self.courses(at),
            broadcast=broadcast.described(self) if self.hosted else None,
            expected=self.to_send(),
            limit=self.options.limit,
            max_errors=most or int(settings.config.get("campaign", "max_errors")),
            rate=wanted.rate,
            concurrency=wanted.concurrency,
            lists=self.lists,
            stopped=self._stopped,
            report=report,
        )
        return Engine(self.session, self.file, run)

    def courses(self, at: float | None = None) -> Sequence[Course]:
        """Return the variants on their way, made as they are made every time."""
        kept = course.Schedule(at, self._hold()) if at and not self.hosted else course.Schedule()
        found = course.courses(
            self.definition, self.contents, self.fields, self.address, self.delivery, self.token,
            kept, int(self.file.get("winner", 0)),
        )  # fmt: skip
        return [course.enlisting(one, self.fields) for one in found] if self.hosted else found

    def _hold(self) -> str:
        """Return under what the vendor keeps it: asked for once, on record before it is used."""
        if (known := self.file.get("hold")) is not None:
            return str(known)
        assert isinstance(self.session.provider, CanHold)
        hold = self.session.provider.hold()
        self.file.put(hold=hold)
        return hold

    def held_back(self) -> int:
        """Return how many wait for the winner of a test."""
        testing = self.definition.ab is not None and not self.file.get("winner")
        return self.file.pending(HELD_BACK) if testing else 0

    def _preflight(self) -> None:
        """Prove the credential before anything is claimed, and learn the vendor's time."""
        if isinstance(self.session.provider, CanCheck):
            with contextlib.suppress(
                e.Forbidden, e.NotFound, e.Rejected, e.UnexpectedReply, e.RateLimited
            ):
                self.session.provider.check()

    def _still_wanted(self) -> None:
        """Raise `Interrupted` if somebody stopped it since the last look."""
        self.session.breathe()
        if word := self._stopped():
            raise overview.stopped(word, self.definition.name)

    def _stopped(self) -> str:
        state = self.acts.state(self.act.id)
        return state if state in ("paused", "cancelled") else ""

    def verdict(self, result: Result) -> e.MktoolError | None:
        """Return why a run was not what was asked for: what ended it, or who was left out."""
        show, progress = overview.command("show", self.definition.name), result.progress
        if result.error is not None:
            if isinstance(result.error, e.OutcomeUnknown):  # it says what to do about one act
                result.error.hint = f"{show} --unknown; the same command again sends to the others"
            return result.error
        if progress.failed:
            also = f", and of {progress.unknown:,} nobody knows" if progress.unknown else ""
            were = "was" if progress.failed == 1 else "were"
            return e.Partial(
                f"{progress.failed:,} {were} refused{also}",
                hint=f"{show} --failed; --retry failed",
            )
        if progress.unknown:
            return e.OutcomeUnknown(
                f"of {progress.unknown:,} nobody knows whether they got it",
                self.session.where("send-campaign"),
                hint=f"{show} --unknown; --retry unknown sends to them again",
            )
        if result.left and not self.options.limit:
            return e.Partial(f"{result.left:,} are still to be sent to")
        return None

    def _record(self, result: Result) -> None:
        """Put where the campaign stands on record."""
        if self._stopped():
            return
        error = result.error
        if error is not None and not isinstance(error, e.Interrupted):
            state: Ending = "unknown" if isinstance(error, e.OutcomeUnknown) else "failed"
            self.acts.mark(self.act.id, state, code=error.code, error=error.message)
        elif error is not None or result.left:
            self.acts.mark(self.act.id, "open")
        elif result.held_back:
            result.due = trial.wait(self)
        elif unknown := result.totals.get(State.UNKNOWN, 0):
            why = f"of {unknown:,} nobody knows whether they got it"
            self.acts.mark(self.act.id, "unknown", code=e.OutcomeUnknown.code, error=why)
        else:
            self.acts.mark(self.act.id, "done")

    # -- the word of a person ------------------------------------------------------------------

    @property
    def unfinished(self) -> bool:
        return bool(self.file.unfinished())

    def confirmable(self, plan: Plan) -> set[int]:
        """Return the numbers that confirm a plan: of everybody, of who is left, or what was
        confirmed before, of which some dropped out since."""
        before = int(self.file.get("said", 0))
        return {plan.audience, plan.to_send} | ({before} if before >= plan.audience else set())

    def needs_confirmation(self, plan: Plan, above: int) -> bool:
        news = bool(self.options.retry) or plan.audience > int(self.file.get("confirmed", 0))
        # Who wait for the winner of a test get it without another word.
        later = 0 if self.options.limit else plan.held_back
        return plan.to_send + later > above and news

    def confirmed(self, plan: Plan) -> None:
        """Keep that a plan was confirmed: with a limit, not for those it leaves out."""
        everyone = Result(self.file.totals(), self.held_back()).left
        count = plan.audience - (everyone - plan.to_send)
        self.file.put(
            confirmed=max(count, int(self.file.get("confirmed", 0))),
            said=max(plan.audience, int(self.file.get("said", 0))),
        )

    def reasons(self) -> list[tuple[str, str, str, int]]:
        """Return (state, code, words, how many) of who did not get it, the most frequent first."""
        return [
            (state.name.lower(), *reason)
            for state in (State.FAILED, State.UNKNOWN)
            for reason in self.file.reasons(state)
        ]


def fingerprint(path: Path, wanted: Definition) -> str:
    """Return what tells a list from the same one changed, "" where that takes reading it."""
    try:
        found = path.stat()
    except (OSError, ValueError):
        return ""
    about = (str(path), found.st_size, found.st_mtime_ns, found.st_ino, wanted.where, wanted.column)
    return hashlib.sha256(json.dumps(about).encode()).hexdigest()
