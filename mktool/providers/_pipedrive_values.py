"""The values of Pipedrive's records as text, and back into the types that version 2 demands.

https://pipedrive.readme.io/docs/pipedrive-api-v2-migration-guide (read 2026-11)
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from ..http.reply import Reply
from ..records import Record, number_of, text_of

LISTS = {"email": "emails", "phone": "phones"}
"""The main address and number, which are fields of ours: Pipedrive has lists of them."""
NUMBERS = frozenset({
    "int", "double", "user", "org", "people", "person", "deal", "lead", "stage", "pipeline",
    "enum", "visible_to", "product", "project", "activity", "monetary",
})  # fmt: skip
TEXTS = frozenset({"varchar", "varchar_auto", "text", "date", "time"})


OWN = re.compile(r"[0-9a-f]{40}")  # the code of a field that the user made
# The types of the fields that every company has; those of its own it is asked for.
TYPES = {
    **dict.fromkeys(("owner_id", "org_id", "organization_id", "person_id", "stage_id",
                     "pipeline_id", "visible_to", "probability", "channel"), "int"),
    **dict.fromkeys(("name", "title", "currency", "status", "lost_reason", "first_name",
                     "last_name", "origin_id", "channel_id"), "varchar"),
    **dict.fromkeys(("expected_close_date", "close_time", "won_time", "lost_time"), "date"),
    "value": "monetary", "label_ids": "set",
}  # fmt: skip


def record(item: Reply, names: tuple[str, ...]) -> Record:
    """Return a record: the user's own fields stand beside the others, by their codes."""
    id = item.need("id")
    changed = item.moment("update_time") if item.get("update_time") else None
    if item.get("is_deleted") is True or item.get("status") == "deleted":
        return Record(id, {}, changed, deleted=True)
    held = {**item.data, **item.object("custom_fields")}
    held.pop("custom_fields", None)
    held |= {one: _main(held[many]) for one, many in LISTS.items() if many in held}
    return Record(id, {name: text_of(held.get(name)) for name in names or held}, changed)


def body(values: Mapping[str, str | None], own: Mapping[str, str], old: Reply | None,
         *, nested: bool) -> dict[str, Any]:  # fmt: skip
    """Return values in the types of their fields; ``own`` are the types of the user's fields,
    which stand by themselves if ``nested``.

    ``old`` is the record as it is, whose further addresses and numbers are kept.
    """
    made: dict[str, Any] = {}
    custom: dict[str, Any] = {}
    for name, text in values.items():
        if name in LISTS:
            made[LISTS[name]] = _with_main(old.get(LISTS[name]) if old else None, text)
        elif nested and OWN.fullmatch(name):
            custom[name] = typed(text, own.get(name, ""))
        else:
            made[name] = typed(text, own.get(name) or TYPES.get(name, ""))
    return {**made, **({"custom_fields": custom} if custom else {})}


def typed(text: str | None, kind: str) -> Any:
    """Return a text as the JSON value that a field of this type holds."""
    if text is None or (text == "" and kind in NUMBERS):
        return None
    if kind == "set" and re.fullmatch(r"[\d, ]*", text):
        return [int(part) for part in re.findall(r"\d+", text)]
    if kind in NUMBERS and (number := number_of(text)) is not None:
        return number
    if kind not in TEXTS and (text[:1] in ("{", "[") or text in ("true", "false")):
        return _json(text)
    return text


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _rows(entries: Any) -> list[dict[str, Any]]:
    found = entries if isinstance(entries, list) else []
    return [row for row in found if isinstance(row, dict)]


def _main(entries: Any) -> Any:
    rows = _rows(entries)
    main = next((row for row in rows if row.get("primary") is True), rows[0] if rows else {})
    return main.get("value")


def _with_main(entries: Any, text: str | None) -> list[dict[str, Any]]:
    """Return a list with another main entry; those beside it stay."""
    beside = [
        row for row in _rows(entries) if row.get("primary") is not True and row.get("value") != text
    ]
    main = [{"value": text, "primary": True, "label": "work"}] if text else []
    return [*main, *beside]
