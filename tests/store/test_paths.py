"""Where files live and how they are written."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import platformdirs
import pytest

from mktool.errors import StorageError
from mktool.store.paths import (
    atomic_write,
    config_dir,
    data_dir,
    private_dir,
    remove_leftovers,
)
from tests.peers import answer


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize(
    "environ",
    [
        {"HOME": "/home/someone"},
        {"HOME": "/home/someone", "XDG_CONFIG_HOME": "/c", "XDG_DATA_HOME": "/d/"},
        {"HOME": "/home/someone", "XDG_CONFIG_HOME": "relative", "XDG_DATA_HOME": ""},
        {"HOME": "", "XDG_DATA_HOME": "/d"},
        {"HOME": "relative"},
        {},
    ],
)
def test_our_rule_is_that_of_platformdirs(
    monkeypatch: pytest.MonkeyPatch, environ: dict[str, str]
) -> None:
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "MKTOOL_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert config_dir() == platformdirs.user_config_path("mktool", appauthor=False)
    assert data_dir() == platformdirs.user_data_path("mktool", appauthor=False)


def test_one_variable_moves_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/someone")
    for value, meant in [
        (str(tmp_path / "m"), tmp_path / "m"),
        ("here", tmp_path / "here"),
        ("~/m", Path("/home/someone/m")),
    ]:
        monkeypatch.setenv("MKTOOL_HOME", value)
        assert (config_dir(), data_dir()) == (meant, meant)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no passwd there")
def test_a_user_without_a_home_is_told_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    import pwd

    def nobody(uid: int) -> None:
        raise KeyError(uid)

    for name in ("HOME", "XDG_DATA_HOME", "MKTOOL_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", nobody)
    with pytest.raises(StorageError) as caught:
        data_dir()
    assert "MKTOOL_HOME" in caught.value.hint


def test_folders_are_private_and_others_stay_as_they_are(tmp_path: Path, umask: int) -> None:
    tmp_path.chmod(0o755)
    made = private_dir(tmp_path / "a" / "b")
    assert [mode(p) for p in (made, made.parent, tmp_path)] == [0o700, 0o700, 0o755]
    assert private_dir(made) == made


@pytest.mark.parametrize("place", ["/proc/mktool/deep", "{file}/below"])
def test_a_folder_that_cannot_be_made_is_an_error_of_ours(tmp_path: Path, place: str) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(StorageError) as caught:
        private_dir(Path(place.format(file=file)))
    assert caught.value.hint


def test_a_written_file_is_private_and_alone(tmp_path: Path, umask: int) -> None:
    path = tmp_path / "new" / "file.json"
    atomic_write(path, b"one")
    atomic_write(path, b"two")
    assert path.read_bytes() == b"two"
    assert mode(path) == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_a_readable_file_becomes_private(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    path.write_bytes(b"old")
    path.chmod(0o644)
    atomic_write(path, b"new")
    assert mode(path) == 0o600


def test_a_failed_write_keeps_the_old_file_and_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    path.write_bytes(b"old")
    said = answer(
        "import resource, sys; from pathlib import Path\n"
        "from mktool.store.paths import atomic_write\n"
        "from mktool.errors import StorageError\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try: atomic_write(Path(sys.argv[1]), bytes(5000))\n"
        "except StorageError as error: print(error, '|', error.hint)",
        str(path),
    )
    assert said.startswith(f"cannot write {path}: File too large |")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_in_the_way_is_an_error_of_ours(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    path.mkdir()
    with pytest.raises(StorageError, match="cannot write"):
        atomic_write(path, b"")
    assert list(tmp_path.iterdir()) == [path]


def test_only_leftovers_of_this_file_are_removed(tmp_path: Path) -> None:
    for name in (".file-1", ".file-abc", ".other-1", "file.json", ".file"):
        (tmp_path / name).touch()
    remove_leftovers(tmp_path / "file.json")
    assert sorted(os.listdir(tmp_path)) == [".file", ".other-1", "file.json"]


def test_knowing_the_folders_loads_nothing_heavy() -> None:
    loaded = answer(
        "import sys; from mktool.store import paths, accounts, locks, vault; paths.data_dir();"
        "heavy = {'platformdirs', 'filelock', 'keyring', 'cryptography', 'httpx', 'ctypes'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    assert loaded == "[]"
