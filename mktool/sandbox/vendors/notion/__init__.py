"""Notion as documented at https://developers.notion.com/reference (read 2026-11)."""

from __future__ import annotations

from .comments import Comments
from .data import Sources
from .login import Login


class Notion(Login, Sources, Comments):
    """One workspace that shares a page and a database, "Meetings", with the integration."""


VENDOR = Notion
