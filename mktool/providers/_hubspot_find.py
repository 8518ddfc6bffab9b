"""Things of HubSpot found by what people know of them.

https://developers.hubspot.com/docs/guides/api/crm/search (read 2026-11)
"""

from __future__ import annotations

from collections.abc import Iterator

from ..http.reply import Reply
from ..records import Found
from ..spec import Endpoint
from ._hubspot_crm import Crm, listed
from ._hubspot_targets import OWNERS

LISTS = Endpoint("lists", "POST", "/crm/{}/{}/search", True)
# Kind: the object, its type in addresses, its name, and what tells it from its like.
OBJECTS = {
    "contact": ("contacts", "0-1", ("firstname", "lastname", "email"), ("email", "company")),
    "company": ("companies", "0-2", ("name", "domain"), ("domain", "city")),
    "deal": ("deals", "0-3", ("dealname",), ("dealstage", "amount", "pipeline")),
}
KEYS = {"contact": "email", "company": "domain"}
MOST = 20


def find(crm: Crm, kind: str, term: str) -> Iterator[Found]:
    """Yield up to 20 that match an id, an address, a domain or words."""
    if kind == "owner":
        yield from _owners(crm, term)
    elif kind == "list":
        yield from _lists(crm, term)
    else:
        yield from _objects(crm, kind, term)


def _objects(crm: Crm, kind: str, term: str) -> Iterator[Found]:
    object, type, names, details = OBJECTS[kind]
    key = "hs_object_id" if term.isdecimal() else KEYS.get(kind, "")
    exact = term.isdecimal() or (key == "email" and "@" in term) or (
        key == "domain" and "." in term and " " not in term)  # fmt: skip
    filters = [(key, "EQ", term.lower())] if exact else []
    wanted = tuple(dict.fromkeys((*names, *details)))
    found = crm.search(object, filters, wanted, limit=MOST, query="" if exact else term)
    for item in found:
        parts = [str(item.get(f"properties.{name}") or "") for name in names]
        name = " ".join(parts[:2]).strip() if kind == "contact" else parts[0]
        shown = {n: str(v) for n in details if (v := item.get(f"properties.{n}"))}
        id = item.need("id")
        yield Found(kind, id, name or parts[-1], _url(crm, type, id), shown)


def _owners(crm: Crm, term: str) -> Iterator[Found]:
    query, words = {"limit": "500"}, term.lower()
    if "@" in term:
        query["email"] = term
    while True:
        reply = crm.client.call(OWNERS, *crm.at("owners"), query=query)
        for item in listed(reply):
            owner = _owner(item)
            if term in (owner.id, "") or words in f"{owner.name} {owner.details}".lower():
                yield owner
        if not (after := reply.get("paging.next.after")):
            return
        query["after"] = str(after)


def _owner(item: Reply) -> Found:
    name = f"{item.get('firstName') or ''} {item.get('lastName') or ''}".strip()
    email = str(item.get("email") or "")
    return Found("owner", item.need("id"), name or email, "", {"email": email})


def _lists(crm: Crm, term: str) -> Iterator[Found]:
    body = {"query": "" if term.isdecimal() else term, "count": MOST, "offset": 0,
            "additionalProperties": ["hs_list_size"],
            **({"listIds": [term]} if term.isdecimal() else {})}  # fmt: skip
    for row in listed(crm.client.call(LISTS, *crm.at("lists"), json=body), "lists"):
        shown = {"type": str(row.get("processingType") or ""),
                 "size": str(row.get("additionalProperties.hs_list_size") or "")}  # fmt: skip
        account, id = crm.client.options.get("account_id", ""), row.need("listId")
        url = f"https://app.hubspot.com/contacts/{account}/objectLists/{id}" if account else ""
        yield Found("list", id, row.need("name"), url, {k: v for k, v in shown.items() if v})


def _url(crm: Crm, type: str, id: str) -> str:
    account = crm.client.options.get("account_id", "")
    return f"https://app.hubspot.com/contacts/{account}/record/{type}/{id}" if account else ""
