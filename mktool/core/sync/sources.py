"""The rows of a push: a file, a query, or the recipients of a campaign with what became of them."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Generator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

from ... import errors as e
from ...store.replica import identity
from ...store.worklist import Staged
from ...text.cells import unguarded
from ..lists.recipients import Row, Rows, open_list
from .attribution import SCHEME, from_campaign
from .columns import DELETED, ID, OWN, column_of, field_of
from .fields import Fields, check

NONE: Fields = MappingProxyType({})
_UPDATED = "updated, in [sync.PROVIDER.KIND] of the configuration, names the column of a change"
ALIVE = ("", "0", "false")  # what says in `DELETED` that a row is no tombstone


def rows(
    source: str, key: str, names: Mapping[str, str], *, updated: str = "",
    fields: Collection[str] = (), both: bool = False, known: Fields = NONE,
) -> Generator[Staged]:  # fmt: skip
    """Yield the rows of a source, each with its values by the vendor's fields.

    ``names`` gives the column of a field; where it names any, or ``fields`` does, other columns
    are left out. ``updated`` is the column that says when a row was changed. An empty cell is no
    value. ``both``: the source will be written too, so that tombstones are rows as well, and no
    row may be unreadable. Raises `InvalidInput` if the source cannot be read, has no column for
    ``key``, or one for what is none of the fields that are ``known``.
    """
    with contextlib.ExitStack() as stack:
        found = stack.enter_context(_opened(source))
        columns = found.columns
        known_by = column_of(key, names) if key else ""
        chosen = _fields(columns, names, fields)
        if known_by not in columns and ID not in columns:
            raise e.InvalidInput(
                f"{found.source}: no column {known_by or ID}; there are {', '.join(columns)}",
                hint="name the column so, say --key FIELD, or map it: mktool help sync",
            )
        if known_by in columns:
            chosen[key] = known_by
        if updated and updated not in columns:
            raise e.InvalidInput(f"{found.source}: no column {updated}", hint=_UPDATED)
        check(chosen, known, f"{found.source}: the vendor has", "--fields A,B writes no others")
        exact = unguarded if found.guarded else _as_it_is
        for seq, row in enumerate(found, start=1):
            if both and row.problem:
                raise e.InvalidInput(
                    f"{found.source}: line {row.line} {row.problem}",
                    hint="mend that line: the file is written as well, and nothing may be lost",
                )
            cells = dict(zip(columns, map(exact, row.values), strict=True))
            gone = cells.get(DELETED, "").lower() not in ALIVE
            if gone and not both:
                continue  # a tombstone: it is gone at the vendor
            yield _staged(seq, row, cells, chosen, known_by, updated)._replace(gone=gone)


def _as_it_is(cell: str) -> str:
    return cell


def _opened(source: str) -> Rows:
    if not source.startswith(SCHEME):
        return open_list(source, Path(), exact=True)
    with contextlib.ExitStack() as closing:
        table = from_campaign(source.removeprefix(SCHEME), closing)
        return Rows(source, table, closing.pop_all(), None)


def _fields(
    columns: Sequence[str], names: Mapping[str, str], fields: Collection[str]
) -> dict[str, str]:
    """Return the column of each field that is to be written."""
    if names:
        found = {field: column for field, column in names.items() if column in columns}
    else:
        found = {field_of(name): name for name in columns if name and name not in OWN}
    return {f: column for f, column in found.items() if f in fields} if fields else found


def _staged(
    seq: int, row: Row, cells: Mapping[str, str], fields: Mapping[str, str], known_by: str,
    updated: str,
) -> Staged:  # fmt: skip
    values = {field: cells[column] or None for field, column in fields.items()}
    id, key = cells.get(ID) or None, identity(cells.get(known_by, ""))
    if key and known_by:
        values |= {f: (v or "").strip() for f, v in values.items() if fields[f] == known_by}
    problem = row.problem or ("" if id or key else f"no value in {known_by or ID}")
    at = _moment(cells.get(updated, ""))
    return Staged(seq, row.line, key, id, values, at, problem or None)


def _moment(text: str) -> float | None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
