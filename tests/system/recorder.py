"""
A vendor that only records: who got what, how often, under which key.

It speaks as the documents of the vendors say (POST /emails/batch with Idempotency-Key,
POST /v3/mail/send, POST and GET …/Messages.json), takes a request only when all its bytes came,
and can be slow, refuse, fail, or hang up after it has taken a request.
"""

from __future__ import annotations

import json
import random
import re
import threading
import time
import uuid
from collections import Counter
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

REFUSED = re.compile(r"refuse|\+15005550001")  # what no vendor delivers to, by its beginning
Answer = tuple[int, Any]


class Recorder:
    """``with Recorder() as vendor: … vendor.url, vendor.got``.

    ``faults`` are shares of requests by kind: status_503, status_429, cut (taken, and no answer),
    drop (not taken, and no answer). ``requests`` counts those that came whole; ``mails`` holds the
    last message to each recipient, as the vendor was given it. While it is ``refusing``, addresses
    that begin as `REFUSED` says are.
    """

    def __init__(self, *, latency: float = 0.0, seed: int = 1, **faults: float) -> None:
        self.latency, self.faults = latency, faults
        self.random = random.Random(seed)
        self.got: Counter[str] = Counter()
        self.mails: dict[str, Mapping[str, Any]] = {}
        self.texts: dict[str, list[dict[str, Any]]] = {}
        self.refusing = True
        self.requests = 0
        self.taking = threading.Event()  # a request is answered only while this is set
        self.taking.set()
        self._keys: dict[str, tuple[bytes, bytes]] = {}
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.recorder = self
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Recorder:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.taking.set()
        self._server.shutdown()
        self._server.server_close()

    def fault(self) -> str:
        """Count a request, and return what befalls it."""
        with self._lock:
            self.requests += 1
            at = self.random.random()
        for name, share in self.faults.items():
            if at < share:
                return name.removeprefix("status_")
            at -= share
        return ""

    def answer(self, path: str, body: bytes, key: str) -> Answer:
        with self._lock:
            if path.endswith("/emails/batch"):
                return self._batch(body, key)
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

    def listed(self, query: str) -> Answer:
        """GET …/Messages.json, one page of whom it is asked for, the newest first."""
        to = parse_qs(query).get("To", [""])[0]
        with self._lock:
            found = list(self.texts.get(to, ()))
        return 200, {"messages": found[::-1], "next_page_uri": None, "page": 0, "uri": "/"}

    def _refuses(self, to: str) -> bool:
        return self.refusing and REFUSED.match(to) is not None

    def _take(self, to: str, mail: Mapping[str, Any]) -> None:
        self.got[to] += 1
        self.mails[to] = mail


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    recorder: Recorder

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed is what this is for."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16  # head and body in one packet: 40 ms less for each answer
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if url.path.endswith("/Messages.json"):
            self._answer(*self.server.recorder.listed(url.query))
        else:
            self._answer(200, {"object": "list", "data": [], "scopes": ["mail.send"]})

    def do_POST(self) -> None:
        recorder = self.server.recorder
        length = int(self.headers["Content-Length"])
        body = self.rfile.read(length)
        if len(body) != length:  # cut short: no vendor acts on that
            return
        fault = recorder.fault()
        if fault == "drop":
            self.close_connection = True
            return
        if fault.isdigit():
            self._answer(int(fault), {"message": "on purpose"}, {"Retry-After": "0"})
            return
        time.sleep(recorder.latency / 2)
        recorder.taking.wait()
        key = self.headers["Idempotency-Key"]
        answer = recorder.answer(urlsplit(self.path).path, body, key)
        time.sleep(recorder.latency / 2)
        if fault == "cut":
            self.close_connection = True
            return
        self._answer(*answer)

    def _answer(self, status: int, data: Any, headers: Mapping[str, str] | None = None) -> None:
        body = b"" if data is None else json.dumps(data).encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
