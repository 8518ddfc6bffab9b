"""Mailchimp's campaigns, until they are sent."""

from __future__ import annotations

from typing import Any

from .. import errors as e
from ..http.classify import printable
from ..http.client import Calls
from ..message import Broadcast
from ..spec import Endpoint
from ._mailchimp_audience import Audience, paged

CAMPAIGNS = Endpoint("campaigns", "GET", "/campaigns")
CREATE = Endpoint("draft", "POST", "/campaigns")
CONTENT = Endpoint("content", "PUT", "/campaigns/{}/content")
CHECKLIST = Endpoint("checklist", "GET", "/campaigns/{}/send-checklist")
UNSENT = "save"


def draft(client: Calls, audience: Audience, broadcast: Broadcast) -> str:
    """Return the id of the campaign that has the token in its title, or of a new one.

    Raises `Rejected` with Mailchimp's words if it would not send it.
    """
    id, status = _found(client, audience, broadcast.token)
    if not id:
        body = broadcast.over(_body(audience, broadcast), without=("list_id",))
        reply = client.call(CREATE, json=body)
        id, status = reply.need("id"), UNSENT
    if status == UNSENT:  # what has left cannot be changed
        text = {"plain_text": broadcast.text} if broadcast.text else {}
        client.call(CONTENT, id, json={"html": broadcast.html, **text})
        _ready(client, id)
    return id


def _found(client: Calls, audience: Audience, token: str) -> tuple[str, str]:
    query = {"list_id": audience.id, "sort_field": "create_time", "sort_dir": "DESC",
             "fields": "campaigns.id,campaigns.status,campaigns.settings.title"}  # fmt: skip
    for one in paged(client, CAMPAIGNS, query=query, rows="campaigns"):
        if token in str(one.get("settings.title")):
            return one.need("id"), one.need("status")
    return "", ""


def _body(audience: Audience, broadcast: Broadcast) -> dict[str, Any]:
    sender, segment = broadcast.sender, audience.segment(broadcast.token)
    if broadcast.reply_to not in ("", sender.address):
        raise e.InvalidInput(
            "Mailchimp has one address to send from and to reply to", hint="leave reply_to out"
        )
    return {
        "type": "regular",
        "recipients": {
            "list_id": audience.id,
            "segment_opts": {"saved_segment_id": segment, "match": "all"},
        },
        "settings": {
            "title": f"{broadcast.campaign} ({broadcast.token})",
            "subject_line": broadcast.subject,
            "preview_text": broadcast.preheader,
            "from_name": sender.name or sender.address,
            "reply_to": sender.address,
        },
    }


def _ready(client: Calls, id: str) -> None:
    checklist = client.call(CHECKLIST, id)
    if checklist.need("is_ready") == "False":
        wrong = [
            f"{row.get('heading')}: {row.get('details')}"
            for row in checklist.each("items")
            if row.get("type") == "error"
        ]
        raise e.Rejected(printable("; ".join(wrong)) or "not ready to be sent", checklist.where)
