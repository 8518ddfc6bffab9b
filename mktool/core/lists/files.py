"""The files that lists are in: one to read has to be there, one to write is replaced whole."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkstemp
from typing import TextIO

from ...errors import InvalidInput, StorageError


def existing(path: Path, source: str) -> Path:
    """Return the path; `InvalidInput` if there is no such file."""
    try:
        if stat.S_ISDIR(path.stat().st_mode):
            raise InvalidInput(f"{source}: is a directory", hint=f"name a file: ls {path}")
    except FileNotFoundError:
        hint = f"ls {path.parent}"
        raise InvalidInput(f"{source}: there is no file {path}", hint=hint) from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise InvalidInput(
            f"{source}: {getattr(error, 'strerror', error)}", hint="is that the name of a file?"
        ) from None
    return path


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[TextIO]:
    """Open a file that takes the place of ``path`` when it is complete, and not before."""
    if path.exists() and not path.is_file():
        raise InvalidInput(f"{path}: is no file", hint="name a file, or - for standard output")
    temporary = ""
    try:
        fd, temporary = mkstemp(prefix=f".{path.stem}-", dir=path.parent)
        with open(fd, "w", encoding="utf-8", newline="", errors="replace") as file:
            yield file
            file.flush()
            os.fsync(fd)
        os.replace(temporary, path)
    except OSError as error:
        _remove(temporary)
        if not temporary:
            raise InvalidInput(f"{path}: {error.strerror}", hint=f"ls -ld {path.parent}") from None
        raise StorageError(
            f"{path}: {error.strerror}", hint="free some space, then run it again"
        ) from None
    except BaseException:
        _remove(temporary)
        raise


def _remove(path: str) -> None:
    with contextlib.suppress(OSError):
        os.unlink(path)
