"""`mktool campaign`: who was sent to, and stopping and going on."""

from __future__ import annotations

import sys
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .. import errors as e
from ..core.campaign import overview
from ..core.campaign.overview import Standing
from ..core.settings import ledger_path
from ..store.ledger import Ledger
from ..store.outcomes import State
from .campaign_report import events, report, sync
from .settings import settings
from .states import by_state
from .terminal import many, stamp, terminal
from .terminal import name as whose

if TYPE_CHECKING:
    from ..store.acts import Act

app = typer.Typer(rich_markup_mode=None)
group = typer.Typer(
    rich_markup_mode=None, no_args_is_help=True, help="Follow, export, pause and cancel campaigns."
)
app.add_typer(group, name="campaign")

Name = Annotated[str, typer.Argument(help="The campaign's name, as `campaign list` shows it.")]
HELD = "held"
RARE = ("failed", "unknown", "left")  # columns that nobody misses where they are all 0


@group.command("list", epilog="Example: mktool campaign list")
def listed(
    limit: Annotated[int, typer.Option("-n", "--limit", min=1, help="How many.")] = 50,
) -> None:
    """The campaigns and how far each of them is, the newest first."""
    with Ledger(ledger_path()) as ledger:
        found = list(overview.listed(ledger, limit))
    data = [{"name": one.act.key, **_data(one)} for one in found]
    columns = ["name", "by", "state", "people", "sent", "failed", "unknown", "left", "when"]
    rows = [
        [
            one.act.key, whose(one.act.provider, one.act.account), _state(one),
            *(_numbers(one).values() if one.totals is not None else ("file is gone", *[""] * 4)),
            _when(one),
        ]
        for one in found
    ]  # fmt: skip
    if terminal().tables:
        for column in RARE:
            place = columns.index(column)
            if not any(row[place] for row in rows):
                for line in (columns, *rows):
                    del line[place]
    terminal().result(
        data, columns, rows, shorten="when",
        empty="no campaign yet: mktool send-campaign --init writes an example",
    )  # fmt: skip


@group.command(epilog="Example: mktool campaign show launch --failed")
@by_state
def show(
    name: Name,
    limit: Annotated[
        int, typer.Option("-n", "--limit", min=1, max=10_000, help="How many recipients.")
    ] = 100,
    states: tuple[State, ...] = (),
) -> None:
    """Where a campaign stands; with a state, who is in it and why.

    `campaign export` writes all of them.
    """
    if states:
        _show_recipients(name, states, limit)
    else:
        _show_summary(name)


@group.command(epilog="Example: mktool campaign export launch launch.csv --failed")
@by_state
def export(
    name: Name,
    file: Annotated[str, typer.Argument(help="A .csv or .jsonl file, or - for CSV on stdout.")],
    states: tuple[State, ...] = (),
) -> None:
    """Write every recipient with what became of them."""
    from ..core.campaign import export as exports

    out, act = terminal(), _find(name)
    if file == "-":
        rows = exports.recipients(act, states)
        exports.write(sys.stdout, rows, "jsonl" if out.json else "csv")
        return
    count = exports.export(act, Path(file), states)
    out.result({"campaign": name, "file": file, "recipients": count},
               text=f"{many(count, 'recipient')} in {file}")  # fmt: skip


@group.command(epilog="Example: mktool campaign pause launch")
def pause(name: Name) -> None:
    """Stop a campaign until `campaign resume`; a sender under way stops within a second."""
    from ..core.campaign import halt

    with Ledger(ledger_path()) as ledger:
        act = _find(name, ledger)
        halt.pause(ledger, act)
    terminal().result({"campaign": name, "state": "paused"}, text=f"{name} is paused")
    terminal().say(f"what is out cannot be paused; to go on: {overview.command('resume', name)}")


@group.command(epilog="Example: mktool campaign resume launch")
def resume(
    name: Name,
    confirm: Annotated[
        int | None, typer.Option(metavar="N", help="Yes, to N recipients; for scripts.")
    ] = None,
) -> int:
    """Go on with a campaign that was paused or interrupted, with what it began with."""
    from ..core.campaign import halt, opening
    from ..core.campaign.campaign import Options
    from ..core.side import stopping
    from .send_campaign import go

    given = settings()
    with Ledger(ledger_path()) as ledger:
        act = _find(name, ledger)
        halt.unpause(ledger, act)
    with stopping(given), opening.resumed(given, act, Options()) as campaign:
        campaign.heed()
        return go(given, campaign, str(campaign.file.get("when", "")), confirm)


@group.command(epilog="Example: mktool campaign winner launch B")
def winner(
    name: Name, variant: Annotated[str, typer.Argument(help="A, B, … as the report shows them.")]
) -> None:
    """Choose which variant of a test goes to those who were held back."""
    from ..core.campaign import trial

    act = _find(name)
    waiting = trial.choose_for(act, variant)
    data = {"name": name, "winner": variant.upper(), "recipients": waiting}
    terminal().result(data, text=f"{variant.upper()} goes to the other {waiting:,}")
    later = ", or mktool run-due at its time" if act.state == "scheduled" else ""
    terminal().say(f"next: {overview.command('resume', name)}{later}")


@group.command(epilog="Example: mktool campaign cancel launch")
def cancel(name: Name) -> int:
    """Stop a campaign for good, and take back what its provider was to send later."""
    from ..core.campaign import halt

    given, out = settings(), terminal()
    with Ledger(ledger_path()) as ledger:
        act = _find(name, ledger)
        done = halt.cancel(given, ledger, act)
    late = e.Partial(
        f"{done.late:,} could not be taken back any more",
        hint=f"{overview.command('show', name)} --sent",
    )
    words = [f"{done.never:,} will not be sent to"] if done.never or not done.back else []
    words += [f"{done.back:,} taken back"] if done.back else []
    out.result(
        {"campaign": name, "state": "cancelled", **done._asdict()},
        text=f"{name} is cancelled: {', '.join(words)}",
        errors=[late] if done.late else [],
    )
    if done.sent:
        out.say(f"{done.sent:,} are out and cannot be taken back")
    if done.late and not out.json:
        out.error(late)
    return late.exit_code if done.late else 0


group.command(epilog="Example: mktool campaign sync launch")(sync)
group.command(epilog="Example: mktool campaign events resend bodies.jsonl")(events)
group.command(epilog="Example: mktool campaign report launch")(report)


# -- inside ------------------------------------------------------------------------------------


def _find(name: str, ledger: Ledger | None = None) -> Act:
    if ledger is not None:
        return overview.find(ledger, name)
    with Ledger(ledger_path()) as own:
        return overview.find(own, name)


def _show_recipients(name: str, states: tuple[State, ...], limit: int) -> None:
    from ..core.campaign import export as exports

    found = list(islice(exports.recipients(_find(name), states), limit + 1))
    rows, out = found[:limit], terminal()
    out.result(
        {"campaign": name, "recipients": rows, "more": len(found) > limit},
        exports.COLUMNS, [tuple(row.values()) for row in rows], shorten="reason",
        empty="nobody is in that state",
    )  # fmt: skip
    if len(found) > limit:
        out.say(f"and more: --limit N, or {overview.command('export', name)} FILE.csv")


def _show_summary(name: str) -> None:
    with Ledger(ledger_path()) as ledger:
        act, now = overview.find(ledger, name), ledger.clock()
    out = terminal()
    with overview.opened(act) as file:
        totals = file.totals()
        standing = Standing(act, totals, overview.held_until(file, now))
        reasons = [
            (state.name.lower(), *reason)
            for state in (State.FAILED, State.UNKNOWN, State.INVALID, State.SUPPRESSED)
            for reason in (file.reasons(state) if totals.get(state) else ())
        ]
    states = {state.name.lower(): count for state, count in sorted(totals.items()) if count}
    keys = ("state", "code", "reason", "recipients")
    out.say(f"{name} by {whose(act.provider, act.account)}: {_state(standing)}{_since(standing)}")
    out.result(
        {"name": name, **_data(standing), "totals": states,
         "reasons": [dict(zip(keys, reason, strict=True)) for reason in reasons]},
        ("state", "recipients"), states.items(), empty="nobody is in its list yet",
    )  # fmt: skip
    if reasons and not out.json:
        out.result(None, keys, reasons, shorten="reason")


def _state(one: Standing) -> str:
    """Return the state in the word for people: what the vendor keeps is out, and not done."""
    return HELD if one.held_until and one.act.state == "done" else one.act.state


def _when(one: Standing) -> str:
    if one.act.state == "scheduled":
        return one.act.zone
    return f"until {stamp(one.held_until)}" if _state(one) == HELD else stamp(one.act.updated)


def _since(one: Standing) -> str:
    act = one.act
    if act.state == "scheduled":
        return f" for {act.zone}"
    if _state(one) == HELD:
        return f" by the vendor until {stamp(one.held_until)}"
    return f" since {stamp(act.updated)}" + (f": {act.error}" if act.error else "")


def _data(one: Standing) -> dict[str, Any]:
    act = one.act
    return {
        "act": act.id, "provider": act.provider, "account": act.account, "state": act.state,
        **(_numbers(one) if one.totals is not None else {}),
        "created": act.created, "updated": act.updated, "due": act.due or one.held_until or None,
        "code": act.code or None, "error": act.error or None,
    }  # fmt: skip


def _numbers(one: Standing) -> dict[str, int]:
    return {
        "recipients": one.audience,
        "sent": one.count(State.SENT),
        "failed": one.count(State.FAILED),
        "unknown": one.count(State.UNKNOWN),
        "left": one.count(State.PENDING, State.RETRY),
    }
