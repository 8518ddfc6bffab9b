"""The program as a person or cron runs it: a real process with an environment of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

# `mktool` itself is a script that calls this; so the tests need no installed script.
COMMAND = (sys.executable, "-m", "mktool")
ROOT = Path(__file__).resolve().parents[2]
CREDENTIALS = {
    "MKTOOL_X_ACCESS_TOKEN": "sandbox-x",
    "MKTOOL_SLACK_BOT_TOKEN": "xoxb-sandbox-1",
    "MKTOOL_SLACK_CHANNEL": "#general",
    "MKTOOL_LINKEDIN_ACCESS_TOKEN": "sandbox-linkedin",
}


class Ended(NamedTuple):
    """How a process ended; ``code`` is negative for a signal."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The envelope of ``--json``."""
        found: dict[str, Any] = json.loads(self.out)
        return found


@dataclass(frozen=True)
class Program:
    """mktool with a bare environment: what is in ``environ`` and nothing else."""

    home: Path
    environ: Mapping[str, str] = field(default_factory=dict)
    prefix: tuple[str, ...] = ()

    def having(self, **environ: str) -> Program:
        """Return the same program with these variables too; an empty one is left out."""
        return replace(self, environ={**self.environ, **environ})

    @property
    def ledger(self) -> Path:
        """The one ledger below the home; that of a sandbox has a folder of its own."""
        (found,) = self.home.rglob("ledger.db")
        return found

    def start(
        self, *args: str, stdin: Any = subprocess.PIPE, **options: Any
    ) -> subprocess.Popen[bytes]:
        bare = {"PATH": os.environ["PATH"], "HOME": str(self.home.parent)}
        environ = {**bare, "MKTOOL_HOME": str(self.home), "PYTHONPATH": str(ROOT), **self.environ}
        return subprocess.Popen(
            [*self.prefix, *COMMAND, *args],
            env={name: value for name, value in environ.items() if value},
            cwd=self.home.parent,
            stdin=stdin,
            stdout=options.pop("stdout", subprocess.PIPE),
            stderr=options.pop("stderr", subprocess.PIPE),
            **options,
        )

    def run(self, *args: str, given: str | bytes = b"", timeout: float = 90) -> Ended:
        """Run to the end. No command may leave a traceback, whatever was done to it."""
        return finish(self.start(*args), given, timeout)

    def killed(self, *args: str, after: float, given: str = "") -> bool:
        """Start, and `kill -9` after so many seconds; return whether it was still running."""
        process = self.start(*args)
        assert process.stdin is not None
        process.stdin.write(given.encode())
        process.stdin.close()
        process.stdin = None
        time.sleep(after)
        process.kill()
        process.communicate()
        return process.returncode == -9


def finish(
    process: subprocess.Popen[bytes], given: str | bytes = b"", timeout: float = 90
) -> Ended:
    """Wait for the end and check what holds for every end."""
    data = given.encode() if isinstance(given, str) else given
    try:
        out, err = process.communicate(data if process.stdin else None, timeout=timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    text = [(part or b"").decode("utf-8", "replace") for part in (out, err)]
    ended = Ended(process.returncode, *text)
    assert "Traceback" not in ended.err + ended.out, ended
    assert "a bug in mktool" not in ended.err + ended.out, ended
    return ended


def finish_all(started: Sequence[subprocess.Popen[bytes]]) -> list[Ended]:
    return [finish(process) for process in started]
