"""What the ledger tells about calls."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mktool.errors import StorageError
from mktool.http.exchange import Call, Scope
from mktool.store.ledger import Ledger
from mktool.store.reports import Filter, calls, statistics


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger(tmp_path / "ledger.db", Clock())
    yield opened
    opened.close()


def record(
    ledger: Ledger, outcome: Any = "ok", *, provider: str = "toy", operation: str = "read",
    act: int = 0, ms: float = 10.0, code: str = "",
) -> int:  # fmt: skip
    call = Call(provider, "default", operation, "GET", "u", operation, True, 1, Scope(act))
    id, _ = ledger.admit(call, [])
    if outcome != "intent":
        ledger.end(id, outcome, ms=ms, code=code)
    return id


def ids(ledger: Ledger, limit: int = 100, **wanted: Any) -> list[int]:
    return [row["id"] for row in calls(ledger, Filter(**wanted), limit)]


def test_the_newest_calls_oldest_first(ledger: Ledger) -> None:
    made = [record(ledger) for _ in range(5)]
    assert ids(ledger, 3) == made[-3:]
    assert ids(ledger, after=made[2]) == made[3:]
    assert ids(ledger, since=1005.0) == made[4:]


def test_filters(ledger: Ledger) -> None:
    one = record(ledger, provider="a", operation="x", act=7)
    two = record(ledger, "refused", provider="b", operation="x", code="forbidden")
    assert ids(ledger, provider="a") == ids(ledger, act=7) == ids(ledger, outcome="ok") == [one]
    assert ids(ledger, operation="x") == ids(ledger, account="default") == [one, two]
    assert ids(ledger, outcome="refused", provider="a") == []
    assert ids(ledger, provider="a' or 1=1 --") == []


def test_statistics(ledger: Ledger) -> None:
    for ms in range(1, 101):
        record(ledger, ms=float(ms))
    record(ledger, "refused", ms=1000.0, code="forbidden")
    record(ledger, "refused", ms=1000.0, code="forbidden")
    record(ledger, "unsent", ms=9999.0, code="unavailable")
    record(ledger, "intent")
    record(ledger, provider="other", operation="make")
    other, toy = statistics(ledger, 0.0)
    assert (other.provider, other.operation, other.calls, other.success) == ("other", "make", 1, 1)
    assert (toy.calls, toy.ok) == (104, 100)
    assert toy.success == 100 / 104
    assert (toy.median, toy.p95) == (51.0, 97.0)  # of the 102 that were answered
    assert toy.errors == {"forbidden": 2, "unavailable": 1, "intent": 1}
    assert list(statistics(ledger, 1e9)) == []


def test_no_answer_has_no_latency(ledger: Ledger) -> None:
    record(ledger, "unsent", code="unavailable")
    (row,) = statistics(ledger, 0.0)
    assert (row.median, row.p95, row.success) == (None, None, 0.0)


def test_a_table_that_is_gone(ledger: Ledger) -> None:
    ledger.db.execute("drop table calls")
    with pytest.raises(StorageError):
        list(statistics(ledger, 0.0))
