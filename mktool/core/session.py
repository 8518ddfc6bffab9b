"""One account of one provider, ready to be used: configuration, vault, ledger and client."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from .. import errors as e
from .. import providers
from ..http.client import Client, Credential, DryRun
from ..http.exchange import Exchange
from ..http.target import Target, checked, is_loopback
from ..model import Secret
from ..provider import Provider
from ..spec import Spec
from ..store import accounts
from ..store.accounts import Entry
from ..store.config import Config
from ..store.ledger import Ledger
from ..store.paths import data_dir
from ..store.vault.environment import environment_options, environment_secrets

if TYPE_CHECKING:
    from ..http.wire import Wire
    from .tokens import StoredCredential

DEFAULT = "default"


@dataclass(slots=True)
class Settings:
    """What every use case needs from the edge. ``stop`` is set by Ctrl-C and ends all waits."""

    config: Config
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    interactive: bool = False
    ask: Callable[[str], Secret] | None = None
    stop: Event = field(default_factory=Event)

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


class Session:
    """An account with an open ledger and a client; for one thread."""

    def __init__(self, settings: Settings, cls: type[Provider], account: str = "") -> None:
        """``account`` empty is the default one, which the environment may supply."""
        self.settings, self.spec = settings, cls.spec
        self.account = account or DEFAULT
        self.max_wait = settings.max_wait
        self.target = target_of(settings, cls.spec)
        secrets, self.entry = _login(settings, cls.spec, account)
        self.options = options_of(settings, cls.spec, self.entry, environment=not account)
        # Opened last: a typo or a missing account leaves nothing behind.
        self.ledger = ledger = Ledger(ledger_path())
        self.exchange = Exchange(
            cls.spec, self.account, self._wire, ledger, max_wait=self.max_wait,
            sleep=settings.sleep, clock=ledger.clock,
        )  # fmt: skip
        self.credential = self._credential(secrets)
        self.client = Client(self.exchange, self.target, self.credential, self.options)
        self.provider = cls(self.client)

    @property
    def name(self) -> str:
        return f"{self.spec.name}:{self.account}"

    def where(self, operation: str) -> e.Context:
        return e.Context(self.spec.name, self.account, operation)

    def breathe(self) -> None:
        self.settings.breathe()

    def close(self) -> None:
        self.exchange.close()
        self.ledger.close()

    def _wire(self) -> Wire:
        from ..http.wire import Wire  # ssl and httpx, only once something is sent

        return Wire(loopback=is_loopback(self.target.url("/")))

    def _credential(self, secrets: Mapping[str, Secret]) -> Credential:
        from . import tokens

        if self.entry is None:
            return tokens.EnvironmentCredential(self.options, secrets)
        return stored_credential(self.settings, self.spec, self.entry, self.target, self.exchange)


def stored_credential(
    settings: Settings, spec: Spec, entry: Entry, target: Target, exchange: Exchange
) -> StoredCredential:
    """Return the credential of an account, its vault opened only when a secret is read."""
    from ..store.vault import open_vault
    from .tokens import StoredCredential

    vault = open_vault(entry.home, interactive=settings.interactive, ask=settings.ask)
    return StoredCredential(spec, target, exchange, vault, entry)


def open_session(settings: Settings, provider: str, account: str = "") -> Session:
    """Return a session; `NeedsLogin` if there is no such account, here or in the environment."""
    return Session(settings, providers.load(provider), account)


def ledger_path() -> Path:
    return data_dir() / "ledger.db"


def environment_accounts(settings: Settings) -> list[str]:
    """Return the providers for which the environment alone is a login."""
    found = []
    for name in providers.names():
        spec = providers.load(name).spec
        if _logs_in(spec, environment_secrets(spec, settings.environ)):
            found.append(name)
    return found


def rehearse(settings: Settings, provider: str, account: str = "") -> tuple[Provider, DryRun, bool]:
    """Return a provider whose calls are kept and not sent, and whether the account exists.

    The vault stays closed.
    """
    cls = providers.load(provider)
    try:
        secrets, entry = _login(settings, cls.spec, account)
    except e.NeedsLogin:
        secrets, entry = {}, None
    options = options_of(settings, cls.spec, entry, environment=not account)
    fields = frozenset(entry.credentials if entry else secrets)
    dry = DryRun(cls.spec, target_of(settings, cls.spec), options, fields)
    return cls(dry), dry, bool(fields)


def target_of(settings: Settings, spec: Spec) -> Target:
    """Return where this provider's addresses lead; `ConfigError` where tokens must not go."""
    config, environ = settings.config, settings.environ
    variable = f"MKTOOL_{spec.name}_BASE_URL".upper().replace("-", "_")
    override, where = environ.get(variable, ""), f"${variable}"
    if not override:
        override = config.provider(spec.name).get("base_url", "")
        where = f"{config.path}: [providers.{spec.name}] base_url"
    sandbox = environ.get("MKTOOL_SANDBOX", "")
    return Target(
        spec.base_url,
        checked(override, where) if override else "",
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


def _login(
    settings: Settings, spec: Spec, account: str
) -> tuple[Mapping[str, Secret], Entry | None]:
    """Return the environment's secrets if they are enough for a login, else the account."""
    secrets = {} if account else environment_secrets(spec, settings.environ)
    if _logs_in(spec, secrets):
        return secrets, None
    return {}, _entry(spec, account or DEFAULT)


def _logs_in(spec: Spec, secrets: Mapping[str, Secret]) -> bool:
    return any(all(name in secrets for name in scheme.needs) for scheme in spec.auth)


def _entry(spec: Spec, account: str) -> Entry:
    entry = accounts.find(spec.name, account)
    if entry is not None:
        return entry
    others = [x.account for x in accounts.read_all() if x.provider == spec.name]
    named = "" if account == DEFAULT else f" --account {account}"
    also = f"; there is {', '.join(others)}" if others else ""
    raise e.NeedsLogin(
        f"{spec.title}: no account {account!r} is connected{also}",
        hint=f"mktool authorize {spec.name}{named}",
    )
