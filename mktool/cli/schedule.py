"""`mktool schedule` and `mktool run-due`."""

from __future__ import annotations

from typing import Annotated

import typer

from ..core import moments, schedule
from ..core.acting import Published
from ..core.settings import ledger_path
from ..errors import Busy, MktoolError, OutcomeUnknown, Partial
from ..store.acts import Act
from ..store.ledger import Ledger
from .settings import settings
from .terminal import name, span, terminal

app = typer.Typer(rich_markup_mode=None)
group = typer.Typer(
    rich_markup_mode=None, no_args_is_help=True, help="List and cancel scheduled posts."
)
app.add_typer(group, name="schedule")


@group.command("list", epilog="Example: mktool schedule list --json")
def listed() -> None:
    """What is scheduled or was missed, the next one first."""
    with Ledger(ledger_path()) as ledger:
        now = ledger.clock()
        acts = schedule.listed(ledger)
    data = [
        {"act": a.id, "provider": a.provider, "account": a.account, "state": a.state,
         "due": a.due, "when": a.zone, "text": _text(a), "error": a.error or None}
        for a in acts
    ]  # fmt: skip
    rows = [
        (
            a.id,
            name(a.provider, a.account),
            a.state,
            a.zone,
            _in((a.due or now) - now),
            _short(_text(a)),
        )
        for a in acts
    ]
    columns = ("act", "to", "state", "when", "in", "text")
    terminal().result(data, columns, rows, empty="nothing is scheduled")


@group.command(epilog="Example: mktool schedule cancel 12")
def cancel(
    act: Annotated[int, typer.Argument(help="The number that `schedule list` shows.")],
) -> None:
    """Cancel a scheduled post."""
    with Ledger(ledger_path()) as ledger:
        found = schedule.cancel(ledger, act)
    whose = name(found.provider, found.account)
    terminal().result(
        {"act": act, "state": found.state}, text=f"act {act} for {whose} is cancelled"
    )


@app.command("run-due", epilog="Example, in crontab: * * * * * mktool run-due --quiet")
def run_due(
    grace: Annotated[str, typer.Option(help="How late a post may still go out.")] = "",
) -> int:
    """Send what is due; for cron, safe to run every minute.

    One run at a time. A post that is later than --grace is missed: it is reported once and can
    be sent with a larger --grace. Nothing due prints nothing.
    """
    from ..core.side import stopping
    from . import acting

    given, out = settings(), terminal()
    seconds = moments.seconds(grace or given.config.get("schedule", "grace"))
    news: list[Published] = []
    ended: MktoolError | None = None
    try:
        with stopping(given):
            for result, is_news in schedule.run_due(given, seconds, out.detail):
                if is_news:
                    news.append(result)
    except Busy as busy:
        out.say(f"{busy.message}; nothing to do here")
    except MktoolError as error:
        ended = error
    if not news and ended is None:
        if out.json:
            out.envelope("success", [])
        return 0
    # What is reported once must be said now, even if the run ended early.
    failed = acting.report(news, ended)
    if ended is not None:
        return ended.exit_code
    return failed if failed in (0, OutcomeUnknown.exit_code) else Partial.exit_code


def _text(act: Act) -> str:
    posts = act.content.get("posts")
    if posts:
        return str(posts[0]["text"])
    return f"{act.verb} {act.content.get('title', act.key) or ''}".rstrip()


def _short(text: str, room: int = 30) -> str:
    line = " ".join(text.split())
    return line if len(line) <= room else line[: room - 1] + "…"


def _in(seconds: float) -> str:
    return span(seconds) if seconds >= 0 else f"{span(-seconds)} ago"
