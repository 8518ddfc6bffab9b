"""One module per vendor, found by its name; adding one adds a vendor."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from ..vendor import Vendor


def names() -> list[str]:
    """Return every vendor that the sandbox plays."""
    return sorted(module.name.replace("_", "-") for module in iter_modules(__path__))


def load(name: str) -> type[Vendor]:
    """Return the class of a vendor; ModuleNotFoundError for one that is not played."""
    found: type[Vendor] = import_module(f"{__name__}.{name.replace('-', '_')}").VENDOR
    return found
