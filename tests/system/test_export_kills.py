"""
`kill -9` in the middle of an export of many parts, then the same command again.

``MKTOOL_KILLS`` is how many kills each vendor's test makes (default 3); the instants are spread
over the whole run by a fixed sequence, so that a failure can be repeated.
"""

from __future__ import annotations

import json
import os
import random
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from mktool.sandbox.faults import Faults
from mktool.sandbox.inbox import Item
from mktool.sandbox.server import Sandbox
from tests.system.program import Ended, Program

KILLS = int(os.environ.get("MKTOOL_KILLS", "3"))
PEOPLE = [{"name": "Ada Lovelace", "email": "person1@company0.example"}, "Bob <bob@acme.example>"]
WEBHOOK = "https://hooks.slack.com/services/T0SANDBOX/B0SANDBOX/sandboxsecret"
GRACE = 200.0  # seconds after which no write is still under way


@dataclass(frozen=True)
class Vendor:
    """How one vendor is exported to: a report of so many action items, paragraphs and words in
    each, which comes to ``parts``. A run takes at most ``longest`` seconds."""

    name: str
    parts: int
    actions: int
    paragraphs: int
    words: int = 3
    longest: float = 1.2


VENDORS = {
    "slack": Vendor("slack", 3, 0, 30, 100, longest=3.0),
    "notion": Vendor("notion", 6, 120, 400, longest=2.5),
    "hubspot": Vendor("hubspot", 5, 120, 20, 1000),
    "salesforce": Vendor("salesforce", 6, 210, 20, 500),
    "pipedrive": Vendor("pipedrive", 8, 6, 10),
    "zoho": Vendor("zoho", 5, 110, 20, 500),
}
PEOPLED = {"hubspot": "contacts", "salesforce": "contacts", "pipedrive": "persons",
           "zoho": "Contacts"}  # fmt: skip


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """A sandbox in which somebody is known everywhere, long enough to be found by a search."""
    began, known = time.time(), False
    limits = dict.fromkeys(("slack", "notion"), 1_000_000)
    clock = lambda: time.time() if known else began - 300  # noqa: E731
    with Sandbox(approve=True, limits=limits, clock=clock) as running:
        for name, kind in PEOPLED.items():
            told = {"vendor": name, "kind": kind, "count": 2}
            httpx.post(f"{running.url}/_fill", json=told, trust_env=False).raise_for_status()
        known = True
        yield running


@pytest.fixture
def exporter(sandbox: Sandbox, tmp_path: Path) -> Program:
    """mktool with every vendor of the sandbox that takes reports."""
    from mktool.sandbox import vendors
    from mktool.sandbox.vendors.notion.pages import HOME

    environ = {"MKTOOL_SANDBOX": sandbox.url, "MKTOOL_NOTION_PARENT": HOME}
    for name in (*VENDORS, "teams"):
        environ |= vendors.load(name).environment
    return Program(tmp_path / "home", environ)


def report(folder: Path, vendor: Vendor, title: str, **more: Any) -> Path:
    """Write a report that comes to many parts."""
    path = folder / f"{title}.json"
    path.write_text(
        json.dumps(
            {
                "version": 1, "title": title, "start": "2026-09-21T14:00:00Z",
                "participants": PEOPLE,
                "summary": "\n\n".join(
                    f"{n}{' word' * vendor.words}" for n in range(vendor.paragraphs)
                ),
                "actions": [
                    {"text": f"action {n} of {title}", "owner": PEOPLE[n % 2]}
                    for n in range(vendor.actions)
                ],
                **more,
            }
        )
    )  # fmt: skip
    return path


def arrived(sandbox: Sandbox, vendor: str, since: int) -> list[Item]:
    """Return what reached a vendor after item number ``since``, but for who was there before."""
    return [
        i for i in sandbox.world.inbox.items
        if i.number > since and i.vendor == vendor and i.kind not in ("contact", "person")
    ]  # fmt: skip


def last(sandbox: Sandbox) -> int:
    return max((item.number for item in sandbox.world.inbox.items), default=0)


def shape(items: Sequence[Item], title: str) -> list[tuple[str, str, str]]:
    """Return items as they are for any title, mark and id."""
    numbers = {item.id: str(n) for n, item in enumerate(items)}
    return [
        (item.kind, numbers.get(item.parent, item.parent), _plain(item, title)) for item in items
    ]


def _plain(item: Item, title: str) -> str:
    text = item.text.partition("[mktool ")[0] + "".join(media.name for media in item.media)
    return text.replace(title, "TITLE").replace(title.replace(" ", "-"), "TITLE")


def time_passes(program: Program) -> None:
    """Set the calls in doubt back in time, so that a test need not wait as long for proof."""
    for path in program.home.rglob("ledger.db"):
        with closing(sqlite3.connect(path)) as db, db:
            if db.execute("select 1 from sqlite_master where name = 'calls'").fetchone():
                db.execute(
                    "update calls set at = at - ? where outcome in ('intent', 'unknown')", (GRACE,)
                )


def until_done(program: Program, *args: str, tries: int = 4) -> Ended:
    for _ in range(tries):
        ended = program.run(*args)
        if ended.code == 0:
            return ended
        time_passes(program)
    raise AssertionError(ended)


@pytest.mark.parametrize("name", VENDORS)
def test_every_part_arrives_once_and_in_order(
    sandbox: Sandbox, exporter: Program, tmp_path: Path, name: str
) -> None:
    vendor = VENDORS[name]
    chance, kills, number = random.Random(name), 0, 0
    ended = exporter.run("export", str(report(tmp_path, vendor, "report 0")), "--to", name)
    assert ended.code == 0, ended
    whole = shape(arrived(sandbox, name, 0), "report 0")
    (told,) = exporter.run("export", "history", "--json").json["data"]
    assert (told["state"], told["parts"]) == ("done", vendor.parts)
    sandbox.world.faults = Faults.parse("slow=60ms")
    longest = vendor.longest
    while kills < KILLS:
        number += 1
        title, before = f"report {number}", last(sandbox)
        args = ("export", str(report(tmp_path, vendor, title)), "--to", name, "--key", title)
        while exporter.killed(*args, after=chance.uniform(0.15, longest)):
            kills, longest = kills + 1, longest * 1.02
            time.sleep(0.15)  # what is on its way to the sandbox arrives
            time_passes(exporter)
        until_done(exporter, *args)
        assert shape(arrived(sandbox, name, before), title) == whole


@pytest.mark.parametrize(
    ("name", "more"),
    [("teams", {}), ("slack", {"MKTOOL_SLACK_BOT_TOKEN": "", "MKTOOL_SLACK_WEBHOOK_URL": WEBHOOK})],
)
def test_where_nobody_can_be_asked_it_is_unknown_until_a_person_says(
    sandbox: Sandbox, exporter: Program, tmp_path: Path, name: str, more: dict[str, str]
) -> None:
    program = exporter.having(**more)
    file = report(tmp_path, Vendor(name, 1, 2, 3), "report")
    args = ("export", str(file), "--to", name)
    sandbox.world.faults = Faults.parse("slow=700ms")
    kill_on_the_wire(program, *args)
    sandbox.world.faults = Faults()
    time.sleep(0.8)  # it arrives
    for _ in range(2):
        ended = program.run(*args)
        assert ended.code == 18, ended
        assert "mktool settle 1 --sent, or --not-sent" in ended.err
    (row,) = program.run("outbox", "--json").json["data"]
    assert (row["verb"], row["state"], row["sent"], row["parts"]) == ("export", "unknown", 0, 1)
    assert "settle 1" in row["next"]
    assert program.run("settle", "1", "--sent").code == 0
    assert program.run(*args).code == 14
    assert len(arrived(sandbox, name, 0)) == 1
    assert program.run("outbox", "--json").json["data"] == []


def test_what_a_person_says_did_not_go_out_is_sent(
    sandbox: Sandbox, exporter: Program, tmp_path: Path
) -> None:
    args = ("export", str(report(tmp_path, Vendor("teams", 2, 150, 200), "long")), "--to", "teams")
    sandbox.world.faults = Faults.parse("drop@2:*")
    ended = exporter.run(*args)
    assert ended.code == 18, ended
    assert exporter.run("settle", "1", "--not-sent").code == 0
    ended = exporter.run(*args)
    assert ended.code == 0, ended
    (told,) = exporter.run("export", "history", "--json").json["data"]
    assert told["sent"] == told["parts"] == len(arrived(sandbox, "teams", 0)) == 2


def test_a_part_that_went_out_unseen_needs_no_id_where_the_next_does_not(
    sandbox: Sandbox, exporter: Program, tmp_path: Path
) -> None:
    args = ("export", str(report(tmp_path, Vendor("teams", 2, 150, 200), "long")), "--to", "teams")
    sandbox.world.faults = Faults.parse("cut@1:*")
    assert exporter.run(*args).code == 18
    assert exporter.run("settle", "1", "--sent").code == 0
    ended = exporter.run(*args)
    assert ended.code == 0, ended
    (told,) = exporter.run("export", "history", "--json").json["data"]
    assert told["parts"] == len(arrived(sandbox, "teams", 0)) == 2


def test_run_due_survives_kills_though_the_report_is_gone(
    sandbox: Sandbox, exporter: Program, tmp_path: Path
) -> None:
    file = report(tmp_path, VENDORS["notion"], "planned")
    ended = exporter.run("export", str(file), "--to", "notion", "--at", "in 1h")
    assert ended.code == 0, ended
    file.unlink()
    with closing(sqlite3.connect(exporter.ledger)) as db, db:
        db.execute("update acts set due = ?", (time.time() - 60,))
    sandbox.world.faults = Faults.parse("slow=60ms")
    chance, kills = random.Random(5), 0
    while exporter.killed("run-due", after=chance.uniform(0.15, 1.0 + kills / 5)):
        kills += 1
        time.sleep(0.15)
        time_passes(exporter)
    time_passes(exporter)
    ended = exporter.run("run-due")
    assert ended.code == 0, ended
    (page,) = arrived(sandbox, "notion", 0)
    lines = page.text.split("\n")
    assert [line for line in lines if line[:1].isdigit()] == [
        f"{n} word word word" for n in range(400)
    ]
    assert sum("action" in line and "planned" in line for line in lines) == 120
    assert exporter.run("outbox", "--json").json["data"] == []


def kill_on_the_wire(program: Program, *args: str) -> None:
    """`kill -9` while a write is on its way."""
    process, deadline = program.start(*args), time.monotonic() + 30
    while not _on_the_wire(program):
        assert time.monotonic() < deadline
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    time.sleep(0.1)
    process.kill()
    process.communicate()


def _on_the_wire(program: Program) -> bool:
    asked = "select count(*) from calls where outcome = 'intent' and repeatable = 0"
    try:
        with closing(sqlite3.connect(program.ledger)) as db:
            return bool(db.execute(asked).fetchone()[0])
    except (ValueError, sqlite3.OperationalError):  # not there yet, or not yet with tables
        return False
