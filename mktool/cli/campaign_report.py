"""`mktool campaign sync`, `mktool campaign events` and `mktool campaign report`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..core.campaign import overview
from ..core.settings import ledger_path
from ..errors import Partial
from ..store.ledger import Ledger
from .completion import provider_names
from .settings import settings
from .terminal import cell, many, stamp, terminal
from .terminal import name as whose

if TYPE_CHECKING:
    from ..core.campaign.report import Figure, Report, Tested

UNKNOWN = "-"
RARE = ("rejected", "failed", "unknown", "waiting", "cancelled", "suppressed", "invalid")
CHARTED = ("sent", "delivered", "opened", "clicked", "bounced", "complained", "unsubscribed")

Name = Annotated[str, typer.Argument(help="The campaign's name, as its file gives it.")]


def sync(campaign: Name) -> int:
    """Read from the vendor who got, opened and clicked it, and who must not be written to now.

    Also while it is being sent, and as often as you like.
    """
    from ..core.campaign import track
    from ..core.side import stopping

    given, out = settings(), terminal()
    with stopping(given):
        found = track.sync_named(given, campaign)
    data = {
        "campaign": campaign, "read": found.read, "new": found.new, "others": found.others,
        "suppressed": found.suppressed, "totals": found.summary,
    }  # fmt: skip
    told = "the vendor's totals were read" if found.summary else "nothing new"
    out.result(
        data, ("event", "new"), sorted(found.new.items()), errors=found.errors,
        empty=f"{told}; {overview.command('report', campaign)}",
    )  # fmt: skip
    if found.suppressed:
        out.say(f"suppressed now: {found.suppressed:,}")
    if not out.json:
        for error in found.errors:
            out.error(error)
    return Partial.exit_code if found.errors else 0


def events(
    provider: Annotated[
        str, typer.Argument(help="Whose webhooks they are.", autocompletion=provider_names)
    ],
    file: Annotated[
        str, typer.Argument(help="Their bodies, one a line: JSON or forms; - for stdin.")
    ],
) -> int:
    """Read the bodies of a vendor's webhooks: who got, opened and clicked what, and who must not
    be written to now.

    A receiver of your own, a queue or a bucket keeps them, and checks that they are the vendor's.
    What was read before changes nothing.
    """
    from contextlib import ExitStack

    from ..core.campaign import notices, receive
    from ..core.lists.recipients import text_of
    from ..core.side import stopping

    given, out = settings(), terminal()
    with stopping(given), ExitStack() as closing:
        lines = text_of(file, Path.cwd(), sys.stdin.buffer, closing)
        found = receive.receive(given, provider, out.account, notices.read(lines, file))
    errors = [] if not found.bad else [
        Partial(f"{found.bad:,} of {many(found.notices, 'notice')} cannot be read",
                hint="mend them and read the file again: what was read before changes nothing")
    ]  # fmt: skip
    data = {
        "notices": found.notices, "events": found.events, "new": found.new, "others": found.others,
        "suppressed": found.suppressed, "bad": found.bad,
        "problems": [{"line": one.line, "reason": one.reason} for one in found.problems],
    }  # fmt: skip
    rows = [(name, kind, n) for name, kinds in found.new.items() for kind, n in kinds.items()]
    out.result(data, ("campaign", "event", "new"), rows, errors=errors,
               empty="nothing new of a campaign")  # fmt: skip
    if found.others:
        out.say(f"events of no campaign: {found.others:,}")
    if found.suppressed:
        out.say(f"suppressed now: {found.suppressed:,}")
    if not out.json:
        for problem in found.problems:
            out.say(f"  line {problem.line}: {problem.reason}")
        for error in errors:
            out.error(error)
    return Partial.exit_code if errors else 0


def report(
    campaign: Name,
    cost: Annotated[float | None, typer.Option(min=0, help="What it cost.")] = None,
    revenue: Annotated[float | None, typer.Option(min=0, help="What it brought in.")] = None,
) -> None:
    """Who got, opened and clicked it, what it cost and what came of it.

    What the vendor has not told is shown as "-". `mktool campaign sync` asks it.
    """
    from ..core.campaign.report import report as report_of

    with Ledger(ledger_path()) as ledger:
        found = report_of(ledger, campaign, cost=cost, revenue=revenue)
    out = terminal()
    if out.json:
        out.result(_data(found))
        return
    out.say(
        f"{found.name} by {whose(found.provider, found.account)}: {found.state}, {_since(found)}"
    )
    out.result(None, ("", "count", "rate", "of"), [*_rows(found)])
    if out.tables:
        _chart(found)
    if found.variants:
        told = {f.name for one in found.variants for f in one.figures if f.count is not None}
        columns = [f.name for f in found.variants[0].figures if f.name in told]
        rows = [
            (one.name, *(_short(f) for f in one.figures if f.name in told), one.subject)
            for one in found.variants
        ]
        out.result(None, ("variant", *columns, "subject"), rows, shorten="subject")
    for line in _verdicts(found):
        out.say(line)


def _since(found: Report) -> str:
    from ..core.campaign import track

    if not found.began:
        return "nothing has gone out"
    began = f"since {stamp(found.began)}"
    if found.synced:
        return f"{began}; the vendor was asked {stamp(found.synced)}"
    if not track.tells(found.provider):
        return f"{began}; the vendor tells nothing about it"
    return f"{began}; the vendor was not asked yet: {overview.command('sync', found.name)}"


def _rows(found: Report) -> Iterator[tuple[str, ...]]:
    for figure in found.figures:
        if figure.count or figure.name not in RARE:
            rate = "" if figure.rate is None else f"{figure.rate:.1%}"
            yield figure.name, _count(figure), rate, figure.of
    for what, amount in (("cost", found.cost), ("revenue", found.revenue)):
        yield what, UNKNOWN if amount is None else f"{amount:.2f}", "", ""
    yield "ROI", UNKNOWN if found.roi is None else f"{found.roi:.0%}", "", ""


def _count(figure: Figure) -> str:
    return UNKNOWN if figure.count is None else f"{figure.count:.0f}"


def _short(figure: Figure) -> str:
    rate = "" if figure.rate is None else f" ({figure.rate:.1%})"
    return f"{_count(figure)}{rate}"


def _verdicts(found: Report) -> Iterator[str]:
    """Say what the test of the variants proves, and what it does not."""
    for test in found.tests:
        yield cell(_verdict(test))
    if found.winner:
        yield f"the winner is {found.winner}"


def _verdict(test: Tested) -> str:
    best, p_value, significant = test.best, test.comparison.p_value, test.comparison.significant
    if significant:
        shown = f"p = {p_value:.3f}" if p_value >= 0.001 else "p < 0.001"
        return f"{test.kind}: {best} is best ({shown})"
    if p_value >= 1:
        return f"{test.kind}: {best} leads, by too little or of too few to tell it from luck"
    return f"{test.kind}: {best} leads, but not significantly (p = {p_value:.2f})"


def _chart(found: Report) -> None:
    """Draw the shares of what was sent."""
    from rich.bar import Bar
    from rich.console import Console
    from rich.table import Table

    counts = {figure.name: figure.count for figure in found.figures}
    sent = counts["sent"]
    if not sent:
        return
    grid = Table.grid(padding=(0, 1))
    for kind in CHARTED:
        if (count := counts[kind]) is not None:
            bar = Bar(size=sent, begin=0, end=min(count, sent), width=40)
            grid.add_row(kind, bar, f"{count / sent:.1%}")
    Console(highlight=False).print(grid, "")


def _data(found: Report) -> dict[str, Any]:
    return {
        "campaign": found.name, "provider": found.provider, "account": found.account,
        "state": found.state, "began": found.began, "synced": found.synced,
        "figures": {figure.name: _figure(figure) for figure in found.figures},
        "cost": found.cost, "revenue": found.revenue, "roi": found.roi,
        "variants": [
            {"variant": one.name, "subject": one.subject,
             "figures": {figure.name: _figure(figure) for figure in one.figures}}
            for one in found.variants
        ],
        "tests": [
            {"by": test.kind, "best": test.best, "p_value": test.comparison.p_value,
             "significant": test.comparison.significant}
            for test in found.tests
        ],
        "winner": found.winner or None,
    }  # fmt: skip


def _figure(figure: Figure) -> dict[str, Any]:
    return {"count": figure.count, "rate": figure.rate, "of": figure.of or None}
