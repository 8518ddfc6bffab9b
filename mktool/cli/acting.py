"""What the commands that send have in common: where to, when, and how it ended."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from itertools import groupby
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .. import errors as e
from ..core.settings import DEFAULT, Settings
from .failure import as_ours
from .terminal import Status, span, terminal
from .terminal import name as _name

if TYPE_CHECKING:
    from ..core.acting import Published
    from ..core.rehearsal import Rehearsal
    from ..core.session import Session
    from ..store.acts import Act

# The options of what posts and of what exports.
At = Annotated[str | None, typer.Option(help="When: 2026-12-01T09:00, 'tomorrow 9:00'.")]
Again = Annotated[bool, typer.Option("--again", help="Also if it went out already.")]
Set = Annotated[
    list[str] | None, typer.Option("--set", metavar="K=V", help="A vendor's own option.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show the exact requests; send nothing.")]


def targets(words: list[str]) -> list[tuple[str, str]]:
    """Return (provider, account) pairs; an empty account is the default one."""
    from .. import providers

    found: list[tuple[str, str]] = []
    for word in words:
        if word == "-":
            continue
        if " " in word:
            raise e.InvalidInput("a text stands after --text", hint="mktool post x --text '…'")
        name, _, account = word.partition(":")
        pair = (providers.load(name).spec.name, account or terminal().account)
        if _name(*pair) not in [_name(*other) for other in found]:
            found.append(pair)
    if not found:
        raise e.InvalidInput("which provider?", hint="mktool post x --text …; mktool providers")
    return found


def options(pairs: list[str]) -> dict[str, str]:
    """Return what `--set` gives."""
    found = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.strip():
            raise e.InvalidInput(f"--set {pair!r} is not K=V")
        found[name.strip()] = value
    return found


def check_key(key: str | None) -> None:
    """Refuse a ``--key`` that is too long, or empty: a variable that a script forgot to set."""
    if key is not None and not 0 < len(key) <= 200:
        raise e.InvalidInput("--key takes 1 to 200 characters")


def due(given: Settings, at: str) -> tuple[float, str]:
    """Return (epoch seconds, how to show it) of ``--at``."""
    import time

    from ..core import moments

    return moments.moment(at, time.time(), given.config.get("schedule", "zone"))


def carry_out(
    given: Settings, targets: list[tuple[str, str]],
    work: Callable[[int, Session, Callable[[str], None]], Published], totals: list[int],
) -> int:  # fmt: skip
    """Do ``work`` (number, session, how to speak) at each target side by side, and report it.

    ``totals`` is how many parts each has.
    """
    from ..core.acting import Published
    from ..core.session import open_session
    from ..core.side import each

    def at(number: int) -> Published:
        provider, account = targets[number]
        say = speaker(_name(provider, account), len(targets) > 1)
        session: Session | None = None
        try:
            session = open_session(given, provider, account)
            return work(number, session, say)
        except Exception as error:  # one that fails, for whatever reason, stops no other
            total = totals[number]
            return Published(provider, account or DEFAULT, total=total, error=as_ours(error))
        finally:
            if session is not None:
                session.close()

    return report(each(given, at, list(range(len(targets)))))


def speaker(name: str, several: bool) -> Callable[[str], None]:
    """Return how an account at work speaks to people; one of several says its name."""
    return lambda text: terminal().say(f"{name}: {text}" if several else text)


def report(results: list[Published], ended: e.MktoolError | None = None) -> int:
    """Print what went and what did not, and return the exit code.

    ``ended`` is what kept the rest from being tried.
    """
    out = terminal()
    failed = [r.error for r in results if r.error is not None] + ([ended] if ended else [])
    data = [as_data(result) for result in results]
    went = any(r.posted or r.recipients for r in results)
    if out.json:
        status: Status = "success" if not failed else ("partial" if went else "error")
        out.envelope(status, data, failed)
    else:
        out.result(data, ("to", "state", "sent", "where"), [as_row(r) for r in results])
        for error in failed:
            out.error(error)
    if not failed:
        return 0
    codes = {error.exit_code for error in failed}
    return codes.pop() if not went and len(codes) == 1 else partly(failed)


def partly(failed: list[e.MktoolError]) -> int:
    """Return the exit code of what failed beside others: that some did not go, unless an
    interruption or an outcome that is unknown says more."""
    for kind in (e.Interrupted, e.OutcomeUnknown):
        if any(isinstance(error, kind) for error in failed):
            return kind.exit_code
    return e.Partial.exit_code


def as_data(r: Published) -> dict[str, Any]:
    """Return a result as ``--json`` shows it."""
    return {
        "provider": r.provider, "account": r.account, "act": r.act or None, "state": r.state,
        "repeated": r.repeated, "parts": r.total, "sent": len(r.posted) or r.recipients,
        "posts": [{"id": p.id, "url": p.url or None} for p in r.posted],
        "error": r.error.code if r.error else None,
    }  # fmt: skip


def as_row(result: Published) -> tuple[str, ...]:
    """Return (to, state, sent, where) for people."""
    where = next((p.url or p.id for p in result.posted), "")
    if result.repeated:
        where += " (published before, under this key)"
    sent = f"{len(result.posted)}/{result.total}" if result.total else f"{result.recipients:,}"
    return _name(result.provider, result.account), result.state, sent, where


def warn_of_expiry(session: Session, at: float) -> None:
    """Say so if the account's token will not live until ``at`` (epoch seconds)."""
    entry = session.entry
    if entry and entry.expires_at and not entry.refreshable and entry.expires_at < at:
        terminal().warn(
            f"the token of {session.name} expires before that:"
            f" {e.login_command(session.spec.name, session.account)}"
        )


def scheduled(acts: Sequence[Act], refused: Sequence[e.MktoolError]) -> int:
    """Print what is scheduled and what is not, and return the exit code."""
    import time

    data = [
        {"act": a.id, "provider": a.provider, "account": a.account, "state": a.state,
         "due": a.due, "when": a.zone} for a in acts
    ]  # fmt: skip
    rows = [(a.id, _name(a.provider, a.account), a.state, a.zone) for a in acts]
    out = terminal()
    out.result(data, ("act", "to", "state", "when"), rows, errors=refused)
    for error in refused if not out.json else ():
        out.error(error)
    if waiting := [a.due for a in acts if a.due and a.state == "scheduled"]:
        out.say(f"in {span(min(waiting) - time.time())}, if `mktool run-due` runs then (cron)")
    if not refused:
        return 0
    return e.Partial.exit_code if acts or refused[1:] else refused[0].exit_code


def rehearsed(
    plans: Sequence[Rehearsal], due: tuple[float, str] | None,
    failed: Sequence[e.MktoolError] = (),
) -> int:  # fmt: skip
    """Print what would be sent, and what could not be; return the exit code."""
    out = terminal()
    code = e.Partial.exit_code if failed else 0
    if out.json:
        status: Status = "success" if not failed else ("partial" if plans else "error")
        data = {"sent": False, "plans": [asdict(plan) for plan in plans]}
        out.envelope(status, data, failed)
        return code
    for plan in plans:
        print("\n".join(_lines(plan)))
    for error in failed:
        out.error(error)
    out.say("nothing was sent" + (f" or scheduled for {due[1]}" if due else ""))
    return code


def _lines(plan: Rehearsal) -> list[str]:
    where = _name(plan.provider, plan.account)
    cost = f", about ${plan.price:.3f}" if plan.price else ""
    lines = [f"{where}: {len(plan.lengths)} to publish, {_counted(plan.lengths)}{cost}"]
    if not plan.connected:
        lines.append(f"  not connected: {e.login_command(plan.provider, plan.account)}")
    if plan.note:
        lines.append(f"  {plan.note}")
    if plan.allowed:
        lines.append(f"  limits: {', '.join(plan.allowed)}")
    for request in plan.requests:
        lines.append(f"  {request['method']} {request['url']}")
        lines += [f"    {name}: {value}" for name, value in request["headers"].items()]
        for part in ("json", "form", "files"):
            if part in request:
                lines.append(f"    {json.dumps(request[part], ensure_ascii=False)}")
        if "body" in request:
            lines.append(f"    {request['body']}")
    return lines


def _counted(words: Sequence[str]) -> str:
    """Return words in a row, those that follow each other alike as one: "note; 200 activity"."""
    runs = [(word, len(list(run))) for word, run in groupby(words)]
    return "; ".join(f"{count} {word}" if count > 1 else word for word, count in runs)
