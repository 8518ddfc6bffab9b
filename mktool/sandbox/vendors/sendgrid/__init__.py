"""SendGrid as documented at https://www.twilio.com/docs/sendgrid/api-reference (read 2026-11)."""

from __future__ import annotations

from .stats import Stats


class SendGrid(Stats):
    """One account, in both regions. What becomes of a mail is decided by its address: ``fate``."""


VENDOR = SendGrid
