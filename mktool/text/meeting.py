"""What stands below the title of a meeting's report: when it was, and who was there."""

from __future__ import annotations

from datetime import datetime

from ..report import Report

MOST = 30  # names; nobody reads more of them


def when(report: Report) -> str:
    """Return day, time and zone, as "Monday 21 September 2026, 14:00–15:00 CEST", or ""."""
    if (start := report.start) is None:
        return ""
    begins = f"{_day(start)}, {start:%H:%M}"
    if (end := report.end) is None:
        return f"{begins} {start.tzname() or ''}".strip()
    end = end.astimezone(start.tzinfo)
    same_day = end.date() == start.date()
    until = f"–{end:%H:%M}" if same_day else f" – {_day(end)}, {end:%H:%M}"
    return f"{begins}{until} {start.tzname() or ''}".strip()


def people(report: Report, most: int = MOST) -> str:
    """Return the names of who took part; of more than ``most``, how many more there were."""
    names = [str(person) for person in report.participants if str(person)]
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def links(report: Report) -> list[tuple[str, str]]:
    """Return what its links are called, and where they lead."""
    found = (("Open the notes", report.link), ("Transcript", report.transcript_link))
    return [(title, url) for title, url in found if url]


def _day(at: datetime) -> str:
    return f"{at:%A} {at.day} {at:%B %Y}"
