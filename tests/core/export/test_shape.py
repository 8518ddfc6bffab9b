"""What is left out is nowhere, and what is shown reads well and cannot be anything but text."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from mktool.core.export.fields import fields
from mktool.core.export.shape import Shape, body, markdown, shaped, transcript, when
from mktool.core.export.template import rendered
from mktool.errors import ConfigError, InvalidInput
from mktool.report import Action, Block, Person, Report, Span
from mktool.text.document import to_html, to_plain

HOSTILE = "*x* <b>b</b> [a](javascript:alert(1)) <!channel> <@U1> &amp; `c`"
ADA = Person("Ada Lovelace", "ada@example.com")
REPORT = Report(
    title=HOSTILE,
    id="m-1",
    start=datetime(2026, 12, 1, 9, tzinfo=ZoneInfo("Europe/Amsterdam")),
    end=datetime(2026, 12, 1, 10, 30, tzinfo=ZoneInfo("Europe/Amsterdam")),
    participants=(ADA, Person("Bob")),
    summary="We **agreed**.\n\n# Risks\n\nNone.",
    key_points=("A *point*",),
    decisions=("Ship\n\nit",),
    actions=(
        Action("Write `it`", ADA, date(2026, 12, 31), "high", link="https://example.com/1"),
        Action("Rest", status="cancelled"),
        Action("Book", Person("", "bob@example.com"), status="done"),
        Action("Later", due=date(2027, 1, 1)),
    ),
    link="https://example.com/m-1",
    transcript="Ada: # hello\n\n\nBob: <b>- yes</b>",
    transcript_link="https://example.com/t",
    metadata={"project": "P-1", "deep": {"er": [1, 2.5]}, "none": None, "yes": True},
)


def test_the_whole_document() -> None:
    assert to_plain(body(REPORT)) == (
        "Tue 2026-12-01 09:00–10:30 Europe/Amsterdam · Ada Lovelace, Bob"
        " · Report (https://example.com/m-1) · Transcript (https://example.com/t)\n\n"
        "Summary\n\nWe agreed.\n\nRisks\n\nNone.\n\n"
        "Key points\n\n• A point\n\n"
        "Decisions\n\n• Ship\n  it\n\n"
        "Action items\n\n"
        "☐ Write it – Ada Lovelace, due 2026-12-31 (high) link (https://example.com/1)\n"
        "☐ Rest\n"
        "☑ Book – bob@example.com\n"
        "☐ Later – due 2027-01-01"
    )
    levels = [(b.plain, b.level) for b in body(REPORT) if b.kind == "heading"]
    assert levels[:3] == [("Summary", 2), ("Risks", 3), ("Key points", 2)]


def test_people_can_be_mentioned() -> None:
    spans = [span for block in body(REPORT) for span in block.spans if span.email]
    assert [(span.text, span.email) for span in spans] == [
        ("Ada Lovelace", "ada@example.com"),
        ("Ada Lovelace", "ada@example.com"),
        ("bob@example.com", "bob@example.com"),
    ]
    cancelled = next(block for block in body(REPORT) if block.plain == "Rest")
    assert cancelled == Block("todo", (Span("Rest", strike=True),))


def test_an_empty_report_has_no_document() -> None:
    assert (body(Report("x")), transcript(Report("x"))) == ((), ())


def test_a_transcript_is_text() -> None:
    assert transcript(REPORT) == (
        Block("text", (Span("Ada: # hello"),)),
        Block("text", (Span("Bob: <b>- yes</b>"),)),
    )


@pytest.mark.parametrize(
    ("shape", "without"),
    [
        (Shape(), set()),
        (Shape(actions=False), {"actions"}),
        (Shape(decisions=False), {"decisions"}),
        (Shape(transcript=False), {"transcript", "transcript_link"}),
        (Shape("summary"), {"key_points", "decisions", "transcript", "transcript_link"}),
        (
            Shape("summary", actions=False),
            {"key_points", "decisions", "transcript", "transcript_link", "actions"},
        ),
    ],
)
def test_shapes(shape: Shape, without: set[str]) -> None:
    empty = Report("x")
    expected = replace(REPORT, **{name: getattr(empty, name) for name in without})
    assert shaped(REPORT, shape) == expected
    whole = markdown(shaped(REPORT, shape)) + to_plain(body(shaped(REPORT, shape)))
    assert ("Bob: " in whole) is ("transcript" not in without)
    assert ("Ship" in whole) is ("decisions" not in without)
    assert ("Write" in whole) is ("actions" not in without)


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (None, None, ""),
        (datetime(2026, 12, 1, 9, tzinfo=UTC), None, "Tue 2026-12-01 09:00 UTC"),
        (
            datetime(2026, 12, 1, 23, tzinfo=timezone(timedelta(hours=5.5))),
            datetime(2026, 12, 2, 1, tzinfo=timezone(timedelta(hours=5.5))),
            "Tue 2026-12-01 23:00–Wed 2026-12-02 01:00 UTC+05:30",
        ),
    ],
)
def test_when(start: datetime | None, end: datetime | None, expected: str) -> None:
    assert when(Report("x", start=start, end=end)) == expected


def test_a_template() -> None:
    source = """# {{ title }}
{{ when }} | {{ participants }}
{{ summary | markdown }}
{% for action in actions if not action.done %}
- {{ action.text | markdown }} {{ action.owner }} {{ action.due }}
{%- endfor %}

{{ metadata.project }} {{ metadata.no.such }} {{ metadata.none }} {{ metadata.yes }}"""
    blocks = rendered(source, REPORT)
    assert blocks[0] == Block("heading", (Span(HOSTILE),), 1)
    assert blocks[1].plain == (
        "Tue 2026-12-01 09:00–10:30 Europe/Amsterdam | Ada Lovelace, Bob\nWe agreed."
    )
    assert [block.plain for block in blocks if block.kind == "bullet"] == [
        "Write it Ada Lovelace 2026-12-31", "Rest", "Later  2027-01-01",
    ]  # fmt: skip
    assert blocks[-1].plain == "P-1   true"
    assert "<b>" not in to_html(blocks)


@pytest.mark.parametrize("place", ["title", "key_points[0]", "metadata.x", "actions[0].owner"])
@pytest.mark.parametrize("value", [HOSTILE, "# h", "- a", "1. b", "```", "    code", "a\n===", "|"])
def test_no_value_of_a_template_is_markup(place: str, value: str) -> None:
    report = Report(
        value,
        key_points=(value,),
        metadata={"x": value},
        actions=(Action("a", Person(value)),),
    )
    (block,) = rendered(f"{{{{ {place} }}}}", report)
    assert (block.kind, block.plain) == ("text", value)
    assert not any(span.bold or span.italic or span.link or span.code for span in block.spans)


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("{{ titel }}", "template: there is no titel; did you mean title?"),
        ("\n{{ title | foo }}", "template line 2: filter foo is unknown"),
        ("a\n{% for %}", "template line 2: unexpected end of block"),
        ("\n{{ title", "template: line 2: {{ title … is not closed"),
        ("{{ 1 / 0 }}", "template line 1: "),
        ("{% include 'x' %}", "template: line 1: {% include %} is not available"),
        ("{{ title.x.y() }}", "template line 1: "),
        ("{% for a in range(99999) %}{% for b in range(99999) %}{{ b }}{% endfor %}{% endfor %}",
         "template line 1: "),
    ],
)  # fmt: skip
def test_a_template_that_is_wrong(source: str, says: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        rendered(source, REPORT)
    assert says in caught.value.message
    assert caught.value.hint


def test_fields() -> None:
    section = {
        "note": {
            "hs_project": "metadata.project",
            "hs_title": "{{ title }} ({{ date }})",
            "hs_who": "participants",
            "hs_mail": "participants.0.email",
            "hs_size": "metadata.deep.er.1",
            "hs_deep": "metadata.deep",
            "hs_due": "actions.0.due",
            "no_such": "metadata.nope.nope",
            "too_far": "actions.9.text",
            "fixed": "{{ 'Open' }}",
        },
        "task": {},
    }
    assert fields(REPORT, section) == {
        "note": {
            "hs_project": "P-1",
            "hs_title": f"{HOSTILE} (2026-12-01)",
            "hs_who": "Ada Lovelace, Bob",
            "hs_mail": "ada@example.com",
            "hs_size": "2.5",
            "hs_deep": '{"er": [1, 2.5]}',
            "hs_due": "2026-12-31",
            "fixed": "Open",
        },
        "task": {},
    }


def test_fields_that_are_wrong() -> None:
    with pytest.raises(ConfigError, match=r"\[map\.….note\] a: there is no titl") as caught:
        fields(REPORT, {"note": {"a": "titl"}})
    assert "metadata.project" in caught.value.hint
    with pytest.raises(InvalidInput, match=r"\[map\.….note\] a: there is no titl; did you mean"):
        fields(REPORT, {"note": {"a": "{{ titl }}"}})
