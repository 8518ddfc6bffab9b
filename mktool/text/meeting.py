"""What stands below the title of a meeting's report: when it was, and who was there."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from ..report import Action, Block, Person, Report, Span

MOST = 30  # names; nobody reads more of them
_DOT = Span(" · ")


def when(report: Report) -> str:
    """Return "Tue 2026-12-01 09:00–10:00 Europe/Amsterdam", or ""."""
    start, end = report.start, report.end
    if start is None:
        return ""
    until = ""
    if end is not None:
        end = end.astimezone(start.tzinfo)
        day = "" if end.date() == start.date() else f"{end:%a} {end.date()} "
        until = f"–{day}{end:%H:%M}"
    return f"{start:%a} {start.date()} {start:%H:%M}{until} {_zone(start)}".rstrip()


def _zone(at: datetime) -> str:
    if name := getattr(at.tzinfo, "key", ""):  # of a ZoneInfo
        return str(name)
    offset = f"{at:%z}"
    return "UTC" if int(offset or 0) == 0 else f"UTC{offset[:3]}:{offset[3:5]}"


def facts(report: Report) -> tuple[Block, ...]:
    """Return when it was, who was there and where more is, in one paragraph, or nothing."""
    told: list[Sequence[Span]] = []
    if words := when(report):
        told.append([Span(words)])
    if report.participants:
        told.append(_listed(report.participants))
    told += [[Span(name, link=link)] for name, link in links(report)]
    spans = tuple(span for at, fact in enumerate(told) for span in (*[_DOT] * bool(at), *fact))
    return (Block("text", spans),) if spans else ()


def heading(report: Report) -> str:
    """Return `facts` as plain lines, in which people have their addresses."""
    people = (f"{p.name} <{p.email}>" if p.name and p.email else str(p)
              for p in report.participants[:MOST])  # fmt: skip
    leads = (f"{title}: {url}" for title, url in links(report))
    return "\n".join(filter(None, (when(report), ", ".join(people), *leads)))


def particulars(action: Action, report: Report, subject: int) -> str:
    """Return what a task says below its subject, which holds so many characters."""
    owner = f"Owner: {action.owner}" if action.owner else ""
    text = action.text if len(action.text) > subject else ""
    return "\n".join(filter(None, (text, action.link, owner, f"From: {report.title}")))


def below(report: Report, body: Sequence[Block]) -> Sequence[Block]:
    """Return a document without the `facts` that it begins with, for who shows them in another
    way; a user's own template may begin with anything."""
    first = facts(report)
    return body[len(first) :] if tuple(body[: len(first)]) == first else body


def people(report: Report, most: int = MOST) -> str:
    """Return the names of who took part; of more than ``most``, how many more there were."""
    names = [str(person) for person in report.participants if str(person)]
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def links(report: Report) -> list[tuple[str, str]]:
    """Return what its links are called, and where they lead."""
    found = (("Report", report.link), ("Transcript", report.transcript_link))
    return [(title, url) for title, url in found if url]


def _listed(people: Sequence[Person]) -> list[Span]:
    spans = [Span(str(people[0]), email=people[0].email)]
    for person in people[1:]:
        spans += [Span(", "), Span(str(person), email=person.email)]
    return spans
