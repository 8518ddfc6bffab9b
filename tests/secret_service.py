"""A real gnome-keyring on its own D-Bus, with its own folders: nothing of the user's is touched."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from tests.peers import need

_BUS = "unix:path={}/bus"


class SecretService:
    """A session bus with an unlocked Secret Service on it; ``address`` is the bus's."""

    def __init__(self) -> None:
        self.base = Path(tempfile.mkdtemp(prefix="mk-"))  # a socket path has 108 bytes at most
        self.data = self.base / "data"
        self.address = _BUS.format(self.base)
        self._stack = ExitStack()
        self._stack.callback(shutil.rmtree, self.base, ignore_errors=True)

    def environment(self) -> dict[str, str]:
        """Return what a program needs in its environment to find this service and no other."""
        return {
            "DBUS_SESSION_BUS_ADDRESS": self.address,
            "XDG_DATA_HOME": str(self.data),
            "XDG_RUNTIME_DIR": str(self.base),
            "HOME": str(self.base),
        }

    def start(self, *, password: bytes = b"test-password") -> None:
        """Start both programs; the collection is made, and unlocked with ``password``."""
        bus = self._spawn(
            "dbus-daemon", "--session", "--nofork", "--nopidfile", "--print-address=1",
            f"--address={self.address}",
        )  # fmt: skip
        assert bus.stdout is not None
        bus.stdout.readline()  # the address comes when the bus listens
        control = f"--control-directory={self.base}/keyring"
        daemon = self._spawn(
            "gnome-keyring-daemon", "--foreground", "--unlock", "--components=secrets", control
        )
        assert daemon.stdin is not None
        daemon.stdin.write(password)
        daemon.stdin.close()
        self.daemon = daemon
        deadline = time.monotonic() + 10
        while not self._is_up():
            assert time.monotonic() < deadline, "the secret service did not start"
            time.sleep(0.01)

    def stop(self) -> None:
        self._stack.close()

    def lock(self) -> None:
        """Lock the collection, as a screen saver does."""
        import secretstorage

        with closing(secretstorage.dbus_init()) as bus:
            secretstorage.Collection(bus).lock()

    def _spawn(self, *command: str) -> subprocess.Popen[bytes]:
        unset = ("DISPLAY", "WAYLAND_DISPLAY")
        inherited = {k: v for k, v in os.environ.items() if k not in unset}
        process = subprocess.Popen(
            command,
            env={**inherited, **self.environment()},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self._stack.callback(_end, process)
        return process

    def _is_up(self) -> bool:
        asked = subprocess.run(
            [
                "dbus-send", f"--bus={self.address}", "--print-reply",
                "--dest=org.freedesktop.DBus", "/", "org.freedesktop.DBus.NameHasOwner",
                "string:org.freedesktop.secrets",
            ],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        return "true" in asked.stdout


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait(5)
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()


@pytest.fixture
def secret_service(monkeypatch: pytest.MonkeyPatch) -> Iterator[SecretService]:
    """An unlocked Secret Service that this process and its children find."""
    need("dbus-daemon", "dbus-send", "gnome-keyring-daemon")
    service = SecretService()
    try:
        service.start()
        for name, value in service.environment().items():
            monkeypatch.setenv(name, value)
        for name in ("DISPLAY", "WAYLAND_DISPLAY", "PYTHON_KEYRING_BACKEND"):
            monkeypatch.delenv(name, raising=False)
        yield service
    finally:
        service.stop()
