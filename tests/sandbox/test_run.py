"""Running a script against the sandbox."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from mktool.errors import InvalidInput
from mktool.sandbox import vendors
from mktool.sandbox.inbox import Item
from mktool.sandbox.run import report, run_command, summary
from mktool.sandbox.server import Sandbox

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = """
import json, os, sys, urllib.request
url = os.environ["MKTOOL_SANDBOX"] + "/api.x.com/2/tweets"
token = os.environ["MKTOOL_X_ACCESS_TOKEN"]
body = json.dumps({"text": "from\\na script"}).encode()
headers = {"authorization": "Bearer " + token, "content-type": "application/json"}
urllib.request.urlopen(urllib.request.Request(url, body, headers))
sys.exit(7)
"""


def test_the_scripts_code_and_what_it_sent(sandbox: Sandbox) -> None:
    out = io.StringIO()
    env = {**os.environ, "MKTOOL_X_ACCESS_TOKEN": "a-real-one"}
    assert run_command(sandbox, [sys.executable, "-c", SCRIPT], env, out=out) == 7
    assert [act["text"] for act in summary(sandbox)] == ["from\na script"]
    assert out.getvalue() == "1 would have gone out:\n  x post (@sandbox): from a script\n"


def test_a_script_is_logged_in_at_every_vendor(sandbox: Sandbox, tmp_path: Path) -> None:
    told = tmp_path / "told.json"
    check = f'exec "{sys.executable}" -m mktool test-integrations --json > "{told}"'
    env = {**os.environ, "MKTOOL_HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    assert run_command(sandbox, ["sh", "-c", check], env, out=io.StringIO()) == 0
    states = {one["provider"]: one["state"] for one in json.loads(told.read_text())["data"]}
    assert states.keys() >= set(vendors.names())
    assert set(states.values()) <= {"ok", "unproven"}


def test_of_many_records_the_newest_are_named(sandbox: Sandbox) -> None:
    for number in range(25):
        item = Item(1.0, "x", "Sandbox", "contact", str(number), f"Person {number}")
        sandbox.world.inbox.record(item)
    told = report(summary(sandbox), sandbox.world.inbox.records).splitlines()
    assert told[0] == "25 would have gone out:"
    assert (told[1], told[-1]) == ("  x contact (Sandbox): Person 5", "  x contact: 5 more")
    assert sandbox.world.inbox.items[-1].extra == {"no.": "25"}


def test_nothing_went_out(sandbox: Sandbox) -> None:
    out = io.StringIO()
    assert run_command(sandbox, ["true"], os.environ, out=out) == 0
    assert out.getvalue() == "Nothing would have gone out.\n"
    assert report([]) == "Nothing would have gone out."


def test_a_killed_script_counts_as_in_a_shell(sandbox: Sandbox) -> None:
    out = io.StringIO()
    killed = run_command(sandbox, ["sh", "-c", "kill -KILL $$"], os.environ, out=out)
    assert killed == 128 + signal.SIGKILL


@pytest.mark.parametrize("argv", [[], ["/no/such/program"], ["/"], ["a\0b"]])
def test_a_command_that_cannot_start(sandbox: Sandbox, argv: list[str]) -> None:
    with pytest.raises(InvalidInput):
        run_command(sandbox, argv, os.environ)


FOREVER = """
import sys
from mktool.sandbox.server import Sandbox, serve_forever
serve_forever(Sandbox(), ready=lambda url: print(url, flush=True))
print("over", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serving_until_a_signal(number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", FOREVER], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout
        url = child.stdout.readline().strip()
        assert httpx.get(f"{url}/_inbox", trust_env=False).json() == []
        child.send_signal(number)
        assert child.stdout.readline() == "over\n"
        assert child.wait(10) == 0


def test_stopping_does_not_wait_for_idle_clients(serve: Callable[..., Sandbox]) -> None:
    sandbox = serve()
    with httpx.Client(trust_env=False) as client:
        client.get(sandbox.url)
        started = time.monotonic()
        sandbox.stop()
        assert time.monotonic() - started < 5
