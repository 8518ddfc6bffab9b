"""Pipedrive as documented at https://developers.pipedrive.com/docs/api/v1 (read 2026-11)."""

from __future__ import annotations

from .legacy import Legacy
from .login import Login


class Pipedrive(Login, Legacy):
    """One company on the largest plan with ten seats; user 1 owns what names no other owner."""


VENDOR = Pipedrive
