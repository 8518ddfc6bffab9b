"""`mktool test-integration` and `mktool test-integrations`."""

from __future__ import annotations

import time

import typer

from .. import providers
from ..core.check import Proof, prove
from ..core.settings import DEFAULT, Settings
from ..errors import Forbidden, InvalidInput, Partial, login_command
from .completion import WhichAccount
from .settings import settings
from .terminal import Status, name, span, terminal

app = typer.Typer(rich_markup_mode=None)


@app.command("test-integration", epilog="Example: mktool test-integration linkedin --account work")
def test_integration(
    provider: WhichAccount,
) -> int:
    """Prove one account with a read-only call."""
    vendor, _, account = provider.partition(":")
    known = providers.load(vendor).spec.name
    proof = prove(settings(), known, account or terminal().account)
    _show([proof])
    return proof.error.exit_code if proof.error else _missing_code([proof])


@app.command("test-integrations", epilog="Example: mktool test-integrations --json")
def test_integrations() -> int:
    """Prove all accounts at once, side by side. For scripts: exit code 6 if one fails.

    One that can only be tried by sending to it is unproven, which is no failure.
    """
    from ..core.side import each

    given = settings()
    accounts = _all(given)
    if not accounts:
        raise InvalidInput("no account is connected", hint="mktool authorize PROVIDER")
    proofs = each(given, lambda account: prove(given, *account), accounts)
    _show(proofs, unproven=True)
    failed = any(proof.state == "failed" for proof in proofs)
    return Partial.exit_code if failed else _missing_code(proofs)


def _all(given: Settings) -> list[tuple[str, str]]:
    """Every account of the index, and what the environment supplies."""
    from ..core.settings import environment_accounts
    from ..store import accounts

    found = [(entry.provider, entry.account) for entry in accounts.read_all()]
    supplied = environment_accounts(given)
    return [(p, "") for p in supplied] + [
        pair for pair in found if pair[1] != DEFAULT or pair[0] not in supplied
    ]


def _show(proofs: list[Proof], *, unproven: bool = False) -> None:
    """Print proofs; ``unproven``: an account without a check has not failed it."""
    now = time.time()
    data = [
        {"provider": p.provider, "account": p.account, "state": p.state, "name": p.name or None,
         "id": p.id or None, "scopes": sorted(p.scopes) if p.scopes is not None else None,
         "missing_scopes": p.missing, "ms": round(p.ms) if p.ms is not None else None,
         "limit_left": p.limit_left or None, "expires_at": p.expires_at}
        for p in proofs
    ]  # fmt: skip
    rows = [
        (name(p.provider, p.account), p.state, p.name, f"{p.ms:.0f} ms" if p.ms is not None else "",
         p.limit_left, _expiry(p, now))
        for p in proofs
    ]  # fmt: skip
    columns = ("account", "state", "who", "latency", "limit left", "expires")
    failures = [p.error for p in proofs if p.error and not (unproven and p.state == "unproven")]
    if terminal().json:
        some: Status = "error" if len(failures) == len(proofs) else "partial"
        terminal().envelope(some if failures else "success", data, failures)
    else:
        terminal().result(data, columns, rows)
    for proof in proofs if not terminal().json else ():
        if proof.error in failures and proof.error is not None:
            terminal().error(proof.error)
        if proof.missing:
            terminal().warn(
                f"{name(proof.provider, proof.account)} lacks {', '.join(proof.missing)}:"
                f" {login_command(proof.provider, proof.account)}"
            )


def _missing_code(proofs: list[Proof]) -> int:
    return Forbidden.exit_code if any(p.missing for p in proofs) else 0


def _expiry(proof: Proof, now: float) -> str:
    if proof.error:
        return ""
    if proof.refreshable:
        return "renews itself"
    if proof.expires_at is None:
        return "not stated"
    return f"in {span(proof.expires_at - now)}" if proof.expires_at > now else "expired"
