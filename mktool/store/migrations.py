"""The schema of the ledger, one function a step; each runs once, in a transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from ..errors import StorageError


def m001_calls_and_acts(db: sqlite3.Connection) -> None:
    """Calls (one row an exchange), limits, acts (what was asked for) and their parts."""
    for statement in (
        "create table calls (id integer primary key, at real, provider text, account text,"
        " operation text, method text, url text, bucket text, repeatable integer, attempt integer,"
        " act integer, part integer, outcome text, status integer, code text, ms real,"
        " request_id text)",
        "create index idx_calls_provider_bucket_at on calls (provider, bucket, at)",
        "create index idx_calls_at on calls (at)",
        "create index idx_calls_act_part on calls (act, part)",
        "create table limits (provider text, account text, bucket text, per real, tat real,"
        " blocked_until real, quota integer, remaining integer, reset real, seen_at real,"
        " primary key (provider, account, bucket, per))",
        "create table acts (id integer primary key, created real, updated real, verb text,"
        " provider text, account text, key text, digest text, state text, content text, due real,"
        " zone text, code text, error text)",
        "create index idx_acts_state_due on acts (state, due)",
        "create index idx_acts_provider_account_digest on acts (provider, account, digest)",
        "create unique index acts_by_key on acts (verb, provider, account, key)"
        " where key is not null and state != 'cancelled'",
        "create table parts (act integer, seq integer, state text, started real, at real, id text,"
        " url text, ref text, primary key (act, seq))",
    ):
        db.execute(statement)


def m002_campaigns(db: sqlite3.Connection) -> None:
    """A call row may stand for several requests, and addresses may be suppressed."""
    db.execute("alter table calls add column count integer not null default 1")
    # A campaign asks for those after the newest it has seen: no number is used twice.
    db.execute(
        "create table suppressions (id integer primary key autoincrement, key integer not null,"
        " digest blob not null, address text, list text not null, reason text, source text,"
        " at float, unique (key, digest, list))"
    )
    db.execute("create table suppression_syncs (source text primary key, at real)")


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
