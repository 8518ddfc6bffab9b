"""What is connected, and in what state; no secret is read for it."""

from __future__ import annotations

import time
from typing import Any

import pytest

from mktool.core import inventory
from mktool.core.inventory import Held
from mktool.core.settings import Settings
from mktool.spec import DAY
from mktool.store import accounts
from mktool.store.accounts import Entry
from mktool.store.config import load

NOW = time.time()


def held(now: float = NOW, **facts: Any) -> Held:
    about = {"home": "file", "origin": "https://api.x.com", **facts}
    accounts.save(Entry("x", "work", **about))
    [found] = inventory.held(Settings(load()), now)
    return found


AGAIN = "mktool authorize x --account work"


@pytest.mark.parametrize(
    ("facts", "state", "advice"),
    [
        ({}, "connected", ""),
        ({"expires_at": NOW + 30 * DAY}, "connected", ""),
        ({"expires_at": NOW + 2 * DAY}, "expiring", f"expires in 2 days: {AGAIN}"),
        ({"expires_at": NOW - 1}, "expired", AGAIN),
        ({"expires_at": NOW - 1, "refreshable": True}, "connected", ""),
        ({"dead": "invalid_grant"}, "auth_failed", f"invalid_grant: {AGAIN}"),
    ],
)
def test_states(facts: dict[str, Any], state: str, advice: str, vault_key: None) -> None:
    found = held(**facts)
    assert (found.state, found.advice) == (state, advice)


def test_an_old_key(vault_key: None, monkeypatch: pytest.MonkeyPatch) -> None:
    assert held(NOW + 89 * DAY).advice == ""
    assert held(NOW + 92 * DAY).advice.startswith("this key is 92 days old: make a new one")
    assert held(NOW + 92 * DAY, expires_at=NOW + 200 * DAY).advice == ""
    monkeypatch.setenv("MKTOOL_KEY_AGE_DAYS", "30")
    assert "31 days old" in held(NOW + 31 * DAY).advice


def test_a_vault_that_cannot_be_reached_says_so() -> None:
    found = held(expires_at=NOW - 1)
    assert found.state == "unreachable"
    assert "MKTOOL_VAULT_KEY" in found.advice


def test_what_the_environment_supplies_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-canary")
    monkeypatch.setenv("MKTOOL_SLACK_CHANNEL", "#general")
    monkeypatch.setenv("X_CLIENT_SECRET", "not enough to log in")
    assert inventory.supplied(Settings(load())) == {
        "slack": ["MKTOOL_SLACK_CHANNEL", "SLACK_BOT_TOKEN"],
    }
