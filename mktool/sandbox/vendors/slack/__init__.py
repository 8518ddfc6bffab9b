"""Slack as documented at https://docs.slack.dev (read 2026-11)."""

from __future__ import annotations

from .files import Files
from .login import Login
from .webhooks import Webhooks


class Slack(Login, Files, Webhooks):
    """One workspace. Channels come into being when they are named.

    Those whose id begins with C0MISSING do not exist, the bot is not in C0OUTSIDE…, and
    C0ARCHIVED… is archived; every e-mail address has a user, unless it begins with "missing".
    """


VENDOR = Slack
