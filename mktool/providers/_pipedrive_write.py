"""Notes and activities written to Pipedrive, and found again.

https://developers.pipedrive.com/docs/api/v1/Notes and …/Activities (read 2026-11)
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .. import errors as e
from ..http.lookup import SKEW, Listed, find
from ..http.partly import all_taken, refusals
from ..http.reply import Reply
from ..model import Posted
from ..report import Piece
from ..spec import Endpoint
from ..text.compare import bare
from ._pipedrive_crm import Crm, listed
from ._pipedrive_find import page
from ._pipedrive_note import HINT
from ._pipedrive_push import refusal
from ._pipedrive_values import typed

NOTE = Endpoint("note", "POST", "/v1/notes")
NOTES = Endpoint("notes", "GET", "/v1/notes")
ACTIVITY = Endpoint("activity", "POST", "/api/v2/activities")
ACTIVITIES = Endpoint("activities", "GET", "/api/v2/activities")
USERS = Endpoint("users", "GET", "/v1/users")
IDS = {"person": "person_id", "organization": "org_id", "deal": "deal_id", "lead": "lead_id"}
NEWEST = 100
INVITED = 20  # of those who took part, who are looked up to be participants of activities

Target = Mapping[str, str]
"""The ids of what it is put on, by kind: at most one of each."""


class Writer:
    """Writes the pieces of exports, and looks for lost ones."""

    def __init__(self, crm: Crm) -> None:
        self.crm, self.client = crm, crm.client
        self._owners: dict[str, int] | None = None
        self._persons: dict[str, list[str]] = {}

    def write(self, piece: Piece, before: Sequence[Posted]) -> Posted:
        if piece.kind == "refused":
            return all_taken(before, "pipedrive", "activities")
        to = next(self._targets(piece, before), None)
        if not to:
            raise e.InvalidInput("Pipedrive: nobody who took part is a person there", hint=HINT)
        if piece.kind == "note":
            ids = {IDS[kind]: _id(kind, id) for kind, id in to.items()}
            body = {"content": piece.body["html"], **ids, **_typed(piece.body["fields"])}
            return self._posted("note", self.client.call(NOTE, json=body), "data.id", to)
        reply = self.client.call(ACTIVITY, json=self._activity(piece, to))
        if no := refusal(reply):
            told = f"{piece.body['body']['subject']}: {no.text or no.code}"
            return Posted(piece.token, ref={"to": json.dumps(to), **refusals([told])})
        return self._posted("activity", reply, "data.id", to)

    def locate(
        self, piece: Piece, before: Sequence[Posted], since: float, known: frozenset[str]
    ) -> Posted | None:
        if piece.kind == "refused":
            return None  # nothing was sent
        items, cut = list[Listed](), False
        # On all that it may be put on: somebody may be known by now who was not when it was.
        for to in self._targets(piece, before):
            newest = self._newest(piece, to)
            items += newest
            cut |= len(newest) >= NEWEST and all(item.at >= since - SKEW for item in newest)
        text = piece.body["html"] if piece.kind == "note" else piece.body["body"]["subject"]
        others = known | {posted.id for posted in before}
        return find(items, bare(text), since, others, most=0 if cut else float("inf"))

    def _newest(self, piece: Piece, to: Target) -> list[Listed]:
        note = piece.kind == "note"
        (kind, id), *_ = to.items()
        query = {IDS[kind]: id, "limit": str(NEWEST)}
        newest = (
            {"sort": "add_time DESC"} if note else {"sort_by": "add_time", "sort_direction": "desc"}
        )
        reply = self.client.call(NOTES if note else ACTIVITIES, query={**query, **newest})
        name = "content" if note else "subject"
        return [Listed(self._posted(piece.kind, item, "id", to), bare(str(item.get(name) or "")),
                       item.moment("add_time")) for item in listed(reply)]  # fmt: skip

    def _targets(self, piece: Piece, before: Sequence[Posted]) -> Iterator[dict[str, str]]:
        """Yield what it is put on, which is the first: that of the piece before, so that all are
        together; else what was asked for, or any one who took part."""
        if before and "to" in before[0].ref:
            yield dict(json.loads(before[0].ref["to"]))
            return
        to = dict(piece.body["to"])
        if "people" in to:
            for email in to["people"]:
                yield from ({"person": id} for id in self._with(email))
            return
        if "@" in to.get("person", ""):
            found = self._with(to["person"])
            if not found:
                where = e.Context("pipedrive", operation="search")
                raise e.NotFound(f"there is no person with {to['person']}", where, hint=HINT)
            to["person"] = found[0]
        yield to

    def _activity(self, piece: Piece, to: Target) -> dict[str, Any]:
        ids = {IDS[kind]: _id(kind, id) for kind, id in to.items() if kind != "person"}
        if "person" in to:  # person_id is read only there
            invited = piece.body["to"].get("people", ())[:INVITED]
            others = (id for email in invited for id in self._with(email)[:1])
            ids["participants"] = [{"person_id": _id("person", id), "primary": id == to["person"]}
                                   for id in dict.fromkeys((to["person"], *others))]  # fmt: skip
        owner = self._owner(piece.body["owner"])
        return {**piece.body["body"], **ids, **owner, **_typed(piece.body["fields"])}

    def _with(self, email: str) -> list[str]:
        """Return the persons who have an address, each looked up once."""
        if email not in self._persons:
            self._persons[email] = self.crm.search("persons", "email", email)
        return self._persons[email]

    def _owner(self, email: str) -> dict[str, int]:
        """Return who is to do it: a user with that address, or whoever the token belongs to."""
        if not email:
            return {}
        if self._owners is None:
            rows = self.client.call(USERS).each("data")
            self._owners = {str(user.get("email")).lower(): _id("user", user.need("id"))
                            for user in rows if user.get("active_flag") is not False}  # fmt: skip
        id = self._owners.get(email.lower())
        return {"owner_id": id} if id else {}

    def _posted(self, kind: str, reply: Reply, path: str, to: Target) -> Posted:
        """A note and an activity may have the same id."""
        (where, record), *_ = to.items()
        url = page(self.client.options, where, record)
        return Posted(f"{kind}/{reply.need(path)}", url, {"to": json.dumps(dict(to))})


def _id(kind: str, id: str) -> Any:
    """Ids are numbers, but those of leads; that of a dry run is neither."""
    return int(id) if id.isdecimal() and kind != "lead" else id


def _typed(fields: Mapping[str, str]) -> dict[str, Any]:
    return {name: typed(text, "int" if name.endswith(("_id", "_flag")) else "")
            for name, text in fields.items()}  # fmt: skip
