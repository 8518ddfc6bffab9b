"""Resend as documented at https://resend.com/docs (read 2026-11)."""

from __future__ import annotations

from .imports import Imports


class Resend(Imports):
    """One team. Every domain is verified, unless it begins with "unverified".

    What becomes of a mail is decided by its address: see ``fate``.
    """


VENDOR = Resend
