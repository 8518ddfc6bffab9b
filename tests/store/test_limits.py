"""Limits hold across processes, restarts and clocks that are set back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mktool.http.exchange import Call, Scope, Throttled
from mktool.spec import DAY, HOUR, MINUTE, Limit
from mktool.store import limits as rate
from mktool.store.ledger import Ledger
from tests.peers import answers, python

START = 1_790_000_000.0


class Clock:
    now = START

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(tmp_path: Path, clock: Clock) -> Iterator[Ledger]:
    opened = Ledger(tmp_path / "ledger.db", clock)
    yield opened
    opened.close()


def call(bucket: str = "post", account: str = "default", provider: str = "toy") -> Call:
    return Call(provider, account, bucket, "POST", "u", bucket, False, 1, Scope())


def admitted(
    ledger: Ledger, clock: Clock, limit: Limit, seconds: float, step: float
) -> list[float]:
    """Return when calls were let through if one is tried every ``step`` seconds."""
    start, times = clock.now, list[float]()
    while clock.now < start + seconds:
        while ledger.admit(call(), [limit])[0]:
            times.append(clock.now)
        clock.now += step
    return times


def most_in_a_window(times: list[float], per: float) -> int:
    return max(sum(first <= t < first + per for t in times) for first in times)


@pytest.mark.parametrize(
    "limit",
    [Limit(1, 1.0), Limit(3, 10.0), Limit(10, 1.0), Limit(50, MINUTE), Limit(200, MINUTE)],
    ids=str,
)
def test_a_rate_never_passes_its_limit_in_any_window(
    ledger: Ledger, clock: Clock, limit: Limit
) -> None:
    times = admitted(ledger, clock, limit, 3 * limit.per, limit.per / 512)
    assert most_in_a_window(times, limit.per) <= limit.calls
    assert len(times) >= 2.6 * limit.calls  # and gives most of it
    burst = sum(t == START for t in times)
    assert 1 <= burst <= max(1, limit.calls // 10)


@pytest.mark.parametrize("limit", [Limit(1, HOUR), Limit(7, HOUR), Limit(20, DAY)], ids=str)
def test_a_window_gives_all_of_its_limit_and_no_more(
    ledger: Ledger, clock: Clock, limit: Limit
) -> None:
    times = admitted(ledger, clock, limit, 3 * limit.per, limit.per / 16)
    assert most_in_a_window(times, limit.per) == limit.calls
    assert len(times) == 3 * limit.calls


@pytest.mark.parametrize("limit", [Limit(5, 10.0), Limit(50, MINUTE), Limit(2, HOUR)], ids=str)
def test_the_wait_it_names_is_long_enough_and_no_longer(
    ledger: Ledger, clock: Clock, limit: Limit
) -> None:
    while ledger.admit(call(), [limit])[0]:
        pass
    _, wait = ledger.admit(call(), [limit])
    assert 0 < wait <= limit.per
    clock.now += wait * 0.99
    assert ledger.admit(call(), [limit])[0] == 0
    clock.now = START + wait + 1e-3
    assert ledger.admit(call(), [limit])[0] > 0


HAMMER = """
import sys, time
from pathlib import Path
from mktool.http.exchange import Call, Scope
from mktool.spec import Limit
from mktool.store.ledger import Ledger
ledger = Ledger(Path(sys.argv[1]))
limit = [Limit(int(sys.argv[2]), float(sys.argv[3]))]
call = Call("toy", "default", "post", "POST", "u", "post", False, 1, Scope())
end, let_through = time.time() + 3.0, []
while time.time() < end:
    if ledger.admit(call, limit)[0]:
        let_through.append(time.time())
    else:
        time.sleep(0.002)
print(*let_through)
"""


@pytest.mark.parametrize(("calls", "per"), [(20, 1.0), (30, 61.0)], ids=["rate", "window"])
def test_eight_processes_cannot_pass_a_limit_together(
    tmp_path: Path, calls: int, per: float
) -> None:
    path = tmp_path / "ledger.db"
    running = [python(HAMMER, str(path), str(calls), str(per)) for _ in range(8)]
    reported = [float(t) for out in answers(running) for t in out.split()]
    ledger = Ledger(path)
    recorded = [row[0] for row in ledger.db.execute("select at from calls order by id")]
    ledger.close()
    assert len(recorded) == len(reported) >= calls
    assert recorded == sorted(recorded)
    assert most_in_a_window(recorded, per) <= calls


def test_a_limit_outlives_the_process(tmp_path: Path) -> None:
    for limit in (Limit(1, 30.0), Limit(1, DAY)):
        path, clock = tmp_path / f"{limit.per}.db", Clock()
        waits = []
        for _ in range(2):
            ledger = Ledger(path, clock)
            waits.append(ledger.admit(call(), [limit])[1])
            ledger.close()
        assert waits == [0.0, limit.per]


@pytest.mark.parametrize(("calls", "per"), [(20, MINUTE), (2, HOUR)], ids=["rate", "window"])
def test_whom_a_limit_counts(ledger: Ledger, calls: int, per: float) -> None:
    own, app = Limit(1, per, "post"), Limit(calls, per, "*", "app")  # two at once, either way

    def wait(*about: str) -> float:
        return ledger.admit(call(*about), [own, app])[1]

    assert wait("post", "ada") == 0
    assert wait("post", "ada") > 0  # her own is used up
    assert wait("read", "bob") == 0  # another bucket of another account
    assert wait("read", "eve") > 0  # but the app has only two
    assert wait("post", "ada", "other") == 0  # another vendor


@pytest.mark.parametrize("outcome", ["ok", "refused", "failed", "unknown"])
def test_what_reached_the_vendor_counts(ledger: Ledger, outcome: str) -> None:
    id, _ = ledger.admit(call(), [Limit(1, HOUR)])
    ledger.end(id, outcome)  # type: ignore[arg-type]
    assert ledger.admit(call(), [Limit(1, HOUR)])[1] == HOUR


def test_a_call_that_was_killed_counts(ledger: Ledger) -> None:
    ledger.admit(call(), [Limit(1, HOUR)])
    assert ledger.admit(call(), [Limit(1, HOUR)])[1] == HOUR


def test_what_never_left_does_not_count(ledger: Ledger) -> None:
    for _ in range(3):
        id, wait = ledger.admit(call(), [Limit(1, HOUR)])
        assert wait == 0
        ledger.end(id, "unsent")
    (usage,) = rate.usage(ledger.db, "toy", "default", [Limit(1, HOUR)], START)
    assert usage.used == 0


Use = Callable[[Ledger], object]


def use_up(limit: Limit) -> Use:
    def use(ledger: Ledger) -> None:
        while ledger.admit(call(), [limit])[0]:
            pass

    return use


def block(ledger: Ledger) -> None:
    ledger.throttle("toy", "default", Throttled("post", blocked_until=ledger.clock() + 900))


@pytest.mark.parametrize(
    ("use", "limits"),
    [
        (use_up(Limit(50, MINUTE)), [Limit(50, MINUTE)]),
        (use_up(Limit(2, 1.0)), [Limit(2, 1.0)]),
        (use_up(Limit(5, DAY)), [Limit(5, DAY)]),
        (block, []),
    ],
    ids=["minute", "second", "day", "vendor"],
)
def test_a_clock_set_back_does_not_block_for_ever(
    ledger: Ledger, clock: Clock, use: Use, limits: list[Limit]
) -> None:
    clock.now = START + 400 * DAY  # wrong, and mended later
    use(ledger)
    clock.now = START
    assert ledger.admit(call(), limits)[0] > 0
    use(ledger)
    assert ledger.admit(call(), limits)[1] > 0  # it still limits


def test_a_clock_set_back_a_little_costs_at_most_one_period_more(
    ledger: Ledger, clock: Clock
) -> None:
    limit = Limit(1, HOUR)
    use_up(limit)(ledger)
    clock.now -= 600
    assert ledger.admit(call(), [limit])[1] == HOUR + 600


def test_the_word_of_the_vendor_blocks_until_its_time(ledger: Ledger, clock: Clock) -> None:
    block(ledger)
    clock.now += 300
    assert ledger.admit(call(), []) == (0, 600.0)
    assert ledger.admit(call("read"), [])[0] > 0
    assert ledger.admit(call("post", "other"), [])[0] > 0
    clock.now += 600
    assert ledger.admit(call(), [])[0] > 0


def test_usage_shows_what_is_counted_and_what_the_vendor_says(ledger: Ledger, clock: Clock) -> None:
    limits = [Limit(5, HOUR, "post"), Limit(100, DAY, "*", "app")]
    for account in ("default", "default", "other"):
        ledger.admit(call(account=account), limits)
        clock.now += 10
    seen = Throttled("post", 50, 12, clock.now + 60, None)
    ledger.throttle("toy", "default", seen)
    shown = list(rate.usage(ledger.db, "toy", "default", limits, clock.now))
    assert [(u.account, u.bucket, u.quota, u.used, u.resets_at, u.source) for u in shown] == [
        ("default", "post", 5, 2, START + HOUR, "counted"),
        ("*", "*", 100, 3, START + DAY, "counted"),
        ("default", "post", 50, 38, clock.now + 60, "vendor"),
    ]
    assert len(list(rate.usage(ledger.db, "toy", "default", limits, clock.now + 61))) == 2


def test_calls_cost_unlike_much_of_a_budget(ledger: Ledger, clock: Clock) -> None:
    budget = Limit(45, DAY, costs={"search": 20, "write": 5})
    for bucket in ("search", "write", "search"):
        assert ledger.admit(call(bucket), [budget])[0]
    assert ledger.admit(call("read"), [budget]) == (0, DAY)
    (shown,) = rate.usage(ledger.db, "toy", "default", [budget], clock.now + 1)
    assert (shown.used, shown.quota) == (45, 45)
    clock.now += DAY
    assert ledger.admit(call("search"), [budget])[0]
