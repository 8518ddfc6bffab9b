"""Documents as vendors count and group them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from mktool.report import Block, Person, Report, Span
from mktool.text import meeting
from mktool.text.runs import chapters, numbered, packed, utf16


@pytest.mark.parametrize(("text", "size"), [("", 0), ("aé", 2), ("👩\u200d👧", 5)])
def test_utf16(text: str, size: int) -> None:
    assert utf16(text) == size == len(text.encode("utf-16-le")) // 2


def test_groups_hold_what_they_can() -> None:
    assert packed([3, 3, 3, 9, 1, 1, 1, 1], 6, int, 3) == [[3, 3], [3], [9], [1, 1, 1], [1]]
    assert packed([], 6, int, 3) == []


def test_lists_are_numbered_level_by_level() -> None:
    levels = [("number", 0), ("number", 1), ("number", 1), ("number", 0), ("bullet", 1),
              ("number", 1), ("text", 0), ("number", 0)]  # fmt: skip
    blocks = [Block(kind, (Span("x"),), level) for kind, level in levels]  # type: ignore[arg-type]
    assert [number for _, number in numbered(blocks)] == [1, 1, 2, 2, 0, 1, 0, 1]


def test_a_chapter_begins_with_each_heading() -> None:
    text, head = Block("text", (Span("x"),)), Block("heading", (Span("h"),), 1)
    assert chapters([text, text, head, head, text]) == [[text, text], [head], [head, text]]
    assert chapters([]) == []


START = datetime(2026, 9, 21, 23, 30, tzinfo=timezone(timedelta(hours=2), "CEST"))


@pytest.mark.parametrize(
    ("start", "end", "told"),
    [
        (None, None, ""),
        (START, None, "Mon 2026-09-21 23:30 UTC+02:00"),
        (START, datetime(2026, 9, 21, 21, 45, tzinfo=UTC),
         "Mon 2026-09-21 23:30–23:45 UTC+02:00"),
        (START, START + timedelta(hours=1),
         "Mon 2026-09-21 23:30–Tue 2026-09-22 00:30 UTC+02:00"),
    ],
)  # fmt: skip
def test_when(start: datetime | None, end: datetime | None, told: str) -> None:
    assert meeting.when(Report("T", start=start, end=end)) == told


def test_people() -> None:
    crowd = tuple(Person(f"P{n}") for n in range(5))
    assert meeting.people(Report("T", participants=(*crowd, Person(email="a@b")))) == (
        "P0, P1, P2, P3, P4, a@b"
    )
    assert meeting.people(Report("T", participants=crowd), 2) == "P0, P1 and 3 more"


def test_a_document_without_its_facts() -> None:
    report = Report(
        "T", start=START, participants=(Person("A", "a@b.example"),), link="https://x.example"
    )
    text = Block("text", (Span("x"),))
    assert meeting.facts(Report("T")) == ()
    assert meeting.below(report, (*meeting.facts(report), text)) == (text,)
    assert meeting.below(report, (text,)) == (text,)
