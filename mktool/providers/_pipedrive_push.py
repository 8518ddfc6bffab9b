"""One record of Pipedrive written; it has no batches.

https://pipedrive.readme.io/docs/pipedrive-api-v2 (read 2026-11)
"""

from __future__ import annotations

from ..http.reply import Reply
from ..message import Refusal
from ..records import Row, Written
from ..spec import Endpoint
from ._pipedrive_crm import ONE, Crm
from ._pipedrive_values import LISTS, OWN, body

ADD = Endpoint("add record", "POST", "/api/v2/{}")
CHANGE = Endpoint("change record", "PATCH", "/api/v2/{}/{}", True)
ADD_LEAD = Endpoint("add lead", "POST", "/v1/leads")
CHANGE_LEAD = Endpoint("change lead", "PATCH", "/v1/leads/{}", True)


def push(crm: Crm, object: str, row: Row) -> Written:
    """Return what became of one row; that the vendor refuses it is an answer."""
    lead = object == "leads"
    old = None
    if row.id and row.values.keys() & LISTS.keys():  # a list is replaced as a whole
        reply = crm.client.call(ONE, object, row.id)
        old = Reply(reply.get("data"), reply.headers, reply.where)
    values = row.values if row.id else {n: v for n, v in row.values.items() if v is not None}
    own = crm.types(object) if any(map(OWN.fullmatch, values)) else {}
    made = body(values, own, old, nested=not lead)
    path = () if lead else (object,)
    if row.id:
        reply = crm.client.call(CHANGE_LEAD if lead else CHANGE, *path, row.id, json=made)
    else:
        reply = crm.client.call(ADD_LEAD if lead else ADD, *path, json=made)
    no = refusal(reply)
    return Written(refusal=no) if no else Written(reply.need("data.id"), not row.id)


def refusal(reply: Reply) -> Refusal | None:
    """Return why a record was refused, where the answer says so."""
    if reply.get("success") is not False:
        return None
    words = f"{reply.get('error') or ''} {reply.get('error_info') or ''}".strip()
    return Refusal(str(reply.get("code") or reply.get("errorCode") or "refused"), words)
