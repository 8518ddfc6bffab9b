"""Mailchimp. Marketing API 3.0: https://mailchimp.com/developer/marketing/api/ (read 2026-11)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from .. import errors as e
from ..capability import (
    CanBroadcast,
    CanCheck,
    CanSummarize,
    CanSuppress,
    CanTemplate,
    CanTrack,
)
from ..http.auth import Basic
from ..message import Broadcast, Event, Message, Reason, Receipt, Sent, Suppressed
from ..model import Account, Login
from ..spec import DAY, HOUR, MINUTE, Delivery, Endpoint, Field, Rule, Signed, Spec
from ._mailchimp_audience import ENLIST, Audience, paged, tag_of
from ._mailchimp_draft import UNSENT, draft
from ._mailchimp_events import Webhooks
from ._mailchimp_report import events, iso, totals

ACCOUNT = Endpoint("account", "GET", "/")
MEMBERS = Endpoint("members", "GET", "/lists/{}/members")
CAMPAIGN = Endpoint("campaign", "GET", "/campaigns/{}")
SEND = Endpoint("send", "POST", "/campaigns/{}/actions/send")
SCHEDULE = Endpoint("schedule", "POST", "/campaigns/{}/actions/schedule")
UNSCHEDULE = Endpoint("unschedule", "POST", "/campaigns/{}/actions/unschedule")
CANCEL = Endpoint("cancel", "POST", "/campaigns/{}/actions/cancel-send")
TEMPLATES = Endpoint("templates", "GET", "/templates")
ADD_TEMPLATE = Endpoint("add template", "POST", "/templates")
GONE: Mapping[str, Reason] = {"unsubscribed": "unsubscribed", "cleaned": "bounced"}


@dataclass(frozen=True)
class Key(Basic):
    """A key ends with the data centre that holds its account: the host to ask."""

    def sign(self, login: Login) -> Signed:
        place = re.fullmatch(r"\S+-([a-z0-9]+)|\*+", login.value(self.field))  # ***: a dry run
        if place is None:
            raise e.NeedsLogin("an API key of Mailchimp ends with its data centre, as in …-us19",
                               hint=e.login_command("mailchimp"))  # fmt: skip
        return replace(super().sign(login), options={"dc": place[1] or place[0]})


class Mailchimp(Webhooks, CanCheck, CanBroadcast, CanTrack, CanSummarize, CanSuppress,
                CanTemplate):  # fmt: skip
    spec = Spec(
        name="mailchimp", title="Mailchimp", docs="https://mailchimp.com/developer/marketing/api/",
        base_url="https://{dc}.api.mailchimp.com/3.0", auth=(Key("=mktool", "api_key"),),
        fields=(
            Field("api_key", "API key (…-us19)", True, pattern=r"\S+-[a-z]+[0-9]+",
                  env=("MAILCHIMP_API_KEY",)),
            Field("list_id", "the audience, if there are several", env=("MAILCHIMP_LIST_ID",)),
            Field("status", "of newcomers to the audience: subscribed (they have agreed), or"
                  " pending (they are asked)", pattern="subscribed|pending", default="subscribed")),
        error_code=("title",), error_text=("errors.0.message", "detail"),
        rules=(
            # More than 10 requests at once; at worst it is said without a word:
            # https://mailchimp.com/developer/marketing/docs/fundamentals/ (2026-08)
            Rule(e.RateLimited, 403, code="", text="^$", message="too many requests at once"),
            Rule(None, 400, operation="add field", text="already exists")),
        # On the quarter hour only; how far ahead is not documented, the year is our own choice:
        # https://mailchimp.com/developer/marketing/api/campaigns/schedule-campaign/ (2026-11)
        audience=Delivery("email", ENLIST, batch=500, group=500, hold=(HOUR, 365 * DAY),
                          grid=15 * MINUTE, replies=False),
        setup="""\
1. https://admin.mailchimp.com/account/api: make an API key and copy it whole (it ends with -us19).
2. Account, Domains: verify the domain of the sender.
3. mktool authorize mailchimp; with several audiences add --field list_id=ID (Audience, Settings);
   mktool test-integration mailchimp""",
    )  # fmt: skip

    def check(self) -> Account:
        me = self.client.call(ACCOUNT, query={"fields": "account_id,account_name"})
        return Account(me.need("account_id"), me.need("account_name"))

    def merge_tag(self, name: str, default: str = "", /) -> str:
        tag = f"*|{tag_of(name)}|*"
        return f"*|IF:{tag_of(name)}|*{tag}*|ELSE:|*{default}*|END:IF|*" if default else tag

    def enlist(self, broadcast: Broadcast, people: Sequence[Message], /) -> Receipt:
        status = self.client.options["status"]
        return self._to(broadcast).enlist(people, broadcast.fields, broadcast.token, status)

    def draft(self, broadcast: Broadcast, /) -> str:
        return draft(self.client, self._to(broadcast), broadcast)

    def launch(self, id: str, at: float | None, /) -> None:
        if at is None:
            self.client.call(SEND, id)
        else:
            self.client.call(SCHEDULE, id, json={"schedule_time": iso(at)})

    def launched(self, id: str, /) -> bool:
        return self._status(id) != UNSENT

    def recall(self, id: str, /) -> None:
        self.client.call(UNSCHEDULE if self._status(id) == "schedule" else CANCEL, id)

    def track(self, sent: Sent, /) -> Iterator[Event]:
        return events(self.client, sent)

    def summarize(self, sent: Sent, /) -> Mapping[str, float]:
        return totals(self.client, sent)

    def suppressed(self, since: float, /) -> Iterator[Suppressed]:
        query = {"since_last_changed": iso(since), "sort_field": "last_changed",
                 "fields": "members.email_address,members.last_changed"}  # fmt: skip
        for status, reason in GONE.items():
            asked = {**query, "status": status}
            for row in paged(self.client, MEMBERS, self._audience.id, query=asked, rows="members"):
                yield Suppressed(row.need("email_address"), reason, row.moment("last_changed"))

    def templates(self) -> Iterable[tuple[str, str]]:
        query = {"fields": "templates.id,templates.name"}
        rows = paged(self.client, TEMPLATES, query=query, rows="templates")
        return ((row.need("id"), row.need("name")) for row in rows)

    def template(self, id: str, /) -> str:
        raise e.Unsupported("Mailchimp does not hand out the HTML of a template",
                            hint="export it: https://admin.mailchimp.com/templates")  # fmt: skip

    def add_template(self, name: str, html: str, /) -> str:
        return self.client.call(ADD_TEMPLATE, json={"name": name, "html": html}).need("id")

    @cached_property
    def _audience(self) -> Audience:
        return Audience(self.client, self.client.options.get("list_id", ""))

    def _to(self, broadcast: Broadcast) -> Audience:
        named = broadcast.extra.get("list_id")
        return Audience(self.client, str(named)) if named else self._audience

    def _status(self, id: str) -> str:
        return self.client.call(CAMPAIGN, id, query={"fields": "status"}).need("status")


PROVIDER = Mailchimp
