"""Things of Pipedrive found by what people know of them.

https://developers.pipedrive.com/docs/api/v1/ItemSearch (read 2026-11)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..http.client import Calls
from ..http.reply import Reply
from ..records import Found
from ._pipedrive_crm import SEARCH, Crm, listed

KINDS = {"person": "persons", "organization": "organizations", "deal": "deals", "lead": "leads"}
MOST = 20


def find(crm: Crm, kind: str, term: str) -> Iterator[Found]:
    """Yield up to 20 that match an id, or words in any field that is searched."""
    if term.isdecimal() and kind != "lead":
        for item in crm.read(KINDS[kind], [term]):
            yield _found(crm.client, kind, item)
    query = {"term": term, "limit": str(MOST), **({"exact_match": "true"} if len(term) < 2 else {})}
    for row in listed(crm.client.call(SEARCH, KINDS[kind], query=query), "data.items"):
        yield _found(crm.client, kind, Reply(row.get("item"), row.headers, row.where))


def page(options: Mapping[str, str], kind: str, id: str) -> str:
    """Return the address of a record for people; app.pipedrive.com leads to one's own company."""
    base = options.get("api_domain") or "https://app.pipedrive.com"
    return f"{base}/leads/inbox/{id}" if kind == "lead" else f"{base}/{kind}/{id}"


def _found(client: Calls, kind: str, item: Reply) -> Found:
    id = item.need("id")
    held = item.get("emails") or item.get("primary_email")
    emails = held if isinstance(held, list) else [held]
    texts = (row.get("value") if isinstance(row, dict) else row for row in emails)
    told = {
        "email": next((str(text) for text in texts if text), ""),
        "organization": str(item.get("organization.name") or ""),
        "status": str(item.get("status") or ""),
    }
    name = str(item.get("name") or item.get("title") or id)
    return Found(
        kind, id, name, page(client.options, kind, id), {k: v for k, v in told.items() if v}
    )
