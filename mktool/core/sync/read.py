"""Reading a vendor's records: what was changed since the last time, page by page, resumable."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice

from ... import errors as e
from ...capability import CanPull
from ...records import Page, Record, Wish
from ...spec import RecordKind
from ...store.replica import Replica
from ...store.syncs import Sync, Syncs
from ..session import Session

# Seconds: an index lags, and clocks differ; reading a record twice does no harm.
OVERLAP = 300.0
TOGETHER, AT_MOST = 4000, 1.0  # records, and seconds, after which what was read is kept


@dataclass(slots=True)
class Reading:
    """How a reading ended. ``whole``: everything was read, not only what had changed."""

    read: int = 0
    changed: int = 0
    deleted: int = 0
    whole: bool = False


def read(
    session: Session, sync: Sync, kind: RecordKind, replica: Replica, fields: tuple[str, ...],
    *, full: bool = False, anew: bool = False, agreed: bool = False,
    take: Callable[[Sequence[Record]], None] = lambda records: None,
    say: Callable[[int], None] = lambda read: None,
) -> tuple[Sync, Reading]:  # fmt: skip
    """Bring the replica up to date, and hand each page to ``take`` before it counts as read.

    ``agreed``: ``take`` puts it on our side at once. Goes on where an interrupted reading stopped,
    unless all is to be read ``anew``.
    Raises what the vendor's refusals stand for; the pages before are kept.
    """
    earlier, sync = sync, sync._replace(cursor="") if anew else sync
    sync = _begun(sync, " ".join(fields), full=full or anew)
    if sync.fields != earlier.fields:
        replica.forget_columns()
    sync = Syncs(session.ledger).keep(sync)
    result = Reading(whole=sync.whole)

    def keep(page: Page, sync: Sync) -> None:
        take(page.records)
        result.changed += replica.take(page.records, sync.run, agreed=agreed)
        result.read += len(page.records)
        result.deleted += sum(record.deleted for record in page.records)
        say(result.read)

    if sync.whole:
        sync = _pass(session, sync, kind, fields, keep, overlap=OVERLAP)
        unseen = replica.unseen(sync.run)
        while gone := list(islice(unseen, 500)):
            take([Record(id, {}, deleted=True) for id in gone])
        result.deleted += replica.sweep(sync.run, agreed=agreed)
        # What was changed while all of it was read, page by page, is read once more.
        sync = Syncs(session.ledger).keep(_begun(_ended(sync), sync.fields, full=False))
        return Syncs(session.ledger).keep(
            _ended(_pass(session, sync, kind, fields, keep, overlap=0.0))
        ), result
    sync = _pass(session, sync, kind, fields, keep, overlap=OVERLAP)
    return Syncs(session.ledger).keep(_ended(sync)), result


def _pass(
    session: Session, sync: Sync, kind: RecordKind, fields: tuple[str, ...],
    keep: Callable[[Page, Sync], None], *, overlap: float,
) -> Sync:  # fmt: skip
    """Read to the end, and return the sync as it stands then."""
    syncs, started = Syncs(session.ledger), session.ledger.clock()
    for page in _gathered(_pages(session, sync, kind, fields, overlap)):
        if not sync.began:
            sync = sync._replace(began=started + (session.exchange.skew or 0.0))
        keep(page, sync)
        sync = syncs.keep(sync._replace(cursor=page.next))
        session.breathe()
    return sync if sync.began else sync._replace(began=started)


def _gathered(pages: Iterator[Page]) -> Iterator[Page]:
    """Yield pages put together, as what is made durable costs more than what is done; before an
    error, what was read until then."""
    records, following, began = list[Record](), "", time.monotonic()
    failure: e.MktoolError | None = None
    try:
        for page in pages:
            records += page.records
            following = page.next
            if len(records) >= TOGETHER or time.monotonic() > began + AT_MOST or not page.next:
                yield Page(records, following)
                records, began = [], time.monotonic()
    except e.MktoolError as error:
        failure = error
    if records:
        yield Page(records, following)
    if failure is not None:
        raise failure


def _ended(sync: Sync) -> Sync:
    return sync._replace(since=sync.began, cursor="", began=0.0, whole=False)


def _begun(sync: Sync, fields: str, *, full: bool) -> Sync:
    """Return the sync as this reading begins, or goes on with an interrupted one.

    A whole reading that was cut off stays owed, and what it saw does not count for the next one:
    it may have been deleted since.
    """
    same = sync.fields == fields
    if sync.cursor and same and (sync.whole or not full):
        return sync
    whole = full or sync.since is None or sync.whole or not same
    return sync._replace(fields=fields, cursor="", began=0.0, whole=whole, run=sync.run + 1)


def _pages(
    session: Session, sync: Sync, kind: RecordKind, fields: tuple[str, ...], overlap: float
) -> Iterator[Page]:
    provider = session.provider
    if not isinstance(provider, CanPull):
        raise e.Unsupported(f"{session.spec.title} has no records to read")
    since = None if sync.whole or sync.since is None else max(sync.since - overlap, 0.0)
    pages = provider.pull(kind, Wish(fields, since, sync.cursor))
    if not sync.cursor:
        return _moving(session, pages, "")
    pages = _moving(session, pages, sync.cursor)
    try:
        first = next(pages, None)
    except (e.Rejected, e.NotFound):  # a cursor does not live for ever
        return _moving(session, provider.pull(kind, Wish(fields, since)), "")
    return chain([first] if first else [], pages)


def _moving(session: Session, pages: Iterator[Page], cursor: str) -> Iterator[Page]:
    """Yield pages, unless one names itself as the next one: that would have no end."""
    for page in pages:
        if page.next and page.next == cursor:
            raise e.UnexpectedReply("a page names itself as the next one", session.where("pull"))
        yield page
        cursor = page.next
