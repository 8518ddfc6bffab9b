"""The account itself: its details, owners, properties and pipelines.

https://developers.hubspot.com/docs/api-reference/latest/crm/properties/guide and
https://developers.hubspot.com/docs/api-reference/latest/crm/owners/guide (read 2026-11)
"""

from __future__ import annotations

import re
from typing import Any

from ...inbox import iso
from ...vendor import on, text_of
from ...wire import Call, Refusal, Reply
from .desk import HOST, PORTAL, Desk, api, body_of, listed, paging, problem
from .kinds import OWNERS, STAGES, Property
from .objects import Objects, Store

OPENED = 1_780_000_000.0  # when the account was made
_TYPES = ("string", "number", "enumeration", "datetime", "date", "bool")
_DETAILS = (f"{HOST}/account-info/v3/details", f"{HOST}/account-info/2026-03/details")
_USAGE = (f"{HOST}/account-info/v3/api-usage/daily/private-apps",)


class Account(Objects):
    """What does not belong to one record."""

    @on("GET", *_DETAILS)
    def details(self, call: Call) -> Reply:
        self.admit(call, "oauth")
        return Reply(
            json={
                "portalId": PORTAL, "accountType": "STANDARD", "timeZone": "UTC",
                "companyCurrency": "USD", "additionalCurrencies": [], "utcOffset": "+00:00",
                "utcOffsetMilliseconds": 0, "uiDomain": "app.hubspot.com",
                "dataHostingLocation": "na1",
            }
        )  # fmt: skip

    @on("GET", *_USAGE)
    def usage(self, call: Call) -> Reply:
        self.admit(call)
        row = {"name": "private-apps-api-calls-daily", "usageLimit": 625_000, "currentUsage": 1,
               "collectedAt": iso(call.now), "fetchStatus": "SUCCESS",
               "resetsAt": iso(call.now + 86_400)}  # fmt: skip
        return Reply(json={"results": [row]})

    @on("GET", *api("crm/owners", "crm/v3/owners"), *api("crm/owners", "crm/v3/owners", "/"))
    def owners(self, call: Call) -> Reply:
        self.admit(call, "crm.objects.owners.read")
        email, size = call.query.get("email", "").lower(), listed(call, 100, 500)
        after = call.query.get("after", "")
        rows = [
            _owner(id) for id, (address, *_) in OWNERS.items()
            if email in ("", address) and id > after and call.query.get("archived") != "true"
        ]  # fmt: skip
        more = {"paging": paging(call, rows[size - 1]["id"])} if len(rows) > size else {}
        return Reply(json={"results": rows[:size], **more})

    @on("GET", *api("crm/owners", "crm/v3/owners", "/{id}"))
    def one_owner(self, call: Call) -> Reply:
        self.admit(call, "crm.objects.owners.read")
        if call.params["id"] not in OWNERS:
            raise Refusal(problem(404, "resource not found"))
        return Reply(json=_owner(call.params["id"]))

    @on("GET", *api("crm/properties", "crm/v3/properties", "/{type}"))
    def properties(self, call: Call) -> Reply:
        kind = self._schema(call, "read").kind
        return Reply(json={"results": [each.to_json() for each in kind.properties.values()]})

    @on("GET", *api("crm/properties", "crm/v3/properties", "/{type}/{name}"))
    def one_property(self, call: Call) -> Reply:
        found = self._schema(call, "read").kind.properties.get(call.params["name"])
        if found is None:
            raise Refusal(problem(404, f"Property {call.params['name']} does not exist"))
        return Reply(json=found.to_json())

    @on("POST", *api("crm/properties", "crm/v3/properties", "/{type}"))
    def create_property(self, call: Call) -> Reply:
        kind, body = self._schema(call, "write").kind, body_of(call)
        name, type = text_of(body, "name"), text_of(body, "type")
        absent = [need for need in ("name", "label", "type", "fieldType", "groupName")
                  if not text_of(body, need)]  # fmt: skip
        if absent or type not in _TYPES or not re.fullmatch("[a-z][a-z0-9_]*", name):
            raise Refusal(problem(400, f"Not a property: {', '.join(absent) or name or type}"))
        if name in kind.properties:
            raise Refusal(problem(409, f"A property named '{name}' already exists."))
        unique = body.get("hasUniqueValue") is True
        given = body.get("options")
        rows = given if isinstance(given, list) else []
        options = tuple(str(row.get("value")) for row in rows if isinstance(row, dict))
        label = text_of(body, "label")
        made = Property(name, type, label, options, unique=unique, custom=True)
        kind.properties[name] = made
        kind.unique += (name,) if unique else ()
        return Reply(201, json=made.to_json())

    @on("GET", *api("crm/pipelines", "crm/v3/pipelines", "/deals"))
    def pipelines(self, call: Call) -> Reply:
        self.admit(call, "crm.objects.deals.read")
        stages = [
            {"id": stage, "label": stage, "displayOrder": at, "archived": False,
             "createdAt": iso(OPENED), "updatedAt": iso(OPENED),
             "metadata": {"isClosed": str(stage.startswith("closed")).lower()}}
            for at, stage in enumerate(STAGES)
        ]  # fmt: skip
        row = {"id": "default", "label": "Sales Pipeline", "displayOrder": 0, "archived": False,
               "createdAt": iso(OPENED), "updatedAt": iso(OPENED), "stages": stages}  # fmt: skip
        return Reply(json={"results": [row]})

    def _schema(self, call: Call, act: str) -> Store:
        found = self._named.get(call.params["type"])
        scope = found.kind.scope if found else "contacts"
        more = (f"crm.objects.{scope}.read",) if act == "read" else ()
        Desk.admit(self, call, f"crm.schemas.{scope}.{act}", *more)
        if found is None:
            text = f"Unable to infer object type from: {call.params['type']}"
            raise Refusal(problem(400, text))
        return found


def _owner(id: str) -> dict[str, Any]:
    email, first, last = OWNERS[id]
    return {
        "id": id, "email": email, "type": "PERSON", "firstName": first, "lastName": last,
        "userId": int(id), "userIdIncludingInactive": int(id), "createdAt": iso(OPENED),
        "updatedAt": iso(OPENED), "archived": False,
    }  # fmt: skip
