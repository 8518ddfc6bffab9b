"""The schema of the ledger, one function a step; each runs once, in a transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..errors import StorageError

if TYPE_CHECKING:
    from sqlite_utils import Database


def m001_calls_and_acts(db: Database) -> None:
    """Calls (one row an exchange), limits, acts (what was asked for) and their parts."""
    db.table("calls").create(
        {
            "id": int, "at": float, "provider": str, "account": str, "operation": str,
            "method": str, "url": str, "bucket": str, "repeatable": int, "attempt": int,
            "act": int, "part": int, "outcome": str, "status": int, "code": str, "ms": float,
            "request_id": str,
        },
        pk="id",
    )  # fmt: skip
    db.table("calls").create_index(["provider", "bucket", "at"])
    db.table("calls").create_index(["at"])
    db.table("calls").create_index(["act", "part"])
    db.table("limits").create(
        {
            "provider": str, "account": str, "bucket": str, "per": float, "tat": float,
            "blocked_until": float, "quota": int, "remaining": int, "reset": float,
            "seen_at": float,
        },
        pk=("provider", "account", "bucket", "per"),
    )  # fmt: skip
    db.table("acts").create(
        {
            "id": int, "created": float, "updated": float, "verb": str, "provider": str,
            "account": str, "key": str, "digest": str, "state": str, "content": str,
            "due": float, "zone": str, "code": str, "error": str,
        },
        pk="id",
    )  # fmt: skip
    db.table("acts").create_index(["state", "due"])
    db.table("acts").create_index(["provider", "account", "digest"])
    db.execute(
        "create unique index acts_by_key on acts (verb, provider, account, key)"
        " where key is not null and state != 'cancelled'"
    )
    db.table("parts").create(
        {
            "act": int, "seq": int, "state": str, "started": float, "at": float, "id": str,
            "url": str, "ref": str,
        },
        pk=("act", "seq"),
    )  # fmt: skip


def m002_campaigns(db: Database) -> None:
    """A call row may stand for several requests, and addresses may be suppressed."""
    db.execute("alter table calls add column count integer not null default 1")
    # A campaign asks for those after the newest it has seen: no number is used twice.
    db.execute(
        "create table suppressions (id integer primary key autoincrement, key integer not null,"
        " digest blob not null, address text, list text not null, reason text, source text,"
        " at float, unique (key, digest, list))"
    )
    db.table("suppression_syncs").create({"source": str, "at": float}, pk="source")


def m003_syncs(db: Database) -> None:
    """Which records are kept in step with what, and how far each reading got."""
    db.execute(
        "create table syncs (id integer primary key autoincrement, provider text not null,"
        " account text not null, kind text not null, target text not null,"
        " fields text not null default '', since real, cursor text not null default '',"
        " began real not null default 0, whole integer not null default 0,"
        " run integer not null default 0, updated real not null,"
        " unique (provider, account, kind, target))"
    )


MIGRATIONS: tuple[Callable[[Database], None], ...] = (
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
    from sqlite_utils import Database  # 65 ms, so only when there is something to do

    connection.execute("begin immediate")
    try:
        done = version(connection)
        for number, step in enumerate(MIGRATIONS[done:], start=done + 1):
            step(Database(connection, recursive_triggers=False))
            connection.execute(f"pragma user_version = {number}")
        connection.execute("commit")
    except BaseException:
        if connection.in_transaction:
            connection.execute("rollback")
        raise
