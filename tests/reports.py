"""Reports that exports are tested with: a usual one, an empty one, and one that is too much."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime

from mktool.report import Action, Block, Export, Person, Report, Span

ADA, BOB = Person("Ada Lovelace", "ada@example.com"), Person("Bob", "bob@acme.example")
START = datetime(2026, 9, 21, 14, 0, tzinfo=UTC)
END = datetime(2026, 9, 21, 15, 0, tzinfo=UTC)
DUE = date(2026, 9, 28)
ODD = (
    "<script>alert(1)</script> & \"'; *b* _i_ [x](javascript:y) <!channel> "
    "🙂👩\u200d👩\u200d👧 مرحبا \u202eabc\u202c"
)


def text(words: str) -> Block:
    return Block("text", (Span(words),))


def exported(report: Report, **more: object) -> Export:
    """Return the export of a report as the core makes it: summary, decisions, actions."""
    return Export(report, tuple(_body(report)), tuple(_transcript(report)), **more)  # type: ignore[arg-type]


def _body(report: Report) -> Iterator[Block]:
    if report.summary:
        yield Block("heading", (Span("Summary"),), level=2)
        yield text(report.summary)
    if report.decisions:
        yield Block("heading", (Span("Decisions"),), level=2)
        yield from (Block("bullet", (Span(words),)) for words in report.decisions)
    if report.actions:
        yield Block("heading", (Span("Action items"),), level=2)
    for action in report.actions:
        owner = action.owner or Person()
        who = (Span(" – "), Span(str(owner), email=owner.email)) if action.owner else ()
        yield Block("todo", (Span(action.text, bold=True), *who), done=action.status == "done")


def _transcript(report: Report) -> Iterator[Block]:
    return (text(line) for line in report.transcript.splitlines() if line)


USUAL = Report(
    "Kick-off", "m-1", START, END, (ADA, BOB), "We **start** on Monday.", (), ("Ship it",),
    (Action("Write the plan", ADA, DUE, "high", link="https://acme.example/plan"),
     Action("Order tea", Person("Carl"), status="done")),
    link="https://notes.example/m-1",
)  # fmt: skip
HUGE = Report(
    ODD * 3, "m-2", START, None, tuple(Person(f"P{n}", f"p{n}@example.com") for n in range(300)),
    (ODD + " ") * 400, (ODD,), (ODD, "") * 50,
    tuple(Action(f"{n} {ODD}", Person(f"P{n}", f"p{n % 7}@example.com"), DUE) for n in range(200)),
    transcript="\n".join(f"{ADA.name}: {ODD} {n}" for n in range(10_000)),
)  # fmt: skip
EXPORTS = {
    "usual": exported(USUAL),
    "bare": exported(Report("Nothing was said")),
    "huge": exported(HUGE),
}
