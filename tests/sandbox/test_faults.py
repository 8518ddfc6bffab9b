"""The grammar of --faults, and what each kind does to a call."""

from __future__ import annotations

import time
from collections.abc import Callable

import httpx
import pytest

from mktool.errors import InvalidInput
from mktool.sandbox.faults import Faults
from mktool.sandbox.server import Sandbox

HEADERS = {"authorization": "Bearer sandbox-1"}


def post(http: httpx.Client, sandbox: Sandbox, text: str) -> httpx.Response:
    url = f"{sandbox.url}/api.x.com/2/tweets"
    return http.post(url, json={"text": text}, headers=HEADERS)


def texts(http: httpx.Client, sandbox: Sandbox) -> list[str]:
    return [item["text"] for item in http.get(f"{sandbox.url}/_inbox").json()]


def test_cut_carries_the_request_out_and_hangs_up(
    serve: Callable[..., Sandbox], http: httpx.Client
) -> None:
    sandbox = serve(faults=Faults.parse("cut@1:POST /2/tweets"))
    with pytest.raises(httpx.TransportError):
        post(http, sandbox, "first")
    assert post(http, sandbox, "second").status_code == 201
    assert texts(http, sandbox) == ["first", "second"]
    calls = http.get(f"{sandbox.url}/_calls").json()
    assert [(c["status"], c["fault"]) for c in calls] == [(0, "cut"), (201, "")]


def test_drop_hangs_up_before_anything_happens(
    serve: Callable[..., Sandbox], http: httpx.Client
) -> None:
    sandbox = serve(faults=Faults.parse("drop@1"))
    with pytest.raises(httpx.TransportError):
        post(http, sandbox, "first")
    assert post(http, sandbox, "second").status_code == 201
    assert texts(http, sandbox) == ["second"]


def test_the_nth_call_counts_only_what_the_filter_sees(
    serve: Callable[..., Sandbox], http: httpx.Client
) -> None:
    sandbox = serve(faults=Faults.parse("503@2:POST /2/tweets"))
    me = f"{sandbox.url}/api.x.com/2/users/me"
    got = [
        http.get(me, headers=HEADERS).status_code,
        post(http, sandbox, "a").status_code,
        http.get(me, headers=HEADERS).status_code,
        post(http, sandbox, "b").status_code,
        post(http, sandbox, "c").status_code,
    ]
    assert got == [200, 201, 200, 503, 201]


@pytest.mark.parametrize(
    ("path", "status", "member", "value"),
    [
        ("api.x.com/2/users/me", 402, "title", "CreditsDepleted"),
        ("api.x.com/2/users/me", 429, "title", "Too Many Requests"),
        ("slack.com/api/auth.test", 429, "error", "ratelimited"),
        ("api.linkedin.com/v2/userinfo", 429, "code", "TOO_MANY_REQUESTS"),
    ],
)
def test_a_status_is_said_in_the_vendors_words(
    serve: Callable[..., Sandbox],
    http: httpx.Client,
    path: str,
    status: int,
    member: str,
    value: str,
) -> None:
    sandbox = serve(faults=Faults.parse(f"{status}=100%"))
    reply = http.get(f"{sandbox.url}/{path}", headers=HEADERS)
    assert (reply.status_code, reply.json()[member]) == (status, value)


def test_html_comes_in_place_of_json(serve: Callable[..., Sandbox], http: httpx.Client) -> None:
    sandbox = serve(faults=Faults.parse("html=100%"))
    reply = post(http, sandbox, "a")
    assert reply.headers["content-type"].startswith("text/html")
    assert texts(http, sandbox) == []


def test_slow_waits(serve: Callable[..., Sandbox], http: httpx.Client) -> None:
    sandbox = serve(faults=Faults.parse("slow=150ms"))
    started = time.monotonic()
    post(http, sandbox, "a")
    assert time.monotonic() - started >= 0.15


def test_pages_and_the_inbox_are_left_alone(
    serve: Callable[..., Sandbox], http: httpx.Client
) -> None:
    sandbox = serve(faults=Faults.parse("drop=100%"), approve=False)
    query = "response_type=code&client_id=a&redirect_uri=http://127.0.0.1:1/cb&scope=openid"
    pages = ["/", "/_inbox", "/_calls", f"/www.linkedin.com/oauth/v2/authorization?{query}"]
    assert [http.get(sandbox.url + page).status_code for page in pages] == [200] * 4


def fates(spec: str, seed: int, calls: int = 4000) -> list[str]:
    faults = Faults.parse(spec, seed=seed)
    return [faults.next("POST", "/api.x.com/2/tweets").kind for _ in range(calls)]


def test_shares_are_kept_and_reproducible() -> None:
    first = fates("429=5%,cut=1%", 7)
    assert first == fates("429=5%,cut=1%", 7)
    assert first == fates("seed=7,429=5%,cut=1%", 0)
    assert first != fates("429=5%,cut=1%", 8)
    assert 140 < first.count("429") < 260
    assert 15 < first.count("cut") < 70


def test_a_host_can_be_named_and_stars_stand_for_anything() -> None:
    faults = Faults.parse("500=100%:POST /slack.com/api/chat.*")
    assert faults.next("POST", "/slack.com/api/chat.postMessage").status == 500
    assert faults.next("GET", "/slack.com/api/chat.postMessage").kind == ""
    assert faults.next("POST", "/api.x.com/2/tweets").kind == ""


@pytest.mark.parametrize(
    "spec",
    ["429", "429=5", "429=101%", "200=5%", "499=5%", "cut@0", "cut@x", "bang=5%", "slow=5%",
     "slow=ms", "slow@2", "seed=x", "cut=1%:tweets", "cut=1..2%", "cut=%"],
)  # fmt: skip
def test_anything_else_shows_the_grammar(spec: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Faults.parse(spec)
    assert "KIND@N" in caught.value.hint
    assert repr(spec) in caught.value.message
