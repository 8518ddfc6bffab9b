"""Rest.li 2.0: lists and objects inside a query string.

https://linkedin.github.io/rest.li/spec/protocol (read 2026-11).
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote


def query(**values: object) -> str:
    """Return the query string: lists as ``List(a,b)``, objects as ``(k:v)``.

    Each text in them is percent-encoded whole; the structure around it must stay as it is.
    """
    return "&".join(f"{_encoded(name)}={_encoded(value)}" for name, value in values.items())


def _encoded(value: object) -> str:
    if isinstance(value, Mapping):
        return f"({','.join(f'{_encoded(k)}:{_encoded(v)}' for k, v in value.items())})"
    if isinstance(value, list | tuple):
        return f"List({','.join(map(_encoded, value))})"
    return quote(str(value), safe="")
