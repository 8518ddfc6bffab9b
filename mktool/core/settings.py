"""The settings of one run, and what they mean for one provider. Cheap to import."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from .. import errors as e
from .. import providers
from ..http.target import Target, checked
from ..model import Login, Secret
from ..store import accounts
from ..store.accounts import Entry
from ..store.config import Config
from ..store.paths import data_dir
from ..store.vault.environment import (
    environment_options,
    environment_secrets,
    environment_sources,
    variable,
    variables,
)

if TYPE_CHECKING:
    from ..spec import Limit, Spec

DEFAULT = e.DEFAULT_ACCOUNT


class Stop:
    """A word that ends all waits, and that a signal's handler may give.

    The lock of an `Event` may be held by the very thread that the signal interrupts.
    """

    def __init__(self) -> None:
        self._given = False
        self._words: SimpleQueue[None] = SimpleQueue()

    def is_set(self) -> bool:
        return self._given

    def set(self) -> None:
        self._given = True
        self._words.put(None)

    def wait(self, seconds: float) -> bool:
        """Wait so long, or until it is given; return whether it was."""
        try:
            self._words.get(timeout=seconds)
        except Empty:
            return False
        self._words.put(None)  # for the next who waits
        return True


@dataclass(slots=True)
class Settings:
    """What every use case needs from the edge. ``stop`` is set by Ctrl-C and ends all waits."""

    config: Config
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    interactive: bool = False
    ask: Callable[[str], Secret] | None = None
    stop: Stop = field(default_factory=Stop)

    @property
    def max_wait(self) -> float:
        return float(self.config.get("network", "max_wait"))

    def sleep(self, seconds: float) -> None:
        """Wait, unless the person stops it: then `Interrupted`."""
        if self.stop.wait(seconds):
            raise e.Interrupted("stopped while waiting; what had gone out is on record")

    def breathe(self) -> None:
        if self.stop.is_set():
            raise e.Interrupted("stopped; what had gone out is on record")


def ledger_path() -> Path:
    return data_dir() / "ledger.db"


def environment_accounts(settings: Settings) -> list[str]:
    """Return the providers for which the environment alone is a login."""
    if not any(map(_like_a_credential, settings.environ)):
        return []  # no vendor is imported to find that out
    return [
        spec.name
        for spec in providers.specs()
        if logs_in(settings, spec, environment_secrets(spec, settings.environ))
    ]


def _like_a_credential(name: str) -> bool:
    """Whether a variable is named as those of the providers' secrets are, and not our vault's."""
    words = ("TOKEN", "KEY", "SECRET", "SID", "PASSWORD", "URL", "_HOST")
    return name.endswith(words) and not name.startswith("MKTOOL_VAULT")


def target_of(settings: Settings, spec: Spec) -> Target:
    """Return where this provider's addresses lead; `ConfigError` where tokens must not go."""
    config, environ = settings.config, settings.environ
    own = variable(spec.name, "base_url")
    override, where = environ.get(own, ""), f"${own}"
    if not override:
        override = config.provider(spec.name).get("base_url", "")
        where = f"{config.path}: [providers.{spec.name}] base_url"
    sandbox, mail = environ.get("MKTOOL_SANDBOX", ""), Target(spec.base_url).mail
    return Target(
        spec.base_url,
        checked(override, where, mail=mail) if override else "",
        checked(sandbox, "$MKTOOL_SANDBOX") if sandbox else "",
    )


def options_of(
    settings: Settings, spec: Spec, entry: Entry | None, *, environment: bool
) -> dict[str, str]:
    """Return the settings that are not secret: default, file, account, environment."""
    names = {f.name for f in spec.fields if not f.secret}
    options = {f.name: f.default for f in spec.fields if f.default and not f.secret}
    options |= {k: v for k, v in settings.config.provider(spec.name).items() if k in names}
    if entry is not None:
        options |= entry.options
        options |= {"account_id": entry.id} if entry.id else {}
    if environment:
        options |= environment_options(spec, settings.environ)
    return options


def usable_options(
    settings: Settings, spec: Spec, entry: Entry | None, *, environment: bool
) -> dict[str, str]:
    """Return the same; `ConfigError` names the place of the first that does not look right.

    What an account has was checked when it was connected, or is the vendor's word.
    """
    import re

    options = options_of(settings, spec, entry, environment=environment)
    given = environment_sources(spec, settings.environ) if environment else {}
    kept = entry.options if entry is not None else {}
    for one in spec.fields:
        value, where = options.get(one.name, ""), f"${given.get(one.name, '')}"
        if one.name not in given:
            where = f"{settings.config.path}: [providers.{spec.name}] {one.name}"
        own = one.secret or (one.name in kept and one.name not in given)
        if value and not own and not re.fullmatch(one.pattern, value, re.DOTALL):
            raise e.ConfigError(
                f"{where} does not look right",
                hint=f"{one.help}; see mktool providers {spec.name}",
            )
    return options


def limits_of(settings: Settings, provider: str, account: str) -> tuple[Limit, ...]:
    """Return the limits of an account as its settings say; none for an unknown provider."""
    if provider not in providers.names():
        return ()
    spec, entry = providers.load(provider).spec, accounts.find(provider, account)
    return spec.paced(options_of(settings, spec, entry, environment=account == DEFAULT)).limits


def login_of(
    settings: Settings, spec: Spec, account: str
) -> tuple[Mapping[str, Secret], Entry | None]:
    """Return the environment's secrets if they are enough for a login, else the account."""
    secrets = {} if account else environment_secrets(spec, settings.environ)
    if not account and logs_in(settings, spec, secrets):
        return secrets, None
    return {}, _entry(spec, account or DEFAULT)


def logs_in(settings: Settings, spec: Spec, secrets: Mapping[str, Secret]) -> bool:
    """Whether these secrets, and the settings that are none, are enough for a login."""
    if not (secrets or environment_options(spec, settings.environ)):
        return False
    login = Login(options_of(settings, spec, None, environment=True), secrets)
    return any(all(map(login.has, scheme.needs)) for scheme in spec.auth)


def _entry(spec: Spec, account: str) -> Entry:
    entry = accounts.find(spec.name, account)
    if entry is not None:
        return entry
    others = [one.account for one in accounts.read_all() if one.provider == spec.name]
    also = f"; there is {', '.join(others)}" if others else ""
    problem = f"{spec.title}: no account {account!r} is connected{also}"
    if account == DEFAULT and not others:
        problem = f"{spec.title} is not connected: {_looked_at(spec)}"
    raise e.NeedsLogin(problem, hint=e.login_command(spec.name, account))


def _looked_at(spec: Spec) -> str:
    """Return every place where a login of the default account could have been found."""
    needed = dict.fromkeys(name for scheme in spec.auth for name in scheme.needs)
    looked = [f"${v}" for name in needed for v in variables(spec, name)]
    return f"nothing in {accounts.accounts_file()} or in {', '.join(looked)}"
