"""Writing notes and tasks to Zoho CRM, and finding them again in its own lists."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .. import errors as e
from ..http.reply import Reply
from ..model import Posted
from ..records import Written
from ..report import Piece
from ._zoho_crm import LIST, PAGE, Crm
from ._zoho_find import parents, parents_of
from ._zoho_records import INSERT, outcomes
from ._zoho_values import typed

SKEW = 300.0  # seconds that clocks may differ
WHERE = e.Context("zoho", operation="export")
TEXT = {"Notes": "Note_Content", "Tasks": "Description"}
Json = dict[str, Any]


def write(crm: Crm, piece: Piece, before: Sequence[Posted]) -> Posted:
    """Write a piece; the last one only says what was refused of those before, which are written
    and stay."""
    if piece.kind == "note":
        return _write_note(crm, piece, before)
    if piece.kind == "tasks":
        return _write_tasks(crm, piece, before[0])
    why = [f"{what}: {words}" for one in before
           for what, words in json.loads(one.ref.get("refused", "{}")).items()]  # fmt: skip
    if why:
        more = f" and {len(why) - 3} more" if len(why) > 3 else ""
        words = f"the rest is written, but not {'; '.join(why[:3])}{more}"
        hint = "make them in Zoho CRM; mktool outbox tells how to say so"
        raise e.Rejected(words, WHERE, hint=hint)
    return Posted(before[0].id, before[0].url)


def locate(crm: Crm, piece: Piece, before: Sequence[Posted], since: float) -> Posted | None:
    """Return a piece by the mark in its text; lists, unlike searches, show at once what was
    written."""
    if piece.kind == "refused":
        return None  # nothing is written by it
    module = "Notes" if piece.kind == "note" else "Tasks"
    pattern = re.compile(re.escape(f"[mktool {piece.token}") + r" (\d+)\]")
    found: dict[int, Reply] = {}
    for row in _newest(crm, module, since):
        if mark := pattern.search(str(row.get(TEXT[module]) or "")):
            found[int(mark[1]) - 1] = row
    if not found:
        return None
    first = found[min(found)].need("id")
    if module == "Notes":
        kept = parents_of(crm, before[0]) if before else _parents(found)
        return Posted(first, "", {"parents": json.dumps(kept)})
    rows = enumerate(piece.body["rows"])
    missing = {_name(row): "it is not there" for place, row in rows if place not in found}
    return Posted(first, crm.page(module, first), {"refused": json.dumps(missing)})


def _parents(found: Mapping[int, Reply]) -> list[tuple[str, str]]:
    rows = [found[place] for place in sorted(found)]
    return [(row.need("Parent_Id.module.api_name"), row.need("Parent_Id.id")) for row in rows]


def _write_note(crm: Crm, piece: Piece, before: Sequence[Posted]) -> Posted:
    """Write the same note to each record, by one request."""
    body = piece.body
    places = (parents_of(crm, before[0]) if before
              else parents(crm, body["module"], body["id"], body["people"]))  # fmt: skip
    own = typed(crm.columns("Notes"), body["own"]) if body["own"] else {}
    data = [
        {**body["note"], **own,
         "Note_Content": _marked(body["note"]["Note_Content"], piece.token, n),
         "Parent_Id": {"module": {"api_name": module}, "id": id}}
        for n, (module, id) in enumerate(places)
    ]  # fmt: skip
    reply = crm.client.call(INSERT, "Notes", json={"data": data, "trigger": crm.trigger})
    done = outcomes(reply, len(data))
    kept = [place for place, one in zip(places, done, strict=False) if one.id]
    if not kept:
        raise _all_refused(done, reply)
    refused = {f"the note on {module} {id}": one.refusal.text or one.refusal.code
               for (module, id), one in zip(places, done, strict=False) if one.refusal}  # fmt: skip
    ref = {"parents": json.dumps(kept), "refused": json.dumps(refused)}
    first = next(one.id for one in done if one.id)
    return Posted(first, crm.page(*kept[0]), ref)


def _all_refused(done: Sequence[Written], reply: Reply) -> e.Rejected:
    why = next(one.refusal for one in done if one.refusal)
    return e.Rejected(why.text or why.code, reply.where._replace(vendor_code=why.code))


def _write_tasks(crm: Crm, piece: Piece, root: Posted) -> Posted:
    rows, own = piece.body["rows"], piece.body["own"]
    users = crm.users() if any(row["email"] for row in rows) else {}
    own = typed(crm.columns("Tasks"), own) if own else {}
    link = _link(*parents_of(crm, root)[0])
    data = [{**link, **_fields(row, users), **own} for row in rows]
    for place, task in enumerate(data):
        task["Description"] = _marked(str(task["Description"]), piece.token, place)
    reply = crm.client.call(INSERT, "Tasks", json={"data": data, "trigger": crm.trigger})
    done = outcomes(reply, len(data))
    first = next((one.id for one in done if one.id), root.id)
    refused = {_name(row): one.refusal.text or one.refusal.code
               for row, one in zip(rows, done, strict=False) if one.refusal}  # fmt: skip
    return Posted(first, crm.page("Tasks", first), {"refused": json.dumps(refused)})


def _name(row: Json) -> str:
    return f"“{row['fields']['Subject'][:40]}”"


def _link(module: str, id: str) -> Json:
    """Return how a task belongs to a record: a contact is who, anything else is what."""
    if module == "Contacts":
        return {"Who_Id": {"id": id}}
    return {"What_Id": {"id": id}, "$se_module": module}


def _fields(row: Json, users: Mapping[str, str]) -> Json:
    owner = users.get(row["email"].lower(), "")
    return {**row["fields"], **({"Owner": {"id": owner}} if owner else {})}


def _newest(crm: Crm, module: str, since: float) -> Iterator[Reply]:
    """Yield what was made after ``since``, newest first."""
    query = {"fields": f"id,Created_Time,{TEXT[module]}", "per_page": str(PAGE),
             "sort_by": "Created_Time", "sort_order": "desc"}  # fmt: skip
    query["fields"] += ",Parent_Id" if module == "Notes" else ""
    while True:
        page = crm.client.call(LIST, module, query=query)
        if not page.nothing:
            page.need("info.more_records")
        for row in page.each("data"):
            if row.moment("Created_Time") < since - SKEW:
                return
            yield row
        if page.get("info.more_records") is not True:
            return
        query["page_token"] = page.need("info.next_page_token")


def _marked(text: str, token: str, place: int) -> str:
    return f"{text}\n\n[mktool {token} {place + 1}]".lstrip()
