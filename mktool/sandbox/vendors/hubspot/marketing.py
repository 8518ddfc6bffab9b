"""Campaigns, which hold what belongs to one and send nothing themselves.

https://developers.hubspot.com/docs/api-reference/marketing-campaigns-public-api-v3 (read 2026-11)
"""

from __future__ import annotations

from typing import Any

from ...inbox import Item, iso
from ...shelf import Shelf
from ...vendor import on, text_of, whole
from ...wire import Call, Refusal, Reply
from ...world import World
from .desk import PORTAL, Desk, api, body_of, correlation, listed, paging, problem

_PROPERTIES = frozenset(
    ["hs_name", "hs_start_date", "hs_end_date", "hs_notes", "hs_audience", "hs_currency_code",
     "hs_campaign_status", "hs_owner", "hs_utm", "hs_color_hex", "hs_budget_items_sum_amount"]
)  # fmt: skip


class Marketing(Desk):
    """The campaigns of the account."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._campaigns = Shelf(lambda data: [f"id={data['id']}", f"name={data['hs_name']}"])

    @on("GET", *api("marketing/campaigns", "marketing/v3/campaigns"))
    def campaigns(self, call: Call) -> Reply:
        self.admit(call, "marketing.campaigns.read")
        size, after = listed(call, 50, 100), whole(call.query.get("after") or "0")
        name = call.query.get("name", "").lower()
        rows: list[dict[str, Any]] = []
        last = after or 0
        for entry in self._campaigns.after(last):
            if entry.deleted or name not in entry.data["hs_name"].lower():
                continue
            if len(rows) == size:
                return Reply(json={"total": self._campaigns.alive, "results": rows,
                                   "paging": paging(call, last)})  # fmt: skip
            last = entry.id
            rows.append(_shown(entry.data, entry.created, entry.modified))
        return Reply(json={"total": self._campaigns.alive, "results": rows})

    @on("POST", *api("marketing/campaigns", "marketing/v3/campaigns"))
    def create_campaign(self, call: Call) -> Reply:
        self.admit(call, "marketing.campaigns.write")
        properties = body_of(call).get("properties")
        given = properties if isinstance(properties, dict) else {}
        name = text_of(given, "hs_name")
        unknown = sorted(given.keys() - _PROPERTIES)
        if not name or unknown:
            raise Refusal(problem(400, f"Property {(unknown or ['hs_name'])[0]} is not valid"))
        if self._campaigns.find(f"name={name}"):
            raise Refusal(problem(409, f"A campaign named {name} already exists"))
        id = self.world.number()
        data = {**given, "id": correlation(f"campaign {id}")}
        self._campaigns.add(id, data, call.now)
        self.world.inbox.add(
            Item(call.now, self.name, str(PORTAL), "campaign", data["id"], name)
        )  # fmt: skip
        return Reply(201, json=_shown(data, call.now, call.now))

    @on("GET", *api("marketing/campaigns", "marketing/v3/campaigns", "/{id}"))
    def one_campaign(self, call: Call) -> Reply:
        self.admit(call, "marketing.campaigns.read")
        found = self._campaigns.find(f"id={call.params['id']}")
        if not found:
            raise Refusal(problem(404, "Campaign does not exist"))
        entry = found[0]
        return Reply(json=_shown(entry.data, entry.created, entry.modified))


def _shown(data: dict[str, Any], made: float, changed: float) -> dict[str, Any]:
    properties = {name: value for name, value in data.items() if name != "id"}
    return {"id": data["id"], "properties": properties, "createdAt": iso(made),
            "updatedAt": iso(changed)}  # fmt: skip
