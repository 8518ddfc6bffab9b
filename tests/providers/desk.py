"""Providers at a running sandbox, each with its own exchange."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from mktool.http.client import Client
from mktool.http.exchange import Exchange, Scope
from mktool.http.target import Target
from mktool.http.wire import Wire
from mktool.model import Login, Secret
from mktool.provider import Provider
from mktool.store.ledger import Ledger
from tests.contract import FixedCredential

P = TypeVar("P", bound=Provider)


class Desk:
    """A sandbox and a ledger; opens providers with whatever credential and options."""

    def __init__(self, home: Path, **limits: int) -> None:
        """``limits`` are calls in a window, by vendor, instead of the vendor's own."""
        from mktool.sandbox.server import Sandbox  # needs mktool[server]

        self.sandbox, self.ledger = Sandbox(approve=True, limits=limits), Ledger(home / "ledger.db")
        self.exchanges: list[Exchange] = []

    def __enter__(self) -> Desk:
        self.sandbox.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        for exchange in self.exchanges:
            exchange.close()
        self.ledger.close()
        self.sandbox.__exit__(None, None, None)

    def open(self, cls: type[P], secrets: Mapping[str, str], **options: str) -> P:
        defaults = {f.name: f.default for f in cls.spec.fields if f.default}
        kept = {name: Secret(text) for name, text in secrets.items()}
        login = Login({**defaults, **options}, kept)
        exchange = Exchange(
            cls.spec.paced(login.options), "default", lambda: Wire(loopback=True), self.ledger,
            sleep=lambda seconds: None,
        )  # fmt: skip
        exchange.scope = Scope(1, 1)
        self.exchanges.append(exchange)
        target = Target(cls.spec.base_url, sandbox=self.sandbox.url)
        return cls(Client(exchange, target, FixedCredential(login), login.options))
