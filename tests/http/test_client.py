"""What is repeated, what is never repeated, and what is renewed."""

from __future__ import annotations

import socket
from email.utils import formatdate
from typing import Any

import pytest

from mktool import errors as e
from mktool.http.auth import HeaderKey, OAuth2
from mktool.http.client import ATTEMPTS, Client, DryRun, scheme_for
from mktool.http.target import Target
from mktool.model import Login, Secret
from mktool.spec import Endpoint, Limit, Spec, Throttle
from mktool.store.ledger import Ledger

from .conftest import KEY, Answer, Connect, Fixed, Vendor, cut

READ, WRITE = Endpoint("read", "GET", "/x"), Endpoint("make", "POST", "/x")
TWICE = Endpoint("again", "POST", "/x", repeatable=True)
KEYED = Endpoint("keyed", "POST", "/x", key_header="Idempotency-Key")


def spec(**parts: Any) -> Spec:
    auth = (HeaderKey("key"),)
    return Spec("toy", "Toy", "", "https://api.toy.example", auth, timeout=0.3, **parts)


def silent(handler: Any) -> None:
    import time

    time.sleep(0.5)
    handler.close_connection = True


LOST: list[Any] = [Answer(500), Answer(503, headers={"Retry-After": "1"}), cut, silent]
NAMES = ["500", "503", "cut", "timeout"]


@pytest.mark.parametrize("step", LOST, ids=NAMES)
def test_a_write_without_a_good_answer_is_never_repeated(
    connect: Connect, vendor: Vendor, step: Any
) -> None:
    vendor.answers(step)
    client, clock = connect(spec())
    with pytest.raises(e.OutcomeUnknown) as caught:
        client.call(WRITE, json={"text": "hi"})
    assert caught.value.exit_code == 18
    assert (len(vendor.seen), clock.naps) == (1, [])


@pytest.mark.parametrize("endpoint", [READ, TWICE], ids=["read", "repeatable write"])
@pytest.mark.parametrize("step", LOST, ids=NAMES)
def test_what_may_be_repeated_is(
    connect: Connect, vendor: Vendor, endpoint: Endpoint, step: Any
) -> None:
    vendor.answers(step, step, Answer(200, b'{"id": "1"}'))
    client, clock = connect(spec())
    assert client.call(endpoint).need("id") == "1"
    assert (len(vendor.seen), len(clock.naps)) == (3, 2)


@pytest.mark.parametrize("step", LOST, ids=NAMES)
def test_with_a_key_the_same_bytes_are_sent_again(
    connect: Connect, vendor: Vendor, step: Any
) -> None:
    vendor.answers(step, Answer(200, b'{"id": "1"}'))
    client, _ = connect(spec())
    assert client.call(KEYED, json={"b": 1, "a": "é"}, key="act-1").need("id") == "1"
    first, second = vendor.seen
    assert first.body == second.body == '{"b":1,"a":"é"}'.encode()
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"] == "act-1"


def test_an_endpoint_with_keys_is_not_repeated_without_one(
    connect: Connect, vendor: Vendor
) -> None:
    vendor.answers(cut)
    client, _ = connect(spec())
    with pytest.raises(e.OutcomeUnknown):
        client.call(KEYED, json={})


def test_it_gives_up(connect: Connect, vendor: Vendor, ledger: Ledger) -> None:
    vendor.answers(*[Answer(500)] * ATTEMPTS)
    client, clock = connect(spec())
    with pytest.raises(e.Unavailable) as caught:
        client.call(READ)
    assert (caught.value.exit_code, len(clock.naps)) == (16, ATTEMPTS - 1)
    assert all(0 <= nap <= 30 for nap in clock.naps)
    rows = ledger.db.execute("select attempt, outcome from calls order by id").fetchall()
    assert rows == [(n, "failed") for n in range(1, ATTEMPTS + 1)]


@pytest.mark.parametrize("endpoint", [READ, WRITE], ids=["read", "write"])
@pytest.mark.parametrize("form", ["seconds", "date", "reset"])
def test_a_refused_call_is_repeated_when_the_vendor_says(
    connect: Connect, vendor: Vendor, endpoint: Endpoint, form: str
) -> None:
    client, clock = connect(spec(throttle=Throttle("x-limit", "x-left", "x-reset")))
    theirs = clock.now - 1_000_000  # the server's clock is its own
    headers = {
        "seconds": {"Retry-After": "7"},
        "date": {"Retry-After": formatdate(theirs + 7, usegmt=True)},
        "reset": {"X-Reset": str(int(theirs) + 7), "X-Limit": "9", "X-Left": "0"},
    }[form]
    when = {"Date": formatdate(theirs, usegmt=True)}
    vendor.answers(Answer(429, headers={**headers, **when}), Answer(200, b'{"id": "1"}'))
    assert client.call(endpoint).need("id") == "1"
    assert clock.naps == [7.0]


def test_a_wait_beyond_the_bound_is_said_instead(connect: Connect, vendor: Vendor) -> None:
    vendor.answers(Answer(429, headers={"Retry-After": "61"}))
    client, clock = connect(spec(), max_wait=60.0)
    with pytest.raises(e.RateLimited) as caught:
        client.call(WRITE)
    assert (caught.value.exit_code, caught.value.retry_after) == (15, 61.0)
    assert clock.naps == []


def test_no_wait_at_all(connect: Connect, vendor: Vendor) -> None:
    for status, kind in ((429, e.RateLimited), (500, e.Unavailable)):
        vendor.answers(Answer(status))
        client, clock = connect(spec(), max_wait=0.0)
        with pytest.raises(kind):
            client.call(READ)
        assert clock.naps == []


def test_our_own_limit_is_not_waited_for_twice(connect: Connect, vendor: Vendor) -> None:
    client, clock = connect(spec(limits=(Limit(1, 600.0),)))
    vendor.answers(Answer())
    client.call(READ)
    with pytest.raises(e.RateLimited):
        client.call(READ)
    assert clock.naps == []


@pytest.mark.parametrize("endpoint", [READ, WRITE], ids=["read", "write"])
def test_where_nobody_listens_nothing_was_sent(
    connect: Connect, ledger: Ledger, endpoint: Endpoint
) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    client, clock = connect(spec(limits=(Limit(1, 600.0),)))
    client.target = Target("https://api.toy.example", f"http://127.0.0.1:{port}")
    with pytest.raises(e.Unavailable, match="not reached: Connection refused"):
        client.call(endpoint)
    rows = ledger.db.execute("select outcome, status from calls").fetchall()
    assert rows == [("unsent", None)] * ATTEMPTS  # none of which used the limit up
    assert len(clock.naps) == ATTEMPTS - 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_takes_nothing_anywhere(
    connect: Connect, vendor: Vendor, elsewhere: Vendor, status: int
) -> None:
    vendor.answers(Answer(status, headers={"Location": f"{elsewhere.url}/steal"}))
    client, _ = connect(spec())
    with pytest.raises(e.UnexpectedReply, match="redirect"):
        client.call(WRITE, json={"text": "hi"})
    assert elsewhere.seen == []


def test_an_address_of_the_vendor_gets_no_credential(
    connect: Connect, vendor: Vendor, elsewhere: Vendor
) -> None:
    elsewhere.answers(Answer(), Answer(401))
    client, _ = connect(spec(headers={"X-Version": "1"}), "newer")
    client.call(WRITE, url=f"{elsewhere.url}/up?sig=1", form={"a": "b"})
    with pytest.raises(e.Unauthorized):
        client.call(WRITE, url=f"{elsewhere.url}/up")
    for seen in elsewhere.seen:
        assert not {"authorization", "x-version"} & seen.headers.keys()
        assert KEY not in str(seen)
    assert vendor.seen == []


def test_a_refused_token_is_renewed_once_and_the_write_goes_out_once(
    connect: Connect, vendor: Vendor
) -> None:
    vendor.answers(Answer(401), Answer(200, b'{"id": "1"}'))
    client, _ = connect(spec(), "newer", "newest")
    assert client.call(WRITE, json={"a": 1}).need("id") == "1"
    assert [seen.headers["authorization"] for seen in vendor.seen] == [
        f"Bearer {KEY}", "Bearer newer",
    ]  # fmt: skip
    vendor.answers(Answer(401), Answer(401))
    with pytest.raises(e.Unauthorized) as caught:
        client.call(WRITE)
    assert caught.value.exit_code == 11
    assert caught.value.hint == "mktool authorize toy"


def test_a_write_whose_answer_cannot_be_read_may_have_happened(
    connect: Connect, vendor: Vendor
) -> None:
    vendor.answers(Answer(200, b"{}"), Answer(200, b"{}"), Answer(200, b"{}"))
    client, _ = connect(spec())
    for endpoint, parts, kind in (
        (WRITE, {}, e.OutcomeUnknown), (READ, {}, e.UnexpectedReply),
        (KEYED, {"key": "k"}, e.UnexpectedReply),
    ):  # fmt: skip
        with pytest.raises(kind):
            client.call(endpoint, **parts).need("id")


def test_the_words_of_a_vendor_do_not_reach_the_terminal_raw(
    connect: Connect, vendor: Vendor
) -> None:
    vendor.answers(Answer(400, b'{"error": {"message": "no\\u001b[2J\\u0007\\r\\nway"}}'))
    client, _ = connect(spec())
    with pytest.raises(e.Rejected, match=r"no\[2J way"):
        client.call(WRITE)


def test_the_first_scheme_that_has_what_it_needs() -> None:
    oauth, key = OAuth2("", "", ()), HeaderKey("key")
    both = Spec("toy", "Toy", "", "https://api.toy.example", (oauth, key))
    assert scheme_for(both, Login({}, {"key": Secret("k")})) is key
    both_there = Login({}, {"key": Secret("k"), "access_token": Secret("t")})
    assert scheme_for(both, both_there) is oauth
    with pytest.raises(e.NeedsLogin, match="Toy needs access_token or key") as caught:
        scheme_for(both, Login({}, {"key": Secret("")}))
    assert caught.value.hint == "mktool authorize toy"


def test_a_dry_run_shows_the_request_that_would_be_sent(connect: Connect, vendor: Vendor) -> None:
    dry = DryRun(spec(), Target("https://api.toy.example", vendor.url), {}, frozenset({"key"}))
    client, _ = connect(spec())
    vendor.answers(Answer())
    caller: Client | DryRun
    for caller in (dry, client):
        caller.call(Endpoint("make", "POST", "/{}/x", price=0.5), "a b", json={"text": "é"})
    (shown,), (seen,) = dry.requests, vendor.seen
    assert shown["url"] == vendor.url + seen.path
    assert shown["method"] == seen.method
    assert shown["json"] == {"text": "é"}
    assert shown["headers"]["Authorization"] == "Bearer ***"
    assert seen.headers["authorization"] == f"Bearer {Fixed().login().value('key')}"
    assert dry.price == 0.5
