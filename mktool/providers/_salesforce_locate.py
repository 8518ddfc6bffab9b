"""Finding what was exported to a Salesforce org again, by the marks in its descriptions."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

from .. import errors as e
from ..http.reply import Reply
from ..model import Posted
from ..report import Piece
from ._salesforce_activity import LINKS, mark_of, refused_of
from ._salesforce_org import Org, instant, quoted, select
from ._salesforce_people import owners

SKEW = 300.0  # seconds that clocks may differ


def locate(
    org: Org, piece: Piece, before: Sequence[Posted], since: float, me: str
) -> Posted | None:
    """Return a piece by the mark in its description; SOQL shows at once what was written."""
    if piece.kind == "file":
        return _marked_so(org, "ContentVersion", piece.token, since, me)
    if piece.kind == "meeting":
        if "OwnerId" in {**piece.body["fields"], **piece.body["own"]}:
            raise e.Unsupported("Salesforce may hide a record that somebody else owns")
        return _marked_so(org, piece.body["object"], piece.token, since, me)
    rows = range(len(piece.body["rows"]))
    wanted = refused_of(before[piece.body["of"]]) if piece.kind == "refused" else list(rows)
    return _locate_tasks(org, piece, wanted, since, me)


def _locate_tasks(
    org: Org, piece: Piece, wanted: Sequence[int], since: float, me: str
) -> Posted | None:
    """Return a batch: it is written at once, but for the rows that are refused."""
    pattern = re.compile(re.escape(mark_of(piece.token)[:-1]) + r" (\d+)\]")
    found: dict[int, str] = {}
    for row in _mine(org, "Task", since, me):
        if mark := pattern.search(str(row.get("Description") or "")):
            found[int(mark[1]) - 1] = row.need("Id")
    missing = [place for place in wanted if place not in found]
    emails = {place: piece.body["rows"][place]["email"].lower() for place in missing}
    others = {who for who, id in owners(org, [*emails.values()]).items() if id != me}
    hidden = [place for place in missing if emails[place] in others]
    if hidden and (found or len(hidden) == len(wanted)):
        raise e.Unsupported("Salesforce may hide tasks that somebody else owns")
    if not found:
        return None
    first = found[min(found)]
    return Posted(first, org.page("Task", first), {"refused": json.dumps(missing)})


def _mine(org: Org, object: str, since: float, me: str) -> Iterator[Reply]:
    # A description cannot be searched by SOQL, so that it is compared here.
    where = f"CreatedById = {quoted(me)} AND CreatedDate >= {instant(since - SKEW)}"
    links = LINKS if object in ("Task", "Event") else ()
    source = f"{object} WHERE {where} ORDER BY CreatedDate"
    return org.rows(select(["Id", "Description", *links], source))


def _marked_so(org: Org, object: str, token: str, since: float, me: str) -> Posted | None:
    for row in _mine(org, object, since, me):
        if mark_of(token) in str(row.get("Description") or ""):
            links = {name: str(row.get(name)) for name in LINKS if row.get(name)}
            return Posted(row.need("Id"), org.page(object, row.need("Id")), links)
    return None
