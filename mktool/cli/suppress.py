"""`mktool suppress`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Annotated, cast, get_args

import typer

from ..core.settings import DEFAULT, ledger_path
from ..errors import InvalidInput, MktoolError, Partial
from ..message import Reason
from ..store.ledger import Ledger
from ..store.suppressions import EVERYWHERE, Row, Suppressions
from .completion import provider_names
from .settings import settings
from .terminal import cell, many, name, stamp, terminal

app = typer.Typer(rich_markup_mode=None)
group = typer.Typer(
    rich_markup_mode=None, no_args_is_help=True, help="Who must not be written to any more."
)
app.add_typer(group, name="suppress")

REASONS = get_args(Reason)
COLUMNS = ("address", "list", "reason", "source", "since")
HIDDEN = "(hash only)"

Addresses = Annotated[list[str], typer.Argument(help="E-mail addresses or phone numbers.")]
OneList = Annotated[str, typer.Option("--list", help="Only for this list; default: for all.")]
Why = Annotated[str, typer.Option("--reason", help=f"One of {', '.join(REASONS)}.")]


@group.command(epilog="Example: mktool suppress add ada@acme.example --reason unsubscribed")
def add(addresses: Addresses, list: OneList = EVERYWHERE, reason: Why = "manual") -> None:
    """Write to these no more."""
    from ..core.campaign import suppress

    why = _reason(reason)
    with Ledger(ledger_path()) as ledger:
        count = suppress.add(settings(), ledger, addresses, list=list, reason=why)
    known = len(addresses) - count
    words = f"{count:,} suppressed" + (f", {known:,} were before" if known else "")
    terminal().result({"added": count, "known": known}, text=words)


@group.command(epilog="Example: mktool suppress remove ada@acme.example")
def remove(
    addresses: Addresses,
    list: Annotated[
        str | None, typer.Option("--list", help="Only from this list; default: from all.")
    ] = None,
) -> None:
    """Let these be written to again. A vendor that still has them tells so at the next sync."""
    from ..core.campaign import suppress

    with Ledger(ledger_path()) as ledger:
        count = suppress.remove(ledger, addresses, list)
    terminal().result({"removed": count}, text=f"{count:,} removed")


@group.command("import", epilog="Example: mktool suppress import bounces.csv --reason bounced")
def read(
    file: Annotated[
        str, typer.Argument(help="CSV, JSON Lines or one address a line; - for stdin.")
    ],
    list: OneList = EVERYWHERE,
    reason: Why = "manual",
) -> int:
    """Suppress everybody in a file."""
    from ..core.campaign import suppress
    from ..core.lists.recipients import open_list
    from ..core.side import stopping

    given, why = settings(), _reason(reason)
    with (
        stopping(given),
        open_list(file, Path.cwd(), sys.stdin.buffer, bare=True) as rows,
        Ledger(ledger_path()) as ledger,
    ):
        found = suppress.read(given, ledger, rows, list=list, reason=why)
    data = {
        "rows": found.rows, "added": found.added, "known": found.known, "bad": found.bad,
        "problems": [problem._asdict() for problem in found.problems],
    }  # fmt: skip
    errors = [] if not found.bad else [
        Partial(f"no address in {found.bad:,} of {many(found.rows, 'row')}",
                hint="mend them and import the file again: who is there stays once")
    ]  # fmt: skip
    words = f"{found.added:,} suppressed, {found.known:,} were before"
    terminal().result(data, text=words, errors=errors)
    if not terminal().json:
        for problem in found.problems:
            terminal().say(f"  line {problem.line}: {problem.address or '-'}: {problem.reason}")
        for error in errors:
            terminal().error(error)
    return Partial.exit_code if errors else 0


@group.command("list", epilog="Example: mktool suppress list --reason complained")
def listed(
    list: Annotated[
        str | None, typer.Option("--list", help='Only of this list; "" is the one for all.')
    ] = None,
    reason: Annotated[str, typer.Option(help=f"One of {', '.join(REASONS)}.")] = "",
    limit: Annotated[int, typer.Option("-n", "--limit", min=0, help="How many; 0: all.")] = 0,
) -> None:
    """Who is suppressed, since when and why, the newest last."""
    why = _reason(reason) if reason else ""
    with Ledger(ledger_path()) as ledger:
        found = islice(Suppressions(ledger).rows(list, why), limit or None)
        if terminal().json:
            _print_json(found)
        elif terminal().tables:
            rows = [_cells(row) for row in found]
            terminal().result(None, COLUMNS, rows, empty="nobody is suppressed", shorten="source")
        else:
            for row in found:
                print("\t".join(cell(text).replace("\n", " ") for text in _cells(row)))


@group.command(epilog="Example, in crontab: 7 * * * * mktool suppress sync --quiet")
def sync(
    providers: Annotated[
        list[str] | None,
        typer.Argument(help="Only these; default: all.", autocompletion=provider_names),
    ] = None,
) -> int:
    """Read whom the vendors have suppressed: who unsubscribed, bounced or complained."""
    from ..core.campaign import suppress
    from ..core.side import each

    given = settings()
    accounts = suppress.connected(given, providers or [])
    if only := terminal().account:
        accounts = [one for one in accounts if (one[1] or DEFAULT) == only]
    if not accounts:
        raise InvalidInput(f"there is no account {only!r}", hint="mktool accounts")
    every = each(given, lambda account: suppress.sync(given, *account), accounts)
    errors = [one.error for one in every if one.error is not None]
    data = [
        {"provider": one.provider, "account": one.account, "read": one.read, "added": one.added,
         "error": one.error.code if one.error else None}
        for one in every
    ]  # fmt: skip
    rows = [
        (name(one.provider, one.account), one.read, one.added, "failed" if one.error else "ok")
        for one in every
    ]
    terminal().result(data, ("account", "read", "new", "state"), rows, errors=errors)
    if not terminal().json:
        for error in errors:
            terminal().error(error)
    return _code(errors, len(every))


def _code(errors: list[MktoolError], asked: int) -> int:
    if not errors:
        return 0
    return errors[0].exit_code if len(errors) == asked == 1 else Partial.exit_code


def _reason(word: str) -> Reason:
    if word not in REASONS:
        raise InvalidInput(f"--reason {word!r}", hint=f"one of {', '.join(REASONS)}")
    return cast(Reason, word)


def _cells(row: Row) -> tuple[str, ...]:
    return (row.address or HIDDEN, row.list, row.reason, row.source, stamp(row.at))


def _print_json(found: Iterator[Row]) -> None:
    """Print the envelope of a list that may not fit into memory."""
    from orjson import dumps

    head = {"version": 1, "command": terminal().command, "status": "success"}
    print(json.dumps(head)[:-1], end=', "data": [')
    for number, row in enumerate(found):
        data = row._asdict() | {"address": row.address or None}
        print((", " if number else "") + dumps(data).decode(), end="")
    print('], "errors": []}')
