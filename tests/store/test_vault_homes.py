"""Which vault an account goes to, how it moves, and how both stand."""

from __future__ import annotations

from pathlib import Path

import pytest

from mktool.errors import (
    Busy,
    NeedsLogin,
    VaultError,
    VaultLocked,
    VaultNoKey,
    VaultTimeout,
    VaultUnreachable,
)
from mktool.model import Secret
from mktool.store import accounts
from mktool.store.accounts import Entry
from mktool.store.locks import lock, lock_path
from mktool.store.vault import choose_home, move, open_vault, status
from mktool.store.vault.file import FileVault
from mktool.store.vault.keyring import KeyringVault
from tests.secret_service import SecretService

RECORD = {"access_token": "a", "refresh_token": "r"}


class TestChoice:
    def test_auto_is_the_keyring(self, vault_key: str, secret_service: SecretService) -> None:
        vault, note = choose_home("auto")
        assert (vault.home, note) == ("keyring", "")

    def test_auto_is_the_file_where_there_is_no_keyring_and_says_so(self, vault_key: str) -> None:
        vault, note = choose_home("auto")
        assert vault.home == "file"
        assert "no D-Bus session" in note
        assert "encrypted file" in note

    def test_neither_keyring_nor_key_is_an_error_with_three_ways_out(self, home: Path) -> None:
        with pytest.raises(VaultUnreachable) as caught:
            choose_home("auto")
        for way in ("MKTOOL_VAULT_KEY=", "MKTOOL_VAULT_KEY_FILE", "MKTOOL_VAULT_PASSPHRASE"):
            assert way in caught.value.hint
        assert not home.exists() or list(home.glob("*.json")) == []

    def test_a_locked_keyring_is_never_replaced_by_the_file(
        self, vault_key: str, secret_service: SecretService
    ) -> None:
        secret_service.lock()
        with pytest.raises(VaultLocked):
            choose_home("auto")

    def test_nor_is_one_that_is_busy(
        self, vault_key: str, secret_service: SecretService, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("mktool.store.vault.keyring._UNATTENDED", 0.2)
        with lock(lock_path("keyring"), 1), pytest.raises(VaultTimeout):
            choose_home("auto")

    def test_what_is_asked_for_is_taken_or_refused(
        self, vault_key: str, secret_service: SecretService, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert choose_home("file")[0].home == "file"
        assert choose_home("keyring")[0].home == "keyring"
        monkeypatch.delenv("MKTOOL_VAULT_KEY")
        with pytest.raises(VaultNoKey):
            choose_home("file")
        monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS")
        with pytest.raises(VaultUnreachable):
            choose_home("keyring")

    def test_a_passphrase_can_be_typed_at_a_terminal_only(self, home: Path) -> None:
        def ask(prompt: str) -> Secret:
            return Secret("correct horse")

        with pytest.raises(VaultUnreachable):
            choose_home("auto", interactive=False, ask=ask)
        vault, _ = choose_home("auto", interactive=True, ask=ask)
        vault.put("x:default", RECORD)
        assert open_vault("file", interactive=True, ask=ask).get("x:default") == RECORD


class TestMove:
    @pytest.fixture(autouse=True)
    def _account(self, vault_key: str, secret_service: SecretService) -> None:
        KeyringVault().put("x:default", RECORD)
        accounts.save(Entry("x", "default", "keyring", "https://api.example", name="Acme"))

    def home_of_account(self) -> str:
        entry = accounts.find("x", "default")
        assert entry is not None
        assert entry.name == "Acme"
        return entry.home

    def test_there_and_back(self) -> None:
        assert move("x:default", "file")
        assert self.home_of_account() == "file"
        assert FileVault().get("x:default") == RECORD
        assert KeyringVault().get("x:default") is None
        assert move("x:default", "keyring")
        assert self.home_of_account() == "keyring"
        assert KeyringVault().get("x:default") == RECORD
        assert FileVault().get("x:default") is None

    def test_again_is_nothing_and_clears_what_a_crash_left(self) -> None:
        move("x:default", "file")
        KeyringVault().put("x:default", {"stale": True})
        assert not move("x:default", "file")
        assert KeyringVault().get("x:default") is None
        assert FileVault().get("x:default") == RECORD

    def test_again_where_the_other_cannot_be_reached(self, monkeypatch: pytest.MonkeyPatch) -> None:
        move("x:default", "file")
        monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS")
        assert not move("x:default", "file")

    def test_a_target_that_cannot_be_written_changes_nothing(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("MKTOOL_VAULT_KEY")
        with pytest.raises(VaultNoKey):
            move("x:default", "file")
        assert self.home_of_account() == "keyring"
        assert KeyringVault().get("x:default") == RECORD

    def test_a_source_that_cannot_be_read_changes_nothing(
        self, secret_service: SecretService
    ) -> None:
        secret_service.lock()
        with pytest.raises(VaultLocked):
            move("x:default", "file")
        assert self.home_of_account() == "keyring"
        assert FileVault().get("x:default") is None

    def test_an_unknown_account_and_a_lost_credential_are_told_apart(self) -> None:
        with pytest.raises(NeedsLogin, match="there is no account x:work"):
            move("x:work", "file")
        KeyringVault().delete("x:default")
        with pytest.raises(NeedsLogin, match="gone from the keyring") as caught:
            move("x:default", "file")
        assert caught.value.hint == "mktool authorize x"

    def test_a_renewal_under_way_is_waited_for(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("mktool.store.accounts._ACCOUNT_SECONDS", 0.1)
        with lock(lock_path("x:default"), 1), pytest.raises(Busy, match="holds x:default"):
            move("x:default", "file")
        assert self.home_of_account() == "keyring"


class TestStatus:
    def test_both_usable(self, vault_key: str, secret_service: SecretService, home: Path) -> None:
        for account, kept in (("a", "file"), ("b", "file"), ("c", "keyring")):
            accounts.save(Entry("x", account, "file" if kept == "file" else "keyring", ""))
        keyring, file = status()
        assert (keyring.home, keyring.accounts, keyring.problem) == ("keyring", 1, "")
        assert keyring.where == "keyring.backends.SecretService.Keyring"
        assert (file.home, file.accounts, file.problem) == ("file", 2, "")
        assert (file.where, file.key) == (str(home / "vault.json"), "MKTOOL_VAULT_KEY")
        assert file.warning == ""

    def test_neither_usable(self, home: Path) -> None:
        for one in status():
            assert one.problem
            assert one.hint

    def test_a_key_beside_the_file_is_warned_of(
        self, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        home.mkdir()
        key = home / "key"
        key.write_text("A" * 43 + "=")
        key.chmod(0o600)
        monkeypatch.setenv("MKTOOL_VAULT_KEY_FILE", str(key))
        assert "backup" in status()[1].warning

    def test_a_broken_file_is_reported_not_raised(self, vault_key: str, home: Path) -> None:
        FileVault().put("x:default", RECORD)
        (home / "vault.json").write_bytes(b"{")
        assert "cut off" in status()[1].problem


def test_cron_is_told_where_the_account_lives(
    home: Path, secret_service: SecretService, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_vault("keyring").put("x:default", RECORD)
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS")
    with pytest.raises(VaultError) as caught:
        open_vault("keyring").get("x:default")
    assert caught.value.code == "vault_unreachable"
    assert "encrypted file" in caught.value.hint
