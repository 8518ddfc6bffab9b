"""
The schema of a report, version 1, and how a report is read after it.

Written by hand rather than with a validator: the values have to be converted anyway, a person
reads the words about what is wrong, and nothing has to be imported for it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, tzinfo
from typing import Any, TypeVar, get_args

from ...errors import InvalidInput
from ...report import Action, Person, Priority, Report, Status

MOST_FAULTS = 20
DEEPEST = 20  # of metadata
HINT = "mktool export --schema prints what a report may hold"

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?([Zz]|[+-]\d\d:?\d\d)?")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_LINK = re.compile(r"https?://[^\s<>\"]+", re.IGNORECASE)
_EMAIL = re.compile(r"[^\s@<>]+@[^\s@<>]+")
_NAMED = re.compile(r"(?P<name>[^<>]*)<(?P<email>[^\s@<>]+@[^\s@<>]+)>")

T = TypeVar("T")
Path = tuple[str | int, ...]
Read = Callable[[Any], Any]


class Wrong(ValueError):
    """One value is not what it should be; the text says what it should be."""


class Faults:
    """What is wrong with a report: all of it, so that a file is mended in one go."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def add(self, path: Path, problem: str) -> None:
        where = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
        self.found.append(f"{where.removeprefix('.')}: {problem}" if where else problem)

    def check(self, source: str) -> None:
        """Raise `InvalidInput` if there is any."""
        if not self.found:
            return
        if len(self.found) == 1:
            raise InvalidInput(f"{source}: {self.found[0]}", hint=HINT)
        lines = "".join(f"\n  {fault}" for fault in self.found[:MOST_FAULTS])
        more = len(self.found) - MOST_FAULTS
        tail = f"\n  and {more} more" if more > 0 else ""
        raise InvalidInput(f"{source}: {len(self.found)} values are wrong:{lines}{tail}", hint=HINT)

    def value(self, path: Path, value: Any, read: Callable[[Any], T], default: T) -> T:
        """Return a value as ``read`` makes it, or the default and a fault."""
        if value is None:
            return default
        try:
            return read(value)
        except Wrong as reason:
            self.add(path, str(reason))
            return default

    def values(
        self, path: Path, data: Mapping[str, Any], reads: Mapping[str, Read]
    ) -> dict[str, Any]:
        """Return what an object holds, each value as its key reads it, and nothing else."""
        for name in data:
            if name not in reads:
                self.add((*path, _shown_key(name)), f"there is no such key{near(name, reads)}")
        found = {
            name: self.value((*path, name), data.get(name), read, None)
            for name, read in reads.items()
        }
        return {name: value for name, value in found.items() if value is not None}

    def each(self, path: Path, value: Any, read: Callable[[Path, Any], T | None]) -> tuple[T, ...]:
        """Return the members of a list."""
        if value is None:
            return ()
        if not isinstance(value, list):
            self.add(path, f"must be a list, not {_shown(value)}")
            return ()
        made = (read((*path, at), member) for at, member in enumerate(value))
        return tuple(one for one in made if one is not None)


def schema() -> dict[str, Any]:
    """Return the JSON schema of a report (draft 2020-12)."""
    from importlib.resources import files

    text = (files(__package__) / "report.schema.json").read_text("utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def report_of(data: Mapping[str, Any], source: str) -> Report:
    """Return the report that an object of this schema is.

    Raises `InvalidInput` with the path of each wrong value, twenty at most.
    """
    faults = Faults()
    plain = faults.values((), data, {**_PLAIN, **dict.fromkeys(_LISTS, _as_is)})
    for name in _LISTS:
        plain.pop(name, None)
    if "title" not in plain and data.get("title") is None:
        faults.add(("title",), "is missing")
    # A wrong zone is said once, not again of each time.
    zone = plain.pop("timezone", None) or (UTC if data.get("timezone") else None)
    plain.pop("version", None)
    for name in ("start", "end"):
        at = plain.pop(name, None)
        plain[name] = faults.value((name,), at, lambda at: _zoned(at, zone), None)
    if plain["start"] and plain["end"] and plain["end"] < plain["start"]:
        faults.add(("end",), "is before start")
    lists: dict[str, Any] = {
        "participants": faults.each(
            ("participants",), data.get("participants"), lambda *at: _person(faults, *at)
        ),
        "actions": faults.each(("actions",), data.get("actions"), lambda *at: _action(faults, *at)),
    }
    for name in ("key_points", "decisions"):
        lists[name] = faults.each(
            (name,), data.get(name), lambda path, one: faults.value(path, one, filled, None)
        )
    faults.check(source)
    return Report(**plain, **lists)


def as_data(report: Report) -> dict[str, Any]:
    """Return a report as an object of this schema, without what is not known."""
    zone = next((at.tzinfo for at in (report.start, report.end) if at), None)
    data: dict[str, Any] = {
        "version": 1,
        "id": report.id,
        "title": report.title,
        "start": report.start and report.start.isoformat(),
        "end": report.end and report.end.isoformat(),
        "timezone": getattr(zone, "key", ""),  # of a ZoneInfo
        "participants": [_known(one._asdict()) for one in report.participants],
        "summary": report.summary,
        "key_points": [*report.key_points],
        "decisions": [*report.decisions],
        "actions": [_action_data(action) for action in report.actions],
        "link": report.link,
        "transcript": report.transcript,
        "transcript_link": report.transcript_link,
        "metadata": dict(report.metadata),
    }
    return _known(data)


def _action_data(action: Action) -> dict[str, Any]:
    return _known({
        "text": action.text,
        "owner": action.owner and _known(action.owner._asdict()),
        "due": action.due and action.due.isoformat(),
        "priority": action.priority,
        "status": action.status,
        "link": action.link,
    })  # fmt: skip


def _known(data: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in data.items() if value not in (None, "", [], {})}


# -- values ------------------------------------------------------------------------------------


def _as_is(value: Any) -> Any:
    return value


def text(value: Any) -> str:
    """Return text of any number of lines, which end with a newline each."""
    if not isinstance(value, str):
        quotes = ": write it in quotes" if isinstance(value, int | float) else ""
        raise Wrong(f"must be text, not {_shown(value)}{quotes}")
    if bad := _CONTROL.search(value):
        kind = "half a character" if bad[0] >= "\ud800" else "a control character"
        raise Wrong(f"holds {kind}, U+{ord(bad[0]):04X}, at {bad.start()}")
    return value.replace("\r\n", "\n").replace("\r", "\n")


def line(value: Any) -> str:
    found = text(value).strip()
    if "\n" in found:
        raise Wrong("must be one line")
    return found


def filled(value: Any) -> str:
    found = text(value).strip()
    if not found:
        raise Wrong("is empty")
    return found


def title(value: Any) -> str:
    found = line(value)
    if not found:
        raise Wrong("is empty")
    return found


def link(value: Any) -> str:
    found = line(value)
    if found and not _LINK.fullmatch(found):
        raise Wrong(f"{_shown(found)} is not an address (https://…)")
    return found


def email(value: Any) -> str:
    found = line(value)
    if found and not _EMAIL.fullmatch(found):
        raise Wrong(f"{_shown(found)} is not an e-mail address")
    return found


def day(value: Any) -> date | None:
    """Return a date; None for an empty text."""
    found = line(value)
    try:
        if found and not _DATE.fullmatch(found):
            raise ValueError
        return date.fromisoformat(found) if found else None
    except ValueError:
        raise Wrong(f"{_shown(found)} is not a date (YYYY-MM-DD)") from None


def time(value: Any) -> datetime | None:
    """Return a time, without a zone where the text has none; None for an empty text."""
    found = line(value)
    if not found:
        return None
    try:
        if not _TIME.fullmatch(found):
            raise ValueError
        return datetime.fromisoformat(found.upper().replace(",", "."))
    except ValueError:
        raise Wrong(f"{_shown(found)} is not a time (2026-12-01T09:00:00+01:00)") from None


def zone(value: Any) -> tzinfo | None:
    from zoneinfo import ZoneInfo

    found = line(value)
    try:
        return ZoneInfo(found) if found else None
    except (KeyError, ValueError, OSError):  # such as the name of a folder of the database
        raise Wrong(f"{_shown(found)} is no time zone (such as Europe/Amsterdam)") from None


def _zoned(at: datetime, place: tzinfo | None) -> datetime:
    try:
        if at.tzinfo is not None:
            return at.astimezone(place) if place else at
        if place is None:
            raise Wrong("has no offset: add one (+01:00), or say the timezone")
        made = at.replace(tzinfo=place)
        if made.astimezone(UTC).astimezone(place).replace(tzinfo=None) != at:
            raise Wrong(f"the clock change of {place} skips that time")
        return made
    except OverflowError:
        raise Wrong(f"{at.isoformat()} is out of range") from None


def one_of(*allowed: str) -> Read:
    def read(value: Any) -> str | None:
        found = line(value)
        if found and found not in allowed:
            raise Wrong(f"{_shown(found)} is none of {', '.join(allowed)}")
        return found or None

    return read


def _version(value: Any) -> int:
    if value != 1 or isinstance(value, bool):
        raise Wrong(f"{_shown(value)} is not known: this mktool reads version 1")
    return 1


def _free(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Wrong(f"must be an object, not {_shown(value)}")
    level: list[Any] = [value]
    for _ in range(DEEPEST):
        level = [inner for outer in level for inner in _inside(outer)]
        if not level:
            return value
    raise Wrong(f"is nested deeper than {DEEPEST} levels")


def _inside(value: Any) -> Sequence[Any]:
    """Return what a value holds; its own texts are checked."""
    if isinstance(value, dict):
        for key in value:
            text(key)
        return [*value.values()]
    if isinstance(value, str):
        text(value)
    return value if isinstance(value, list) else ()


_PLAIN: Mapping[str, Read] = {
    "version": _version, "id": line, "title": title, "start": time, "end": time, "timezone": zone,
    "summary": text, "link": link, "transcript": text, "transcript_link": link, "metadata": _free,
}  # fmt: skip
_LISTS = ("participants", "key_points", "decisions", "actions")
_PERSON: Mapping[str, Read] = {"name": line, "email": email}
_ACTION: Mapping[str, Read] = {
    "text": filled, "owner": _as_is, "due": day, "priority": one_of(*get_args(Priority)),
    "status": one_of(*get_args(Status)), "link": link,
}  # fmt: skip


def person_of(words: str) -> Person:
    """Return whom "Ada", "ada@example.com" or "Ada <ada@example.com>" names."""
    if named := _NAMED.fullmatch(words):
        return Person(named["name"].strip('" '), named["email"])
    return Person("", words) if _EMAIL.fullmatch(words) else Person(words)


def _person(faults: Faults, path: Path, value: Any) -> Person | None:
    if isinstance(value, str):
        return faults.value(path, value, lambda words: person_of(title(words)), None)
    if not isinstance(value, dict):
        faults.add(path, f"must be text or an object, not {_shown(value)}")
        return None
    found = Person(**faults.values(path, value, _PERSON))
    return found if found != Person() else None


def _action(faults: Faults, path: Path, value: Any) -> Action | None:
    if not isinstance(value, dict):
        faults.add(path, f"must be an object, not {_shown(value)}")
        return None
    found = faults.values(path, value, _ACTION)
    if value.get("text") is None:
        faults.add((*path, "text"), "is missing")
    owner = found.pop("owner", None)
    who = _person(faults, (*path, "owner"), owner) if owner else None
    return Action(**{"text": "", **found}, owner=who)


def _shown(value: Any) -> str:
    """Return a value as it is in JSON, or what kind it is."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, str):
        words = ascii(value) if _CONTROL.search(value) else repr(value)
        return words if len(words) <= 60 else f"{words[:58]}…'"
    return json.dumps(value, default=str)[:60]


def _shown_key(name: str) -> str:
    shown = name if len(name) <= 60 else f"{name[:58]}…"
    return ascii(shown)[1:-1] if _CONTROL.search(shown) else shown


def near(name: str, known: Mapping[str, Any]) -> str:
    import difflib

    usual = _ALIASES.get(name[:60].lower().replace("-", "_").replace(" ", "_"))
    close = [usual] if usual in known else difflib.get_close_matches(name[:60].lower(), known, n=1)
    return f"; did you mean {close[0]}?" if close else ""


_ALIASES = {
    "action_items": "actions", "tasks": "actions", "todos": "actions", "next_steps": "actions",
    "attendees": "participants", "people": "participants", "url": "link", "tz": "timezone",
    "assignee": "owner", "due_date": "due", "description": "text", "title": "text",
    "start_time": "start", "end_time": "end", "transcript_url": "transcript_link",
    "highlights": "key_points", "notes": "summary", "time_zone": "timezone",
}  # fmt: skip
