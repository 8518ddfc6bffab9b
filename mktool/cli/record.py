"""`mktool log`, `stats`, `limits`, `outbox` and `settle`: the ledger, read by people."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import Annotated, Any, get_args
from urllib.parse import urlsplit

import typer

from .. import errors as e
from ..core import moments, outbox
from ..core.acting import items
from ..core.settings import ledger_path
from ..http.exchange import Outcome
from ..store.acts import CAMPAIGN, SYNC, Act
from ..store.ledger import Ledger
from ..store.limits import Usage
from .completion import provider_names
from .settings import settings
from .terminal import cell, name, span, stamp, terminal

app = typer.Typer(rich_markup_mode=None)

COLUMNS = ("time", "account", "operation", "status", "outcome", "ms", "request")
PER = {900.0: "15 min", 60.0: "min", 3600.0: "h", 86400.0: "day", 1.0: "s"}


@app.command(epilog="Example: mktool log --provider x --outcome unknown --since 2d")
def log(
    provider: Annotated[
        str, typer.Option(help="Only this one.", autocompletion=provider_names)
    ] = "",
    operation: Annotated[str, typer.Option(help="Only this one, such as post.")] = "",
    outcome: Annotated[
        str, typer.Option(help="ok, refused, failed, unknown, unsent or intent.")
    ] = "",
    act: Annotated[int | None, typer.Option(help="Only the calls of this act.")] = None,
    since: Annotated[str, typer.Option(help="How far back: 90m, 24h, 7d.")] = "",
    limit: Annotated[int, typer.Option("-n", "--limit", min=1, help="How many.")] = 50,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Wait for more.")] = False,
) -> None:
    """Every call that was made, the newest last."""
    from ..store import reports

    if outcome and outcome not in get_args(Outcome):
        known = ", ".join(get_args(Outcome))
        raise e.InvalidInput(f"there is no outcome {outcome!r}", hint=f"one of {known}")
    with Ledger(ledger_path()) as ledger:
        wanted = reports.Filter(
            _provider(provider), terminal().account, operation, outcome, act or 0,
            ledger.clock() - moments.seconds(since) if since else 0.0,
        )  # fmt: skip
        rows = reports.calls(ledger, wanted, limit)
        if not follow:
            terminal().result(rows, COLUMNS, map(_call, rows), shorten="request",
                              empty="no call is on record")  # fmt: skip
            return
        try:
            while True:
                for row in rows:
                    line = json.dumps(row) if terminal().json else "\t".join(map(cell, _call(row)))
                    print(line, flush=True)
                    wanted = replace(wanted, after=row["id"])
                time.sleep(0.5)
                rows = reports.calls(ledger, wanted, 1000)
        except KeyboardInterrupt:  # how it always ends: no error
            raise typer.Exit(e.Interrupted.exit_code) from None


def _call(row: dict[str, Any]) -> tuple[Any, ...]:
    detail = f"{row['method']} {urlsplit(row['url']).path}"  # the whole address is in --json
    if row["attempt"] > 1:
        detail += f" (attempt {row['attempt']})"
    today = time.time() - row["at"] < 20 * 3600
    when = stamp(row["at"], date=not today)
    return (
        when,
        name(row["provider"], row["account"]),
        row["operation"],
        row["status"],
        row["outcome"],
        round(row["ms"] or 0),
        detail,
    )


@app.command(epilog="Example: mktool stats --since 7d")
def stats(since: Annotated[str, typer.Option(help="How far back.")] = "24h") -> None:
    """Calls, success rate, latency and errors, by provider and operation."""
    from ..store import reports

    with Ledger(ledger_path()) as ledger:
        rows = list(reports.statistics(ledger, ledger.clock() - moments.seconds(since)))
    data = [
        {"provider": r.provider, "operation": r.operation, "calls": r.calls, "ok": r.ok,
         "success": round(r.success, 4), "median_ms": r.median, "p95_ms": r.p95,
         "errors": r.errors}
        for r in rows
    ]  # fmt: skip
    terminal().result(
        data, ("provider", "operation", "calls", "success", "median", "p95", "errors"),
        [(r.provider, r.operation, r.calls, f"{r.success:.0%}", _ms(r.median), _ms(r.p95),
          ", ".join(f"{count} {kind}" for kind, count in r.errors.items())) for r in rows],
        empty=f"no call in the last {since}",
    )  # fmt: skip


@app.command(epilog="Example: mktool limits --json")
def limits() -> None:
    """Used and left of every rate limit, counted here or told by the vendor."""
    from ..core.settings import limits_of
    from ..store import limits as rate

    given, found = settings(), []
    with Ledger(ledger_path()) as ledger, ledger.guard():
        now = ledger.clock()
        for provider, account in rate.accounts(ledger.db):
            declared = limits_of(given, provider, account)
            found += [u for u in rate.usage(ledger.db, provider, account, declared, now)
                      if u.used or u.source == "vendor"]  # fmt: skip
    data = [u._asdict() | {"left": max(u.quota - u.used, 0)} for u in found]
    rows = [
        (u.provider, u.account, u.bucket, _window(u), u.used, max(u.quota - u.used, 0),
         _reset(u, now), u.source)
        for u in found
    ]  # fmt: skip
    columns = ("provider", "account", "what", "window", "used", "left", "frees up", "source")
    terminal().result(data, columns, rows, empty="no limit has been touched")


def _window(usage: Usage) -> str:
    return (
        f"{usage.quota}/{PER.get(usage.per) or span(usage.per)}" if usage.per else str(usage.quota)
    )


def _reset(usage: Usage, now: float) -> str:
    if usage.blocked_until:
        return f"blocked for {span(usage.blocked_until - now)}"
    return f"in {span(usage.resets_at - now)}" if usage.resets_at and usage.resets_at > now else ""


@app.command("outbox", epilog="Example: mktool outbox")
def show_outbox() -> None:
    """What is waiting, failed, missed or unknown, and what to do about it."""
    with Ledger(ledger_path()) as ledger:
        found = outbox.waiting(ledger)
    data = [
        {"act": a.id, "verb": a.verb, "provider": a.provider, "account": a.account,
         "state": a.state, "sent": sent, "parts": items(a), "due": a.due, "created": a.created,
         "code": a.code or None, "error": a.error or None, "next": _next(a, sent)}
        for a, sent in found
    ]  # fmt: skip
    rows = [
        (a.id, name(a.provider, a.account), a.state, _progress(a, sent), a.error, _next(a, sent))
        for a, sent in found
    ]  # fmt: skip
    columns = ("act", "to", "state", "sent", "why", "next")
    terminal().result(data, columns, rows, empty="nothing is waiting")


def _progress(act: Act, sent: int) -> str:
    return f"{sent}/{items(act)}" if items(act) else f"{act.verb} {act.key or ''}".rstrip()


def _next(act: Act, sent: int) -> str:
    from ..core.campaign import overview

    if outbox.refused_in_part(act, sent):
        return f"make what was refused by hand, then mktool settle {act.id} --sent"
    settle = f"look there, then mktool settle {act.id} --sent | --not-sent"
    inside = {CAMPAIGN: f"{overview.command('show', act.key)} --unknown",
              SYNC: f"mktool syncs {act.id} --state unknown"}  # fmt: skip
    return {
        "scheduled": f"mktool schedule cancel {act.id}",
        "missed": "mktool run-due --grace 2d",
        "unknown": inside.get(act.verb, settle),
    }.get(act.state, "run the same command again")


@app.command(epilog="Example: mktool settle 12 --sent --id 1790000000000000001")
def settle(
    act: Annotated[int, typer.Argument(help="The number that `outbox` shows.")],
    sent: Annotated[
        bool | None, typer.Option("--sent/--not-sent", help="It went out, or it did not.")
    ] = None,
    id: Annotated[str, typer.Option(help="Its id at the vendor, so that a thread can go on.")] = "",
    url: Annotated[str, typer.Option(help="Its address.")] = "",
) -> None:
    """Say whether an unknown act went out, after looking at the account.

    Also, with --sent, that what a vendor refused of an export is made by hand.
    """
    if sent is None:
        raise e.InvalidInput("did it go out?", hint=f"mktool settle {act} --sent, or --not-sent")
    with Ledger(ledger_path()) as ledger:
        found = outbox.settle(ledger, act, sent=sent, ref=id, url=url)
    go_on = "" if found.state == "done" else "; run the same command again to go on"
    terminal().result(
        {"act": act, "state": found.state}, text=f"act {act} is now {found.state}{go_on}"
    )


def _provider(name: str) -> str:
    from .. import providers

    return providers.load(name).spec.name if name else ""


def _ms(value: float | None) -> str:
    return f"{value:.0f} ms" if value is not None else ""
