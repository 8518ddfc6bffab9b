"""The first part of the demo: every account is connected, and proved."""

from __future__ import annotations

from ... import providers
from ...http.auth import OAuth2
from ...sandbox import vendors
from ...store.vault.environment import variable
from .stage import Stage


def play(stage: Stage) -> None:
    played = vendors.names()
    stage.title("A sandbox plays every vendor. First, connect accounts: in a browser, or by key")
    for name in filter(played.__contains__, providers.names()):
        _connect(stage, name)
    stage.title("Do they work? Asked with calls that change nothing")
    stage.mktool("test-integrations")


def _connect(stage: Stage, name: str) -> None:
    """Log in by OAuth where the vendor offers it, else with a key of the sandbox."""
    spec = providers.load(name).spec
    if isinstance(spec.auth[0], OAuth2):
        more = {variable(name, "client_secret"): "sandbox-secret"}
        stage.mktool("authorize", name, "--field", "client_id=demo", env=more)
        return
    given = vendors.load(name).environment
    key = given[variable(name, next(n for n in reversed(spec.auth[0].needs) if _secret(name, n)))]
    extra = [f"--field={f.name}={given[variable(name, f.name)]}"
             for f in spec.fields
             if not f.secret and variable(name, f.name) in given]  # fmt: skip
    stage.mktool("authorize", name, "--token-stdin", *extra, stdin=key)


def _secret(provider: str, field: str) -> bool:
    found = providers.load(provider).spec.setting(field)
    return found is not None and found.secret
