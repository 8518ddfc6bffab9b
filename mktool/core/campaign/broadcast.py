"""Campaigns that the vendor sends: its audience is filled first, then what it sends is launched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ... import errors as e
from ...capability import CanBroadcast
from ...http.exchange import Scope
from ...message import Broadcast
from .course import parts_of
from .merge import merge_tags

if TYPE_CHECKING:
    from .campaign import Campaign


def described(campaign: Campaign) -> Broadcast:
    """Return what the vendor is to send, in its own merge tags."""
    wanted, provider = campaign.definition, campaign.session.provider
    assert isinstance(provider, CanBroadcast)
    if len(wanted.variants) > 1:
        raise e.Unsupported(
            f"{campaign.session.spec.title} gets one version of a campaign", hint="leave out [ab]"
        )
    if campaign.file.get("launched") and campaign.to_send():
        raise e.InvalidInput(
            "the campaign went out already; who was added since cannot be added to it",
            hint="--as NAME sends to them as a new campaign, with a list of only them",
        )
    if "email" in campaign.fields:
        raise e.InvalidInput(
            f"the list has a column email beside {campaign.address}, which has the addresses",
            hint="rename it, in the list and in the templates",
        )

    def tag(name: str, default: str) -> str:
        return provider.merge_tag("email" if name == campaign.address else name, default)

    variant = wanted.variants[0]
    parts = parts_of(wanted, variant, campaign.postal_address)
    merged = merge_tags(parts, tag)
    return Broadcast(
        campaign=wanted.name,
        token=campaign.token,
        sender=variant.sender,
        subject=merged.subject,
        html=merged.html,
        text=merged.text,
        preheader=wanted.preheader,
        reply_to=wanted.reply_to,
        fields=campaign.fields,
        tags=wanted.tags,
        extra=wanted.options,
    )


def launch(campaign: Campaign, at: float | None = None) -> None:
    """Have it sent, once: what is on record before each step tells a later run how far it got."""
    provider, file = campaign.session.provider, campaign.file
    assert isinstance(provider, CanBroadcast)
    if file.get("launched"):
        return
    campaign.session.exchange.scope = Scope(campaign.act.id)
    id = file.get("draft") or provider.draft(described(campaign))
    file.put(draft=id)
    if file.get("launching") and provider.launched(id):
        file.put(launched=file.get("launching"))
        return
    now = campaign.session.ledger.clock()
    file.put(launching=now)
    provider.launch(id, at if at is not None and at > now else None)  # filling took its time
    file.put(launched=now)
