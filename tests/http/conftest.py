"""A vendor on loopback: a real server that answers what the test says."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from mktool.http.client import Client
from mktool.http.exchange import Exchange
from mktool.http.target import Target
from mktool.http.wire import Wire
from mktool.model import Login, Secret
from mktool.spec import Spec
from mktool.store.ledger import Ledger

KEY = "s3cr3t-that-must-not-leak"


@dataclass(frozen=True)
class Answer:
    """One reply, sent as it stands; no Content-Length is added if ``headers`` has one."""

    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Seen:
    """One request as it arrived; header names are lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


Step = Answer | Callable[[BaseHTTPRequestHandler], None]


class Vendor:
    """Answers from a script, one step a request, and keeps what it was sent."""

    def __init__(self) -> None:
        self.script: list[Step] = []
        self.seen: list[Seen] = []
        self.url = ""

    def answers(self, *steps: Step) -> None:
        self.script += steps

    def handle(self, handler: BaseHTTPRequestHandler) -> None:
        length = int(handler.headers.get("content-length") or 0)
        headers = {name.lower(): value for name, value in handler.headers.items()}
        body = handler.rfile.read(length)
        self.seen.append(Seen(handler.command, handler.path, headers, body))
        step: Step = self.script.pop(0) if self.script else Answer(599)
        if not isinstance(step, Answer):
            step(handler)
            return
        handler.send_response_only(step.status)  # without a Date of its own
        for name, value in {"Content-Length": str(len(step.body)), **step.headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(step.body)


def cut(handler: BaseHTTPRequestHandler) -> None:
    """Hang up without an answer."""
    handler.close_connection = True


@contextmanager
def serve() -> Iterator[Vendor]:
    vendor = Vendor()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            try:
                vendor.handle(self)
            except OSError:  # the client had enough
                self.close_connection = True

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    vendor.url = f"http://127.0.0.1:{server.server_address[1]}"
    yield vendor
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    with serve() as running:
        yield running
        assert running.script == [], "an answer that nobody asked for"


@pytest.fixture
def elsewhere() -> Iterator[Vendor]:
    """Another origin, which nothing may reach."""
    with serve() as running:
        yield running


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger(tmp_path / "ledger.db")
    yield opened
    opened.close()


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now, self.naps = 1_790_000_000.0, list[float]()

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.now += seconds


class Fixed:
    """A credential that can be renewed as often as there are ``newer`` keys."""

    def __init__(self, *newer: str) -> None:
        self._current, self._newer = Login({}, {"key": Secret(KEY)}), list(newer)

    def login(self) -> Login:
        return self._current

    def renew(self, rejected: Login) -> Login | None:
        assert rejected is self._current
        if not self._newer:
            return None
        self._current = Login({}, {"key": Secret(self._newer.pop(0))}, rejected.generation + 1)
        return self._current


Connect = Callable[..., tuple[Client, Clock]]


@pytest.fixture
def connect(vendor: Vendor, ledger: Ledger) -> Iterator[Connect]:
    """Return a function that opens a real client at ``vendor``; its clock does not run."""
    opened: list[Exchange] = []

    def open_client(spec: Spec, *newer: str, max_wait: float = 60.0) -> tuple[Client, Clock]:
        clock = Clock()
        ledger.clock = clock
        exchange = Exchange(
            spec, "default", lambda: Wire(loopback=True), ledger, max_wait=max_wait,
            sleep=clock.sleep, clock=clock,
        )  # fmt: skip
        opened.append(exchange)
        return Client(exchange, Target(spec.base_url, vendor.url), Fixed(*newer), {}), clock

    yield open_client
    for exchange in opened:
        exchange.close()
