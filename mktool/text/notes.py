"""A report as HTML notes of a limited size, and what stands in the task of an action item."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ..report import Action, Block, Export, Report, Span
from .cut import split_blocks
from .markup import to_html
from .meeting import below as meeting_below
from .meeting import links, people, when

SUBJECT = 200  # characters of an action item that are its title; a longer one is below it, too
TITLE = 300


def notes(export: Export, limit: int, size: Callable[[str], int]) -> list[str]:
    """Return the notes, each with the title, and of at most ``limit`` as ``size`` counts HTML."""
    title, below = export.report.title[:TITLE], [*_about(export.report)]
    below += meeting_below(export.report, export.body)
    if export.transcript:
        below += [_heading("Transcript"), *export.transcript]
    room = limit - 2 * size(to_html([_heading(title, 999, 999)]))
    groups = split_blocks(below, room, lambda some: size(to_html(some))) or [()]
    total = len(groups)
    return [to_html([_heading(title, n, total), *some]) for n, some in enumerate(groups, 1)]


def task(action: Action, report: Report, *more: str) -> tuple[str, str]:
    """Return the title of a task, and HTML that tells whose it is and where it comes from."""
    whole = action.text if len(action.text) > SUBJECT else ""
    lines = [whole, str(action.owner or ""), report.title, *more]
    blocks = [Block("text", (Span(line),)) for line in lines if line]
    blocks += [Block("text", (Span(u, link=u),)) for u in (action.link, report.link) if u]
    return action.text[:SUBJECT], to_html(blocks)


def _heading(title: str, number: int = 1, total: int = 1) -> Block:
    part = f" ({number}/{total})" if total > 1 else ""
    return Block("heading", (Span(title + part),), 2)


def _about(report: Report) -> Iterator[Block]:
    yield from (Block("text", (Span(words),)) for words in (when(report), people(report)) if words)
    yield from (Block("text", (Span(words, link=url),)) for words, url in links(report))
