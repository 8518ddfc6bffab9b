"""
Resend's audience: contacts with properties, in a segment for each campaign.

https://resend.com/docs/api-reference/contacts/create-contact-import (read 2026-11)
"""

from __future__ import annotations

import csv
import io
import json
import re
import threading
import zlib
from collections.abc import Sequence
from typing import Any

from .. import errors as e
from ..http.client import Calls
from ..http.pages import by_last_id, pages_by_last_id
from ..http.request import Made
from ..message import Broadcast, Message
from ..spec import Endpoint

SEGMENTS = Endpoint("segments", "GET", "/segments")
ADD_SEGMENT = Endpoint("add segment", "POST", "/segments")
PROPERTIES = Endpoint("properties", "GET", "/contact-properties")
ADD_PROPERTY = Endpoint("add property", "POST", "/contact-properties", repeatable=True)
# Contacts are known by their address, so that importing them once more does no harm.
IMPORT = Endpoint("import", "POST", "/contacts/imports", repeatable=True, timeout=120.0)
IMPORTED = Endpoint("imported", "GET", "/contacts/imports/{}")

UNDER_WAY = ("queued", "in_progress")
PATIENCE = 900.0  # seconds that an import may take
NAMES = ("first_name", "last_name")  # of a contact itself; all else are its properties
RESERVED = frozenset({"email", "unsubscribe", "unsubscribed", "id", "segments", "topics",
                      "properties", "created_at"})  # fmt: skip

_one_at_a_time = threading.Lock()  # or two lanes would each make the segment


def enlist(client: Calls, broadcast: Broadcast, people: Sequence[Message]) -> None:
    """Add or update contacts, and put them into the segment of a broadcast.

    Returns when Resend has them all; `Rejected` where it has not, as it does not say whom.
    """
    keys = [key_of(column) for column in broadcast.fields]
    with _one_at_a_time:
        name = name_of(broadcast)
        id = segment(client, name) or client.call(ADD_SEGMENT, json={"name": name}).need("id")
        _have(client, [key for key in keys if key not in NAMES])
    form = {  # nothing is said of "unsubscribed": whoever has unsubscribed stays so
        "column_map": json.dumps(_column_map(keys)),
        "on_conflict": "upsert",
        "segments": json.dumps([{"id": id}]),
    }
    table = _table([("email", *keys), *((one.to, *one.values) for one in people)])
    started = client.call(IMPORT, form=form, files={"file": table})
    _await(client, started.need("id"), len(people))


def segment(client: Calls, name: str) -> str:
    """Return the id of the segment of a name, or ""; `InvalidInput` if there are several."""
    id, count = "", 0
    for page in pages_by_last_id(client, SEGMENTS):
        count += sum(row.get("name") == name for row in page.rows("data"))
        if one := page.find("data", name=name):
            id = one.need("id")
    if count > 1:  # a request that seemed lost came late
        raise e.InvalidInput(
            f"Resend has {count} segments {name!r}",
            hint="delete those without contacts: https://resend.com/audience/segments",
        )
    return id


def name_of(broadcast: Broadcast) -> str:
    """Return what is found again by its token."""
    return f"{broadcast.campaign} ({broadcast.token})"


def key_of(column: str) -> str:
    """Return the key of a column: at most 50 of A-Z, a-z, 0-9 and _, and none that has another
    meaning: https://resend.com/docs/dashboard/contacts/properties (read 2026-11)."""
    if re.fullmatch(r"\w{1,50}", column, re.ASCII) and column.lower() not in RESERVED:
        return column
    plain = re.sub(r"\W", "", column, flags=re.ASCII)[:40]
    return f"{plain}_{zlib.crc32(column.encode()):08x}"


def _have(client: Calls, keys: Sequence[str]) -> None:
    """Add the properties that there are not: Resend refuses values of others."""
    if keys:
        known = {str(row.get("key")) for row in by_last_id(client, PROPERTIES)}
        for key in keys:
            if key not in known:
                client.call(ADD_PROPERTY, json={"key": key, "type": "string"})


def _column_map(keys: Sequence[str]) -> dict[str, Any]:
    """Return which column of the table is what; each has the name of what it is."""
    named = {key: key for key in ("email", *keys) if key in ("email", *NAMES)}
    others = {key: {"column": key, "type": "string"} for key in keys if key not in NAMES}
    return {**named, **({"properties": others} if others else {})}


def _table(rows: Sequence[Sequence[str]]) -> Made:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return Made(text.getvalue().encode(), "people.csv", "text/csv")


def _await(client: Calls, id: str, asked: int) -> None:
    waited = 0.0
    while (reply := client.call(IMPORTED, id)).need("status") in UNDER_WAY:
        if waited >= PATIENCE:
            raise e.Unavailable("the contacts are still being imported", reply.where)
        nap = min(10.0, 1.0 + waited / 10)
        client.pause(nap)
        waited += nap
    failed = int(reply.numbers("counts").get("failed", 0))
    if failed or reply.get("status") == "failed":
        which = "the contact was" if asked == 1 else f"{failed or 'all'} of {asked} contacts were"
        raise e.Rejected(f"{which} not imported", reply.where)
