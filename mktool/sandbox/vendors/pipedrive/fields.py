"""What records of Pipedrive consist of, by the version 2 of its API, which is strict about types.

https://developers.pipedrive.com/docs/api/v1/Persons and its siblings (read 2026-11)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from ...shelf import Data

Check = Callable[[Any], bool]


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _whole(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2**53


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _flag(value: Any) -> bool:
    return isinstance(value, bool)


def _object(value: Any) -> bool:
    return isinstance(value, dict)


def _numbers(value: Any) -> bool:
    return isinstance(value, list) and all(map(_whole, value))


def _contacts(value: Any) -> bool:
    """Tell whether this is a list of e-mail addresses or phone numbers."""
    rules = {"value": _text, "primary": _flag, "label": _text}
    return isinstance(value, list) and all(
        isinstance(one, dict)
        and "value" in one
        and all(name in rules and rules[name](held) for name, held in one.items())
        for one in value
    )


def _people(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(one, dict) and _whole(one.get("person_id")) for one in value
    )


def _day(value: Any) -> bool:
    return isinstance(value, str) and bool(re.fullmatch(r"\d{4}-\d{2}-\d{2}", value))


def _time(value: Any) -> bool:
    return isinstance(value, str) and bool(
        re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)", value)
    )


def _status(value: Any) -> bool:
    return value in ("open", "won", "lost")


_ALL: dict[str, Check] = {"owner_id": _whole, "visible_to": _whole, "label_ids": _numbers,
                          "custom_fields": _object}  # fmt: skip
FIELDS: dict[str, dict[str, Check]] = {
    "persons": {**_ALL, "name": _text, "org_id": _whole, "emails": _contacts, "phones": _contacts,
                "marketing_status": _text},
    "organizations": {**_ALL, "name": _text, "address": _object},
    "deals": {**_ALL, "title": _text, "person_id": _whole, "org_id": _whole, "pipeline_id": _whole,
              "stage_id": _whole, "value": _number, "currency": _text,
              "is_archived": _flag, "archive_time": _time, "status": _status,
              "probability": _number, "lost_reason": _text, "close_time": _time, "won_time": _time,
              "lost_time": _time, "expected_close_date": _day},
    "activities": {"subject": _text, "type": _text, "owner_id": _whole, "deal_id": _whole,
                   "lead_id": _text, "org_id": _whole, "project_id": _whole, "due_date": _day,
                   "due_time": _text, "duration": _text, "busy": _flag, "done": _flag,
                   "location": _object, "participants": _people, "attendees": _numbers,
                   "public_description": _text, "priority": _whole, "note": _text},
}  # fmt: skip
REQUIRED = {"persons": "name", "organizations": "name", "deals": "title"}
LINKS = {"person_id": "persons", "org_id": "organizations", "deal_id": "deals"}
_EMPTY: dict[str, Data] = {
    "persons": {"name": "", "first_name": None, "last_name": None, "visible_to": 3,
                "custom_fields": {}, "owner_id": 1, "label_ids": [], "org_id": None,
                "is_deleted": False, "picture_id": None, "phones": [], "emails": []},
    "organizations": {"name": "", "visible_to": 3, "custom_fields": {}, "owner_id": 1,
                      "label_ids": [], "is_deleted": False, "address": None},
    "deals": {"title": "", "value": 0, "currency": "USD", "status": "open", "owner_id": 1,
              "creator_user_id": 1, "person_id": None, "org_id": None, "pipeline_id": 1,
              "stage_id": 1, "stage_change_time": None, "is_deleted": False, "is_archived": False,
              "archive_time": None, "probability": None, "lost_reason": None, "visible_to": 3,
              "close_time": None, "won_time": None, "lost_time": None, "label_ids": [],
              "expected_close_date": None, "custom_fields": {}, "origin": "API",
              "origin_id": None, "channel": None, "channel_id": None, "local_won_date": None,
              "local_lost_date": None, "local_close_date": None},
    "activities": {"subject": "", "type": "call", "owner_id": 1, "creator_user_id": 1,
                   "is_deleted": False, "deal_id": None, "lead_id": None, "person_id": None,
                   "org_id": None, "project_id": None, "due_date": None, "due_time": None,
                   "duration": None, "busy": False, "done": False, "marked_as_done_time": None,
                   "location": None, "participants": [], "attendees": [], "priority": None,
                   "conference_meeting_client": None, "conference_meeting_url": None,
                   "conference_meeting_id": None, "public_description": None, "note": None},
}  # fmt: skip


def problems(kind: str, body: Data) -> Iterator[str]:
    """Yield what is wrong with the members of a record that was sent; null empties one."""
    rules = FIELDS[kind]
    for name, value in body.items():
        if name not in rules:
            yield f"{name} is not allowed"
        elif value is not None and not rules[name](value):
            yield f"{name} has the wrong type"
    required = REQUIRED.get(kind, "")
    value = body.get(required, "?")
    if not isinstance(value, str) or not value.strip():
        yield f"{required} must not be empty"


def whole(kind: str, body: Data) -> Data:
    """Return a new record with all of its members."""
    made = {**_EMPTY[kind], **{name: value for name, value in body.items() if value is not None}}
    return derived(kind, made)


def derived(kind: str, data: Data) -> Data:
    """Return a record with the members that follow from others."""
    if kind == "persons":
        first, _, last = str(data["name"]).partition(" ")
        data |= {"first_name": first, "last_name": last or None}
    elif kind == "activities":
        data["subject"] = data["subject"] or data["type"].title()
    if data.get("participants"):
        people = data["participants"]
        chosen = next((one for one in people if one.get("primary")), people[0])
        data["person_id"] = chosen["person_id"]
    return data
