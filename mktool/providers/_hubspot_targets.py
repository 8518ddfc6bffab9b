"""What a report is put on in HubSpot, and who owns its tasks.

https://developers.hubspot.com/docs/guides/api/crm/associations/associations-v4 (read 2026-11)
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .. import errors as e
from ..report import Export
from ..spec import Endpoint
from ._hubspot_crm import Crm

OWNERS = Endpoint("owners", "GET", "/crm/{}/{}")
CONTACT = Endpoint("contact", "GET", "/crm/{}/{}/contacts/{}")
# The ids that HubSpot itself defined for these links (page above, 2026-11).
LINKS = {"notes": {"contacts": 202, "companies": 190, "deals": 214},
         "tasks": {"contacts": 204, "companies": 192, "deals": 216}}  # fmt: skip
TARGETS = {"contacts": ("an address or an id", r"\d+|\S+@\S+"),
           "companies": ("a domain or an id", r"\d+|[^\s@]+\.[^\s@]+"),
           "deals": ("an id", r"\d+")}  # fmt: skip
HINT = "say what it belongs to: --set contacts=ADDRESS, companies=DOMAIN or deals=ID"

Target = tuple[str, str]
"""A kind of record, and its id."""


def wanted(export: Export) -> dict[str, list[str]]:
    """Return what a report is to be put on: what was asked for, else whoever took part."""
    to: dict[str, list[str]] = {}
    for name, (what, form) in TARGETS.items():
        to[name] = re.findall(r"[^,;\s]+", export.extra.get(name, ""))
        for text in to[name]:
            if not re.fullmatch(form, text):
                hint = f"mktool find hubspot {name.removesuffix('s')} {text}"
                raise e.InvalidInput(f"HubSpot: {name}={text}: not {what}", hint=hint)
    if not to["contacts"]:
        to["people"] = [p.email for p in export.report.participants if "@" in p.email]
    if not any(to.values()):
        raise e.InvalidInput("HubSpot: the report names nobody with an address", hint=HINT)
    return {name: list(dict.fromkeys(some)) for name, some in to.items() if some}


def resolved(crm: Crm, to: Mapping[str, Sequence[str]]) -> list[Target]:
    """Return the records themselves. Raises `NotFound` if one that was asked for is not there;
    of the people, those who are no contacts are left out."""
    return list(dict.fromkeys(_resolved(crm, to)))


def _resolved(crm: Crm, to: Mapping[str, Sequence[str]]) -> Iterator[Target]:
    for text in to.get("contacts", ()):
        by = {"idProperty": "email"} if "@" in text else {}
        yield "contacts", crm.client.call(CONTACT, *crm.at(), text, query=by).need("id")
    for item in crm.read("contacts", to.get("people", ()), ("email",), "email"):
        yield "contacts", item.need("id")
    for text in to.get("companies", ()):
        yield from [("companies", text)] if text.isdecimal() else _companies(crm, text)
    yield from (("deals", text) for text in to.get("deals", ()))


def _companies(crm: Crm, domain: str) -> list[Target]:
    """Return the companies with a domain: HubSpot does not keep those of its API from being two."""
    found = crm.search("companies", [("domain", "EQ", domain.lower())], ("domain",), limit=10)
    if not found:
        where = e.Context("hubspot", operation="search")
        raise e.NotFound(f"there is no company with the domain {domain}", where, hint=HINT)
    return [("companies", item.need("id")) for item in found]


class Owners:
    """The users of an account by address, each looked up once."""

    def __init__(self, crm: Crm) -> None:
        self.crm, self._ids = crm, dict[str, str]()

    def of(self, email: str) -> dict[str, str]:
        """Return the property that says whose a task is; none if nobody there has that address."""
        if email and email not in self._ids:
            query = {"email": email, "limit": "1"}
            reply = self.crm.client.call(OWNERS, *self.crm.at("owners"), query=query)
            self._ids[email] = next((owner.need("id") for owner in reply.each("results")), "")
        return {"hubspot_owner_id": self._ids[email]} if self._ids.get(email) else {}


def links(kind: str, to: Sequence[Target]) -> list[dict[str, Any]]:
    """Return the associations of a new note or task."""
    return [{"to": {"id": id}, "types": [{"associationCategory": "HUBSPOT_DEFINED",
                                          "associationTypeId": LINKS[kind][target]}]}
            for target, id in to]  # fmt: skip
