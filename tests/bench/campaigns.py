"""
How fast campaigns go out, against the loops that the vendors' own libraries make easy.

    make bench ARGS=campaigns            or: python -m tests.bench campaigns [--size 0.1]

Whole processes from start to end, ours with everything it does: the list read and checked, the
plan, the ledger at full durability. In each round ours and the peer run once, one after the other;
the median of the ratios is shown, with the best time of each. `nginx` answers both.
"""

from __future__ import annotations

import importlib.util
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .content import write_campaign, write_list
from .sink import ACCOUNT, nginx, seen, slow
from .startup import mktool

MB = 1 << 20
LOGIN = {
    "MKTOOL_SENDGRID_API_KEY": "SG.bench",
    "MKTOOL_RESEND_API_KEY": "re_bench",
    "MKTOOL_RESEND_REQUESTS_PER_SECOND": "9999",
    "MKTOOL_TWILIO_ACCOUNT_SID": ACCOUNT,
    "MKTOOL_TWILIO_AUTH_TOKEN": "0" * 32,
}


@dataclass(frozen=True)
class Ran:
    """One process: seconds from start to end, seconds of processor, and most bytes of memory."""

    seconds: float
    cpu: float
    memory: int


@dataclass(frozen=True)
class Versus:
    """A campaign to ``count``, against a loop to so many; ``target`` is the ratio wanted."""

    name: str
    provider: str
    count: int
    loop: str
    target: float
    threads: int = 0
    loop_count: int = 0  # of a slow loop fewer, and its time as if it had been all


DUELS = (
    Versus("SendGrid, 1000 a request", "sendgrid", 200_000, "sendgrid-1000", 0.7),
    Versus("Resend, 100 a request", "resend", 100_000, "resend-100", 1.0),
    Versus("Twilio, against 8 threads", "twilio", 20_000, "twilio", 0.6, 8, 5_000),
    Versus("SendGrid, against 1 a request", "sendgrid", 200_000, "sendgrid", 0.02, 0, 5_000),
    Versus("Resend, against 1 a request", "resend", 100_000, "resend", 0.03, 0, 3_000),
)
WAITING = (  # provider, recipients, lanes, messages a request, share wanted
    ("sendgrid", 400_000, 4, 1000, 0.9),
    ("sendgrid", 400_000, 8, 1000, 0.9),
    ("resend", 40_000, 8, 100, 0.9),
    ("twilio", 4_000, 32, 1, 0.65),
    ("twilio", 8_000, 100, 1, 0.65),
)


@dataclass
class Bench:
    """Where it runs, and the fast vendor."""

    folder: Path
    url: str
    rounds: int
    size: float
    _lists: dict[int, Path] = field(default_factory=dict)
    _homes: int = 0

    def scaled(self, count: int) -> int:
        return max(int(count * self.size) // 1000, 1) * 1000

    def people(self, count: int) -> Path:
        if count not in self._lists:
            self._lists[count] = write_list(self.folder / f"people-{count}.csv", count)
        return self._lists[count]

    def home(self) -> Path:
        """Return a home that nothing was done in."""
        self._homes += 1
        return self.folder / f"home-{self._homes}"

    def campaign(
        self, provider: str, count: int, home: Path, *options: str, url: str = "", **keys: object
    ) -> tuple[tuple[str, ...], dict[str, str]]:
        """Return the command line that sends to so many, and its environment."""
        file = write_campaign(self.folder, provider, self.people(count), **keys)
        argv = mktool("send-campaign", str(file), "--confirm", str(count), *options)
        base = {f"MKTOOL_{name}_BASE_URL": url or self.url for name in ("SENDGRID", "RESEND",
                                                                        "TWILIO")}  # fmt: skip
        return argv, {**os.environ, **LOGIN, **base, "MKTOOL_HOME": str(home)}

    def send(self, provider: str, count: int, home: Path | None = None, **keys: Any) -> Ran:
        return timed(*self.campaign(provider, count, home or self.home(), **keys))

    def loop(self, name: str, count: int, threads: int = 0) -> Ran:
        argv = [sys.executable, "-m", "tests.bench.peers", name, str(self.people(count)), self.url]
        return timed([*argv, str(threads)] if threads else argv, os.environ)


def timed(argv: Sequence[str], environ: Mapping[str, str]) -> Ran:
    """Run a program to its end, which must be a good one."""
    begun = time.perf_counter()
    process = subprocess.Popen(
        argv, env=dict(environ), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    said = process.stderr.read()
    _, status, used = os.wait4(process.pid, 0)
    took = time.perf_counter() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stderr.close()
    if process.returncode:
        raise SystemExit(f"{' '.join(argv)} ended with {process.returncode}:\n{said}")
    return Ran(took, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024)


# -- the sections ------------------------------------------------------------------------------


def against_libraries(bench: Bench) -> Iterator[str]:
    yield f"{'':<32}{'ours':>9}{'peer':>9}{'ratio':>8} target{'MB':>6}{'peer':>6}{'us cpu':>8}"
    for duel in DUELS:
        library = duel.loop.partition("-")[0]
        if importlib.util.find_spec(library) is None:
            yield f"{duel.name:<32} no {library} here: pip install '.[bench]'"
            continue
        count = bench.scaled(duel.count)
        others = bench.scaled(duel.loop_count or duel.count)
        pairs = []
        for _ in range(bench.rounds):
            ours = bench.send(duel.provider, count)
            pairs.append((ours, bench.loop(duel.loop, others, duel.threads)))
        scale = count / others
        ratio = statistics.median(our.seconds / (peer.seconds * scale) for our, peer in pairs)
        our = min((our for our, _ in pairs), key=lambda ran: ran.seconds)
        peer = min((peer for _, peer in pairs), key=lambda ran: ran.seconds)
        scaled = f"  (peer: {others:,}, scaled)" if others != count else ""
        yield (
            f"{duel.name:<32}{our.seconds:>8.2f}s{peer.seconds * scale:>8.2f}s{ratio:>8.3f}"
            f" {duel.target:<6}{our.memory / MB:>6.0f}{peer.memory / MB:>6.0f}"
            f"{our.cpu / count * 1e6:>8.1f}{scaled}"
        )


def on_disk(bench: Bench) -> Iterator[str]:
    for provider, whole in (("sendgrid", 200_000), ("resend", 100_000), ("twilio", 20_000)):
        count, home = bench.scaled(whole), bench.home()
        bench.send(provider, count, home)
        size = cells = 0
        for file in home.rglob("*.db"):
            with closing(sqlite3.connect(file)) as db:
                db.execute("pragma wal_checkpoint(truncate)")
                if file.parent.name == "campaigns":
                    (cells,) = db.execute(
                        "select (select total(length(data)) from cells)"
                        " + (select total(length(cast(data as blob))) from recipients)"
                    ).fetchone()
            size += file.stat().st_size
        yield (
            f"{provider:<10}{size / count:>6.1f} bytes a recipient, wanted 140;"
            f" {(size - cells) / count:.1f} without the columns that the template inserts"
        )


def where_time_goes(bench: Bench) -> Iterator[str]:
    for provider, whole in (("sendgrid", 200_000), ("resend", 100_000), ("twilio", 20_000)):
        count = bench.scaled(whole)
        argv, environ = bench.campaign(provider, count, bench.home())
        said = subprocess.run(
            (sys.executable, "-m", "tests.bench.phases", argv[-3]),
            env=environ, check=True, capture_output=True, text=True,
        )  # fmt: skip
        yield f"{provider}, {count:,}: microseconds a recipient"
        yield said.stdout.rstrip()


def slow_vendor(bench: Bench, latency: float = 0.05) -> Iterator[str]:
    for provider, whole, lanes, batch, wanted in WAITING:
        count = bench.scaled(whole)
        with slow(latency) as url:
            seen(url)
            bench.send(provider, count, url=url, concurrency=lanes)
            posts, first, last = seen(url)
        took = last - first
        share = posts * latency / took / lanes
        yield (
            f"{provider:<10}{lanes:>4} at a time, {batch:>4} a request: {count / took:>9,.0f}"
            f" a second, {share:.2f} of the possible, wanted {wanted}"
        )


def two_at_once(bench: Bench) -> Iterator[str]:
    for provider, whole in (("sendgrid", 400_000), ("twilio", 20_000)):
        count, alone, speedups, fair = bench.scaled(whole), list[float](), list[float](), 1.0
        for _ in range(max(bench.rounds // 2, 1)):
            alone.append(bench.send(provider, count).seconds)
            ran = _together(bench, provider, count)
            speedups.append(2 * alone[-1] / max(ran))
            fair = max(fair, max(ran) / min(ran))
        yield (
            f"{provider:<10} two campaigns of {count:,} in one home:"
            f" {statistics.median(speedups):.2f} times one, wanted 1.5;"
            f" slower / faster {fair:.2f}, wanted 2"
        )


def _together(bench: Bench, provider: str, count: int) -> list[float]:
    """Return the seconds that each of two campaigns took that began at once."""
    home, took = bench.home(), list[float]()

    def one(name: str) -> None:
        took.append(bench.send(provider, count, home, name=name).seconds)

    bench.people(count)
    threads = [threading.Thread(target=one, args=(name,)) for name in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return took


def memory(bench: Bench) -> Iterator[str]:
    small, large = bench.scaled(100_000), bench.scaled(1_000_000)
    peaks = {}
    for count in (small, large):
        ran = bench.send("sendgrid", count)
        peaks[count] = ran.memory / MB
        yield f"sendgrid {count:>10,}: {ran.seconds:>7.1f}s, peak {peaks[count]:.0f} MB"
    yield f"difference {peaks[large] - peaks[small]:.0f} MB, wanted 20"


def resume(bench: Bench) -> Iterator[str]:
    count, home = bench.scaled(1_000_000), bench.home()
    done = str(count * 99 // 100)
    timed(*bench.campaign("sendgrid", count, home, "--limit", done))
    with slow(0.0) as url:
        seen(url)
        argv, environ = bench.campaign("sendgrid", count, home, url=url)
        begun = time.time()
        timed(argv, environ)
        first = seen(url).first
    yield f"{count:,}, 99% done: first new request after {first - begun:.2f}s, wanted 2"


def ten_million(bench: Bench) -> Iterator[str]:
    count = bench.scaled(10_000_000)
    ran = bench.send("sendgrid", count)
    yield (
        f"sendgrid {count:,}: {ran.seconds:.0f}s, wanted 150;"
        f" peak {ran.memory / MB:.0f} MB, wanted 100"
    )


SECTIONS = {
    "against the vendors' libraries": against_libraries,
    "where the time goes": where_time_goes,
    "ledger on disk": on_disk,
    "a vendor that takes 50 ms": slow_vendor,
    "two campaigns at once": two_at_once,
    "memory": memory,
    "resume": resume,
}


def run(rounds: int, size: float, only: str, *, huge: bool) -> None:
    """Measure and print, section by section."""
    sections = {**SECTIONS, "ten million": ten_million} if huge else SECTIONS
    with tempfile.TemporaryDirectory(prefix="mktool-bench-") as folder:
        home = Path(folder, "nginx")
        home.mkdir()
        with nginx(home) as url:
            bench = Bench(Path(folder), url, rounds, size)
            for title, section in sections.items():
                if only in title:
                    print(f"\n{title}", flush=True)
                    for line in section(bench):
                        print(f"  {line}", flush=True)
