"""
Vendors that take everything, as fast as can be: nginx, or after a set time a server of our own.

Both read a request to its last byte, by its Content-Length, before they answer. `python -m
tests.bench.sink SECONDS` runs the slow one.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.request import urlopen

ACCOUNT = "AC" + "0" * 32
_IDS = [{"id": str(uuid.UUID(int=number, version=4))} for number in range(100)]
_SMS = {"sid": "SM" + "0" * 32, "uri": "/", "status": "queued", "messages": []}


class Answer(NamedTuple):
    """To a path: the status of a POST (a GET gets 200), and the body."""

    status: int
    body: bytes
    header: str = ""


ANSWERS = {
    "/v3/scopes": Answer(200, b'{"scopes":["mail.send"]}'),
    "/v3/mail/send": Answer(202, b"", "X-Message-Id: 14c5d75ce93.dfd.64b469"),
    "/domains": Answer(200, b'{"object":"list","data":[]}'),
    "/emails": Answer(200, b'{"id":"ae2014de-c168-4c61-8267-70d2662a1ce1"}'),
    "/emails/batch": Answer(200, json.dumps({"data": _IDS}).encode()),
    f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json": Answer(201, json.dumps(_SMS).encode()),
}

_NGINX = """
daemon off; worker_processes 1; {user} pid {home}/pid; error_log {home}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off; default_type application/json; open_file_cache max=100;
  client_body_buffer_size 4m; client_max_body_size 40m; client_body_temp_path {home}/body;
  proxy_temp_path {home}/p; fastcgi_temp_path {home}/f; uwsgi_temp_path {home}/u;
  scgi_temp_path {home}/s; keepalive_requests 100000000;
  server {{
    listen 127.0.0.1:{port}; root {home}/answers;
    location = /null {{ internal; return 204; }}
{locations}
  }}
}}
"""
# A file answers no POST: the error is made the answer. Only the mirror reads the body.
_LOCATION = """
    location = {path} {{ alias {file}; mirror /null; error_page 405 ={status} /{file.name}; }}
    location = /{file.name} {{ internal; add_header {header} always; }}"""


@contextmanager
def nginx(home: Path) -> Iterator[str]:
    """Run nginx with one worker, its files in ``home``, and yield its address."""
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    if not os.path.exists(program):
        raise SystemExit("these figures need nginx: apt-get install nginx-light")
    port, locations = _free_port(), []
    (home / "answers").mkdir()
    for number, (path, answer) in enumerate(ANSWERS.items()):
        file = home / "answers" / f"{number}"
        file.write_bytes(answer.body)
        header = answer.header.replace(": ", " ") or "X-Nothing 1"
        locations.append(
            _LOCATION.format(path=path, status=answer.status, file=file, header=header)
        )
    config = home / "nginx.conf"
    config.write_text(
        _NGINX.format(
            home=home, port=port, locations="".join(locations),
            user="user root;" if os.geteuid() == 0 else "",
        )
    )  # fmt: skip
    with _served((program, "-p", str(home), "-c", str(config)), port) as url:
        yield url


@contextmanager
def slow(seconds: float) -> Iterator[str]:
    """Run a vendor that takes so long for each answer, and yield its address."""
    port = _free_port()
    with _served((sys.executable, "-m", "tests.bench.sink", str(port), str(seconds)), port) as url:
        yield url


class Seen(NamedTuple):
    """What a slow vendor saw: POSTs, and when (epoch seconds) the first came and the last left."""

    posts: int
    first: float
    last: float


def seen(url: str) -> Seen:
    """Return what a slow vendor saw since it was last asked."""
    with urlopen(f"{url}/seen", timeout=30) as reply:
        return Seen(*json.load(reply))


@contextmanager
def _served(argv: tuple[str, ...], port: int) -> Iterator[str]:
    process = subprocess.Popen(argv, stdin=subprocess.DEVNULL)
    try:
        for _ in range(200):
            if process.poll() is not None:
                raise SystemExit(f"{argv[0]} ended with {process.returncode}")
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class _Vendor(asyncio.Protocol):
    """One connection to the slow vendor; a client waits for an answer before it asks again."""

    posts, first, last = 0, 0.0, 0.0

    def __init__(self, latency: float) -> None:
        self._latency, self._buffer, self._whole = latency, bytearray(), 0

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._whole:
            if (end := self._buffer.find(b"\r\n\r\n")) < 0:
                return
            at = self._buffer.lower().find(b"content-length:", 0, end)
            length = int(self._buffer[at + 15 : self._buffer.index(b"\r\n", at)]) if at > 0 else 0
            self._whole = end + 4 + length
        if len(self._buffer) >= self._whole:
            method, path, _ = self._buffer[: self._buffer.index(b"\r\n")].decode().split(" ")
            del self._buffer[: self._whole]
            self._whole = 0
            if method == "POST" and not _Vendor.posts:
                _Vendor.first = time.time()
            asyncio.get_running_loop().call_later(self._latency, self._answer, method, path)

    def _answer(self, method: str, path: str) -> None:
        answer = ANSWERS.get(path, Answer(404, b""))
        if path == "/seen":
            answer = Answer(200, json.dumps([_Vendor.posts, _Vendor.first, _Vendor.last]).encode())
            _Vendor.posts = 0
        elif method == "POST":
            _Vendor.posts += 1
            _Vendor.last = time.time()
        head = f"HTTP/1.1 {answer.status if method == 'POST' else 200} OK\r\n"
        head += f"Content-Type: application/json\r\nContent-Length: {len(answer.body)}\r\n"
        head += f"{answer.header or 'X-Nothing: 1'}\r\n\r\n"
        self._transport.write(head.encode() + answer.body)


async def _serve(port: int, latency: float) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Vendor(latency), "127.0.0.1", port, backlog=512)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), float(sys.argv[2])))
