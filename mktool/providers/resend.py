"""Resend. API: https://resend.com/docs/api-reference (read 2026-09)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import takewhile

from .. import errors as e
from ..capability import CanBroadcast, CanCheck, CanDeliver, CanSuppress, CanTemplate, CanTrack
from ..http.auth import HeaderKey
from ..http.body import Encoded, encoded_alike
from ..http.pages import by_last_id
from ..message import Batch, Event, Reason, Receipt, Refusal, Sent, Suppressed
from ..model import Account
from ..spec import DAY, Delivery, Endpoint, Field, Limit, Rule, Spec, Throttle
from ._resend_audience import IMPORT
from ._resend_broadcast import Broadcasts, events
from ._resend_events import EVENTS, Webhooks
from ._resend_mail import mail

DOMAINS = Endpoint("check", "GET", "/domains")
SEND = Endpoint("send", "POST", "/emails/batch", key_header="Idempotency-Key")
EMAILS = Endpoint("emails", "GET", "/emails")
SUPPRESSIONS = Endpoint("suppressions", "GET", "/suppressions")
CONTACTS = Endpoint("contacts", "GET", "/contacts")
TEMPLATES = Endpoint("templates", "GET", "/templates")
TEMPLATE = Endpoint("template", "GET", "/templates/{}")
ADD_TEMPLATE = Endpoint("add template", "POST", "/templates")
SEND_ONLY = "restricted_api_key"
REASONS: dict[str, Reason] = {"bounce": "bounced", "complaint": "complained"}
ONE_BY_ONE = {"x-batch-validation": "permissive"}  # a bad message does not stop the others


class Resend(Broadcasts, Webhooks, CanCheck, CanDeliver, CanBroadcast, CanTrack, CanSuppress,
             CanTemplate):  # fmt: skip
    spec = Spec(
        name="resend", title="Resend", docs="https://resend.com/docs/api-reference",
        base_url="https://api.resend.com", auth=(HeaderKey("api_key", scopes=("sending_access",)),),
        fields=(
            Field("api_key", "API key (re_…): to send it needs sending access, to read full access",
                  secret=True, pattern=r"re_\S+", env=("RESEND_API_KEY",)),
            Field("requests_per_second", "what Resend granted you, if more than two",
                  pattern=r"[1-9]\d{0,6}")),
        # Of the whole team. /docs/api-reference/rate-limit says 5 in one copy and 2 in another
        # (2026-09): the lower one holds, until the account says otherwise.
        limits=(Limit(2, 1.0, setting="requests_per_second"),),
        throttle=Throttle("ratelimit-limit", "ratelimit-remaining", "ratelimit-reset", "seconds"),
        error_code=("name",), error_text=("message",),
        rules=(  # https://resend.com/docs/api-reference/errors (2026-09)
            # A key that may only send is told so on everything else, which proves that it is good.
            Rule(None, 401, SEND_ONLY, operation="check"),
            Rule(e.Forbidden, 401, SEND_ONLY, message="this key may only send",
                 hint="make a key with full access: https://resend.com/api-keys"),
            Rule(e.Unauthorized, code="invalid_api_key"),
            Rule(e.Forbidden, 429, r"(daily|monthly)_quota_exceeded", message="the plan's quota is"
                 " used up; nothing was sent", hint="https://resend.com/settings/billing"),
            Rule(e.Duplicate, 409, "invalid_idempotent_request"),  # taken, with other content
            Rule(e.Unavailable, code="concurrent_idempotent_requests"),
            Rule(e.Forbidden, 422, text=r"\bfrom\b", operation="send",
                 hint="write NAME <ADDRESS>, without commas and quotes in the name"),
            Rule(e.Forbidden, 403, "validation_error", operation="send",
                 hint="verify the sender's domain: https://resend.com/domains"),
            Rule(None, text="already exists", operation="add property")),
        # A key is remembered for 24 hours: /docs/dashboard/emails/idempotency-keys (2026-09).
        delivery=Delivery("email", SEND, batch=100, key_seconds=DAY, size=40_000_000),
        # https://resend.com/changelog/extended-email-scheduling (read 2026-11)
        audience=Delivery("email", IMPORT, 10_000, 10_000, concurrency=1, hold=(0, 30 * DAY)),
        timeout=30.0, setup="""\
1. https://resend.com/domains: add the domain that you send from, and its DNS records.
2. https://resend.com/api-keys: make a key. "Sending access" is enough to send; events,
   suppressions and templates are read, and audiences filled, with "Full access".
3. mktool authorize resend, then mktool test-integration resend""",
    )  # fmt: skip

    def check(self) -> Account:
        reply = self.client.call(DOMAINS, query={"limit": "1"})
        if reply.get("name") == SEND_ONLY:
            return Account("", "a key that may only send", frozenset({"sending_access"}))
        reply.need("object")
        name = first.need("name") if (first := reply.find("data")) else "no domain yet"
        return Account("", name, frozenset({"sending_access", "full_access"}))

    def pack(self, batch: Batch, /) -> bytes:
        return encoded_alike(batch.messages, mail(batch))

    def deliver(self, batch: Batch, /) -> Receipt:
        if batch.rehearsal:
            raise e.Unsupported("Resend checks no message without sending it")
        count = len(batch.messages)
        body = Encoded(batch.packed) if batch.packed else [*map(mail(batch), batch.messages)]
        reply = self.client.call(SEND, json=body, key=batch.key, headers=ONE_BY_ONE)
        # The ids are those of the messages that were taken:
        # https://resend.com/changelog/batch-validation-modes (2025-09-19)
        refused = {no["index"]: Refusal("validation_error", str(no.get("message") or ""))
                   for no in reply.rows("errors") if isinstance(no.get("index"), int)}  # fmt: skip
        reasons = set(refused.values())
        if len(refused) == count > 1 == len(reasons):  # all for one: it is the campaign's fault
            raise e.Rejected(reasons.pop().text, reply.where)
        ids = iter(reply.texts("data", "id", count - len(refused)))
        return Receipt(["" if n in refused else next(ids) for n in range(count)],
                       refused=refused)  # fmt: skip

    def track(self, sent: Sent, /) -> Iterator[Event]:
        if sent.ref:
            yield from events(self.client, sent.ref)
            return
        # Newest first: https://resend.com/changelog/pagination-for-list-endpoints (read 2026-11)
        emails = by_last_id(self.client, EMAILS)
        for email in takewhile(lambda email: email.moment("created_at") >= sent.since, emails):
            if kind := EVENTS.get(email.need("last_event")):
                yield Event(kind, email.need("id"), email.need("to.0"))

    def suppressed(self, since: float, /) -> Iterator[Suppressed]:
        for row in by_last_id(self.client, SUPPRESSIONS):
            if (at := row.moment("created_at")) < since:
                break
            yield Suppressed(row.need("email"), REASONS.get(row.need("origin"), "manual"), at)
        for contact in by_last_id(self.client, CONTACTS):
            if contact.get("unsubscribed"):  # since when is not told
                yield Suppressed(contact.need("email"), "unsubscribed")

    def templates(self) -> Iterable[tuple[str, str]]:
        return ((t.need("id"), t.need("name")) for t in by_last_id(self.client, TEMPLATES))

    def template(self, id: str, /) -> str:
        return self.client.call(TEMPLATE, id).need("html")

    def add_template(self, name: str, html: str, /) -> str:
        return self.client.call(ADD_TEMPLATE, json={"name": name, "html": html}).need("id")


PROVIDER = Resend
