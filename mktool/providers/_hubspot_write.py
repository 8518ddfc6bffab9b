"""Notes and tasks written to HubSpot, and found again.

https://developers.hubspot.com/docs/guides/api/crm/associations/associations-v4 (read 2026-11)
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from .. import errors as e
from ..http.lookup import SKEW, Listed, find
from ..http.partly import all_taken, refusals
from ..model import Posted
from ..report import Piece
from ..spec import Endpoint
from ..text.compare import bare
from ._hubspot_crm import Crm, listed
from ._hubspot_push import outcomes
from ._hubspot_targets import HINT, Owners, Target, links, resolved

NOTE = Endpoint("note", "POST", "/crm/{}/{}/notes")
TASKS = Endpoint("tasks", "POST", "/crm/{}/{}/tasks/batch/create")
LINKED = Endpoint("associations", "GET", "/crm/{}/{}/{}/{}/associations/{}")
TYPES = {"contacts": "0-1", "companies": "0-2", "deals": "0-3"}
TEXT = {"notes": "hs_note_body", "tasks": "hs_task_subject"}
MOST = 2000  # notes of one record that are looked through


class Writer:
    """Writes the pieces of exports, and looks for lost ones."""

    def __init__(self, crm: Crm) -> None:
        self.crm, self.client = crm, crm.client
        self._owners = Owners(crm)

    def write(self, piece: Piece, before: Sequence[Posted]) -> Posted:
        if piece.kind == "refused":
            return all_taken(before, "hubspot", "tasks")
        to = self._targets(piece, before)
        if not to:  # a note on nobody is seen by nobody
            raise e.InvalidInput("HubSpot: nobody who took part is a contact", hint=HINT)
        return self._note(piece, to) if piece.kind == "note" else self._tasks(piece, to)

    def locate(
        self, piece: Piece, before: Sequence[Posted], since: float, known: frozenset[str]
    ) -> Posted | None:
        if piece.kind == "refused" or not (to := self._targets(piece, before)):
            return None  # nothing was sent
        others = {id for ids in (*known, *(p.id for p in before)) for id in ids.split(",")}
        if piece.kind == "tasks":
            return self._found_tasks(piece, to, since - SKEW, others)
        text = bare(piece.body["properties"][TEXT["notes"]])
        # Of the first note, on all: somebody may be a contact by now who was none when it was sent.
        items = self._listed("notes", to, to[:1] if before else to)
        return find(list(items), text, since, others, most=MOST)

    def _note(self, piece: Piece, to: Sequence[Target]) -> Posted:
        body = {
            "properties": {**_now(), **piece.body["properties"]},
            "associations": links("notes", to),
        }
        id = self.client.call(NOTE, *self.crm.at(), json=body).need("id")
        return self._posted(id, to)

    def _tasks(self, piece: Piece, to: Sequence[Target]) -> Posted:
        tasks, on = piece.body["tasks"], links("tasks", to)
        inputs = [{"properties": {**_now(), **self._owners.of(task["owner"]), **task["properties"]},
                   "associations": on, "objectWriteTraceId": str(number)}
                  for number, task in enumerate(tasks, 1)]  # fmt: skip
        reply = self.client.call(TASKS, *self.crm.at(), json={"inputs": inputs})
        subjects = {str(n): frozenset({_subject(task)}) for n, task in enumerate(tasks, 1)}
        done = outcomes(reply, subjects, TEXT["tasks"])
        ids = [row.id for row in done.values() if row.id]
        refused = [f"{_subject(tasks[int(number) - 1])}: {row.refusal.text or row.refusal.code}"
                   for number, row in done.items() if row.refusal]  # fmt: skip
        return self._posted(",".join(ids) or piece.token, to, refused)

    def _posted(self, id: str, to: Sequence[Target], refused: Sequence[str] = ()) -> Posted:
        (kind, record), account = to[0], self.client.options.get("account_id", "")
        page = f"https://app.hubspot.com/contacts/{account}/record/{TYPES[kind]}/{record}"
        url = f"{page}?engagement={id.partition(',')[0]}" if account else ""
        return Posted(id, url, {"to": json.dumps(to), **refusals(refused)})

    def _targets(self, piece: Piece, before: Sequence[Posted]) -> list[Target]:
        """Return the records it is put on: those of the first piece, so that all are together."""
        if before and "to" in before[0].ref:
            return [(kind, id) for kind, id in json.loads(before[0].ref["to"])]
        return resolved(self.crm, piece.body["to"])

    def _found_tasks(
        self, piece: Piece, to: Sequence[Target], since: float, known: set[str]
    ) -> Posted | None:
        there = self._listed("tasks", to, to[:1])
        fresh = [i for i in there if i.at >= since and i.posted.id not in known]
        wanted = {bare(_subject(task)): _subject(task) for task in piece.body["tasks"]}
        ours = {i.text: i.posted.id for i in fresh if i.text in wanted}
        if not ours:
            if fresh:
                raise e.Unsupported("other tasks were made meanwhile, and they may be these")
            return None
        lost = [
            f"{text}: not found after it was sent" for w, text in wanted.items() if w not in ours
        ]
        return self._posted(",".join(ours.values()), to, lost)

    def _listed(self, kind: str, to: Sequence[Target], on: Sequence[Target]) -> Iterator[Listed]:
        """Yield what stands on these records: a search would not show what is new."""
        ids = (id for target in on for id in islice(self._linked(kind, target), MOST))
        for item in self.crm.read(kind, ids, (TEXT[kind],)):
            text = bare(str(item.get(f"properties.{TEXT[kind]}") or ""))
            yield Listed(self._posted(item.need("id"), to), text, item.moment("createdAt"))

    def _linked(self, kind: str, target: Target) -> Iterator[str]:
        query = {"limit": "500"}
        while True:
            reply = self.client.call(LINKED, *self.crm.at(legacy="v4"), *target, kind, query=query)
            yield from (row.need("toObjectId") for row in listed(reply))
            if not (after := str(reply.get("paging.next.after") or "")):
                return
            query["after"] = after


def _subject(task: Mapping[str, Any]) -> str:
    return str(task["properties"][TEXT["tasks"]])


def _now() -> dict[str, str]:
    return {"hs_timestamp": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"}
