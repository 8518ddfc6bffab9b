"""
Acts: what somebody asked for (a post to one account), and how far it got.

An act has parts (the items of a thread). A part is in doubt when a call that cannot be
repeated was begun for it and neither its confirmation nor a refusal is on record.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple, cast

from ..errors import InvalidInput
from ..model import Posted
from ..spec import DAY
from .ledger import Ledger
from .locks import lock_path

State = Literal["scheduled", "open", "done", "failed", "unknown", "missed", "cancelled", "paused"]
CAMPAIGN = "campaign"  # the verb of a campaign, whose key is its name
SYNC = "sync"  # the verb of a push of records
UNFINISHED = ("open", "failed", "unknown")
_SELECT = (
    "select id, created, updated, verb, provider, account, key, digest, state, content, due, zone,"
    " code, error from acts"
)


class Act(NamedTuple):
    """One row of ``acts``; times are epoch seconds."""

    id: int
    created: float
    updated: float
    verb: str
    provider: str
    account: str
    key: str | None
    digest: str
    state: State
    content: Mapping[str, Any]
    due: float | None
    zone: str
    code: str
    error: str


class Part(NamedTuple):
    """One item of an act. ``in_doubt``: it may have gone out, and we do not know.

    ``asked``: when the call in doubt was made, which is later than the start by its uploads.
    """

    seq: int
    state: Literal["planned", "started", "done"]
    started: float
    posted: Posted | None
    in_doubt: bool
    asked: float = 0.0


class Wanted(NamedTuple):
    """What somebody asks for, before it is an act."""

    verb: str
    provider: str
    account: str
    key: str | None
    digest: str
    content: Mapping[str, Any]
    due: float | None = None
    zone: str = ""


def sending_lock(provider: str, account: str) -> Path:
    """Return the lock that whoever sends, or settles, an act of this account must hold."""
    return lock_path(f"post-{provider}:{account}")


class Acts:
    """The acts of one ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger

    def open(self, wanted: Wanted, *, again: bool = False) -> Act:
        """Return the act to work on: a new one, or the one that this goes on with.

        With a key, the act of that key, whatever its state. Without, an unfinished act of the
        same content, or one that is done within the last 24 hours unless ``again``.
        """
        now = self.ledger.clock()
        with self.ledger.transaction() as db:
            found = self._by_key(db, wanted) if wanted.key else self._same(db, wanted, again, now)
            if found is not None:
                if found.state in UNFINISHED and wanted.due is None:
                    db.execute(
                        "update acts set state = 'open', updated = ? where id = ?", (now, found.id)
                    )
                    return found._replace(state="open")
                return found
            state: State = "open" if wanted.due is None else "scheduled"
            row = db.execute(
                "insert into acts (created, updated, verb, provider, account, key, digest, state,"
                " content, due, zone, code, error)"
                " values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '', '')",
                (
                    now, now, wanted.verb, wanted.provider, wanted.account, wanted.key,
                    wanted.digest, state, json.dumps(wanted.content), wanted.due, wanted.zone,
                ),
            )  # fmt: skip
            return self._get(db, int(row.lastrowid or 0))

    def peek(self, wanted: Wanted, *, again: bool = False) -> Act | None:
        """Return the act that `open` would go on with, changing nothing."""
        with self.ledger.guard():
            if wanted.key:
                return self._by_key(self.ledger.db, wanted)
            return self._same(self.ledger.db, wanted, again, self.ledger.clock())

    def get(self, id: int) -> Act:
        """Return an act; `InvalidInput` if there is none."""
        with self.ledger.guard():
            return self._get(self.ledger.db, id)

    def named(self, verb: str, key: str) -> Act | None:
        """Return the newest act of a verb with this key, whatever its provider and state."""
        with self.ledger.guard():
            row = self.ledger.db.execute(
                f"{_SELECT} where verb = ? and key = ? order by id desc limit 1", (verb, key)
            ).fetchone()
        return _act(row) if row else None

    def of(self, verb: str, *, limit: int = 1000, without: str = "") -> list[Act]:
        """Return the acts of a verb, the newest first; ``without`` is left out of their content,
        and so read by nobody."""
        content = f"json_remove(content, '$.{without}')" if without else "content"
        select = _SELECT.replace("content", content)
        with self.ledger.guard():
            rows = self.ledger.db.execute(
                f"{select} where verb = ? order by id desc limit ?", (verb, limit)
            )
            return [_act(row) for row in rows]

    def ids(self, verb: str, provider: str, account: str = "") -> list[int]:
        """Return the ids of the acts of a verb at a provider, the newest first; "" is at any of
        its accounts."""
        with self.ledger.guard():
            rows = self.ledger.db.execute(
                "select id from acts where verb = ? and provider = ? and ? in ('', account)"
                " order by id desc",
                (verb, provider, account),
            )
            return [int(id) for (id,) in rows]

    def keep(self, id: int, content: Mapping[str, Any]) -> None:
        """Replace what is kept about an act, and nothing else of it."""
        with self.ledger.transaction() as db:
            db.execute(
                "update acts set content = ?, updated = ? where id = ?",
                (json.dumps(content), self.ledger.clock(), id),
            )

    def later(self, id: int, due: float, zone: str) -> None:
        """Have an act go on at a time; ``zone`` is how that time is shown."""
        with self.ledger.transaction() as db:
            db.execute(
                "update acts set state = 'scheduled', due = ?, zone = ?, updated = ? where id = ?",
                (due, zone, self.ledger.clock(), id),
            )

    def state(self, id: int) -> State:
        """Return where an act stands, as another process may have put it."""
        with self.ledger.guard():
            (state,) = self.ledger.db.execute(
                "select state from acts where id = ?", (id,)
            ).fetchone()
        return cast(State, state)

    def listed(self, states: tuple[str, ...], *, limit: int = 1000) -> list[Act]:
        marks = ", ".join("?" * len(states))
        with self.ledger.guard():
            rows = self.ledger.db.execute(
                f"{_SELECT} where state in ({marks}) order by coalesce(due, created), id limit ?",
                (*states, limit),
            )
            return [_act(row) for row in rows]

    def due(self, now: float) -> list[Act]:
        """Return scheduled acts that are due, and those a killed run left behind, oldest first."""
        with self.ledger.guard():
            rows = self.ledger.db.execute(
                f"{_SELECT} where due <= ? and state in ('scheduled', 'open') order by due, id",
                (now,),
            )
            return [_act(row) for row in rows]

    def mark(self, id: int, state: State, *, code: str = "", error: str = "") -> None:
        """Record where an act stands."""
        kept = error.encode(errors="replace").decode()  # it may name a file with odd bytes
        with self.ledger.transaction() as db:
            db.execute(
                "update acts set state = ?, updated = ?, code = ?, error = ? where id = ?",
                (state, self.ledger.clock(), code, kept, id),
            )

    def change(self, id: int, old: tuple[str, ...], new: State) -> bool:
        """Move an act from one of the old states to the new one; False if it is in none."""
        marks = ", ".join("?" * len(old))
        with self.ledger.transaction() as db:
            done = db.execute(
                f"update acts set state = ?, updated = ? where id = ? and state in ({marks})",  # noqa: S608 - question marks
                (new, self.ledger.clock(), id, *old),
            )
            return done.rowcount == 1

    def rewrite(self, id: int, wanted: Wanted) -> Act:
        """Put other content or another time into an act, and return it: open, or scheduled."""
        state: State = "open" if wanted.due is None else "scheduled"
        with self.ledger.transaction() as db:
            db.execute(
                "update acts set digest = ?, content = ?, due = ?, zone = ?, state = ?,"
                " updated = ? where id = ?",
                (
                    wanted.digest, json.dumps(wanted.content), wanted.due, wanted.zone, state,
                    self.ledger.clock(), id,
                ),
            )  # fmt: skip
            return self._get(db, id)

    # -- parts ---------------------------------------------------------------------------------

    def parts(self, act: int) -> dict[int, Part]:
        """Return the parts that were begun, by number (from 1)."""
        with self.ledger.guard():
            rows = self.ledger.db.execute(
                "select seq, state, started, id, url, ref, (select max(at) from calls"
                " where calls.act = parts.act and calls.part = parts.seq and repeatable = 0"
                " and outcome in ('intent', 'unknown', 'ok'))"
                " from parts where act = ? order by seq",
                (act,),
            ).fetchall()
        return {row[0]: _part(row) for row in rows}

    def asked(self, act: int, part: int) -> float | None:
        """Return when the last request that may have made something of a part was sent, None if
        there was none."""
        with self.ledger.guard():
            (at,) = self.ledger.db.execute(
                "select max(at) from calls where act = ? and part = ? and repeatable = 0"
                " and outcome in ('intent', 'unknown', 'ok')",
                (act, part),
            ).fetchone()
        return None if at is None else float(at)

    def start(self, act: int, seq: int) -> None:
        """Record that a part is about to be sent."""
        now = self.ledger.clock()
        with self.ledger.transaction() as db:
            db.execute(
                "insert into parts (act, seq, state, started) values (?, ?, 'started', ?)"
                " on conflict do update set state = 'started', started = excluded.started",
                (act, seq, now),
            )
            db.execute("update acts set updated = ? where id = ?", (now, act))

    def confirm(self, act: int, seq: int, posted: Posted) -> None:
        """Record that a part is out, and that a call whose answer was lost brought it there."""
        now = self.ledger.clock()
        with self.ledger.transaction() as db:
            db.execute(
                "insert into parts (act, seq, state, started, at, id, url, ref)"
                " values (?, ?, 'done', ?, ?, ?, ?, ?) on conflict do update set state = 'done',"
                " at = excluded.at, id = excluded.id, url = excluded.url, ref = excluded.ref",
                (act, seq, now, now, posted.id, posted.url, json.dumps(dict(posted.ref))),
            )
            db.execute(
                "update calls set outcome = 'ok', code = 'found_at_vendor' where act = ?"
                " and part = ? and repeatable = 0 and outcome in ('intent', 'unknown')",
                (act, seq),
            )

    def clear_doubt(self, act: int, seq: int) -> None:
        """Record the proof that a part did not go out: it may be sent again."""
        with self.ledger.transaction() as db:
            db.execute(
                "update calls set outcome = 'refused', code = 'not_found_at_vendor' where act = ?"
                " and part = ? and repeatable = 0 and outcome in ('intent', 'unknown', 'ok')",
                (act, seq),
            )
            db.execute("update parts set state = 'planned' where act = ? and seq = ?", (act, seq))

    def was_in_doubt(self, act: int, seq: int) -> bool:
        """Whether a part was looked for once and not found."""
        with self.ledger.guard():
            row = self.ledger.db.execute(
                "select 1 from calls where act = ? and part = ? and code = 'not_found_at_vendor'",
                (act, seq),
            ).fetchone()
        return row is not None

    def known_ids(self, provider: str, account: str) -> frozenset[str]:
        """Return the ids of items that are known to be ours."""
        with self.ledger.guard():
            rows = self.ledger.db.execute(
                "select parts.id from parts join acts on acts.id = parts.act where provider = ?"
                " and account = ? and parts.state = 'done' and parts.id is not null"
                " and parts.at > ?",
                (provider, account, self.ledger.clock() - 30 * DAY),
            )
            return frozenset(row[0] for row in rows)

    # -- look-up -------------------------------------------------------------------------------

    def _get(self, db: sqlite3.Connection, id: int) -> Act:
        row = db.execute(f"{_SELECT} where id = ?", (id,)).fetchone()
        if row is None:
            raise InvalidInput(f"there is no act {id}", hint="mktool outbox")
        return _act(row)

    def _by_key(self, db: sqlite3.Connection, wanted: Wanted) -> Act | None:
        row = db.execute(
            f"{_SELECT} where verb = ? and provider = ? and account = ?"
            " and key = ? and state != 'cancelled'",
            (wanted.verb, wanted.provider, wanted.account, wanted.key),
        ).fetchone()
        return _act(row) if row else None

    def _same(self, db: sqlite3.Connection, wanted: Wanted, again: bool, now: float) -> Act | None:
        row = db.execute(
            f"{_SELECT} where verb = ? and provider = ? and account = ?"
            " and digest = ? and key is null and (state in ('open', 'failed', 'unknown')"
            " or not ? and (state in ('scheduled', 'missed') or state = 'done' and updated > ?))"
            " order by id desc limit 1",
            (wanted.verb, wanted.provider, wanted.account, wanted.digest, again, now - DAY),
        ).fetchone()
        return _act(row) if row else None


def _act(row: tuple[Any, ...]) -> Act:
    act = Act(*row)
    return act._replace(content=json.loads(row[9]), code=act.code or "", error=act.error or "")


def _part(row: tuple[Any, ...]) -> Part:
    seq, state, started, id, url, ref, asked = row
    posted = Posted(id, url or "", json.loads(ref or "{}")) if state == "done" else None
    in_doubt = asked is not None and state != "done"
    return Part(seq, state, started or 0.0, posted, in_doubt, asked or 0.0)
