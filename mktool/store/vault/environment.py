"""
Credentials and settings given by the environment, for CI. Read only, never stored.

``MKTOOL_<PROVIDER>_<FIELD>`` comes first, then the vendor's usual names in their order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from ...model import Secret

if TYPE_CHECKING:
    from ...spec import Spec


def environment_secrets(spec: Spec, environ: Mapping[str, str]) -> dict[str, Secret]:
    """Return the secret fields the environment gives, by field name."""
    return {
        name: Secret(environ[variable].strip())
        for name, variable, secret in _given(spec, environ)
        if secret
    }


def environment_options(spec: Spec, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the fields that are no secret and that the environment gives, by field name."""
    return {
        name: environ[variable].strip()
        for name, variable, secret in _given(spec, environ)
        if not secret
    }


def environment_sources(spec: Spec, environ: Mapping[str, str]) -> dict[str, str]:
    """Return which variable each field comes from, by field name, secret or not."""
    return {name: variable for name, variable, _ in _given(spec, environ)}


def variable(provider: str, field: str) -> str:
    """Return our own variable of a field: ``MKTOOL_X_ACCESS_TOKEN``."""
    return f"MKTOOL_{provider}_{field}".upper().replace("-", "_")


def variables(spec: Spec, field: str) -> tuple[str, ...]:
    """Return every variable that may hold a field, ours first, then the vendor's usual names."""
    declared = spec.setting(field)
    return (variable(spec.name, field), *(declared.env if declared else ()))


def _given(spec: Spec, environ: Mapping[str, str]) -> Iterator[tuple[str, str, bool]]:
    for name, secret in _wanted(spec):
        candidates = variables(spec, name)
        source = next((v for v in candidates if environ.get(v, "").strip()), None)
        if source is not None:
            yield name, source, secret


def _wanted(spec: Spec) -> Iterator[tuple[str, bool]]:
    for field in spec.fields:
        yield field.name, field.secret
    # What a scheme needs and nobody types in is what a login yields: an access token.
    declared = {field.name for field in spec.fields}
    needed = dict.fromkeys(need for scheme in spec.auth for need in scheme.needs)
    for name in needed:
        if name not in declared:
            yield name, True
