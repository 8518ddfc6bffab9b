"""HubSpot's campaigns and lists, and who is in a list.

https://developers.hubspot.com/docs/guides/api/crm/lists/overview (read 2026-11)
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .. import errors as e
from ..http.reply import Reply
from ..records import Page, Record, Wish, text_of
from ..spec import Endpoint
from ._hubspot_crm import BATCH, Crm, listed, record

CAMPAIGNS = Endpoint("campaigns", "GET", "/marketing/{}/{}")
LISTS = Endpoint("lists", "POST", "/crm/{}/{}/search", True, exact=True)
MEMBERS = Endpoint("members", "GET", "/crm/{}/{}/{}/memberships")
ONE_LIST = Endpoint("one list", "GET", "/crm/{}/{}/{}")
PEOPLE = "0-1"  # the object type of contacts
CAMPAIGN = ("hs_name", "hs_start_date", "hs_end_date", "hs_notes", "hs_audience", "hs_owner",
            "hs_currency_code", "hs_campaign_status", "hs_utm", "hs_color_hex")  # fmt: skip


def campaigns(crm: Crm, wish: Wish) -> Iterator[Page]:
    """Yield campaigns, which have no search: what is older than the wish is passed over."""
    names, after = wish.fields or CAMPAIGN, wish.cursor
    while True:
        asked = {
            "limit": "100",
            "properties": ",".join(names),
            **({"after": after} if after else {}),
        }
        reply = crm.client.call(CAMPAIGNS, *crm.at("campaigns"), query=asked)
        after = str(reply.get("paging.next.after") or "")
        yield Page(_fresh([record(item, names) for item in listed(reply)], wish), after)
        if not after:
            return


def lists(crm: Crm, wish: Wish) -> Iterator[Page]:
    """Yield lists, whose only paging is by how many came before."""
    offset = int(wish.cursor or 0)
    while True:
        body: dict[str, Any] = {"query": "", "count": 500, "offset": offset,
                                "additionalProperties": ["hs_list_size"]}  # fmt: skip
        reply = crm.client.call(LISTS, *crm.at("lists"), json=body)
        rows, more = listed(reply, "lists"), reply.get("hasMore") is True
        offset += len(rows)
        found = [_group(row, wish.fields) for row in rows]
        yield Page(_fresh(found, wish), str(offset) if more and rows else "")
        if not (more and rows):
            return


def members(crm: Crm, id: str, names: tuple[str, ...]) -> Iterator[Record]:
    """Yield the contacts of a list."""
    about = crm.client.call(ONE_LIST, *crm.at("lists"), id)
    if about.need("list.objectTypeId") != PEOPLE:
        raise e.Unsupported(f"the list {id} does not hold contacts")
    names, after = names or crm.properties("contacts"), ""
    while True:
        asked = {"limit": str(BATCH), **({"after": after} if after else {})}
        reply = crm.client.call(MEMBERS, *crm.at("lists"), id, query=asked)
        ids = [row.need("recordId") for row in listed(reply)]
        yield from (record(item, names) for item in crm.read("contacts", ids, names))
        if not (after := str(reply.get("paging.next.after") or "")):
            return


def _group(row: Reply, names: tuple[str, ...]) -> Record:
    held = {**row.data, **row.object("additionalProperties")}
    held.pop("additionalProperties", None)
    values = {name: text_of(held.get(name)) for name in names or held}
    return Record(row.need("listId"), values, row.moment("updatedAt"))


def _fresh(records: list[Record], wish: Wish) -> list[Record]:
    return [r for r in records if wish.since is None or (r.modified or 0.0) >= wish.since]
