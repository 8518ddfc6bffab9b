"""Writing a meeting and its action items to a Salesforce org, and finding them again."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any

from .. import errors as e
from ..http.reply import Reply
from ..model import Posted
from ..report import Piece
from ..spec import Endpoint
from ._salesforce_org import DATA, Org
from ._salesforce_people import owners, what, who
from ._salesforce_write import INSERT, outcomes, typed

CREATE = Endpoint("create", "POST", f"{DATA}/sobjects/{{}}", timeout=120.0)
LINKS = ("WhoId", "WhatId")
ROLLED_BACK = "ALL_OR_NONE_OPERATION_ROLLED_BACK"
Json = dict[str, Any]


def write(org: Org, piece: Piece, before: Sequence[Posted]) -> Posted:
    if piece.kind == "meeting":
        return _write_meeting(org, piece)
    if piece.kind == "file":
        return _write_file(org, piece, before[0])
    if piece.kind == "tasks":
        return _write_tasks(org, piece, before[0], range(len(piece.body["rows"])))
    first = before[piece.body["of"]]
    if not (places := refused_of(first)):
        return Posted(first.id, first.url)
    done = _write_tasks(org, piece, before[0], places, whole=True)
    return Posted(done.id, done.url)


def _write_meeting(org: Org, piece: Piece) -> Posted:
    body = piece.body
    object, target = body["object"], what(org, body["what"])
    person = who(org, body["who"], body["people"])
    if target and person.startswith("00Q"):  # a lead stands beside no account
        person = ""
    pairs = zip(LINKS, (person, target), strict=True)
    links = {name: id for name, id in pairs if id}
    own = typed(org.columns(object), body["own"]) if body["own"] else {}
    fields = {**links, **body["fields"], **own}
    fields["Description"] = _marked(str(fields["Description"]), piece.token)
    done = org.call(CREATE, object, json=fields)
    return Posted(done.need("id"), org.page(object, done.need("id")), links)


def _write_file(org: Org, piece: Piece, root: Posted) -> Posted:
    data = b64encode(piece.body["text"].encode("utf-8", "replace")).decode()
    name = piece.body["name"]
    body = {"Title": name, "PathOnClient": name, "VersionData": data,
            "Description": mark_of(piece.token), "FirstPublishLocationId": root.id}  # fmt: skip
    done = org.call(CREATE, "ContentVersion", json=body)
    return Posted(done.need("id"), org.page("ContentVersion", done.need("id")))


def _write_tasks(
    org: Org, piece: Piece, root: Posted, places: Sequence[int], *, whole: bool = False
) -> Posted:
    """Write these rows of a piece; with ``whole`` all of them or none, and `Rejected` says why."""
    rows, own = piece.body["rows"], piece.body["own"]
    users = owners(org, [rows[place]["email"] for place in places])
    own = typed(org.columns("Task"), own) if own else {}
    links = {name: id for name, id in root.ref.items() if name in LINKS}
    records = [{"attributes": {"type": "Task"}, **links, **_fields(rows[place], users), **own}
               for place in places]  # fmt: skip
    for place, record in zip(places, records, strict=True):
        record["Description"] = _marked(record["Description"], f"{piece.token} {place + 1}")
    reply = org.call(INSERT, json={"allOrNone": whole, "records": records})
    done = outcomes(reply, len(places), created=True)
    refused = {place: one.refusal for place, one in zip(places, done, strict=False) if one.refusal}
    if whole and refused:
        raise _rejected(rows, refused, reply)
    first = next((one.id for one in done if one.id), root.id)
    return Posted(first, org.page("Task", first), {"refused": json.dumps(sorted(refused))})


def _rejected(rows: Sequence[Json], refused: Mapping[int, Any], reply: Reply) -> e.Rejected:
    why = [f"“{rows[place]['fields']['Subject'][:40]}”: {one.text or one.code}"
           for place, one in refused.items() if one.code != ROLLED_BACK]  # fmt: skip
    more = f" and {len(why) - 3} more" if len(why) > 3 else ""
    return e.Rejected(f"action items were refused: {'; '.join(why[:3])}{more}", reply.where)


def refused_of(tasks: Posted) -> list[int]:
    """Return the places of the rows that were refused when the batch was written first."""
    return [int(place) for place in json.loads(tasks.ref.get("refused", "[]"))]


def _fields(row: Json, users: Mapping[str, str]) -> Json:
    owner = users.get(row["email"].lower(), "")
    return {**row["fields"], **({"OwnerId": owner} if owner else {})}


def mark_of(token: str) -> str:
    return f"[mktool {token}]"


def _marked(text: str, token: str) -> str:
    return f"{text}\n\n{mark_of(token)}".lstrip()
