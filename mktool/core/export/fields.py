"""Values for a vendor's own fields, from where the user says that they are in a report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...errors import ConfigError
from ...report import Report
from .schema import near
from .template import filled, shown, values

EXAMPLE = 'such as project = "metadata.project", or "{{ title }} ({{ date }})"'


def fields(
    report: Report, section: Mapping[str, Mapping[str, str]], where: str = "[map.…"
) -> dict[str, dict[str, str]]:
    """Return the values of a vendor's fields by object; a field that has none is left out.

    ``section`` is ``[map.PROVIDER]``, and ``where`` what errors call it: by object and field a
    path, as ``actions.0.text``, or a template, as ``{{ title }}``. Raises `ConfigError` for the
    path, `InvalidInput` for the template that cannot be.
    """
    known = values(report)
    found: dict[str, dict[str, str]] = {}
    for name, places in section.items():
        made = {
            field: _value(place, known, f"{where}.{name}] {field}")
            for field, place in places.items()
        }
        found[name] = {field: value for field, value in made.items() if value}
    return found


def _value(place: str, known: Mapping[str, Any], where: str) -> str:
    if "{{" in place or "{%" in place:
        return filled(place, known, where).strip()
    value: Any = known
    for depth, step in enumerate(place.split(".")):
        if isinstance(value, Mapping) and step in value:
            value = value[step]
        elif isinstance(value, list) and step.isdecimal():
            value = value[int(step)] if int(step) < len(value) else None
        elif depth == 0:
            raise ConfigError(f"{where}: there is no {step}{near(step, known)}", hint=EXAMPLE)
        else:
            return ""
    return shown(value)
