"""Finding things in Zoho CRM: by id, address or word, and the records of who took part."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from .. import errors as e
from ..http.reply import Reply
from ..model import Posted
from ..records import Found
from ..spec import Endpoint
from ._zoho_crm import CRM, Crm

READ = Endpoint("read", "GET", f"{CRM}/{{}}/{{}}", exact=True)
ID = re.compile(r"\d{15,20}")
MOST = 100  # notes of one request


class Kind(NamedTuple):
    """What people look for: its module, the field that names it, and its details."""

    module: str
    name: str
    details: tuple[str, ...]


KINDS: Mapping[str, Kind] = {
    "lead": Kind("Leads", "Full_Name", ("Email", "Company", "Lead_Status")),
    "contact": Kind("Contacts", "Full_Name", ("Email", "Title")),
    "account": Kind("Accounts", "Account_Name", ("Website",)),
    "deal": Kind("Deals", "Deal_Name", ("Stage", "Closing_Date")),
}


def find(crm: Crm, kind: str, term: str) -> Iterator[Found]:
    """Yield what an id, an address or a word means."""
    what = KINDS[kind]
    fields = {"fields": ",".join(("id", what.name, *what.details))}
    if ID.fullmatch(term):
        rows: Iterable[Reply] = crm.client.call(READ, what.module, term, query=fields).each("data")
    else:
        query = {"email" if "@" in term else "word": term, **fields}
        rows = crm.search(what.module, query)
    for row in rows:
        told = {name: row.get(name) for name in what.details if row.get(name)}
        details = {name: str(value) for name, value in told.items()}
        id = row.need("id")
        yield Found(kind, id, str(row.get(what.name) or ""), crm.page(what.module, id), details)


def parents(crm: Crm, module: str, id: str, emails: Sequence[str]) -> list[tuple[str, str]]:
    """Return module and id of the records that a report belongs to: the one that was named, else
    the contacts, and leads, who have these addresses.

    Raises `InvalidInput` if there is none.
    """
    if id:
        return [(module, id)]
    found: dict[str, tuple[str, str]] = {}
    order = {email.casefold(): place for place, email in enumerate(emails)}
    for name in ("Contacts", "Leads"):
        missing = [email for email in emails if email.casefold() not in found]
        for row in crm.matching(name, "Email", missing, ("id", "Email")):
            found.setdefault(row.need("Email").casefold(), (name, row.need("id")))
    if not found:
        raise e.InvalidInput("Zoho CRM: nobody who took part is a contact or lead",
                             hint="--set module=Deals --set id=ID; mktool find zoho")  # fmt: skip
    first = sorted(found, key=lambda email: order.get(email, len(order)))
    return [found[email] for email in first[:MOST]]


def parents_of(crm: Crm, note: Posted) -> list[tuple[str, str]]:
    """Return module and id of the records that a note is on; of one that a person told the id
    of, it tells itself."""
    if "parents" in note.ref:
        return [(module, id) for module, id in json.loads(note.ref["parents"])]
    reply = crm.client.call(READ, "Notes", note.id, query={"fields": "Parent_Id"})
    return [(row.need("Parent_Id.module.api_name"), row.need("Parent_Id.id"))
            for row in reply.each("data")]  # fmt: skip
