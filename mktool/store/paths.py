"""Where files live, and how they are written."""

from __future__ import annotations

import os
import sys
from errno import EACCES, EDQUOT, EFBIG, EINVAL, ENOSPC, EPERM, EROFS
from pathlib import Path

from ..errors import StorageError
from . import folders

_HINTS = {
    ENOSPC: "free some disk space, then run the command again",
    EDQUOT: "the disk quota is used up: free some space, then run the command again",
    EFBIG: "raise the limit on file sizes (ulimit -f), then run the command again",
    EROFS: "the file system is read-only: set MKTOOL_HOME to a folder that can be written",
    EACCES: "let this user read and write there, or set MKTOOL_HOME to another folder",
    EPERM: "let this user read and write there, or set MKTOOL_HOME to another folder",
}


def config_dir() -> Path:
    """Return the folder of ``config.toml``; nothing is created.

    Raises `StorageError` if there is neither a home folder nor ``MKTOOL_HOME``.
    """
    folder = folders.config()
    return Path(folder) if folder else _elsewhere("user_config_path")


def data_dir() -> Path:
    """Return the folder of ledger, accounts, encrypted file and locks; nothing is created.

    Raises `StorageError` if there is neither a home folder nor ``MKTOOL_HOME``.
    """
    if folder := folders.data():
        return Path(folder)
    found = _elsewhere("user_data_path")
    return found / folders.world() if folders.in_sandbox() else found


def private_dir(path: Path) -> Path:
    """Return ``path``; what is missing of it is created 0700, whatever the umask.

    Raises `StorageError` if it cannot be created.
    """
    try:
        missing = [folder for folder in (path, *path.parents) if not folder.exists()]
        for folder in reversed(missing):
            folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise storage_error("create", path, error) from None
    return path


def atomic_write(path: Path, data: bytes) -> None:
    """Replace ``path`` by a file of mode 0600 holding ``data``: readers see the old or the new.

    It is on the disk when this returns. Raises `StorageError`; the old file is then intact.
    """
    from tempfile import mkstemp

    private_dir(path.parent)
    try:
        fd, temporary = mkstemp(prefix=_leftover_prefix(path), dir=path.parent)
        try:
            with os.fdopen(fd, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        _sync_dir(path.parent)
    except OSError as error:
        raise storage_error("write", path, error) from None


def remove_leftovers(path: Path) -> None:
    """Delete what killed writers of ``path`` left behind; call it only while no other can write."""
    for leftover in path.parent.glob(_leftover_prefix(path) + "*"):
        leftover.unlink(missing_ok=True)


def storage_error(verb: str, path: Path, error: OSError) -> StorageError:
    """Return the error that says what the disk refused and what to do about it."""
    reason = error.strerror or type(error).__name__
    hint = _HINTS.get(error.errno or 0, "check the disk and the rights on this path")
    return StorageError(f"cannot {verb} {path}: {reason}", hint=hint)


def _elsewhere(function: str) -> Path:
    if sys.platform == "linux":
        raise StorageError("this user has no home folder", hint="set MKTOOL_HOME=DIR")
    import platformdirs

    found: Path = getattr(platformdirs, function)("mktool", appauthor=False)
    return found


def _leftover_prefix(path: Path) -> str:
    return f".{path.stem}-"


def _sync_dir(folder: Path) -> None:
    if sys.platform == "win32":  # a folder cannot be opened there
        return
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    except OSError as error:
        if error.errno != EINVAL:  # some network file systems have no such call
            raise
    finally:
        os.close(fd)
