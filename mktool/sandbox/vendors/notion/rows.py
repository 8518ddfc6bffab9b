"""Properties of Notion: the values that a data source takes, and which rows a filter means.

https://developers.notion.com/reference/page-property-values and
/reference/filter-data-source-entries (read 2026-11)
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from . import text
from .desk import ident, invalid, made

Data = dict[str, Any]
SCHEMA: dict[str, str] = {
    "Name": "title", "Date": "date", "Status": "status", "Type": "select", "Tags": "multi_select",
    "Summary": "rich_text", "Link": "url", "Owner": "people", "Contact": "email",
    "Phone": "phone_number", "Count": "number", "Done": "checkbox", "Related": "relation",
    "Created": "created_time",
}  # fmt: skip
STATUSES = ("Not started", "In progress", "Done")
MANY = 100  # options, people or relations


def schema() -> Data:
    """Return the properties of a data source as the API shows them."""
    told: Data = {}
    for name, kind in SCHEMA.items():
        inner: Data = {}
        if kind == "status":
            inner = {"options": [option(word) for word in STATUSES], "groups": []}
        elif kind in ("select", "multi_select"):
            inner = {"options": []}
        elif kind == "number":
            inner = {"format": "number"}
        told[name] = {"id": identified(name), "name": name, "type": kind, kind: inner}
    return told


def identified(name: str) -> str:
    """Return the id of a property, which is "title" for the title."""
    return "title" if SCHEMA.get(name, "title") == "title" else made(f"property/{name}")[:4]


def option(name: str) -> Data:
    return {"id": made(f"option/{name}"), "name": name, "color": "default"}


def kept(given: Any, kinds: dict[str, str]) -> Data:
    """Return the values that were sent, as they are kept, or refuse them."""
    if not isinstance(given, dict):
        raise invalid("body.properties should be an object.")
    found: Data = {}
    ids = {identified(name): name for name in kinds}
    for name, value in given.items():
        known = name if name in kinds else ids.get(name)
        if known is None:
            raise invalid(f"{name} is not a property that exists.")
        found[known] = _value(value, kinds[known], f"body.properties.{name}")
    return found


def empty(kind: str) -> Any:
    """Return what a property holds that was never set."""
    if kind in ("title", "rich_text", "people", "multi_select", "relation"):
        return []
    return False if kind == "checkbox" else None


def _value(value: Any, kind: str, where: str) -> Any:
    if kind in ("title", "rich_text") and isinstance(value, list):
        return text.written(value, where)  # the short form
    if not isinstance(value, dict) or kind not in value:
        raise invalid(f"{where}.{kind} should be defined, instead was `undefined`.")
    inner, where = value[kind], f"{where}.{kind}"
    if inner is None:
        return empty(kind)
    return _KEPT[kind](inner, where)


def _number(value: Any, where: str) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise invalid(f"{where} should be a number.")
    return value


def _flag(value: Any, where: str) -> bool:
    if not isinstance(value, bool):
        raise invalid(f"{where} should be a boolean.")
    return value


def _select(value: Any, where: str) -> Data:
    name = value.get("name") if isinstance(value, dict) else None
    name = text.bounded(name, 100, f"{where}.name")
    if "," in name:
        raise invalid(f"{where}.name: Invalid select option, commas not allowed.")
    return option(name)


def _status(value: Any, where: str) -> Data:
    found = _select(value, where)
    if found["name"] not in STATUSES:
        raise invalid(f'{where}: Invalid status option. Status option "{found["name"]}" does not '
                      "exist.")  # fmt: skip
    return found


def _many(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise invalid(f"{where} should be an array.")
    if len(value) > MANY:
        raise invalid(f"{where}.length should be ≤ `{MANY}`, instead was `{len(value)}`.")
    return value


def _options(value: Any, where: str) -> list[Data]:
    return [_select(one, where) for one in _many(value, where)]


def _people(value: Any, where: str) -> list[Data]:
    ids = [ident(one.get("id")) if isinstance(one, dict) else "" for one in _many(value, where)]
    if not all(ids):
        raise invalid(f"{where}.id should be a valid uuid.")
    return [text.user(id) for id in ids]


def _relation(value: Any, where: str) -> list[Data]:
    return [{"id": one["id"]} for one in _people(value, where)]


def _date(value: Any, where: str) -> Data:
    if not isinstance(value, dict) or moment(value.get("start")) is None:
        raise invalid(f"{where}.start should be a valid ISO 8601 date string.")
    if value.get("end") is not None and moment(value["end"]) is None:
        raise invalid(f"{where}.end should be a valid ISO 8601 date string.")
    return {"start": value["start"], "end": value.get("end"), "time_zone": value.get("time_zone")}


def _refused(value: Any, where: str) -> Any:
    raise invalid(f"{where} is set by Notion.")


_KEPT: dict[str, Callable[[Any, str], Any]] = {
    "title": text.written, "rich_text": text.written, "number": _number, "checkbox": _flag,
    "select": _select, "status": _status, "multi_select": _options, "people": _people,
    "relation": _relation, "date": _date, "created_time": _refused,
    "url": lambda value, where: text.bounded(value, 2000, where),
    "email": lambda value, where: text.bounded(value, 200, where),
    "phone_number": lambda value, where: text.bounded(value, 200, where),
}  # fmt: skip


def moment(value: Any) -> float | None:
    """Return a date or a time as epoch seconds; without a zone it is in UTC."""
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value)
        return (found if found.tzinfo else datetime.fromisoformat(
            value + ("+00:00" if "T" in value else "T00:00:00+00:00"))).timestamp()  # fmt: skip
    except (ValueError, OverflowError):
        return None


def chosen(asked: Any, deep: int = 0) -> Callable[[Data], bool]:
    """Return the test of a filter; it is given the values by property, and times by name."""
    if not isinstance(asked, dict) or deep > 2:
        raise invalid("body.filter is not valid.")
    for word, every in (("and", all), ("or", any)):
        if word in asked:
            parts = [chosen(one, deep + 1) for one in _many(asked[word], f"body.filter.{word}")]
            return lambda row: every(part(row) for part in parts)
    name = asked.get("timestamp") or asked.get("property")
    names = {**{identified(n): n for n in SCHEMA}, **{n: n for n in SCHEMA}}
    times = ("created_time", "last_edited_time")
    field = name if name in times else names.get(name) if isinstance(name, str) else None
    if not isinstance(field, str):
        raise invalid(f"Could not find property with name or id: {str(name)[:40]}")
    kind = "date" if field in times else SCHEMA[field]
    inner = asked.get(field if field in times else kind)
    if not isinstance(inner, dict) or len(inner) != 1:
        raise invalid(f"body.filter.{kind} should be defined, instead was `undefined`.")
    ((condition, wanted),) = inner.items()
    test = _test(kind, condition, wanted)
    return lambda row: test(row.get(field))


def _test(kind: str, condition: str, wanted: Any) -> Callable[[Any], bool]:
    if condition in ("is_empty", "is_not_empty"):
        return lambda value: (value in (None, "", [])) is (condition == "is_empty")
    if condition in ("does_not_equal", "does_not_contain"):
        positive = _test(kind, condition.removeprefix("does_not_") + "s", wanted)
        return lambda value: not positive(value)
    if kind in ("date", "created_time"):
        return _dated(condition, wanted)
    if kind == "number" and condition in _NUMBERS:
        number = _number(wanted, "body.filter.number")
        compare = _NUMBERS[condition]
        return lambda value: value is not None and compare(value, number)
    if condition not in _TEXTS:
        raise invalid(f"body.filter.{kind}.{condition} should be not present.")
    compare = _TEXTS[condition]
    word = wanted if isinstance(wanted, bool) else str(wanted).lower()
    return lambda value: any(compare(one, word) for one in _plain(value))


def _plain(value: Any) -> list[Any]:
    """Return what a value is compared by: its text, or the name of each option."""
    if isinstance(value, list):
        if value and "plain_text" in value[0]:
            return [text.plain(value).lower()]
        return [str(one.get("name", one.get("id"))).lower() for one in value]
    if isinstance(value, dict):
        return [str(value["name"]).lower()]
    return [value.lower() if isinstance(value, str) else value]


_TEXTS: dict[str, Callable[[Any, Any], bool]] = {
    "equals": lambda a, b: a == b,
    "contains": lambda a, b: isinstance(a, str) and b in a,
    "starts_with": lambda a, b: isinstance(a, str) and a.startswith(str(b)),
    "ends_with": lambda a, b: isinstance(a, str) and a.endswith(str(b)),
}
_NUMBERS: dict[str, Callable[[Any, Any], bool]] = {
    "equals": lambda a, b: a == b, "greater_than": lambda a, b: a > b,
    "less_than": lambda a, b: a < b, "greater_than_or_equal_to": lambda a, b: a >= b,
    "less_than_or_equal_to": lambda a, b: a <= b,
}  # fmt: skip
_DATES: dict[str, Callable[[float, float], bool]] = {
    "equals": lambda a, b: a == b, "before": lambda a, b: a < b, "after": lambda a, b: a > b,
    "on_or_before": lambda a, b: a <= b, "on_or_after": lambda a, b: a >= b,
}  # fmt: skip


def _dated(condition: str, wanted: Any) -> Callable[[Any], bool]:
    at = moment(wanted)
    if condition not in _DATES or at is None:
        raise invalid(f"body.filter.date.{condition} is not valid.")
    compare = _DATES[condition]

    def test(value: Any) -> bool:
        start = moment(value["start"] if isinstance(value, dict) else value)
        return start is not None and compare(start, at)

    return test


def ordered(asked: Any) -> list[tuple[str, bool]]:
    """Return the properties to sort by, each with whether it is downwards."""
    found: list[tuple[str, bool]] = []
    for one in _many(asked, "body.sorts"):
        name = (one.get("property") or one.get("timestamp")) if isinstance(one, dict) else None
        if name not in (*SCHEMA, "created_time", "last_edited_time"):
            raise invalid(f"Could not find sort property with name or id: {str(name)[:40]}")
        found.append((str(name), one.get("direction") == "descending"))
    return found


def rank(value: Any) -> tuple[int, Any]:
    """Return what a value is sorted by; what is empty comes last."""
    if value in (None, [], ""):
        return (2, "")
    if isinstance(value, bool | int | float):
        return (0, value)
    if isinstance(value, dict) and "start" in value:
        return (1, value["start"])
    return (1, str(_plain(value)[0]))
