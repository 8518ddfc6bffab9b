"""
The root: global options, commands loaded on demand, errors turned into exit codes.

Global options may stand anywhere on the line. Each command's module is imported when the
command is used; the list below is what ``--help`` shows.
"""

from __future__ import annotations

import dataclasses
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer
from typer.core import TyperGroup

from ..errors import Interrupted, InvalidInput, MktoolError
from .completion import VARIABLE, account_names, respond
from .terminal import Terminal, terminal

if TYPE_CHECKING:
    from typer._click import Command, Context, HelpFormatter
    from typer._click.shell_completion import CompletionItem


class Entry(NamedTuple):
    """Where a command lives and what it is for."""

    module: str
    help: str
    section: str


ACCOUNTS, SENDING, RECORDS = "Accounts", "Sending", "Records"
RECORD, TOOLS = "The record", "Tools"

COMMANDS = {
    "authorize": Entry(
        "authorize", "Connect an account and keep its token in the vault.", ACCOUNTS
    ),
    "accounts": Entry("accounts", "List connected accounts, their state and expiry.", ACCOUNTS),
    "revoke": Entry("accounts", "Log out: revoke at the vendor, then delete here.", ACCOUNTS),
    "test-integration": Entry("check", "Prove one account with a read-only call.", ACCOUNTS),
    "test-integrations": Entry("check", "Prove all accounts, side by side.", ACCOUNTS),
    "post": Entry("post", "Publish a post or a thread, to one or several providers.", SENDING),
    "send-campaign": Entry("send_campaign", "Send an e-mail or SMS campaign, or go on.", SENDING),
    "campaign": Entry("campaign", "Follow, export, pause and cancel campaigns.", SENDING),
    "templates": Entry("templates", "List, read and add a vendor's templates.", SENDING),
    "suppress": Entry("suppress", "Who must not be written to any more.", SENDING),
    "export": Entry("export", "Export a meeting's report to Slack, CRMs and others.", SENDING),
    "schedule": Entry("schedule", "List and cancel what is scheduled.", SENDING),
    "run-due": Entry("schedule", "Send what is due; for cron, safe every minute.", SENDING),
    "metrics": Entry("metrics", "Read the numbers of a published item.", SENDING),
    "sync": Entry("sync", "Keep records and a file or table in step.", RECORDS),
    "syncs": Entry("sync", "What is kept in step with what.", RECORDS),
    "find": Entry("find", "Find the id of a contact, a deal, a channel, a page.", RECORDS),
    "outbox": Entry("record", "What is waiting, failed or unknown.", RECORD),
    "settle": Entry("record", "Say whether an unknown act went out.", RECORD),
    "log": Entry("record", "Every call that was made.", RECORD),
    "stats": Entry("record", "Calls, success and latency of the last 24 hours.", RECORD),
    "limits": Entry("record", "Used and left of every rate limit.", RECORD),
    "providers": Entry("providers", "What each provider can do, and how to set it up.", TOOLS),
    "sandbox": Entry("sandbox", "Play every vendor on this machine.", TOOLS),
    "demo": Entry("demo", "A guided run on the sandbox; leaves nothing behind.", TOOLS),
    "doctor": Entry("doctor", "Check this installation and say what to do.", TOOLS),
    "vault": Entry("vault", "Status, rekey and move of stored credentials.", TOOLS),
    "completion": Entry("completion", "Install or print shell completion.", TOOLS),
    "help": Entry("help", "Help on a topic: exit-codes, environment, config, …", TOOLS),
}

STOPPED = "stopped; what had gone out is on record"

# Flags that may stand anywhere on the line; True if a value follows.
GLOBAL = {
    "--json": False, "--quiet": False, "-q": False, "--verbose": False, "-v": False,
    "--no-input": False, "--config": True, "--account": True,
}  # fmt: skip
EVERYWHERE = "Also: --json --quiet --verbose --no-input --config PATH --account NAME"


class Lazy(TyperGroup):
    """A group that knows its commands by name and imports one when it is used."""

    def list_commands(self, ctx: Context) -> list[str]:
        return list(COMMANDS)

    def resolve_command(self, ctx: Context, args: list[str]) -> Any:
        if args and not args[0].startswith("-") and args[0] not in COMMANDS:
            from difflib import get_close_matches

            near = get_close_matches(args[0], COMMANDS, n=1)
            near += [name for name in COMMANDS if name.startswith(args[0])]
            hint = f"mktool {near[0]}" if near else "mktool --help"
            raise InvalidInput(f"there is no command {args[0]!r}", hint=hint)
        return super().resolve_command(ctx, args)

    def get_command(self, ctx: Context, cmd_name: str) -> Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f".{COMMANDS[cmd_name].module}", __package__)
        command = typer.main.get_group(module.app).commands.get(cmd_name)
        if command is not None:
            command.epilog = "\n\n".join(filter(None, (command.epilog, EVERYWHERE)))
        return command

    def shell_complete(self, ctx: Context, incomplete: str) -> list[CompletionItem]:
        from typer._click.shell_completion import CompletionItem

        rows = [(n, entry.help) for n, entry in COMMANDS.items() if n.startswith(incomplete)]
        if rows:  # no module is imported for a name
            return [CompletionItem(name, help=help) for name, help in rows]
        return super().shell_complete(ctx, incomplete)

    def invoke(self, ctx: Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:  # Typer would end without a word
            raise Interrupted(STOPPED) from None

    def format_commands(self, ctx: Context, formatter: HelpFormatter) -> None:
        for section in dict.fromkeys(entry.section for entry in COMMANDS.values()):
            rows = [(n, entry.help) for n, entry in COMMANDS.items() if entry.section == section]
            with formatter.section(section):
                formatter.write_dl(rows)


app = typer.Typer(
    cls=Lazy, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example: mktool post x --text 'It is here' --dry-run",
)  # fmt: skip


def _version(wanted: bool) -> None:
    if wanted:
        from .. import __version__

        print(f"mktool {__version__}")
        raise typer.Exit


@app.callback(no_args_is_help=True)
def root(
    ctx: typer.Context,
    json: Annotated[bool, typer.Option("--json", help="One JSON envelope on stdout.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Only results and errors.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Say more.")] = False,
    no_input: Annotated[bool, typer.Option("--no-input", help="Never ask.")] = False,
    config: Annotated[Path | None, typer.Option(help="Another config.toml.")] = None,
    account: Annotated[
        str, typer.Option(help="Which account of the provider.", autocompletion=account_names)
    ] = "",
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="The version.")
    ] = False,
) -> None:
    """One command for everything a team sends out and reads back.

    Nothing goes out twice, nothing is lost, and every call is on record.
    These options may stand anywhere on the line.
    """
    new = Terminal(json, quiet, verbose, no_input, config, account, ctx.invoked_subcommand or "")
    current = terminal()
    for option in dataclasses.fields(new):
        setattr(current, option.name, getattr(new, option.name))


def run(argv: list[str]) -> int:
    """Run one command line and return its exit code. No traceback leaves here."""
    if instruction := os.environ.get(VARIABLE):  # a shell asks on behalf of the Tab key
        return respond(app, instruction)
    _streams()
    terminal().forget()
    terminal().json = "--json" in hoist(argv)[0]  # so that a misspelt command fails in JSON too
    try:
        _readable(argv)
        options, rest = hoist(argv or ["--help"])
        if options and GLOBAL.get(options[-1]):
            raise InvalidInput(f"{options[-1]} needs a value", hint="mktool --help")
        code = app(options + rest, prog_name="mktool", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except BrokenPipeError:  # the reader went away (``mktool log | head``): not our failure
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (KeyboardInterrupt, typer.Abort):
        return _fail(Interrupted(STOPPED))
    except Exception as error:
        from .failure import as_ours

        return _fail(as_ours(error))


def _streams() -> None:
    """Let a closed stream swallow, and a poor encoding replace, what is printed."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if (stream := getattr(sys, name)) is None:  # `mktool accounts >&-`
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115 - for good
        elif mode == "w" and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _readable(argv: list[str]) -> None:
    for number, word in enumerate(argv, start=1):
        if any("\ud800" <= c <= "\udfff" for c in word):
            raise InvalidInput(f"argument {number} is not UTF-8 text")


def hoist(argv: list[str]) -> tuple[list[str], list[str]]:
    """Return the global options and the rest of the line; what follows ``--`` stays."""
    front: list[str] = []
    rest: list[str] = []
    words = iter(argv)
    for word in words:
        name, _, value = word.partition("=")
        if word == "--":
            rest += [word, *words]
        elif rest and rest[-1] in ("--text", "--set"):  # their value may look like an option
            rest.append(word)
        elif name in GLOBAL and (not value or GLOBAL[name]):
            front.append(word)
            if GLOBAL[name] and "=" not in word and (following := next(words, None)) is not None:
                front.append(following)
        else:
            rest.append(word)
    return front, rest


def _fail(error: MktoolError) -> int:
    out = terminal()
    if out.json:
        out.envelope("error", None, [error])
    else:
        out.error(error)
    return error.exit_code
