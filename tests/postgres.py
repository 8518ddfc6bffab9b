"""A PostgreSQL server of a test's own, on loopback and with a password."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .peers import absent

PASSWORD = "p@ss/w?rd:#1"  # whatever has to be encoded in an address


@contextmanager
def server() -> Iterator[int]:
    """Yield the port of a server whose user and database are ``postgres``."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"))  # where Debian keeps them
    path = os.pathsep.join([os.environ["PATH"], *map(str, found[::-1])])
    initdb, postgres = shutil.which("initdb", path=path), shutil.which("postgres", path=path)
    if not initdb or not postgres:
        absent("not installed: postgresql")
    # The server refuses to be root.
    user = "postgres" if os.getuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="mktool-pg-", ignore_cleanup_errors=True) as folder:
        if user:
            shutil.chown(folder, user)
        secret = Path(folder, "password")
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        data = f"{folder}/data"
        command = [initdb, "-D", data, "-U", "postgres", "-A", "scram-sha-256", "-N", "-E", "UTF8"]
        subprocess.run(
            [*command, "--pwfile", str(secret), "--locale", "C"],
            user=user, cwd=folder, check=True, capture_output=True, timeout=60,
        )  # fmt: skip
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port: int = free.getsockname()[1]
        options = ["-p", str(port), "-h", "127.0.0.1", "-k", folder, "-F"]
        running = subprocess.Popen(
            [postgres, "-D", data, *options], user=user, cwd=folder,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            _await(port)
            yield port
        finally:
            running.terminate()
            running.wait(timeout=30)


def _await(port: int) -> None:
    import psycopg

    end = time.monotonic() + 30
    while True:
        try:
            psycopg.connect(host="127.0.0.1", port=port, user="postgres", password=PASSWORD).close()
            return
        except psycopg.OperationalError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)
