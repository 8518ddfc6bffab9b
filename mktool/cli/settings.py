"""The settings of this run, from the global options, the environment and the file."""

from __future__ import annotations

from ..core.settings import Settings
from ..store.config import load
from .terminal import terminal


def settings() -> Settings:
    """Return what the use cases need; `ConfigError` if the file is wrong."""
    out = terminal()
    return Settings(load(out.config), interactive=out.interactive, ask=out.ask_secret)
