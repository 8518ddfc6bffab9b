"""A meeting's report as Salesforce has it: a task or an event, a file for what is too long for
it, and a task for each action item."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, timedelta
from typing import Any

from .. import errors as e
from ..model import Post
from ..report import Action, Export, Piece, Report
from ..spec import MB
from ..text import meeting
from ..text.document import split_text, to_plain
from ..text.runs import utf16

# Characters, as Java counts them; a description has 32,000, and a mark is added to it.
SUBJECT, ROOM = 255, 31_800
BATCH = 200
LARGEST = 25 * MB
STEERING = ("object", "who", "what")
GOES_ON = "\n\n… It goes on in the attached file {}."
STATUS = {"open": "Not Started", "done": "Completed", "cancelled": "Deferred"}
PRIORITY = {"urgent": "High", "high": "High", "low": "Low"}
# What is stated counts first, then these words, then a due date within three days of the meeting.
WORDS = (
    ("High", r"\b(urgent(ly)?|asap|critical|blocker|blocking|immediately)\b"),
    ("Low", r"\b(nice to have|some ?day|eventually|low priority|when (there is )?time)\b"),
)
ODD = re.compile(r"[^\w .-]+")  # in the name of a file
SOON = timedelta(days=3)
Json = dict[str, Any]


def pieces(export: Export) -> list[Piece]:
    """Return the meeting, its file if it is long, its action items, and those refused once more."""
    object, report = export.extra.get("object", "Task"), export.report
    if object not in ("Task", "Event"):
        raise e.InvalidInput(f"Salesforce: object is Task or Event, not {object[:40]}")
    told = to_plain([*meeting.below(report, export.body), *export.transcript])
    text = "\n\n".join(filter(None, (meeting.heading(report), told)))
    name = f"{ODD.sub(' ', report.title).strip()[:100] or 'Meeting'}.md"
    long = utf16(text) > ROOM
    if long:
        note = GOES_ON.format(name)
        text = split_text(text, ROOM - len(note), utf16)[0].rstrip() + note
    fields = {"Subject": report.title[:SUBJECT], "Description": text, **_when(report, object)}
    body = Post("", extra=export.extra).over(fields, without=STEERING)
    people = [person.email for person in report.participants if person.email]
    links = {"who": export.extra.get("who", ""), "what": export.extra.get("what", "")}
    own = dict(export.fields.get(object, {}))
    whole = {"object": object, "fields": body, "own": own, "people": people, **links}
    made = [Piece("meeting", whole)]
    if long:
        document = export.markdown or to_plain([*export.body, *export.transcript])
        if len(document.encode(errors="replace")) > LARGEST:
            raise e.Unsupported("Salesforce: more than 25 MB", hint="--no-transcript")
        made.append(Piece("file", {"name": name, "text": document}))
    return [*made, *_tasks(export, len(made))]


def _tasks(export: Export, first: int) -> Iterator[Piece]:
    """Yield the action items in batches, then, at the end, each batch's refused ones once more."""
    rows = [_task(action, export.report) for action in export.report.actions]
    own = dict(export.fields.get("Action", {}))
    batches = [{"rows": rows[n : n + BATCH], "own": own} for n in range(0, len(rows), BATCH)]
    yield from (Piece("tasks", batch) for batch in batches)
    yield from (Piece("refused", {**b, "of": first + n}) for n, b in enumerate(batches))


def _when(report: Report, object: str) -> Json:
    start = report.start
    if object == "Task":
        day = {"ActivityDate": start.date().isoformat()} if start else {}
        return {"Status": "Completed", **day}
    if start is None:
        raise e.InvalidInput("Salesforce: an event needs the start of the meeting",
                             hint="--set object=Task")  # fmt: skip
    end = report.end or start + timedelta(hours=1)
    times = {"StartDateTime": start, "EndDateTime": end}
    return {name: f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" for name, at in times.items()}


def _task(action: Action, report: Report) -> Json:
    owner = action.owner
    day = report.start.date() if report.start else None
    fields = {"Subject": action.text[:SUBJECT] or "Action item", "Status": STATUS[action.status],
              "Priority": priority(action, day),
              "Description": meeting.particulars(action, report, SUBJECT)[:ROOM]}  # fmt: skip
    if action.due:
        fields["ActivityDate"] = action.due.isoformat()
    return {"fields": fields, "email": owner.email if owner else ""}


def priority(action: Action, day: date | None) -> str:
    """Return High, Normal or Low: as stated, else by its words, else by how soon it is due."""
    if action.priority in PRIORITY:
        return PRIORITY[action.priority]
    for level, words in WORDS:
        if re.search(words, action.text, re.IGNORECASE):
            return level
    return "High" if day and action.due and action.due <= day + SOON else "Normal"
