"""`mktool accounts`, `revoke` and `test-integration(s)`."""

from __future__ import annotations

import io
import sys
import time

import pytest

from mktool.spec import DAY
from mktool.store import accounts
from mktool.store.accounts import Entry
from tests.box import LOGINS, Box
from tests.cli.conftest import Mktool

NOW = time.time()


def entry(account: str, **facts: object) -> None:
    about = {"home": "file", "origin": "https://slack.com", "name": "Bot", **facts}
    accounts.save(Entry("slack", account, **about))  # type: ignore[arg-type]  # fields of Entry


def test_none(mktool: Mktool) -> None:
    ran = mktool("accounts")
    assert (ran.code, ran.out) == (0, "")
    assert "mktool authorize PROVIDER" in ran.err


def test_states_and_advice(vault: None, mktool: Mktool, monkeypatch: pytest.MonkeyPatch) -> None:
    entry("a")
    entry("b", expires_at=NOW + 3 * DAY)
    entry("c", expires_at=NOW - 1)
    entry("d", dead="invalid_grant")
    entry("e", expires_at=NOW + 30 * DAY)
    entry("f", expires_at=NOW - 1, refreshable=True)
    ran = mktool("accounts")
    assert {row[0][-1]: (row[1], row[3]) for row in ran.rows} == {
        "a": ("connected", "not stated"), "b": ("expiring", "in 3 d"), "c": ("expired", "expired"),
        "d": ("auth_failed", "not stated"), "e": ("connected", "in 30 d"),
        "f": ("connected", "renews itself"),
    }  # fmt: skip
    assert "slack:d: invalid_grant: mktool authorize slack --account d" in ran.err
    monkeypatch.delenv("MKTOOL_VAULT_KEY")
    assert {row["state"] for row in mktool("accounts", "--json").json["data"]} == {"unreachable"}


def test_what_the_environment_supplies(mktool: Mktool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWITTER_BEARER_TOKEN", "canary-token")
    ran = mktool("accounts")
    assert "x: from the environment (TWITTER_BEARER_TOKEN)" in ran.err
    assert "canary" not in ran.out + ran.err


class TestAccountsApart:
    @pytest.fixture(autouse=True)
    def _work(self, box: Box, vault: None, mktool: Mktool, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"xoxb-sandbox-2\n")))
        line = ("authorize", "slack:work", "--token-stdin", "--field", "channel=#general")
        assert mktool(*line).code == 0

    def test_by_option_and_by_name(self, box: Box, mktool: Mktool) -> None:
        assert mktool("post", "slack", "--account", "work", "--text", "one").rows[0][0] == (
            "slack:work"
        )
        assert mktool("post", "slack:work", "--text", "one").code == 14
        assert mktool("post", "slack", "slack:work", "--text", "two").code == 0
        assert box.texts == ["one", "two", "two"]

    def test_that_is_not_there(self, mktool: Mktool) -> None:
        ran = mktool("post", "slack:home", "--text", "one")
        assert ran.code == 11
        assert "no account 'home' is connected; there is work" in ran.err
        assert "next: mktool authorize slack --account home" in ran.err

    def test_revoked(self, mktool: Mktool) -> None:
        ran = mktool("revoke", "slack", "--account", "work")
        assert (ran.code, ran.out) == (0, "slack:work: logged out\n")
        assert mktool("accounts", "--json").json["data"] == []
        ran = mktool("revoke", "slack:work")
        assert (ran.code, "no account 'work' is connected" in ran.err) == (2, True)


class TestProving:
    def test_one(self, box: Box, mktool: Mktool) -> None:
        ran = mktool("test-integration", "x")
        assert (ran.code, ran.rows[0][:2]) == (0, ["x", "ok"])
        assert box.items == []

    def test_one_that_fails(self, box: Box, mktool: Mktool) -> None:
        box.breaks("401=100%")
        ran = mktool("test-integration", "x", "--json")
        assert (ran.code, ran.json["status"]) == (11, "error")
        assert ran.json["errors"][0]["code"] == "unauthorized"
        assert mktool("test-integration", "x").rows[0][:2] == ["x", "failed"]

    def test_all_side_by_side(self, box: Box, mktool: Mktool) -> None:
        ran = mktool("test-integrations")
        assert ran.code == 0, ran.err
        assert [row[:2] for row in ran.rows] == [["linkedin", "ok"], ["slack", "ok"], ["x", "ok"]]
        box.breaks("401=100%:GET /2/users/me")
        ran = mktool("test-integrations", "--json")
        assert (ran.code, ran.json["status"]) == (6, "partial")
        assert [row["state"] for row in ran.json["data"]] == ["ok", "ok", "failed"]

    def test_a_sandbox_that_is_gone(self, mktool: Mktool, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MKTOOL_SANDBOX", "http://127.0.0.1:1")
        monkeypatch.setenv("MKTOOL_X_ACCESS_TOKEN", "token")
        monkeypatch.setenv("MKTOOL_MAX_WAIT", "0")
        ran = mktool("test-integration", "x")
        assert (ran.code, "unset MKTOOL_SANDBOX" in ran.err) == (16, True)

    def test_none(self, mktool: Mktool) -> None:
        ran = mktool("test-integrations")
        assert (ran.code, "no account is connected" in ran.err) == (2, True)

    def test_a_missing_login(
        self, box: Box, mktool: Mktool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in LOGINS:
            monkeypatch.delenv(name)
        assert mktool("test-integration", "x").code == 11


def test_metrics(box: Box, mktool: Mktool) -> None:
    mktool("post", "x", "--text", "hello")
    ran = mktool("metrics", "x", box.items[0].id)
    assert ran.code == 0
    assert "impression_count" in {row[0] for row in ran.rows}
    assert mktool("metrics", "slack", "1").code == 5
    assert mktool("metrics", "x", "999").code == 13
