"""Twilio. Messages: https://www.twilio.com/docs/messaging/api/message-resource (read 2026-11)."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from .. import errors as e
from ..capability import CanCheck, CanDeliver, CanHold, CanTrace, CanTrack
from ..http.auth import Basic
from ..http.pages import by_link
from ..http.reply import Reply
from ..message import Batch, Event, Receipt, Sent
from ..model import Account
from ..spec import DAY, MINUTE, Delivery, Endpoint, Field, Rule, Spec
from ..text.compare import canonical
from ._twilio_events import EVENTS, Webhooks

MESSAGES = "/2010-04-01/Accounts/{}/Messages.json"
SEND, LIST = Endpoint("send", "POST", MESSAGES), Endpoint("messages", "GET", MESSAGES)
CANCEL = Endpoint("cancel", "POST", "/2010-04-01/Accounts/{}/Messages/{}.json", repeatable=True)
CONSOLE = "https://console.twilio.com"
# Options that change the text, the sender or the number that the list shows.
REWRITES = {"Body", "To", "From", "ContentSid", "ContentRetention", "AddressRetention",
            "ShortenUrls", "SmartEncoded"}  # fmt: skip
TRIAL = "Sent from your Twilio trial account - "  # a trial account has it before every text


class Twilio(Webhooks, CanCheck, CanDeliver, CanTrace, CanTrack, CanHold):
    spec = Spec(
        name="twilio", title="Twilio", docs="https://www.twilio.com/docs/messaging/api",
        base_url="https://api.twilio.com",
        auth=(Basic("account_sid", "auth_token"),
              Basic("api_key_sid", "api_key_secret", also=("account_sid",))),
        fields=(
            Field("account_sid", "Account SID (AC…)", pattern="AC[0-9a-zA-Z]{32}",
                  env=("TWILIO_ACCOUNT_SID",)),
            Field("auth_token", "auth token of the account", True, env=("TWILIO_AUTH_TOKEN",),
                  pattern=r"[0-9a-f]{32}|sandbox\S*"),
            Field("api_key_sid", "or the SID of an API key (SK…)", pattern="SK[0-9a-zA-Z]{32}",
                  env=("TWILIO_API_KEY", "TWILIO_API_KEY_SID")),
            Field("api_key_secret", "and its secret", True,
                  env=("TWILIO_API_SECRET", "TWILIO_API_KEY_SECRET"))),
        error_code=("code",), error_text=("message",), request_id=("twilio-request-id",),
        # https://www.twilio.com/docs/api/errors/CODE (2026-11); Forbidden stops a whole campaign.
        rules=(
            Rule(e.RateLimited, code="20429|21611"),  # 20429 was never processed, says its page
            Rule(e.Forbidden, code="20403|20005|30002", message="the account is suspended or"
                 " closed", hint=f"billing and notices: {CONSOLE}"),
            Rule(e.Rejected, code="21408", message="sending to this country is not switched on",
                 hint=f"{CONSOLE}: Messaging, Settings, Geo permissions"),
            Rule(e.Forbidden, code="3003[24]", hint="register the sender (A2P 10DLC, or toll-free"
                 f" verification): {CONSOLE}"),
            Rule(e.Forbidden, code=r"2160[1367]|21661|2170[1-5]|572002",
                 hint="from must be a number, short code, name or service of this account"),
            Rule(e.Forbidden, code="2162[03]", hint="media: ten public addresses at most"),
            Rule(e.Forbidden, code=r"351[0-2]\d", hint="choose a time 15 minutes to 35 days ahead"),
            Rule(e.Rejected, code="21610", message="the recipient has opted out (STOP)"),
            Rule(e.Rejected, code="30409", message="too late: it is on its way, or was canceled")),
        # Pages differ on the shortest notice, 5 minutes (35115) or 15 (35111): both are met.
        delivery=Delivery("sms", SEND, concurrency=8, hold=(16 * MINUTE, 35 * DAY), holder="MG"),
        setup=f"""\
1. {CONSOLE}: copy the Account SID and the auth token, or make an API key (Standard).
2. Buy a number or make a Messaging Service (MG…), and register it where the country asks for that;
   what Twilio is to send later needs a service. It is what a campaign has as from.
3. mktool authorize twilio --field account_sid=AC…, and paste the auth token (for an API key, add
   --field api_key_sid=SK… and paste its secret); mktool test-integration twilio""",
    )  # fmt: skip

    def check(self) -> Account:
        # Not /Accounts/{sid}.json: that is closed to a Standard API key.
        self.client.call(LIST, self._account, query={"PageSize": "1"}).need("uri")
        return Account(self._account, self._account)

    def deliver(self, batch: Batch, /) -> Receipt:
        if batch.rehearsal:
            raise e.Unsupported("Twilio checks nothing without sending it")
        sender, message = batch.sender.address, batch.messages[0]
        by = "MessagingServiceSid" if sender.startswith("MG") else "From"
        form: dict[str, Any] = {"To": message.to, by: sender, "Body": message.text}
        if batch.media:
            form["MediaUrl"] = list(batch.media)
        if batch.send_at is not None:
            at = datetime.fromtimestamp(batch.send_at, UTC)
            form |= {"ScheduleType": "fixed", "SendAt": f"{at:%Y-%m-%dT%H:%M:%SZ}"}
        if batch.extra:
            form = {name: value if isinstance(value, str | list | tuple) else json.dumps(value)
                    for name, value in batch.over(form).items()}  # fmt: skip
        if "SendAt" in form and "MessagingServiceSid" not in form:
            raise e.InvalidInput("to be sent later, from must be a Messaging Service (MG…)")
        return Receipt((self.client.call(SEND, self._account, form=form).need("sid"),))

    def trace(self, batch: Batch, since: float, known: Collection[str] = (), /) -> dict[int, str]:
        if batch.extra.keys() & REWRITES or not all(message.text for message in batch.messages):
            raise e.Unsupported("Twilio gives back no text that tells these messages from others")
        return {position: sid for position, message in enumerate(batch.messages)
                for item in self._listed({"To": message.to})
                if (sid := item.need("sid")) not in known
                and _is(item, batch.sender.address, message.text, since - 60)}  # fmt: skip

    def track(self, sent: Sent, /) -> Iterator[Event]:
        # The filter takes whole days in GMT; what still waits has no date and is not listed.
        day = f"{datetime.fromtimestamp(sent.since, UTC):%Y-%m-%d}"
        for item in self._listed({"DateSent>": day}):
            kind = EVENTS.get(item.need("status"))
            if kind and str(item.get("direction")).startswith("outbound"):
                at = item.moment("date_updated") if item.get("date_updated") else None
                price = str(item.get("price") or "")
                why = f"{item.get('error_code') or ''} {item.get('error_message') or ''}".strip()
                cost = float(price) if re.fullmatch(r"-?\d{1,9}(\.\d+)?", price) else 0.0
                yield Event(kind, item.need("sid"), item.need("to"), at, why, abs(cost))

    def hold(self) -> str:
        return ""

    def release(self, hold: str, ids: Sequence[str], /) -> None:
        for id in ids:
            self.client.call(CANCEL, self._account, id, form={"Status": "canceled"}).need("sid")

    @property
    def _account(self) -> str:
        return self.client.options.get("account_sid", "")

    def _listed(self, query: Mapping[str, str]) -> Iterator[Reply]:
        asked = {**query, "PageSize": "1000"}
        for page in by_link(self.client, LIST, self._account, query=asked, found="next_page_uri"):
            if not isinstance(page.get("messages"), list):
                page.need("uri")  # an answer that says nothing is not an empty list
            yield from page.each("messages")


def _is(item: Reply, sender: str, text: str, since: float) -> bool:
    """Whether a listed item is that message; `Unsupported` if its text was deleted."""
    senders = {str(item.get(name)).lower() for name in ("from", "messaging_service_sid")}
    if sender.lower() not in senders or item.moment("date_created") < since:
        return False
    if not (body := str(item.get("body") or "")):
        raise e.Unsupported("this Twilio account keeps no texts to recognise a message by")
    return canonical(body.removeprefix(TRIAL)) == canonical(text)


PROVIDER = Twilio
