"""What is connected, and in what state. No secret is read for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .. import errors as e
from .. import providers
from ..spec import DAY
from ..store import accounts
from ..store.accounts import Entry
from ..store.vault import reachable
from .settings import Settings, environment_accounts


@dataclass(frozen=True, slots=True)
class Held:
    """An account and its state: connected, expiring, expired, auth_failed or unreachable.

    ``advice`` is what to do about it; ``age_days`` counts from the login.
    """

    entry: Entry
    state: str
    advice: str
    age_days: float


def held(settings: Settings, now: float) -> list[Held]:
    """Return every account. Each vault is asked once whether it can be reached."""
    entries = accounts.read_all()
    trouble: dict[str, e.VaultError | None] = {
        home: _trouble(home) for home in {entry.home for entry in entries}
    }
    most = float(settings.config.get("accounts", "key_age_days"))
    return [_one(entry, trouble, most, now) for entry in entries]


def supplied(settings: Settings) -> dict[str, list[str]]:
    """Return the variables of every provider that the environment logs in, names only."""
    from ..store.vault.environment import environment_sources

    specs = [providers.load(name).spec for name in environment_accounts(settings)]
    return {s.name: sorted(environment_sources(s, settings.environ).values()) for s in specs}


def _one(entry: Entry, trouble: Mapping[str, e.VaultError | None], most: float, now: float) -> Held:
    again = e.login_command(entry.provider, entry.account)
    state: str = accounts.state(entry, now)
    age = (now - (entry.updated_at or now)) / DAY
    advice = {
        "expiring": f"expires in {((entry.expires_at or now) - now) / DAY:.0f} days: {again}",
        "expired": again,
        "auth_failed": f"{entry.dead}: {again}",
    }.get(state, "")
    if (problem := trouble[entry.home]) is not None:
        state, advice = "unreachable", f"{problem.message}: {problem.hint}"
    elif not advice and entry.expires_at is None and age > most:
        advice = f"this key is {age:.0f} days old: make a new one, then {again}"
    return Held(entry, state, advice, age)


def _trouble(home: accounts.Home) -> e.VaultError | None:
    try:
        reachable(home)
    except e.VaultError as error:
        return error
    return None
