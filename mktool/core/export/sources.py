"""Reports as note takers export them, brought into our shape; where they keep what is data."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from ...errors import ConfigError, InvalidInput

Source = Mapping[str, Any]

UNTITLED = "Meeting"
_PLACES = (
    "id", "title", "start", "end", "minutes", "seconds", "link", "transcript_link", "summary",
)  # fmt: skip
_LISTS: Mapping[str, tuple[str, ...]] = {
    "participants": ("each", "name", "email"),
    "key_points": ("each", "label", "text"),
    "decisions": ("each", "label", "text"),
    "actions": (
        "each", "label", "text", "owner", "email", "due", "priority", "done", "link",
    ),
    "transcript": ("each", "at", "seconds", "speaker", "text"),
}  # fmt: skip
_KEYS = ("detect", "inside", *_PLACES, *_LISTS)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_BULLET = re.compile(r"(?:[-*•·]|\d{1,3}[.)]|\[[ xX]?\]|[-*] \[[ xX]?\])\s+")
_BOLD = re.compile(r"\*\*(?P<name>[^*]+?):?\*\*:?")
_EMAIL = re.compile(r"[^\s@<>]+@[^\s@<>]+")
_ADDRESS = re.compile(r"https?://[^\s<>\"]+", re.IGNORECASE)
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_PRIORITIES = {"low", "normal", "high", "urgent"}
_EPOCH = re.compile(r"\d{9,13}(?:\.\d+)?")
_SINCE_1970 = 10_000_000_000  # numbers above are milliseconds, below seconds
_MOST_HOURS = 1000


@cache
def known() -> Mapping[str, Source]:
    """Return the sources that come with mktool, by name."""
    from importlib.resources import files

    return tomllib.loads((files(__package__) / "sources.toml").read_text("utf-8"))


def all_sources(own: Mapping[str, Source]) -> dict[str, Source]:
    """Return those of the configuration, then those that come with mktool.

    Raises `ConfigError` where one of ``own`` cannot be one.
    """
    for name, source in own.items():
        _check(name, source)
    return {**own, **{name: source for name, source in known().items() if name not in own}}


def detected(data: Any, sources: Mapping[str, Source]) -> str:
    """Return the name of the source whose keys an export has, or ""."""
    for name, source in sources.items():
        wanted = _paths(source.get("detect"))
        inner = _inside(data, source)
        if wanted and all(_at(inner, path) is not _NOTHING for path in wanted):
            return name
    return ""


def mapped(data: Any, name: str, sources: Mapping[str, Source]) -> dict[str, Any]:
    """Return an export as an object of our schema; `InvalidInput` for an unknown source.

    What a note taker got wrong, as an address that is none, is left out.
    """
    if name not in sources:
        raise InvalidInput(f"unknown source {name}", hint=f"one of {', '.join(sorted(sources))}")
    source = sources[name]
    inner = _inside(data, source)
    report: dict[str, Any] = {
        key: _line(_first(inner, source.get(key)))
        for key in ("id", "title", "link", "transcript_link")
    }
    report["title"] = report["title"] or UNTITLED
    for key in ("link", "transcript_link"):
        report[key] = report[key] if _ADDRESS.fullmatch(report[key]) else ""
    report |= _times(inner, source)
    report["summary"] = _text(_first(inner, source.get("summary")))
    report["participants"] = [*_people(inner, source.get("participants", {}))]
    for key in ("key_points", "decisions"):
        items = _items(inner, source.get(key, {}))
        report[key] = [text for text, _, _ in items]
    report["actions"] = [*_actions(inner, source.get("actions", {}))]
    report["transcript"] = _transcript(inner, source.get("transcript", {}))
    return report


# -- places ------------------------------------------------------------------------------------

_NOTHING = object()


def _at(data: Any, path: str) -> Any:
    """Return what lies at a path such as ``a.b.0``, or _NOTHING."""
    for step in path.split("."):
        if isinstance(data, Mapping) and step in data:
            data = data[step]
        elif isinstance(data, list) and step.isdecimal() and int(step) < len(data):
            data = data[int(step)]
        else:
            return _NOTHING
    return data


def _first(data: Any, places: Any) -> Any:
    """Return the first of some places that holds something, or None."""
    for path in _paths(places):
        value = _at(data, path)
        if value is not _NOTHING and value not in (None, "", [], {}):
            return value
    return None


def _paths(places: Any) -> Sequence[str]:
    return [places] if isinstance(places, str) else places or ()


def _inside(data: Any, source: Source) -> Any:
    for path in _paths(source.get("inside")):
        inner = _at(data, path)
        if isinstance(inner, Mapping):
            return inner
    return data


# -- values ------------------------------------------------------------------------------------


def _text(value: Any) -> str:
    if isinstance(value, list):
        flat = (_text(one) for one in value if not isinstance(one, list))
        return "\n".join(filter(None, flat))
    if value is None or isinstance(value, Mapping | bool):
        return ""
    words = str(value).replace("\r\n", "\n").replace("\r", "\n")
    return _CONTROL.sub("", words).strip()


def _line(value: Any) -> str:
    return " ".join(_text(value).split())


def _times(data: Any, source: Source) -> dict[str, str]:
    start = _moment(_first(data, source.get("start")))
    end = _moment(_first(data, source.get("end")))
    if start and not end:
        minutes, seconds = (
            _number(_first(data, source.get(key))) for key in ("minutes", "seconds")
        )
        length = timedelta(minutes=minutes, seconds=seconds)
        end = start + length if length else None
    if start and end and end < start:
        end = None
    return {key: at.isoformat() for key, at in (("start", start), ("end", end)) if at}


def _number(value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return 0.0
    return number if 0 < number < _MOST_HOURS * 3600 else 0.0


def _moment(value: Any) -> datetime | None:
    """Return a time; without an offset it is UTC, as in all of these exports."""
    words = _line(value)
    try:
        if _EPOCH.fullmatch(words):
            number = float(words)
            return datetime.fromtimestamp(number / (1000 if number > _SINCE_1970 else 1), UTC)
        at = datetime.fromisoformat(words)
    except (ValueError, OverflowError, OSError):
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _members(data: Any, places: Any) -> Sequence[Any]:
    """Return the members of a list; the lines of a text are its members, too."""
    found = _first(data, places)
    if isinstance(found, str):
        return [line for line in _text(found).split("\n") if line.strip()]
    return found if isinstance(found, list) else [found] if found is not None else []


def _people(data: Any, place: Source) -> Iterator[dict[str, str]]:
    for member in _members(data, place.get("each")):
        if isinstance(member, Mapping):
            name, email = (_line(_first(member, place.get(key))) for key in ("name", "email"))
        else:
            words = _line(member)
            name, email = ("", words) if _EMAIL.fullmatch(words) else (words, "")
        email = email if _EMAIL.fullmatch(email) else ""
        if name or email:
            yield {"name": name, "email": email}


def _items(data: Any, place: Source) -> Iterator[tuple[str, str, Any]]:
    """Yield (text, who the heading above it names, the member itself) of each list item."""
    above = ""
    for member in _members(data, place.get("each")):
        if isinstance(member, Mapping):
            label, text = (_text(_first(member, place.get(key))) for key in ("label", "text"))
            words = f"{label}: {text}" if label and text and label != text else text or label
        else:
            words = _BULLET.sub("", _text(member), count=1)
            if heading := _BOLD.fullmatch(words):
                above = heading["name"].strip()
                continue
        if words:
            yield words, above, member


def _actions(data: Any, place: Source) -> Iterator[dict[str, Any]]:
    for text, above, member in _items(data, place):
        owner, email, due, priority, link = (
            _line(_first(member, place.get(key)))
            for key in ("owner", "email", "due", "priority", "link")
        )
        name = owner or ("" if above.lower() == "unassigned" else above)
        email = email if _EMAIL.fullmatch(email) else ""
        yield {
            "text": text,
            "owner": {"name": name, "email": email} if name or email else None,
            "due": found[0] if (found := _DAY.match(due)) else None,
            "priority": priority.lower() if priority.lower() in _PRIORITIES else None,
            "status": "done" if _first(member, place.get("done")) is True else None,
            "link": link if _ADDRESS.fullmatch(link) else None,
        }


def _transcript(data: Any, place: Source) -> str:
    lines = []
    for member in _members(data, place.get("each")):
        if isinstance(member, Mapping):
            at, speaker, text = (
                _line(_first(member, place.get(key))) for key in ("at", "speaker", "text")
            )
            at = at or _clock(_first(member, place.get("seconds")))
            said = f"{speaker}: {text}" if speaker else text
            lines.append(f"[{at}] {said}" if at else said)
        else:
            lines.append(_text(member))
    return "\n".join(filter(None, lines))


def _clock(value: Any) -> str:
    if value is None:
        return ""
    seconds = int(_number(value))
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


# -- sources of the configuration --------------------------------------------------------------


def _check(name: str, source: Source) -> None:
    for key, value in source.items():
        where = f"[report.{name}] {key}"
        if key not in _KEYS:
            raise ConfigError(f"{where}: there is no such key", hint=f"known: {', '.join(_KEYS)}")
        if key in _LISTS:
            _check_list(where, key, value)
        elif not _is_place(value):
            raise ConfigError(f"{where} must be a path, or a list of paths",
                              hint=f'{key} = "meeting.{key}"')  # fmt: skip


def _check_list(where: str, key: str, value: Any) -> None:
    example = f'{key} = {{ each = "…", {", ".join(f"{one} = …" for one in _LISTS[key][1:])} }}'
    if not isinstance(value, Mapping) or "each" not in value:
        raise ConfigError(f"{where} must be a table with each", hint=example)
    for part, place in value.items():
        if part not in _LISTS[key] or not _is_place(place):
            raise ConfigError(f"{where}: {part} is no path that it knows", hint=example)


def _is_place(value: Any) -> bool:
    members = value if isinstance(value, list) else [value]
    return all(isinstance(member, str) and member for member in members)
