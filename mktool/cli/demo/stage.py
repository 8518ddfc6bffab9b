"""Where the demo plays: runs commands as a person would type them, and checks what they did."""

from __future__ import annotations

import json
import os
import secrets
import shlex
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ... import providers
from ...errors import MktoolError
from ...sandbox.faults import Faults
from ...sandbox.server import Sandbox
from ...store.vault.environment import environment_sources
from ..terminal import terminal

if TYPE_CHECKING:
    from ...sandbox.inbox import Item

SLOW = 300  # milliseconds that a vendor takes where a command is killed
PATIENCE = 120.0  # seconds that one command may take


class Stage:
    """A folder and a sandbox. ``env`` is what the commands get as their environment."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.ahead = folder, 0.0
        self.box = Sandbox(approve=True, clock=lambda: time.time() + self.ahead)
        self.env: dict[str, str] = {}

    def __enter__(self) -> Stage:
        self.box.start()
        self.env = _environment(self.folder, self.box.url)
        return self

    def __exit__(self, *exception: object) -> None:
        self.box.stop()

    @property
    def received(self) -> list[Item]:
        """What has gone out so far, oldest first."""
        return self.box.world.inbox.items

    def fill(self, vendor: str, kind: str, count: int) -> None:
        """Let a vendor hold invented records."""
        from urllib.request import Request, urlopen

        body = json.dumps({"vendor": vendor, "kind": kind, "count": count}).encode()
        headers = {"content-type": "application/json"}
        request = Request(f"{self.box.url}/_fill", body, headers)  # noqa: S310 - ours
        with urlopen(request) as answer:  # noqa: S310
            answer.read()

    def pass_time(self, seconds: float) -> None:
        """Let it be so much later in the sandbox."""
        self.ahead += seconds

    def title(self, text: str) -> None:
        line = f"\n== {text}"
        print(f"\x1b[1m{line}\x1b[0m" if terminal().colour else line, flush=True)

    def say(self, text: str) -> None:
        print(text, flush=True)

    def show(self, words: Sequence[str], stdin: str = "") -> None:
        print(f"$ {shlex.join(['mktool', *words])}{f' < {stdin}' if stdin else ''}", flush=True)

    def write(self, name: str, text: str, *, shown: bool = False) -> None:
        """Make a file in the folder; ``shown`` as it is."""
        (self.folder / name).write_text(text, encoding="utf-8")
        if shown:
            print(f"$ cat {name}\n{text.rstrip()}", flush=True)

    def mktool(
        self, *words: str, expect: int = 0, stdin: str = "", shown_stdin: str = "",
        env: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        """Run one command in view; `MktoolError` if it does not end as it should."""
        self.show(words, shown_stdin or ("key.txt" if stdin else ""))
        done = subprocess.run(
            _command(words), env={**self.env, **(env or {})}, cwd=self.folder, check=False,
            input=stdin.encode() if stdin else None, stderr=subprocess.STDOUT,
            stdin=None if stdin else subprocess.DEVNULL, timeout=PATIENCE,
        )  # fmt: skip
        if done.returncode != expect:
            raise MktoolError(
                f"the step ended with exit code {done.returncode} instead of {expect}",
                hint="please report its output",
            )

    def kill(
        self, *words: str, after: int, then: float, stdin: str = "", shown_stdin: str = ""
    ) -> int:
        """Start a command and kill it -9, ``then`` seconds after so many items are out, when the
        next request is on its way; return how many are out."""
        before, world = len(self.received), self.box.world
        usual, world.faults = world.faults, Faults.parse(f"slow={SLOW}ms")
        self.show(words, shown_stdin)
        child = subprocess.Popen(
            _command(words), env=self.env, cwd=self.folder, stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        assert child.stdin is not None
        child.stdin.write(stdin.encode())
        child.stdin.close()
        deadline = time.monotonic() + PATIENCE
        while len(self.received) < before + after and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(then)
        out = len(self.received) - before
        child.kill()
        child.wait()
        world.faults = usual
        return out

    def verdict(self) -> None:
        """Count what went out, and what went out twice."""
        seen = [(item.vendor, item.to, item.subject, item.text, item.parent)
                for item in self.received]  # fmt: skip
        twice = len(seen) - len(set(seen))
        self.title("The verdict")
        print(f"{len(seen):,} items were sent, {twice} of them twice.")
        print("Next: mktool providers, then mktool authorize PROVIDER. Try mktool sandbox, too.")
        if twice:
            raise MktoolError("the demo did not end as it should", hint="please report its output")


def _command(words: Sequence[str]) -> list[str]:
    return [sys.executable, "-m", "mktool", *words]


def _environment(folder: Path, url: str) -> dict[str, str]:
    """A home of its own, a vault of its own, and none of the person's credentials."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("MKTOOL_")}
    for spec in providers.specs():
        for name in environment_sources(spec, env).values():
            env.pop(name, None)
    return env | {
        "MKTOOL_HOME": str(folder / "home"),
        "MKTOOL_VAULT": "file",
        "MKTOOL_VAULT_KEY": secrets.token_urlsafe(32),
        "MKTOOL_SANDBOX": url,
        "BROWSER": f"{sys.executable} -m mktool.sandbox.visitor %s",
    }
