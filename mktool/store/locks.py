"""
Locks between processes: advisory, held by the kernel, free as soon as the holder is gone.

A lock file holds nothing and is never deleted: a deleted file would let two processes hold
"the same" lock on two inodes. Locks do not reach across machines.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..errors import Busy
from .paths import atomic_write, data_dir, private_dir, storage_error

_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a named lock; ``since`` is epoch seconds."""

    pid: int
    host: str
    since: float
    note: str

    def __str__(self) -> str:
        where = "" if self.host == _host() else f" on {self.host}"
        since = time.strftime("%H:%M", time.localtime(self.since))
        return f"pid {self.pid}{where} since {since} ({self.note})"


def lock_path(name: str) -> Path:
    """Return the lock file of ``name``, which may hold any character (``x:default``)."""
    octets = name.encode("utf-8", "surrogatepass")
    quoted = "".join(chr(o) if chr(o) in _PLAIN else f"%{o:02x}" for o in octets)
    return data_dir() / "locks" / f"{quoted}.lock"


@contextmanager
def lock(path: Path, timeout: float) -> Iterator[None]:
    """Hold ``path`` exclusively among all processes, waiting up to ``timeout`` seconds for it.

    Raises `Busy` when it stays taken, `StorageError` when the disk refuses.
    """
    from filelock import FileLock, Timeout

    private_dir(path.parent)
    held = FileLock(
        path,
        mode=0o600,
        poll_interval=0.01,
        fallback_to_soft=False,  # a lock that outlives a killed holder is worse than none
        preserve_lock_file=True,
    )
    try:
        held.acquire(timeout=max(timeout, 0))
    except Timeout:
        raise Busy(f"another mktool process holds {_shown(path)}") from None
    except OSError as error:
        raise storage_error("lock", path, error) from None
    try:
        yield
    finally:
        held.release()


@contextmanager
def named_lock(path: Path, note: str, *, about: str = "") -> Iterator[None]:
    """Hold ``path`` or raise `Busy` at once, saying who holds it, since when and for what.

    ``note`` is shown to other processes, so it names the command without its arguments; ``about``
    is what people call that which is held, where the name of the file does not tell.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(lock(path, 0))
        except Busy:
            who = holder(path) or "another process"
            raise Busy(f"{about or _shown(path)} is held by {who}") from None
        _sign(path, note)
        stack.callback(_card(path).unlink, missing_ok=True)
        yield


def holder(path: Path) -> Holder | None:
    """Return who last signed for ``path``, or None; a killed holder's signature stays."""
    import json

    try:
        found = json.loads(_card(path).read_bytes())
        return Holder(int(found["pid"]), str(found["host"]), float(found["since"]), found["note"])
    except (OSError, ValueError, TypeError, KeyError):  # it serves a message only
        return None


def _sign(path: Path, note: str) -> None:
    import json

    card = {"pid": os.getpid(), "host": _host(), "since": time.time(), "note": note}
    atomic_write(_card(path), json.dumps(card).encode())


def _card(path: Path) -> Path:
    # Beside the lock and not in it: a locked file cannot be read on Windows.
    return path.with_suffix(".json")


def _shown(path: Path) -> str:
    from urllib.parse import unquote

    return unquote(path.stem)


def _host() -> str:
    return os.uname().nodename if hasattr(os, "uname") else os.environ.get("COMPUTERNAME", "")
