"""HubSpot as documented at https://developers.hubspot.com/docs (read 2026-11)."""

from __future__ import annotations

from .account import Account
from .associations import Associations
from .batch import Batches
from .lists import Lists
from .login import Login
from .marketing import Marketing
from .search import Search


class HubSpot(Login, Account, Batches, Search, Associations, Lists, Marketing):
    """One account. Paths with a version and those with a date do the same.

    What was written is found by a search some seconds later. Rate limits: ``hubspot`` for ten
    seconds, ``hubspot.day``, ``hubspot.search`` for a second.
    """


VENDOR = HubSpot
