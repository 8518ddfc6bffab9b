"""
Rate limits, counted in the ledger: a cron process lives two seconds.

Up to a minute a limit is a rate, kept as one row (GCRA: the theoretical arrival time of the
next call, with a burst of at most a tenth of the limit). Above, it is a window, counted over the
rows of ``calls``. Both are asked and taken in the transaction that records the call, so that
processes cannot pass a limit together. What lies further ahead than it can have been put there
is of a clock that was set back since, and counts for nothing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from ..http.exchange import Call, Throttled
from ..spec import MINUTE, Limit


class Usage(NamedTuple):
    """One window as `mktool limits` shows it; ``resets_at`` is epoch seconds.

    ``source`` is "counted" (by us) or "vendor" (from its headers).
    """

    provider: str
    account: str
    bucket: str
    per: float
    quota: int
    used: int
    resets_at: float | None
    blocked_until: float | None
    source: str


def wait(db: sqlite3.Connection, call: Call, limits: Sequence[Limit], now: float) -> float:
    """Return the seconds until every limit that counts this call allows it."""
    waits = [_blocked(db, call, now)]
    for limit in _counting(limits, call.bucket):
        waits.append(
            _rate(db, call, limit, now) if _is_rate(limit) else _window(db, call, limit, now)
        )
    return max(0.0, *waits)


def take(db: sqlite3.Connection, call: Call, limits: Sequence[Limit], now: float) -> None:
    """Count this call against its rates; windows are counted over the calls themselves."""
    for limit in _counting(limits, call.bucket):
        if _is_rate(limit):
            interval, _ = _pace(limit)
            db.execute(
                "insert into limits (provider, account, bucket, per, tat) values (?, ?, ?, ?, ?)"
                " on conflict do update set tat = excluded.tat",
                (
                    call.provider, _owner(limit, call.account), limit.bucket, limit.per,
                    now + _ahead(db, call, limit, now) + interval * call.times,
                ),
            )  # fmt: skip


def note(db: sqlite3.Connection, provider: str, account: str, seen: Throttled, now: float) -> None:
    """Keep what the vendor said. ``per`` 0 marks its rows."""
    db.execute(
        "insert into limits (provider, account, bucket, per, quota, remaining, reset,"
        " blocked_until, seen_at) values (?, ?, ?, 0, ?, ?, ?, ?, ?)"
        " on conflict do update set quota = coalesce(excluded.quota, quota),"
        " remaining = excluded.remaining, reset = excluded.reset,"
        " blocked_until = excluded.blocked_until, seen_at = excluded.seen_at",
        (
            provider, account, seen.bucket, seen.quota, seen.remaining, seen.reset,
            seen.blocked_until, now,
        ),
    )  # fmt: skip


def accounts(db: sqlite3.Connection) -> list[tuple[str, str]]:
    """Return every provider and account that has made a call."""
    return db.execute("select distinct provider, account from calls order by 1, 2").fetchall()


def usage(
    db: sqlite3.Connection, provider: str, account: str, limits: Iterable[Limit], now: float
) -> Iterator[Usage]:
    """Yield what is used of each declared limit, then what the vendor itself said."""
    for limit in limits:
        where, params = _counted(provider, account, limit, now)
        rows = db.execute(
            f"select bucket, total(count), min(at) from calls where {where} group by bucket",  # noqa: S608 - `_counted` holds no value
            params,
        ).fetchall()
        used = sum(count * limit.cost(bucket) for bucket, count, _ in rows)
        first = min((at for *_, at in rows), default=None)
        yield Usage(
            provider, _owner(limit, account) or "*", limit.bucket, limit.per, limit.calls,
            int(used), first + limit.per if first else None, None, "counted",
        )  # fmt: skip
    told = db.execute(
        "select bucket, quota, remaining, reset, blocked_until from limits"
        " where provider = ? and account = ? and per = 0",
        (provider, account),
    )
    for bucket, quota, remaining, reset, blocked in told:
        if max(reset or 0.0, blocked or 0.0) > now:
            used = quota - remaining if quota is not None and remaining is not None else 0
            until = blocked if blocked and blocked > now else None
            yield Usage(provider, account, bucket, 0.0, quota or 0, used, reset, until, "vendor")


def _counting(limits: Sequence[Limit], bucket: str) -> list[Limit]:
    return [limit for limit in limits if limit.bucket in ("*", bucket)]


def _is_rate(limit: Limit) -> bool:
    return limit.per <= MINUTE


def _owner(limit: Limit, account: str) -> str:
    return "" if limit.scope == "app" else account


def _pace(limit: Limit) -> tuple[float, int]:
    """Return the seconds between calls and the burst: together never more than the limit.

    Vendors count windows, and the first window has the burst and the steady flow.
    """
    burst = max(1, limit.calls // 10)
    return limit.per / (limit.calls - burst + 1), burst


def _counted(
    provider: str, account: str, limit: Limit, now: float
) -> tuple[str, tuple[str | float, ...]]:
    """Return the condition for the calls that stand in the window of a limit."""
    where = ["provider = ?", "outcome != 'unsent'", "at > ?", "at < ?"]
    params: list[str | float] = [provider, now - limit.per, now + limit.per]
    if limit.bucket != "*":
        where.append("bucket = ?")
        params.append(limit.bucket)
    if limit.scope == "account":
        where.append("account = ?")
        params.append(account)
    return " and ".join(where), tuple(params)


def _blocked(db: sqlite3.Connection, call: Call, now: float) -> float:
    (until,) = db.execute(
        "select max(blocked_until) from limits where provider = ? and account = ?"
        " and bucket in (?, '*') and per = 0 and seen_at <= ?",
        (call.provider, call.account, call.bucket, now),
    ).fetchone()
    return float(until or 0.0) - now


def _rate(db: sqlite3.Connection, call: Call, limit: Limit, now: float) -> float:
    interval, burst = _pace(limit)
    # Epoch seconds in a float are exact to a fraction of a microsecond.
    return round(_ahead(db, call, limit, now) - interval * (burst - 1), 6)


def _ahead(db: sqlite3.Connection, call: Call, limit: Limit, now: float) -> float:
    """Return by how many seconds the calls so far are ahead of an even flow."""
    row = db.execute(
        "select tat from limits where provider = ? and account = ? and bucket = ? and per = ?",
        (call.provider, _owner(limit, call.account), limit.bucket, limit.per),
    ).fetchone()
    ahead = float(row[0]) - now if row else 0.0
    return ahead if 0.0 < ahead <= limit.per else 0.0


def _window(db: sqlite3.Connection, call: Call, limit: Limit, now: float) -> float:
    """Return the seconds until the window has room: the newest calls that fill it decide."""
    where, params = _counted(call.provider, call.account, limit, now)
    used, room = 0, limit.calls - call.times * limit.cost(call.bucket)
    sums = db.execute(
        f"select bucket, total(count) from calls where {where} group by bucket",  # noqa: S608 - nor here
        params,
    )
    if sum(count * limit.cost(bucket) for bucket, count in sums) <= room:
        return 0.0
    rows = db.execute(
        f"select at, count, bucket from calls where {where} order by at desc",  # noqa: S608 - nor here
        params,
    )
    for at, count, bucket in rows:
        used += count * limit.cost(bucket)
        if used > room:
            return float(at) + limit.per - now
    return 0.0


def interval(limits: Sequence[Limit], bucket: str) -> float:
    """Return the seconds between calls that the strictest rate asks for."""
    rates = (limit for limit in _counting(limits, bucket) if _is_rate(limit))
    return max((_pace(limit)[0] for limit in rates), default=0.0)
