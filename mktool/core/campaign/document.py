"""A TOML file written by a person: every mistake in it is said with file, line and key."""

from __future__ import annotations

import codecs
import re
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ...errors import InvalidInput
from .locate import key_lines
from .values import shown

MB = 1024 * 1024
MAX_DOCUMENT = MB
INIT = "mktool send-campaign --init writes an example with every key"


class Key(NamedTuple):
    """A key of the file: how its value is read, and what a right one looks like."""

    read: Callable[[Any], Any]
    example: str


class Document:
    """A file that was read. ``data`` is what is in it, as `tomllib` has it; ``keys`` are the
    keys that it may have outside sections.

    Raises `InvalidInput` where there is no file, no UTF-8 or no TOML.
    """

    def __init__(self, path: Path, keys: Mapping[str, Key]) -> None:
        self.path, self.keys = path, keys
        self.text = read_text(path, MAX_DOCUMENT)
        self.data = self._parsed()

    def _parsed(self) -> dict[str, Any]:
        import tomllib

        try:
            return tomllib.loads(self.text + "\n")  # its errors give no line at the very end
        except RecursionError:
            raise InvalidInput(f"{self.path}: nested too deeply", hint=INIT) from None
        except ValueError as error:
            found = re.fullmatch(r"(.+) \(at line (\d+), (column \d+)\)", str(error))
            place, words = (f":{found[2]}", f"{found[1]} ({found[3]})") if found else ("", error)
            twice = re.match("Cannot (overwrite|declare|redefine)", str(error))
            hint = 'text stands in quotes, "…", or """…""" over several lines'
            raise InvalidInput(
                f"{self.path}{place}: this is no TOML: {words}",
                hint="write each key and each [section] once" if twice else hint,
            ) from None

    def error(self, key: tuple[str, ...], problem: str, hint: str) -> InvalidInput:
        """Return the error about a key, with its line if it is in the file."""
        line = key_lines(self.text).get(key)
        place = f"{self.path}:{line}" if line else f"{self.path}"
        return InvalidInput(f"{place}: {'.'.join(key)}: {problem}", hint=hint)

    def section(self, name: str) -> dict[str, Any]:
        """Return a table of the file, empty where there is none."""
        found = self.data.get(name, {})
        if not isinstance(found, dict):
            raise self.error((name,), f"must be a section, not {shown(found)}", f"[{name}]")
        return found

    def read(self, data: Mapping[str, Any], keys: Mapping[str, Key], *at: str) -> dict[str, Any]:
        """Return the values of the table ``at``; `InvalidInput` if one is unknown or wrong."""
        values = {}
        for name, value in data.items():
            if name not in keys:
                astray = at and name in self.keys
                hint = f"move it above [{at[0]}]" if astray else _near(name, keys)
                raise self.error((*at, name), "there is no such key", hint)
            values[name] = self.value((*at, name), value, keys[name])
        return values

    def value(self, path: tuple[str, ...], value: Any, key: Key) -> Any:
        """Return one value as its key reads it."""
        try:
            return key.read(value)
        except ValueError as error:
            raise self.error(path, str(error), f"such as {key.example}") from None
        except RecursionError:
            raise self.error(path, "nested too deeply", f"such as {key.example}") from None


def read_text(path: Path, limit: int) -> str:
    """Return the text of a file, lines ended by a newline; `InvalidInput` if it is not UTF-8.

    ``limit`` is in bytes.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # opening a pipe could wait for ever
            raise InvalidInput(f"{path}: is not a file", hint=f"ls -ld {path}")
        with path.open("rb") as file:
            raw = file.read(limit + 1)
    except FileNotFoundError:
        raise InvalidInput(f"{path}: there is no such file", hint=INIT) from None
    except OSError as error:
        raise InvalidInput(f"{path}: {error.strerror}", hint=f"ls -ld {path}") from None
    if len(raw) > limit:
        raise InvalidInput(f"{path}: larger than {limit // MB} MB", hint="is it the right file?")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        marked = raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        raise InvalidInput(
            f"{path}: not UTF-8 (byte {error.start})",
            hint=f"iconv -f {'utf-16' if marked else 'cp1252'} -t utf-8 {path}",
        ) from None
    if "\0" in text:
        raise InvalidInput(f"{path}: holds NUL characters", hint="is it the right file?")
    return text.replace("\r\n", "\n")


def _near(name: str, keys: Mapping[str, Key]) -> str:
    import difflib

    close = difflib.get_close_matches(name[:100].lower(), keys, n=1)
    if close:
        return f"did you mean {close[0]}? {keys[close[0]].example}"
    return f"known here: {', '.join(keys)}" if len(keys) < 9 else INIT
