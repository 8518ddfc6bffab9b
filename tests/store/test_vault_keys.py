"""Where the key of the encrypted file comes from."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import pytest

from mktool.errors import VaultError, VaultNoKey
from mktool.model import Secret
from mktool.store.vault import keys

RAW = bytes(range(224, 256))  # its base64 holds both of the characters that differ in base64url
KEY = base64.b64encode(RAW).decode()


def write_key(path: Path, mode: int = 0o600, text: str = KEY) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n")
    path.chmod(mode)
    return path


def test_the_order_of_sources(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert keys.from_environment() is None
    found = []
    credentials = tmp_path / "credentials"
    write_key(credentials / "mktool-vault-key")
    for name, value in [
        ("MKTOOL_VAULT_PASSPHRASE", "correct horse"),
        ("CREDENTIALS_DIRECTORY", str(credentials)),
        ("MKTOOL_VAULT_KEY_FILE", str(write_key(tmp_path / "key"))),
        ("MKTOOL_VAULT_KEY", KEY),
    ]:
        monkeypatch.setenv(name, value)
        given = keys.from_environment()
        assert given is not None
        found.append(given.source.split(" (")[0])
    assert found == [
        "MKTOOL_VAULT_PASSPHRASE",
        str(credentials / "mktool-vault-key"),
        "MKTOOL_VAULT_KEY_FILE",
        "MKTOOL_VAULT_KEY",
    ]


@pytest.mark.parametrize(
    "text",
    [KEY, KEY + "\n", KEY.rstrip("="), base64.urlsafe_b64encode(RAW).decode(), f"  {KEY}\t\n"],
)
def test_any_base64_of_the_same_bytes_is_the_same_key(text: str) -> None:
    assert keys.given_key(Secret(text), "test").key(None).kid == keys.Key(RAW).kid


@pytest.mark.parametrize(
    "text", ["", "x", "é" * 43, KEY[:-4], KEY + KEY, RAW.hex(), "!" * 44, "A A" * 15]
)
def test_what_is_no_key_is_refused_without_being_shown(
    home: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    with pytest.raises(VaultNoKey) as caught:
        keys.given_key(Secret(text), "MKTOOL_VAULT_KEY")
    assert "openssl rand -base64 32" in caught.value.hint
    assert len(text) < 2 or text not in str(caught.value)


class TestKeyFile:
    @pytest.fixture(autouse=True)
    def _home(self, home: Path) -> None:
        pass

    def read(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> keys.Given | None:
        monkeypatch.setenv("MKTOOL_VAULT_KEY_FILE", str(path))
        return keys.from_environment()

    @pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o444])
    def test_one_that_others_can_read_is_refused(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int
    ) -> None:
        with pytest.raises(VaultError, match="not yours alone") as caught:
            self.read(write_key(tmp_path / "key", mode), monkeypatch)
        assert "chmod 600" in caught.value.hint

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
    def test_one_of_another_user_is_refused(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = write_key(tmp_path / "key")
        os.chown(path, 12345, -1)
        with pytest.raises(VaultError, match="not yours alone"):
            self.read(path, monkeypatch)

    def test_links_are_followed_and_what_they_name_is_judged(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        link = tmp_path / "link"
        link.symlink_to(write_key(tmp_path / "key"))
        assert self.read(link, monkeypatch) is not None
        (tmp_path / "key").chmod(0o644)
        with pytest.raises(VaultError, match="not yours alone"):
            self.read(link, monkeypatch)

    def test_systemd_chooses_the_mode_of_its_credentials(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
        assert self.read(write_key(tmp_path / "key", 0o440), monkeypatch) is not None
        with pytest.raises(VaultError, match="not yours alone"):
            self.read(write_key(tmp_path.parent / "beside", 0o440), monkeypatch)

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can write to /run")
    def test_so_do_docker_and_kubernetes(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        folder = Path("/run/secrets")
        made = not folder.exists()
        path = write_key(folder / f"mktool-test-{os.getpid()}", 0o444)
        try:
            link = tmp_path / "link"
            link.symlink_to(path)
            for name in (path, Path("/var/run/secrets") / path.name, link):
                assert self.read(name, monkeypatch) is not None
            aside = Path("/run/secrets/../..") / write_key(tmp_path / "key", 0o444)
            with pytest.raises(VaultError, match="not yours alone"):
                self.read(aside, monkeypatch)
        finally:
            path.unlink()
            if made:
                folder.rmdir()

    def test_what_cannot_be_read_is_an_error_of_ours(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for path in (tmp_path / "gone", tmp_path):
            with pytest.raises(VaultNoKey, match="cannot read the key file"):
                self.read(path, monkeypatch)
        pipe = tmp_path / "pipe"
        os.mkfifo(pipe, 0o600)
        with pytest.raises(VaultError):
            self.read(pipe, monkeypatch)


def test_a_key_is_never_shown() -> None:
    given = keys.given_key(Secret(KEY), "test")
    shown = f"{given!r}{given}{given.key(None)!r}{given.key(None)}"
    assert KEY not in shown
    assert RAW.hex() not in shown
    assert repr(RAW)[2:-1] not in shown


def test_sub_keys_are_made_for_one_purpose_each() -> None:
    key = keys.Key(RAW)
    assert len({key.kid, key.data_key()[:16].hex(), RAW[:16].hex()}) == 3
    assert len(key.data_key()) == 32
