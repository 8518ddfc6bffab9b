"""`kill -9` in every step of a job of Salesforce's, and of a push to a vendor without batches."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.system.clock import Clock
from tests.system.program import Program

pytest.importorskip("uvicorn", reason="needs mktool[server]")

from mktool.sandbox import app
from mktool.sandbox.server import Sandbox
from mktool.sandbox.vendors.salesforce import ingest
from mktool.sandbox.wire import Call, Reply

COUNT = 2100
TOKENS = {
    "MKTOOL_PIPEDRIVE_API_TOKEN": "sandbox-run",
    "MKTOOL_PIPEDRIVE_CALLS_PER_2S": "999",
    "MKTOOL_SALESFORCE_ACCESS_TOKEN": "00D!sandbox-run",
    "MKTOOL_SALESFORCE_INSTANCE_URL": "https://sandbox.my.salesforce.com",
}


@dataclass(slots=True)
class Trap:
    """Kills a process at the ``nth`` call, before it is carried out or, with ``late``, before it
    is answered. ``call`` is a regular expression for the method and the path."""

    call: str = "(?!)"
    nth: int = 1
    late: bool = False
    process: subprocess.Popen[bytes] | None = None
    struck: bool = False

    def sees(self, call: Call) -> bool:
        if self.struck or not re.search(f"^{self.call}$", f"{call.method} /{call.path}"):
            return False
        self.nth -= 1
        return self.nth == 0

    def strike(self) -> Reply:
        assert self.process
        self.process.kill()
        self.struck = True
        return Reply(503)


@pytest.fixture
def trap(monkeypatch: pytest.MonkeyPatch) -> Trap:
    trap, answered = Trap(), app.Switchboard._answer

    def answer(self: app.Switchboard, call: Call, *about: Any) -> Reply:
        caught = trap.sees(call)
        if caught and not trap.late:
            return trap.strike()
        reply = answered(self, call, *about)
        return trap.strike() if caught else reply

    monkeypatch.setattr(app.Switchboard, "_answer", answer)
    monkeypatch.setattr(ingest, "WORK", 0.0)
    return trap


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(limits={"pipedrive": 99_999, "pipedrive search": 99_999}) as running:
        yield running


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    return Clock(tmp_path)


@pytest.fixture
def program(sandbox: Sandbox, clock: Clock, tmp_path: Path) -> Program:
    environ = {**TOKENS, "MKTOOL_SANDBOX": sandbox.url}
    return clock.on(Program(tmp_path / "home", environ))


def killed(program: Program, trap: Trap, *args: str) -> None:
    process = program.start(*args)
    trap.process = process
    _, err = process.communicate(timeout=60)
    assert trap.struck, err
    assert process.returncode == -9


JOBS = ".*/jobs/ingest"
STEPS = {
    "create before": (f"POST {JOBS}", False), "create after": (f"POST {JOBS}", True),
    "upload before": (f"PUT {JOBS}/.*/batches", False),
    "upload after": (f"PUT {JOBS}/.*/batches", True),
    "start before": (f"PATCH {JOBS}/.*", False), "start after": (f"PATCH {JOBS}/.*", True),
    "poll": (f"GET {JOBS}/[^/]*", True), "results": (f"GET {JOBS}/.*/successfulResults", True),
    "failures": (f"GET {JOBS}/.*/failedResults", True),
}  # fmt: skip


@pytest.mark.parametrize("step", STEPS)
def test_a_job_that_is_killed_writes_each_row_once(
    program: Program, sandbox: Sandbox, trap: Trap, tmp_path: Path, step: str
) -> None:
    rows = [f"p{n}@acme.example,{'' if n == 7 else 'Lee'}" for n in range(COUNT)]
    (tmp_path / "in.csv").write_text("\n".join(["Email,LastName", *rows]) + "\n")
    push = ("sync", "salesforce", "contacts", "--from", "in.csv", "--confirm", str(COUNT), "--json")
    trap.call, trap.late = STEPS[step]
    killed(program, trap, *push)
    ended = program.run(*push)
    assert ended.code == 6, ended
    expected = Counter(f"p{n}@acme.example" for n in range(COUNT) if n != 7)
    assert Counter(emails(sandbox)) == expected
    failed = program.run("syncs", "1", "--state", "failed", "--json").json["data"]
    assert [(row["line"], row["code"]) for row in failed] == [(9, "REQUIRED_FIELD_MISSING")]


def emails(sandbox: Sandbox) -> Iterator[str]:
    """Yield the addresses of all contacts that Salesforce has."""
    host = f"{sandbox.url}/sandbox.my.salesforce.com"
    path = "/services/data/v65.0/query?q=SELECT+Email+FROM+Contact"
    while path:
        reply = httpx.get(host + path, headers={"authorization": "Bearer 00D!sandbox-run"},
                          trust_env=False).json()  # fmt: skip
        yield from (row["Email"] for row in reply["records"])
        path = reply.get("nextRecordsUrl", "")


@pytest.mark.parametrize("late", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(
    ("kind", "header", "path"),
    [("contacts", "email,name", "persons"), ("companies", "name,visible_to", "organizations")],
)
def test_pipedrive_takes_everything_twice_and_gets_it_once(
    program: Program, sandbox: Sandbox, trap: Trap, clock: Clock, tmp_path: Path,
    kind: str, header: str, path: str, late: bool,
) -> None:  # fmt: skip
    rows = [f"p{n}@acme.example,{'Lee' if kind == 'contacts' else 3}" for n in range(5)]
    (tmp_path / "in.csv").write_text("\n".join([header, *rows]) + "\n")
    push = ("sync", "pipedrive", kind, "--from", "in.csv", "--json")
    trap.call, trap.nth, trap.late = f"POST .*/api/v2/{path}", 3, late
    killed(program, trap, *push)
    clock.set(31.0)  # a search knows by then
    ended = program.run(*push)
    assert ended.code == 0, ended
    reply = httpx.get(f"{sandbox.url}/api.pipedrive.com/api/v2/{path}",
                      headers={"x-api-token": "sandbox-run"}, trust_env=False)  # fmt: skip
    found = [r["emails"][0]["value"] if "emails" in r else r["name"] for r in reply.json()["data"]]
    assert found == [f"p{n}@acme.example" for n in range(5)]
