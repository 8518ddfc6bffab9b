"""The kinds of records, their properties, and which value each of them takes.

https://developers.hubspot.com/docs/api-reference/latest/crm/properties/guide (read 2026-11)
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ...people import company, person
from ...shelf import Data

LONGEST = 65_536  # characters of a value
OWNERS = {"1001": ("owner@sandbox.example", "Olive", "Owner"),
          "1002": ("sales@sandbox.example", "Sandy", "Seller")}  # fmt: skip
STAGES = ("appointmentscheduled", "qualifiedtobuy", "presentationscheduled",
          "decisionmakerboughtin", "contractsent", "closedwon", "closedlost")  # fmt: skip
_ADDRESS = re.compile(r"[^@\s<>\"(),;:]{1,64}@(?:[^@\s<>\"(),;:.]+\.)+[^@\s<>\"(),;:.]{2,}")
_LIFE = ("subscriber", "lead", "marketingqualifiedlead", "salesqualifiedlead", "opportunity",
         "customer", "evangelist", "other")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Property:
    """One property; ``type`` is the vendor's word. Nobody but HubSpot writes a ``readonly`` one."""

    name: str
    type: str = "string"
    label: str = ""
    options: tuple[str, ...] = ()
    readonly: bool = False
    unique: bool = False
    custom: bool = False

    def to_json(self) -> dict[str, Any]:
        fields = {"string": "text", "enumeration": "select", "datetime": "date",
                  "bool": "booleancheckbox"}  # fmt: skip
        options = [{"label": option, "value": option, "displayOrder": at, "hidden": False}
                   for at, option in enumerate(self.options)]  # fmt: skip
        return {
            "name": self.name, "label": self.label or self.name, "type": self.type,
            "fieldType": fields.get(self.type, self.type), "description": "",
            "groupName": "information", "options": options, "displayOrder": -1,
            "calculated": False, "externalOptions": False, "hasUniqueValue": self.unique,
            "hidden": False, "hubspotDefined": not self.custom, "archived": False,
            "formField": not self.readonly, "modificationMetadata": {
                "archivable": self.custom, "readOnlyDefinition": not self.custom,
                "readOnlyValue": self.readonly,
            },
        }  # fmt: skip

    def fault(self, value: str) -> tuple[str, str] | None:
        """Return code and words for a value that the property does not take."""
        if self.readonly:
            return "READ_ONLY_VALUE", f'"{self.name}" is a read only property'
        if len(value) > LONGEST:
            return "STRING_TOO_LONG", f"{self.name} has more than {LONGEST} characters"
        if not value or self.type == "string":
            wrong = self.name == "email" and value and not _ADDRESS.fullmatch(value)
            return ("INVALID_EMAIL", f"Email address {value} is invalid") if wrong else None
        if self.options and value not in self.options:
            return "INVALID_OPTION", f"{value} was not one of the allowed options"
        return _KINDS_OF_FAULTS.get(self.type, _no_fault)(value)


def _no_fault(value: str) -> tuple[str, str] | None:
    return None


def _number(value: str) -> tuple[str, str] | None:
    fine = re.fullmatch(r"-?\d+(\.\d+)?([eE][+-]?\d+)?", value)
    return None if fine else ("INVALID_NUMBER", f"{value} was not a valid number.")


def _moment(value: str) -> tuple[str, str] | None:
    return None if moment(value) is not None else ("INVALID_DATE", f"{value} was not a valid date.")


def _truth(value: str) -> tuple[str, str] | None:
    fine = value in ("true", "false")
    return None if fine else ("INVALID_OPTION", f"{value} was not one of: true, false")


_KINDS_OF_FAULTS = {"number": _number, "datetime": _moment, "date": _moment, "bool": _truth}


def moment(value: str) -> float | None:
    """Return the epoch seconds of a date: in milliseconds, or as ISO 8601."""
    if re.fullmatch(r"-?\d{1,15}", value):
        return int(value) / 1000
    try:
        found = datetime.fromisoformat(value)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


@dataclass(slots=True)
class Kind:
    """A type of record: ``name`` is that of its path, ``code`` that of its type.

    One of ``any_of`` must be set to create one, and all of ``needed``; ``shown`` is what is
    returned when nothing is asked for.
    """

    name: str
    one: str
    code: str
    first: int
    shown: tuple[str, ...]
    scope: str
    any_of: tuple[str, ...] = ()
    needed: tuple[str, ...] = ()
    unique: tuple[str, ...] = ()
    searched: tuple[str, ...] = ()
    properties: dict[str, Property] = field(default_factory=dict)

    @property
    def changed(self) -> str:
        """The property that tells when a record was changed: contacts have another one."""
        return "lastmodifieddate" if self.name == "contacts" else "hs_lastmodifieddate"

    @property
    def made(self) -> str:
        return "hs_createdate" if self.name in ("notes", "tasks", "leads") else "createdate"

    def invented(self, number: int) -> Data:
        """Return the properties of an invented record."""
        who = person(number)
        if self.name == "contacts":
            return {"email": who.email, "firstname": who.first, "lastname": who.last,
                    "company": who.company, "phone": who.phone, "lifecyclestage": "lead",
                    "hubspot_owner_id": "1001"}  # fmt: skip
        if self.name == "companies":
            return {"name": company(number), "domain": f"company{number}.example"}
        return {"dealname": f"{company(number)} {number}", "pipeline": "default",
                "dealstage": STAGES[number % len(STAGES)],
                "amount": str(number % 1000 * 100)}  # fmt: skip


def kinds() -> list[Kind]:
    """Return the kinds of an account that nobody has changed."""
    contacts = Kind(
        "contacts", "contact", "0-1", 50_000_000_000, ("email", "firstname", "lastname"),
        "contacts", ("email", "firstname", "lastname"), unique=("email",),
        searched=("email", "firstname", "lastname", "phone", "company"),
    )  # fmt: skip
    companies = Kind(
        "companies", "company", "0-2", 51_000_000_000, ("name", "domain"), "companies",
        ("name", "domain"), searched=("name", "domain", "phone", "website"),
    )  # fmt: skip
    deals = Kind(
        "deals", "deal", "0-3", 52_000_000_000,
        ("amount", "closedate", "dealname", "dealstage", "pipeline"), "deals",
        needed=("dealname", "dealstage"), searched=("dealname", "description"),
    )  # fmt: skip
    notes = Kind("notes", "note", "0-46", 53_000_000_000, (), "contacts", (), ("hs_timestamp",),
                 searched=("hs_note_body",))  # fmt: skip
    tasks = Kind("tasks", "task", "0-27", 54_000_000_000, (), "contacts", (), ("hs_timestamp",),
                 searched=("hs_task_subject", "hs_task_body"))  # fmt: skip
    leads = Kind("leads", "lead", "0-136", 55_000_000_000, ("hs_lead_name",), "leads", (),
                 ("hs_lead_name",), searched=("hs_lead_name",))  # fmt: skip
    every = [contacts, companies, deals, notes, tasks, leads]
    for kind in every:
        _describe(kind)
    return every


_STRINGS = {
    "contacts": "email firstname lastname phone mobilephone company jobtitle website address city "
                "state zip country salutation fax industry message twitterhandle hs_language "
                "hs_linkedin_url",
    "companies": "name domain phone website address city state zip country description about_us "
                 "linkedin_company_page",
    "deals": "dealname description dealtype closed_lost_reason hs_next_step",
    "notes": "hs_note_body hs_attachment_ids",
    "tasks": "hs_task_subject hs_task_body",
    "leads": "hs_lead_name",
}  # fmt: skip


def _describe(kind: Kind) -> None:
    found = [Property(name, unique=name in kind.unique) for name in _STRINGS[kind.name].split()]
    found += [Property("hubspot_owner_id", "enumeration", options=tuple(OWNERS))]
    found += _ENUMERATIONS.get(kind.name, [])
    found += [Property("hs_object_id", "number", readonly=True, unique=True),
              Property("hs_object_source", readonly=True),
              Property(kind.made, "datetime", readonly=True),
              Property(kind.changed, "datetime", readonly=True)]  # fmt: skip
    kind.properties = {each.name: each for each in found}


_ENUMERATIONS = {
    "contacts": [Property("lifecyclestage", "enumeration", options=_LIFE),
                 Property("hs_lead_status", "enumeration", options=(
                     "NEW", "OPEN", "IN_PROGRESS", "OPEN_DEAL", "UNQUALIFIED",
                     "ATTEMPTED_TO_CONTACT", "CONNECTED", "BAD_TIMING")),
                 Property("date_of_birth"), Property("annualrevenue")],
    "companies": [Property("lifecyclestage", "enumeration", options=_LIFE),
                  Property("annualrevenue", "number"), Property("numberofemployees", "number"),
                  Property("industry", "enumeration")],
    "deals": [Property("amount", "number"), Property("closedate", "datetime"),
              Property("pipeline", "enumeration", options=("default",)),
              Property("dealstage", "enumeration", options=STAGES)],
    "notes": [Property("hs_timestamp", "datetime")],
    "tasks": [Property("hs_timestamp", "datetime"),
              Property("hs_task_status", "enumeration", options=(
                  "NOT_STARTED", "IN_PROGRESS", "WAITING", "DEFERRED", "COMPLETED")),
              Property("hs_task_priority", "enumeration", options=(
                  "NONE", "LOW", "MEDIUM", "HIGH")),
              Property("hs_task_type", "enumeration", options=(
                  "EMAIL", "CALL", "TODO", "LINKED_IN"))],
    "leads": [Property("hs_lead_label", "enumeration", options=("WARM", "HOT", "COLD"))],
}  # fmt: skip
