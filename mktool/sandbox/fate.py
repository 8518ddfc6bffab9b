"""What becomes of a mail that nobody receives: decided by its address, the same every time."""

from __future__ import annotations

import re
from typing import Literal

from .vendor import invent

Fate = Literal["delivered", "bounced", "complained", "delayed", "suppressed", "invalid"]

_BEGINNING = re.compile(r"(bounced|complained|delayed|suppressed|invalid)", re.IGNORECASE)
ARRIVAL = 2.0  # seconds until it is known whether a mail arrived
OPENING, CLICKING = 60.0, 90.0  # seconds until somebody opens it, and follows a link
ADDRESS = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,63}"
)


def fate(address: str) -> Fate:
    """Return what the local part announces, as in ``bounced@`` or ``complained+7@``."""
    found = _BEGINNING.match(address)
    return found[1].lower() if found else "delivered"  # type: ignore[return-value]


def opened(address: str) -> bool:
    """Tell whether the one behind an address opens mails: two in five do."""
    return fate(address) == "delivered" and invent(f"open/{address}", 1, 5) <= 2


def clicked(address: str) -> bool:
    """Tell whether the one behind an address follows links: every fourth who opens does."""
    return opened(address) and invent(f"click/{address}", 1, 4) == 1
