"""What a campaign did, recipient by recipient, as rows for the records of those people."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime

from ...store.campaigns import CampaignFile
from ...store.events import Events
from ...store.ledger import Ledger
from ..campaign import overview
from ..lists.tables import Row, Table
from ..settings import ledger_path

SCHEME = "campaign:"
KINDS = ("delivered", "opened", "clicked", "bounced", "complained", "unsubscribed")
COLUMNS = (
    "email", "phone", "campaign", "source", "medium", "state", "sent_at",
    *(f"{kind}_at" for kind in KINDS),
)  # fmt: skip


def from_campaign(name: str, closing: ExitStack) -> Table:
    """Return whom a campaign was sent to, with `COLUMNS`; `InvalidInput` if there is none.

    ``medium`` is email or sms, as UTM parameters have it; times are ISO 8601 in UTC.
    """
    ledger = closing.enter_context(Ledger(ledger_path()))
    act = overview.find(ledger, name)
    file = closing.enter_context(overview.opened(act))
    return Table(COLUMNS, _rows(file, {"campaign": name, "source": "mktool"}))


def _rows(file: CampaignFile, about: dict[str, str]) -> Iterator[Row]:
    events = Events(file)
    dated, sent = events.dated(), iter(events.sent_at())
    seq, times = next(dated, (0, {}))
    lo, hi, at = next(sent, (0, 0, 0.0))
    for outcome in file.outcomes():
        number = outcome["seq"]
        while hi and number > hi:
            lo, hi, at = next(sent, (0, 0, 0.0))
        while seq and seq < number:
            seq, times = next(dated, (0, {}))
        if outcome["state"] not in ("sent", "unknown", "failed"):
            continue
        email = "@" in outcome["address"]
        when = times if seq == number else {}
        cells = about | {
            "email": outcome["address"] if email else "",
            "phone": "" if email else outcome["address"],
            "medium": "email" if email else "sms",
            "state": outcome["state"],
            "sent_at": _iso(at if lo <= number <= hi else None),
        }
        cells |= {f"{kind}_at": _iso(when.get(kind)) for kind in KINDS}
        yield Row(number, [cells[name] for name in COLUMNS])


def _iso(at: float | None) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds") if at else ""
