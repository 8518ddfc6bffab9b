"""One account of a vendor whose logins a real OAuth server gives out."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator

import pytest

from mktool.core.settings import ledger_path
from mktool.store.ledger import Ledger
from tests import box as boxes
from tests.box import Box
from tests.core.toy import Place
from tests.oauth_server import OAuthServer, oauth_server
from tests.secret_service import secret_service

__all__ = ["oauth_server", "secret_service"]


@pytest.fixture
def vault_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MKTOOL_VAULT_KEY", base64.b64encode(os.urandom(32)).decode())


@pytest.fixture
def place(oauth_server: OAuthServer, vault_key: None) -> Iterator[Place]:
    """An account in the encrypted file, not connected yet."""
    place = Place(oauth_server.url)
    yield place
    place.close()


@pytest.fixture
def box(monkeypatch: pytest.MonkeyPatch) -> Iterator[Box]:
    """A sandbox, and every vendor logged in there by the environment."""
    pytest.importorskip("uvicorn", reason="needs mktool[server]")
    with boxes.box(monkeypatch) as running:
        yield running


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    found = Ledger(ledger_path())
    yield found
    found.close()
