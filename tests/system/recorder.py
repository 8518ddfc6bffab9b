"""
A vendor that only records: who got what, how often, under which key.

It speaks as the documents of the vendors say (POST /emails/batch with Idempotency-Key,
POST /v3/mail/send, POST and GET …/Messages.json).
"""

from __future__ import annotations

import json
import re
import threading
import time
import uuid
from collections import Counter
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.system.vendor import Answer, Request, Vendor

REFUSED = re.compile(r"refuse|\+15005550001")  # what no vendor delivers to, by its beginning


class Recorder(Vendor):
    """``with Recorder() as vendor: … vendor.url, vendor.got``.

    Only what is posted counts as a request, and fails. ``mails`` holds the last message to each
    recipient, as the vendor was given it. While it is ``refusing``, addresses that begin as
    `REFUSED` says are.
    """

    def __init__(self, *, latency: float = 0.0, seed: int = 1, **faults: float) -> None:
        super().__init__(latency=latency, seed=seed, **faults)
        self.got: Counter[str] = Counter()
        self.mails: dict[str, Mapping[str, Any]] = {}
        self.texts: dict[str, list[dict[str, Any]]] = {}
        self.refusing = True
        self.taking = threading.Event()  # a request is answered only while this is set
        self.taking.set()
        self._keys: dict[str, tuple[bytes, bytes]] = {}

    def __exit__(self, *exception: object) -> None:
        self.taking.set()
        super().__exit__(*exception)

    def fault(self, request: Request) -> str:
        return super().fault(request) if request.method == "POST" else ""

    def answer(self, request: Request) -> Answer:
        if request.method == "GET":
            return self._asked(request.target)
        self.taking.wait()
        path, body = urlsplit(request.target).path, request.body
        with self._lock:
            if path.endswith("/emails/batch"):
                return self._batch(body, request.headers["Idempotency-Key"])
            if path.endswith("/v3/mail/send"):
                return self._mail(body)
            return self._text(body)

    # -- what the vendors do -------------------------------------------------------------------

    def _batch(self, body: bytes, key: str) -> Answer:
        """https://resend.com/docs/api-reference/emails/send-batch-emails, permissive"""
        if known := self._keys.get(key):
            if known[0] != body:
                return 409, {"statusCode": 409, "name": "invalid_idempotent_request",
                             "message": "Same idempotency key, other payload"}  # fmt: skip
            return 200, json.loads(known[1])
        taken: list[dict[str, str]] = []
        errors: list[dict[str, Any]] = []
        for place, mail in enumerate(json.loads(body)):
            to = mail["to"] if isinstance(mail["to"], str) else mail["to"][0]
            if self._refuses(to):
                errors.append({"index": place, "message": "Invalid `to` field."})
                continue
            self._take(to, mail)
            taken.append({"id": str(uuid.uuid4())})
        answer = {"data": taken, "errors": errors}
        self._keys[key] = (body, json.dumps(answer).encode())
        return 200, answer

    def _mail(self, body: bytes) -> Answer:
        """https://www.twilio.com/docs/sendgrid/api-reference/mail-send"""
        mail = json.loads(body)
        people = [one["to"][0]["email"] for one in mail["personalizations"]]
        for place, to in enumerate(people):
            if self._refuses(to):
                field = f"personalizations.{place}.to.0.email"
                return 400, {"errors": [{"field": field, "message": "Does not exist."}]}
        for to, one in zip(people, mail["personalizations"], strict=True):
            self._take(to, {**mail, "personalizations": [one]})
        return 202, None

    def _text(self, body: bytes) -> Answer:
        """https://www.twilio.com/docs/messaging/api/message-resource"""
        form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        if self._refuses(form["To"]):
            return 400, {"code": 21211, "message": "Invalid 'To' Phone Number", "status": 400}
        self._take(form["To"], form)
        text = {
            "sid": f"SM{uuid.uuid4().hex}", "to": form["To"], "from": form.get("From"),
            "body": form.get("Body"), "status": "queued", "direction": "outbound-api",
            "messaging_service_sid": form.get("MessagingServiceSid"), "error_code": None,
            "date_created": time.strftime("%a, %d %b %Y %H:%M:%S +0000", time.gmtime()),
            "date_sent": None, "price": None, "price_unit": "USD", "num_segments": "1",
        }  # fmt: skip
        self.texts.setdefault(form["To"], []).append(text)
        return 201, text

    def _asked(self, target: str) -> Answer:
        """GET …/Messages.json, one page of whom it is asked for, the newest first."""
        url = urlsplit(target)
        if not url.path.endswith("/Messages.json"):
            return 200, {"object": "list", "data": [], "scopes": ["mail.send"]}
        to = parse_qs(url.query).get("To", [""])[0]
        with self._lock:
            found = list(self.texts.get(to, ()))
        return 200, {"messages": found[::-1], "next_page_uri": None, "page": 0, "uri": "/"}

    def _refuses(self, to: str) -> bool:
        return self.refusing and REFUSED.match(to) is not None

    def _take(self, to: str, mail: Mapping[str, Any]) -> None:
        self.got[to] += 1
        self.mails[to] = mail
