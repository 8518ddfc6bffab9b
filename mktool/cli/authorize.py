"""`mktool authorize`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from .. import errors as e
from .. import providers
from ..core import connect, login
from ..core.fields import Flow, asked_for, meant, secret_names
from ..core.settings import DEFAULT, Settings
from ..model import Secret
from ..spec import Spec
from ..store.vault.environment import variable
from .completion import WhichAccount
from .settings import settings
from .terminal import folded, span, terminal

app = typer.Typer(rich_markup_mode=None)


@app.command(epilog="Example: mktool authorize linkedin --account work --paste")
def authorize(
    provider: WhichAccount,
    token_stdin: Annotated[
        bool, typer.Option("--token-stdin", help="Read a key or token from stdin.")
    ] = False,
    paste: Annotated[
        bool, typer.Option("--paste", help="Log in on another machine, paste the address.")
    ] = False,
    device: Annotated[bool, typer.Option("--device", help="Log in with a code.")] = False,
    client_credentials: Annotated[
        bool, typer.Option("--client-credentials", help="Log in as the app itself.")
    ] = False,
    field: Annotated[
        list[str] | None, typer.Option(metavar="K=V", help="A setting that is not secret.")
    ] = None,
    scope: Annotated[list[str] | None, typer.Option(help="Instead of the usual scopes.")] = None,
) -> None:
    """Connect an account and keep its token in the vault.

    A browser opens for providers with OAuth; a key is asked for without showing it. Secrets are
    never taken from the command line.
    """
    name, _, account = provider.partition(":")
    cls, given, out = providers.load(name), settings(), terminal()
    spec = cls.spec
    account = account or out.account or DEFAULT
    flow = _flow(token_stdin, paste, device, client_credentials)
    fields = connect.supplied(given, spec) | _fields(spec, field or [])
    if token_stdin:
        key = Secret(sys.stdin.buffer.read(100_000).decode("utf-8", "replace").strip())
        fields[connect.key_field(spec, key)] = key
    else:
        _ask(given, spec, fields, flow)
    person = login.Person(out.say, out.ask, login.open_browser)
    entry = connect.connect(given, cls, account, fields, person, flow=flow, scopes=scope or ())
    data = {
        "provider": entry.provider, "account": entry.account, "id": entry.id or None,
        "name": entry.name or None, "home": entry.home, "expires_at": entry.expires_at,
        "scopes": sorted(entry.scopes) if entry.scopes is not None else None,
        "fingerprint": entry.fingerprint,
    }  # fmt: skip
    who = entry.name or entry.id or "an account that the vendor does not name"
    out.result(data, text=f"{spec.title}: connected as {who}; it lives in the {entry.home}")
    if entry.expires_at is not None and not entry.refreshable:
        import time

        out.say(f"it expires in {span(entry.expires_at - time.time())} and cannot renew itself")


def _flow(stdin: bool, paste: bool, device: bool, client: bool) -> Flow | None:
    flows: dict[Flow, bool] = {
        "key": stdin, "paste": paste, "device": device, "client-credentials": client,
    }  # fmt: skip
    chosen = [flow for flow, wanted in flows.items() if wanted]
    if len(chosen) > 1:
        raise e.InvalidInput("one way to log in at a time", hint="mktool authorize --help")
    return chosen[0] if chosen else None


def _fields(spec: Spec, pairs: list[str]) -> dict[str, str | Secret]:
    found: dict[str, str | Secret] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise e.InvalidInput("--field takes K=V, such as client_id=…")
        if name in secret_names(spec):
            raise e.InvalidInput(
                f"{name} is secret, and a command line can be read by others",
                hint="--token-stdin, the hidden prompt, or the environment: "
                f"{variable(spec.name, name)}",
            )
        found[name] = value
    return found


def _ask(
    given: Settings, spec: Spec, fields: dict[str, str | Secret], flow: Flow | None
) -> None:  # fmt: skip
    """Ask the person for what is still missing, hidden where it is secret."""
    out, scheme = terminal(), meant(spec, fields, flow)
    missing = [name for name in asked_for(scheme) if name not in fields]
    if not missing or not given.interactive:
        return
    out.say(folded(spec.setup))
    for name in missing:
        declared = spec.setting(name)
        if name in scheme.needs and name in secret_names(spec):
            kinds = " or ".join(s.needs[-1].replace("_", " ") for s in spec.auth)
            key = out.ask_secret(f"{kinds} (not shown): ")
            fields[connect.key_field(spec, key)] = key
        elif name in secret_names(spec):
            fields[name] = out.ask_secret(f"{name.replace('_', ' ')} (not shown): ")
        else:
            fields[name] = out.ask(f"{declared.help if declared else name}: ")
    secret = spec.setting("client_secret")
    if secret is not None and secret.name not in fields and "client_id" in missing:
        value = out.ask_secret("client secret (not shown; empty if there is none): ")
        fields |= {secret.name: value} if value else {}
