"""Reports (https://mailchimp.com/developer/marketing/api/reports/, read 2026-11)."""

from __future__ import annotations

from typing import Any

from ...inbox import iso
from ...vendor import invent, on
from ...wire import Call, Reply
from .audiences import hashed
from .campaigns import Campaign, Campaigns
from .desk import API, missing, page


class Reports(Campaigns):
    """What became of the campaigns that were sent; opens and clicks are made up."""

    @on("GET", API + "/reports")
    def reports(self, call: Call) -> Reply:
        self.admit(call)
        sent = [c for c in reversed(self.campaigns.values()) if c.sent is not None]
        return page(call, "reports", [self._report(campaign) for campaign in sent])

    @on("GET", API + "/reports/{campaign}")
    def report(self, call: Call) -> Reply:
        campaign = self.campaign(call)
        if campaign.sent is None:
            raise missing()
        return Reply(json=self._report(campaign))

    @on("GET", API + "/reports/{campaign}/sent-to")
    def sent_to(self, call: Call) -> Reply:
        campaign = self.campaign(call)
        rows = [{"email_address": email, "status": "sent", "campaign_id": campaign.id}
                for email in campaign.reached]  # fmt: skip
        return page(call, "sent_to", rows, campaign_id=campaign.id)

    @on("GET", API + "/reports/{campaign}/email-activity")
    def activity(self, call: Call) -> Reply:
        campaign = self.campaign(call)
        if campaign.sent is None:
            raise missing()
        told, when = self._report(campaign), iso(campaign.sent)
        firsts = {"open": told["opens"]["unique_opens"], "click": told["clicks"]["unique_clicks"]}
        rows = [
            {"campaign_id": campaign.id, "list_id": told["list_id"], "list_is_active": True,
             "email_id": hashed(email), "email_address": email, "_links": [],
             "activity": [{"action": action, "timestamp": when, "ip": "192.0.2.1"}
                          for action, most in firsts.items() if number < most]}
            for number, email in enumerate(campaign.reached)
        ]  # fmt: skip
        return page(call, "emails", rows, campaign_id=campaign.id)

    def _report(self, campaign: Campaign) -> dict[str, Any]:
        audience = self.audience(campaign.recipients["list_id"])
        sent = len(campaign.reached)
        arrived = sent - campaign.bounced
        unique_opens = arrived * invent(f"{campaign.id}/opens", 20, 45) // 100
        unique_clicks = unique_opens * invent(f"{campaign.id}/clicks", 5, 25) // 100
        opens = unique_opens + unique_opens // 4
        clicks = unique_clicks + unique_clicks // 5
        when = iso(campaign.sent or campaign.made)
        return {
            "id": campaign.id, "campaign_title": str(campaign.settings.get("title", "")),
            "type": campaign.kind, "list_id": audience.id, "list_is_active": True,
            "list_name": audience.name, "emails_sent": sent, "abuse_reports": 0,
            "subject_line": str(campaign.settings.get("subject_line", "")),
            "preview_text": str(campaign.settings.get("preview_text", "")),
            "unsubscribed": invent(f"{campaign.id}/left", 0, arrived // 100), "send_time": when,
            "bounces": {"hard_bounces": campaign.bounced, "soft_bounces": 0, "syntax_errors": 0},
            "forwards": {"forwards_count": 0, "forwards_opens": 0},
            "opens": {"opens_total": opens, "unique_opens": unique_opens,
                      "open_rate": _share(unique_opens, arrived), "last_open": when},
            "clicks": {"clicks_total": clicks, "unique_clicks": unique_clicks,
                       "unique_subscriber_clicks": unique_clicks,
                       "click_rate": _share(unique_clicks, arrived), "last_click": when},
            "_links": [],
        }  # fmt: skip


def _share(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 0.0
