"""A vendor on loopback that takes a request only when all its bytes came, or fails on purpose."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, Self

Answer = tuple[int, Any]


class Request(NamedTuple):
    """A request that came whole. ``target`` is path and query."""

    method: str
    target: str
    headers: Message
    body: bytes


class Vendor:
    """``with Vendor() as vendor: … vendor.url``; who inherits says what it answers.

    ``faults`` are shares of requests by kind: status_503, status_429, cut (taken, and no answer),
    drop (not taken, and no answer). ``requests`` counts those that came whole; ``latency`` is in
    seconds.
    """

    def __init__(self, *, latency: float = 0.0, seed: int = 1, **faults: float) -> None:
        self.latency, self.faults = latency, faults
        self.random = random.Random(seed)
        self.requests = 0
        self._lock = threading.RLock()
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, request: Request) -> Answer:
        """Return status and data; None is an empty body."""
        raise NotImplementedError

    def fault(self, request: Request) -> str:
        """Count a request, and return what befalls it."""
        with self._lock:
            self.requests += 1
            at = self.random.random()
        for name, share in self.faults.items():
            if at < share:
                return name.removeprefix("status_")
            at -= share
        return ""

    def carry_out(self, request: Request, reply: Callable[[int, Any], None]) -> bool:
        """Answer a request, or not: return whether the connection lives on."""
        fault = self.fault(request)
        if fault == "drop":
            return False
        if fault.isdigit():
            reply(int(fault), {"status": "error", "message": "on purpose"})
            return True
        time.sleep(self.latency / 2)
        answer = self.answer(request)
        time.sleep(self.latency / 2)
        if fault == "cut":
            return False
        reply(*answer)
        return True


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed is what this is for."""


def _handler(vendor: Vendor) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 1 << 16  # head and body in one packet: 40 ms less for each answer

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

        def do_GET(self) -> None:
            length = int(self.headers["Content-Length"] or 0)
            body = self.rfile.read(length)
            if len(body) == length:  # cut short: no vendor acts on that
                request = Request(self.command, self.path, self.headers, body)
                if not vendor.carry_out(request, self._reply):
                    self.close_connection = True

        do_POST = do_GET

        def _reply(self, status: int, data: Any) -> None:
            body = b"" if data is None else json.dumps(data).encode()
            self.send_response(status)
            if status in (429, 503):
                self.send_header("Retry-After", "0")
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler
