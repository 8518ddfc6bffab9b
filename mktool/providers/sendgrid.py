"""SendGrid. Web API v3: https://www.twilio.com/docs/sendgrid/api-reference (read 2026-09)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from .. import errors as e
from ..capability import CanCheck, CanDeliver, CanHold, CanSummarize, CanSuppress, CanTemplate
from ..http.auth import HeaderKey
from ..http.body import Encoded, encoded_alike
from ..http.pages import by_offset
from ..message import Batch, Mailbox, Message, Reason, Receipt, Sent, Suppressed
from ..model import Account
from ..spec import DAY, HOUR, MINUTE, Delivery, Endpoint, Field, Rule, Spec, Throttle
from ._sendgrid_events import Webhooks
from ._sendgrid_mail import mailbox, personalization
from ._sendgrid_templates import add, html_of, listed

SCOPES = Endpoint("check", "GET", "/v3/scopes")
SEND = Endpoint("send", "POST", "/v3/mail/send")
HOLD = Endpoint("hold", "POST", "/v3/mail/batch", repeatable=True)  # an unused id does nothing
RELEASE = Endpoint("release", "POST", "/v3/user/scheduled_sends")
STATS = Endpoint("stats", "GET", "/v3/categories/stats")
SUPPRESSIONS = Endpoint("suppressions", "GET", "/v3/suppression/{}")

# Without blocks: they are of the moment, and SendGrid tries those addresses again.
LISTS: dict[str, Reason] = {"bounces": "bounced", "invalid_emails": "bounced",
    "spam_reports": "complained", "unsubscribes": "unsubscribed"}  # fmt: skip
EVENTS = {
    "processed": "sent", "delivered": "delivered", "deferred": "deferred", "bounces": "bounced",
    "blocks": "bounced", "bounce_drops": "rejected", "spam_report_drops": "rejected",
    "unsubscribe_drops": "rejected", "invalid_emails": "rejected", "opens": "opened",
    "clicks": "clicked", "spam_reports": "complained", "unsubscribes": "unsubscribed",
    "unique_opens": "unique_opens", "unique_clicks": "unique_clicks"}  # fmt: skip


class SendGrid(Webhooks, CanCheck, CanDeliver, CanHold, CanSummarize, CanSuppress, CanTemplate):
    spec = Spec(
        name="sendgrid", title="SendGrid",
        docs="https://www.twilio.com/docs/sendgrid/api-reference", base_url="https://{host}",
        auth=(HeaderKey("api_key", scopes=("mail.send",)),),
        fields=(
            Field("api_key", "API key (SG.…) that may send mail", secret=True, pattern=r"SG\.\S+",
                  env=("SENDGRID_API_KEY",)),
            Field("host", "api.eu.sendgrid.com for mail that is sent from the EU",
                  default="api.sendgrid.com", pattern=r"api(\.eu)?\.sendgrid\.com"),
            Field("subuser", "whom a parent account sends for", pattern=r"[^\s{}]+")),
        headers={"on-behalf-of": "{subuser}"},
        throttle=Throttle("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"),
        error_code=("errors.0.field",), error_text=("errors.0.message",),
        request_id=("x-message-id", "x-request-id"),
        rules=(
            # https://support.sendgrid.com/hc/en-us/articles/18322114821403 (2026-09)
            Rule(e.Forbidden, 401, text="credits", hint="https://app.sendgrid.com/account/billing"),
            Rule(e.Forbidden, 401, text="not authorized to send",
                 hint="give the key Mail Send: https://app.sendgrid.com/settings/api_keys"),
            Rule(e.Forbidden, 403, text="sender identity",
                 hint="verify the sender: https://app.sendgrid.com/settings/sender_auth"),
            # What is wrong with one recipient is under his personalization; the rest is everyone's.
            Rule(e.Forbidden, 400, code=r"(?!personalizations\b).+", operation="send",
                 hint="it is the campaign that was refused, no recipient: change what was named")),
        # https://www.twilio.com/docs/sendgrid/api-reference/mail-send/limitations: 1000 recipients,
        # 30 MB. A cancellation is kept if it comes 10 minutes before; 72 hours ahead are the most.
        delivery=Delivery("email", SEND, batch=1000, merge=True, merge_bytes=10_000,
                          hold=(10 * MINUTE, 72 * HOUR), size=30_000_000,
                          culprit=r"^personalizations\.(\d+)\b"),
        timeout=30.0, setup="""\
1. https://app.sendgrid.com/settings/sender_auth: authenticate the domain that you send from.
2. https://app.sendgrid.com/settings/api_keys: make a key with restricted access: Mail Send;
   to schedule, Scheduled Sends; to read what happened, Stats, Suppressions and Templates.
3. mktool authorize sendgrid, then mktool test-integration sendgrid
   For an account in the EU: mktool authorize sendgrid --field host=api.eu.sendgrid.com""",
    )  # fmt: skip

    def check(self) -> Account:
        reply = self.client.call(SCOPES)
        reply.need("scopes.0")
        name = self.client.options.get("subuser") or "the owner of the key"
        return Account("", name, frozenset(map(str, reply.get("scopes") or ())))

    def pack(self, batch: Batch, /) -> bytes:
        return encoded_alike(batch.messages, personalization(batch))

    def deliver(self, batch: Batch, /) -> Receipt:
        first = batch.messages[0]
        whole: Message | Batch = first if first.subject else batch  # rendered: alone in its request
        parts = (("text/plain", whole.text), ("text/html", whole.html))  # in this order
        people = [] if batch.packed else [*map(personalization(batch), batch.messages)]
        body: dict[str, Any] = {
            "personalizations": Encoded(batch.packed) if batch.packed else people,
            "from": mailbox(batch.sender),
            "subject": whole.subject,
            "content": [{"type": type, "value": value} for type, value in parts if value],
            "categories": list(dict.fromkeys((batch.campaign, *batch.tags)))[:10],
        }
        if batch.reply_to:
            from email.utils import parseaddr

            body["reply_to"] = mailbox(Mailbox(*reversed(parseaddr(batch.reply_to))))
        if batch.send_at is not None:
            body |= {"send_at": int(batch.send_at), "batch_id": batch.hold}
        if batch.rehearsal:
            body["mail_settings"] = {"sandbox_mode": {"enable": True}}
        reply = self.client.call(SEND, json=batch.over(body))
        return Receipt(id=reply.headers.get("x-message-id", ""))

    def hold(self) -> str:
        return self.client.call(HOLD).need("batch_id")

    def release(self, hold: str, ids: Sequence[str], /) -> None:
        self.client.call(RELEASE, json={"batch_id": hold, "status": "cancel"})

    def summarize(self, sent: Sent, /) -> Mapping[str, float]:
        start = datetime.fromtimestamp(sent.since - DAY, UTC)  # days are the account's, not UTC's
        query = {"start_date": f"{start:%Y-%m-%d}", "categories": sent.campaign}
        totals: dict[str, float] = {}
        for day in self.client.call(STATS, query=query).each(""):
            for name, number in day.numbers("stats.0.metrics").items():
                if kind := EVENTS.get(name):
                    totals[kind] = totals.get(kind, 0.0) + number
        return totals

    def suppressed(self, since: float, /) -> Iterator[Suppressed]:
        query = {"start_time": str(int(since))}
        for name, reason in LISTS.items():
            for row in by_offset(self.client, SUPPRESSIONS, name, query=query, size=500):
                yield Suppressed(row.need("email"), reason, row.number("created"))

    def templates(self) -> Iterable[tuple[str, str]]:
        return listed(self.client)

    def template(self, id: str, /) -> str:
        return html_of(self.client, id)

    def add_template(self, name: str, html: str, /) -> str:
        return add(self.client, name, html)


PROVIDER = SendGrid
