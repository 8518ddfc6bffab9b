"""A meeting's report in HubSpot: notes on the records of who was there, and tasks.

https://developers.hubspot.com/docs/guides/api/crm/engagements/notes and …/tasks (read 2026-11)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from ..report import Action, Export, Piece
from ..text.notes import notes, task
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
    bodies = notes(export, MOST, utf16)
    noted = [Piece("note", {"properties": _note(body, export), "to": to}) for body in bodies]
    # What was cancelled is nobody's task; it stands in the note.
    actions = [a for a in export.report.actions if a.status != "cancelled"]
    tasks = (_task(action, export) for action in actions)
    made = [Piece("tasks", {"tasks": some, "to": to}) for some in _batches(tasks)]
    return [*noted, *made, *([Piece("refused", {})] if made else [])]


def _note(html: str, export: Export) -> dict[str, str]:
    own = {name: text for name, text in export.extra.items() if name not in TARGETS}
    fields = export.fields.get("note", {})
    return {"hs_note_body": html, **_at(export.report.start), **fields, **own}


def _task(action: Action, export: Export) -> dict[str, Any]:
    report = export.report
    subject, html = task(action, report)
    due = report.end or report.start
    if action.due:  # noon: the same day nearly everywhere
        due = datetime(action.due.year, action.due.month, action.due.day, 12, tzinfo=UTC)
    return {"owner": action.owner.email if action.owner else "", "properties": {
        "hs_task_subject": subject, "hs_task_body": html, "hs_task_type": "TODO",
        "hs_task_status": "COMPLETED" if action.status == "done" else "NOT_STARTED",
        "hs_task_priority": PRIORITY[action.priority], **_at(due),
        **export.fields.get("task", {})}}  # fmt: skip


def _at(moment: datetime | None) -> Mapping[str, str]:
    """Both demand a time; without one of its own it is that of the writing."""
    return {"hs_timestamp": f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"} if moment else {}


def _batches(tasks: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    left = iter(tasks)
    while some := list(islice(left, BATCH)):
        yield some
