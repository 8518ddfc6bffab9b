"""Microsoft Teams: a workflow answers 202 whatever becomes of the card."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from mktool.sandbox.server import Sandbox
from mktool.sandbox.vendors.teams import VENDOR

OLD = "prod-01.westus.logic.azure.com:443/workflows/w1/triggers/manual/paths/invoke"
NEW = ("default1.2f.environment.api.powerplatform.com/powerautomate/automations/direct/"
       "workflows/w2/triggers/manual/paths/invoke")  # fmt: skip
CU = NEW.replace("direct/", "direct/cu/07/")
SIGNED = "api-version=1&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=a%2Dsandbox-1"
TEXT = {"type": "TextBlock", "text": "Hello", "wrap": True}


def message(*body: Any, **card: Any) -> dict[str, Any]:
    content = {"$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
               "type": "AdaptiveCard", "version": "1.4", "body": list(body),
               "msteams": {"width": "Full"}, **card}  # fmt: skip
    kind = "application/vnd.microsoft.card.adaptive"
    attachment = {"contentType": kind, "contentUrl": None, "content": content}
    return {"type": "message", "attachments": [attachment]}


def send(sandbox: Sandbox, body: Any, path: str = OLD, query: str = SIGNED) -> httpx.Response:
    url = httpx.URL(f"{sandbox.url}/{path}").copy_with(query=query.encode())
    return httpx.post(url, json=body, trust_env=False)


@pytest.mark.parametrize("path", [OLD, NEW, CU])
def test_a_card_is_queued_and_posted(sandbox: Sandbox, path: str) -> None:
    facts = {"type": "FactSet", "facts": [{"title": "Owner", "value": "Ann"}]}
    link = {"type": "Action.OpenUrl", "title": "Open", "url": "https://a.example"}
    reply = send(sandbox, message(TEXT, facts, actions=[link]), path)
    assert (reply.status_code, reply.content) == (202, b"")
    (item,) = sandbox.world.inbox.items
    assert (item.kind, item.text, item.extra["state"]) == ("card", "Hello\nOwner Ann", "posted")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (message({"type": "TextBlock"}), "card.body[0] lacks text"),
        (message({"type": "Text", "text": "a"}), "unknown type 'Text'"),
        (message({**TEXT, "colour": "good"}), "has no colour"),
        (message({**TEXT, "color": "red"}), "is none of default"),
        (message({**TEXT, "wrap": "yes"}), "must be bool"),
        (message({"type": "Container", "items": [{"type": "Image"}]}), "items[0] lacks url"),
        (message(TEXT, actions=[{"type": "Action.OpenUrl"}]), "lacks url"),
        (message(TEXT, version="1.6"), "newer than 1.5"),
        (message({**TEXT, "text": "<at>Ann</at>"}), "mention"),
        (message(*[{**TEXT, "text": "x" * 1000}] * 28), "more than 28672"),
        ({"@type": "MessageCard", "text": "a"}, "type must be message"),
        ({"type": "message", "attachments": []}, "attachments"),
    ],
)
def test_what_fails_in_the_flow_is_queued_too(sandbox: Sandbox, body: Any, reason: str) -> None:
    assert send(sandbox, body).status_code == 202
    (item,) = sandbox.world.inbox.items
    assert item.kind == "failed in the flow"
    assert reason in item.extra["reason"]


@pytest.mark.parametrize(
    "query",
    [
        "",
        SIGNED.replace("%2F", "/"),
        SIGNED.replace("sandbox", "real"),
        SIGNED.replace("%2D", "-"),
        SIGNED + "&more=1",
    ],
)
def test_an_address_that_was_written_anew_is_not_signed(sandbox: Sandbox, query: str) -> None:
    assert send(sandbox, message(TEXT)).status_code == 202
    assert send(sandbox, message(TEXT), query=query).status_code == 401
    assert len(sandbox.world.inbox.items) == 1


def test_what_is_no_json_is_refused(sandbox: Sandbox) -> None:
    url = VENDOR.environment["MKTOOL_TEAMS_WEBHOOK_URL"].replace("https:/", sandbox.url)
    for mime in ("text/plain", "application/json"):
        reply = httpx.post(url, content=b"{", headers={"content-type": mime}, trust_env=False)
        assert reply.status_code == 400
    assert httpx.post(url, json=message(TEXT), trust_env=False).status_code == 202


def test_retired_connectors_and_unknown_workflows(sandbox: Sandbox) -> None:
    old = "a.webhook.office.com/webhookb2/1"
    assert send(sandbox, message(TEXT), old).status_code == 410
    assert send(sandbox, message(TEXT), "prod-01.westus.logic.azure.com/x").status_code == 404
