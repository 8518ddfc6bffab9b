"""A report is read after its schema, and every wrong value is named by its path."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import jsonschema
import pytest

from mktool.core.export.schema import as_data, report_of, schema
from mktool.errors import InvalidInput
from mktool.report import Action, Person, Report

WHOLE: dict[str, Any] = {
    "version": 1,
    "id": "m-1",
    "title": "Weekly 📣 مرحبا",
    "start": "2026-12-01T09:00",
    "end": "2026-12-01T10:00:00.5+01:00",
    "timezone": "Europe/Amsterdam",
    "participants": [
        {"name": "Ada Lovelace", "email": "ada@example.com"}, "Bob", "eve@example.com",
        "Grace <grace@example.com>", {"email": "only@example.com"},
    ],
    "summary": "We **agreed**.\r\nTwice.",
    "key_points": ["One", "Two"],
    "decisions": ["Ship"],
    "actions": [
        {"text": "Write", "owner": "Ada <ada@example.com>", "due": "2026-12-31",
         "priority": "high", "status": "done", "link": "https://example.com/1"},
        {"text": "Read", "owner": None, "due": None, "priority": None},
    ],
    "link": "https://example.com/m-1",
    "transcript": "Ada: hello",
    "transcript_link": "",
    "metadata": {"project": "P-1", "deep": {"er": [1, 2.5, None, True]}},
}  # fmt: skip


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    assert schema()["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema()["properties"]["version"]["const"] == 1
    assert all("description" in key or "$ref" in key for key in schema()["properties"].values())


def test_a_whole_report() -> None:
    zone = ZoneInfo("Europe/Amsterdam")
    report = report_of(WHOLE, "x.json")
    assert report == Report(
        title="Weekly 📣 مرحبا",
        id="m-1",
        start=datetime(2026, 12, 1, 9, tzinfo=zone),
        end=datetime(2026, 12, 1, 10, 0, 0, 500_000, tzinfo=zone),
        participants=(
            Person("Ada Lovelace", "ada@example.com"),
            Person("Bob"),
            Person("", "eve@example.com"),
            Person("Grace", "grace@example.com"),
            Person("", "only@example.com"),
        ),
        summary="We **agreed**.\nTwice.",
        key_points=("One", "Two"),
        decisions=("Ship",),
        actions=(
            Action(
                "Write",
                Person("Ada", "ada@example.com"),
                date(2026, 12, 31),
                "high",
                "done",
                "https://example.com/1",
            ),
            Action("Read"),
        ),
        link="https://example.com/m-1",
        transcript="Ada: hello",
        metadata={"project": "P-1", "deep": {"er": [1, 2.5, None, True]}},
    )
    assert report.start is not None
    assert report.start.tzinfo is zone
    assert report_of(json.loads(json.dumps(as_data(report))), "again") == report


def test_the_least_report() -> None:
    assert report_of({"title": " x "}, "x.json") == Report("x")
    nothing = dict.fromkeys(schema()["properties"])
    assert report_of({**nothing, "title": "x"}, "x.json") == Report("x")
    assert as_data(Report("x")) == {"version": 1, "title": "x"}


def test_times() -> None:
    for text, zone, expected in (
        ("2026-12-01T09:00:00Z", None, datetime(2026, 12, 1, 9, tzinfo=UTC)),
        ("2026-12-01t09:00:00,25z", None, datetime(2026, 12, 1, 9, 0, 0, 250_000, tzinfo=UTC)),
        ("2026-12-01 09:00+0100", None, datetime(2026, 12, 1, 8, tzinfo=UTC)),
        ("2026-07-01T09:00", "America/New_York", datetime(2026, 7, 1, 13, tzinfo=UTC)),
    ):
        report = report_of({"title": "x", "start": text, "timezone": zone}, "x.json")
        assert report.start == expected
    shown = report_of(
        {"title": "x", "start": "2026-12-01T09:00:00Z", "timezone": "Asia/Tokyo"}, "x.json"
    )
    assert shown.start is not None
    assert (shown.start.hour, shown.start.utcoffset()) == (18, timedelta(hours=9))


WRONG = [
    ({"titel": "x"}, "titel: there is no such key; did you mean title?"),
    ({"action_items": []}, "action_items: there is no such key; did you mean actions?"),
    ({"zzz": 1}, "zzz: there is no such key"),
    ({"title": None}, "title: is missing"),
    ({"title": ""}, "title: is empty"),
    ({"title": "a\nb"}, "title: must be one line"),
    ({"title": 7}, "title: must be text, not 7: write it in quotes"),
    ({"title": "a\0b"}, "title: holds a control character, U+0000, at 1"),
    ({"transcript": "ab\ud83d"}, "transcript: holds half a character, U+D83D, at 2"),
    ({"version": 2}, "version: 2 is not known: this mktool reads version 1"),
    ({"version": True}, "version: true is not known: this mktool reads version 1"),
    ({"start": "tomorrow"}, "start: 'tomorrow' is not a time (2026-12-01T09:00:00+01:00)"),
    ({"start": "2026-12-01"}, "start: '2026-12-01' is not a time (2026-12-01T09:00:00+01:00)"),
    ({"start": "2026-13-01T09:00Z"}, "start: '2026-13-01T09:00Z' is not a time"),
    ({"start": "2026-12-01T09:00"}, "start: has no offset: add one (+01:00), or say the timezone"),
    (
        {"start": "2026-03-29T02:30", "timezone": "Europe/Amsterdam"},
        "start: the clock change of Europe/Amsterdam skips that time",
    ),
    (
        {"start": "2026-12-01T09:00Z", "end": "2026-12-01T08:00Z"},
        "end: is before start",
    ),
    ({"timezone": "Mars"}, "timezone: 'Mars' is no time zone (such as Europe/Amsterdam)"),
    ({"timezone": "../etc"}, "timezone: '../etc' is no time zone"),
    ({"timezone": "Europe"}, "timezone: 'Europe' is no time zone"),
    ({"participants": "Ada"}, "participants: must be a list, not 'Ada'"),
    ({"participants": [1]}, "participants[0]: must be text or an object, not 1"),
    ({"participants": [{"mail": "x"}]}, "participants[0].mail: there is no such key; did you mean"),
    ({"participants": [{"email": "x"}]}, "participants[0].email: 'x' is not an e-mail address"),
    ({"key_points": ["a", 1]}, "key_points[1]: must be text, not 1"),
    ({"decisions": [" "]}, "decisions[0]: is empty"),
    ({"actions": {}}, "actions: must be a list, not an object"),
    ({"actions": [[]]}, "actions[0]: must be an object, not a list"),
    ({"actions": [{}]}, "actions[0].text: is missing"),
    (
        {"actions": [{"text": "a"}] * 3 + [{"text": "a", "due": "31.12.26"}]},
        "actions[3].due: '31.12.26' is not a date (YYYY-MM-DD)",
    ),
    ({"actions": [{"text": "a", "due": "2026-02-30"}]}, "actions[0].due: '2026-02-30' is not a"),
    (
        {"actions": [{"text": "a", "priority": "max"}]},
        "actions[0].priority: 'max' is none of low, normal, high, urgent",
    ),
    ({"actions": [{"text": "a", "status": "x"}]}, "actions[0].status: 'x' is none of open, done"),
    ({"actions": [{"text": "a", "assignee": "x"}]}, "no such key; did you mean owner?"),
    (
        {"actions": [{"text": "a", "owner": {"email": "x"}}]},
        "actions[0].owner.email: 'x' is not an e-mail address",
    ),
    ({"link": "javascript:alert(1)"}, "link: 'javascript:alert(1)' is not an address (https://…)"),
    ({"link": "https://a b"}, "link: 'https://a b' is not an address"),
    ({"metadata": []}, "metadata: must be an object, not a list"),
    ({"metadata": {"a": ["\x1b"]}}, "metadata: holds a control character, U+001B"),
]


@pytest.mark.parametrize(("data", "says"), WRONG, ids=[says for _, says in WRONG])
def test_a_wrong_value(data: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        report_of({"title": "x", **data}, "x.json")
    assert caught.value.message.startswith("x.json: ")
    assert says in caught.value.message
    assert "--schema" in caught.value.hint
    assert caught.value.message.isprintable()


# A schema knows no calendar, no time zones and no control characters.
BEYOND = (
    "control character", "half a", "skips", "before", "zone", "one line", "no offset", "is empty",
    "02-30", "13-01",
)  # fmt: skip


@pytest.mark.parametrize(
    "data", [data for data, says in WRONG if not any(word in says for word in BEYOND)]
)
def test_the_schema_refuses_it_too(data: dict[str, Any]) -> None:
    assert not jsonschema.Draft202012Validator(schema()).is_valid({"title": "x", **data})


def test_the_schema_takes_what_is_read() -> None:
    for data in (WHOLE, {"title": "x"}, as_data(report_of(WHOLE, "x"))):
        jsonschema.validate(data, schema(), cls=jsonschema.Draft202012Validator)


def test_all_faults_at_once_but_no_more_than_twenty() -> None:
    data = {"title": "x", "decisions": [1] * 25, "actions": [{"text": "a", "due": "x"}]}
    with pytest.raises(InvalidInput) as caught:
        report_of(data, "x.json")
    lines = caught.value.message.split("\n")
    assert lines[0] == "x.json: 26 values are wrong:"
    assert lines[1] == "  actions[0].due: 'x' is not a date (YYYY-MM-DD)"
    assert (len(lines), lines[-1]) == (22, "  and 6 more")


def test_a_wrong_zone_is_said_once() -> None:
    with pytest.raises(InvalidInput, match=r"x\.json: timezone: 'Mars' is no time zone"):
        report_of({"title": "x", "timezone": "Mars", "start": "2026-12-01T09:00"}, "x.json")


def test_deep_metadata() -> None:
    deep: dict[str, Any] = {}
    for _ in range(25):
        deep = {"a": deep}
    with pytest.raises(InvalidInput, match="metadata: is nested deeper than 20 levels"):
        report_of({"title": "x", "metadata": deep}, "x.json")
