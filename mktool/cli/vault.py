"""`mktool vault`: how both homes stand, a new key, and moves between the homes."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import Annotated

import typer

from ..errors import DEFAULT_ACCOUNT, InvalidInput
from ..model import Secret
from ..store import accounts, vault
from ..store.accounts import Home
from ..store.vault.file import FileVault
from ..store.vault.keys import MAKE_ONE, Given, from_person, given_key
from .completion import account_keys
from .terminal import terminal

app = typer.Typer(rich_markup_mode=None)
group = typer.Typer(rich_markup_mode=None, no_args_is_help=True)
app.add_typer(group, name="vault", help="Status, rekey and move of stored credentials.")


@group.command(epilog="Example: mktool vault status")
def status() -> None:
    """Whether the keyring and the encrypted file can be used. Shows what lives in each."""
    found = vault.status()
    rows = [
        (
            one.home,
            "ok" if not one.problem else ("problem" if one.accounts else "unreachable"),
            one.accounts,
            one.where,
            one.problem or one.warning or (one.key and f"key from {one.key}"),
        )
        for one in found
    ]
    terminal().result(
        [asdict(one) for one in found], ("home", "state", "accounts", "where", "note"), rows
    )
    nowhere = all(one.problem for one in found)
    for one in found:
        if one.problem and (one.accounts or nowhere) and one.hint:
            terminal().say(f"{one.home}: {one.hint}")


@group.command(
    epilog="Example: umask 077; openssl rand -base64 32 | tee new.key | mktool vault rekey"
)
def rekey(
    passphrase: Annotated[
        bool, typer.Option("--passphrase", help="A passphrase is given, not a key.")
    ] = False,
) -> None:
    """Seal the encrypted file under another key: all records or none.

    The new key is read from stdin, or asked for on a terminal; the old one comes from where it
    always does. From then on give the new one.
    """
    out = terminal()
    old = FileVault(ask=out.ask_secret if out.interactive else None)
    count = old.rekey(_new_key(passphrase))
    out.result({"records": count, "path": str(old.path)}, text=f"{count} records sealed again")
    out.say(
        "from now on give the new key: MKTOOL_VAULT_KEY, or the file MKTOOL_VAULT_KEY_FILE names"
    )


def _new_key(passphrase: bool) -> Given:
    out = terminal()
    if out.interactive and passphrase:
        return from_person(out.ask_secret, new=True)
    if out.interactive:
        return given_key(out.ask_secret("New key, 32 bytes in base64: "), "what was typed")
    line = "" if sys.stdin.isatty() else sys.stdin.readline(4096).rstrip("\r\n")
    if not line:
        raise InvalidInput("no new key came on stdin", hint=MAKE_ONE)
    if passphrase:
        return Given(Secret(line), "stdin", passphrase=True)
    return given_key(Secret(line), "stdin")


@group.command(epilog="Example: mktool vault move x --to file")
def move(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PROVIDER[:ACCOUNT]…", help="Which accounts.", autocompletion=account_keys
        ),
    ] = None,
    to: Annotated[str, typer.Option(metavar="keyring|file", help="Their new home.")] = "",
    everything: Annotated[bool, typer.Option("--all", help="Every account.")] = False,
) -> None:
    """Move credentials to the other home. Written, read back, then deleted from the old."""
    if to not in ("keyring", "file"):
        raise InvalidInput("--to takes keyring or file", hint="mktool vault move --all --to file")
    if bool(names) == everything:
        raise InvalidInput("name the accounts, or say --all", hint="mktool accounts")
    out, home = terminal(), _home(to)
    keys = [e.key for e in accounts.read_all()] if everything else [_key(n) for n in names or ()]
    rows = []
    for key in keys:
        moved = vault.move(key, home, interactive=out.interactive, ask=out.ask_secret)
        rows.append((key, home, "moved" if moved else "was there"))
    data = [{"account": key, "home": at, "moved": what == "moved"} for key, at, what in rows]
    out.result(data, ("account", "home", "what"), rows, empty="there are no accounts")


def _home(word: str) -> Home:
    return "keyring" if word == "keyring" else "file"


def _key(name: str) -> str:
    """Return ``x:default`` for "x", its alias, or "x:default" itself."""
    from .. import providers

    provider, _, account = name.partition(":")
    spec = providers.load(provider).spec
    return accounts.record_name(spec.name, account or terminal().account or DEFAULT_ACCOUNT)
