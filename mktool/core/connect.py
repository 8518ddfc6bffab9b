"""Connecting accounts: the vault, the ledger and the login put together."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from .. import errors as e
from .. import providers
from ..capability import CanCheck
from ..http.client import Client
from ..http.exchange import Exchange
from ..http.target import Target
from ..model import Account, Login, Secret
from ..provider import Provider
from ..spec import Spec
from ..store import accounts
from ..store.accounts import Entry
from ..store.ledger import Ledger
from ..store.vault import choose_home, open_vault
from ..store.vault.environment import environment_options, environment_secrets
from . import login
from .fields import Flow, secret_names
from .session import open_exchange
from .settings import Settings, ledger_path, options_of, target_of
from .tokens import EnvironmentCredential


def connect(
    settings: Settings, cls: type[Provider], account: str, fields: Mapping[str, str | Secret],
    person: login.Person, *, flow: Flow | None, scopes: Sequence[str] = (),
) -> Entry:  # fmt: skip
    """Log in, keep the credential, and return the account as the vendor describes it."""
    spec, target = cls.spec, target_of(settings, cls.spec)
    given, _ = login.ready(spec, fields, flow)  # before the vault, which may ask for a passphrase
    target = target.at(options_of(settings, spec, None, environment=False) | dict(given.options))
    vault, note = choose_home(
        settings.config.get("vault", "home"), interactive=settings.interactive, ask=settings.ask
    )
    if note:
        person.say(note)
    with _Line(settings, spec, account, target) as exchange:

        def identify(proof: Login) -> Account | None:
            options = {**options_of(settings, spec, None, environment=False), **proof.options}
            credential = EnvironmentCredential(options, proof.secrets)
            provider = cls(Client(exchange, target, credential, options))
            if not isinstance(provider, CanCheck):
                return None
            try:
                return provider.check()
            except e.Unsupported as error:
                person.say(error.message)
                return None

        return login.authorize(
            spec, target, exchange, vault, account, fields, person,
            flow=flow, scopes=scopes, identify=identify,
        )  # fmt: skip


def disconnect(
    settings: Settings, provider: str, account: str, say: Callable[[str], None], *, force: bool
) -> Entry:
    """Log an account out, at the vendor and here; return what it was."""
    spec = providers.load(provider).spec
    entry = accounts.find(spec.name, account)
    if entry is None:
        known = ", ".join(one.account for one in accounts.read_all() if one.provider == spec.name)
        also = f"; there is {known}" if known else ""
        raise e.InvalidInput(
            f"{spec.title}: no account {account!r} is connected{also}", hint="mktool accounts"
        )
    target = target_of(settings, spec)
    vault = open_vault(entry.home, interactive=settings.interactive, ask=settings.ask)
    with _Line(settings, spec, account, target) as exchange:
        login.revoke(spec, target, exchange, vault, entry, say, force=force)
    return entry


def supplied(settings: Settings, spec: Spec) -> dict[str, str | Secret]:
    """Return the app's fields that file and environment give: who the app is, not a token."""
    tokens = {name for scheme in spec.auth for name in scheme.needs} & secret_names(spec)
    names = {f.name for f in spec.fields}
    found: dict[str, str | Secret] = {
        k: v for k, v in settings.config.provider(spec.name).items() if k in names
    }
    found |= environment_options(spec, settings.environ)
    found |= environment_secrets(spec, settings.environ)
    return {name: value for name, value in found.items() if name not in tokens}


def key_field(spec: Spec, value: Secret) -> str:
    """Return the field that a key from stdin or a prompt belongs to, told by its shape."""
    names = [scheme.needs[-1] for scheme in spec.auth if scheme.needs]
    for name in names:
        field = spec.setting(name)
        if field is not None and re.fullmatch(field.pattern, value.reveal(), re.DOTALL):
            return name
    raise e.InvalidInput(
        f"that does not look like a {' or '.join(names)} of {spec.title}",
        hint=f"mktool providers {spec.name}",
    )


class _Line:
    """An exchange with its own ledger connection, closed at the end."""

    def __init__(self, settings: Settings, spec: Spec, account: str, target: Target) -> None:
        self._ledger = Ledger(ledger_path())
        self._exchange = open_exchange(settings, spec, account, target, self._ledger)

    def __enter__(self) -> Exchange:
        return self._exchange

    def __exit__(self, *exception: object) -> None:
        self._exchange.close()
        self._ledger.close()
