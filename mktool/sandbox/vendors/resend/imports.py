"""Properties of Resend's contacts, and contacts that come as a table.

https://resend.com/docs/api-reference/contacts/create-contact-import (read 2026-11)
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from typing import Any

from ...fate import ADDRESS
from ...vendor import on, text_of
from ...wire import Call, Refusal, Reply, array, parsed
from ...world import World
from .broadcasts import Broadcasts
from .contacts import NAMES, Contact, Entry, require
from .desk import API, Shelf, refusal, stamp
from .message import wrong

LARGEST = 50_000_000  # bytes of a table
KEY = re.compile(r"[A-Za-z0-9_]{1,50}")
YES = ("true", "1", "yes")


class Imports(Broadcasts):
    """Tables are read at once: an import has ended when it is first asked about.

    A row fails whose address is none. A contact that is there keeps what no column tells.
    """

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.properties: Shelf[Entry] = Shelf()
        self.imports: Shelf[Entry] = Shelf()

    @on("POST", f"{API}/contact-properties")
    def create_property(self, call: Call) -> Reply:
        body = call.object() or {}
        if not KEY.fullmatch(text_of(body, "key")):
            self.admit(call)
            raise wrong("The `key` may hold letters, digits and underscores, at most 50.")
        if any(one.data["key"] == body["key"] for one in self.properties):
            self.admit(call)
            raise Refusal(refusal(409, "validation_error", "This property already exists."))
        return self._create(call, "contact_property", self.properties, "key", "type")

    @on("GET", f"{API}/contact-properties")
    def list_properties(self, call: Call) -> Reply:
        return self._list(call, self.properties)

    @on("POST", f"{API}/contacts/imports")
    def create_import(self, call: Call) -> Reply:
        headers = self.admit(call)
        file = call.files.get("file")
        if file is None:
            raise Refusal(refusal(422, "missing_required_field", "Missing `file` field."))
        if len(file.data) > LARGEST:
            raise wrong("The file is larger than 50MB.")
        columns = self._columns(parsed(call.form.get("column_map", "{}")) or {})
        segments = {
            self.segments.get(text_of(row, "id")).id
            for row in array(call.form.get("segments", "[]")) or []
            if isinstance(row, dict)
        }
        upsert = call.form.get("on_conflict", "skip") == "upsert"
        counts = {"total": 0, "created": 0, "updated": 0, "skipped": 0, "failed": 0}
        for row in csv.DictReader(io.StringIO(file.data.decode(errors="replace"), newline="")):
            counts["total"] += 1
            counts[self._import(row, columns, segments, upsert=upsert, now=call.now)] += 1
        data = {"status": "completed", "completed_at": stamp(call.now), "counts": counts}
        made = self.imports.add(Entry(self.made(), call.now, data))
        return Reply(201, json={"object": "contact_import", "id": made.id}, headers=headers)

    @on("GET", f"{API}/contacts/imports/{{id}}")
    def get_import(self, call: Call) -> Reply:
        return self._get(call, "contact_import", self.imports)

    def _columns(self, told: Mapping[str, Any]) -> dict[str, str]:
        """Return the column of each field; refuses properties that there are not."""
        columns = {name: text_of(told, name) for name in ("email", *NAMES, "unsubscribed")}
        properties = told.get("properties")
        known = {one.data["key"] for one in self.properties}
        for key, mapping in (properties if isinstance(properties, dict) else {}).items():
            if key not in known or not isinstance(mapping, dict):
                raise wrong(f"There is no property `{key}`.")
            columns[f"properties.{key}"] = require(mapping, "column")
        columns["email"] = columns["email"] or "email"
        return {field: column for field, column in columns.items() if column}

    def _import(
        self, row: Mapping[str, Any], columns: Mapping[str, str], segments: set[str], *,
        upsert: bool, now: float,
    ) -> str:  # fmt: skip
        """Take one row in and return under which count it falls."""
        told = {field: str(row.get(column) or "") for field, column in columns.items()}
        email = told.pop("email")
        if not ADDRESS.fullmatch(email):
            return "failed"
        contact = self.emails_of.get(email)
        if contact is not None and not upsert:
            return "skipped"
        ending = "updated" if contact else "created"
        if contact is None:
            contact = self.contacts.add(Contact(self.made(), email, now))
            self.emails_of[email] = contact
        properties = dict(contact.data.get("properties") or {})
        for field, value in told.items():
            if field.startswith("properties."):
                properties[field.removeprefix("properties.")] = value
            else:
                contact.data[field] = value.lower() in YES if field == "unsubscribed" else value
        contact.data["properties"] = properties
        contact.segments |= segments
        return ending
