"""
`kill -9` at any instant, then the same command again: each recipient is reached once.

``MKTOOL_KILLS`` is how many kills the longest test makes (default 40); the instants are spread
over the whole run by a fixed sequence, so that a failure can be repeated.
"""

from __future__ import annotations

import os
import random
import sqlite3
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from mktool.sandbox.faults import Faults
from mktool.sandbox.inbox import Item
from mktool.sandbox.server import Sandbox
from tests.sandbox.conftest import picture
from tests.system.program import Ended, Program, finish

KILLS = int(os.environ.get("MKTOOL_KILLS", "40"))
COMPLETE = (0, 14)  # 14: an earlier run ended after its last part was out
WEBHOOK = "https://hooks.slack.com/services/T0SANDBOX/B0SANDBOX/sandboxsecret"


def parts(name: str, count: int = 5) -> list[str]:
    return [f"part {n} of {count} of {name}" for n in range(1, count + 1)]


def published(sandbox: Sandbox, vendor: str, name: str) -> list[Item]:
    items = sandbox.world.inbox.items
    return [item for item in items if item.vendor == vendor and item.text.endswith(name)]


def break_calls(sandbox: Sandbox, faults: str) -> None:
    sandbox.world.faults = Faults.parse(faults)


def until_complete(program: Program, *args: str, given: str = "", tries: int = 3) -> Ended:
    for _ in range(tries):
        ended = program.run(*args, given=given)
        if ended.code in COMPLETE:
            return ended
    raise AssertionError(ended)


def outbox(program: Program) -> list[dict[str, object]]:
    ended = program.run("outbox", "--json")
    assert ended.code == 0, ended
    rows: list[dict[str, object]] = ended.json["data"]
    return rows


def time_passes(program: Program, seconds: float = 19) -> None:
    """Set the calls in doubt back in time, so that a test need not wait as long for proof."""
    if not _has_calls(program):  # every run so far was killed before it came to that
        return
    with closing(sqlite3.connect(program.ledger)) as db, db:
        db.execute(
            "update calls set at = at - ? where outcome in ('intent', 'unknown')", (seconds,)
        )


def _has_calls(program: Program) -> bool:
    for path in program.home.rglob("ledger.db"):
        with closing(sqlite3.connect(path)) as db:
            return bool(db.execute("select 1 from sqlite_master where name = 'calls'").fetchone())
    return False


def kill_on_the_wire(program: Program, *args: str) -> None:
    """`kill -9` a tenth of a second after the ledger says that a write is on its way."""
    process, deadline = program.start(*args), time.monotonic() + 30
    while not _on_the_wire(program):
        assert time.monotonic() < deadline
        assert process.poll() is None, finish(process)
        time.sleep(0.01)
    time.sleep(0.1)
    process.kill()
    process.communicate()
    assert process.returncode == -9


def _on_the_wire(program: Program) -> bool:
    try:
        with closing(sqlite3.connect(program.ledger)) as db:
            asked = (
                "select count(*) from calls where outcome = 'intent' and method = 'POST' and at > ?"
            )
            return bool(db.execute(asked, (time.time() - 5,)).fetchone()[0])
    except (ValueError, sqlite3.OperationalError):  # not there yet, or not yet with tables
        return False


def thread_killed(
    program: Program, args: tuple[str, ...], texts: list[str], chance: random.Random, longest: float
) -> int:
    """Run the command until it is complete, killing every run but the last; count the kills.

    The runs are given a little more time from kill to kill, so that a busy machine gets there.
    """
    given, kills = "\n---\n".join(texts), 0
    while program.killed(*args, after=chance.uniform(0.1, longest), given=given):
        kills, longest = kills + 1, longest * 1.03
        assert kills < 60, "no progress"
        if kills % 4 == 0:
            time.sleep(0.1)  # what is on its way to the sandbox arrives
            time_passes(program)
    time_passes(program)
    until_complete(program, *args, given=given)
    return kills


@pytest.mark.parametrize("media", [False, True], ids=["text", "image"])
def test_x_thread_survives_kills_at_any_instant(
    sandbox: Sandbox, program: Program, tmp_path: Path, media: bool
) -> None:
    break_calls(sandbox, "slow=50ms")
    chance, kills, number = random.Random(1 + media), 0, 0
    extra: tuple[str, ...] = ()
    if media:
        (tmp_path / "cat.png").write_bytes(picture(64))
        extra = ("--media", f"{tmp_path / 'cat.png'}=A cat")
    while kills < KILLS // (2 if media else 1):
        number += 1
        program = replace(program, home=tmp_path / f"home {number // 10}")  # X: 100 posts a window
        name, texts = f"thread {number}", parts(f"thread {number}")
        key = ("--key", name) if number % 2 else ()
        args = ("post", "x", "--thread", "-", *key, *extra)
        kills += thread_killed(program, args, texts, chance, longest=0.7)
        items = published(sandbox, "x", name)
        assert [item.text for item in items] == texts
        assert [item.parent for item in items] == ["", *(item.id for item in items[:-1])]
        assert [len(item.media) for item in items] == [int(media), 0, 0, 0, 0]
        assert outbox(program) == []


def test_slack_thread_survives_kills_at_any_instant(sandbox: Sandbox, program: Program) -> None:
    break_calls(sandbox, "slow=50ms:*/chat.postMessage")
    chance, kills, number = random.Random(3), 0, 0
    while kills < KILLS // 5:
        number += 1
        name, texts = f"thread {number}", parts(f"thread {number}", 2)
        args = ("post", "slack", "--thread", "-", "--key", name)
        kills += thread_killed(program, args, texts, chance, longest=1.6)
        items = published(sandbox, "slack", name)
        assert [item.text for item in items] == texts
        assert [item.parent for item in items] == ["", items[0].id]
    assert outbox(program) == []


def schedule(program: Program, texts: list[str], vendor: str = "x") -> None:
    """Put posts into the ledger and make them due by setting their time back a minute."""
    for text in texts:
        ended = program.run("post", vendor, "--text", text, "--at", "in 1h")
        assert ended.code == 0, ended
    with closing(sqlite3.connect(program.ledger)) as db, db:
        db.execute("update acts set due = ? where state = 'scheduled'", (time.time() - 60,))


def test_run_due_survives_kills_at_any_instant(sandbox: Sandbox, program: Program) -> None:
    texts = [f"{n} of the plan" for n in range(1, 9)]
    schedule(program, texts)
    break_calls(sandbox, "slow=50ms")
    chance, kills = random.Random(4), 0
    while program.killed("run-due", after=chance.uniform(0.1, 0.5)):
        kills += 1
        assert kills < 200, "no progress"
        time.sleep(0.1)  # what is on its way to the sandbox arrives
        time_passes(program)
    ended = program.run("run-due")
    assert ended.code == 0, ended
    assert [item.text for item in published(sandbox, "x", "of the plan")] == texts
    assert kills >= 2
    assert outbox(program) == []


def test_two_run_due_at_once_send_each_post_once(sandbox: Sandbox, program: Program) -> None:
    texts = [f"{n} of the plan" for n in range(1, 5)]
    schedule(program, texts)
    break_calls(sandbox, "slow=300ms")
    first = program.start("run-due")
    deadline = time.monotonic() + 10
    while not sandbox.world.calls and time.monotonic() < deadline:
        time.sleep(0.02)
    loser = program.run("run-due")
    assert loser.code == 0
    assert f"pid {first.pid}" in loser.err
    assert "mktool run-due" in loser.err
    assert finish(first).code == 0
    assert [item.text for item in published(sandbox, "x", "of the plan")] == texts


@pytest.mark.parametrize("vendor", ["slack", "linkedin"])
def test_a_vendor_that_cannot_be_asked_is_never_sent_to_twice(
    sandbox: Sandbox, program: Program, vendor: str
) -> None:
    window = (0.1, 0.8)
    if vendor == "slack":  # where each run waits for the one message a second, too
        program = program.having(MKTOOL_SLACK_BOT_TOKEN="", MKTOOL_SLACK_WEBHOOK_URL=WEBHOOK)
        window = (0.5, 1.6)
    break_calls(sandbox, "slow=400ms")
    tries, unknown = max(8, KILLS // 5), 0
    for number in range(tries + 1):
        text = f"post {number} of many"
        args = ("post", vendor, "--text", text, "--key", text)
        if number == tries:
            kill_on_the_wire(program, *args)
        else:
            instant = window[0] + (window[1] - window[0]) * number / tries
            program.killed(*args, after=instant)
        ended = program.run(*args)
        if ended.code == 0:
            assert [item.text for item in sandbox.world.inbox.items].count(text) == 1
            continue
        assert ended.code == 18, ended
        assert "settle" in ended.err
        assert program.run(*args).code == 18
        unknown += 1
    time.sleep(0.5)  # what was on its way when a run was killed arrives
    texts = [item.text for item in sandbox.world.inbox.items]
    assert len(texts) == len(set(texts))
    assert unknown
    assert [row["state"] for row in outbox(program)] == ["unknown"] * unknown


def test_what_the_vendor_never_got_is_sent_after_the_wait(
    sandbox: Sandbox, program: Program
) -> None:
    """A call that was lost before it arrived leaves a doubt that only time can clear."""
    args = ("post", "x", "--text", "once", "--key", "k")
    break_calls(sandbox, "drop=100%:POST */tweets,slow=2s:POST */tweets")
    kill_on_the_wire(program, *args)
    time_passes(program, 17)
    break_calls(sandbox, "")
    started = time.monotonic()
    ended = program.run(*args)
    assert ended.code == 0, ended
    assert "looking for it" in ended.err
    assert time.monotonic() - started > 1.0
    assert [item.text for item in sandbox.world.inbox.items] == ["once"]


def test_the_wait_begins_with_the_call_and_not_with_the_uploads_before_it(
    sandbox: Sandbox, program: Program
) -> None:
    """What was sent a moment before the kill arrives during the next run, and is found."""
    args = ("post", "x", "--text", "once", "--key", "k")
    break_calls(sandbox, "slow=4s:POST */tweets")
    kill_on_the_wire(program, *args)
    with closing(sqlite3.connect(program.ledger)) as db, db:  # as after the upload of a video
        db.execute("update parts set started = started - 300")
    assert not sandbox.world.inbox.items
    ended = program.run(*args)
    assert ended.code == 0, ended
    assert [item.text for item in sandbox.world.inbox.items] == ["once"]
