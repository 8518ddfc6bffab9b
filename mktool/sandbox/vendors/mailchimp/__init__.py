"""Mailchimp as documented at https://mailchimp.com/developer/marketing/ (read 2026-11)."""

from __future__ import annotations

from .reports import Reports
from .segments import Segments


class Mailchimp(Reports, Segments):
    """One account with one audience, at every data centre.

    Addresses that begin with "fake" are not believed, those that begin with "unsubscribed" left
    by themselves and cannot be subscribed again, those that begin with "bounced" are not reached.
    A scheduled campaign goes out with the first call after its time.
    """


VENDOR = Mailchimp
