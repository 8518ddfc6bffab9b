"""The objects of the organization, their fields, and which value each of them takes.

https://developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/
(read 2026-11)
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from ...people import company, person
from ...shelf import Data
from .desk import Unfit

STAGES = ("Prospecting", "Qualification", "Proposal/Price Quote", "Negotiation/Review",
          "Closed Won", "Closed Lost")  # fmt: skip
_ADDRESS = re.compile(r"[^@\s<>\"(),;:]{1,64}@(?:[^@\s<>\"(),;:.]+\.)+[^@\s<>\"(),;:.]{2,}")
_LONGEST = {"string": 255, "picklist": 255, "email": 80, "phone": 40, "url": 255,
            "textarea": 32_000, "combobox": 255, "base64": 50_000_000}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Field:
    """A field; ``refers`` names the objects whose records a reference leads to."""

    name: str
    type: str
    length: int = 0
    required: bool = False
    external: bool = False
    readonly: bool = False
    refers: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name, "label": self.name, "type": self.type, "length": self.length,
            "nillable": not self.required and not self.readonly,
            "createable": not self.readonly, "updateable": not self.readonly,
            "externalId": self.external, "unique": self.external, "custom": "__c" in self.name,
            "idLookup": self.external or self.name in ("Id", "Email"),
            "referenceTo": list(self.refers), "defaultedOnCreate": False, "picklistValues": [],
            "relationshipName": self.name.removesuffix("Id") if self.refers else None,
        }  # fmt: skip

    def value(self, given: Any) -> Any:
        """Return a value as it is kept, or raise `Unfit`."""
        if given is None:
            return None
        if self.type in _LONGEST:
            return self._text(given)
        if self.type == "reference":
            return _reference(self.name, given)
        return _PARSERS[self.type](self.name, given)

    def _text(self, given: Any) -> str:
        if not isinstance(given, str):
            raise _unreadable(self.type, given)
        if len(given) > self.length:
            shown = given[: self.length]
            text = f"{self.name}: data value too large: {shown} (max length={self.length})"
            raise Unfit("STRING_TOO_LONG", text, self.name)
        if self.type == "email" and given and not _ADDRESS.fullmatch(given):
            text = f"{self.name}: invalid email address: {given}"
            raise Unfit("INVALID_EMAIL_ADDRESS", text, self.name)
        return given


def _unreadable(type: str, given: Any) -> Unfit:
    told = "VALUE_STRING" if isinstance(given, str) else "VALUE_NUMBER"
    text = f"Cannot deserialize instance of {type} from {told} value {given}"
    return Unfit("JSON_PARSER_ERROR", text)


def _reference(name: str, given: Any) -> str:
    if not isinstance(given, str) or not re.fullmatch(r"[0-9A-Za-z]{15}(?:...)?", given):
        raise Unfit("MALFORMED_ID", f"{name}: id value of incorrect type: {given}", name)
    return given


def _number(name: str, given: Any) -> float | int:
    if isinstance(given, str):
        try:
            given = float(given)
        except ValueError:
            raise _unreadable("double", given) from None
    if isinstance(given, bool) or not isinstance(given, (int, float)):
        raise _unreadable("double", given)
    return given


def _truth(name: str, given: Any) -> bool:
    if isinstance(given, str) and given.lower() in ("true", "false"):
        return given.lower() == "true"
    if not isinstance(given, bool):
        raise _unreadable("boolean", given)
    return given


def _day(name: str, given: Any) -> str:
    try:
        return date.fromisoformat(str(given)[:10]).isoformat()
    except ValueError:
        raise _unreadable("date", given) from None


def _moment(name: str, given: Any) -> str:
    seconds = moment(str(given))
    if seconds is None:
        raise _unreadable("datetime", given)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.000+0000"


_PARSERS = {"double": _number, "currency": _number, "int": _number, "boolean": _truth,
            "date": _day, "datetime": _moment}  # fmt: skip


def moment(text: str) -> float | None:
    """Return the epoch seconds of a date or a time, None for what is neither."""
    try:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


@dataclass(frozen=True, slots=True)
class Kind:
    """An object; ``prefix`` is what the ids of its records begin with."""

    name: str
    prefix: str
    fields: dict[str, Field]

    def field(self, name: str) -> Field | None:
        """Return a field by its name, in any case."""
        return self.fields.get(name.lower())

    @property
    def required(self) -> list[str]:
        return [field.name for field in self.fields.values() if field.required]

    @property
    def keys(self) -> list[str]:
        """What a record can be found by, besides its id."""
        fields = self.fields.values()
        return [f.name for f in fields if f.external or (f.type == "email" and not f.readonly)]

    def invented(self, number: int) -> Data:
        """Return the fields of an invented record."""
        who = person(number)
        named = {"FirstName": who.first, "LastName": who.last, "Email": who.email,
                 "Phone": who.phone}  # fmt: skip
        if self.name == "Contact":
            return named
        if self.name == "Lead":
            return {**named, "Company": who.company, "Status": "Open - Not Contacted"}
        if self.name == "Account":
            return {"Name": company(number), "Website": f"https://company{number}.example"}
        return {"Name": f"{company(number)} {number}", "StageName": STAGES[number % len(STAGES)],
                "CloseDate": "2026-12-31", "Amount": number % 1000 * 100}  # fmt: skip


# NAME[!][:TYPE[:LENGTH]]: "!" marks what is required, the type is "string" by default; of a
# reference the objects follow instead of a length.
_PERSON = ("Salutation:picklist FirstName:string:40 LastName!:string:80 Title:string:128 "
           "Email:email Phone:phone MobilePhone:phone LeadSource:picklist "
           "HasOptedOutOfEmail:boolean ")  # fmt: skip
_PLACE = "{0}Street:string {0}City:string:40 {0}State:string:80 {0}PostalCode:string:20 "
_ABOUT = "WhoId:reference:Contact,Lead WhatId:reference:Account,Opportunity,Campaign "
_OBJECTS = {
    "Account": ("001", "Name! Website:url Phone:phone Industry:picklist Type:picklist "
                "NumberOfEmployees:int AnnualRevenue:currency Description:textarea "
                "ParentId:reference:Account " + _PLACE.format("Billing")),
    "Contact": ("003", _PERSON + "AccountId:reference:Account Department:string:80 "
                "Birthdate:date Description:textarea " + _PLACE.format("Mailing")),
    "Lead": ("00Q", _PERSON + "Company! Status:picklist Website:url Industry:picklist "
             "Rating:picklist Description:textarea Street City:string:40 State:string:80 "
             "PostalCode:string:20 Country:string:80 AnnualRevenue:currency "
             "NumberOfEmployees:int IsConverted:boolean"),
    "Opportunity": ("006", "Name!:string:120 StageName!:picklist CloseDate!:date Amount:currency "
                    "AccountId:reference:Account CampaignId:reference:Campaign Type:picklist "
                    "Probability:double LeadSource:picklist NextStep Description:textarea"),
    "Campaign": ("701", "Name!:string:80 Type:picklist Status:picklist IsActive:boolean "
                 "StartDate:date EndDate:date Description:textarea BudgetedCost:currency "
                 "ActualCost:currency ExpectedRevenue:currency ParentId:reference:Campaign"),
    "CampaignMember": ("00v", "CampaignId!:reference:Campaign LeadId:reference:Lead "
                       "ContactId:reference:Contact Status:picklist HasResponded:boolean"),
    "Task": ("00T", "Subject:combobox Status:picklist Priority:picklist ActivityDate:date "
             "Description:textarea Type:picklist TaskSubtype:picklist IsReminderSet:boolean "
             "ReminderDateTime:datetime CallDurationInSeconds:int " + _ABOUT),
    "Event": ("00U", "Subject:combobox StartDateTime:datetime EndDateTime:datetime "
              "DurationInMinutes:int ActivityDateTime:datetime IsAllDayEvent:boolean "
              "Location Description:textarea Type:picklist " + _ABOUT),
    "User": ("005", "Username!:string:80 LastName!:string:80 FirstName:string:40 Email!:email "
             "Alias:string:8 IsActive:boolean Title:string:80"),
    "ContentVersion": ("068", "Title PathOnClient!:string:500 VersionData!:base64 "
                       "Description:textarea FirstPublishLocationId:reference:Account,Contact,"
                       "Lead,Opportunity,Campaign,Task,Event ContentDocumentId:reference:"),
}  # fmt: skip

# What a member of a campaign shows of the contact or lead that it is.
MIRRORED = {
    "LeadOrContactId": "reference", "CompanyOrAccount": "string", "Salutation": "picklist",
    "FirstName": "string", "LastName": "string", "Name": "string", "Title": "string",
    "Email": "email", "Phone": "phone", "MobilePhone": "phone", "LeadSource": "picklist",
    "HasOptedOutOfEmail": "boolean",
}  # fmt: skip


def kinds() -> dict[str, Kind]:
    """Return the objects by name in lower case."""
    return {name.lower(): _kind(name, prefix, spec) for name, (prefix, spec) in _OBJECTS.items()}


def _kind(name: str, prefix: str, spec: str) -> Kind:
    fields = [_field(word) for word in spec.split()]
    fields += [Field("External_Id__c", "string", 255, external=True),
               Field("OwnerId", "reference", 18, refers=("User",))]  # fmt: skip
    if name == "CampaignMember":
        fields += [Field(each, type, _LONGEST.get(type, 18), readonly=True)
                   for each, type in MIRRORED.items()]  # fmt: skip
    if name in ("Contact", "Lead", "User"):
        fields.append(Field("Name", "string", 121, readonly=True))
    own = {"Id": "id", "CreatedDate": "datetime", "LastModifiedDate": "datetime",
           "SystemModstamp": "datetime", "IsDeleted": "boolean", "CreatedById": "reference",
           "LastModifiedById": "reference"}  # fmt: skip
    fields += [Field(each, type, 18, readonly=True) for each, type in own.items()]
    return Kind(name, prefix, {field.name.lower(): field for field in fields})


def _field(word: str) -> Field:
    name, _, rest = word.partition(":")
    type, _, more = (rest or "string").partition(":")
    refers = tuple(more.split(",")) if type == "reference" else ()
    length = 18 if refers else int(more) if more else _LONGEST.get(type, 0)
    return Field(name.rstrip("!"), type, length, name.endswith("!"), refers=refers)


def describe(kind: Kind) -> dict[str, Any]:
    """Return what the vendor tells of an object."""
    return {**summary(kind), "childRelationships": [], "recordTypeInfos": [],
            "fields": [field.to_json() for field in kind.fields.values()]}  # fmt: skip


def summary(kind: Kind) -> dict[str, Any]:
    url = f"/services/data/v66.0/sobjects/{kind.name}"
    return {
        "name": kind.name, "label": kind.name, "labelPlural": f"{kind.name}s", "custom": False,
        "keyPrefix": kind.prefix, "createable": True, "updateable": True, "deletable": True,
        "queryable": True, "retrieveable": True, "searchable": True, "urls": {
            "sobject": url, "describe": f"{url}/describe", "rowTemplate": url + "/{ID}",
        },
    }  # fmt: skip
