"""Zoho CRM, version 8: https://www.zoho.com/crm/developer/docs/api/v8/ (read 2026-11)."""

from __future__ import annotations

from .login import Login
from .reading import Reading


class Zoho(Login, Reading):
    """One company with one user, in every data centre at once."""


VENDOR = Zoho
