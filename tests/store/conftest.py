"""A folder of our own for each test of the store, and the real Secret Service."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.secret_service import secret_service

__all__ = ["secret_service"]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """MKTOOL_HOME for this test and its children; no key and no keyring are in reach."""
    ours = ("MKTOOL_", "DBUS_", "CREDENTIALS_DIRECTORY", "PYTHON_KEYRING_BACKEND", "DISPLAY")
    for name in [name for name in os.environ if name.startswith(ours) and name != "MKTOOL_STRICT"]:
        monkeypatch.delenv(name)
    folder = tmp_path / "home"
    monkeypatch.setenv("MKTOOL_HOME", str(folder))
    return folder


@pytest.fixture
def vault_key(home: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A key for the encrypted file, given through the environment."""
    key = base64.b64encode(os.urandom(32)).decode()
    monkeypatch.setenv("MKTOOL_VAULT_KEY", key)
    return key


@pytest.fixture(params=[0o000, 0o022, 0o077], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    """Run the test once under each of the usual umasks."""
    before = os.umask(request.param)
    yield request.param
    os.umask(before)
