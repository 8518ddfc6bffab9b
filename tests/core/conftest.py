"""One account of a vendor whose logins a real OAuth server gives out."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator

import pytest

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
