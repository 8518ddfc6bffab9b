"""`mktool demo`: the main job on the sandbox, with the real commands, in a temporary home."""

from __future__ import annotations

import os
import secrets
import shlex
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ..errors import MktoolError
from .terminal import terminal

if TYPE_CHECKING:
    from ..sandbox.server import Sandbox

app = typer.Typer(rich_markup_mode=None)

THREAD = """Nothing goes out twice, and nothing is lost. A short thread on how that works.
---
Every act is written to the ledger before its first byte leaves, and confirmed after the answer.
---
If the machine dies in between, the next run asks the vendor before it sends anything again.
---
And where nobody can know, it says so instead of guessing."""


@app.command(epilog="Example: mktool demo")
def demo() -> None:
    """A guided run on the sandbox; nothing leaves this machine, and nothing stays on it."""
    from ..sandbox.server import Sandbox

    with tempfile.TemporaryDirectory(prefix="mktool-demo-") as folder, Sandbox(approve=True) as box:
        _Tour(Path(folder), box).run()


class _Tour:
    """Runs commands as a person would type them, and checks what they did."""

    def __init__(self, folder: Path, box: Sandbox) -> None:
        self.folder, self.box = folder, box
        self.env = _environment(folder, box.url)

    def run(self) -> None:
        from .. import providers

        names = providers.names()
        self.title("A sandbox plays every vendor. First, connect accounts (OAuth, in a browser)")
        for name in names:
            self.connect(name)
        self.title("Do they work? Asked with calls that change nothing")
        self.mktool("test-integrations")
        first = self.threading_provider(names)
        self.title("What would a post send? The exact request, and nothing is sent")
        self.mktool("post", first, "--text", "It is here: https://example.com", "--dry-run")
        self.title("Publish a picture everywhere, side by side")
        picture = self.folder / "sunrise.png"
        picture.write_bytes(_png(640, 360))
        self.mktool("post", *names, "--text", "Good morning from *mktool*",
                    "--media", f"{picture.name}=A sunrise over a dark hill")  # fmt: skip
        self.title("The same again? Refused: it is out already")
        self.mktool("post", *names, "--text", "Good morning from *mktool*",
                    "--media", f"{picture.name}=A sunrise over a dark hill", expect=6)  # fmt: skip
        self.crash(first)
        self.title("Later, from cron: scheduled now, sent when it is due")
        self.mktool("post", first, "--text", "Sent by cron while we slept", "--at", "in 1s")
        time.sleep(1.2)
        self.mktool("run-due")
        self.title("What went out, and how it went: the ledger")
        self.mktool("log", "--provider", first, "--limit", "8")
        self.mktool("stats")
        self.verdict()

    def connect(self, name: str) -> None:
        """Log in by OAuth where the vendor offers it, else with a key of the sandbox."""
        from .. import providers
        from ..http.auth import OAuth2
        from ..store.vault.environment import variable

        spec = providers.load(name).spec
        if isinstance(spec.auth[0], OAuth2):
            more = {variable(name, "client_secret"): "sandbox-secret"}
            self.mktool("authorize", name, "--field", "client_id=demo", env=more)
            return
        from ..sandbox import vendors

        given = vendors.load(name).environment
        key = given[variable(name, spec.auth[0].needs[-1])]
        extra = [f"--field={f.name}={given[variable(name, f.name)]}"
                 for f in spec.fields
                 if not f.secret and variable(name, f.name) in given]  # fmt: skip
        self.mktool("authorize", name, "--token-stdin", *extra, stdin=key)

    def threading_provider(self, names: Sequence[str]) -> str:
        """Return the last provider that threads, looks lost posts up and reads numbers."""
        from .. import providers
        from ..capability import CanMeasure, CanSettle, CanThread

        verbs = (CanThread, CanSettle, CanMeasure)
        return [n for n in names if all(issubclass(providers.load(n), v) for v in verbs)][-1]

    def crash(self, provider: str) -> None:
        from ..sandbox.faults import Faults

        before, before_faults = len(self.box.world.inbox.items), self.box.world.faults
        self.title("kill -9 in the middle of a thread, then the same command again")
        self.box.world.faults = Faults.parse("slow=300ms")
        line = ["post", provider, "-", "--thread"]
        self.show(line, "thread.txt")
        child = subprocess.Popen(
            _command(line), env=self.env, cwd=self.folder, stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        assert child.stdin is not None
        child.stdin.write(THREAD.encode())
        child.stdin.close()
        deadline = time.monotonic() + 20
        while len(self.box.world.inbox.items) < before + 2 and time.monotonic() < deadline:
            time.sleep(0.01)
        child.kill()
        child.wait()
        print(f"killed, with {len(self.box.world.inbox.items) - before} of 4 parts out", flush=True)
        self.mktool(*line, stdin=THREAD, shown_stdin="thread.txt")
        self.box.world.faults = before_faults

    def verdict(self) -> None:
        received = self.box.world.inbox.items
        seen = [(item.vendor, item.text, item.parent) for item in received]
        self.title("The verdict")
        print(f"{len(seen)} items were published, {len(seen) - len(set(seen))} of them twice.")
        print("Next: mktool providers, then mktool authorize PROVIDER. Try mktool sandbox, too.")
        if len(seen) != len(set(seen)) or len(seen) < 8:
            raise MktoolError("the demo did not end as it should", hint="please report its output")

    # -- the terminal --------------------------------------------------------------------------

    def title(self, text: str) -> None:
        line = f"\n== {text}"
        print(f"\x1b[1m{line}\x1b[0m" if terminal().colour else line, flush=True)

    def show(self, words: Sequence[str], stdin: str = "") -> None:
        print(f"$ {shlex.join(['mktool', *words])}{f' < {stdin}' if stdin else ''}", flush=True)

    def mktool(
        self, *words: str, expect: int = 0, stdin: str = "", shown_stdin: str = "",
        env: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        """Run one command in view; `MktoolError` if it does not end as it should."""
        self.show(words, shown_stdin or ("key.txt" if stdin else ""))
        done = subprocess.run(
            _command(words), env={**self.env, **(env or {})}, cwd=self.folder, check=False,
            input=stdin.encode() if stdin else None, stderr=subprocess.STDOUT,
            stdin=None if stdin else subprocess.DEVNULL, timeout=120,
        )  # fmt: skip
        if done.returncode != expect:
            raise MktoolError(
                f"the step ended with exit code {done.returncode} instead of {expect}",
                hint="please report its output",
            )


def _command(words: Sequence[str]) -> list[str]:
    return [sys.executable, "-m", "mktool", *words]


def _environment(folder: Path, url: str) -> dict[str, str]:
    """A home of its own, a vault of its own, and none of the person's credentials."""
    from .. import providers
    from ..store.vault.environment import environment_sources

    env = {name: value for name, value in os.environ.items() if not name.startswith("MKTOOL_")}
    for provider in providers.names():
        for name in environment_sources(providers.load(provider).spec, env).values():
            env.pop(name, None)
    return env | {
        "MKTOOL_HOME": str(folder / "home"),
        "MKTOOL_VAULT": "file",
        "MKTOOL_VAULT_KEY": secrets.token_urlsafe(32),
        "MKTOOL_SANDBOX": url,
        "BROWSER": f"{sys.executable} -m mktool.sandbox.visitor %s",
    }


def _png(width: int, height: int) -> bytes:
    """A picture: a sky that brightens towards a hill."""
    rows = []
    for y in range(height):
        light = y / height
        sky = bytes((int(40 + 215 * light), int(60 + 110 * light), int(120 - 50 * light)))
        edge = [0.58 + 0.17 * (2 * column / width - 1) ** 2 for column in range(width)]
        rows.append(b"\0" + b"".join(b"\x18\x1c\x2c" if light > hill else sky for hill in edge))
    chunks = (
        (b"IHDR", struct.pack(">2I5B", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(b"".join(rows), 9)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
