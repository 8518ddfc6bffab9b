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
from ...store.acts import Act
from ...store.replica import identity
from ...store.worklist import Doubt, Worklist
from ..session import Session

LOAD = 20_000  # rows of one job: some 10 MB, of which a vendor takes 100
HOPELESS = 10  # rows refused one after the other, none taken: it is not the rows


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

    def settle(self) -> None:
        """Find out about the batches that an earlier run left in doubt."""
        for doubt in self.list.doubts():
            self._settle(doubt)

    def run(self) -> None:
        """Write what is planned. Raises what stops it; what is done stays done."""
        most = self._most()
        while True:
            self.session.breathe()
            claimed = self.list.claim(self.session.ledger.clock(), most)
            if claimed is None:
                return
            try:
                self._send(claimed)
            except e.OutcomeUnknown:
                self._settle(claimed)
            except (e.NeedsLogin, e.ProviderError):  # refused, or never sent
                self.list.undo(claimed)
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
            if self._in_a_row >= HOPELESS:
                raise
            written = [Written(refusal=Refusal(refused.code, refused.message))]
        else:
            self._in_a_row = 0
        self._note(rows, written)

    def _note(self, rows: Sequence[Row], written: Sequence[Written]) -> None:
        self.list.confirm(rows, written)
        self._done += len(written)
        self._failed += sum(w.refusal is not None for w in written)
        self.say(self._done)
        if self.max_errors and self._failed >= self.max_errors:
            raise e.Partial(
                f"stopped: {self._failed:,} rows were refused",
                hint="mktool syncs shows them; mend the source, then run it again",
            )

    # -- what is in doubt ----------------------------------------------------------------------

    def _settle(self, doubt: Doubt) -> None:
        if doubt.job:
            self._send(doubt)
        elif doubt.updates or len(doubt.rows) > self.kind.batch or self._upserts():
            self.list.release(doubt)  # again does no harm; a job without an id was not begun
        elif self.key and isinstance(self.session.provider, CanPull):
            self._look(doubt)
        else:
            self.list.give_up(doubt, "unknown", "it is not known whether it was written")

    def _upserts(self) -> bool:
        return self.kind.upserts and self.key in (self.kind.key, *self.kind.keys)

    def _look(self, doubt: Doubt) -> None:
        """Look for rows that were to be made, by their keys, once the vendor must show them."""
        session, provider = self.session, self.session.provider
        assert isinstance(provider, CanPull)
        patience = max(session.spec.timeout, self.kind.lag)
        session.exchange.sleep(max(doubt.at + patience - session.ledger.clock(), 0.0))
        keys = {identity(row.values.get(self.key)): row for row in doubt.rows}
        wanted = [key for key in keys if key]
        found = dict[str, str]()
        for start in range(0, len(wanted), self.kind.page):
            for record in provider.fetch(
                self.kind, self.key, wanted[start : start + self.kind.page], (self.key,)
            ):
                if key := identity(record.values.get(self.key)):
                    found[key] = record.id
        known = [row for key, row in keys.items() if key in found]
        for key, row in keys.items():
            if key in found:
                self.list.found(row.seq, found[key], row.values)
        self._done += len(known)
        self.list.release(doubt)
