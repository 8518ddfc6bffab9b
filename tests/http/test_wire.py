"""One request out, one response in, against real servers on loopback."""

from __future__ import annotations

import gzip
import logging
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from mktool.errors import ConfigError, InvalidInput
from mktool.http import http1
from mktool.http import wire as wires
from mktool.http.auth import QueryKey
from mktool.http.lean import LeanWire
from mktool.http.reply import Cut, NotSent
from mktool.http.request import Request, Slice
from mktool.http.wire import Wire
from mktool.model import Login, Secret
from mktool.spec import Endpoint, Signed
from tests.peers import ROOT

from .conftest import KEY, Answer, Vendor, cut, serve

PROXIES = ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")


@pytest.fixture(params=[Wire, LeanWire])
def wire(request: pytest.FixtureRequest) -> Iterator[Wire | LeanWire]:
    opened: Wire | LeanWire = request.param(loopback=True)
    yield opened
    opened.close()


def get(url: str, **parts: object) -> Request:
    return Request(Endpoint("read", "GET", "/"), url, url, **parts)  # type: ignore[arg-type]


def post(url: str, **parts: object) -> Request:
    return Request(Endpoint("make", "POST", "/"), url, url, **parts)  # type: ignore[arg-type]


def test_what_arrives_is_what_was_meant(wire: Wire | LeanWire, vendor: Vendor) -> None:
    vendor.answers(Answer(201, b'{"id": "1"}', {"X-Request-Id": "r1"}))
    signed = Signed({"Authorization": f"Bearer {KEY}"}, {"k": "v"})
    response = wire.send(
        post(f"{vendor.url}/x%2Fy", query="a=List(b)", json={"t": "é"}, signed=signed), 5
    )
    assert (response.status, response.json()) == (201, {"id": "1"})
    assert response.headers["x-request-id"] == "r1"
    (seen,) = vendor.seen
    assert (seen.method, seen.path, seen.body) == (
        "POST", "/x%2Fy?a=List(b)&k=v", '{"t":"é"}'.encode(),
    )  # fmt: skip
    assert seen.headers["authorization"] == f"Bearer {KEY}"
    assert seen.headers["user-agent"].startswith("mktool/")
    assert "httpx" not in str(seen.headers)


def test_a_file_is_streamed_with_its_length(
    wire: Wire | LeanWire, vendor: Vendor, tmp_path: Path
) -> None:
    file = tmp_path / "cat.png"
    file.write_bytes(b"p" * 700_000)
    vendor.answers(Answer(), Answer())
    part = Slice(file, 100, 600_000, "image/png", "cat.png")
    wire.send(post(vendor.url, raw=part), 5)
    wire.send(post(vendor.url, files={"media": part}, form={"n": "1"}), 5)
    streamed, form = vendor.seen
    assert (len(streamed.body), streamed.headers["content-type"]) == (600_000, "image/png")
    assert "transfer-encoding" not in streamed.headers
    assert b'name="media"; filename="cat.png"' in form.body
    assert b'name="n"' in form.body


def test_a_redirect_is_an_answer_and_not_followed(
    wire: Wire | LeanWire, vendor: Vendor, elsewhere: Vendor
) -> None:
    for status in (301, 302, 303, 307, 308):
        vendor.answers(Answer(status, headers={"Location": f"{elsewhere.url}/steal"}))
        signed = Signed({"Authorization": f"Bearer {KEY}"})
        assert wire.send(get(vendor.url, signed=signed), 5).status == status
    assert elsewhere.seen == []


def test_nobody_there(wire: Wire) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    with pytest.raises(NotSent, match=r"^Connection refused$"):
        wire.send(post(f"http://127.0.0.1:{port}/{KEY}"), 5)


def test_not_tls_at_all(wire: Wire | LeanWire, vendor: Vendor) -> None:
    with pytest.raises(NotSent, match="TLS"):
        wire.send(post(vendor.url.replace("http:", "https:")), 5)
    assert vendor.seen == []


def test_a_hang_up_is_cut(wire: Wire | LeanWire, vendor: Vendor) -> None:
    vendor.answers(cut)
    with pytest.raises(Cut, match="the connection was cut"):
        wire.send(post(vendor.url), 5)


def test_half_an_answer_is_cut(wire: Wire | LeanWire, vendor: Vendor) -> None:
    def half(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "100")
        handler.end_headers()
        handler.wfile.write(b'{"id": ')
        handler.close_connection = True

    vendor.answers(half)
    with pytest.raises(Cut):
        wire.send(post(vendor.url), 5)


def test_silence_is_cut_after_the_timeout(wire: Wire | LeanWire, vendor: Vendor) -> None:
    vendor.answers(lambda handler: time.sleep(0.6))
    with pytest.raises(Cut, match="no answer in time"):
        wire.send(post(vendor.url), 0.2)


def test_a_trickle_is_cut(wire: Wire | LeanWire, vendor: Vendor) -> None:
    def trickle(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        handler.close_connection = True
        for _ in range(50):
            handler.wfile.write(b" ")
            time.sleep(0.05)

    vendor.answers(trickle)
    started = time.monotonic()
    with pytest.raises(Cut, match="too slowly"):
        wire.send(get(vendor.url), 0.2)
    assert time.monotonic() - started < 1.5


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_a_reply_without_end_is_cut(
    wire: Wire | LeanWire, vendor: Vendor, monkeypatch: pytest.MonkeyPatch, packed: bool
) -> None:
    for module in (wires, http1):
        monkeypatch.setattr(module, "MAX_REPLY", 1_000_000)
    body, headers = b" " * 1_000_001, {}
    if packed:
        body, headers = gzip.compress(body), {"Content-Encoding": "gzip"}
    vendor.answers(Answer(200, body, headers), Answer(200, b'{"still": "works"}'))
    with pytest.raises(Cut, match="too large"):
        wire.send(get(vendor.url), 5)
    assert wire.send(get(vendor.url), 5).json() == {"still": "works"}


def test_what_cannot_be_decompressed_is_cut(wire: Wire | LeanWire, vendor: Vendor) -> None:
    vendor.answers(Answer(200, b"\x1f\x8bnot gzip", {"Content-Encoding": "gzip"}))
    with pytest.raises(Cut, match="decompressed"):
        wire.send(get(vendor.url), 5)


@pytest.mark.parametrize(
    ("url", "headers"),
    [
        ("http://127.0.0.1:1/\x00", {}),
        ("http://[::1", {}),
        (f"http://{'a' * 64}.localhost", {}),
        ("nowhere://127.0.0.1", {}),
        ("", {"X-Key": f"{KEY}\r\nX-More: 1"}),
        ("", {"X-Key": f"{KEY}\n"}),
        ("", {"X-Key": f"{KEY}é"}),
        ("", {"X-Key": f"{KEY}\u2028"}),
    ],
)
def test_what_http_cannot_carry_is_bad_input(
    wire: Wire | LeanWire, elsewhere: Vendor, url: str, headers: dict[str, str]
) -> None:
    with pytest.raises(InvalidInput) as caught:
        wire.send(post(url or elsewhere.url, headers=headers), 5)
    assert KEY not in f"{caught.value}{caught.value.hint}"
    assert elsewhere.seen == []


def test_a_file_that_is_gone_is_bad_input(
    wire: Wire | LeanWire, elsewhere: Vendor, tmp_path: Path
) -> None:
    part = Slice(tmp_path / "gone.png", 0, 10)
    for parts in ({"raw": part}, {"files": {"media": part}}):
        with pytest.raises(InvalidInput, match=r"gone\.png"):
            wire.send(post(elsewhere.url, **parts), 1)


@pytest.mark.parametrize("kind", [Wire, LeanWire])
@pytest.mark.parametrize("loopback", [True, False])
def test_no_proxy_for_loopback(
    vendor: Vendor,
    elsewhere: Vendor,
    monkeypatch: pytest.MonkeyPatch,
    loopback: bool,
    kind: type[Wire | LeanWire],
) -> None:
    for name in PROXIES:
        monkeypatch.setenv(name, elsewhere.url)
    opened = kind(loopback=loopback)
    for host in ("127.0.0.1", "localhost"):
        vendor.answers(Answer())
        assert opened.send(get(vendor.url.replace("127.0.0.1", host)), 5).status == 200
    opened.close()
    assert elsewhere.seen == []


@pytest.mark.parametrize("kind", [Wire, LeanWire])
def test_a_proxy_is_used_for_all_else(
    elsewhere: Vendor, monkeypatch: pytest.MonkeyPatch, kind: type[Wire | LeanWire]
) -> None:
    monkeypatch.setenv("HTTP_PROXY", elsewhere.url)
    elsewhere.answers(Answer())
    opened = kind(loopback=False)
    assert opened.send(get("http://vendor.example/x"), 5).status == 200
    opened.close()
    assert [seen.path for seen in elsewhere.seen] == ["http://vendor.example/x"]


@pytest.mark.parametrize("kind", [Wire, LeanWire])
@pytest.mark.parametrize("value", ["http://[::bad", "ftp://127.0.0.1", f"ftp://u:{KEY}@h"])
def test_a_broken_proxy_setting(
    monkeypatch: pytest.MonkeyPatch, value: str, kind: type[Wire | LeanWire]
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", value)
    with pytest.raises(ConfigError, match="proxy or certificate") as caught:
        kind(loopback=False)
    assert KEY not in str(caught.value)
    kind(loopback=True).close()


def test_a_broken_certificate_setting(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "bad.pem").write_text("not a certificate")
    for name in ("missing.pem", "bad.pem"):
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / name))
        for kind in (Wire, LeanWire):
            with pytest.raises(ConfigError, match="proxy or certificate"):
                kind(loopback=False)


def test_no_query_is_ever_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    signed = QueryKey("key", "api_key").sign(Login({}, {"key": Secret(KEY)}))
    with serve() as vendor:
        vendor.answers(Answer(200, b"{}", {"Set-Cookie": f"session={KEY}"}))
        opened = Wire(loopback=True)
        opened.send(get(f"{vendor.url}/x", signed=signed), 5)
        opened.close()
    assert KEY in vendor.seen[0].path
    assert KEY not in caplog.text
    assert not [record for record in caplog.records if record.name.startswith("http")]


def test_the_command_line_of_httpx_is_not_loaded() -> None:
    code = (
        "import sys, mktool.http.wire as w; w.Wire(loopback=True).close()\n"
        "print([m for m in ('httpx._main', 'click', 'rich', 'pygments') if sys.modules.get(m)])"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[]"
