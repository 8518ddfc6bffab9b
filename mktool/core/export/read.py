"""A file as a report: JSON of ours, JSON of a note taker, or Markdown with front matter."""

from __future__ import annotations

import codecs
import json
import stat
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from ...errors import InvalidInput
from ...report import Report
from .notes import notes_of
from .schema import HINT, report_of
from .sources import Source, all_sources, detected, mapped

MB = 1024 * 1024
LARGEST = 50 * MB
OURS = "mktool"


def read(path: Path | str, source: str = "", own: Mapping[str, Source] | None = None) -> Report:
    """Return the report in a file, or in standard input for "-".

    ``source`` names the note taker it comes from, and ``own`` are those of the configuration;
    without a name, the keys tell. Raises `InvalidInput` with the path of each wrong value.
    """
    name = "standard input" if str(path) == "-" else str(path)
    return report_in(_text(_bytes(path, name), name), name, source, own)


def report_in(
    text: str, name: str, source: str = "", own: Mapping[str, Source] | None = None
) -> Report:
    """Return the report that a text is; ``name`` is what errors call it."""
    sources = all_sources(own or {})
    if source and source not in (OURS, *sources):
        raise InvalidInput(
            f"unknown source {source}", hint=f"one of {', '.join(sorted((OURS, *sources)))}"
        )
    start = text[:200].lstrip().lower()
    if start.startswith(("<!doctype", "<html", "<?xml")):
        raise InvalidInput(f"{name}: this is HTML, not a report", hint="export it as JSON")
    if not start:
        raise InvalidInput(f"{name} is empty", hint=HINT)
    json_like = start.startswith("{") or (start.startswith("[") and not name.endswith(".md"))
    if not json_like and not name.endswith(".json") and source in ("", OURS):
        return report_of(notes_of(text, name), name)
    data = _one(_json(text, name), name)
    which = source or ("" if "version" in data else detected(data, sources))
    return report_of(data if which in ("", OURS) else mapped(data, which, sources), name)


def _bytes(path: Path | str, name: str) -> bytes:
    if str(path) == "-":
        return _limited(sys.stdin.buffer, name)
    file = Path(path)
    try:
        if not stat.S_ISREG(file.stat().st_mode):  # opening a pipe could wait for ever
            raise InvalidInput(f"{name}: is not a file", hint="- reads standard input")
        with file.open("rb") as opened:
            return _limited(opened, name)
    except FileNotFoundError:
        raise InvalidInput(f"{name}: there is no such file", hint=HINT) from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = getattr(error, "strerror", None) or error
        raise InvalidInput(f"{name}: {reason}", hint="is it the right file?") from None


def _limited(file: BinaryIO, name: str) -> bytes:
    raw = file.read(LARGEST + 1)
    if len(raw) > LARGEST:
        raise InvalidInput(f"{name}: larger than {LARGEST // MB} MB", hint="is it the right file?")
    return raw


def _text(raw: bytes, name: str) -> str:
    """Return the text of a file: UTF-8, or UTF-16 and UTF-32 that say so with a mark."""
    encoding = "utf-8-sig"
    if raw.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        encoding = "utf-32"
    elif raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError as error:
        raise InvalidInput(
            f"{name}: not {encoding.upper().removesuffix('-SIG')} (byte {error.start})",
            hint=f"iconv -f cp1252 -t utf-8 {name}",
        ) from None


def _json(text: str, name: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_object, parse_constant=_constant)
    except json.JSONDecodeError as error:
        problem = f"line {error.lineno}, column {error.colno}: this is no JSON: {error.msg}"
    except RecursionError:
        problem = "nested too deeply"
    except ValueError as error:  # a key that is there twice, NaN, a number of 5000 digits
        problem = "a number is too long" if "digits" in str(error) else str(error)
    raise InvalidInput(f"{name}: {problem}", hint=HINT)


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        times = Counter(name for name, _ in pairs)
        twice = next(name for name in times if times[name] > 1)
        raise ValueError(f"the key {twice[:60]!a} is there twice")
    return found


def _constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number of JSON")


def _one(data: Any, name: str) -> dict[str, Any]:
    """Return the one report of a file; some exports are lists."""
    if isinstance(data, list) and len(data) == 1:
        data = data[0]
    if isinstance(data, list):
        raise InvalidInput(f"{name}: a list of {len(data)}", hint="write each report into a file")
    if not isinstance(data, dict):
        raise InvalidInput(f"{name}: must be an object", hint=HINT)
    return data
