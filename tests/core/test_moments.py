"""Times as people write them."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from mktool.core.moments import ago, moment, seconds
from mktool.errors import InvalidInput

AMSTERDAM = "Europe/Amsterdam"


def _utc(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


NOW = _utc("2026-11-20T11:00")  # a Friday, 12:00 in Amsterdam


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("90s", 90), ("15m", 900), ("15min", 900), ("1h", 3600), ("2 hours", 7200),
        ("1 hour", 3600), ("1 day", 86400), ("2D", 172800), ("1w", 604800),
        (" 3 minutes ", 180), ("0s", 0),
    ],
)  # fmt: skip
def test_lengths(text: str, length: float) -> None:
    assert seconds(text) == length


@pytest.mark.parametrize("text", ["", "1", "h", "1 month", "-1h", "1.5h", "1h30m", "9999999s"])
def test_lengths_that_are_none(text: str) -> None:
    with pytest.raises(InvalidInput, match="not a length of time"):
        seconds(text)


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-12-01T09:00", "2026-12-01T08:00"),
        ("2026-12-01 09:00", "2026-12-01T08:00"),
        ("2026-12-01 9:00", "2026-12-01T08:00"),
        ("2026-12-01T09:00Z", "2026-12-01T09:00"),
        ("2026-12-01T09:00+05:30", "2026-12-01T03:30"),
        ("2026-12-01T09:00 America/New_York", "2026-12-01T14:00"),
        ("2026-12-01T09:00 UTC", "2026-12-01T09:00"),
        ("today 18:00", "2026-11-20T17:00"),
        ("tomorrow 9:00", "2026-11-21T08:00"),
        ("tomorrow at 9am", "2026-11-21T08:00"),
        ("Tomorrow 9 PM", "2026-11-21T20:00"),
        ("tomorrow 12am", "2026-11-20T23:00"),
        ("saturday 14:30", "2026-11-21T13:30"),
        ("friday 14:30", "2026-11-20T13:30"),  # today, as it is still ahead
        ("friday 11:30", "2026-11-27T10:30"),
        ("thu 9:00", "2026-11-26T08:00"),
        ("18:00", "2026-11-20T17:00"),
        ("9:00", "2026-11-21T08:00"),  # tomorrow, as it is past today
        ("9 pm", "2026-11-20T20:00"),
        ("in 2h", "2026-11-20T13:00"),
        ("in 1 week", "2026-11-27T11:00"),
    ],
)
def test_moments(text: str, utc: str) -> None:
    assert moment(text, NOW, AMSTERDAM)[0] == _utc(utc)


@pytest.mark.parametrize(
    "text",
    [
        "", "soon", "2026-12-01", "2026-13-01T09:00", "tomorrow", "tomorrow 25:00", "13pm",
        "tomorrow 0am", "in", "in 2", "in 999999w", "25:00", "9999-99-99T00:00", "fr 9:00",
    ],
)  # fmt: skip
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(InvalidInput):
        moment(text, NOW, AMSTERDAM)


@pytest.mark.parametrize("text", ["2020-01-01T00:00", "today 11:59", "2026-11-20T11:00Z", "in 0s"])
def test_the_past(text: str) -> None:
    with pytest.raises(InvalidInput, match="is in the past"):
        moment(text, NOW, AMSTERDAM)


@pytest.mark.parametrize("zone", ["Europe/Atlantis", "europe", "../etc/passwd", "Europe"])
def test_unknown_zones(zone: str) -> None:
    with pytest.raises(InvalidInput, match="time zone"):
        moment("18:00", NOW, zone)


def test_an_unknown_zone_in_the_text() -> None:
    with pytest.raises(InvalidInput, match="unknown time zone 'Europe/Atlantis'"):
        moment("18:00 Europe/Atlantis", NOW, AMSTERDAM)


def test_how_it_is_shown() -> None:
    assert moment("18:00", NOW, AMSTERDAM)[1] == "Fri 2026-11-20 18:00 Europe/Amsterdam (UTC+01:00)"
    assert moment("18:00 UTC", NOW, AMSTERDAM)[1] == "Fri 2026-11-20 18:00 UTC+00:00"
    assert moment("2026-12-01T09:00+05:30", NOW)[1] == "Tue 2026-12-01 09:00 UTC+05:30"


class TestTheClockChange:
    SPRING = _utc("2027-03-28T00:30")  # 01:30 in Amsterdam; at 02:00 it becomes 03:00

    def test_a_time_that_is_skipped(self) -> None:
        with pytest.raises(InvalidInput, match="the clock change skips that time"):
            moment("2027-03-28T02:30", NOW, AMSTERDAM)

    def test_a_time_that_comes_twice_is_the_first(self) -> None:
        found, shown = moment("2026-10-25T02:30", _utc("2026-10-01T00:00"), AMSTERDAM)
        assert found == _utc("2026-10-25T00:30")
        assert "UTC+02:00" in shown

    @pytest.mark.parametrize("zone", [AMSTERDAM, ""])
    def test_an_hour_is_an_hour(self, zone: str, local: None) -> None:
        found, shown = moment("in 2h", self.SPRING, zone)
        assert found == self.SPRING + 7200
        assert "04:30" in shown

    def test_tomorrow_is_by_the_clock_on_the_wall(self) -> None:
        assert moment("tomorrow 9:00", self.SPRING - 86400, AMSTERDAM)[0] == _utc(
            "2027-03-28T07:00"
        )

    @pytest.fixture
    def local(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        monkeypatch.setenv("TZ", AMSTERDAM)
        time.tzset()
        yield
        os.environ.pop("TZ")
        time.tzset()

    def test_without_a_zone_it_is_the_machine_s(self, local: None) -> None:
        assert moment("18:00", NOW)[0] == _utc("2026-11-20T17:00")
        assert moment("2027-07-01T12:00", NOW)[0] == _utc("2027-07-01T10:00")
        with pytest.raises(InvalidInput, match="the clock change skips"):
            moment("2027-03-28T02:30", NOW)


@pytest.mark.parametrize(
    ("passed", "words"),
    [(0, "just now"), (59, "just now"), (60, "1 minute ago"), (7199, "1 hour ago"),
     (7200, "2 hours ago"), (90_000, "1 day ago"), (200_000, "2 days ago")],
)  # fmt: skip
def test_how_long_ago(passed: float, words: str) -> None:
    assert ago(passed) == words
