"""One account of one provider, ready to be used: configuration, vault, ledger and client."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from .. import errors as e
from .. import providers
from ..http.client import Client, Credential
from ..http.exchange import Exchange
from ..http.target import Target, is_loopback
from ..model import Secret
from ..provider import Provider
from ..spec import Spec
from ..store.ledger import Ledger
from .settings import DEFAULT, Settings, ledger_path, login_of, target_of, usable_options

if TYPE_CHECKING:
    from ..http.exchange import Sends


class Session:
    """An account with an open ledger and a client; for one thread."""

    def __init__(
        self, settings: Settings, cls: type[Provider], account: str = "", *, many: bool = False
    ) -> None:
        """``account`` empty is the default one, which the environment may supply.

        ``many``: so many requests will be sent that each has to be cheap.
        """
        self.settings, self.spec = settings, cls.spec
        self.account = account or DEFAULT
        self.max_wait = settings.max_wait
        target = target_of(settings, cls.spec)
        secrets, self.entry = login_of(settings, cls.spec, account)
        self.options = usable_options(settings, cls.spec, self.entry, environment=not account)
        self.target = target.at(self.options)
        self.spec = cls.spec.paced(self.options)
        # Opened last: a typo or a missing account leaves nothing behind.
        self.ledger = Ledger(ledger_path())
        self.exchange = open_exchange(
            settings, self.spec, self.account, self.target, self.ledger, many=many
        )
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

    def _credential(self, secrets: Mapping[str, Secret]) -> Credential:
        from . import tokens

        if self.entry is None:
            return tokens.EnvironmentCredential(self.options, secrets)
        from ..store.vault import open_vault

        settings = self.settings
        vault = open_vault(self.entry.home, interactive=settings.interactive, ask=settings.ask)
        return tokens.StoredCredential(self.spec, self.target, self.exchange, vault, self.entry)


def open_exchange(
    settings: Settings, spec: Spec, account: str, target: Target, ledger: Ledger,
    *, many: bool = False,
) -> Exchange:  # fmt: skip
    """Return the exchange of one account; no connection is made before something is sent."""

    def wire() -> Sends:
        from ..store.hardening import harden

        harden()  # for a secret of the environment, which no vault was opened for
        loopback = is_loopback(target.origin)
        if target.mail:
            from ..http.mail import MailWire

            return MailWire(loopback=loopback)
        if many:
            from ..http.lean import LeanWire

            return LeanWire(loopback=loopback)
        from ..http.wire import Wire  # ssl and httpx, only once something is sent

        return Wire(loopback=loopback)

    return Exchange(
        spec, account, wire, ledger, max_wait=settings.max_wait, sleep=settings.sleep,
        clock=ledger.clock,
    )  # fmt: skip


def open_session(
    settings: Settings, provider: str, account: str = "", *, many: bool = False
) -> Session:
    """Return a session; `NeedsLogin` if there is no such account, here or in the environment."""
    return Session(settings, providers.load(provider), account, many=many)
