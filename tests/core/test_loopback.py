"""The end of a browser login: one answer, ours, and nothing else."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest

from mktool import errors as e
from mktool.core.loopback import Receiver

STATE = "state-of-this-login"
GOOD = f"code=canary-code&state={STATE}&iss=https%3A%2F%2Fvendor.test"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver(STATE) as receiver:
        yield receiver


@pytest.fixture
def browser() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False, timeout=5) as browser:
        yield browser


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


class Visits(threading.Thread):
    """A browser that makes requests one after the other while the receiver waits."""

    def __init__(self, browser: httpx.Client, *requests: httpx.Request) -> None:
        super().__init__(daemon=True)
        self.browser, self.requests = browser, requests
        self.replies: list[httpx.Response] = []
        self.start()

    def run(self) -> None:
        self.replies += [self.browser.send(request) for request in self.requests]


def test_the_address_exists_before_anybody_is_told(receiver: Receiver) -> None:
    assert receiver.redirect_uri == f"http://127.0.0.1:{receiver.port}/callback"
    socket.create_connection(("127.0.0.1", receiver.port), 1).close()


def test_only_this_machine_can_reach_it(receiver: Receiver) -> None:
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.2", receiver.port), 1)


def test_the_answer_is_returned_whole(receiver: Receiver, browser: httpx.Client) -> None:
    visits = Visits(browser, httpx.Request("GET", f"{receiver.redirect_uri}?{GOOD}"))
    answer = receiver.wait(5)
    assert answer == {"code": "canary-code", "state": STATE, "iss": "https://vendor.test"}
    visits.join()
    page = visits.replies[0]
    assert page.status_code == 200
    assert "The answer has arrived" in page.text
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["content-security-policy"].startswith("default-src 'none'; ")
    assert "canary" not in page.text


def test_a_refusal_is_an_answer_too(receiver: Receiver, browser: httpx.Client) -> None:
    query = f"error=access_denied&state={STATE}"
    visits = Visits(browser, httpx.Request("GET", f"{receiver.redirect_uri}?{query}"))
    assert receiver.wait(5)["error"] == "access_denied"
    visits.join()
    assert "Nothing was connected" in visits.replies[0].text


@pytest.mark.parametrize(
    ("method", "target", "host"),
    [
        ("GET", "/callback?code=x&state=another", None),
        ("GET", "/callback?code=x", None),
        ("GET", "/callback?code=x&state=", None),
        ("GET", f"/callback?state={STATE}", None),
        ("GET", f"/callback?code=x&state={STATE}&state={STATE}", None),
        ("GET", f"/callback?code=x&code=y&state={STATE}", None),
        ("GET", f"/?{GOOD}", None),
        ("GET", f"/callback/?{GOOD}", None),
        ("GET", f"/other?{GOOD}", None),
        ("GET", f"/callback?{GOOD}", "localhost"),
        ("GET", f"/callback?{GOOD}", "evil.test"),
        ("GET", f"/callback?{GOOD}", "127.0.0.1"),
        ("GET", "/favicon.ico", None),
        ("POST", f"/callback?{GOOD}", None),
        ("HEAD", f"/callback?{GOOD}", None),
    ],
)
def test_anything_else_is_turned_away_and_waited_past(
    receiver: Receiver, browser: httpx.Client, method: str, target: str, host: str | None
) -> None:
    base = f"http://127.0.0.1:{receiver.port}"
    headers = {"Host": host} if host else {}
    visits = Visits(
        browser,
        httpx.Request(method, base + target, headers=headers),
        httpx.Request("GET", f"{receiver.redirect_uri}?{GOOD}"),
    )
    assert receiver.wait(5)["code"] == "canary-code"
    visits.join()
    assert visits.replies[0].status_code == (404 if method == "GET" else 501)


def test_a_silent_connection_blocks_nobody(receiver: Receiver, browser: httpx.Client) -> None:
    with socket.create_connection(("127.0.0.1", receiver.port), 1):
        visits = Visits(browser, httpx.Request("GET", f"{receiver.redirect_uri}?{GOOD}"))
        assert receiver.wait(3)["code"] == "canary-code"
        visits.join()


def test_noise_on_the_line_is_survived(
    receiver: Receiver, browser: httpx.Client, capfd: pytest.CaptureFixture[str]
) -> None:
    for noise in (b"\x16\x03\x01\x02\x00\x01\xfc\x03\x03", b"GET http://[ HTTP/1.1\r\n\r\n", b""):
        with socket.create_connection(("127.0.0.1", receiver.port), 1) as line:
            line.sendall(noise)
    visits = Visits(browser, httpx.Request("GET", f"{receiver.redirect_uri}?{GOOD}"))
    assert receiver.wait(5)["code"] == "canary-code"
    visits.join()
    assert capfd.readouterr() == ("", "")  # no request log, no traceback: the query is a secret


def test_patience_ends(receiver: Receiver) -> None:
    with pytest.raises(e.NeedsLogin, match="no answer") as caught:
        receiver.wait(0.05)
    assert "--paste" in caught.value.hint


def test_the_door_is_shut_afterwards() -> None:
    with Receiver(STATE) as receiver:
        port = receiver.port
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", port), 1)


def test_ports_are_tried_in_their_order() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ports = (taken.getsockname()[1], free_port())
        with Receiver(STATE, ports=ports) as receiver:
            assert receiver.port == ports[1]
        with pytest.raises(e.ConfigError, match=str(ports[0])):
            Receiver(STATE, ports=ports[:1])


def test_the_host_name_a_vendor_insists_on(browser: httpx.Client) -> None:
    with Receiver(STATE, host="localhost", path="/done") as receiver:
        assert urlsplit(receiver.redirect_uri).hostname == "localhost"
        assert receiver.redirect_uri.endswith("/done")
        address = f"http://127.0.0.1:{receiver.port}/done?{GOOD}"
        visits = Visits(
            browser, httpx.Request("GET", address, headers={"Host": f"localhost:{receiver.port}"})
        )
        assert receiver.wait(5)["code"] == "canary-code"
        visits.join()
