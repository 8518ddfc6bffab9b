"""
Mailchimp's webhooks of an audience: forms with ``type``, ``fired_at`` and ``data[…]``.

https://mailchimp.com/developer/marketing/guides/sync-audience-data-webhooks/ (read 2026-11). In
which zone ``fired_at`` is, is not documented, so that nothing is dated. That a campaign was sent
(``type=campaign``) says nothing about its recipients.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..capability import CanReceive
from ..http.reply import Notice
from ..message import Event, EventKind
from ..provider import Provider

KINDS: Mapping[str, EventKind] = {"unsubscribe": "unsubscribed", "cleaned": "bounced"}


class Webhooks(Provider, CanReceive):
    """What Mailchimp tells unasked."""

    @staticmethod
    def receive(notice: Mapping[str, Any], /) -> Iterator[Event]:
        one = Notice("mailchimp", notice)
        kind, why = KINDS.get(one.need("type")), str(one.get("data.reason") or "")
        if kind and one.get("data.action") != "delete":  # that is the owner of the audience
            yield Event("complained" if why == "abuse" else kind, "", one.need("data.email"),
                        detail=why, campaign=str(one.get("data.campaign_id") or ""))  # fmt: skip
