"""The modules of Zoho CRM: what their records must have, and of which type.

https://www.zoho.com/crm/developer/docs/api/v8/insert-records.html (read 2026-11)
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ...shelf import Data
from .desk import moment, outcome

FIRST = 4150868000000000000  # what ids begin with
EXTERNAL = "External_Id"  # a custom field of every module, set up to be unique
_ADDRESS = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")


@dataclass(frozen=True, slots=True)
class Module:
    """``required`` are its mandatory fields, ``check`` those that an upsert finds it by."""

    name: str
    required: tuple[str, ...]
    check: tuple[str, ...]
    fields: Mapping[str, str]
    label: str

    @property
    def first(self) -> int:
        """The number that its ids come after."""
        return FIRST + (1 + list(MODULES).index(self.name)) * 10_000_000_000


def _fields(text: str) -> dict[str, str]:
    """Return the types by field, from "type: field field; type: …"; a plain one is text."""
    found = {EXTERNAL: "text"}
    for group in text.split(";"):
        kind, _, names = group.partition(":")
        found |= dict.fromkeys(names.split(), kind.strip())
    return found


_PERSON = "email: Email Secondary_Email; boolean: Email_Opt_Out; textarea: Description; text: "
MODULES = {
    module.name: module
    for module in (
        Module("Leads", ("Last_Name",), ("Email",), _fields(
            f"{_PERSON} First_Name Last_Name Full_Name Company Designation Phone Mobile Fax Website"
            " Lead_Source Lead_Status Industry Rating Street City State Zip_Code Country Salutation"
            "; integer: No_of_Employees; currency: Annual_Revenue"), "Last_Name"),
        Module("Contacts", ("Last_Name",), ("Email",), _fields(
            f"{_PERSON} First_Name Last_Name Full_Name Title Department Phone Mobile Fax Home_Phone"
            " Lead_Source Mailing_Street Mailing_City Mailing_State Mailing_Zip Mailing_Country"
            " Salutation; date: Date_of_Birth; lookup Accounts: Account_Name"), "Last_Name"),
        Module("Accounts", ("Account_Name",), ("Account_Name",), _fields(
            "text: Account_Name Phone Fax Website Ticker_Symbol Account_Type Ownership Industry"
            " Account_Number Billing_Street Billing_City Billing_State Billing_Code"
            " Billing_Country; textarea: Description; integer: Employees; currency: Annual_Revenue;"
            "lookup Accounts: Parent_Account"), "Account_Name"),
        Module("Deals", ("Deal_Name", "Stage"), ("Deal_Name",), _fields(
            "text: Deal_Name Stage Type Next_Step Lead_Source Pipeline; textarea: Description;"
            "currency: Amount Expected_Revenue; date: Closing_Date; integer: Probability;"
            "lookup Accounts: Account_Name; lookup Contacts: Contact_Name;"
            "lookup Campaigns: Campaign_Source"), "Deal_Name"),
        Module("Campaigns", ("Campaign_Name",), ("Campaign_Name",), _fields(
            "text: Campaign_Name Type Status; textarea: Description; date: Start_Date End_Date;"
            "currency: Expected_Revenue Budgeted_Cost Actual_Cost; integer: Num_sent"
            " Expected_Response"), "Campaign_Name"),
        Module("Tasks", ("Subject",), ("Subject",), _fields(
            "text: Subject Status Priority; textarea: Description; date: Due_Date;"
            "lookup: Who_Id What_Id"), "Subject"),
        Module("Notes", ("Parent_Id",), (), _fields(
            "title: Note_Title; textarea: Note_Content; parent: Parent_Id"), "Note_Title"),
    )
}  # fmt: skip
_LONGEST = {"text": 255, "email": 100, "textarea": 32_000, "title": 120}
_EXPECTED = {"text": "text", "email": "email", "textarea": "text", "title": "text",
             "boolean": "boolean", "integer": "integer", "currency": "double", "date": "date",
             "lookup": "jsonobject", "parent": "jsonobject"}  # fmt: skip


INDEXED = ("Email", "Phone", "Mobile", "Website", EXTERNAL, "Account_Name", "Deal_Name",
           "Campaign_Name", "Subject")  # fmt: skip


def keys(data: Data) -> Iterator[str]:
    """Yield what a record can be found by, as "Field=value"."""
    for name in INDEXED:
        value = data.get(name)
        if isinstance(value, str) and value:
            yield f"{name}={value}"


def problem(module: Module, row: Data, path: str, *, whole: bool) -> Data | None:
    """Return what is wrong with a row, as it is told; ``whole``: mandatory fields must be there."""
    for name in module.required:
        empty = row.get(name) in (None, "")
        if empty and (whole or name in row):
            return outcome("MANDATORY_NOT_FOUND", "required field not found", "error",
                           api_name=name, json_path=f"{path}.{name}")  # fmt: skip
    for name, value in row.items():
        kind = module.fields.get(name, "").partition(" ")[0]
        if kind and value is not None:
            wrong = _wrong(kind, value)
            if wrong:
                return outcome("INVALID_DATA", "invalid data", "error", **wrong, api_name=name,
                               json_path=f"{path}.{name}")  # fmt: skip
    return None


def _wrong(kind: str, value: Any) -> dict[str, object]:
    if not _typed(kind, value):
        return {"expected_data_type": _EXPECTED[kind]}
    longest = _LONGEST.get(kind)
    if longest and len(value) > longest:
        return {"maximum_length": longest}
    return {}


def _typed(kind: str, value: Any) -> bool:
    if kind in ("lookup", "parent"):
        return isinstance(value, dict) and isinstance(value.get("id"), str)
    if kind == "boolean":
        return isinstance(value, bool)
    if kind in ("integer", "currency"):
        return isinstance(value, int if kind == "integer" else int | float) and value is not True
    if not isinstance(value, str):
        return False
    if kind == "date":
        return bool(re.fullmatch(r"\d{4}-\d\d-\d\d", value)) and bool(
            moment(f"{value}T00:00:00+00:00")
        )
    return kind != "email" or bool(_ADDRESS.fullmatch(value))
