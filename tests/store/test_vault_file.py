"""The encrypted file: what it refuses, and what it survives."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mktool.errors import (
    MktoolError,
    StorageError,
    VaultError,
    VaultNoKey,
    VaultTampered,
    VaultTimeout,
    VaultWrongKey,
)
from mktool.model import Secret
from mktool.store.accounts import Home
from mktool.store.locks import lock, lock_path
from mktool.store.vault import Vault, keys
from mktool.store.vault.file import FileVault
from tests.peers import answer, answers, python
from tests.store.vault_contract import SealedVaultContract

OTHER_KEY = base64.b64encode(b"o" * 32).decode()


class TestContract(SealedVaultContract):
    home_name: Home = "file"
    rounds = 25

    @pytest.fixture
    def vault(self, vault_key: str) -> Vault:
        return FileVault()

    @pytest.fixture
    def folders(self, home: Path) -> list[Path]:
        return [home]


@pytest.fixture
def vault(vault_key: str) -> FileVault:
    made = FileVault()
    made.put("x:default", {"token": "one"})
    made.put("y:default", {"token": "two"})
    return made


def edit(vault: FileVault, change: Callable[[dict[str, Any]], object]) -> None:
    header = json.loads(vault.path.read_bytes())
    change(header)
    vault.path.write_text(json.dumps(header))


def every_use(vault: FileVault) -> list[Callable[[], object]]:
    return [vault.probe, lambda: vault.get("x:default"), lambda: vault.put("x:new", {})]


def swap(header: dict[str, Any]) -> None:
    records = header["records"]
    records["x:default"], records["y:default"] = records["y:default"], records["x:default"]


def flip(header: dict[str, Any]) -> None:
    sealed = bytearray(base64.b64decode(header["records"]["x:default"]["c"]))
    sealed[0] ^= 1
    header["records"]["x:default"]["c"] = base64.b64encode(sealed).decode()


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (swap, VaultTampered),
        (flip, VaultTampered),
        (lambda h: h["records"].update({"x:default": {"n": "", "c": "!"}}), VaultTampered),
        (lambda h: h["records"].update({"x:default": None}), VaultTampered),
        (lambda h: h["records"].update({"x:default": {"n": 1}}), VaultTampered),
        (lambda h: h.update(kid="é"), VaultWrongKey),
        (lambda h: h.update(kid=None), VaultTampered),
        (lambda h: h.update(records=[]), VaultTampered),
        (lambda h: h.update(format="other"), VaultTampered),
        (lambda h: h.pop("kdf"), VaultTampered),
        (lambda h: h.update(v="1"), VaultError),
    ],
)
def test_an_altered_file_is_refused(
    vault: FileVault, change: Callable[[dict[str, Any]], object], error: type[MktoolError]
) -> None:
    edit(vault, change)
    with pytest.raises(error) as caught:
        FileVault().get("x:default")
    assert caught.value.hint


def test_a_swapped_record_is_named(vault: FileVault) -> None:
    edit(vault, swap)
    with pytest.raises(VaultTampered, match=r"'y:default' in .* was altered or moved"):
        vault.get("y:default")


@pytest.mark.parametrize("size", [0, 1, 40, -1])
def test_a_truncated_file_is_refused_and_kept(vault: FileVault, size: int) -> None:
    cut = vault.path.read_bytes()[:size]
    vault.path.write_bytes(cut)
    for act in every_use(vault):
        with pytest.raises(VaultTampered, match="cut off"):
            act()
    assert vault.path.read_bytes() == cut


@pytest.mark.parametrize("data", [b"[]", b"null", b"\xff\xfe", b"[" * 100_000])
def test_a_foreign_file_is_refused(vault: FileVault, data: bytes) -> None:
    vault.path.write_bytes(data)
    with pytest.raises(VaultTampered):
        vault.probe()


def test_a_newer_file_is_left_alone(vault: FileVault) -> None:
    edit(vault, lambda h: h.update(v=2))
    before = vault.path.read_bytes()
    with pytest.raises(VaultError, match="newer than this mktool"):
        vault.put("x:default", {"token": "t"})
    assert vault.path.read_bytes() == before


def test_another_key_is_told_from_tampering(
    vault: FileVault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MKTOOL_VAULT_KEY", OTHER_KEY)
    before = vault.path.read_bytes()
    for act in every_use(FileVault()):
        with pytest.raises(VaultWrongKey, match="MKTOOL_VAULT_KEY"):
            act()
    assert vault.path.read_bytes() == before


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
def test_a_file_others_can_read_is_refused(vault: FileVault, mode: int) -> None:
    vault.path.chmod(mode)
    with pytest.raises(VaultError, match="can be read by others") as caught:
        vault.get("x:default")
    assert f"chmod 600 {vault.path}" in caught.value.hint


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_another_user_is_refused(vault: FileVault) -> None:
    os.chown(vault.path, 12345, -1)
    with pytest.raises(VaultError, match="belongs to another user"):
        vault.get("x:default")


def test_a_symbolic_link_is_refused(vault: FileVault) -> None:
    elsewhere = vault.path.rename(vault.path.with_name("elsewhere.json"))
    vault.path.symlink_to(elsewhere)
    with pytest.raises(VaultError, match="symbolic link"):
        vault.get("x:default")


def test_a_pipe_does_not_hang_it(vault: FileVault) -> None:
    vault.path.unlink()
    os.mkfifo(vault.path, 0o600)
    with pytest.raises(VaultError, match="is not a file"):
        vault.probe()


def test_a_folder_in_its_place_is_an_error_of_ours(home: Path, vault_key: str) -> None:
    (home / "vault.json").mkdir(parents=True)
    with pytest.raises(StorageError, match="Is a directory"):
        FileVault().put("x:default", {})


def test_without_a_key_nothing_is_written(home: Path) -> None:
    for act in (FileVault().probe, lambda: FileVault().put("x:default", {"token": "t"})):
        with pytest.raises(VaultNoKey) as caught:
            act()
        for way in ("MKTOOL_VAULT_KEY=", "MKTOOL_VAULT_KEY_FILE", "passphrase"):
            assert way in caught.value.hint
    assert not (home / "vault.json").exists()


def test_one_that_is_there_asks_for_its_own_key_not_for_a_new_one(
    vault: FileVault, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault.put("x:default", {"token": "t"})
    monkeypatch.delenv("MKTOOL_VAULT_KEY")
    with pytest.raises(VaultNoKey) as caught:
        FileVault().get("x:default")
    assert caught.value.hint.startswith("give the key it was made with")


def test_what_killed_writers_left_is_removed_by_the_next(vault: FileVault) -> None:
    leftovers = [vault.path.with_name(f".vault-{n}") for n in range(3)]
    for path in leftovers:
        path.write_bytes(b"{}")
    other = vault.path.with_name(".accounts-1")
    other.write_bytes(b"{}")
    vault.put("x:default", {"token": "three"})
    assert [path.exists() for path in leftovers] == [False] * 3
    assert other.exists()


def test_reading_needs_no_lock_and_writing_does(
    vault: FileVault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mktool.store.vault.file._LOCK_SECONDS", 0.1)
    with lock(lock_path("vault"), 1):
        assert vault.get("x:default") == {"token": "one"}
        with pytest.raises(VaultTimeout):
            vault.put("x:default", {"token": "t"})


def test_deleting_needs_no_key(vault: FileVault, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MKTOOL_VAULT_KEY")
    assert FileVault().delete("x:default")
    assert vault.get("y:default") == {"token": "two"}


class TestRekey:
    def test_every_record_is_sealed_under_the_new_key(
        self, vault: FileVault, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert vault.rekey(keys.given_key(Secret(OTHER_KEY), "stdin")) == 2
        assert vault.get("x:default") == {"token": "one"}
        with pytest.raises(VaultWrongKey):
            FileVault().get("x:default")
        monkeypatch.setenv("MKTOOL_VAULT_KEY", OTHER_KEY)
        assert FileVault().get("y:default") == {"token": "two"}

    def test_one_bad_record_leaves_all_as_they_were(self, vault: FileVault) -> None:
        edit(vault, flip)
        before = vault.path.read_bytes()
        with pytest.raises(VaultTampered):
            vault.rekey(keys.given_key(Secret(OTHER_KEY), "stdin"))
        assert vault.path.read_bytes() == before
        assert vault.get("y:default") == {"token": "two"}

    def test_from_a_key_to_a_passphrase(
        self, vault: FileVault, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        vault.rekey(keys.Given(Secret("correct horse"), "stdin", passphrase=True))
        monkeypatch.delenv("MKTOOL_VAULT_KEY")
        monkeypatch.setenv("MKTOOL_VAULT_PASSPHRASE", "correct horse")
        assert FileVault().get("x:default") == {"token": "one"}

    def test_there_must_be_a_file(self, vault_key: str) -> None:
        with pytest.raises(VaultError, match="no encrypted file"):
            FileVault().rekey(keys.given_key(Secret(OTHER_KEY), "stdin"))


FILL = """
import sys
from mktool.errors import StorageError
from mktool.store.vault.file import FileVault
try:
    FileVault().put("x:big", {"token": "t" * 200_000})
except StorageError as error:
    print(error, "|", error.hint)
"""


def test_a_full_disk_leaves_the_old_file(
    tmp_path: Path, vault_key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k,mode=700", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root can mount a small disk; a file size limit is tried below")
    try:
        monkeypatch.setenv("MKTOOL_HOME", str(disk))
        FileVault().put("x:default", {"token": "t"})
        said = answer(FILL)
        assert "No space left on device" in said
        assert "free some disk space" in said
        assert FileVault().get("x:default") == {"token": "t"}
        assert sorted(p.name for p in disk.iterdir()) == ["locks", "vault.json"]
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_file_size_limit_leaves_the_old_file(vault: FileVault) -> None:
    limited = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))" + FILL
    assert "ulimit -f" in answer(limited)
    assert vault.get("x:default") == {"token": "one"}
    assert list(vault.path.parent.glob(".vault-*")) == []


def test_a_folder_that_cannot_be_made_is_said(
    vault_key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MKTOOL_HOME", "/proc/mktool")
    with pytest.raises(StorageError, match="/proc/mktool"):
        FileVault().put("x:default", {"token": "t"})


PUT_WITH_PASSPHRASE = """
import sys
from mktool.store.vault import open_vault
open_vault("file").put(f"x:{sys.argv[1]}", {"who": sys.argv[1]})
"""


class TestPassphrase:
    @pytest.fixture
    def asked(self, home: Path) -> list[str]:
        return []

    def vault(self, asked: list[str], *typed: str) -> FileVault:
        answers = iter(typed)

        def ask(prompt: str) -> Secret:
            asked.append(prompt)
            return Secret(next(answers))

        return FileVault(ask=ask)

    def test_a_new_one_is_asked_twice_and_a_known_one_once(self, asked: list[str]) -> None:
        made = self.vault(asked, "correct horse", "correct horse")
        made.put("x:default", {"token": "t"})
        made.put("y:default", {"token": "t"})
        assert len(asked) == 2
        later = self.vault(asked, "correct horse")
        assert later.get("x:default") == later.get("y:default") == {"token": "t"}
        assert len(asked) == 3

    def test_probe_and_a_missing_record_ask_nothing(self, asked: list[str]) -> None:
        self.vault(asked).probe()
        assert self.vault(asked).get("x:default") is None
        assert asked == []

    @pytest.mark.parametrize("typed", [("correct horse", "wrong horse"), ("short", "short"), ("",)])
    def test_a_new_one_that_will_not_do_makes_no_file(
        self, asked: list[str], home: Path, typed: tuple[str, ...]
    ) -> None:
        with pytest.raises(VaultNoKey):
            self.vault(asked, *typed, "").put("x:default", {"token": "t"})
        assert not (home / "vault.json").exists()

    def test_a_wrong_one_is_told(self, asked: list[str]) -> None:
        self.vault(asked, "correct horse", "correct horse").put("x:default", {"token": "t"})
        with pytest.raises(VaultWrongKey, match="passphrase"):
            self.vault(asked, "wrong horse").get("x:default")

    def test_the_derivation_is_in_the_file(self, asked: list[str], home: Path) -> None:
        self.vault(asked, "correct horse", "correct horse").put("x:default", {"token": "t"})
        kdf = json.loads((home / "vault.json").read_bytes())["kdf"]
        assert (kdf["alg"], kdf["n"], kdf["r"], kdf["p"]) == ("scrypt", 32768, 8, 1)
        assert len(base64.b64decode(kdf["salt"])) == 16

    @pytest.mark.parametrize(
        "change",
        [
            {"n": 2**40},
            {"n": 3},
            {"r": -1},
            {"alg": "md5"},
            {"salt": 1},
            {"salt": "é"},
            {"p": None},
        ],
    )
    def test_an_absurd_derivation_is_refused(
        self, asked: list[str], home: Path, change: dict[str, object]
    ) -> None:
        made = self.vault(asked, "correct horse", "correct horse")
        made.put("x:default", {"token": "t"})
        edit(made, lambda h: h["kdf"].update(change))
        with pytest.raises(VaultTampered):
            self.vault(asked, "correct horse").get("x:default")

    def test_one_that_is_open_follows_a_change_of_salt(self, asked: list[str]) -> None:
        open_one = self.vault(asked, "correct horse", "correct horse")
        open_one.put("x:default", {"token": "t"})
        same = keys.Given(Secret("correct horse"), "stdin", passphrase=True)
        self.vault(asked, "correct horse").rekey(same)
        assert open_one.get("x:default") == {"token": "t"}

    def test_processes_that_make_the_file_at_once_agree(
        self, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MKTOOL_VAULT_PASSPHRASE", "correct horse")
        answers([python(PUT_WITH_PASSPHRASE, str(n)) for n in range(8)])
        assert [FileVault().get(f"x:{n}") for n in range(8)] == [{"who": str(n)} for n in range(8)]

    def test_a_key_file_needs_a_key(self, vault_key: str, monkeypatch: pytest.MonkeyPatch) -> None:
        FileVault().put("x:default", {"token": "t"})
        monkeypatch.delenv("MKTOOL_VAULT_KEY")
        monkeypatch.setenv("MKTOOL_VAULT_PASSPHRASE", "correct horse")
        with pytest.raises(VaultWrongKey, match="is opened by a key"):
            FileVault().get("x:default")


def test_probing_does_not_load_the_cipher(vault: FileVault) -> None:
    loaded = answer(
        "import sys; from mktool.store.vault import open_vault; open_vault('file').probe();"
        "heavy = {'cryptography', 'keyring', 'filelock', 'platformdirs'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    assert loaded == "[]"


def test_names_of_keys_and_values_stay_out_of_errors(
    vault: FileVault, vault_key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit(vault, flip)
    with pytest.raises(VaultTampered) as caught:
        vault.get("x:default")
    shown = repr(caught.value) + caught.value.hint + repr(vault._given) + repr(vault._derived)
    assert vault_key not in shown
    assert caught.value.__suppress_context__
