"""Mailchimp's audiences: who is in one, and what is known of them."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from .. import errors as e
from ..http.classify import printable
from ..http.client import Calls
from ..http.pages import by_offset
from ..http.reply import Reply
from ..message import Message, Receipt, Refusal
from ..spec import Endpoint

LISTS = Endpoint("lists", "GET", "/lists")
# People are added by address and fields by tag, so that adding them once more does no harm.
ENLIST = Endpoint("enlist", "POST", "/lists/{}", repeatable=True, timeout=120.0)
ADD_FIELD = Endpoint("add field", "POST", "/lists/{}/merge-fields", repeatable=True)
FIELDS = Endpoint("fields", "GET", "/lists/{}/merge-fields")
TAGS = Endpoint("tags", "GET", "/lists/{}/tag-search")
paged = partial(by_offset, size=1000, count="count")
KNOWN = "ERROR_CONTACT_EXISTS"
# Audiences begin with these: https://mailchimp.com/developer/marketing/docs/merge-fields (2026-11)
USUAL = {"email": "EMAIL", "first_name": "FNAME", "last_name": "LNAME", "unsubscribe": "UNSUB"}


def tag_of(column: str) -> str:
    """Return the merge tag of a column: at most 10 of A-Z, 0-9 and _."""
    if column.lower() in USUAL:
        return USUAL[column.lower()]
    tag = re.sub(r"\W", "", column, flags=re.ASCII).upper()
    if tag == column.upper() and len(tag) <= 10:
        return tag
    return f"{tag[:6]}{zlib.crc32(column.encode()) & 0xFFFF:04X}"


class Audience:
    """One audience of an account."""

    def __init__(self, client: Calls, id: str) -> None:
        """``id`` empty is the only audience there is; `InvalidInput` if there are several."""
        self.client, self.id = client, id or _only(client)
        self._tags: frozenset[str] | None = None

    def enlist(
        self, people: Sequence[Message], columns: Sequence[str], tag: str, status: str
    ) -> Receipt:
        """Add people and tag them; a newcomer gets ``status``, everybody else keeps his own.

        Refused is also who will get no campaign, because of that status.
        """
        tags = [tag_of(column) for column in columns]
        if len(set(tags)) < len(tags):
            raise e.InvalidInput(f"two of the columns {', '.join(columns)} have one merge tag",
                                 hint="rename one of them")  # fmt: skip
        self._have(dict(zip(tags, columns, strict=True)))
        # "tags" works here, though the reference only tells how "sync_tags" makes them replace the
        # others: github.com/DefinitelyTyped, types/mailchimp__mailchimp_marketing (2026-11).
        members = [
            {"email_address": one.to, "tags": [tag],
             "merge_fields": {t: v for t, v in zip(tags, one.values, strict=True) if t != "EMAIL"}}
            for one in people
        ]  # fmt: skip
        added = self._put([{**member, "status": status} for member in members], update=False)
        known = {_address(row) for row in added.each("errors") if row.get("error_code") == KNOWN}
        place = {one.to.lower(): position for position, one in enumerate(people)}
        refused = dict(_refused(added, place))
        # A "status" would subscribe again who has unsubscribed; "status_if_new" does not:
        # https://github.com/VingtCinq/python-mailchimp/issues/68
        if known:
            again = [{**member, "status_if_new": status} for member in members
                     if str(member["email_address"]).lower() in known]  # fmt: skip
            changed = self._put(again, update=True)
            refused = {n: why for n, why in refused.items() if why.code != KNOWN}
            refused |= dict(_refused(changed, place))
        return Receipt(refused=refused)

    def segment(self, tag: str) -> int:
        """Return the id of the people who have a tag; `InvalidInput` if nobody has it."""
        found = self.client.call(TAGS, self.id, query={"name": tag}).find("tags", name=tag)
        if found is None:
            raise e.InvalidInput("nobody was added to the audience: the campaign has no recipients")
        return int(found.number("id"))

    def _put(self, members: Sequence[Mapping[str, Any]], *, update: bool) -> Reply:
        body = {"members": members, "update_existing": update}
        # A field that the sign-up form demands must not keep out who has already agreed.
        query = {"skip_merge_validation": "true"}
        reply = self.client.call(ENLIST, self.id, json=body, query=query)
        reply.need("error_count")
        return reply

    def _have(self, wanted: Mapping[str, str]) -> None:
        """Add the fields that the audience lacks; asked once."""
        if self._tags is None:
            query = {"fields": "merge_fields.tag,total_items", "count": "1000"}
            reply = self.client.call(FIELDS, self.id, query=query)
            reply.need("total_items")
            self._tags = frozenset(
                {"EMAIL", *(row.need("tag") for row in reply.each("merge_fields"))}
            )
        for tag in [tag for tag in wanted if tag not in self._tags]:
            body = {"tag": tag, "name": wanted[tag], "type": "text", "public": False}
            self.client.call(ADD_FIELD, self.id, json=body)
            self._tags |= {tag}


def _only(client: Calls) -> str:
    reply = client.call(LISTS, query={"count": "2", "fields": "lists.id,total_items"})
    if reply.number("total_items") != 1:
        raise e.InvalidInput(
            "the account has several audiences, or none",
            hint="name one: list_id (Audience, Settings, Audience ID)",
        )
    return reply.need("lists.0.id")


def _refused(reply: Reply, place: Mapping[str, int]) -> Iterator[tuple[int, Refusal]]:
    for row in reply.each("errors"):
        if (position := place.get(_address(row))) is not None:
            code, text = str(row.get("error_code") or "refused"), str(row.get("error") or "")
            yield position, Refusal(code, printable(text))
    for row in (*reply.each("new_members"), *reply.each("updated_members")):
        status = row.need("status")
        if status != "subscribed" and (position := place.get(_address(row))) is not None:
            yield position, Refusal(status, "gets no campaigns, says the audience")


def _address(row: Reply) -> str:
    return row.need("email_address").lower()
