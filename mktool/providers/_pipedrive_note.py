"""A meeting's report in Pipedrive: notes, and an activity for each action item.

https://developers.pipedrive.com/docs/api/v1/Notes and …/Activities (read 2026-11)
"""

from __future__ import annotations

import re
from typing import Any

from .. import errors as e
from ..report import Action, Export, Piece
from ..text.notes import notes, task

MOST = 90_000  # bytes of a note; Pipedrive refuses above 100,000
NUMBER, LEAD = r"[1-9]\d*", r"[0-9a-fA-F-]{36}"
TARGETS = {
    "person": ("an id or an address", rf"{NUMBER}|\S+@\S+"),
    "organization": ("an id", NUMBER), "deal": ("an id", NUMBER), "lead": ("an id", LEAD),
}  # fmt: skip
HINT = "say what it belongs to: --set person=ADDRESS, organization=ID, deal=ID or lead=ID"


def pieces(export: Export) -> list[Piece]:
    """Return a note, more where one does not hold it all, and the activities.

    The last piece after activities tells which of them were refused.
    """
    to, own = _targets(export), {k: v for k, v in export.extra.items() if k not in TARGETS}
    fields = {**export.fields.get("note", {}), **own}
    bodies = notes(export, MOST, _size)
    noted = [Piece("note", {"to": to, "html": html, "fields": fields}) for html in bodies]
    # What was cancelled is nobody's to do; it stands in the note.
    actions = [a for a in export.report.actions if a.status != "cancelled"]
    todo = [Piece("activity", {"to": to, **_activity(action, export)}) for action in actions]
    return [*noted, *todo, *([Piece("refused", {})] if todo else [])]


def _targets(export: Export) -> dict[str, Any]:
    """Return what a report is put on: what was asked for, else the first known participant."""
    to: dict[str, Any] = {}
    for name, (what, form) in TARGETS.items():
        text = export.extra.get(name, "").strip()
        if text and not re.fullmatch(form, text):
            hint = f"mktool find pipedrive {name} {text}"
            raise e.InvalidInput(f"Pipedrive: {name}={text}: not {what}", hint=hint)
        to |= {name: text} if text else {}
    everybody = [p.email for p in export.report.participants if "@" in p.email]
    if not to and not everybody:
        raise e.InvalidInput("Pipedrive: the report names nobody with an address", hint=HINT)
    return to or {"people": everybody}


def _activity(action: Action, export: Export) -> dict[str, Any]:
    urgency = "" if action.priority == "normal" else f"Priority: {action.priority}"
    subject, html = task(action, export.report, urgency)
    due = {"due_date": str(action.due)} if action.due else {}
    done = action.status == "done"
    return {"body": {"subject": subject, "type": "task", "done": done, "note": html, **due},
            "owner": action.owner.email if action.owner else "",
            "fields": dict(export.fields.get("task", {}))}  # fmt: skip


def _size(html: str) -> int:
    return len(html.encode(errors="replace"))
