"""One run of a sync: read, plan, ask, write, take over; resumable by the same command."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Collection, Generator, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ... import errors as e
from ...capability import CanPull, CanPush
from ...spec import RecordKind
from ...store.acts import SYNC, UNFINISHED, Act, Acts, Wanted
from ...store.locks import lock_path, named_lock
from ...store.syncs import Sync, Syncs
from ...store.worklist import Planned, Staged, Worklist
from ..session import Session
from . import fields, sources
from .attribution import SCHEME
from .decide import Rules, decide
from .files import LEAVING
from .push import SLOW, UNTIL, Push
from .read import Reading, read
from .targets import Target, fingerprint, is_database, open_target, place_of, table_query

_LEFT = "left"  # how our file was when we last wrote it
_CONFIRMED = "confirmed"  # how many rows, of which source, for a push that has not ended
_TABLE, _BOTH = "table", "both"  # in its place: it is a table, or holds more than the vendor has


@dataclass(frozen=True, slots=True)
class Order:
    """What somebody wants to be kept in step.

    ``into`` is where records are put and ``source`` where they come from; the same for both is a
    sync in two directions. ``names`` gives the column of a vendor's field: where it names any,
    those are all there is. ``key`` is the field by which rows without an id are known, and
    ``updated`` the column that says when a row was changed. ``replace``: a file that is not as we
    left it may be written over.
    """

    kind: RecordKind
    into: str = ""
    source: str = ""
    fields: tuple[str, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    key: str = ""
    rules: Rules = field(default_factory=Rules)
    updated: str = ""
    full: bool = False
    replace: bool = False
    max_errors: int = 0

    @property
    def known_by(self) -> str:
        return self.key or self.kind.key

    @property
    def others(self) -> str:
        """The field that holds further values of the key, or ""."""
        return self.kind.others.get(self.known_by, "")

    @property
    def wanted(self) -> tuple[str, ...]:
        """The fields to read; none means all."""
        named = self.fields or tuple(self.names)
        keys = (self.known_by, self.others) if named and self.source else ()
        return tuple(dict.fromkeys((*named, *filter(None, keys))))

    @property
    def pair(self) -> str:
        """What the vendor's records are kept in step with, without a password."""
        name = self.into or self.source
        return name if name.startswith(SCHEME) else place_of(name, self.kind.name)


@dataclass(slots=True)
class Plan:
    """What a push would do: how many rows each step has, and the first of each that say why.

    ``removed``: so many rows were taken out on our side, and come back. ``ignored``: fields that
    differ on our side, but that only the vendor writes."""

    steps: Mapping[str, int]
    examples: list[Mapping[str, Any]]
    removed: int = 0
    ignored: Collection[str] = ()

    @property
    def writes(self) -> int:
        return self.steps.get("create", 0) + self.steps.get("update", 0)


class Syncing:
    """A pair at work, under the lock of its account and kind; to be used inside ``with``."""

    def __init__(self, session: Session, order: Order) -> None:
        self.session, self.order = session, order
        name = session.spec.name
        if not isinstance(session.provider, CanPull):
            raise e.Unsupported(f"{session.spec.title} has no records to sync")
        if order.source and not (isinstance(session.provider, CanPush) and order.kind.batch):
            raise e.Unsupported(f"{session.spec.title}: {order.kind.name} can only be read")
        self._seen = ""
        self._stack = contextlib.ExitStack()
        path = lock_path(f"sync-{name}:{session.account}:{order.kind.name}")
        self._stack.enter_context(named_lock(path, "mktool sync"))
        self.sync: Sync = Syncs(session.ledger).open(
            name, session.account, order.kind.name, order.pair
        )
        self.list = self._stack.enter_context(Worklist(self.sync.path))

    def __enter__(self) -> Syncing:
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()

    # -- from the vendor -----------------------------------------------------------------------

    def pull(self, say: Callable[[int], None] = lambda read: None) -> Reading:
        """Read what was changed, and put it where it belongs."""
        order = self.order
        left = self.list.get(_LEFT)
        self._known()
        self._may_write(fingerprint(order.into) not in ("", left, self.list.get(LEAVING)))
        target = open_target(order.into, order.kind.name, order.names)
        with contextlib.closing(target):
            self._may_write(bool(target.has_rows) and not left)
            if target.is_new or order.replace:
                self.list.owe()
            if target.at_once:
                self.list.put(_LEFT, _TABLE)
            reading = self._read(order.wanted, take=target, say=say)
            target.finish(self.list)
        self.list.put(_LEFT, fingerprint(order.into) or _TABLE)
        self.list.level()
        return reading

    def _may_write(self, foreign: bool) -> None:
        """Raise `InvalidInput` where something of somebody's would be written over."""
        left = self.list.get(_LEFT)
        if (foreign or left == _BOTH) and not self.order.replace:
            why = "holds more than mktool sync put there" if left else "was not put there by us"
            raise e.InvalidInput(
                f"{self.order.pair}: {why}",
                hint="--from the same as well keeps both sides; --replace writes over it",
            )

    def _read(
        self, fields: tuple[str, ...], *, take: Target | None = None, anew: bool = False,
        say: Callable[[int], None] = lambda read: None,
    ) -> Reading:  # fmt: skip
        self.sync, reading = read(
            self.session, self.sync, self.order.kind, self.list, fields,
            full=self.order.full, anew=anew, agreed=take is not None and take.at_once,
            take=take.take if take else lambda records: None, say=say,
        )  # fmt: skip
        return reading

    # -- to the vendor -------------------------------------------------------------------------

    def plan(self, say: Callable[[int], None] = lambda read: None, *, dry: bool = False) -> Plan:
        """Settle what an earlier run left in doubt, read what was changed at the vendor, and
        return what is to be written. Nothing is, and ``dry`` nothing is settled."""
        order = self.order
        if self.list.doubts():
            if dry:
                raise e.InvalidInput(
                    "an earlier run was cut off while it wrote; what became of that comes first",
                    hint="the same command without --dry-run",
                )
            self._push(Acts(self.session.ledger).open(self._wanted(), again=True)).settle()
        known = self._known()
        self._look(known)
        anew = not dry and self._is_unknown()
        self._read(order.wanted, say=say, anew=anew)
        key = order.known_by
        self._seen = fingerprint(order.source)
        self.list.stage(self._rows(known))
        if key:
            self.list.match(key, order.others)
        self.list.tell_apart()
        if anew:
            self.list.dispel()
        ignored = dict[str, None]()
        self.list.plan(self._decided(known, ignored))
        if order.into and self._changed_meanwhile():
            self.list.plan(self._decided(known, ignored))
        removed = self.list.removed() if order.into else 0
        plan = Plan(self.list.steps(), self._examples(), removed, tuple(ignored))
        if not (plan.writes or dry):
            self._nothing_left()
        return plan

    def _changed_meanwhile(self) -> bool:
        """Read the records that are to be changed by their ids, and return whether one was changed
        there: what the vendor finds by time may lack what was done a moment ago."""
        provider, kind, seq, found = self.session.provider, self.order.kind, 0, False
        assert isinstance(provider, CanPull)
        while some := self.list.to_change(seq, kind.page):
            known = {id: modified for _, id, modified in some}
            now = provider.fetch(kind, "id", list(known), self.order.wanted)
            newer = [r for r in now if r.modified is not None and r.modified != known.get(r.id)]
            self.list.take(newer, self.sync.run, agreed=False)
            seq, found = some[-1][0], found or bool(newer)
        return found

    def _known(self) -> fields.Fields:
        """Return the vendor's fields; `InvalidInput` if the order names one that is none."""
        order, known = self.order, fields.of(self.session, self.order.kind)
        named = (*order.fields, *order.names, order.key, *order.rules.fields)
        title = self.session.spec.title
        fields.check(named, known, f"{title}: {order.kind.name} have", "--to FILE.csv has them all")
        return known

    def _look(self, known: fields.Fields) -> None:
        """Say what is wrong with a file before anything is read; what can be read but once, or
        not at once, is seen when it is its turn."""
        order = self.order
        if order.into and not is_database(order.into):
            open_target(order.into, order.kind.name, order.names).close()  # or say that it cannot
        path = Path(order.source).expanduser()
        if "://" in order.source or order.source.startswith(("-", SCHEME)):
            return
        if order.into and not path.exists():
            raise e.InvalidInput(
                f"{order.source}: there is no such file yet",
                hint="without --from, the same command makes it",
            )
        if path.is_file() or not path.exists():
            with contextlib.closing(self._rows(known)) as rows:
                next(rows, None)

    def _rows(self, known: fields.Fields) -> Generator[Staged]:
        order = self.order
        return sources.rows(
            table_query(order.source, order.kind.name), order.known_by, order.names,
            updated=order.updated, fields=self._offered(), both=bool(order.into),
            known={} if order.into else known,
        )  # fmt: skip

    def _nothing_left(self) -> None:
        """An act that an earlier run left unfinished waits for nothing any more."""
        acts = Acts(self.session.ledger)
        act = acts.peek(self._wanted(), again=True)
        if act is not None and act.state in UNFINISHED:
            acts.mark(act.id, "unknown" if self.list.outcomes().get("unknown") else "done")

    def _offered(self) -> tuple[str, ...]:
        """The fields that are written; none means all. In a file that is kept in step both ways,
        what the vendor has no field for is somebody's own."""
        order = self.order
        if order.fields:
            return order.fields
        return tuple(self.list.columns()) if order.into else ()

    def _decided(self, known: fields.Fields, ignored: dict[str, None]) -> Iterator[Planned]:
        """Yield what is to be done, and have in ``ignored`` which fields nothing is done about."""
        order = self.order
        read_only = frozenset(name for name, writable in known.items() if not writable)
        rules = replace(order.rules, key=order.known_by, others=order.others, read_only=read_only)
        for row, held in self.list.joined():
            planned = decide(row, held, rules)
            ignored |= dict.fromkeys(planned.ignored)
            yield planned

    def _examples(self) -> list[Mapping[str, Any]]:
        steps = ("create", "update", "conflict", "gone", "restored", "refused")
        return [row for step in steps for row in self.list.told((step,), 3)]

    @property
    def confirmed(self) -> int:
        """How many rows somebody confirmed when the push began that this one goes on with; 0 if
        it goes on with none, or its source has changed."""
        number, _, source = self.list.get(_CONFIRMED).partition(" ")
        return int(number or 0) if source == self._seen else 0

    def _is_unknown(self) -> bool:
        """Whether rows are unknown, once they are there if they ever will be: then everything has
        to be read."""
        if not self.list.outcomes().get("unknown"):
            return False
        until = float(self.list.get(UNTIL) or 0.0) - self.session.ledger.clock()
        self.session.exchange.sleep(min(max(until, 0.0), SLOW * self.session.spec.settles_after))
        return True

    def push(self, say: Callable[[int], None] = lambda done: None) -> Mapping[str, int]:
        """Write what was planned; return how many rows are in which state.

        Where it is unknown whether some were written, everything there is read, and what is not
        there is written.
        """
        first = dict(self._written(say))
        if not first.get("unknown"):
            return first
        again = self.plan().writes
        told = self._written(say) if again else self.list.outcomes()
        there = first["unknown"] + first.get("failed", 0) - again
        done = first.get("done", 0) + max(there, 0) + told.get("done", 0)
        return {**told, "done": done}

    def _written(self, say: Callable[[int], None]) -> Mapping[str, int]:
        writes = self.list.outcomes().get("planned", 0)
        self.list.put(_CONFIRMED, f"{max(writes, self.confirmed)} {self._seen}")
        acts = Acts(self.session.ledger)
        act = acts.open(self._wanted(), again=True)
        try:
            self._push(act, say).run()
        except e.MktoolError as error:
            acts.mark(act.id, "open" if isinstance(error, e.Interrupted) else "failed",
                      code=error.code, error=error.message)  # fmt: skip
            raise
        self.list.put(_CONFIRMED, "")
        outcomes = self.list.outcomes()
        unknown = outcomes.get("unknown", 0)
        acts.mark(act.id, "unknown" if unknown else "done")
        return outcomes

    def take_over(self) -> int:
        """Put into the file or table what the vendor has changed; return how many rows that is."""
        order = self.order
        if fingerprint(order.into) != self._seen:
            raise e.InvalidInput(
                f"{order.into}: was changed while this ran; it has not been written",
                hint="run the same command again: what was written at the vendor is not repeated",
            )
        target = open_target(order.into, order.kind.name, order.names)
        with contextlib.closing(target):
            late = target.merge(self.list.edits, self.list.news(), order.known_by, self.list)
        for seq in late:
            self.list.contest(seq, "was changed here while this ran")
        self.list.put(_LEFT, _BOTH)
        return self.list.taken_over()

    def _push(self, act: Act, say: Callable[[int], None] = lambda done: None) -> Push:
        order = self.order
        return Push(self.session, act, order.kind, order.known_by, self.list, order.max_errors, say)

    def _wanted(self) -> Wanted:
        about = f"{SYNC} {self.sync.id}"
        content = {"sync": self.sync.id, "source": self.order.pair, "kind": self.order.kind.name}
        digest = hashlib.sha256(about.encode()).hexdigest()[:32]
        return Wanted(SYNC, self.session.spec.name, self.session.account, None, digest, content)
