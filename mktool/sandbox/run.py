"""Running a script against the sandbox, and saying what it would have sent out."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from types import FrameType
from typing import Any, TextIO

from ..errors import InvalidInput
from ..store.folders import REHEARSAL
from ..store.paths import data_dir
from . import vendors
from .server import Sandbox


def run_command(
    sandbox: Sandbox, argv: Sequence[str], env: Mapping[str, str], *, out: TextIO | None = None
) -> int:
    """Run a command with everything it sends going to a started sandbox; return its exit code.

    Afterwards ``out`` (stderr) is told what would have gone out. Killed by a signal, the command
    counts as a shell counts it: 128 and the signal. Raises `InvalidInput` when it cannot start.
    """
    if not argv:
        raise InvalidInput("no command to run", hint="mktool sandbox -- ./release.sh")
    rehearsal = f"rehearsal-{secrets.token_hex(8)}"
    try:
        told = environment(sandbox.url, env) | {REHEARSAL: rehearsal}
        child = subprocess.Popen(list(argv), env=told)
        with _forwarding(child):
            code = child.wait()
    except (OSError, ValueError) as error:
        raise InvalidInput(
            f"cannot run {argv[0]}", hint="check the path and that it is executable"
        ) from error
    finally:  # its vendors are gone, and what they were sent with them
        shutil.rmtree(data_dir() / rehearsal, ignore_errors=True)
    print(report(summary(sandbox), sandbox.world.inbox.records), file=out or sys.stderr)
    return code if code >= 0 else 128 - code


def environment(url: str, env: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of the script: made-up credentials stand where real ones did, and
    what opens the vault of the real ones is left out."""
    made_up: dict[str, str] = {}
    for name in vendors.names():
        made_up |= vendors.load(name).environment
    kept = {name: value for name, value in env.items() if not name.startswith("MKTOOL_VAULT_")}
    # Its mail server needs no login, wherever it is said to be.
    return {**kept, **made_up, "MKTOOL_SMTP_HOST": "mail.sandbox.example", "MKTOOL_SANDBOX": url}


def summary(sandbox: Sandbox) -> list[dict[str, object]]:
    """Return what was published, oldest first, as ``GET /_inbox`` gives it."""
    return [item.to_json() for item in sandbox.world.inbox.items]


def report(
    acts: Sequence[Mapping[str, Any]], records: Mapping[tuple[str, str], int] | None = None
) -> str:
    """Return the acts for people, one line each; of ``records``, counted by vendor and kind, only
    the newest are among them."""
    if not acts:
        return "Nothing would have gone out."
    shown = Counter((act["vendor"], act["kind"]) for act in acts)
    left = {kind: count - shown[kind] for kind, count in (records or {}).items()}
    more = [f"  {vendor} {kind}: {n:,} more" for (vendor, kind), n in left.items() if n > 0]
    total = len(acts) + sum(n for n in left.values() if n > 0)
    return "\n".join([f"{total} would have gone out:", *map(_line, acts), *more])


def _line(act: Mapping[str, Any]) -> str:
    text = " ".join(str(act["text"]).split())
    short = text if len(text) <= 72 else text[:71] + "…"
    files = f"  [{len(act['media'])} attached]" if act["media"] else ""
    gone = "  [deleted again]" if act["deleted"] else ""
    return f"  {act['vendor']} {act['kind']} ({act['account']}): {short}{files}{gone}"


@contextlib.contextmanager
def _forwarding(child: subprocess.Popen[bytes]) -> Iterator[None]:
    """Leave Ctrl-C to the command, which gets it from the terminal too; pass SIGTERM on."""

    def terminate(number: int, frame: FrameType | None) -> None:
        child.terminate()

    previous = {
        signal.SIGINT: signal.signal(signal.SIGINT, lambda number, frame: None),
        signal.SIGTERM: signal.signal(signal.SIGTERM, terminate),
    }
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
