"""
How long commands take, as multiples of `python -c pass` in the same environment.

    make bench            or: python -m tests.bench startup [ROUNDS]

In each round every command runs once, one after the other, and its time is divided by that
round's own baseline; the median of these ratios is shown. What else the machine does then
weighs on both. Nothing is asserted: tests/test_startup.py counts modules instead.
"""

from __future__ import annotations

import base64
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

# Both post the same to the sandbox; this one as briefly as it can be said.
BARE_POST = """
import sys, httpx
url, text = sys.argv[1:]
reply = httpx.post(url + "/api.x.com/2/tweets", json={"text": text},
                   headers={"Authorization": "Bearer sandbox-bench"})
reply.raise_for_status()
"""
START = "from mktool.__main__ import main; main()"
WARM_UP = 2


@dataclass(frozen=True)
class Case:
    """A command. ``against``: the case its time is divided by; ``target``: the ratio wanted."""

    name: str
    argv: tuple[str, ...]
    target: float = 1.0
    against: str = "python -c pass"


def mktool(*argv: str) -> tuple[str, ...]:
    """Return the command line of mktool: the installed program where there is one."""
    installed = Path(sys.executable).with_name("mktool")
    return (str(installed), *argv) if installed.exists() else (sys.executable, "-c", START, *argv)


def local_cases() -> list[Case]:
    return [
        Case("python -c pass", (sys.executable, "-c", "pass")),
        Case("mktool --version", mktool("--version"), 1.3),
        Case("mktool run-due, nothing due", mktool("run-due"), 2.0),
        Case("mktool --help", mktool("--help"), 7.0),
        Case("mktool accounts, a file vault", mktool("accounts"), 9.0),
        Case("mktool post --dry-run", mktool("post", "x", "--text", "hi", "--dry-run"), 10.0),
    ]


def post_cases(url: str) -> list[Case]:
    bare = Case("the same post by bare httpx", (sys.executable, "-c", BARE_POST, url))
    posted = Case("mktool post, to the sandbox", mktool("post", "x", "--text"), 1.6, bare.name)
    return [bare, posted]


def measure(
    cases: Sequence[Case], rounds: int, environ: Mapping[str, str], *, unique: bool = False
) -> dict[str, list[float]]:
    """Return the seconds of every case, by name, one for each round; ``unique`` adds a word."""
    times: dict[str, list[float]] = {case.name: [] for case in cases}
    for number in range(-WARM_UP, rounds):
        for case in cases:
            extra = [f"{case.name} {number} {time.time()}"] if unique else []
            begun = time.perf_counter()
            subprocess.run(
                [*case.argv, *extra], env=dict(environ), check=True,
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
            if number >= 0:
                times[case.name].append(time.perf_counter() - begun)
    return times


def report(cases: Sequence[Case], times: Mapping[str, Sequence[float]]) -> Iterator[str]:
    """Yield one line for each case."""
    for case in cases:
        own = times[case.name]
        base = times.get(case.against, own)
        ratio = statistics.median(mine / other for mine, other in zip(own, base, strict=True))
        wanted = f"{case.target:>6.1f}" if case.target != 1.0 else ""
        yield f"{case.name:<32}{statistics.median(own) * 1000:>8.1f}{ratio:>8.2f} {wanted}"


@contextmanager
def sandbox(environ: Mapping[str, str]) -> Iterator[str]:
    """Run the sandbox in a process of its own and yield its address."""
    process = subprocess.Popen(
        mktool("sandbox", "--quiet"), env=dict(environ), text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip().partition("=")[2]
    finally:
        process.terminate()
        process.wait()


def furnish() -> None:
    """Fill MKTOOL_HOME: an account in the encrypted file, and a post that is not due yet."""
    from mktool.core.settings import ledger_path
    from mktool.store import accounts
    from mktool.store.acts import Acts, Wanted
    from mktool.store.ledger import Ledger
    from mktool.store.vault import open_vault

    entry = accounts.save(accounts.Entry("x", "default", "file", "https://api.x.com"))
    open_vault("file").put(entry.key, {"access_token": "made up"})
    ledger = Ledger(ledger_path())
    Acts(ledger).open(Wanted("post", "x", "default", None, "d", {}, due=time.time() + 86400))
    ledger.close()


def run(rounds: int) -> None:
    """Measure, in an environment that holds no setting of mktool, and print."""
    with tempfile.TemporaryDirectory(prefix="mktool-bench-") as home:
        os.environ |= {
            "MKTOOL_HOME": home,
            "MKTOOL_VAULT_KEY": base64.b64encode(os.urandom(32)).decode(),
        }
        furnish()
        print(f"{'':<32}{'ms':>8}{'ratio':>8} target")
        cases = local_cases()
        print(*report(cases, measure(cases, rounds, os.environ)), sep="\n")
        with sandbox(os.environ) as url:
            environ = {
                **os.environ, "MKTOOL_SANDBOX": url, "MKTOOL_X_ACCESS_TOKEN": "sandbox-bench"
            }  # fmt: skip
            cases = post_cases(url)
            times = measure(cases, min(rounds, 25), environ, unique=True)  # X takes 100
        print(*report(cases, times), sep="\n")
