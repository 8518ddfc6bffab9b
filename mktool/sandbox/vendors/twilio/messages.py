"""Messages of Twilio (https://www.twilio.com/docs/messaging/api/message-resource, read 2026-11)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from ...inbox import Item, iso
from ...vendor import on, whole
from ...wire import Call, Refusal, Reply, parsed
from ...world import World
from .desk import API, MEANINGS, fields, refusal, rfc2822, sid
from .services import NUMBER, Services

LONGEST = 1600  # characters of a body
SOONEST, LATEST = 300, 35 * 86_400  # seconds that a message can be scheduled ahead
PRICE = 0.0079  # dollars of each part, billed when it is on its way
QUEUED, UNDER_WAY = 1.0, 3.0  # seconds until it is sent, and until it has arrived or not
_TO = re.compile(r"(?:(?:whatsapp|rcs):)?\+[1-9][0-9]{6,14}")
_FROM = re.compile(r"(?:whatsapp:)?\+[1-9][0-9]{6,14}|[0-9]{5,6}|(?=.*[A-Za-z])[\w &+-]{1,11}")
_TO_REFUSED = {"+15005550001": 21211, "+15005550002": 21612, "+15005550003": 21408,
               "+15005550004": 21610, "+15005550009": 21614}  # fmt: skip
_FROM_REFUSED = {"+15005550001": 21212, "+15005550007": 21606, "+15005550008": 21611}


@dataclass(slots=True)
class Message:
    """A message as it is kept; ``due`` is when it goes out, in epoch seconds."""

    account: str
    sid: str
    to: str
    sender: str
    service: str
    body: str
    media: int
    created: float
    due: float
    scheduled: bool = False
    canceled: bool = False

    def status(self, now: float) -> str:
        if self.canceled:
            return "canceled"
        if now < self.due:
            return "scheduled"
        if now < self.due + QUEUED:
            return "accepted" if self.service else "queued"
        if now < self.due + UNDER_WAY:
            return "sent"
        return "undelivered" if self.to.endswith("999") else "delivered"

    def to_json(self, now: float) -> dict[str, Any]:
        """Return the message as it stands at this time, in epoch seconds."""
        from ....text.sms import segments

        status = self.status(now)
        sent = status in ("sent", "delivered", "undelivered")
        # The service picks the sender, and with it the parts, when the message goes out.
        picked = sent or not self.service
        error = 30003 if status == "undelivered" else None
        changed = min(now, self.due + UNDER_WAY) if sent else self.created
        uri = f"/2010-04-01/Accounts/{self.account}/Messages/{self.sid}.json"
        parts = segments(self.body).parts if picked else 0
        return {
            "account_sid": self.account, "api_version": "2010-04-01", "body": self.body,
            "date_created": rfc2822(self.created), "date_updated": rfc2822(changed),
            "date_sent": rfc2822(self.due + QUEUED) if sent else None,
            "direction": "outbound-api", "error_code": error,
            "error_message": MEANINGS[error] if error else None,
            "from": (self.sender or NUMBER) if picked else None,
            "messaging_service_sid": self.service or None, "num_media": str(self.media),
            "num_segments": str(parts),
            "price": f"-{parts * PRICE:.5f}" if sent else None, "price_unit": "USD",
            "sid": self.sid, "status": status,
            "subresource_uris": {"media": uri.replace(".json", "/Media.json")}, "to": self.to,
            "uri": uri,
        }  # fmt: skip


class Messages(Services):
    """Sends, reads back, takes back."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.messages: dict[str, Message] = {}

    @on("POST", API + "/Messages.json")
    def create(self, call: Call) -> Reply:
        account = self.admit(call)
        form = fields(call)
        to, sender, service = self._parties(form)
        body, media = _content(form)
        due = _due(form, call.now)
        message = Message(
            account, sid("MM" if media else "SM", f"{call.now}/{self.world.number()}"), to, sender,
            service, body, len(media), call.now, due or call.now, scheduled=due is not None,
        )  # fmt: skip
        self.messages[message.sid] = message
        extra = {"service": service} if service else {}
        extra |= {"at": iso(due)} if due else {}
        extra |= {"media": " ".join(media)} if media else {}
        self.world.inbox.add(
            Item(call.now, self.name, account, "sms", message.sid, body, to=to,
                 sender=sender or service, extra=extra)
        )  # fmt: skip
        return Reply(201, json=message.to_json(call.now))

    @on("GET", API + "/Messages.json")
    def listing(self, call: Call) -> Reply:
        account = self.admit(call)
        size, page = _window(call)
        wanted = _filter(call)
        found = [m for m in reversed(self.messages.values()) if m.account == account and wanted(m)]
        shown = found[page * size : (page + 1) * size]
        kept = {k: v for k, v in call.query.items() if k not in ("Page", "PageSize", "PageToken")}

        def uri(number: int) -> str:
            query = urlencode({**kept, "PageSize": size, "Page": number})
            return f"/2010-04-01/Accounts/{account}/Messages.json?{query}"

        more = len(found) > (page + 1) * size
        next_page = f"{uri(page + 1)}&PageToken=PA{shown[-1].sid}" if more else None
        return Reply(
            json={
                "end": page * size + max(len(shown) - 1, 0), "first_page_uri": uri(0),
                "next_page_uri": next_page, "page": page, "page_size": size,
                "previous_page_uri": uri(page - 1) if page else None, "start": page * size,
                "uri": uri(page), "messages": [m.to_json(call.now) for m in shown],
            }
        )  # fmt: skip

    @on("GET", API + "/Messages/{sid}.json")
    def fetch(self, call: Call) -> Reply:
        return Reply(json=self._message(call).to_json(call.now))

    @on("POST", API + "/Messages/{sid}.json")
    def update(self, call: Call) -> Reply:
        message = self._message(call)
        if call.form.get("Status") == "canceled":
            if message.status(call.now) != "scheduled":
                raise Refusal(refusal(30409, 409))
            message.canceled = True
            self._withdraw(message)
        elif call.form.get("Body") == "":  # the only body that it can be given: redacted
            message.body = ""
        else:
            raise Refusal(refusal(20001))
        return Reply(json=message.to_json(call.now))

    @on("DELETE", API + "/Messages/{sid}.json")
    def delete(self, call: Call) -> Reply:
        del self.messages[self._message(call).sid]
        return Reply(204)

    def _message(self, call: Call) -> Message:
        account = self.admit(call)
        found = self.messages.get(call.params["sid"])
        if found is None or found.account != account:
            raise Refusal(refusal(20404, 404))
        return found

    def _withdraw(self, message: Message) -> None:
        for item in self.world.inbox.items:
            if item.vendor == self.name and item.id == message.sid:
                item.deleted = True

    def _parties(self, form: dict[str, list[str]]) -> tuple[str, str, str]:
        """Return who gets it, who sends it and the service that does, or refuse them."""
        to, sender, service = (_last(form, n) for n in ("To", "From", "MessagingServiceSid"))
        if not to:
            raise Refusal(refusal(21604))
        if not _TO.fullmatch(to):
            raise Refusal(refusal(21211))
        if not sender and not service:
            raise Refusal(refusal(21603))
        if sender and not _FROM.fullmatch(sender):
            raise Refusal(refusal(21212))
        if service and not self.service(service):
            raise Refusal(refusal(21701, 404))
        if code := _refused(to, sender):
            raise Refusal(refusal(code))
        return to, sender, service


def _refused(to: str, sender: str) -> int | None:
    """Return the code of a pair that is well-formed and that nothing goes between."""
    if to == sender:
        return 21266
    if to.endswith("610"):
        return 21610
    return _TO_REFUSED.get(to) or _FROM_REFUSED.get(sender)


def _content(form: dict[str, list[str]]) -> tuple[str, list[str]]:
    """Return the words and the addresses of the media, or refuse them."""
    body, media, content = _last(form, "Body"), form.get("MediaUrl", []), _last(form, "ContentSid")
    if len(body) > LONGEST:
        raise Refusal(refusal(21617))
    if len(media) > 10:
        raise Refusal(refusal(21623))
    if not all(re.match("https?://[^/]", url) for url in media):
        raise Refusal(refusal(21620))
    if content:
        return _filled(content, _last(form, "ContentVariables")), media
    if not body and not media:
        raise Refusal(refusal(21619))
    return body, media


def _filled(content: str, variables: str) -> str:
    """Return what stands for a content template, whose text the sandbox cannot know."""
    if not re.fullmatch("HX[0-9a-fA-F]{32}", content):
        raise Refusal(refusal(20404, 404))
    values = parsed(variables or "{}")
    if values is None:
        raise Refusal(refusal(21656))
    told = ", ".join(f"{name}: {value}" for name, value in values.items())
    return f"[{content}] {told}".strip()


def _due(form: dict[str, list[str]], now: float) -> float | None:
    """Return when a scheduled message goes out, None for at once, or refuse the schedule."""
    kind, at = _last(form, "ScheduleType"), _last(form, "SendAt")
    if not kind and not at:
        return None
    if kind != "fixed":
        raise Refusal(refusal(35126))
    if not at:
        raise Refusal(refusal(35111))
    if not _last(form, "MessagingServiceSid"):
        raise Refusal(refusal(35118))
    due = _moment(at)
    if due is None:
        raise Refusal(refusal(35115))
    if not SOONEST <= due - now <= LATEST:
        raise Refusal(refusal(35114))
    return due


def _window(call: Call) -> tuple[int, int]:
    """Return size and number of the page asked for."""
    size, page = whole(call.query.get("PageSize", "50")), whole(call.query.get("Page", "0"))
    if not size or page is None:
        raise Refusal(refusal(20001))
    return min(size, 1000), page


def _filter(call: Call) -> Callable[[Message], bool]:
    """Return whether a message is asked for; ``DateSent>=DAY`` comes as a field ``DateSent>``.

    A message on its way counts as sent when it was made: its own date is not set yet.
    """
    to, sender = call.query.get("To", ""), call.query.get("From", "")
    on_day, first, last = (_bound(call, name) for name in ("DateSent", "DateSent>", "DateSent<"))

    def wanted(message: Message) -> bool:
        return (
            to in ("", message.to)
            and sender in ("", message.sender)
            and (not on_day or on_day[0] <= message.due <= on_day[1])
            and (not first or message.due >= first[0])
            and (not last or message.due <= last[1])
        )

    return wanted


def _bound(call: Call, name: str) -> tuple[float, float] | None:
    """Return the first and last moment that a date names: those of a day, or one twice."""
    given = call.query.get(name, "")
    if not given:
        return None
    moment = _moment(given)
    if moment is None:
        raise Refusal(refusal(20001))
    return moment, moment + (86_399.999 if len(given) == len("2026-11-21") else 0)


def _moment(text: str) -> float | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def _last(form: dict[str, list[str]], name: str) -> str:
    return form.get(name, [""])[-1]
