"""LinkedIn as documented at https://learn.microsoft.com/linkedin (read 2026-11)."""

from __future__ import annotations

from .analytics import Analytics
from .comments import Comments
from .login import Login


class LinkedIn(Login, Comments, Analytics):
    """One member, who administers every page but those whose number ends in 404."""


VENDOR = LinkedIn
