"""`mktool accounts` and `mktool revoke`."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from ..core import inventory
from ..core.settings import DEFAULT
from ..store.accounts import Entry
from .completion import WhichAccount
from .settings import settings
from .terminal import name, span, terminal

app = typer.Typer(rich_markup_mode=None)


@app.command(epilog="Example: mktool accounts --json")
def accounts() -> None:
    """List connected accounts, their state and expiry. No secret is shown."""
    now = time.time()
    given, out = settings(), terminal()
    found = inventory.held(given, now)
    data = [_data(held) for held in found]
    rows = [
        (_shown(h.entry), h.state, h.entry.name or h.entry.id, _expiry(h.entry, now), h.entry.home,
         h.entry.fingerprint)
        for h in found
    ]  # fmt: skip
    columns = ("account", "state", "who", "expires", "lives in", "fingerprint")
    hint = "no account is connected; begin with: mktool authorize PROVIDER"
    out.result(data, columns, rows, empty=hint)
    for one in found:
        if one.advice:
            out.warn(f"{_shown(one.entry)}: {one.advice}")
    for provider, variables in inventory.supplied(given).items():
        out.say(f"{provider}: from the environment ({', '.join(variables)})")


@app.command(epilog="Example: mktool revoke linkedin --account work")
def revoke(
    provider: WhichAccount,
    force: Annotated[
        bool, typer.Option("--force", help="Delete here even if the vendor cannot be reached.")
    ] = False,
) -> None:
    """Log out: revoke the tokens at the vendor, then delete them here."""
    from ..core import connect

    vendor, _, account = provider.partition(":")
    out = terminal()
    entry = connect.disconnect(
        settings(), vendor, account or out.account or DEFAULT, out.say, force=force
    )
    data = {"provider": entry.provider, "account": entry.account, "state": "revoked"}
    out.result(data, text=f"{_shown(entry)}: logged out")


def _data(held: inventory.Held) -> dict[str, Any]:
    entry = held.entry
    return {
        "provider": entry.provider, "account": entry.account, "state": held.state,
        "id": entry.id or None, "name": entry.name or None, "home": entry.home,
        "origin": entry.origin, "credentials": list(entry.credentials),
        "scopes": sorted(entry.scopes) if entry.scopes is not None else None,
        "expires_at": entry.expires_at, "refreshable": entry.refreshable,
        "age_days": round(held.age_days, 1), "fingerprint": entry.fingerprint,
        "advice": held.advice or None,
    }  # fmt: skip


def _shown(entry: Entry) -> str:
    return name(entry.provider, entry.account)


def _expiry(entry: Entry, now: float) -> str:
    if entry.expires_at is None:
        return "not stated"
    if entry.refreshable:
        return "renews itself"
    return f"in {span(entry.expires_at - now)}" if entry.expires_at > now else "expired"
