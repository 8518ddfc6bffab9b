"""What Mailchimp tells of a campaign that was sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from ..http.client import Calls
from ..message import Event, EventKind, Sent
from ..spec import Endpoint
from ._mailchimp_audience import paged

REPORT = Endpoint("report", "GET", "/reports/{}")
ACTIVITY = Endpoint("activity", "GET", "/reports/{}/email-activity", timeout=120.0)
ACTIONS: Mapping[str, EventKind] = {"open": "opened", "click": "clicked", "bounce": "bounced"}
TOTALS = {"opened": "opens.opens_total", "unique_opens": "opens.unique_opens",
          "clicked": "clicks.clicks_total", "unique_clicks": "clicks.unique_subscriber_clicks",
          "unsubscribed": "unsubscribed", "complained": "abuse_reports",
          "revenue": "ecommerce.total_revenue"}  # fmt: skip


def events(client: Calls, sent: Sent) -> Iterator[Event]:
    """Yield what the recipients did."""
    query = {"since": iso(sent.since), "fields": "emails.email_address,emails.activity"}
    for person in paged(client, ACTIVITY, sent.ref, query=query, rows="emails"):
        for act in person.each("activity"):
            if kind := ACTIONS.get(act.need("action")):
                detail = str(act.get("url") or act.get("type") or "")
                yield Event(kind, "", person.need("email_address"), act.moment("timestamp"), detail)


def totals(client: Calls, sent: Sent) -> Mapping[str, float]:
    """Return the totals of the report, those that it has."""
    report = client.call(REPORT, sent.ref)
    out, bounced = report.number("emails_sent"), sum(report.numbers("bounces").values())
    known = {name: path for name, path in TOTALS.items() if report.get(path) is not None}
    return {
        "sent": out,
        "bounced": bounced,
        "delivered": out - bounced,
        **{name: report.number(path) for name, path in known.items()},
    }


def iso(at: float) -> str:
    """Return epoch seconds as Mailchimp writes times."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%S+00:00}"
