"""One exchange: what stands in the journal, and what the vendor says about its limits."""

from __future__ import annotations

from collections.abc import Callable
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest

from mktool import errors as e
from mktool.http.auth import HeaderKey
from mktool.http.exchange import Exchange, Scope
from mktool.http.request import Slice
from mktool.http.wire import Wire
from mktool.spec import DAY, Endpoint, Limit, Spec, Throttle
from mktool.store.ledger import Ledger

from .conftest import KEY, Answer, Connect, Vendor, cut

READ, WRITE = Endpoint("read", "GET", "/x"), Endpoint("make", "POST", "/x")
PUT = Endpoint("put", "PUT", "/x")


def spec(**parts: Any) -> Spec:
    auth = (HeaderKey("key"),)
    return Spec("toy", "Toy", "", "https://api.toy.example", auth, timeout=0.5, **parts)


THROTTLE = Throttle("x-limit", "x-left", "x-reset")


def journal(ledger: Ledger, *columns: str) -> list[tuple[Any, ...]]:
    return ledger.db.execute(f"select {', '.join(columns)} from calls order by id").fetchall()


def test_a_call_is_on_record_before_it_is_sent(
    connect: Connect, vendor: Vendor, ledger: Ledger, tmp_path: Path
) -> None:
    seen: list[Any] = []

    def look(handler: Any) -> None:
        other = Ledger(tmp_path / "ledger.db")
        seen.extend(journal(other, "outcome", "act", "part", "operation", "repeatable"))
        other.close()
        handler.send_response(204)
        handler.send_header("X-Request-Id", "r-1")
        handler.end_headers()

    vendor.answers(look)
    client, _ = connect(spec())
    client.exchange.scope = Scope(4, 2)
    client.call(WRITE, query={"q": KEY}, json={"text": KEY})
    assert seen == [("intent", 4, 2, "make", 0)]
    assert journal(ledger, "outcome", "status", "url", "method", "attempt", "request_id") == [
        ("ok", 204, f"{vendor.url}/x", "POST", 1, "r-1")
    ]
    assert KEY not in "\n".join(ledger.db.iterdump())


@pytest.mark.parametrize(
    ("endpoint", "step", "kind", "outcome", "status"),
    [
        (WRITE, Answer(500), e.OutcomeUnknown, "unknown", 500),
        (WRITE, cut, e.OutcomeUnknown, "unknown", None),
        (WRITE, Answer(200, b"<html>hotel</html>"), e.OutcomeUnknown, "unknown", 200),
        (WRITE, Answer(400), e.Rejected, "refused", 400),
        (WRITE, Answer(401), e.Unauthorized, "refused", 401),
        (READ, Answer(404), e.NotFound, "refused", 404),
        (READ, Answer(200, b"["), e.UnexpectedReply, "failed", 200),
        (WRITE, Answer(307, headers={"Location": "/y"}), e.UnexpectedReply, "failed", 307),
    ],
)
def test_how_a_call_ended(
    connect: Connect, vendor: Vendor, ledger: Ledger, endpoint: Endpoint, step: Any,
    kind: type[e.ProviderError], outcome: str, status: int | None,
) -> None:  # fmt: skip
    vendor.answers(step)
    client, _ = connect(spec())
    with pytest.raises(kind) as caught:
        client.call(endpoint)
    assert type(caught.value) is kind
    assert journal(ledger, "outcome", "status", "code") == [(outcome, status, kind.code)]


def exchange(ledger: Ledger, wire: Callable[[], Wire]) -> Exchange:
    return Exchange(spec(), "default", wire, ledger, sleep=lambda seconds: None)


def test_ctrl_c_in_the_middle_leaves_the_truth(connect: Connect, ledger: Ledger) -> None:
    class Stopped:
        def send(self, request: object, timeout: float) -> object:
            raise KeyboardInterrupt

        def close(self) -> None:
            """Nothing is open."""

    client, _ = connect(spec())
    client.exchange = exchange(ledger, Stopped)  # type: ignore[arg-type]
    with pytest.raises(KeyboardInterrupt):
        client.call(WRITE)
    assert journal(ledger, "outcome") == [("unknown",)]


def test_a_bad_proxy_setting_leaves_no_call_in_doubt(
    connect: Connect, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "nonsense://")
    client, _ = connect(spec())
    client.exchange = exchange(ledger, lambda: Wire(loopback=False))
    with pytest.raises(e.ConfigError):
        client.call(WRITE)
    assert journal(ledger, "outcome") == []


def test_a_file_that_shrinks_while_it_is_sent_leaves_no_doubt(
    connect: Connect, vendor: Vendor, ledger: Ledger, tmp_path: Path
) -> None:
    file = tmp_path / "cat.png"
    file.write_bytes(b"x" * 10)
    client, _ = connect(spec())
    with pytest.raises(e.InvalidInput, match="became shorter"):
        client.call(WRITE, raw=Slice(file, 0, 100_000))
    assert journal(ledger, "outcome") == [("unsent",)]
    vendor.script.clear()


def test_a_limit_is_waited_for(connect: Connect, vendor: Vendor) -> None:
    client, clock = connect(spec(limits=(Limit(2, 120.0),)), max_wait=120.0)
    vendor.answers(*[Answer()] * 3)
    for _ in range(3):
        client.call(READ)
    assert clock.naps == [120.0]


def test_a_limit_that_takes_too_long_is_said_and_nothing_is_sent(
    connect: Connect, vendor: Vendor
) -> None:
    client, clock = connect(spec(limits=(Limit(1, 3600.0),)))
    vendor.answers(Answer())
    client.call(READ)
    with pytest.raises(e.RateLimited, match="nothing was sent") as caught:
        client.call(READ)
    assert (caught.value.exit_code, caught.value.retry_after) == (15, 3600.0)
    assert clock.naps == []
    assert len(vendor.seen) == 1


def blocked(ledger: Ledger) -> float | None:
    (until,) = ledger.db.execute("select max(blocked_until) from limits").fetchone()
    return None if until is None else float(until)


def test_what_the_vendor_says_of_its_limit_is_kept(
    connect: Connect, vendor: Vendor, ledger: Ledger
) -> None:
    client, clock = connect(spec(throttle=THROTTLE))
    headers = {"X-Limit": "50", "X-Left": "7", "X-Reset": str(int(clock.now) + 90)}
    vendor.answers(Answer(headers={**headers, "Date": formatdate(clock.now, usegmt=True)}))
    client.call(READ)
    row = ledger.db.execute("select bucket, quota, remaining, reset from limits").fetchone()
    assert row == ("read", 50, 7, clock.now + 90)
    assert blocked(ledger) is None


def test_a_used_up_limit_is_respected_before_the_vendor_has_to_refuse(
    connect: Connect, vendor: Vendor
) -> None:
    client, clock = connect(spec(throttle=THROTTLE))
    start = clock.now
    last = {"X-Limit": "50", "X-Left": "0", "X-Reset": str(int(start) + 30)}
    vendor.answers(Answer(headers={**last, "Date": formatdate(start, usegmt=True)}), Answer())
    client.call(READ)
    client.call(READ)
    assert clock.naps == [30.0]


def test_a_reset_is_measured_by_the_clock_of_the_server(
    connect: Connect, vendor: Vendor, ledger: Ledger
) -> None:
    client, clock = connect(spec(throttle=THROTTLE))
    theirs = clock.now - 86_400
    headers = {"X-Limit": "50", "X-Left": "0", "X-Reset": str(int(theirs) + 30)}
    vendor.answers(Answer(headers={**headers, "Date": formatdate(theirs, usegmt=True)}))
    client.call(READ)
    assert blocked(ledger) == clock.now + 30


def test_the_longer_of_two_waits_counts(connect: Connect, vendor: Vendor, ledger: Ledger) -> None:
    client, clock = connect(spec(throttle=THROTTLE))
    vendor.answers(
        Answer(429, headers={
            "Retry-After": "900", "X-Limit": "50", "X-Left": "0",
            "X-Reset": str(int(clock.now) + 9),
            "Date": formatdate(clock.now, usegmt=True),
        })
    )  # fmt: skip
    with pytest.raises(e.RateLimited):
        client.call(READ)
    assert blocked(ledger) == clock.now + 900


def test_nonsense_in_limit_headers_is_no_traceback(
    connect: Connect, vendor: Vendor, ledger: Ledger
) -> None:
    client, _ = connect(spec(throttle=THROTTLE))
    vendor.answers(
        Answer(headers={"X-Limit": "many", "X-Left": "9" * 99, "X-Reset": "soon"}),
        Answer(headers={"X-Limit": "\u00b2".encode().decode("latin1")}),
    )
    client.call(READ)
    client.call(READ)
    assert blocked(ledger) is None


def test_another_process_respects_the_block(
    connect: Connect, vendor: Vendor, tmp_path: Path
) -> None:
    client, clock = connect(spec(), max_wait=5.0)
    vendor.answers(Answer(429, headers={"Retry-After": "60"}))
    with pytest.raises(e.RateLimited):
        client.call(READ)
    code = f"""
from pathlib import Path
from mktool.http.exchange import Call, Scope
from mktool.store.ledger import Ledger
ledger = Ledger(Path({str(tmp_path / "ledger.db")!r}), clock=lambda: {clock.now + 10})
for account, bucket in (("default", "read"), ("default", "make"), ("other", "read")):
    call = Call("toy", account, bucket, "GET", "u", bucket, True, 1, Scope())
    print(ledger.admit(call, ())[1])
ledger.close()
"""
    from tests.peers import answer

    assert [float(x) for x in answer(code).split()] == [50.0, 0.0, 0.0]


@pytest.mark.parametrize(
    "headers",
    [
        {"Retry-After": "999999999"},
        {"Retry-After": "Fri, 31 Dec 9999 23:59:59 GMT"},
        {"X-Limit": "50", "X-Left": "0", "X-Reset": "999999999999"},
    ],
)
def test_no_answer_stops_an_account_for_ever(
    connect: Connect, vendor: Vendor, ledger: Ledger, headers: dict[str, str]
) -> None:
    client, clock = connect(spec(throttle=THROTTLE))
    vendor.answers(Answer(429, headers=headers), Answer())
    with pytest.raises(e.RateLimited):
        client.call(WRITE)
    with pytest.raises(e.RateLimited, match="nothing was sent"):
        client.call(WRITE)
    clock.now += DAY
    client.call(WRITE)


def test_the_vendors_clock_is_compared_with_ours(connect: Connect, vendor: Vendor) -> None:
    client, clock = connect(spec())
    vendor.answers(Answer(), Answer(headers={"Date": formatdate(clock.now - 90, usegmt=True)}))
    client.call(WRITE)
    assert client.exchange.skew is None
    client.call(WRITE)
    assert client.exchange.skew == -90


@pytest.mark.parametrize(
    ("told", "left"), [("api-usage=18/100; api-bursts=1/9", 82), ("api-usage=103/100", 0)]
)
def test_a_header_that_holds_both_numbers_of_a_sliding_window(
    connect: Connect, vendor: Vendor, ledger: Ledger, told: str, left: int
) -> None:
    throttle = Throttle("info", usage=r"api-usage=(\d+)/(\d+)", window=DAY, bucket="*")
    client, clock = connect(spec(throttle=throttle))
    vendor.answers(Answer(headers={"Info": told}), Answer(headers={"Info": told}))
    client.call(READ)
    client.call(READ)  # a window that slides blocks nothing
    rows = ledger.db.execute("select bucket, quota, remaining, reset from limits").fetchall()
    assert rows == [("*", 100, left, clock.now + DAY)]
    assert blocked(ledger) is None


def test_a_limit_is_as_high_as_the_vendor_says(connect: Connect, vendor: Vendor) -> None:
    throttle = Throttle("x-limit", "x-left", window=10.0)
    client, _ = connect(spec(throttle=throttle, limits=(Limit(1, 10.0), Limit(9, DAY))))
    vendor.answers(Answer(headers={"X-Limit": "50", "X-Left": "49"}))
    client.call(READ)
    assert [limit.calls for limit in client.exchange.limits] == [50, 9]
