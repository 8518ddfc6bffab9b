"""X API v2 as documented at https://docs.x.com/x-api (read 2026-11)."""

from __future__ import annotations

from .login import Login
from .posts import Posts


class X(Login, Posts):
    """One account, its posts and its uploads."""


VENDOR = X
