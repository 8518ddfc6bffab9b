"""The reports of a folder, each of which goes to an account once for ever."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from ... import errors as e
from ...report import Export
from ...store.acts import Acts, Wanted
from ..acting import FINAL, Published
from ..session import Session
from . import pieces
from .prepare import Source, files, is_since

Load = Callable[[Path], Source]


class Filed(NamedTuple):
    """A report of a folder, known by its key; it is read again when it is its turn."""

    path: Path
    key: str


def survey(
    folder: Path, load: Load, since: float | None
) -> tuple[list[Filed], list[e.InvalidInput]]:
    """Return the reports in a folder since then (epoch seconds), and what is wrong with files
    that cannot be read."""
    found, wrong = list[Filed](), list[e.InvalidInput]()
    for path in files(folder):
        try:
            source = load(path)
        except e.InvalidInput as error:
            wrong.append(error)
            continue
        if is_since(source.report, path, since):
            found.append(Filed(path, source.key))
    return found, wrong


def export_all(
    session: Session, filed: Sequence[Filed], load: Load, make: Callable[[Source], Export], *,
    again: bool, say: Callable[[str], None],
) -> Iterator[Published]:  # fmt: skip
    """Export one report after another, each result in its turn, and end where no other would go
    either: the vendor is away, or its limit is used up."""
    for one in filed:
        result = None if again else _before(session, one)
        if result is None:
            result = _export(session, one, load, make, again=again, say=say)
        yield result
        if result.error is not None and not isinstance(result.error, FINAL):
            return


def _before(session: Session, one: Filed) -> Published | None:
    """Return what became of a report that is out, without a look at the file."""
    name, account = session.spec.name, session.account
    acts = Acts(session.ledger)
    act = acts.peek(Wanted(pieces.VERB, name, account, one.key, "", {}))
    if act is None or act.state != "done":
        return None
    posted = [part.posted for part in acts.parts(act.id).values() if part.posted]
    return Published(name, account, act.id, len(posted), posted, repeated=True)


def _export(
    session: Session, one: Filed, load: Load, make: Callable[[Source], Export], *,
    again: bool, say: Callable[[str], None],
) -> Published:  # fmt: skip
    try:
        source = load(one.path)
        want = pieces.wanted(
            session, make(source), source=source.name, key=None if again else one.key
        )
    except e.MktoolError as error:
        return Published(session.spec.name, session.account, error=error)
    return pieces.export(session, want, again=again, say=say)
