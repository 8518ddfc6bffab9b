"""`mktool sync` and `mktool syncs`."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from .. import errors as e
from .. import providers
from ..core.settings import Settings, ledger_path
from .completion import WhichAccount, kinds_of_records
from .settings import settings
from .terminal import name as _name
from .terminal import stamp, terminal

if TYPE_CHECKING:
    from ..core.sync.sync import Plan, Syncing

app = typer.Typer(rich_markup_mode=None)


@app.command(epilog="Example: mktool sync hubspot contacts --to sqlite:///crm.db")
def sync(
    provider: WhichAccount,
    kind: Annotated[
        str,
        typer.Argument(
            metavar="KIND",
            help="contacts, companies, deals, leads, …",
            autocompletion=kinds_of_records,
        ),
    ],
    to: Annotated[
        str,
        typer.Option(metavar="TARGET", help="FILE.csv, FILE.jsonl, sqlite:///… or postgresql://…"),
    ] = "",
    source: Annotated[
        str, typer.Option("--from", metavar="SOURCE", help="The same, `-` or campaign:NAME.")
    ] = "",
    key: Annotated[str, typer.Option(help="The field by which rows without an id are known.")] = "",
    fields: Annotated[
        str, typer.Option(metavar="A,B", help="Only these fields, read or written.")
    ] = "",
    conflict: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[FIELD=]RULE", help="theirs, ours or newest, where both sides changed."
        ),
    ] = None,
    no_create: Annotated[
        bool, typer.Option("--no-create", help="Only change, never make.")
    ] = False,
    full: Annotated[bool, typer.Option("--full", help="Read all, not only what changed.")] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="Write over a file that is not as sync left it.")
    ] = False,
    confirm: Annotated[
        int | None, typer.Option(metavar="N", help="Yes: so many rows are to be written.")
    ] = None,
    max_errors: Annotated[int, typer.Option(min=0, help="Stop after so many refused rows.")] = 0,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the plan; write nothing.")
    ] = False,
) -> int:
    """Keep records and a file or table in step: --to reads, --from writes, both do both.

    Only what changed since the last time is read. What would be written is shown first; the
    same command again goes on where one was interrupted. More: mktool help sync.
    """
    from ..core.session import open_session
    from ..core.side import stopping
    from ..core.sync import order
    from ..core.sync.sync import Syncing

    given = settings()
    vendor, _, account = provider.partition(":")
    meant = order.kind_of(providers.load(vendor).spec, kind)
    with contextlib.ExitStack() as stack:
        session = open_session(given, vendor, account or terminal().account)
        stack.callback(session.close)
        wanted = order.order(
            given.config, session.spec, meant, into=to, source=source,
            key=key, fields=fields, conflict=conflict or (), create=not no_create, full=full,
            replace=replace, max_errors=max_errors,
        )  # fmt: skip
        stack.enter_context(stopping(given))
        work = stack.enter_context(Syncing(session, wanted))
        if source:
            return _push(given, work, confirm, dry_run=dry_run)
        if dry_run:
            raise e.InvalidInput("--dry-run is for --from: --to changes nothing at the vendor")
        return _pull(work)


def _pull(work: Syncing) -> int:
    with _counting("read") as say:
        reading = work.pull(say)
    kept, gone = work.list.counts()
    data = {
        "sync": work.sync.id, "read": reading.read, "changed": reading.changed,
        "deleted": reading.deleted, "whole": reading.whole, "records": kept, "tombstones": gone,
        "to": work.order.pair,
    }  # fmt: skip
    what = "all" if reading.whole else "what had changed"
    deleted = f", {reading.deleted:,} deleted" if reading.deleted else ""
    terminal().result(
        data,
        text=f"{work.order.kind.name}: {reading.changed:,} new or changed{deleted};"
        f" {kept:,} in {work.order.pair} (read {what})",
    )
    return 0


def _push(given: Settings, work: Syncing, confirm: int | None, *, dry_run: bool) -> int:
    with _counting("read") as say:
        plan = work.plan(say, dry=dry_run)
    _say_plan(work, plan)
    data: dict[str, Any] = {"sync": work.sync.id, "plan": dict(plan.steps), "rows": plan.examples,
                            "ignored": list(plan.ignored)}  # fmt: skip
    if dry_run:
        terminal().result(data, ("step", "rows"), sorted(plan.steps.items()))
        terminal().say("nothing was written")
        return 0
    outcomes: Mapping[str, int] = work.list.outcomes()
    if plan.writes:
        _confirm(given, plan.writes, confirm, before=work.confirmed)
        outcomes = _written(work, plan.writes)
    taken = work.take_over() if work.order.into else 0
    error = _verdict(work.list.steps(), outcomes, work.sync.id)
    data |= {"outcomes": dict(outcomes), "taken_over": taken}
    rows = [(state, count) for state, count in sorted(outcomes.items()) if count]
    if taken:
        rows.append((f"taken over into {work.order.pair}", taken))
    terminal().result(
        data, ("state", "rows"), rows, text="",
        empty="nothing was written" if error else "both sides agree: nothing was to be written",
        errors=[error] if error else [],
    )  # fmt: skip
    if error is None:
        return 0
    if not terminal().json:
        _say_failed(work)
        terminal().error(error)
    return error.exit_code


def _written(work: Syncing, writes: int) -> Mapping[str, int]:
    """Write what was planned; where that is cut short, say how far it got."""
    done = 0

    def count(rows: int) -> None:
        nonlocal done
        done = rows
        say(rows)

    with _counting("written") as say:
        try:
            return work.push(count)
        except e.MktoolError:
            terminal().say(f"{done:,} of {_rows(writes)} were written;"
                           " the same command goes on with the rest")  # fmt: skip
            raise


def _say_plan(work: Syncing, plan: Plan) -> None:
    """Show what a push would do, with the first rows of each step."""
    out = terminal()
    if out.json:
        return
    words = [f"{count:,} {step}" for step, count in sorted(plan.steps.items())]
    out.say(f"{work.order.kind.name}: {', '.join(words) or 'no rows'}")
    if plan.removed:
        out.say(f"  {_rows(plan.removed)} taken out here, put back: nothing is deleted there")
    if plan.ignored:
        names = ", ".join(plan.ignored)
        out.say(f"  not written: {names}; only {work.session.spec.title} itself changes that")
    for row in plan.examples:
        change = ", ".join(f"{name} = {value}" for name, value in row["change"].items())
        known = row["key"] or row["id"]
        named = f" ({known})" if known else ""
        out.say(f"  {row['step']} line {row['line']}{named}: {row['reason'] or change}")


def _confirm(given: Settings, writes: int, confirm: int | None, *, before: int) -> None:
    """Have the number of rows confirmed, where there are many or a script says one.

    Whoever confirmed more ``before`` this run went on is not asked again for the rest.
    """
    if confirm is not None:
        if confirm != writes and not confirm == before >= writes:
            raise e.InvalidInput(
                f"--confirm {confirm}, but {writes} rows are to be written",
                hint=f"if that is right: --confirm {writes}",
            )
        return
    if writes <= max(before, int(given.config.get("campaign", "confirm_above"))):
        return
    if not terminal().interactive:
        raise e.InvalidInput(
            f"{writes} rows are to be written: somebody has to confirm that",
            hint=f"--confirm {writes}",
        )
    if terminal().ask(f"Type {writes} to write: ").replace(",", "") != str(writes):
        raise e.InvalidInput("that is another number; nothing was written")


def _verdict(
    steps: Mapping[str, int], outcomes: Mapping[str, int], sync: int
) -> e.MktoolError | None:
    """Return what did not go, or None."""
    if unknown := outcomes.get("unknown", 0):
        return e.Partial(
            f"{_rows(unknown)}: it is not known whether written",
            hint=f"mktool syncs {sync} --state unknown lists them; --full looks for them again,"
            " or name their ids in the column `id`",
        )
    missed = {
        state: count
        for state, count in (
            ("failed", outcomes.get("failed", 0)), ("conflict", steps.get("conflict", 0)),
            ("refused", steps.get("refused", 0)),
        ) if count
    }  # fmt: skip
    if not missed:
        return None
    states = " ".join(f"--state {state}" for state in missed)
    rules = "; --conflict theirs or ours decides" if "conflict" in missed else ""
    return e.Partial(
        f"{_rows(sum(missed.values()))} not written",
        hint=f"mktool syncs {sync} {states}{rules}",
    )


def _rows(count: int) -> str:
    return f"{count:,} row" + ("" if count == 1 else "s")


def _say_failed(work: Syncing) -> None:
    rows = [
        (row["line"], row["key"] or row["id"], row["code"], row["reason"])
        for row in work.list.told(("failed", "unknown"), 10)
    ]
    terminal().result(None, ("line", "key", "code", "reason"), rows, shorten="reason")


@contextlib.contextmanager
def _counting(word: str) -> Iterator[Callable[[int], None]]:
    """Show how many records are through, where somebody looks."""
    if terminal().quiet or not sys.stderr.isatty():
        yield lambda count: None
        return
    from rich.console import Console

    with Console(stderr=True).status(f"{word} 0") as status:
        yield lambda count: status.update(f"{word} {count:,}")


@app.command(epilog="Example: mktool syncs 3 --state conflict --json")
def syncs(
    id: Annotated[int | None, typer.Argument(metavar="[ID]", help="As `syncs` lists it.")] = None,
    state: Annotated[
        list[str] | None,
        typer.Option(help="Rows to be seen: conflict, refused, failed, unknown, gone, done, …"),
    ] = None,
) -> int:
    """What is kept in step with what; with an ID, the rows of its last push."""
    from ..store.ledger import Ledger
    from ..store.syncs import Syncs
    from ..store.worklist import RowState, Step, Worklist

    states = (*get_args(Step), *get_args(RowState))
    if unknown := [word for word in state or () if word not in states]:
        raise e.InvalidInput(f"--state {unknown[0]}", hint=f"one of {', '.join(states)}")
    with Ledger(ledger_path()) as ledger:
        found = Syncs(ledger).listed() if id is None else [Syncs(ledger).get(id)]
    if id is not None:
        with Worklist(found[0].path) as work:
            told = list(work.told(tuple(state or ())))
        columns = ("row", "line", "key", "id", "step", "state", "change", "reason")
        rows = [tuple(", ".join(r[c]) if c == "change" else r[c] for c in columns) for r in told]
        terminal().result(told, columns, rows, shorten="reason", empty="no rows")
        return 0
    data = [{**s._asdict(), "interrupted": bool(s.cursor)} for s in found]
    terminal().result(
        data,
        ("id", "of", "kind", "with", "until"),
        [(s.id, _name(s.provider, s.account), s.kind, s.target, stamp(s.since)) for s in found],
        shorten="with", empty="nothing is kept in step yet",
    )  # fmt: skip
    return 0
