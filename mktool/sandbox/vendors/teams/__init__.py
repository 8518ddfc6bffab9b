"""Workflows of Microsoft Teams: an address that takes cards (read 2026-11).

https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using
"""

from __future__ import annotations

from .desk import Teams

VENDOR = Teams
