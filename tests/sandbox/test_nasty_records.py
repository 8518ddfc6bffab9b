"""Nothing that is sent as a record, a page or a card makes the sandbox fail."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from mktool.sandbox import vendors
from mktool.sandbox.faults import Faults
from mktool.sandbox.vendors.notion.pages import HOME, SOURCE
from mktool.sandbox.vendors.teams.desk import QUERY
from mktool.sandbox.wire import Call, Refusal
from mktool.sandbox.world import World

from .test_nasty_mail import spoiled

FREE = dict.fromkeys(("pipedrive", "pipedrive tokens", "zoho credits", "notion"), 10**9)
HEADERS = {"authorization": "Bearer sandbox-1", "notion-version": "2026-03-11",
           "content-type": "application/json"}  # fmt: skip
RUN = {"type": "text", "text": {"content": "a", "link": {"url": "https://a.example"}},
       "annotations": {"bold": True}}  # fmt: skip
TODO = {"type": "to_do", "to_do": {"rich_text": [RUN], "checked": True, "children": [
    {"type": "table", "table": {"table_width": 1, "children": [
        {"type": "table_row", "table_row": {"cells": [[RUN]]}}]}}]}}  # fmt: skip
ROW = {"parent": {"type": "data_source_id", "data_source_id": SOURCE},
       "properties": {"Name": {"title": [RUN]}, "Date": {"date": {"start": "2026-11-21"}},
                      "Tags": {"multi_select": [{"name": "a"}]}, "Count": {"number": 1},
                      "Owner": {"people": [{"id": HOME}]}}}  # fmt: skip
QUERIED = {"filter": {"and": [{"property": "Count", "number": {"equals": 1}},
                              {"property": "Date", "date": {"before": "2026-11-21"}},
                              {"property": "Name", "title": {"contains": "a"}}]},
           "sorts": [{"property": "Count", "direction": "descending"}], "page_size": 2}  # fmt: skip
CARD = {"type": "message", "attachments": [{
    "contentType": "application/vnd.microsoft.card.adaptive", "content": {
        "type": "AdaptiveCard", "version": "1.4", "msteams": {"entities": [{"type": "mention"}]},
        "body": [{"type": "TextBlock", "text": "<at>a</at>"}, {"type": "ColumnSet", "columns": [
            {"type": "Column", "items": [{"type": "FactSet", "facts": [
                {"title": "a", "value": "b"}]}]}]}],
        "actions": [{"type": "Action.OpenUrl", "url": "https://a.example"}]}}]}  # fmt: skip
PERSON = {"name": "A", "org_id": None, "custom_fields": {"a": 1}, "label_ids": [1],
          "emails": [{"value": "a@b.example", "primary": True, "label": "work"}]}  # fmt: skip
LEAD = {"data": [{"Last_Name": "A", "Email": "a@b.example", "Annual_Revenue": 1, "id": "1",
                  "External_Id": "x", "Email_Opt_Out": True}],
        "duplicate_check_fields": ["Email"]}  # fmt: skip
PARENT = {"module": {"api_name": "Leads"}, "id": "1"}
SENT: list[tuple[str, str, Any]] = [
    ("pipedrive", "POST a.pipedrive.com/api/v2/persons", PERSON),
    ("pipedrive", "POST a.pipedrive.com/api/v2/activities",
     {"subject": "a", "participants": [{"person_id": 1}], "due_date": "2026-12-01"}),
    ("pipedrive", "POST a.pipedrive.com/v1/notes", {"content": "a", "person_id": 1, "lead_id": 1}),
    ("pipedrive", "POST a.pipedrive.com/v1/leads",
     {"title": "a", "person_id": 1, "value": {"amount": 1, "currency": "EUR"}}),
    ("zoho", "POST www.zohoapis.eu/crm/v8/Leads/upsert", LEAD),
    ("zoho", "PUT www.zohoapis.eu/crm/v8/Leads", LEAD),
    ("zoho", "POST www.zohoapis.eu/crm/v8/Notes", {"data": [{"Parent_Id": PARENT}]}),
    ("zoho", "POST www.zohoapis.eu/crm/v8/coql", {"select_query": "select id from Leads"}),
    ("notion", "POST api.notion.com/v1/pages", {**ROW, "children": [TODO]}),
    ("notion", f"POST api.notion.com/v1/data_sources/{SOURCE}/query", QUERIED),
    ("notion", f"PATCH api.notion.com/v1/blocks/{HOME}/children",
     {"children": [TODO], "position": {"type": "after_block", "after_block": {"id": HOME}}}),
    ("notion", "POST api.notion.com/v1/search",
     {"query": "a", "filter": {"value": "page"}, "sort": {"direction": "ascending"}}),
    ("notion", "POST api.notion.com/v1/comments",
     {"parent": {"page_id": HOME}, "rich_text": [RUN]}),
    ("teams", "POST a.logic.azure.com/workflows/w/triggers/manual/paths/invoke", CARD),
]  # fmt: skip


@pytest.mark.parametrize(("vendor", "route", "body"), SENT, ids=[route for _, route, _ in SENT])
def test_no_record_breaks_a_vendor(vendor: str, route: str, body: Any) -> None:
    world = World(time.time, Faults(), limits=FREE)
    method, _, path = route.partition(" ")
    bound = next(
        b for b in vendors.load(vendor)(world).bound()
        if b.route.method == method and b.match(path) is not None
    )  # fmt: skip
    for wrong in spoiled(body):
        call = Call(method, path, "http://127.0.0.1:1", time.time(), headers=HEADERS,
                    params=bound.match(path) or {}, raw_query=QUERY,
                    body=json.dumps(wrong).encode())  # fmt: skip
        try:
            reply = bound.handler(call)
        except Refusal as refusal:
            reply = refusal.reply
        assert reply.status < 500, wrong
        reply.content()
    assert all(item.to_json() for item in world.inbox.items)
