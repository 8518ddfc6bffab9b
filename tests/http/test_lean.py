"""What the lean wire makes of replies that no HTTP library would write, on real sockets.

What it has in common with the other wire is in test_wire.py.
"""

from __future__ import annotations

import gzip
import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from mktool.errors import InvalidInput
from mktool.http import http1
from mktool.http.lean import LeanWire
from mktool.http.reply import Cut, NotSent
from mktool.http.request import Request
from mktool.spec import Endpoint
from tests.tls import certificate

from .conftest import Answer, Vendor, serve

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


def post(url: str, **parts: object) -> Request:
    return Request(Endpoint("make", "POST", "/"), url, url, **parts)  # type: ignore[arg-type]


@pytest.fixture
def wire() -> Iterator[LeanWire]:
    opened = LeanWire(loopback=True)
    yield opened
    opened.close()


class Peer:
    """A server that writes these bytes after each request; None hangs up."""

    def __init__(self, *replies: bytes | None) -> None:
        self.replies, self.requests, self.connections = list(replies), list[bytes](), 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/x"
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(sock)
            self._threads.append(threading.Thread(target=self._serve, args=(sock,)))
            self._threads[-1].start()

    def _serve(self, sock: socket.socket) -> None:
        with sock:
            while self.replies:
                try:
                    request = sock.recv(1 << 20)
                except OSError:
                    return
                if not request:
                    return
                self.requests.append(request)
                reply = self.replies.pop(0)
                if reply is None:
                    return
                sock.sendall(reply)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for sock in self._open:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        for thread in self._threads:
            thread.join(2)


@contextmanager
def peer(*replies: bytes | None) -> Iterator[Peer]:
    running = Peer(*replies)
    try:
        yield running
    finally:
        running.close()


def test_a_request_is_one_piece_and_the_connection_is_kept(wire: LeanWire) -> None:
    with peer(OK, OK, OK) as server:
        for body in ({"json": {"a": "é"}}, {"form": {"To": "1", "Url": ["a b", "c"]}}, {}):
            assert wire.send(post(server.url, **body), 5).json() == {}
    assert server.connections == 1
    first, second, third = server.requests
    host = server.url.split("/")[2]
    assert first.startswith(f"POST /x HTTP/1.1\r\nHost: {host}\r\n".encode())
    assert first.endswith('\r\nContent-Length: 10\r\n\r\n{"a":"é"}'.encode())
    assert second.endswith(b"\r\n\r\nTo=1&Url=a+b&Url=c")
    assert b"Content-Type: application/x-www-form-urlencoded\r\n" in second
    assert third.endswith(b"\r\nContent-Length: 0\r\n\r\n")


@pytest.mark.parametrize(
    ("reply", "body"),
    [
        (CHUNKED + b"5;x=1\r\n[1234\r\n1\r\n]\r\n0\r\nT: 1\r\n\r\n",
         b"[1234]"),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n" + OK, b"{}"),
        (b"HTTP/1.1 200\r\ncontent-length:2\r\nA: 1\r\n 2\r\na: 3\r\n\r\n{}", b"{}"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\n{}", b"{}"),
        (b"HTTP/1.1 500 \xfc\r\nContent-Length: 6\r\n\r\n<html>", b"<html>"),
    ],
    ids=["chunked", "informational", "bare", "no-content", "twice-the-same", "page"],
)  # fmt: skip
def test_replies_after_which_the_connection_is_kept(
    wire: LeanWire, reply: bytes, body: bytes
) -> None:
    with peer(reply, OK) as server:
        assert wire.send(post(server.url), 5).body == body
        assert wire.send(post(server.url), 5).body == b"{}"
        assert server.connections == 1


@pytest.mark.parametrize(
    "reply",
    [
        OK + b"more than was said",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    ],
)
def test_replies_after_which_a_new_connection_is_made(wire: LeanWire, reply: bytes) -> None:
    with peer(reply, OK) as server:
        for _ in range(2):
            assert wire.send(post(server.url), 5).body == b"{}"
        assert server.connections == 2


def test_a_body_may_end_with_the_connection(wire: LeanWire) -> None:
    with peer(b"HTTP/1.1 200 OK\r\n\r\n[1, 2]") as server:
        assert wire.send(post(server.url), 5).json() == [1, 2]


def test_headers_are_lower_case_and_joined(wire: LeanWire) -> None:
    packed = gzip.compress(b'{"a": 1}')
    head = f"HTTP/1.1 200 OK\r\nX-A: 1\r\nx-a:\t2 \r\nContent-Encoding: gzip\r\n" \
        f"Content-Length: {len(packed)}\r\n\r\n"  # fmt: skip
    with peer(head.encode() + packed) as server:
        response = wire.send(post(server.url), 5)
    assert (response.headers["x-a"], response.json()) == ("1, 2", {"a": 1})


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (None, "the connection was cut"),
        (b"HTTP/1.1 200 OK\r\nContent-Le", "the connection was cut"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}", "the connection was cut"),
        (CHUNKED + b"9\r\n{}", "the connection was cut"),
        (CHUNKED + b"{}\r\n", "not HTTP"),
        (CHUNKED + b"1\r\n{}\r\n", "not HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2, 3\r\n\r\n{}", "not HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\n{}", "not HTTP"),
        (b"HTTP/1.1 200 OK\r\nno header\r\n\r\n", "not HTTP"),
        (b"<!doctype html><p>busy\r\n\r\n", "not HTTP"),
        (b"220 mail.example ESMTP\r\n\r\n", "not HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n", "too large"),
        (CHUNKED + b"ffffffff\r\n", "too large"),
        (b"HTTP/1.1 200 OK\r\nA: " + b"a" * 70_000, "too large"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 12\r\n\r\n"
         + gzip.compress(b"{}", mtime=0)[:12], "decompressed"),
    ],
)  # fmt: skip
def test_what_is_no_whole_reply_is_cut(wire: LeanWire, reply: bytes | None, words: str) -> None:
    with peer(reply) as server, pytest.raises(Cut, match=words):
        wire.send(post(server.url), 5)


def test_a_request_after_one_that_was_cut_gets_its_own_answer(wire: LeanWire) -> None:
    with serve() as vendor:
        vendor.answers(lambda handler: time.sleep(0.3), Answer(200, b'{"second": 1}'))
        with pytest.raises(Cut, match="no answer in time"):
            wire.send(post(vendor.url), 0.1)
        assert wire.send(post(vendor.url), 5).json() == {"second": 1}


def test_a_connection_that_the_server_closed_is_not_used_again(wire: LeanWire) -> None:
    with peer(OK) as server:
        assert wire.send(post(server.url), 5).status == 200
        time.sleep(0.05)  # the server hangs up: it has no more to say
        server.replies = [OK]
        assert wire.send(post(server.url), 5).status == 200
        assert server.connections == 2


def test_a_connection_idle_for_long_is_not_used_again(
    wire: LeanWire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http1, "IDLE", 0.0)
    with peer(OK, OK) as server:
        for _ in range(2):
            wire.send(post(server.url), 5)
        assert server.connections == 2


def test_a_refusal_before_the_body_was_taken_is_read(wire: LeanWire) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def refuse() -> None:
            sock, _ = listener.accept()
            sock.recv(1000)
            sock.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
            sock.shutdown(socket.SHUT_WR)
            while sock.recv(1 << 20):
                pass
            sock.close()

        thread = threading.Thread(target=refuse)
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        assert wire.send(post(url, json={"a": "x" * 4_000_000}), 5).status == 413
        wire.close()
        thread.join()


def test_threads_share_the_wire_and_no_answer_goes_astray(wire: LeanWire, vendor: Vendor) -> None:
    def echo(handler: BaseHTTPRequestHandler) -> None:
        body = handler.path.encode()
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    vendor.answers(*[echo] * 160)
    with ThreadPoolExecutor(8) as pool:
        paths = [f"/{number}" for number in range(160)]
        sent = pool.map(lambda path: wire.send(post(vendor.url + path), 5).body.decode(), paths)
        assert list(sent) == paths


@pytest.mark.parametrize("value", [{"n": 2**70}, {"n": 1.5, "t": "\x00\u2028"}, [], {"é": None}])
def test_json_of_any_kind_arrives(wire: LeanWire, value: object) -> None:
    with serve() as vendor:
        vendor.answers(Answer(), Answer())
        for _ in range(2):
            wire.send(post(vendor.url, json=value), 5)
    first, second = (seen.body for seen in vendor.seen)
    assert json.loads(first) == value
    assert first == second


def test_half_a_surrogate_pair_is_bad_input(wire: LeanWire, elsewhere: Vendor) -> None:
    for body in ({"json": {"t": "\ud800"}}, {"form": {"t": "\ud800"}}):
        with pytest.raises(InvalidInput, match="cannot be written"):
            wire.send(post(elsewhere.url, **body), 5)
    assert elsewhere.seen == []


@contextmanager
def over_tls(context: ssl.SSLContext) -> Iterator[str]:
    """A server that answers once over TLS, if the client will have it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            sock, _ = listener.accept()
            try:
                with context.wrap_socket(sock, server_side=True) as secure:
                    secure.recv(1 << 20)
                    secure.sendall(OK)
                    secure.recv(1)
            except OSError:
                sock.close()

        thread = threading.Thread(target=answer)
        thread.start()
        yield f"https://localhost:{listener.getsockname()[1]}/"
        thread.join(5)


def test_tls_with_an_authority_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trusted, context = certificate(tmp_path)
    unaware = LeanWire(loopback=False)
    with over_tls(context) as url, pytest.raises(NotSent, match="TLS: CERTIFICATE_VERIFY_FAILED"):
        unaware.send(post(url), 5)
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    aware = LeanWire(loopback=False)
    with over_tls(context) as url:
        assert aware.send(post(url), 5).status == 200
        aware.close()
    unaware.close()
