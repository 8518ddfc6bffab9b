"""What the ledger tells: calls, statistics. Read through sqlite-utils."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .ledger import Ledger

if TYPE_CHECKING:
    from sqlite_utils import Database


@dataclass(frozen=True, slots=True)
class Filter:
    """Which calls to show; empty is all. ``since`` is epoch seconds."""

    provider: str = ""
    account: str = ""
    operation: str = ""
    outcome: str = ""
    act: int = 0
    since: float = 0.0
    after: int = 0


@dataclass(slots=True)
class Row:
    """Statistics of one operation of one provider; latencies in milliseconds."""

    provider: str
    operation: str
    calls: int = 0
    ok: int = 0
    median: float | None = None
    p95: float | None = None
    errors: Counter[str] = field(default_factory=Counter)

    @property
    def success(self) -> float:
        """The share of calls that worked, 0 to 1."""
        return self.ok / self.calls if self.calls else 0.0


def calls(ledger: Ledger, wanted: Filter, limit: int) -> list[dict[str, Any]]:
    """Return the newest calls that fit, oldest first."""
    where, params = _where(wanted)
    with ledger.guard():
        table = _database(ledger).table("calls")
        return list(table.rows_where(where, params, order_by="id desc", limit=limit))[::-1]


def statistics(ledger: Ledger, since: float) -> Iterator[Row]:
    """Yield one row for each provider and operation with calls after ``since``."""
    found: dict[tuple[str, str], Row] = {}
    times: dict[tuple[str, str], list[float]] = {}
    with ledger.guard():
        rows = _database(ledger).query(
            "select provider, operation, outcome, code, ms, count from calls where at >= ?"
            " order by provider, operation",
            [since],
        )
        for call in rows:
            name = (call["provider"], call["operation"])
            row = found.setdefault(name, Row(*name))
            row.calls += call["count"]
            row.ok += call["count"] * (call["outcome"] == "ok")
            if call["ms"] and call["outcome"] != "unsent":
                times.setdefault(name, []).append(call["ms"])
            if call["outcome"] != "ok":
                row.errors[call["code"] or call["outcome"]] += call["count"]
    for name, row in found.items():
        latencies = sorted(times.get(name, ()))
        row.median, row.p95 = _percentile(latencies, 0.5), _percentile(latencies, 0.95)
        yield row


def _percentile(ordered: list[float], share: float) -> float | None:
    """The smallest value that at least ``share`` of all do not exceed (nearest rank)."""
    if not ordered:
        return None
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def _where(wanted: Filter) -> tuple[str, list[Any]]:
    terms: list[tuple[str, Any]] = [
        (f"{name} = ?", value)
        for name, value in (
            ("provider", wanted.provider), ("account", wanted.account),
            ("operation", wanted.operation), ("outcome", wanted.outcome), ("act", wanted.act),
        )
        if value
    ]  # fmt: skip
    terms += [("at >= ?", wanted.since), ("id > ?", wanted.after)]
    return " and ".join(term for term, _ in terms), [value for _, value in terms]


def _database(ledger: Ledger) -> Database:
    from sqlite_utils import Database  # 65 ms

    return Database(ledger.db, recursive_triggers=False)
