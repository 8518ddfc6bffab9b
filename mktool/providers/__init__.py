"""Vendor modules. The file name is the vendor name; adding a file adds a vendor."""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING

from ..errors import InvalidInput

if TYPE_CHECKING:
    from ..provider import Provider
    from ..spec import Spec

GROUP = "mktool.providers"


def names() -> list[str]:
    """Return every built-in vendor name without importing any vendor."""
    files = os.listdir(os.path.dirname(__file__))
    return sorted(
        f[:-3].replace("_", "-") for f in files if f.endswith(".py") and not f.startswith("_")
    )


def load(name: str) -> type[Provider]:
    """Return the provider class of a name, an alias or an installed entry point.

    Raises `InvalidInput` with the nearest known name.
    """
    wanted = name.lower()
    if wanted in names():
        found: type[Provider] = import_module(f"{__name__}.{wanted.replace('-', '_')}").PROVIDER
        return found
    return _alias(wanted) or _plugin(wanted) or _unknown(name)


def specs() -> list[Spec]:
    """Return the spec of every built-in vendor, which imports them all."""
    return [load(name).spec for name in names()]


def _alias(name: str) -> type[Provider] | None:
    classes = (load(known) for known in names())
    return next((c for c in classes if name in c.spec.aliases), None)


def _plugin(name: str) -> type[Provider] | None:
    from importlib.metadata import entry_points  # 35 ms, so only for an unknown name

    for point in entry_points(group=GROUP, name=name):
        found: type[Provider] = point.load()
        return found
    return None


def _unknown(name: str) -> type[Provider]:
    from difflib import get_close_matches

    aliases = [alias for spec in specs() for alias in spec.aliases]
    near = get_close_matches(name.lower(), names() + aliases, n=1)
    hint = f"did you mean {near[0]}?" if near else "mktool providers"
    raise InvalidInput(f"unknown provider {name!r}; known: {', '.join(names())}", hint=hint)
