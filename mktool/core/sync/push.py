"""
Writing planned rows in requests of the vendor's size, so that none is made twice.

A batch is claimed before it is sent and confirmed after the answer. What a killed run left in
doubt is sent again only where that does no harm: changes by id, upserts by key, jobs that are
known by their id. What was to be made is looked for by its key, once the vendor shows what it
took; where nothing can be looked for it is unknown, and said to be.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ... import errors as e
from ...capability import CanLoad, CanPull, CanPush
from ...http.exchange import Scope
from ...message import Refusal
from ...records import Row, Written
from ...spec import RecordKind
from ...store.acts import Act, Acts
from ...store.replica import identity
from ...store.worklist import Doubt, Worklist
from ..session import Session

LOAD = 20_000  # rows of one job: some 10 MB, of which a vendor takes 100
UNTIL = "unknown_until"  # when what is unknown must be there, if it ever will (epoch seconds)
HOPELESS = 25  # rows refused one after the other and none ever taken: it is not the rows
RESENDS = 2  # batches in a row whose answer is lost, and which are looked for
SLOW = 3  # a vendor that let the timeout pass may still be at work: how many timeouts until it ends


@dataclass(slots=True)
class Push:
    """One push under way; ``say`` is told how many rows have an outcome."""

    session: Session
    act: Act
    kind: RecordKind
    key: str
    list: Worklist
    max_errors: int = 0
    say: Callable[[int], None] = lambda done: None
    _done: int = 0
    _failed: int = 0
    _in_a_row: int = 0
    _lost: int = 0

    def settle(self) -> None:
        """Find out about the batches that an earlier run left in doubt."""
        for doubt in self.list.doubts():
            self._settle(doubt)
        unknown = self.list.outcomes().get("unknown")
        Acts(self.session.ledger).mark(self.act.id, "unknown" if unknown else "done")

    def run(self) -> None:
        """Write what is planned. Raises what stops it; what is done stays done."""
        most = self._most()
        while True:
            self.session.breathe()
            claimed = self.list.claim(self.act.id, self.session.ledger.clock(), most)
            if claimed is None:
                return
            try:
                self._send(claimed)
                self._lost = 0
            except e.OutcomeUnknown as lost:
                self._settle(self._left(claimed), lost=True)
                self._lost += 1
                if self._lost > RESENDS:
                    raise e.Unavailable(lost.message, lost.context) from None
            except e.UnexpectedReply:  # perhaps it was written: the next run looks
                raise
            except (e.NeedsLogin, e.ProviderError, e.Partial, e.Interrupted):
                self.list.undo(claimed)  # refused, or never sent
                raise

    # -- one batch -----------------------------------------------------------------------------

    def _most(self) -> int:
        """Return how many rows make one write."""
        bulk, waiting = self.kind.bulk, self.list.outcomes().get("planned", 0)
        many = bulk and waiting > bulk and isinstance(self.session.provider, CanLoad)
        return LOAD if many else self.kind.batch

    def _send(self, batch: Doubt) -> None:
        self.session.exchange.scope = Scope(self.act.id, batch.id)
        try:
            if batch.job or len(batch.rows) > self.kind.batch:
                self._note(batch.rows, self._load(batch))
            else:
                self._write(batch.rows)
        finally:
            self.session.exchange.scope = Scope()
        self.list.release(batch)

    def _load(self, batch: Doubt) -> Sequence[Written]:
        provider = self.session.provider
        assert isinstance(provider, CanLoad)
        job = batch.job
        if not job:
            job = provider.stage(self.kind, batch.rows, self.key)
            self.list.staged(batch.id, job)
        return provider.load(self.kind, job, batch.rows, self.key)

    def _write(self, rows: Sequence[Row]) -> None:
        """Write rows; a request that is refused as a whole is halved until the row at fault
        stands alone."""
        provider = self.session.provider
        assert isinstance(provider, CanPush)
        try:
            written = provider.push(self.kind, rows, self.key)
        except (e.Rejected, e.NotFound) as refused:
            if len(rows) > 1:
                self._write(rows[: len(rows) // 2])
                self._write(rows[len(rows) // 2 :])
                return
            self._in_a_row += 1
            if self._in_a_row >= HOPELESS and self._done == self._failed:
                raise
            written = [Written(refusal=Refusal(refused.code, refused.message))]
        else:
            self._in_a_row = 0
        self._note(rows, written)

    def _note(self, rows: Sequence[Row], written: Sequence[Written]) -> None:
        self.list.confirm(rows, written, self._now())
        self._done += len(written)
        self._failed += sum(w.refusal is not None for w in written)
        self.say(self._done)
        if self.max_errors and self._failed >= self.max_errors:
            raise e.Partial(
                f"stopped: {self._failed:,} rows were refused",
                hint="mktool syncs shows them; mend the source, then run it again",
            )

    def _now(self) -> float:
        """Return what time it is by the vendor's clock."""
        return self.session.ledger.clock() + (self.session.exchange.skew or 0.0)

    # -- what is in doubt ----------------------------------------------------------------------

    def _left(self, batch: Doubt) -> Doubt:
        """Return a batch without the rows of it that have an outcome by now."""
        return next(doubt for doubt in self.list.doubts() if doubt.id == batch.id)

    def _settle(self, doubt: Doubt, *, lost: bool = False) -> None:
        """Find out about a batch; ``lost``: its answer was, a moment ago."""
        asked = Acts(self.session.ledger).asked(doubt.act, doubt.id)
        if doubt.job:
            try:
                self._send(doubt)
                return
            except e.NotFound:  # no vendor keeps a job for ever, but what it did stays
                asked = asked or doubt.at
        unstaged = not doubt.job and len(doubt.rows) > self.kind.batch
        if doubt.updates or unstaged or self._upserts():
            self.list.release(doubt)  # again does no harm; a job without an id was not begun
        elif asked is None:
            self.list.release(doubt)  # claimed, and no request left
        else:
            self._look(doubt, asked, lost=lost)

    def _upserts(self) -> bool:
        return self.kind.upserts and self.key in (self.kind.key, *self.kind.keys)

    def _look(self, doubt: Doubt, asked: float, *, lost: bool) -> None:
        """Look for rows that were to be made, by their keys, once the vendor must show them.

        A search that lags shows what is there, and never what is not: then it stays unknown
        until everything is read.
        """
        waited, patience = self.session.ledger.clock() - asked, self.session.spec.settles_after
        if lost and waited >= patience:
            patience *= SLOW
        if self.kind.lags:
            until = max(asked + patience, float(self.list.get(UNTIL) or 0.0))
            self.list.put(UNTIL, str(until))
            self.list.give_up(doubt, "unknown", "its answer was lost")
            return
        try:
            found = self._found(doubt, min(max(patience - waited, 0.0), patience))
        except (e.Unsupported, e.Rejected, e.NotFound) as error:
            self.list.give_up(doubt, "unknown", f"it cannot be looked up: {error.message}")
            return
        for row in doubt.rows:
            if id := found.get(identity(row.values.get(self.key)) or ""):
                self.list.found(row.seq, id, row.values, asked)
                self._done += 1
        self.list.release(doubt)

    def _found(self, doubt: Doubt, wait: float) -> dict[str, str]:
        """Return the ids of the rows that the vendor has, by key, after ``wait`` seconds: a request
        may reach it as long as its timeout runs. Raises `Unsupported` where a row has no key.
        """
        session, provider = self.session, self.session.provider
        values = [row.values.get(self.key) or "" for row in doubt.rows]
        if not self.key or not all(values) or not isinstance(provider, CanPull):
            raise e.Unsupported("it has no key")
        session.exchange.sleep(wait)
        found = dict[str, str]()
        for start in range(0, len(values), self.kind.page):
            wanted = values[start : start + self.kind.page]
            for record in provider.fetch(self.kind, self.key, wanted, (self.key,)):
                if key := identity(record.values.get(self.key)):
                    found[key] = record.id
        return found
