"""One run of a sync: read, plan, ask, write, take over; resumable by the same command."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ... import errors as e
from ...capability import CanPull, CanPush
from ...spec import RecordKind
from ...store.acts import SYNC, Act, Acts, Wanted
from ...store.locks import lock_path, named_lock
from ...store.syncs import Sync, Syncs
from ...store.worklist import Planned, Worklist
from ..session import Session
from . import sources
from .attribution import SCHEME
from .decide import Rules, decide
from .push import Push
from .read import Reading, read
from .targets import Target, fingerprint, open_target, table_query

_LEFT = "left"  # how our file was when we last wrote it


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
    def wanted(self) -> tuple[str, ...]:
        """The fields to read; none means all."""
        named = self.fields or tuple(self.names)
        keyed = (self.known_by,) if named and self.known_by and self.source else ()
        return tuple(dict.fromkeys((*named, *keyed)))

    @property
    def pair(self) -> str:
        """What the vendor's records are kept in step with, without a password."""
        from ..campaign.recipients import shown

        name = self.into or self.source
        if name.startswith(SCHEME):
            return name
        return shown(name) if "://" in name or name == "-" else str(Path(name).resolve())


@dataclass(slots=True)
class Plan:
    """What a push would do: how many rows each step has, and the first of each that say why."""

    steps: Mapping[str, int]
    examples: list[Mapping[str, Any]]

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
        if not order.replace and fingerprint(order.into) not in ("", left):
            raise e.InvalidInput(
                f"{order.into}: was {'changed since' if left else 'not written by'} mktool sync",
                hint="--from the same file as well keeps both sides; --replace writes over it",
            )
        target = open_target(order.into, order.kind.name, order.names)
        with contextlib.closing(target):
            reading = self._read(order.wanted, take=target, say=say)
            target.finish(self.list)
        self.list.put(_LEFT, fingerprint(order.into))
        return reading

    def _read(
        self, fields: tuple[str, ...], *, take: Target | None = None,
        say: Callable[[int], None] = lambda read: None,
    ) -> Reading:  # fmt: skip
        self.sync, reading = read(
            self.session, self.sync, self.order.kind, self.list, fields,
            full=self.order.full, agreed=take is not None,
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
        self._read(order.wanted, say=say)
        key = order.known_by
        source = table_query(order.source, order.kind.name)
        self._seen = fingerprint(order.source)
        self.list.stage(sources.rows(source, key, order.names, updated=order.updated))
        if key:
            self.list.match(key)
        self.list.plan(self._decided())
        return Plan(self.list.steps(), self._examples())

    def _decided(self) -> Iterator[Planned]:
        for row, held in self.list.joined():
            yield decide(row, held, self.order.rules)

    def _examples(self) -> list[Mapping[str, Any]]:
        steps = ("create", "update", "conflict", "gone", "refused")
        return [row for step in steps for row in self.list.told((step,), 3)]

    def push(self, say: Callable[[int], None] = lambda done: None) -> Mapping[str, int]:
        """Write what was planned; return how many rows are in which state."""
        acts = Acts(self.session.ledger)
        act = acts.open(self._wanted(), again=True)
        try:
            self._push(act, say).run()
        except e.MktoolError as error:
            acts.mark(act.id, "open" if isinstance(error, e.Interrupted) else "failed",
                      code=error.code, error=error.message)  # fmt: skip
            raise
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
            target.merge(self.list.edits(), self.list.news(), order.known_by)
        self.list.put(_LEFT, fingerprint(order.into))
        return self.list.taken_over()

    def _push(self, act: Act, say: Callable[[int], None] = lambda done: None) -> Push:
        order = self.order
        return Push(self.session, act, order.kind, order.known_by, self.list, order.max_errors, say)

    def _wanted(self) -> Wanted:
        about = f"{SYNC} {self.sync.id}"
        content = {"sync": self.sync.id, "source": self.order.pair, "kind": self.order.kind.name}
        digest = hashlib.sha256(about.encode()).hexdigest()[:32]
        return Wanted(SYNC, self.session.spec.name, self.session.account, None, digest, content)
