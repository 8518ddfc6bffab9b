"""Times as people write them: `--at "tomorrow 9:00"`, `--grace 2h`."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ..errors import InvalidInput

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
UNITS = {
    word: size
    for size, words in (
        (1, "s second seconds"), (60, "m min minute minutes"), (3600, "h hour hours"),
        (86400, "d day days"), (604800, "w week weeks"),
    )
    for word in words.split()
}  # fmt: skip
EXAMPLES = "2026-12-01T09:00, tomorrow 9:00, friday 14:30, 18:00, in 2h, all with an optional zone"


def seconds(text: str) -> float:
    """Return the seconds of "90s", "15m", "1h", "2d" or "1w"; `InvalidInput` otherwise."""
    found = re.fullmatch(r"\s*(\d{1,6})\s*([a-z]+)\s*", text.lower())
    unit = UNITS.get(found[2]) if found else None
    if not found or not unit:
        raise InvalidInput(f"{text!r} is not a length of time", hint="write 90s, 15m, 1h or 2d")
    return float(int(found[1]) * unit)


def moment(text: str, now: float, zone: str = "") -> tuple[float, str]:
    """Return (epoch seconds, how to show it, with its time zone).

    ``zone`` is the default; a zone name or offset at the end of ``text`` wins. A moment in the
    past, or one that the clock change skips, is `InvalidInput`.
    """
    words, named = _zone(text.strip(), zone)
    current = datetime.fromtimestamp(now, UTC).astimezone(named)
    try:
        local = _parse(words, current)
        at = _resolved(local, named, text)
    except (ValueError, OverflowError):
        raise InvalidInput(f"{text!r} is not a time", hint=EXAMPLES) from None
    if at.timestamp() <= now:
        raise InvalidInput(f"{text!r} is in the past: {shown(at)}", hint=EXAMPLES)
    return at.timestamp(), shown(at)


def check(text: str) -> None:
    """Raise `InvalidInput` for what is no time, whenever it is read; one that passed is one."""
    words, named = _zone(text.strip(), "")
    try:
        _parse(words, datetime.now(UTC).astimezone(named))
    except (ValueError, OverflowError):
        raise InvalidInput(f"{text!r} is not a time", hint=EXAMPLES) from None


def ago(seconds: float) -> str:
    """Return "2 hours ago", in the largest unit that it fills."""
    for size, word in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if count := int(seconds // size):
            return f"{count} {word}{'s' * (count > 1)} ago"
    return "just now"


def shown(at: datetime) -> str:
    """Return "Tue 2026-12-01 09:00 CET (UTC+01:00)"."""
    offset = at.strftime("%z")
    name = at.tzinfo.key if isinstance(at.tzinfo, ZoneInfo) else at.tzname() or ""
    tail = f"UTC{offset[:3]}:{offset[3:5]}"
    label = f"{name} ({tail})" if name and not name.startswith(("UTC", "+", "-")) else tail
    return f"{at:%a %Y-%m-%d %H:%M} {label}"


def _zone(text: str, default: str) -> tuple[str, tzinfo | None]:
    """Split a trailing zone name off; None is the zone of this machine."""
    words, _, last = text.rpartition(" ")
    if words and re.fullmatch(r"[A-Za-z_]+/[A-Za-z0-9_+/-]+|UTC|GMT|Z", last):
        return words, _named("UTC" if last == "Z" else last)
    return text, _named(default) if default else None


def _named(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidInput(f"unknown time zone {name!r}", hint="such as Europe/Amsterdam") from None


def _parse(text: str, now: datetime) -> datetime:
    """Return a naive local time, or an aware one where the text holds an offset."""
    words = text.lower().split()
    if words and words[0] == "in":
        # In UTC: an hour is an hour, also where the clock changes.
        after = timedelta(seconds=seconds(" ".join(words[1:])))
        return (now.astimezone(UTC) + after).astimezone(
            now.tzinfo if isinstance(now.tzinfo, ZoneInfo) else None
        )
    if words and (day := _day(words[0], now.date())) is not None:
        at = datetime.combine(day, _clock(words[1:]))
        passed = at <= now.replace(tzinfo=None) and words[0] not in ("today", "tomorrow")
        return at + timedelta(weeks=1) if passed else at
    if re.fullmatch(r"\d{1,2}(:\d{2})?\s?([ap]m)?", text.lower()):
        today = datetime.combine(now.date(), _clock(words))
        return today if today > now.replace(tzinfo=None) else today + timedelta(days=1)
    found = datetime.fromisoformat(re.sub(r"^(\d{4}-\d\d-\d\d[ T])(\d:)", r"\g<1>0\2", text))
    if len(text) <= 10:
        raise ValueError("a date without a time of day")
    return found


def _day(word: str, today: date) -> date | None:
    """Return the day that a word names: a weekday is the next one, today included."""
    if word in ("today", "tomorrow"):
        return today + timedelta(days=word == "tomorrow")
    day = next((n for n, d in enumerate(DAYS) if len(word) >= 3 and d.startswith(word)), None)
    if day is None:
        return None
    return today + timedelta(days=(day - today.weekday()) % 7)


def _clock(words: list[str]) -> time:
    found = re.fullmatch(r"(?:at )?(\d{1,2})(?::(\d{2}))?\s?([ap]m)?", " ".join(words))
    if not found:
        raise ValueError("no time of day")
    hour, half = int(found[1]), found[3]
    if half:
        if not 1 <= hour <= 12:
            raise ValueError("hour")
        hour = hour % 12 + (12 if half == "pm" else 0)
    return time(hour, int(found[2] or 0))


def _resolved(at: datetime, zone: tzinfo | None, text: str) -> datetime:
    if at.tzinfo is not None:
        return at
    aware = at.replace(tzinfo=zone) if zone else at.astimezone()
    back = aware.astimezone(UTC).astimezone(zone)
    if back.replace(tzinfo=None) != at:
        raise InvalidInput(f"{text!r}: the clock change skips that time", hint=EXAMPLES)
    return aware
