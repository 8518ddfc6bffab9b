"""`mktool export`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from .. import errors as e
from ..core.settings import Settings, ledger_path, login_of
from . import acting
from .completion import provider_names
from .settings import settings
from .terminal import name as _name
from .terminal import stamp, terminal

if TYPE_CHECKING:
    from ..core.acting import Published
    from ..core.export.prepare import Source
    from ..core.export.shape import Shape
    from ..core.session import Session
    from ..report import Export
    from ..store.acts import Act

app = typer.Typer(rich_markup_mode=None)
_EXAMPLE = "mktool export report.json --to slack hubspot"


@app.command(epilog=f"Example: {_EXAMPLE} --format summary --dry-run")
def export(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="REPORT [PROVIDER[:ACCOUNT]…]",
            help="A report (.json, .md, `-` for stdin), or `history` for what was exported.",
            autocompletion=provider_names,
        ),
    ] = None,
    to: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PROVIDER…", help="Where to; several may follow.", autocompletion=provider_names
        ),
    ] = None,
    format: Annotated[str, typer.Option(metavar="full|summary", help="How much of it.")] = "full",
    actions: Annotated[
        bool, typer.Option("--no-action-items", help="Without the action items.")
    ] = False,
    decisions: Annotated[
        bool, typer.Option("--no-decisions", help="Without the decisions.")
    ] = False,
    transcript: Annotated[
        bool, typer.Option("--no-transcript", help="Without the transcript.")
    ] = False,
    source: Annotated[
        str, typer.Option(help="The note taker whose export it is, where that is not clear.")
    ] = "",
    from_dir: Annotated[
        Path | None, typer.Option(help="All reports in a folder, each once for ever.")
    ] = None,
    since: Annotated[
        str, typer.Option(metavar="DATE", help="Only meetings since then, with --from-dir.")
    ] = "",
    at: Annotated[str | None, typer.Option(help="When: 2026-12-01T09:00, 'tomorrow 9:00'.")] = None,
    key: Annotated[str | None, typer.Option(help="Export once for ever under this key.")] = None,
    again: Annotated[bool, typer.Option("--again", help="Also if it went out already.")] = False,
    options: Annotated[
        list[str] | None, typer.Option("--set", metavar="K=V", help="A vendor's own option.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the exact requests; send nothing.")
    ] = False,
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON schema of a report.")
    ] = False,
) -> int:
    """Export the report of a meeting to one or several providers.

    The same report goes to the same account once in 24 hours, unless --again. One that broke
    goes on where it broke when the same command is run again.
    """
    if schema:
        return _schema()
    if words == ["history"] and not (to or from_dir):
        return _history()
    report, names = _sorted(words or [], to or [], one=from_dir is None)
    targets = acting.targets(names)
    if key is not None and (not 0 < len(key) <= 200 or from_dir):
        hint = "with --from-dir each report has its own" if from_dir else "1 to 200 characters"
        raise e.InvalidInput("--key cannot be that", hint=hint)
    given = settings()
    shape = _shape(format, actions=not actions, decisions=not decisions, transcript=not transcript)
    extra = acting.options(options or [])
    found, wrong = _sources(given, report, from_dir, since, source, extra)
    due = None if at is None else acting.due(given, at)
    plans = [_Plan(one, *target, key or (one.key if from_dir else None), shape)
             for one in found for target in targets]  # fmt: skip
    if dry_run:
        return _not_at_all(given, plans, again, due)
    if from_dir and not plans and not wrong:
        terminal().say("there is nothing to export")
    code = _later(given, plans, due, again) if due else _now(given, plans, again)
    for error in wrong:  # of one file; the others went
        terminal().error(error)
    return e.Partial.exit_code if wrong else code


def _sorted(words: list[str], to: list[str], *, one: bool) -> tuple[str, list[str]]:
    """Return the report and the providers; those may follow ``--to`` or the report."""
    if not one:
        return "", [*words, *to]
    report = next((word for word in words if _is_file(word)), words[0] if words else "")
    if not report:
        raise e.InvalidInput("which report?", hint=f"{_EXAMPLE}; mktool export --schema")
    names = [*to, *(word for word in words if word != report)]
    if not names:
        raise e.InvalidInput("where to?", hint=_EXAMPLE)
    return report, names


def _is_file(word: str) -> bool:
    return word == "-" or word.lower().endswith((".json", ".md", ".markdown")) or "/" in word


def _shape(format: str, *, actions: bool, decisions: bool, transcript: bool) -> Shape:
    from ..core.export.shape import Shape

    if format not in ("full", "summary"):
        raise e.InvalidInput(f"--format {format}", hint="--format full, or summary")
    return Shape("full" if format == "full" else "summary", actions, decisions, transcript)


def _sources(
    given: Settings, report: str, folder: Path | None, since: str, note_taker: str,
    options: dict[str, str],
) -> tuple[list[Source], list[e.MktoolError]]:  # fmt: skip
    """Return the reports, and what is wrong with those of a folder that cannot be read."""
    from ..core.export import prepare
    from ..core.export.read import read

    if folder is None:
        name = "-" if report == "-" else str(Path(report).resolve())
        return [prepare.Source(read(report, note_taker, given.config.reports()), name, options)], []
    after = prepare.day(since, given.config.get("schedule", "zone")) if since else None
    found, wrong = list[prepare.Source](), list[e.MktoolError]()
    for path in prepare.files(folder):
        try:
            meeting = read(path, note_taker, given.config.reports())
        except e.InvalidInput as error:
            wrong.append(error)
            continue
        if prepare.is_since(meeting, path, after):
            found.append(prepare.Source(meeting, path.name, options))
    return found, wrong


class _Plan(NamedTuple):
    """One report for one account."""

    source: Source
    provider: str
    account: str
    key: str | None
    shape: Shape

    def made(self, given: Settings) -> Export:
        from ..core.export.prepare import prepared

        return prepared(given.config, self.provider, self.source, self.shape)


def _checked(given: Settings, plans: list[_Plan], *, later: bool) -> list[int]:
    """Return how many pieces each plan has, all checked before anything is sent.

    For ``later`` every account must be connected; else a missing one stops only itself.
    """
    from ..core import rehearsal
    from ..core.export.pieces import pieces

    totals = []
    for plan in plans:
        bound, _, connected = rehearsal.rehearse(given, plan.provider, plan.account)
        if later and not connected:
            login_of(given, bound.spec, plan.account)  # raises `NeedsLogin`
        totals.append(len(pieces(bound, plan.made(given))) if connected else 0)
    return totals


def _now(given: Settings, plans: list[_Plan], again: bool) -> int:
    from ..core.export import pieces

    totals = _checked(given, plans, later=False)

    def work(number: int, session: Session, say: Callable[[str], None]) -> Published:
        plan = plans[number]
        want = pieces.wanted(session, plan.made(given), source=plan.source.name, key=plan.key)
        return pieces.export(session, want, again=again, say=say)

    return acting.carry_out(given, [(p.provider, p.account) for p in plans], work, totals)


def _later(given: Settings, plans: list[_Plan], due: tuple[float, str], again: bool) -> int:
    from ..core import schedule
    from ..core.export import pieces
    from ..core.session import open_session

    at, zone = due
    acts: list[Act] = []
    refused: list[e.Duplicate] = []
    _checked(given, plans, later=True)
    for plan in plans:
        session = open_session(given, plan.provider, plan.account)
        try:
            want = pieces.wanted(
                session, plan.made(given), source=plan.source.name, key=plan.key, due=at, zone=zone
            )
            acts.append(schedule.enter(session, want, again=again))
            acting.warn_of_expiry(session, at)
        except e.Duplicate as duplicate:
            refused.append(duplicate)
        finally:
            session.close()
    return acting.scheduled(acts, refused)


def _not_at_all(
    given: Settings, plans: list[_Plan], again: bool, due: tuple[float, str] | None
) -> int:
    from ..core import rehearsal

    return acting.rehearsed(
        [
            rehearsal.export(
                given, plan.provider, plan.account, plan.made(given), key=plan.key, again=again
            )
            for plan in plans
        ],
        due,
    )


def _schema() -> int:
    from ..core.export.schema import schema

    terminal().result(schema(), text=json.dumps(schema(), indent=2, ensure_ascii=False))
    return 0


def _history() -> int:
    from ..core.export.pieces import VERB
    from ..store.acts import Acts
    from ..store.ledger import Ledger

    with Ledger(ledger_path()) as ledger:
        acts = Acts(ledger)
        told = [(act, acts.parts(act.id)) for act in acts.of(VERB)]
    data, rows = [], []
    for act, parts in told:
        posted = [part.posted for part in parts.values() if part.posted]
        total = len(act.content["pieces"])
        data.append(
            {
                "act": act.id, "at": act.created, "provider": act.provider,
                "account": act.account, "title": act.content["title"],
                "source": act.content["source"], "key": act.key, "state": act.state,
                "parts": total, "sent": len(posted),
                "items": [{"id": p.id, "url": p.url or None} for p in posted],
                "error": {"code": act.code, "message": act.error} if act.code else None,
            }
        )  # fmt: skip
        where = next((p.url or p.id for p in posted), "") if not act.error else act.error
        rows.append(
            (act.id, stamp(act.created), _name(act.provider, act.account), act.state,
             f"{len(posted)}/{total}", act.content["title"], where)
        )  # fmt: skip
    columns = ("act", "at", "to", "state", "sent", "title", "where")
    terminal().result(data, columns, rows, empty="nothing was exported yet")
    return 0
