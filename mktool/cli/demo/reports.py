"""The part of the demo about reports: one meeting, written down where three teams work."""

from __future__ import annotations

import json

from ... import providers
from ...capability import CanExport, CanPull, CanThread
from ...sandbox import vendors
from ...sandbox.people import email
from .stage import Stage

PEOPLE = 20  # who are in the records already
KEY = "email"
LAG = 60.0  # seconds after which a vendor finds what it has just taken
_REPORT = {
    "version": 1,
    "title": "Launch review",
    "start": "2026-11-20T10:00:00+01:00",
    "end": "2026-11-20T10:45:00+01:00",
    "summary": "The launch goes out on **Tuesday**; the newsletter follows a day later.",
    "key_points": ["The page is ready", "The press kit lacks two pictures"],
    "decisions": ["Launch on Tuesday"],
}


def play(stage: Stage) -> None:
    places = _places()
    for name in places[1:]:
        kind = providers.load(name).spec.records[0]
        stage.fill(name, kind.object, PEOPLE)
    stage.title("A meeting's report, in three places at once")
    ada = {"name": "Ada", "email": email(1)}
    actions = [{"text": "Send the press kit", "owner": ada, "due": "2026-11-24",
                "priority": "high"}, {"text": "Order the pictures"}]  # fmt: skip
    report = {**_REPORT, "participants": [ada], "actions": actions}
    stage.write("review.json", json.dumps(report, indent=2))
    stage.mktool("export", "review.json", "--to", *places)
    stage.title("The same again? It is there already; and what was exported is on record")
    stage.mktool("export", "review.json", "--to", *places, expect=14)
    stage.mktool("export", "history")
    _records(stage, places[1])


def _records(stage: Stage, name: str) -> None:
    """Contacts read into a table, and written from a file."""
    kind = providers.load(name).spec.records[0].name
    stage.title("Records in both directions: who is there, who is new")
    stage.mktool("find", name, providers.load(name).spec.finds[0], email(1))
    stage.mktool("sync", name, kind, "--to", "sqlite:///crm.db")
    stage.write("new.csv", f"{KEY},firstname\nnew@example.com,Nora\n{email(2)},Changed\n")
    stage.mktool("sync", name, kind, "--from", "new.csv", "--dry-run")
    stage.mktool("sync", name, kind, "--from", "new.csv")
    stage.pass_time(LAG)
    stage.mktool("sync", name, kind, "--to", "sqlite:///crm.db")


def _places() -> list[str]:
    """Return one provider where people talk, and two that hold records, the first of them by
    e-mail."""
    known = [name for name in providers.names() if name in vendors.names()]
    able = [n for n in known if issubclass(providers.load(n), CanExport)]
    talk = [n for n in able if issubclass(providers.load(n), CanThread)]
    hold = [n for n in able if issubclass(providers.load(n), CanPull)]
    keyed = [n for n in hold if providers.load(n).spec.records[0].key == KEY]
    return [talk[0], keyed[0], next(n for n in hold if n != keyed[0])]
