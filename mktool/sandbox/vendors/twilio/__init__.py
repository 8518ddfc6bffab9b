"""Twilio as documented at https://www.twilio.com/docs/messaging/api (read 2026-11)."""

from __future__ import annotations

from .messages import Messages
from .services import Services


class Twilio(Messages, Services):
    """An account for every SID that says "sandbox".

    Numbers that end in 999 are never reached (30003), those that end in 610 opted out (21610),
    the magic numbers do what https://www.twilio.com/docs/iam/test-credentials says. Messaging
    services come into being when they are named, except those that begin with MG0404.
    """


VENDOR = Twilio
