"""Every test is alone: its own MKTOOL_HOME, a bare environment, no network but this machine."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

# Whatever else the developer has set (credentials, proxies, a display, a session bus) would make
# a test depend on the machine; a test that needs one of these sets it itself.
KEPT = {
    "HOME", "LANG", "LANGUAGE", "LOGNAME", "MKTOOL_SPECS", "MKTOOL_STRICT", "PATH", "SYSTEMROOT",
    "TEMP", "TERM", "TMP", "TMPDIR", "USER", "VIRTUAL_ENV",
}  # fmt: skip
# Installing a real peer (an npm package) may need the machine's own download settings.
KEPT_PREFIXES = ("LC_", "PYTEST_", "NPM_CONFIG_", "NODE_")
LOCAL_HOSTS = {None, "", b"", "localhost", b"localhost"}


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    umask = os.umask(0o022)  # opening a vault tightens it for the whole process
    for name in list(os.environ):
        if name not in KEPT and not name.upper().startswith(KEPT_PREFIXES):
            monkeypatch.delenv(name)
    monkeypatch.setenv("MKTOOL_HOME", str(tmp_path / "home"))
    yield
    os.umask(umask)


def _is_local(host: Any) -> bool:
    if host in LOCAL_HOSTS:
        return True
    text = host.decode() if isinstance(host, bytes) else str(host)
    return text.startswith("127.") or text == "::1"


def _guard(event: str, args: tuple[Any, ...]) -> None:
    if event == "socket.getaddrinfo":
        target = args[0]
    elif event in ("socket.connect", "socket.sendto"):
        if not isinstance(args[1], tuple):  # a Unix socket: a path
            return
        target = args[1][0]
    else:
        return
    if not _is_local(target):
        # Not an Exception, so that code under test cannot take it for a network failure.
        pytest.fail(f"a test reached for the network: {target!r}")


sys.addaudithook(_guard)
