"""The schema of the ledger, one function a step; each runs once, in a transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from ..errors import StorageError


def m001_calls_and_acts(db: sqlite3.Connection) -> None:
    """Calls (one row an exchange), limits, acts (what was asked for) and their parts."""
    db.execute(
        "create table calls (id integer primary key, at float, provider text, account text,"
        " operation text, method text, url text, bucket text, repeatable integer,"
        " attempt integer, act integer, part integer, outcome text, status integer, code text,"
        " ms float, request_id text)"
    )
    db.execute("create index calls_by_bucket on calls (provider, bucket, at)")
    db.execute("create index calls_by_time on calls (at)")
    db.execute("create index calls_by_act on calls (act, part)")
    db.execute(
        "create table limits (provider text, account text, bucket text, per float, tat float,"
        " blocked_until float, quota integer, remaining integer, reset float, seen_at float,"
        " primary key (provider, account, bucket, per))"
    )
    db.execute(
        "create table acts (id integer primary key, created float, updated float, verb text,"
        " provider text, account text, key text, digest text, state text, content text,"
        " due float, zone text, code text, error text)"
    )
    db.execute("create index acts_by_state on acts (state, due)")
    db.execute("create index acts_by_digest on acts (provider, account, digest)")
    db.execute(
        "create unique index acts_by_key on acts (verb, provider, account, key)"
        " where key is not null and state != 'cancelled'"
    )
    db.execute(
        "create table parts (act integer, seq integer, state text, started float, at float,"
        " id text, url text, ref text, primary key (act, seq))"
    )


def m002_campaigns(db: sqlite3.Connection) -> None:
    """A call row may stand for several requests, and addresses may be suppressed."""
    db.execute("alter table calls add column count integer not null default 1")
    # A campaign asks for those after the newest it has seen: no number is used twice.
    db.execute(
        "create table suppressions (id integer primary key autoincrement, key integer not null,"
        " digest blob not null, address text, list text not null, reason text, source text,"
        " at float, unique (key, digest, list))"
    )
    db.execute("create table suppression_syncs (source text primary key, at float)")


def m003_syncs(db: sqlite3.Connection) -> None:
    """Which records are kept in step with what, and how far each reading got."""
    db.execute(
        "create table syncs (id integer primary key autoincrement, provider text not null,"
        " account text not null, kind text not null, target text not null,"
        " fields text not null default '', since real, cursor text not null default '',"
        " began real not null default 0, whole integer not null default 0,"
        " run integer not null default 0, updated real not null,"
        " unique (provider, account, kind, target))"
    )


MIGRATIONS: tuple[Callable[[sqlite3.Connection], None], ...] = (
    m001_calls_and_acts,
    m002_campaigns,
    m003_syncs,
)


def version(connection: sqlite3.Connection) -> int:
    """Return how many migrations have run; `StorageError` if a newer mktool ran more."""
    (done,) = connection.execute("pragma user_version").fetchone()
    if done > len(MIGRATIONS):
        raise StorageError(
            "the ledger was written by a newer mktool", hint="upgrade mktool on this machine"
        )
    return int(done)


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the schema up to date. Two processes may try at once; one does it."""
    if version(connection) == len(MIGRATIONS):
        return
    connection.execute("begin immediate")
    try:
        done = version(connection)
        for number, step in enumerate(MIGRATIONS[done:], start=done + 1):
            step(connection)
            connection.execute(f"pragma user_version = {number}")
        connection.execute("commit")
    except BaseException:
        if connection.in_transaction:
            connection.execute("rollback")
        raise
