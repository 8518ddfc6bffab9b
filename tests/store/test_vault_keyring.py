"""The keyring: a real gnome-keyring, and the ways in which one is not there."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import keyring.backend
import pytest
from keyring.errors import PasswordDeleteError, PasswordSetError

from mktool.errors import (
    MktoolError,
    VaultError,
    VaultLocked,
    VaultTampered,
    VaultTimeout,
    VaultUnreachable,
)
from mktool.store.accounts import Home
from mktool.store.locks import lock, lock_path
from mktool.store.vault import Vault
from mktool.store.vault.keyring import KeyringVault
from tests.peers import answer, answers, need, python
from tests.secret_service import SecretService
from tests.store.vault_contract import GET, SealedVaultContract, VaultContract


class TestSecretService(SealedVaultContract):
    home_name: Home = "keyring"
    kills = 6

    @pytest.fixture
    def vault(self, home: Path, secret_service: SecretService) -> Vault:
        return KeyringVault()

    @pytest.fixture
    def folders(self, home: Path, secret_service: SecretService) -> list[Path]:
        return [home, secret_service.data]

    def test_the_daemon_outlives_many_readers_and_writers(
        self, vault: Vault, secret_service: SecretService
    ) -> None:
        vault.put("x:default", {"token": "t"})
        writers = [
            python(
                "from mktool.store.vault import open_vault\n"
                f"for i in range(15): open_vault('keyring').put('x:w{n}', {{'i': i}})"
            )
            for n in range(4)
        ]
        readers = [
            python(
                "from mktool.store.vault import open_vault\n"
                "for _ in range(15): assert open_vault('keyring').get('x:default')"
            )
            for _ in range(4)
        ]
        answers(writers + readers)
        assert secret_service.daemon.poll() is None


class Small(keyring.backend.KeyringBackend):
    """A store with the size limit of Windows, in files of a folder so that it can be shared."""

    @property
    def folder(self) -> Path:
        return Path(os.environ["SMALL_KEYRING"])

    priority = 1

    def _path(self, service: str) -> Path:
        return self.folder / service.encode().hex()

    def get_password(self, service: str, username: str) -> str | None:
        path = self._path(service)
        return path.read_text("utf-8") if path.exists() else None

    def set_password(self, service: str, username: str, password: str) -> None:
        if len(password.encode("utf-16-le")) > 2560:
            raise PasswordSetError("The stub received bad data")
        temporary = self.folder / f"new-{os.getpid()}"
        temporary.write_text(password, "utf-8")
        temporary.replace(self._path(service))

    def delete_password(self, service: str, username: str) -> None:
        try:
            self._path(service).unlink()
        except FileNotFoundError:
            raise PasswordDeleteError(service) from None


@pytest.fixture
def small(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "small"
    folder.mkdir(0o700)
    monkeypatch.setenv("SMALL_KEYRING", str(folder))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", f"{__name__}.Small")
    return folder


def items(folder: Path) -> list[str]:
    return sorted(bytes.fromhex(path.name).decode() for path in folder.iterdir())


class TestSmallItems(VaultContract):
    """The same contract where an item takes 1280 characters."""

    home_name: Home = "keyring"
    kills = 6

    @pytest.fixture
    def vault(self, small: Path) -> Vault:
        return KeyringVault()


class TestParts:
    def test_a_small_record_is_one_plain_item(self, small: Path) -> None:
        KeyringVault().put("x:default", {"token": "t"})
        assert items(small) == ["mktool:x:default"]
        assert json.loads(next(small.iterdir()).read_text()) == {"token": "t"}

    def test_parts_of_earlier_records_are_removed(self, small: Path) -> None:
        vault = KeyringVault()
        for size in (4500, 2500, 3500, 10):
            vault.put("x:default", {"token": "t" * size})
            assert vault.get("x:default") == {"token": "t" * size}
            assert len(items(small)) == (1 if size < 1000 else 1 + size // 1000 + 1)

    def test_an_interrupted_write_keeps_the_old_record_and_is_cleaned_up_later(
        self, small: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        vault = KeyringVault()
        vault.put("x:default", {"token": "1" * 2500})
        whole = Small.set_password

        def fails_at_the_head(self: Small, service: str, username: str, password: str) -> None:
            if service == "mktool:x:default":
                raise PasswordSetError("power cut")
            whole(self, service, username, password)

        with monkeypatch.context() as patch:
            patch.setattr(Small, "set_password", fails_at_the_head)
            with pytest.raises(VaultError, match="PasswordSetError"):
                vault.put("x:default", {"token": "2" * 9500})
        assert vault.get("x:default") == {"token": "1" * 2500}
        vault.put("x:default", {"token": "3" * 1500})
        assert len(items(small)) == 3
        assert vault.delete("x:default")
        assert items(small) == []

    @pytest.mark.parametrize(
        ("item", "text"),
        [
            ("mktool-a1:x:default", "other"),
            ("mktool-a1:x:default", None),
            ("mktool:x:default", "parts:{}"),
            ("mktool:x:default", "parts:["),
            ("mktool:x:default", 'parts:{"id":"a","n":"many","sha256":""}'),
            ("mktool:x:default", "not a record"),
            ("mktool:x:default", "[1]"),
        ],
    )
    def test_a_record_that_is_not_whole_is_refused(
        self, small: Path, item: str, text: str | None
    ) -> None:
        vault = KeyringVault()
        vault.put("x:default", {"token": "t" * 2500})
        path = small / item.encode().hex()
        assert path.exists()
        if text is None:
            path.unlink()
        else:
            path.write_text(text)
        with pytest.raises(VaultTampered, match="'x:default'"):
            vault.get("x:default")
        vault.put("x:default", {"token": "mended"})
        assert vault.get("x:default") == {"token": "mended"}


class TestLocked:
    def test_unattended_it_is_refused_at_once(
        self, home: Path, secret_service: SecretService
    ) -> None:
        KeyringVault().put("x:default", {"token": "t"})
        secret_service.lock()
        for act in (
            KeyringVault().probe,
            lambda: KeyringVault().get("x:default"),
            lambda: KeyringVault().put("x:default", {}),
            lambda: KeyringVault().delete("x:default"),
        ):
            began = time.monotonic()
            with pytest.raises(VaultLocked, match="locked"):
                act()
            assert time.monotonic() - began < 1

    def test_at_a_terminal_without_a_desktop_too(
        self, home: Path, secret_service: SecretService
    ) -> None:
        secret_service.lock()
        with pytest.raises(VaultLocked):
            KeyringVault(interactive=True, timeout=5).get("x:default")

    def test_a_prompt_nobody_answers_ends(self, home: Path, secret_service: SecretService) -> None:
        silent = Silent()
        began = time.monotonic()
        with pytest.raises(VaultTimeout, match=r"within 0\.3 s"):
            KeyringVault(backend=silent, timeout=0.3).get("x:default")
        assert time.monotonic() - began < 1
        with pytest.raises(VaultTimeout, match=r"another mktool process|did not answer"):
            KeyringVault(timeout=0.3).get("x:default")  # the call left behind may still write
        silent.release()
        assert KeyringVault().get("x:default") is None

    def test_another_process_at_the_keyring_is_waited_for_and_named(
        self, home: Path, secret_service: SecretService
    ) -> None:
        with lock(lock_path("keyring"), 1), pytest.raises(VaultTimeout):
            KeyringVault(timeout=0.3).get("x:default")
        KeyringVault().probe()


class Silent(keyring.backend.KeyringBackend):
    """A store that waits until it is released, as one does that shows a prompt."""

    priority = 1

    def __init__(self) -> None:
        import threading

        self._open = threading.Event()

    def release(self) -> None:
        self._open.set()

    def get_password(self, service: str, username: str) -> str | None:
        self._open.wait()
        return None

    def set_password(self, service: str, username: str, password: str) -> None:
        self._open.wait()


@pytest.fixture
def hanging_bus(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A session bus whose socket accepts connections and never says a word."""
    import tempfile

    with (
        tempfile.TemporaryDirectory(prefix="mk-") as folder,
        socket.socket(socket.AF_UNIX) as listening,
    ):
        listening.bind(f"{folder}/bus")
        listening.listen()
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", f"unix:path={folder}/bus")
        yield


class TestNotThere:
    def test_without_a_bus_it_is_said_before_anything_is_imported(self, home: Path) -> None:
        said = answer(
            "import sys, time\n"
            "from mktool.errors import VaultUnreachable\n"
            "from mktool.store.vault import open_vault\n"
            "vault = open_vault('keyring'); began = time.perf_counter()\n"
            "try: vault.probe()\n"
            "except VaultUnreachable as error: print(error.code)\n"
            "print(time.perf_counter() - began < 0.1, 'keyring' in sys.modules)"
        )
        assert said.split() == ["vault_unreachable", "True", "False"]

    def test_a_bus_that_is_gone_is_unreachable(
        self, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", f"unix:path={home}/gone")
        with pytest.raises(VaultUnreachable) as caught:
            KeyringVault().probe()
        assert "DBUS_SESSION_BUS_ADDRESS" in caught.value.hint

    @pytest.mark.parametrize("address", ["nonsense", "tcp:host=localhost,port=1", "unix:", "a:b=c"])
    def test_an_odd_address_is_unreachable(
        self, home: Path, monkeypatch: pytest.MonkeyPatch, address: str
    ) -> None:
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", address)
        with pytest.raises(VaultUnreachable):
            KeyringVault().probe()

    def test_a_bus_that_never_answers_ends_in_bounded_time(self, hanging_bus: None) -> None:
        began = time.monotonic()
        with pytest.raises(VaultTimeout):
            KeyringVault(timeout=3).probe()
        assert time.monotonic() - began < 3

    def test_a_bus_without_a_secret_service_is_unreachable(
        self, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        need("dbus-daemon")
        config = tmp_path / "bus.conf"  # no folder of services: nothing can be started on demand
        config.write_text(
            "<busconfig><type>session</type><listen>unix:tmpdir=/tmp</listen>"
            '<policy context="default"><allow send_destination="*" eavesdrop="true"/>'
            '<allow eavesdrop="true"/><allow own="*"/></policy></busconfig>'
        )
        command = ["dbus-daemon", f"--config-file={config}", "--nofork", "--print-address=1"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as bus:
            assert bus.stdout is not None
            monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", bus.stdout.readline().strip())
            try:
                with pytest.raises(VaultUnreachable):
                    KeyringVault().probe()
            finally:
                bus.terminate()

    def test_the_usual_bus_is_found_without_its_variable(
        self, home: Path, secret_service: SecretService, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        usual = Path(f"/run/user/{os.getuid()}/bus")
        if os.getuid() != 0 or usual.exists():
            pytest.skip("needs a place of the system that is free and can be written")
        KeyringVault().put("x:default", {"token": "t"})
        made = [folder for folder in (usual.parent.parent, usual.parent) if not folder.exists()]
        for folder in made:
            folder.mkdir(0o755)
        usual.symlink_to(secret_service.address.removeprefix("unix:path="))
        try:
            monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS")
            assert json.loads(answer(GET, "keyring", "x:default")) == {"token": "t"}
        finally:
            usual.unlink()
            for folder in reversed(made):
                folder.rmdir()

    def test_a_daemon_that_dies_is_an_error_of_ours(
        self, home: Path, secret_service: SecretService
    ) -> None:
        vault = KeyringVault(timeout=3)
        vault.put("x:default", {"token": "t"})
        secret_service.daemon.kill()
        secret_service.daemon.wait()
        with pytest.raises(VaultError):
            vault.get("x:default")


PLAINTEXT = """
import keyring.backend
class PlaintextKeyring(keyring.backend.KeyringBackend):
    priority = 10
    def get_password(self, service, username): return None
    def set_password(self, service, username, password):
        open({path!r}, "a").write(password)
    def delete_password(self, service, username): pass
"""


class TestRefused:
    """Stores that would keep a secret in clear, or lose it, are never used."""

    @pytest.fixture
    def written(self, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """keyrings.alt as if it were installed; a write to its store would make this file."""
        written = tmp_path / "plaintext"
        package = tmp_path / "site" / "keyrings" / "alt"
        package.mkdir(parents=True)
        (package / "__init__.py").touch()
        (package / "file.py").write_text(PLAINTEXT.format(path=str(written)))
        (tmp_path / "site" / "disguise.py").write_text(
            "from keyrings.alt.file import PlaintextKeyring\nclass Keyring(PlaintextKeyring): pass"
        )
        monkeypatch.setenv("PYTHONPATH", str(package.parent.parent))
        return written

    @pytest.mark.parametrize(
        "backend",
        [
            "keyring.backends.fail.Keyring",
            "keyring.backends.null.Keyring",
            "keyring.backends.chainer.ChainerBackend",
            "keyrings.alt.file.PlaintextKeyring",
            "disguise.Keyring",
            "no.such.module.Keyring",
            "os.NoSuchClass",
            "nodots",
        ],
    )
    def test_even_if_the_environment_asks(
        self, written: Path, monkeypatch: pytest.MonkeyPatch, backend: str
    ) -> None:
        monkeypatch.setenv("PYTHON_KEYRING_BACKEND", backend)
        assert answer(PUT) == "vault_unreachable"
        assert not written.exists()

    def test_an_installed_one_is_not_found_by_search(self, written: Path) -> None:
        assert answer(PUT) == "vault_unreachable"
        assert not written.exists()

    def test_an_installed_one_next_to_a_real_one_is_passed_over(
        self, written: Path, secret_service: SecretService
    ) -> None:
        assert answer(PUT) == "kept"
        assert not written.exists()
        assert KeyringVault().get("x:default") == {"token": "CANARY"}
        assert KeyringVault().where() == "keyring.backends.SecretService.Keyring"


PUT = """
from mktool.errors import MktoolError
from mktool.store.vault import open_vault
try:
    open_vault("keyring").put("x:default", {"token": "CANARY"})
    print("kept")
except MktoolError as error:
    assert "CANARY" not in str(error) + error.hint
    print(error.code)
"""


class Talkative(keyring.backend.KeyringBackend):
    """A store that puts secrets into its errors."""

    priority = 1

    def __init__(self) -> None:
        pass

    def get_password(self, service: str, username: str) -> str | None:
        raise OSError("CANARY")

    def set_password(self, service: str, username: str, password: str) -> None:
        raise PasswordSetError(f"cannot write {password}")


def test_what_a_store_says_is_not_repeated(home: Path) -> None:
    vault = KeyringVault(backend=Talkative())
    uses: list[Callable[[], object]] = [
        lambda: vault.put("x:default", {"token": "CANARY"}),
        lambda: vault.get("x:default"),
    ]
    for act in uses:
        with pytest.raises(MktoolError) as caught:
            act()
        assert "CANARY" not in f"{caught.value}{caught.value.hint}{caught.value.__context__}"
        assert caught.value.__cause__ is None
