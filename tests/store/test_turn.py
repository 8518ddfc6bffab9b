"""One turn of a campaign in the ledger: what ended is recorded, what may begin is admitted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from mktool.errors import InvalidInput
from mktool.http.exchange import Call, Ended, Scope, Throttled
from mktool.spec import DAY, MINUTE, Limit
from mktool.store.ledger import Ledger
from mktool.store.limits import usage

CALL = Call("toy", "default", "send", "POST", "u", "send", False, 1, Scope(7), 1)
OWNER = ("toy", "default")


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(tmp_path: Path, clock: Clock) -> Iterator[Ledger]:
    with Ledger(tmp_path / "ledger.db", clock) as opened:
        yield opened


def turn(
    ledger: Ledger, calls: Sequence[Call] = (), *limits: Limit, ended: Any = (), seen: Any = ()
) -> tuple[list[int], float]:
    return ledger.turn(ended, seen, calls, limits, OWNER)


def rows(ledger: Ledger, columns: str) -> list[Any]:
    return ledger.db.execute(f"select {columns} from calls order by id").fetchall()


def test_calls_are_admitted_in_order_until_the_first_that_must_wait(ledger: Ledger) -> None:
    day = Limit(10, DAY)
    sizes = [CALL._replace(times=times) for times in (4, 4, 4, 1)]
    ids, wait = turn(ledger, sizes, day)
    assert (len(ids), wait) == (2, DAY)  # the last would fit, but nobody overtakes
    assert rows(ledger, "id, outcome, act, count") == [(n, "intent", 7, 4) for n in ids]
    assert turn(ledger, sizes[3:], day) == ([3], 0.0)


def test_nothing_to_do(ledger: Ledger) -> None:
    assert turn(ledger) == ([], 0.0)
    assert rows(ledger, "id") == []


def test_a_call_that_ended_in_one_way(ledger: Ledger) -> None:
    (id,), _ = turn(ledger, [CALL._replace(times=3)])
    turn(ledger, ended=[(id, [Ended("ok", 202, "", 12.34, "r", 3)])])
    assert rows(ledger, "outcome, status, ms, request_id, count") == [("ok", 202, 12.3, "r", 3)]


def test_a_row_for_each_way_in_which_its_requests_ended(ledger: Ledger) -> None:
    (id,), _ = turn(ledger, [CALL._replace(times=5)])
    ways = [
        Ended("ok", 201, "", 30.0, "", 3),
        Ended("refused", 429, "rate_limited", 5.0),
        Ended("unknown", None, "outcome_unknown", 900.0),
    ]
    turn(ledger, ended=[(id, ways)])
    assert rows(ledger, "outcome, status, code, count, act, operation, url, at") == [
        (one.outcome, one.status, one.code, one.times, 7, "send", "u", 1_000_000.0) for one in ways
    ]


def test_no_request_left(ledger: Ledger) -> None:
    (id,), _ = turn(ledger, [CALL])
    turn(ledger, ended=[(id, [])])
    assert rows(ledger, "outcome, count") == [("intent", 1)]


def test_a_window_counts_requests(ledger: Ledger, clock: Clock) -> None:
    hour = Limit(10, 3600.0)
    (id,), wait = turn(ledger, [CALL._replace(times=10)], hour)
    assert wait == 0.0
    assert turn(ledger, [CALL], hour) == ([], 3600.0)
    ways = [Ended("ok", times=6), Ended("unsent", code="unavailable", times=4)]
    ids, wait = turn(ledger, [CALL] * 5, hour, ended=[(id, ways)])
    assert (len(ids), wait) == (4, 3600.0)  # what was never sent counts for nothing
    (used,) = [one.used for one in usage(ledger.db, *OWNER, [hour], clock.now)]
    assert used == 10
    clock.now += 3601
    assert turn(ledger, [CALL._replace(times=10)], hour)[1] == 0.0


def test_a_rate_counts_requests(ledger: Ledger, clock: Clock) -> None:
    limit = Limit(100, MINUTE)
    _, wait = turn(ledger, [CALL._replace(times=50), CALL], limit)
    assert 20 < wait < 40  # fifty requests at about a hundred a minute, less the burst
    clock.now += wait + 0.001
    assert turn(ledger, [CALL], limit)[1] == 0.0


def test_what_a_vendor_says_holds_from_this_turn_on(ledger: Ledger, clock: Clock) -> None:
    block = Throttled("send", quota=5, remaining=0, blocked_until=clock.now + 30)
    assert turn(ledger, [CALL], seen=[block]) == ([], 30.0)
    assert turn(ledger, [CALL._replace(account="other")])[1] == 0.0
    clock.now += 31
    assert turn(ledger, [CALL])[1] == 0.0


def test_it_is_one_transaction(ledger: Ledger) -> None:
    (id,), _ = turn(ledger, [CALL])
    bad = CALL._replace(operation="\udcff")
    with pytest.raises(InvalidInput):
        turn(ledger, [CALL, bad], ended=[(id, [Ended("ok")])])
    assert rows(ledger, "id, outcome") == [(id, "intent")]
