"""Finding things in a Salesforce org: by id, address or name, and who took part in a meeting."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from .. import errors as e
from ..records import Found
from ._salesforce_org import ID, Org, quoted, select


class Kind(NamedTuple):
    """What people look for: the prefix of its ids, the field that names it, and its details."""

    object: str
    prefix: str
    name: str
    details: tuple[str, ...]
    email: bool = False


KINDS: Mapping[str, Kind] = {
    "contact": Kind("Contact", "003", "Name", ("Email", "Title", "Account.Name"), True),
    "lead": Kind("Lead", "00Q", "Name", ("Email", "Company", "Status"), True),
    "account": Kind("Account", "001", "Name", ("Website", "Type")),
    "opportunity": Kind("Opportunity", "006", "Name", ("StageName", "CloseDate", "Account.Name")),
    "campaign": Kind("Campaign", "701", "Name", ("Type", "Status", "StartDate")),
    "user": Kind("User", "005", "Name", ("Email", "Username"), True),
    "task": Kind("Task", "00T", "Subject", ("Status", "ActivityDate")),
}
MOST = 20


def find(org: Org, kind: str, term: str) -> Iterator[Found]:
    """Yield what an id, an address or a part of a name means; newest first."""
    what = KINDS[kind]
    if ID.fullmatch(term) and term.startswith(what.prefix):
        where = f"Id = {quoted(term)}"
    elif what.email and "@" in term:
        where = f"Email = {quoted(term)}"
    else:
        where = f"{what.name} LIKE {quoted(term, like=True)}"
    source = f"{what.object} WHERE {where} ORDER BY LastModifiedDate DESC LIMIT {MOST}"
    for row in org.rows(select(["Id", what.name, *what.details], source)):
        told = {name: row.get(name) for name in what.details}
        details = {name: str(value) for name, value in told.items() if value not in (None, "")}
        id = row.need("Id")
        yield Found(kind, id, str(row.get(what.name) or ""), org.page(what.object, id), details)


def who(org: Org, given: str, emails: Sequence[str]) -> str:
    """Return the contact of the first address that has one, else its lead; "" for none."""
    if ID.fullmatch(given):
        return given
    wanted = [given] if given else list(emails)
    order = {email.lower(): place for place, email in enumerate(wanted)}
    for source in ("Contact WHERE Email", "Lead WHERE IsConverted = false AND Email"):
        found = [
            (order.get(row.need("Email").lower(), len(order)), row.need("Id"))
            for row in org.among(select(["Id", "Email"], source), map(quoted, wanted))
        ]
        if found:
            return min(found)[1]
    if given:
        raise e.InvalidInput(f"Salesforce: no contact or lead has the address {given}")
    return ""


def what(org: Org, given: str) -> str:
    """Return the id of the opportunity or account of this name; `InvalidInput` if it is not one."""
    if not given or ID.fullmatch(given):
        return given
    for object in ("Opportunity", "Account"):
        source = f"{object} WHERE Name = {quoted(given)} ORDER BY Id LIMIT 2"
        found = [row.need("Id") for row in org.rows(select(["Id"], source))]
        if len(found) == 1:
            return found[0]
        if found:
            raise e.InvalidInput(f"Salesforce: several {object} records are named {given}",
                                 hint="--set what=ID; mktool find salesforce")  # fmt: skip
    raise e.InvalidInput(f"Salesforce: no opportunity or account is named {given}",
                         hint="mktool find salesforce account NAME")  # fmt: skip


def owners(org: Org, emails: Sequence[str]) -> dict[str, str]:
    """Return the active users who have these addresses, by the address in lower case."""
    wanted = sorted({email.lower() for email in emails if re.search(r".@.", email)})
    query = select(["Id", "Email"], "User WHERE IsActive = true AND Email")
    found: dict[str, str] = {}
    for row in org.among(query, map(quoted, wanted)):
        found.setdefault(row.need("Email").lower(), row.need("Id"))
    return found
