"""
`kill -9` of a sync at any instant, then the same command until it ends.

``MKTOOL_KILLS`` is how many kills each test makes (default 3); their instants follow a fixed
sequence.
"""

from __future__ import annotations

import csv
import json
import os
import random
import signal
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.clock import Clock
from tests.system.crm import Crm
from tests.system.program import Ended, Program, finish

KILLS = int(os.environ.get("MKTOOL_KILLS", "3"))
LATENCY = 0.04
ENOUGH = 400 * (KILLS + 1)  # rows of which some are left after all kills
TO_LOOK = 30.0  # seconds after which a vendor is asked what became of a batch
Rows = dict[str, dict[str, str | None]]


@pytest.fixture
def crm() -> Iterator[Crm]:
    with Crm() as running:
        yield running


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    return Clock(tmp_path)


@pytest.fixture
def program(crm: Crm, clock: Clock, tmp_path: Path) -> Program:
    environ = {
        "MKTOOL_HUBSPOT_ACCESS_TOKEN": "pat-1",
        "MKTOOL_HUBSPOT_CALLS_PER_10S": "9999",
        "MKTOOL_SANDBOX": crm.url,
    }
    return clock.on(Program(tmp_path / "home", environ))


def sync(program: Program, *args: str) -> Ended:
    return program.run("sync", "hubspot", *args, "--json")


def killed(program: Program, crm: Crm, after: float, path: str, *args: str) -> bool:
    """Kill so many seconds after the first request to a path; return whether it was under way."""
    seen = threading.Event()
    crm.before = lambda asked: seen.set() if path in asked else None
    process = program.start("sync", "hubspot", *args)
    end = time.monotonic() + 20
    while not seen.wait(0.01) and process.poll() is None and time.monotonic() < end:
        pass
    time.sleep(after)
    process.kill()
    process.communicate()
    time.sleep(crm.latency)  # what was on its way
    return process.returncode == -9


def read(target: str, folder: Path) -> Rows:
    """Return the rows of a target that are not deleted, by id, without what is empty."""
    if target.startswith("sqlite"):
        with sqlite3.connect(folder / "crm.db") as db:
            cursor = db.execute("select * from contacts")
            names = [column[0] for column in cursor.description]
            rows = [dict(zip(names, row, strict=True)) for row in cursor]
        db.close()
    else:
        with (folder / target).open(encoding="utf-8", newline="") as file:
            is_csv = target.endswith(".csv")
            rows = list(csv.DictReader(file)) if is_csv else [json.loads(line) for line in file]
    own = ("id", "modified_at", "deleted", "lastmodifieddate", "hs_object_id")
    return {
        row["id"]: {n: v for n, v in row.items() if v and n not in own}
        for row in rows
        if row["deleted"] not in (True, 1, "1")
    }


def rows_of(folder: Path, key: str, count: int, name: str = "rows.csv") -> list[str]:
    keys = [f"r{n}@acme.example" if key == "email" else f"r{n}.example" for n in range(count)]
    lines = [f"{key},notes", *(f"{k},from a file" for k in keys)]
    (folder / name).write_text("\n".join(lines) + "\n")
    return keys


@pytest.mark.parametrize("target", ["c.csv", "c.jsonl", "sqlite:///crm.db"])
def test_a_pull_ends_with_what_the_vendor_has(
    crm: Crm, program: Program, tmp_path: Path, target: str
) -> None:
    chance, ids = random.Random(1), []
    for n in range(1500):
        ids.append(crm.add("contacts", email=f"c{n}@acme.example", firstname=f" Zoë {n}\r\n,\"'="))
    crm.latency, struck = LATENCY, 0
    for turn in range(KILLS):
        struck += killed(
            program, crm, chance.uniform(0, 0.9), "/objects/", "contacts", "--to", target
        )
        gone, changed = ids.pop(chance.randrange(300)), chance.choice(ids)
        crm.delete("contacts", gone)
        crm.change("contacts", changed, firstname=f"changed {turn}", phone="=1+1")
        ids.append(crm.add("contacts", email=f"new{turn}@acme.example"))
    crm.latency = 0
    crm.before = lambda path: None
    assert struck >= KILLS // 2
    ended = sync(program, "contacts", "--to", target)
    assert ended.code == 0, ended
    found = read(target, tmp_path)
    if target == "c.csv":
        found = {i: {n: (v or "").removeprefix("'") if n == "phone" else v for n, v in r.items()}
                 for i, r in found.items()}  # fmt: skip
    assert found == crm.live("contacts")


def test_pushed_to_a_vendor_that_upserts_nobody_is_twice_or_lost(
    crm: Crm, program: Program, tmp_path: Path
) -> None:
    chance, emails = random.Random(2), rows_of(tmp_path, "email", ENOUGH)
    crm.latency = LATENCY
    push = ("contacts", "--from", "rows.csv", "--confirm", str(ENOUGH))
    for _ in range(KILLS):
        assert killed(program, crm, chance.uniform(0, 0.1), "batch", *push)
    settle(program, crm, push)
    assert sorted(str(r["email"]) for r in crm.live("contacts").values()) == sorted(emails)


def test_pushed_to_a_vendor_that_does_not_nobody_is_twice_or_lost(
    crm: Crm, program: Program, clock: Clock, tmp_path: Path
) -> None:
    chance, domains = random.Random(3), rows_of(tmp_path, "domain", ENOUGH)
    crm.latency, ahead = LATENCY, 0.0
    push = ("companies", "--from", "rows.csv", "--confirm", str(ENOUGH))
    for _ in range(KILLS):
        killed(program, crm, chance.uniform(0, 0.1), "batch", *push)
        ahead += TO_LOOK
        clock.set(ahead)
    settle(program, crm, push)
    assert dict(crm.made) == dict.fromkeys(domains, 1)
    assert len(crm.live("companies")) == len(domains)
    outbox = program.run("outbox", "--json")
    assert outbox.code == 0, outbox
    assert not outbox.json["data"], outbox


def settle(program: Program, crm: Crm, push: tuple[str, ...]) -> None:
    """Run the very same command to its end."""
    crm.latency, crm.before = 0, lambda path: None
    ended = sync(program, *push)
    assert ended.code == 0, ended


@pytest.mark.parametrize(
    ("kind", "faults"),
    [("contacts", {"status_503": 0.1, "status_429": 0.1, "drop": 0.05, "cut": 0.1}),
     ("companies", {"status_429": 0.2})],
)  # fmt: skip
def test_whatever_befalls_a_push_each_is_there_once(
    crm: Crm, program: Program, tmp_path: Path, kind: str, faults: dict[str, float]
) -> None:
    keys = rows_of(tmp_path, "email" if kind == "contacts" else "domain", 3000)
    crm.faults = faults
    for _ in range(9):
        ended = sync(program, kind, "--from", "rows.csv", "--confirm", "3000")
        if ended.code == 0:
            break
        assert ended.code == 16, ended
    assert dict(crm.made) == dict.fromkeys(keys, 1)


def test_a_push_takes_no_more_requests_than_batches(
    crm: Crm, program: Program, tmp_path: Path
) -> None:
    rows_of(tmp_path, "email", 4950)
    assert sync(program, "contacts", "--from", "rows.csv", "--confirm", "4950").code == 0
    assert crm.requests - 4 <= crm.writes == 50  # and one for the fields, three to read


def test_ctrl_c_lets_the_batch_finish_and_the_next_run_goes_on(
    crm: Crm, program: Program, tmp_path: Path
) -> None:
    domains = rows_of(tmp_path, "domain", 450)
    crm.latency, seen = 0.1, threading.Event()
    crm.before = lambda asked: seen.set() if "batch/create" in asked else None
    push = ("companies", "--from", "rows.csv")
    process = program.start("sync", "hubspot", *push, "--confirm", "450", "--json")
    assert seen.wait(20)
    process.send_signal(signal.SIGINT)
    ended = finish(process)
    assert ended.code == 130, ended
    assert ended.json["errors"][0]["hint"]
    assert len(crm.live("companies")) in (100, 200)
    crm.latency, started = 0, time.monotonic()
    settle(program, crm, push)
    assert time.monotonic() - started < 15  # nothing is in doubt, and nothing is waited for
    assert dict(crm.made) == dict.fromkeys(domains, 1)


def test_a_token_that_is_refused_between_pages(crm: Crm, program: Program, tmp_path: Path) -> None:
    for n in range(2500):
        crm.add("contacts", email=f"c{n}@acme.example")
    pages = iter(range(99))
    crm.before = lambda path: crm.faults.update(
        status_401=float("/objects/" in path and next(pages) >= 15)
    )
    assert sync(program, "contacts", "--to", "c.jsonl").code == 11
    asked = list[str]()
    crm.before, crm.faults = asked.append, {}
    assert sync(program, "contacts", "--to", "c.jsonl").code == 0
    listed = [path for path in asked if "/objects/contacts" in path and "search" not in path]
    assert len(listed) <= 25 - 15 + 2  # not from the beginning; and those that were archived
    assert read("c.jsonl", tmp_path) == crm.live("contacts")
