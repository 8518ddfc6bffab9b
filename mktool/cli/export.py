"""`mktool export`."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .. import errors as e
from ..core.settings import Settings, login_of
from . import acting
from .completion import takers_of_reports
from .settings import settings
from .terminal import terminal

if TYPE_CHECKING:
    from ..core.acting import Published
    from ..core.export.prepare import Source
    from ..core.export.shape import Shape
    from ..core.rehearsal import Rehearsal
    from ..core.session import Session
    from ..report import Export
    from ..spec import Spec
    from ..store.acts import Act

app = typer.Typer(rich_markup_mode=None)
_EXAMPLE = "mktool export report.json --to slack hubspot"


@app.command(epilog=f"Example: {_EXAMPLE} --dry-run")
def export(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="REPORT [PROVIDER[:ACCOUNT]…]",
            help="A report (.json, .md, `-` for stdin), or `history` for what was exported.",
            autocompletion=takers_of_reports,
        ),
    ] = None,
    to: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PROVIDER…",
            help="Where to; several may follow.",
            autocompletion=takers_of_reports,
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
    at: acting.At = None,
    key: Annotated[str | None, typer.Option(help="Export once for ever under this key.")] = None,
    again: acting.Again = False,
    options: acting.Set = None,
    dry_run: acting.DryRun = False,
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON schema of a report.")
    ] = False,
) -> int:
    """Export the report of a meeting to one or several providers.

    The same report goes to the same account once in 24 hours, unless --again. One that broke
    goes on where it broke when the same command is run again. More: mktool help report.
    """
    if schema:
        return _schema()
    if words and words[0] == "history" and from_dir is None:
        from .export_history import history

        return history([*words[1:], *(to or [])])
    report, names = _sorted(words or [], to or [], one=from_dir is None)
    targets = acting.targets(names)
    _check_key(key, from_dir)
    given = settings()
    shape = _shape(format, actions=not actions, decisions=not decisions, transcript=not transcript)
    due = None if at is None else acting.due(given, at)
    order = Order(given, targets, shape, acting.options(options or []), source, again, due)
    if from_dir is not None:
        from . import export_folder

        return export_folder.run(order, from_dir, since, dry_run=dry_run)
    if since:
        raise e.InvalidInput("--since goes with --from-dir", hint=f"{_EXAMPLE} --from-dir DIR")
    one = order.read(report)
    if dry_run:
        return acting.rehearsed([order.rehearsed(one, *target, key) for target in targets], due)
    return _now(order, one, key) if due is None else _later(order, one, key)


@dataclass(frozen=True, slots=True)
class Order:
    """What the flags ask for, whatever the report."""

    given: Settings
    targets: list[tuple[str, str]]
    shape: Shape
    options: dict[str, str]
    note_taker: str
    again: bool
    due: tuple[float, str] | None

    def read(self, file: Path | str) -> Source:
        """Return the report in a file; `InvalidInput` says what is wrong with it."""
        from ..core.export.prepare import Source
        from ..core.export.read import read

        report = read(file, self.note_taker, self.given.config.reports())
        name = "-" if str(file) == "-" else str(Path(file).resolve())
        return Source(report, name, self.options)

    def made(self, spec: Spec, one: Source) -> Export:
        """Return what goes to a provider."""
        from ..core.export.prepare import prepared

        return prepared(self.given.config, spec, one, self.shape)

    def rehearsed(self, one: Source, provider: str, account: str, key: str | None) -> Rehearsal:
        """Return what would go to an account."""
        from .. import providers
        from ..core import rehearsal

        what = self.made(providers.load(provider).spec, one)
        return rehearsal.export(self.given, provider, account, what, key=key, again=self.again)

    def enter(self, session: Session, one: Source, key: str | None) -> Act:
        """Return the act of an export for later."""
        from ..core import schedule
        from ..core.export import pieces

        at, zone = self.due or (0.0, "")
        what = self.made(session.spec, one)
        want = pieces.wanted(session, what, source=one.name, key=key, due=at, zone=zone)
        return schedule.enter(session, want, again=self.again)


def _check_key(key: str | None, folder: Path | None) -> None:
    if key is not None and folder:
        raise e.InvalidInput("--key is of one report", hint="with --from-dir each has its own")
    acting.check_key(key)


def _sorted(words: list[str], to: list[str], *, one: bool) -> tuple[str, list[str]]:
    """Return the report and the providers; those may follow ``--to`` or the report."""
    report = (
        ""
        if not one
        else next((word for word in words if _is_file(word)), words[0] if words else "")
    )
    if one and not report:
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


def _checked(order: Order, one: Source, *, later: bool) -> list[int]:
    """Return how many pieces each account gets, all checked before anything is sent.

    For ``later`` every account must be connected; else a missing one stops only itself.
    """
    from ..core import rehearsal
    from ..core.export.pieces import check, pieces

    totals = []
    for provider, account in order.targets:
        bound, _, connected = rehearsal.rehearse(order.given, provider, account)
        check(bound)
        if later and not connected:
            login_of(order.given, bound.spec, account)  # raises `NeedsLogin`
        made = order.made(bound.spec, one)
        totals.append(len(pieces(bound, made)) if connected else 0)
    return totals


def _now(order: Order, one: Source, key: str | None) -> int:
    from ..core.export import pieces

    def work(number: int, session: Session, say: Callable[[str], None]) -> Published:
        made = order.made(session.spec, one)
        want = pieces.wanted(session, made, source=one.name, key=key)
        return pieces.export(session, want, again=order.again, say=say)

    totals = _checked(order, one, later=False)
    return acting.carry_out(order.given, order.targets, work, totals)


def _later(order: Order, one: Source, key: str | None) -> int:
    from ..core.session import open_session

    acts: list[Act] = []
    refused: list[e.MktoolError] = []
    _checked(order, one, later=True)
    for provider, account in order.targets:
        session = open_session(order.given, provider, account)
        try:
            acts.append(order.enter(session, one, key))
            acting.warn_of_expiry(session, order.due[0] if order.due else 0.0)
        except e.Duplicate as duplicate:
            refused.append(duplicate)
        finally:
            session.close()
    return acting.scheduled(acts, refused)


def _schema() -> int:
    from ..core.export.schema import schema

    terminal().result(schema(), text=json.dumps(schema(), indent=2, ensure_ascii=False))
    return 0
