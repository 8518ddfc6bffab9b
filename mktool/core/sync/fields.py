"""The fields that a vendor has, against which names are checked before anything is sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from ... import errors as e
from ...capability import CanPull
from ...spec import RecordKind
from ..session import Session

Fields = Mapping[str, bool]
"""Whether this account may write each field of a kind; none where nobody knows."""


def of(session: Session, kind: RecordKind) -> Fields:
    """Return the fields of a kind; none where the vendor does not tell us."""
    provider = session.provider
    if not isinstance(provider, CanPull):
        return {}
    try:
        return provider.fields(kind)
    except e.Forbidden:
        return {}


def check(names: Iterable[str], fields: Fields, where: str, hint: str) -> None:
    """Raise `InvalidInput` at the first name of no field; ``where`` begins the message."""
    # With a dot it leads on to another record, which has fields of its own.
    unknown = [name for name in names if name and "." not in name and name not in fields]
    if fields and unknown:
        small = {name.lower(): name for name in fields}
        close = get_close_matches(unknown[0].lower(), small, 1)
        meant = f"did you mean {small[close[0]]}? " if close else ""
        raise e.InvalidInput(f"{where} no field {unknown[0]}", hint=f"{meant}{hint}")
