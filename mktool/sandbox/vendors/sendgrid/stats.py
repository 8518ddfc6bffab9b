"""Numbers of SendGrid by day, of all mail and by category.

https://www.twilio.com/docs/sendgrid/api-reference/stats (read 2026-11)
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from urllib.parse import parse_qsl

from ...fate import ARRIVAL, CLICKING, OPENING, clicked, fate, opened
from ...vendor import on
from ...wire import Call, Reply
from .desk import api, bad
from .mail import Sent
from .scheduled import Scheduled

MOST_CATEGORIES = 10
_STEPS = {"day": 1, "week": 7, "month": 31}
_METRICS = ("blocks", "bounce_drops", "bounces", "clicks", "deferred", "delivered",
            "invalid_emails", "opens", "processed", "requests", "spam_report_drops",
            "spam_reports", "unique_clicks", "unique_opens", "unsubscribe_drops",
            "unsubscribes")  # fmt: skip
_OUTCOMES = {"bounced": ("bounces",), "invalid": ("invalid_emails",), "delayed": ("deferred",),
             "complained": ("delivered", "spam_reports"), "delivered": ("delivered",)}  # fmt: skip


class Stats(Scheduled):
    """Counts what happened to the mails until now."""

    @on("GET", *api("stats"))
    def stats(self, call: Call) -> Reply:
        headers, periods = self.admit(call, "stats.read"), list(_periods(call))
        found = self._counted(call, periods, lambda sent: [""])
        shown = [{"date": day.isoformat(), "stats": [{"metrics": _filled(found[day, ""])}]}
                 for day in periods]  # fmt: skip
        return Reply(json=shown, headers=headers)

    @on("GET", *api("categories/stats"))
    def category_stats(self, call: Call) -> Reply:
        headers, periods = self.admit(call, "categories.stats.read"), list(_periods(call))
        # May be given more than once, which a mapping of the query does not show.
        names = [value for name, value in parse_qsl(call.raw_query) if name == "categories"]
        if not 1 <= len(names) <= MOST_CATEGORIES:
            raise bad(f"1 to {MOST_CATEGORIES} categories are required", "categories")
        found = self._counted(call, periods, lambda sent: sent.categories)
        shown = [
            {"date": day.isoformat(),
             "stats": [{"type": "category", "name": name, "metrics": _filled(found[day, name])}
                       for name in names]}
            for day in periods
        ]  # fmt: skip
        return Reply(json=shown, headers=headers)

    def _counted(
        self, call: Call, periods: list[date], names: Callable[[Sent], Iterable[str]]
    ) -> dict[tuple[date, str], Counter[str]]:
        found: dict[tuple[date, str], Counter[str]] = defaultdict(Counter)
        step = _STEPS[call.query.get("aggregated_by", "day")]
        self.world.inbox.release()
        for sent in self.sent:
            happened = _happened(sent, call.now)
            day = _day(sent.due)
            first = next((p for p in periods if p <= day < p + timedelta(days=step)), None)
            if first is not None:
                for name in names(sent):
                    found[first, name].update(happened)
        return found


def _happened(sent: Sent, now: float) -> list[str]:
    if sent.dropped:
        return ["requests", "bounce_drops"]
    if not sent.item.number:
        return []
    age = now - sent.due
    happened = ["requests", "processed"]
    if age >= ARRIVAL:
        happened += _OUTCOMES.get(fate(sent.to), ())
    if age >= OPENING and opened(sent.to):
        happened += ["opens", "unique_opens"]
    if age >= CLICKING and clicked(sent.to):
        happened += ["clicks", "unique_clicks"]
    return happened


def _filled(counts: Counter[str]) -> dict[str, int]:
    return {name: counts[name] for name in _METRICS}


def _day(seconds: float) -> date:
    return datetime.fromtimestamp(seconds, UTC).date()


def _periods(call: Call) -> Iterator[date]:
    """Yield the first day of each period that is asked for."""
    by = call.query.get("aggregated_by", "day")
    if by not in _STEPS:
        raise bad("aggregated_by must be day, week or month", "aggregated_by")
    try:
        first = date.fromisoformat(call.query.get("start_date", ""))
        last = date.fromisoformat(call.query.get("end_date", _day(call.now).isoformat()))
    except ValueError:
        raise bad("start_date and end_date must be YYYY-MM-DD", "start_date") from None
    while first <= last:
        yield first
        first += timedelta(days=_STEPS[by])
