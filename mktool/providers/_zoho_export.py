"""A meeting's report as Zoho CRM has it: notes on the records of who took part, and tasks."""

from __future__ import annotations

from typing import Any

from .. import errors as e
from ..model import Post
from ..report import Action, Export, Piece, Report
from ..text import meeting
from ..text.document import split_text, to_plain
from ..text.runs import utf16

TITLE, ROOM = 120, 30_000  # characters, an emoji as two; a mark is added to each note
BATCH = 100
STEERING = ("module", "id")
PRIORITY = {"urgent": "Highest", "high": "High", "normal": "Normal", "low": "Low"}
STATUS = {"open": "Not Started", "done": "Completed", "cancelled": "Deferred"}
Json = dict[str, Any]


def pieces(export: Export) -> list[Piece]:
    """Return the notes, the action items in batches, and a last word on what was refused."""
    report, extra = export.report, export.extra
    module, id = extra.get("module", ""), extra.get("id", "")
    if bool(module) != bool(id):
        raise e.InvalidInput("Zoho CRM: a record is named by module and id together",
                             hint="--set module=Deals --set id=ID")  # fmt: skip
    told = to_plain([*meeting.below(report, export.body), *export.transcript])
    text = "\n\n".join(filter(None, (meeting.heading(report), told)))
    parts = split_text(text, ROOM, utf16) or [report.title]
    notes = [_note(export, part, number, len(parts)) for number, part in enumerate(parts, start=1)]
    people = [person.email for person in report.participants if person.email]
    place: Json = {"module": module, "id": id, "people": people}
    made = [Piece("note", {**place, **notes[0]}), *(Piece("note", note) for note in notes[1:])]
    rows = [_task(action, report) for action in report.actions]
    own = dict(export.fields.get("Tasks", {}))
    made += [Piece("tasks", {"rows": rows[n : n + BATCH], "own": own})
             for n in range(0, len(rows), BATCH)]  # fmt: skip
    return [*made, Piece("refused", {})]


def _note(export: Export, text: str, number: int, count: int) -> Json:
    part = f" ({number}/{count})" if count > 1 else ""
    note = {"Note_Title": export.report.title[: TITLE - len(part)] + part, "Note_Content": text}
    data = Post("", extra=export.extra).over(note, without=STEERING)
    return {"note": data, "own": dict(export.fields.get("Notes", {}))}


def _task(action: Action, report: Report) -> Json:
    owner = action.owner
    fields = {"Subject": action.text[:255] or "Action item", "Status": STATUS[action.status],
              "Priority": PRIORITY[action.priority],
              "Description": meeting.particulars(action, report, 255)[:ROOM]}  # fmt: skip
    if action.due:
        fields["Due_Date"] = action.due.isoformat()
    return {"fields": fields, "email": owner.email if owner else ""}
