"""How a campaign goes out: message by message, or to an audience that the vendor keeps."""

from __future__ import annotations

from ... import errors as e
from ... import providers
from ...capability import CanBroadcast
from ...spec import Delivery
from .definition import Definition


def is_hosted(wanted: Definition) -> bool:
    """Whether the vendor itself sends, to an audience that it is given: because that is asked
    for, or because it does nothing else. `Unsupported` where it cannot."""
    cls = providers.load(wanted.provider)
    if wanted.hosted and not issubclass(cls, CanBroadcast):
        able = [s.name for s in providers.specs() if s.audience is not None]
        raise e.Unsupported(
            f"{cls.spec.title} keeps no audience to send to",
            hint=f"leave hosted out, or one of {', '.join(able)}",
        )
    return wanted.hosted or cls.spec.delivery is None


def delivery_of(wanted: Definition) -> Delivery:
    """Return how a campaign is delivered, or its audience filled; `Unsupported` if neither."""
    spec = providers.load(wanted.provider).spec
    found = spec.audience if is_hosted(wanted) else spec.delivery
    if found is None:
        able = [s.name for s in providers.specs() if s.campaigns is not None]
        raise e.Unsupported(f"{spec.title} sends no campaigns", hint=f"one of {', '.join(able)}")
    return found
