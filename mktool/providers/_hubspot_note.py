"""A meeting's report in HubSpot: notes on the records of who was there, and tasks.

https://developers.hubspot.com/docs/guides/api/crm/engagements/notes and …/tasks (read 2026-11)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from ..report import Action, Block, Export, Piece, Report, Span
from ..text.cut import split_blocks
from ..text.markup import to_html
from ..text.meeting import links, people, when
from ..text.runs import utf16
from ._hubspot_targets import TARGETS, wanted

MOST = 65_536  # characters of a note
BATCH = 100
PRIORITY = {"low": "LOW", "normal": "MEDIUM", "high": "HIGH", "urgent": "HIGH"}


def pieces(export: Export) -> list[Piece]:
    """Return a note, more where one does not hold it all, and the tasks in batches of 100.

    The last piece after tasks tells which of them were refused.
    """
    to = wanted(export)
    notes = [Piece("note", {"properties": p, "to": to}) for p in _notes(export)]
    # What was cancelled is nobody's task; it stands in the note.
    actions = [a for a in export.report.actions if a.status != "cancelled"]
    tasks = (_task(action, export) for action in actions)
    made = [Piece("tasks", {"tasks": some, "to": to}) for some in _batches(tasks)]
    return [*notes, *made, *([Piece("refused", {})] if made else [])]


def _notes(export: Export) -> Iterator[dict[str, str]]:
    title, report = export.report.title[:300], export.report
    own = {k: v for k, v in export.extra.items() if k not in TARGETS}
    below = [*_about(report), *export.body]
    if export.transcript:
        below += [Block("heading", (Span("Transcript"),), 2), *export.transcript]
    room = MOST - len(to_html([_heading(title, 99, 99)])) * 2
    groups = split_blocks(below, room, lambda some: utf16(to_html(some))) or [()]
    for number, some in enumerate(groups, 1):
        html = to_html([_heading(title, number, len(groups)), *some])
        fixed = {"hs_note_body": html, **_at(report.start)}
        yield {**fixed, **export.fields.get("note", {}), **own}


def _heading(title: str, number: int, total: int) -> Block:
    part = f" ({number}/{total})" if total > 1 else ""
    return Block("heading", (Span(title + part),), 2)


def _about(report: Report) -> Iterator[Block]:
    for words in (when(report), people(report)):
        if words:
            yield Block("text", (Span(words),))
    for words, link in links(report):
        yield Block("text", (Span(words, link=link),))


def _task(action: Action, export: Export) -> dict[str, Any]:
    report, owner = export.report, action.owner
    about = [action.text if len(action.text) > 200 else "", f"{owner or ''}", report.title]
    lines = [Block("text", (Span(line),)) for line in about if line]
    lines += [
        Block("text", (Span(link, link=link),)) for link in (action.link, report.link) if link
    ]
    due = (
        datetime(action.due.year, action.due.month, action.due.day, 12, tzinfo=UTC)
        if action.due
        else report.end or report.start
    )  # noon: the same day nearly everywhere
    status = "COMPLETED" if action.status == "done" else "NOT_STARTED"
    return {"owner": owner.email if owner else "", "properties": {
        "hs_task_subject": action.text[:200], "hs_task_body": to_html(lines),
        "hs_task_status": status, "hs_task_priority": PRIORITY[action.priority],
        "hs_task_type": "TODO", **_at(due), **export.fields.get("task", {})}}  # fmt: skip


def _at(moment: datetime | None) -> Mapping[str, str]:
    """Both demand a time; without one of its own it is that of the writing."""
    return {"hs_timestamp": f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"} if moment else {}


def _batches(tasks: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    left = iter(tasks)
    while some := list(islice(left, BATCH)):
        yield some
