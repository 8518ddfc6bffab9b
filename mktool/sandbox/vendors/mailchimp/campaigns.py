"""Campaigns, from the draft until they are in the inbox.

https://mailchimp.com/developer/marketing/api/campaigns/ and …/campaign-content/ (read 2026-11).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ...inbox import Item, iso
from ...vendor import on, text_of
from ...wire import Call, Refusal, Reply
from ...world import World
from .audiences import Audience, Member
from .desk import API, SITE, body_of, ident, invalid, missing, page, problem
from .merge import merged
from .segments import chosen
from .templates import Templates

SENDING = 2.0  # seconds until a campaign that is being sent has been sent
QUARTER = 900  # seconds: a campaign can be scheduled to these only


@dataclass(slots=True)
class Campaign:
    """A campaign as it is kept; ``due`` is when it goes out and ``sent`` when it did."""

    id: str
    kind: str
    made: float
    recipients: dict[str, Any]
    settings: dict[str, Any]
    html: str = ""
    text: str = ""
    due: float | None = None
    sent: float | None = None
    canceled: bool = False
    reached: list[str] = field(default_factory=list)
    bounced: int = 0

    def status(self, now: float) -> str:
        if self.canceled:
            return "canceled"
        if self.sent is not None:
            return "sent" if now >= self.sent + SENDING else "sending"
        return "save" if self.due is None else "schedule"


class Campaigns(Templates):
    """Writes, checks, sends."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.campaigns: dict[str, Campaign] = {}

    def advance(self, now: float) -> None:
        for campaign in self.campaigns.values():
            if campaign.sent is None and campaign.due is not None and campaign.due <= now:
                self._deliver(campaign, campaign.due)

    def campaign(self, call: Call) -> Campaign:
        """Check the key and return the campaign that the path names, or refuse."""
        self.admit(call)
        found = self.campaigns.get(call.params["campaign"])
        if found is None:
            raise missing()
        return found

    @on("GET", API + "/campaigns")
    def listing(self, call: Call) -> Reply:
        self.admit(call)
        status, list_id = call.query.get("status", ""), call.query.get("list_id", "")
        found = [
            self._shown(campaign, call.now)
            for campaign in reversed(self.campaigns.values())
            if status in ("", campaign.status(call.now))
            and list_id in ("", campaign.recipients.get("list_id"))
        ]
        return page(call, "campaigns", found)

    @on("POST", API + "/campaigns")
    def create(self, call: Call) -> Reply:
        self.admit(call)
        body = body_of(call)
        kind = text_of(body, "type")
        if kind not in ("regular", "plaintext"):
            raise invalid(type="the sandbox knows regular and plaintext")
        campaign = Campaign(ident(f"campaign{self.world.number()}"), kind, call.now, {}, {})
        self._change(campaign, body)
        self.campaigns[campaign.id] = campaign
        return Reply(json=self._shown(campaign, call.now))

    @on("GET", API + "/campaigns/{campaign}")
    def one(self, call: Call) -> Reply:
        return Reply(json=self._shown(self.campaign(call), call.now))

    @on("PATCH", API + "/campaigns/{campaign}")
    def change(self, call: Call) -> Reply:
        campaign = self._draft(call)
        self._change(campaign, body_of(call))
        return Reply(json=self._shown(campaign, call.now))

    @on("DELETE", API + "/campaigns/{campaign}")
    def delete(self, call: Call) -> Reply:
        del self.campaigns[self.campaign(call).id]
        return Reply(204)

    @on("GET", API + "/campaigns/{campaign}/content")
    def content(self, call: Call) -> Reply:
        return Reply(json=_content(self.campaign(call)))

    @on("PUT", API + "/campaigns/{campaign}/content")
    def write(self, call: Call) -> Reply:
        campaign, body = self._draft(call), body_of(call)
        html, text, template = (
            text_of(body, "html"),
            text_of(body, "plain_text"),
            body.get("template"),
        )
        if isinstance(template, dict):
            sections = template.get("sections")
            found = self.template(template.get("id"))
            html = found.filled(sections if isinstance(sections, dict) else {})
        if not html and not text:
            raise invalid(html="one of html, plain_text or template is needed")
        campaign.html = html
        campaign.text = text or _words(html)
        return Reply(json=_content(campaign))

    @on("GET", API + "/campaigns/{campaign}/send-checklist")
    def checklist(self, call: Call) -> Reply:
        items = list(self._checks(self.campaign(call)))
        ready = all(item["type"] != "error" for item in items)
        return Reply(json={"is_ready": ready, "items": items, "_links": []})

    @on("POST", API + "/campaigns/{campaign}/actions/test")
    def test(self, call: Call) -> Reply:
        campaign, body = self.campaign(call), body_of(call)
        emails, form = body.get("test_emails"), body.get("send_type")
        if not isinstance(emails, list) or not emails or form not in ("html", "plaintext"):
            raise invalid(test_emails="test_emails, and send_type html or plaintext")
        audience = self.audience(campaign.recipients.get("list_id"))
        for email in map(str, emails):
            self._post(campaign, audience, Member(email, "", call.now), call.now, "test email")
        return Reply(204)

    @on("POST", API + "/campaigns/{campaign}/actions/send")
    def send(self, call: Call) -> Reply:
        self._deliver(self._ready(call), call.now)
        return Reply(204)

    @on("POST", API + "/campaigns/{campaign}/actions/schedule")
    def schedule(self, call: Call) -> Reply:
        campaign = self._ready(call)
        try:
            due = datetime.fromisoformat(text_of(body_of(call), "schedule_time"))
        except ValueError:
            raise invalid(schedule_time="This value is not a valid datetime.") from None
        moment = (due if due.tzinfo else due.replace(tzinfo=UTC)).timestamp()
        if moment % QUARTER:
            raise invalid(schedule_time="Campaigns may only be scheduled on the quarter-hour.")
        if moment <= call.now:
            raise invalid(schedule_time="Please schedule a time in the future.")
        campaign.due = moment
        return Reply(204)

    @on("POST", API + "/campaigns/{campaign}/actions/unschedule")
    def unschedule(self, call: Call) -> Reply:
        campaign = self.campaign(call)
        if campaign.status(call.now) != "schedule":
            raise _wrong_state("The campaign is not scheduled.")
        campaign.due = None
        return Reply(204)

    @on("POST", API + "/campaigns/{campaign}/actions/cancel-send")
    def cancel(self, call: Call) -> Reply:
        campaign = self.campaign(call)
        if campaign.status(call.now) != "sending":
            raise _wrong_state("The campaign is not being sent.")
        campaign.canceled = True
        return Reply(204)

    def _draft(self, call: Call) -> Campaign:
        campaign = self.campaign(call)
        if campaign.status(call.now) != "save":
            raise _wrong_state("The campaign is scheduled or has been sent: it cannot be changed.")
        return campaign

    def _ready(self, call: Call) -> Campaign:
        campaign = self.campaign(call)
        if campaign.status(call.now) != "save":
            raise _wrong_state("The campaign has been scheduled or sent already.")
        wrong = [i["details"] for i in self._checks(campaign) if i["type"] == "error"]
        if wrong:
            raise _wrong_state(f"Your Campaign is not ready to send. {' '.join(wrong)}")
        return campaign

    def _change(self, campaign: Campaign, body: dict[str, Any]) -> None:
        recipients, settings = body.get("recipients"), body.get("settings")
        if isinstance(recipients, dict):
            audience = self.audience(recipients.get("list_id"))
            chosen(audience, _options(recipients))  # refuses what it cannot choose by
            campaign.recipients = recipients
        if isinstance(settings, dict):
            campaign.settings |= settings
            if settings.get("template_id"):
                campaign.html = self.template(settings["template_id"]).html
                campaign.text = _words(campaign.html)

    def _checks(self, campaign: Campaign) -> Iterator[dict[str, Any]]:
        settings = campaign.settings
        sender = settings.get("from_name") and "@" in str(settings.get("reply_to", ""))
        found = [
            ("List", self._count(campaign), "Your campaign has no recipients."),
            ("Subject", settings.get("subject_line"), "You didn't enter a subject line."),
            ("From", sender, "The name or the address of the sender is missing."),
            ("Content", campaign.html or campaign.text, "Your campaign has no content."),
        ]
        for number, (heading, right, words) in enumerate(found, 500):
            yield {"type": "success" if right else "error", "id": number, "heading": heading,
                   "details": "" if right else words}  # fmt: skip

    def _count(self, campaign: Campaign) -> int:
        return sum(1 for _ in self._readers(campaign))

    def _readers(self, campaign: Campaign) -> Iterator[Member]:
        audience = self.audiences.get(campaign.recipients.get("list_id", ""))
        found = chosen(audience, _options(campaign.recipients)) if audience else []
        return (member for member in found if member.status == "subscribed")

    def _deliver(self, campaign: Campaign, now: float) -> None:
        campaign.sent = now
        audience = self.audience(campaign.recipients["list_id"])
        for member in self._readers(campaign):
            if member.email.lower().startswith("bounced"):
                campaign.bounced += 1
            else:
                self._post(campaign, audience, member, now, "email")
            campaign.reached.append(member.email)

    def _post(
        self, campaign: Campaign, audience: Audience, member: Member, now: float, kind: str
    ) -> None:
        settings = campaign.settings
        given = {
            tag: member.merge.get(tag) or f["default_value"] for tag, f in audience.fields.items()
        }
        leave = f"{SITE}/unsubscribe?u={member.hash}&id={audience.id}"
        values = given | {
            "EMAIL": member.email, "UNSUB": leave, "LIST:NAME": audience.name,
            "ARCHIVE": f"{SITE}/archive/{campaign.id}", "CURRENT_YEAR": iso(now)[:4],
        }  # fmt: skip
        values["MC:SUBJECT"] = merged(str(settings.get("subject_line", "")), values)
        self.world.inbox.add(
            Item(
                now, self.name, audience.name, kind, f"{campaign.id}.{member.hash[:10]}",
                merged(campaign.text, values), html=merged(campaign.html, values), to=member.email,
                sender=f"{settings.get('from_name', '')} <{settings.get('reply_to', '')}>",
                subject=values["MC:SUBJECT"],
                extra={"campaign": campaign.id, "List-Unsubscribe": f"<{leave}>"},
            )
        )  # fmt: skip

    def _shown(self, campaign: Campaign, now: float) -> dict[str, Any]:
        audience = self.audiences.get(campaign.recipients.get("list_id", ""))
        when = campaign.due if campaign.sent is None else campaign.sent
        recipients = {
            **campaign.recipients, "list_is_active": audience is not None,
            "list_name": audience.name if audience else "", "segment_text": "",
            "recipient_count": self._count(campaign),
        }  # fmt: skip
        return {
            "id": campaign.id, "web_id": int(campaign.id, 16), "type": campaign.kind,
            "create_time": iso(campaign.made), "archive_url": f"{SITE}/archive/{campaign.id}",
            "long_archive_url": f"{SITE}/archive/{campaign.id}", "status": campaign.status(now),
            "emails_sent": len(campaign.reached), "send_time": iso(when) if when else "",
            "content_type": "html", "needs_block_refresh": False, "resendable": False,
            "recipients": recipients, "settings": campaign.settings,
            "tracking": {"opens": True, "html_clicks": True, "text_clicks": False},
            "delivery_status": {"enabled": False}, "_links": [],
        }  # fmt: skip


def _options(recipients: dict[str, Any]) -> dict[str, Any]:
    found = recipients.get("segment_opts")
    return found if isinstance(found, dict) else {}


def _content(campaign: Campaign) -> dict[str, Any]:
    return {"html": campaign.html, "plain_text": campaign.text, "archive_html": campaign.html,
            "_links": []}  # fmt: skip


def _words(html: str) -> str:
    """Return a document without its tags, which is near enough for a second body."""
    return re.sub(r"\s*\n\s*", "\n", re.sub(r"<[^>]*>", "\n", html)).strip()


def _wrong_state(detail: str) -> Refusal:
    return Refusal(problem(400, detail))
