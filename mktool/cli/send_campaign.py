"""`mktool send-campaign`."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .. import errors as e
from .settings import settings
from .terminal import many, name, span, terminal

if TYPE_CHECKING:
    from ..core.campaign.campaign import Campaign, Options, Result
    from ..core.campaign.definition import Definition
    from ..core.campaign.forecast import Plan
    from ..core.campaign.plan import Reading
    from ..core.campaign.run import Progress
    from ..core.settings import Settings

app = typer.Typer(rich_markup_mode=None)
REDRAWN = 0.1  # seconds from one picture of the progress to the next
Report = "Callable[[Progress], None]"


@app.command("send-campaign", epilog="Example: mktool send-campaign launch.toml --dry-run")
def send_campaign(
    file: Annotated[Path | None, typer.Argument(help="The campaign's file, TOML.")] = None,
    init: Annotated[
        bool, typer.Option("--init", help="Write an example: launch.toml, launch.html, people.csv.")
    ] = False,
    recipients: Annotated[
        str, typer.Option(help="Another list: a file, - for stdin, or a database's address.")
    ] = "",
    segment: Annotated[str, typer.Option(help="Only who is in this saved segment.")] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check everything and show the plan; send nothing.")
    ] = False,
    preview: Annotated[
        Path | None, typer.Option(help="Write rendered messages and requests into this folder.")
    ] = None,
    samples: Annotated[int, typer.Option(min=1, max=1000, help="How many of them.")] = 5,
    test_to: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Send one real copy there, and nothing else.")
    ] = "",
    test: Annotated[
        bool, typer.Option("--test", help="Have the vendor check the first batch; send nothing.")
    ] = False,
    limit: Annotated[int, typer.Option(min=0, help="Send to so many and stop.")] = 0,
    retry: Annotated[
        list[str] | None, typer.Option(metavar="failed|unknown", help="Send to these once more.")
    ] = None,
    confirm: Annotated[
        int | None, typer.Option(metavar="N", help="Yes, to N recipients; for scripts.")
    ] = None,
    at: Annotated[
        str | None, typer.Option(help="When: 2026-12-01T09:00, 'tomorrow 9:00', or now.")
    ] = None,
    as_name: Annotated[str, typer.Option("--as", help="Send it under another name.")] = "",
    keep_content: Annotated[
        bool, typer.Option("--keep-content", help="Go on with the content it began with.")
    ] = False,
    skip_invalid: Annotated[
        bool, typer.Option("--skip-invalid", help="Leave out rows that cannot be sent to.")
    ] = False,
    max_errors: Annotated[
        int | None, typer.Option(min=1, help="Stop after so many errors.")
    ] = None,
) -> int:
    """Send an e-mail or SMS campaign, or go on with one.

    The same command again goes on where it stopped: nobody gets it twice.
    """
    from ..core.campaign import opening
    from ..core.campaign.campaign import Options

    given = settings()
    if init:
        return _init(given, file)
    if file is None:
        raise e.InvalidInput("which campaign?", hint="mktool send-campaign --init writes one")
    options = Options(
        as_name, terminal().account, recipients, segment, keep_content, skip_invalid, limit,
        max_errors, _states(retry or []), sys.stdin.buffer,
    )  # fmt: skip
    wanted = opening.read(file, options, given)
    when = wanted.send_at if at is None else at
    if test or test_to:
        return _test(given, wanted, options, test_to)
    if dry_run or preview:
        return _dry_run(given, wanted, options, preview, samples, when)
    from ..core.side import stopping

    with stopping(given), opening.opened(given, wanted, options) as campaign:
        campaign.stage()
        return go(given, campaign, when, confirm)


def go(given: Settings, campaign: Campaign, when: str, confirm: int | None) -> int:
    """Show what a run would do, have it confirmed, do it, and return its exit code."""
    from ..core.campaign import schedule
    from ..core.campaign.forecast import forecast

    with campaign.asked_again():
        plan = forecast(campaign)
        _say_plan(plan)
        _refuse_invalid(plan)
        if plan.to_send or campaign.unfinished:
            _confirm(given, campaign, plan, confirm)
    moment = schedule.moment(campaign, when, given.config.get("schedule", "zone"))
    if moment.ours:
        terminal().say(f"scheduled for {moment.shown}; `mktool run-due` sends it (cron)")
        terminal().result({"plan": _plan_data(plan), "due": moment.at}, text="scheduled")
        return 0
    with _progress(plan) as report:
        result = campaign.send(report, at=moment.at)
    if moment.at and result.error is None:
        terminal().say(f"held by {moment.holder} until {moment.shown}")
    return show(campaign, result, plan)


def _init(given: Settings, folder: Path | None) -> int:
    from ..core.campaign.example import write_example
    from ..core.campaign.rehearse import suggested

    if folder is not None and folder.suffix == ".toml":
        raise e.InvalidInput(f"--init {folder}: takes a folder", hint="--init, or --init DIR")
    written = write_example(folder or Path(), *suggested(given))
    terminal().result([str(path) for path in written], ("file",), [(path,) for path in written])
    terminal().say(f"next: mktool send-campaign {written[0]} --dry-run")
    return 0


def _states(words: list[str]) -> tuple[Any, ...]:
    from ..store.campaigns import State

    known = {"failed": State.FAILED, "unknown": State.UNKNOWN}
    for word in words:
        if word not in known:
            raise e.InvalidInput(f"--retry {word!r}", hint="--retry failed, or --retry unknown")
    return tuple(known[word] for word in words)


# -- before ------------------------------------------------------------------------------------


def _test(given: Settings, wanted: Definition, options: Options, address: str) -> int:
    from ..core.campaign import rehearse

    if address:
        sent = rehearse.send_test(given, wanted, options, address)
        text = f"sent to {sent.to}: what {sent.like} would get, links included"
        terminal().result(sent._asdict(), text=text)
        return 0
    count = rehearse.check_test(given, wanted, options)
    text = f"the vendor takes the first {many(count, 'message')}; nothing was sent"
    terminal().result({"sent": False, "checked": count}, text=text)
    return 0


def _dry_run(
    given: Settings, wanted: Definition, options: Options, folder: Path | None, samples: int,
    when: str,
) -> int:  # fmt: skip
    from ..core.campaign import rehearse, schedule
    from ..core.campaign.forecast import forecast

    out = terminal()
    with rehearse.rehearsed(given, wanted, options) as campaign:
        campaign.stage()
        plan = forecast(campaign)
        _say_plan(plan)
        if not campaign.connected:
            out.say(f"  not connected yet: {e.login_command(plan.provider, plan.account)}")
        moment = schedule.planned(campaign, when, given.config.get("schedule", "zone"))
        if moment.at:
            out.say(f"  at {moment.shown}, by {moment.holder or 'mktool run-due'}")
        held = None if moment.ours else moment.at
        files = rehearse.previews(campaign, folder, samples, held) if folder else []
    data = {
        "sent": False, "connected": campaign.connected, "plan": _plan_data(plan),
        "previews": [str(file) for file in files],
    }  # fmt: skip
    out.result(data, ("preview",), [(path,) for path in files])
    _refuse_invalid(plan)
    out.say("nothing was sent")
    return 0


def _say_plan(plan: Plan) -> None:
    out, reading = terminal(), plan.reading
    out.say(f"{plan.name} by {name(plan.provider, plan.account)}: {_whom(plan)}")
    if reading is not None:
        out.say(f"  list: {', '.join(_read_words(reading))}")
    if plan.suppressed:
        out.say(f"  suppressed: {plan.suppressed:,}")
    if plan.held_back:
        out.say(f"  {plan.held_back:,} wait for the winner of the test")
    if plan.to_send:
        pace = f", at least {span(plan.seconds)}" if plan.seconds >= 1 else ""
        price = f", about ${plan.price:,.2f}" if plan.price else ""
        out.say(f"  {many(plan.requests, 'request')}{pace}{price}")
    if plan.largest:
        out.say(f"  largest message: {plan.largest:,} bytes")
    if reading is not None and (texts := reading.texts):
        kinds = ", ".join(f"{count:,} in {kind}" for kind, count in texts.encodings.items())
        out.say(f"  texts: {many(texts.parts, 'part')}, {texts.longest} at most; {kinds}")
    for warning in plan.warnings:
        out.warn(warning)


def _whom(plan: Plan) -> str:
    if (reading := plan.reading) is not None and _is_refused(reading):  # nobody is on record yet
        good = reading.staged - reading.invalid
        return f"{good:,} of {many(reading.rows, 'row')} can be sent to"
    return f"{plan.to_send:,} of {many(plan.audience, 'recipient')} to send to"


def _is_refused(reading: Reading) -> bool:
    return bool(reading.invalid) and not reading.skipped


def _read_words(reading: Reading) -> list[str]:
    counts = (
        (reading.invalid, "invalid"),
        (reading.folded, "known or twice"), (reading.excluded, "not in the segment"),
        (reading.disabled, "not enabled"),
    )  # fmt: skip
    words = [f"{count:,} {word}" for count, word in counts if count]
    return [many(reading.rows, "row"), *words]


def _plan_data(plan: Plan) -> dict[str, Any]:
    from dataclasses import asdict

    data = asdict(plan)
    if plan.reading is not None:
        data["reading"]["problems"] = [p._asdict() for p in plan.reading.problems]
    return data


def _refuse_invalid(plan: Plan) -> None:
    """Show the rows that cannot be sent to; stop, unless they are to be left out."""
    reading = plan.reading
    if reading is None or not reading.invalid:
        return
    out = terminal()
    for problem in reading.problems:
        out.say(f"  line {problem.line}: {problem.address or '(no address)'}: {problem.reason}")
    if (more := reading.invalid - len(reading.problems)) > 0:
        out.say(f"  and {more:,} more")
    if _is_refused(reading):
        raise e.InvalidInput(
            f"{reading.invalid:,} of {many(reading.rows, 'row')} cannot be sent to;"
            " nothing was sent",
            hint="mend them, or --skip-invalid",
        )


def _confirm(given: Settings, campaign: Campaign, plan: Plan, confirm: int | None) -> None:
    """Have the number of recipients confirmed, where there are many or a script says one."""
    some = campaign.options.limit or campaign.options.retry
    number = plan.to_send if some else plan.audience
    if confirm is not None:
        if confirm not in campaign.confirmable(plan):
            raise e.InvalidInput(
                f"--confirm {confirm}, but it is for {many(number, 'recipient')}",
                hint=f"if that is right: --confirm {number}",
            )
    elif campaign.needs_confirmation(plan, int(given.config.get("campaign", "confirm_above"))):
        if not terminal().interactive:
            raise e.InvalidInput(
                f"{many(number, 'recipient')}: somebody has to confirm that",
                hint=f"--confirm {number}",
            )
        typed = terminal().ask(f"Type {number} to send: ")
        if typed.replace(",", "") != str(number):
            raise e.InvalidInput("that is another number; nothing was sent")
    campaign.confirmed(plan)


# -- meanwhile ---------------------------------------------------------------------------------


@contextmanager
def _progress(plan: Plan) -> Iterator[Callable[[Progress], None]]:
    """Show how far it is, with its rate and the time left, where somebody looks."""
    if terminal().quiet or not sys.stderr.isatty() or not plan.to_send:
        yield lambda progress: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("sending"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[pace]}"),
        TimeRemainingColumn(), TextColumn("{task.fields[errors]}"),
    )  # fmt: skip
    # Drawn by us: a thread that draws would take its turns from those that send.
    console = Console(stderr=True)
    with Bar(*columns, console=console, transient=True, auto_refresh=False) as bar:
        task, drawn = bar.add_task("", total=plan.to_send, pace="", errors=""), 0.0

        def report(progress: Progress) -> None:
            nonlocal drawn
            if time.monotonic() - drawn < REDRAWN:
                return
            drawn, failed = time.monotonic(), progress.failed + progress.unknown
            bar.update(
                task, completed=progress.done, pace=f"{progress.rate:,.0f}/s",
                errors=f"{failed:,} failed" if failed else "", refresh=True,
            )  # fmt: skip

        yield report


# -- after -------------------------------------------------------------------------------------


def show(campaign: Campaign, result: Result, plan: Plan | None = None) -> int:
    """Show how a run ended, and return its exit code."""
    from ..core.campaign import overview

    out = terminal()
    totals = {state.name.lower(): count for state, count in sorted(result.totals.items()) if count}
    error = campaign.verdict(result)
    reasons = campaign.reasons() if result.progress.failed or result.progress.unknown else []
    data = {
        "campaign": campaign.definition.name, "act": campaign.act.id, "totals": totals,
        "run": {"sent": result.progress.sent, "failed": result.progress.failed,
                "unknown": result.progress.unknown},
        "reasons": [dict(zip(("state", "code", "text", "count"), r, strict=True)) for r in reasons],
        "plan": _plan_data(plan) if plan else None,
    }  # fmt: skip
    out.result(data, ("state", "recipients"), totals.items(), errors=[error] if error else [])
    if not out.json and reasons:
        out.result(None, ("state", "code", "reason", "recipients"), reasons, shorten="reason")
    if error is None:
        if result.due is not None:
            left = span(result.due - campaign.session.ledger.clock())
            out.say(f"{result.held_back:,} wait for the winner of the test, in {left} (run-due)")
        elif not result.progress.done:
            out.say(f"{campaign.definition.name} is complete: nobody was left to send to")
            missed = [f"{totals[w]:,} {w}" for w in ("failed", "unknown") if totals.get(w)]
            if missed:
                show = overview.command("show", campaign.definition.name)
                out.say(f"  {' and '.join(missed)}: {show}")
        return 0
    if not out.json:
        out.error(error)
    return error.exit_code
