"""`mktool post`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .. import errors as e
from ..core import content
from ..core.settings import DEFAULT, Settings, login_of
from ..model import Post
from .completion import provider_names
from .failure import as_ours
from .settings import settings
from .terminal import Status, span, terminal
from .terminal import name as _name

if TYPE_CHECKING:
    from ..core.acting import Published
    from ..core.rehearsal import Rehearsal

app = typer.Typer(rich_markup_mode=None)


@app.command(epilog="Example: mktool post x linkedin --text 'It is here' --media cat.png='A cat'")
def post(
    providers: Annotated[
        list[str],
        typer.Argument(
            metavar="PROVIDER[:ACCOUNT]…",
            help="Where to, and `-` to read the text from stdin.",
            autocompletion=provider_names,
        ),
    ],
    text: Annotated[str, typer.Option(help="The text.")] = "",
    file: Annotated[Path | None, typer.Option(help="A file that holds the text.")] = None,
    thread: Annotated[
        bool, typer.Option("--thread", help="Split at lines of `---`, or where the limit is.")
    ] = False,
    media: Annotated[
        list[str] | None, typer.Option(metavar="PATH[=ALT]", help="An image or a video.")
    ] = None,
    link: Annotated[str, typer.Option(help="A link to add, as a card where there is one.")] = "",
    at: Annotated[str | None, typer.Option(help="When: 2026-12-01T09:00, 'tomorrow 9:00'.")] = None,
    key: Annotated[str | None, typer.Option(help="Publish once for ever under this key.")] = None,
    again: Annotated[bool, typer.Option("--again", help="Also if it went out already.")] = False,
    options: Annotated[
        list[str] | None, typer.Option("--set", metavar="K=V", help="A vendor's own option.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the exact requests; send nothing.")
    ] = False,
) -> int:
    """Publish a post or a thread, to one or several providers.

    The same content goes to the same account once in 24 hours, unless --again. A thread that
    broke goes on where it broke when the same command is run again.
    """
    targets = _targets(providers)
    what = content.Content(
        _text(text, file, stdin="-" in providers),
        thread,
        tuple(content.media_from(m) for m in media or ()),
        link,
        _options(options or []),
    )
    # An empty --at or --key is a variable that a script forgot to set, not a wish for none.
    if key is not None and not 0 < len(key) <= 200:
        raise e.InvalidInput("--key takes 1 to 200 characters")
    given = settings()
    due = None if at is None else _due(given, at)
    if dry_run:
        return _dry_run(given, targets, what, key, again, due)
    plans = _composed(given, targets, what, later=due is not None)
    if due is not None:
        return _schedule(given, targets, plans, due, key, again)
    return _publish(given, targets, plans, key, again)


def _targets(words: list[str]) -> list[tuple[str, str]]:
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


def _text(text: str, file: Path | None, *, stdin: bool) -> str:
    if (bool(text) + bool(file) + stdin) > 1:
        raise e.InvalidInput("one text at a time", hint="--text, --file or -")
    if stdin or str(file) == "-":
        return content.decoded(sys.stdin.buffer.read(content.MAX_TEXT + 1), "stdin")
    if file is not None:
        return content.read_file(file)
    return content.decoded(text.encode("utf-8", "surrogateescape"), "--text")


def _options(pairs: list[str]) -> dict[str, str]:
    options = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.strip():
            raise e.InvalidInput(f"--set {pair!r} is not K=V")
        options[name.strip()] = value
    return options


def _composed(
    given: Settings, targets: list[tuple[str, str]], what: content.Content, *, later: bool
) -> list[list[Post]]:
    """Check the content for every account before anything is sent to the first.

    For ``later`` every account must be connected; else a missing one stops only itself.
    """
    from ..core import rehearsal

    plans = []
    for provider, account in targets:
        bound, _, connected = rehearsal.rehearse(given, provider, account)
        posts = content.compose(bound.spec, what)
        if connected:
            content.check(bound, posts)
        elif later:
            login_of(given, bound.spec, account)  # raises `NeedsLogin`
        plans.append(posts)
    return plans


# -- publishing --------------------------------------------------------------------------------


def _publish(
    given: Settings, targets: list[tuple[str, str]], plans: list[list[Post]], key: str | None,
    again: bool,
) -> int:  # fmt: skip
    from ..core import publish
    from ..core.acting import Published
    from ..core.session import Session, open_session
    from ..core.side import each

    def work(number: int) -> Published:
        (provider, account), posts = targets[number], plans[number]
        say = _speaker(_name(provider, account), len(targets) > 1)
        session: Session | None = None
        try:
            session = open_session(given, provider, account)
            want = publish.wanted(session, posts, key=key)
            return publish.publish(session, want, posts, again=again, say=say)
        except Exception as error:  # one that fails, for whatever reason, stops no other
            ours = as_ours(error)
            return Published(provider, account or DEFAULT, total=len(posts), error=ours)
        finally:
            if session is not None:
                session.close()

    results = each(given, work, list(range(len(targets))))
    return report(results)


def _speaker(name: str, several: bool) -> Callable[[str], None]:
    return lambda text: terminal().say(f"{name}: {text}" if several else text)


def report(results: list[Published], ended: e.MktoolError | None = None) -> int:
    """Print what went and what did not, and return the exit code.

    ``ended`` is what kept the rest from being tried.
    """
    out = terminal()
    failed = [r.error for r in results if r.error is not None] + ([ended] if ended else [])
    data = [
        {
            "provider": r.provider, "account": r.account, "act": r.act or None, "state": r.state,
            "repeated": r.repeated, "parts": r.total, "sent": len(r.posted) or r.recipients,
            "posts": [{"id": p.id, "url": p.url or None} for p in r.posted],
            "error": r.error.code if r.error else None,
        }
        for r in results
    ]  # fmt: skip
    went = any(r.posted or r.recipients for r in results)
    if out.json:
        status: Status = "success" if not failed else ("partial" if went else "error")
        out.envelope(status, data, failed)
    else:
        out.result(data, ("to", "state", "sent", "where"), [_row(r) for r in results])
        for error in failed:
            out.error(error)
    if not failed:
        return 0
    return failed[0].exit_code if len(results) == 1 and not went else _partial(failed)


def _partial(failed: list[e.MktoolError]) -> int:
    """Interrupted and unknown say more than "partial"; else some items did not go."""
    for kind in (e.Interrupted, e.OutcomeUnknown):
        if any(isinstance(error, kind) for error in failed):
            return kind.exit_code
    return e.Partial.exit_code


def _row(result: Published) -> tuple[str, ...]:
    where = next((p.url or p.id for p in result.posted), "")
    if result.repeated:
        where += " (published before, under this key)"
    sent = f"{len(result.posted)}/{result.total}" if result.total else f"{result.recipients:,}"
    return _name(result.provider, result.account), result.state, sent, where


# -- later -------------------------------------------------------------------------------------


def _schedule(
    given: Settings, targets: list[tuple[str, str]], plans: list[list[Post]],
    due: tuple[float, str], key: str | None, again: bool,
) -> int:  # fmt: skip
    import time

    from ..core import schedule
    from ..core.session import open_session

    at, zone = due
    acts, refused = [], []
    for (provider, account), posts in zip(targets, plans, strict=True):
        session = open_session(given, provider, account)
        try:
            acts.append(schedule.add(session, posts, due=at, zone=zone, key=key, again=again))
            entry = session.entry
            if entry and entry.expires_at and not entry.refreshable and entry.expires_at < at:
                terminal().warn(
                    f"the token of {session.name} expires before that:"
                    f" {e.login_command(provider, account)}"
                )
        except e.Duplicate as duplicate:
            refused.append(duplicate)
        finally:
            session.close()
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


def _due(given: Settings, at: str) -> tuple[float, str]:
    """Return (epoch seconds, how to show it) of ``--at``."""
    import time

    from ..core import moments

    return moments.moment(at, time.time(), given.config.get("schedule", "zone"))


# -- not at all --------------------------------------------------------------------------------


def _dry_run(
    given: Settings, targets: list[tuple[str, str]], what: content.Content, key: str | None,
    again: bool, due: tuple[float, str] | None,
) -> int:  # fmt: skip
    from ..core import rehearsal

    plans = [
        rehearsal.post(given, provider, account, what, key=key, again=again)
        for provider, account in targets
    ]
    out = terminal()
    if out.json:
        out.envelope("success", {"sent": False, "plans": [asdict(plan) for plan in plans]})
        return 0
    for plan in plans:
        print("\n".join(_lines(plan)))
    out.say("nothing was sent" + (f" or scheduled for {due[1]}" if due else ""))
    return 0


def _lines(plan: Rehearsal) -> list[str]:
    where = _name(plan.provider, plan.account)
    cost = f", about ${plan.price:.3f}" if plan.price else ""
    lines = [f"{where}: {len(plan.lengths)} to publish, {'; '.join(plan.lengths)}{cost}"]
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
