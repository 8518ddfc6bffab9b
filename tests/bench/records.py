"""Reading and writing records, beside a bare script that does no more than page through them."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple
from urllib.request import Request, urlopen

from mktool.sandbox.server import Sandbox

PEOPLE, SMALL = 100_000, 10_000
FIELDS = "email,firstname,lastname,phone"
LIMITS = {"hubspot": 10**9, "hubspot.day": 10**9, "hubspot.search": 10**9}
BARE = """
import sys, time, httpx
url, fields = sys.argv[1:]
began, people, after = time.perf_counter(), [], ""
with httpx.Client(headers={"authorization": "Bearer pat-sandbox"}) as client:
    while True:
        query = {"limit": "100", "properties": fields} | ({"after": after} if after else {})
        page = client.get(url + "/api.hubapi.com/crm/v3/objects/contacts", params=query).json()
        people += page["results"]
        after = page.get("paging", {}).get("next", {}).get("after", "")
        if not after:
            break
print(len(people), time.perf_counter() - began)
"""
METER = """
import json, resource, subprocess, sys, time
began = time.perf_counter()
code = subprocess.call(sys.argv[1:], stdout=subprocess.DEVNULL)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
cpu, peak = used.ru_utime + used.ru_stime, used.ru_maxrss / 1024
print(json.dumps([code, time.perf_counter() - began, cpu, peak]))
"""


class Ran(NamedTuple):
    """Wall and processor seconds, and the peak of memory in MB."""

    seconds: float
    cpu: float
    peak: float


def run(rounds: int, size: float) -> None:
    """Print how fast records are read and written."""
    with tempfile.TemporaryDirectory(prefix="mktool-bench-") as name:
        for people in (int(SMALL * size), int(PEOPLE * size)):
            with Sandbox(limits=LIMITS) as box:
                _pull(box, Path(name) / str(people), rounds, people)
        with Sandbox(limits=LIMITS) as box:
            _push(box, Path(name) / "push", int(PEOPLE * size))


def _pull(box: Sandbox, folder: Path, rounds: int, people: int) -> None:
    folder.mkdir()
    _fill(box, people)
    ratios, peaks, rates = [], [], []
    for number in range(rounds):
        bare = _ran([sys.executable, "-c", BARE, box.url, FIELDS], folder, "")
        words = ("sync", "hubspot", "contacts", "--fields", FIELDS)
        target = f"sqlite:///{folder}/{number}.db"
        ours = _ran(_mktool(*words, "--to", target), folder, box.url)
        ratios.append(bare.seconds / ours.seconds)
        rates.append(people / ours.seconds)
        peaks.append(ours.peak)
    print(
        f"pull of {people:,} contacts: {statistics.median(ratios):.2f} of the rate of a bare"
        f" script, {statistics.median(rates):,.0f} a second, peak {max(peaks):.0f} MB"
    )


def _push(box: Sandbox, folder: Path, people: int) -> None:
    folder.mkdir()
    source = folder / "people.csv"
    with source.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["email", "firstname", "phone"])
        rows.writerows((f"p{n}@push.example", f"Name {n}", f"+4179{n:07d}") for n in range(people))
    words = ("sync", "hubspot", "contacts", "--from", str(source), "--confirm", str(people))
    ran = _ran(_mktool(*words), folder, box.url)
    with contextlib.closing(sqlite3.connect(next(folder.rglob("ledger.db")))) as db:
        (made,) = db.execute("select total(count) from calls").fetchone()
    print(
        f"push of {people:,} contacts: {people / ran.seconds:,.0f} a second, peak {ran.peak:.0f}"
        f" MB; {made:,.0f} requests, {-(-people // 100):,} would be the least"
    )


def _fill(box: Sandbox, people: int) -> None:
    body = json.dumps({"vendor": "hubspot", "kind": "contacts", "count": people}).encode()
    request = Request(f"{box.url}/_fill", body, {"content-type": "application/json"})
    with urlopen(request) as answer:
        answer.read()


def _mktool(*words: str) -> list[str]:
    return [sys.executable, "-m", "mktool", *words]


def _ran(command: list[str], folder: Path, url: str) -> Ran:
    env = os.environ | {
        "MKTOOL_HOME": str(folder / "home"), "MKTOOL_SANDBOX": url,
        "MKTOOL_HUBSPOT_ACCESS_TOKEN": "pat-sandbox", "MKTOOL_HUBSPOT_CALLS_PER_10S": "9999999",
        "MKTOOL_HUBSPOT_CALLS_PER_DAY": "9999999",
    }  # fmt: skip
    if not url:
        env.pop("MKTOOL_SANDBOX")
    # Through a small process: a child begins with the peak of whoever made it.
    done = subprocess.run(
        [sys.executable, "-c", METER, *command], env=env, stdout=subprocess.PIPE, check=True
    )
    code, *figures = json.loads(done.stdout)
    if code:
        raise SystemExit(f"{command} ended with {code}")
    return Ran(*figures)
