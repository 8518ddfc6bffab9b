"""A file becomes a report, or an error that says where it is wrong."""

from __future__ import annotations

import contextlib
import io
import json
import random
import sys
import time
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from mktool.core.export.notes import markdown
from mktool.core.export.read import LARGEST, read, report_in
from mktool.core.export.schema import as_data, report_of
from mktool.errors import ConfigError, InvalidInput, MktoolError
from mktool.report import Action, Person, Report

NOTES = """---
title: "Weekly: *all*"
start: 2026-12-01T09:00
timezone: Europe/Amsterdam
participants: [Ada Lovelace <ada@example.com>, Bob]
link: https://example.com/m-1
metadata:
  project: P-1
  when: 9:30
  answer: no
  size: 2.5
---
Before the first heading.

## 📝 SUMMARY:

We **agreed**.

### Details

```
## Decisions
```

## Key Takeaways
- One
  and a half
* Two

## Decisions
1. Ship it
2. Rest

## Next steps
- [ ] Write it @ada@example.com (due 2026-12-31) !high
- [x] Book a room @[Ada Lovelace](mailto:ada@example.com) (https://example.com/1)
- [-] Dance @Bob
- Sing

## Transcript
Ada: # hello
Bob: - yes
"""


def test_markdown() -> None:
    report = report_in(NOTES, "notes.md")
    assert report.start is not None
    assert report.start.tzinfo == ZoneInfo("Europe/Amsterdam")
    assert replace(report, start=None) == Report(
        title="Weekly: *all*",
        participants=(Person("Ada Lovelace", "ada@example.com"), Person("Bob")),
        summary="Before the first heading.\n\n\nWe **agreed**.\n\n### Details\n\n"
        "```\n## Decisions\n```",
        key_points=("One\nand a half", "Two"),
        decisions=("Ship it", "Rest"),
        actions=(
            Action("Write it", Person("", "ada@example.com"), date(2026, 12, 31), "high"),
            Action(
                "Book a room",
                Person("Ada Lovelace", "ada@example.com"),
                status="done",
                link="https://example.com/1",
            ),
            Action("Dance", Person("Bob"), status="cancelled"),
            Action("Sing"),
        ),
        link="https://example.com/m-1",
        transcript="Ada: # hello\nBob: - yes",
        metadata={"project": "P-1", "when": "9:30", "answer": "no", "size": 2.5},
    )


def test_toml_front_matter_and_a_title_as_a_heading() -> None:
    text = "+++\nstart = 2026-12-01T09:00:00+01:00\n+++\n# The *title*\nHello.\n# Actions\n- a\n"
    report = report_in(text, "notes.md")
    assert (report.title, report.summary, report.actions) == ("The title", "Hello.", (Action("a"),))
    assert report.start is not None
    assert report.start.isoformat() == "2026-12-01T09:00:00+01:00"


def test_a_line_across_the_page_is_no_front_matter() -> None:
    report = report_in("---\n# T\nbody\n\n---\n", "notes.md")
    assert (report.title, report.summary) == ("T", "body\n\n---")


def test_a_title_that_names_a_section() -> None:
    report = Report("Next steps", decisions=("a",))
    assert report_in(markdown(report), "x.md") == report
    other = report_in("---\ntitle: A\n---\n# B\nc", "x.md")
    assert (other.title, other.summary) == ("A", "# B\nc")


def test_unknown_sections_stay() -> None:
    report = report_in("# T\n## Summary\na\n## Risks\nb\n## Decisions\n- c\n", "notes.md")
    assert (report.summary, report.decisions) == ("a\n## Risks\nb", ("c",))


@pytest.mark.parametrize(
    ("line", "action"),
    [
        ("- [ ] mail ada@example.com", Action("mail ada@example.com")),
        ("- [ ] a @b @c", Action("a @b", Person("c"))),
        ("- [ ] shout !now", Action("shout !now")),
        ("- [ ] shout !urgent", Action("shout", priority="urgent")),
        (r"- [ ] shout \!urgent", Action("shout !urgent")),
        (r"- [ ] at \@bob", Action("at @bob")),
        ("- [ ] see [it](https://x.y/a)", Action("see [it](https://x.y/a)")),
        ("- [ ] a (see below)", Action("a (see below)")),
        ("- [X] a (due: 2026-01-02) @x.", Action("a", Person("x."), date(2026, 1, 2), "normal",
                                                 "done")),
        ("1. a", Action("a")),
        ("- [ ] two\n  lines @x", Action("two\nlines", Person("x"))),
    ],
)  # fmt: skip
def test_action_items(line: str, action: Action) -> None:
    report = report_in(f"# T\n## Action items\n{line}\n", "notes.md")
    assert report.actions == (action,)


def test_a_wrong_date_in_markdown_has_its_path() -> None:
    with pytest.raises(InvalidInput, match=r"actions\[1\]\.due: '31.12.26' is not a date"):
        report_in("# T\n## Todo\n- a\n- b (due 31.12.26)\n", "notes.md")


WORDS = [
    *"*_`~[]()<>!#-+.1 |&;\\ab:=\"'x @{}%,?/", "**", "https://a.b/c_d", "- ", "1. ", "> ", "```",
    "&amp;", "é", "😀", "ش", "---", "[ ] ", "@a", "(due 2026-01-01)", "!high", "@[x]", "null",
    "no", "\u2028", "\x85", " (https://x.y)",
]  # fmt: skip


def test_our_own_markdown_is_read_again() -> None:
    """Whatever the fields hold: nothing of a report becomes structure of the file."""
    chance = random.Random(3)

    def words(most: int = 12) -> str:
        return " ".join("".join(chance.choices(WORDS, k=chance.randint(1, most))).split()) or "a"

    for _ in range(400):
        data: dict[str, Any] = {
            "title": words(),
            "start": "2026-12-01T09:00",
            "timezone": "Europe/Amsterdam",
            "participants": [{"name": words(4), "email": "a@b.c"}],
            "key_points": [words()],
            "actions": [
                {
                    "text": words(),
                    "owner": chance.choice([None, {"name": words(5)}, {"email": "q@w.e"}]),
                    "due": chance.choice([None, "2026-05-05"]),
                    "priority": chance.choice(["low", "normal"]),
                    "status": chance.choice(["open", "done", "cancelled"]),
                    "link": chance.choice([None, "https://a.b/c?d=(e)"]),
                }
            ],
            "transcript": "\n".join(words() for _ in range(4)).strip(),
            "metadata": {words(4): words(), "n": chance.choice([1, 2.5, None, "1e3", "9:30", []])},
        }
        report = report_of(data, "x")
        again = report_in(markdown(report), "x.md")
        assert _bare(again) == _bare(report)


def _bare(report: Report) -> Report:
    """Return a report without the escapes of what would be an owner or a date."""
    actions = [
        replace(a, text=a.text.replace("\\@", "@").replace("\\!", "!").replace("\\(", "("))
        for a in report.actions
    ]
    return replace(report, actions=tuple(actions))


def written(folder: Path, raw: bytes, name: str = "report.json") -> Path:
    file = folder / name
    file.write_bytes(raw)
    return file


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b'{"title": "a\\u0000"}', "title: holds a control character, U+0000"),
        (b'{"title": "a\0"}', "line 1, column 13: this is no JSON: Invalid control character"),
        (b'{"title": "\\ud800"}', "title: holds half a character, U+D800"),
        (b'{"title": ', "line 1, column 11: this is no JSON: Expecting value"),
        (b'{"title": "a", "metadata": ' + b'{"a": ' * 5000 + b"1" + b"}" * 5001, "nested too"),
        (b'{"title": "a", "title": "b"}', "the key 'title' is there twice"),
        (b'{"title": "a", "metadata": {"x": NaN}}', "NaN is no number of JSON"),
        (b'{"title": "a", "metadata": {"x": ' + b"9" * 5000 + b"}}", "a number is too long"),
        (b"<!DOCTYPE html><p>", "this is HTML, not a report"),
        (b" <HTML>", "this is HTML, not a report"),
        ("é".encode("latin1"), "not UTF-8 (byte 0)"),
        (b"\xff\xfe\x00", "not UTF-16 (byte 2)"),
        (b"[{}, {}]", "a list of 2"),
        (b"[1]", "must be an object"),
        (b"[]", "a list of 0"),
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"a" * (LARGEST + 1), "larger than 50 MB"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_file_that_is_wrong(tmp_path: Path, raw: bytes, says: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read(written(tmp_path, raw))
    assert says in caught.value.message
    assert str(tmp_path) in caught.value.message
    assert caught.value.hint


def test_a_key_that_is_there_twice_among_very_many_is_soon_found(tmp_path: Path) -> None:
    keys = ",".join(f'"k{number}": 1' for number in range(200_000))
    begun = time.process_time()
    with pytest.raises(InvalidInput, match="the key 'k199999' is there twice"):
        read(written(tmp_path, f'{{{keys}, "k199999": 2}}'.encode()))
    assert time.process_time() - begun < 10  # looked for one by one, it takes a quarter of an hour


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("---\na: [1\n---\n", "front matter: line 3: expected ',' or ']'"),
        ("---\ntitle: a\ntitle: b\n---\n", "title is there twice"),
        ("---\nx: &a [1]\ny: *a\n---\n", "aliases are not known here"),
        ("---\ntitle: !!python/object/apply:os.system [ls]\n---\n", "could not determine a con"),
        ("---\n- a\n---\nx", "the front matter is no list of keys"),
        ("---\ntitle: 2026\n---\nhi", "title: must be text, not 2026: write it in quotes"),
        ("---\na: " + "[" * 3000 + "\n---\n", "nested too deeply"),
        ("---\ntitle: T\nsummary: a\n---\nb", "summary is in the front matter and a section"),
        ("+++\ntitle = 1\n", "the front matter is not closed"),
        ("+++\ntitle =\n+++\n", "front matter: Invalid value"),
        ("just words", "title: is missing"),
        ("# T\na\0b", "summary: holds a control character, U+0000, at 1"),
    ],
)
def test_markdown_that_is_wrong(text: str, says: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        report_in(text, "notes.md")
    assert says in caught.value.message


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    text = '{"title": "Grüße 😀"}'
    assert read(written(tmp_path, text.encode(encoding))).title == "Grüße 😀"


def test_where_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Stdin:
        buffer = io.BytesIO(b'[{"title": "from a pipe"}]')

    monkeypatch.setattr(sys, "stdin", Stdin)
    assert read("-").title == "from a pipe"
    for path, says in ((tmp_path, "is not a file"), (tmp_path / "no", "there is no such file"),
                       (Path("a\0b"), "null")):  # fmt: skip
        with pytest.raises(InvalidInput, match=says):
            read(path)


def test_a_large_report_is_fast() -> None:
    report = Report(
        "Big",
        transcript="Ada: some words that are said\n" * 35_000 + "end",
        actions=tuple(Action(f"Do *it* {n} 😀", Person("Ada", "a@b.c")) for n in range(200)),
    )
    start = time.perf_counter()
    assert report_in(json.dumps(as_data(report)), "x.json") == report
    assert report_in(markdown(report), "x.md") == report
    assert time.perf_counter() - start < 3


@pytest.mark.parametrize("run", [" ", "#", "- ", "@[", "@a ", "(due ", "<", "`", "\n", "\t"])
def test_hostile_notes_take_no_time(run: str) -> None:
    start = time.perf_counter()
    words = run * 30_000
    for text in (
        f"# {words}b",
        f"# T\n## Todo\n- a {words} b",
        f"---\ntitle: T\nx: {words}\n---\n",
    ):
        with contextlib.suppress(InvalidInput):
            assert report_in(text, "notes.md").title
    with contextlib.suppress(InvalidInput):
        report_of({"title": "T", "participants": [f"a{words}b"], "link": words}, "x.json")
    assert time.perf_counter() - start < 5


# -- what note takers export -------------------------------------------------------------------

FATHOM = {
    "title": "QBR",
    "recording_id": 123,
    "share_url": "https://fathom.video/share/x",
    "recording_start_time": "2026-03-01T16:01:12Z",
    "recording_end_time": "2026-03-01T17:00:55Z",
    "calendar_invitees": [{"name": "Jane", "email": "jane@example.com", "is_external": True}],
    "default_summary": {"template_name": "general", "markdown_formatted": "## Summary\nGood."},
    "action_items": [
        {
            "description": "Send it",
            "completed": True,
            "recording_playback_url": "https://fathom.video/x#t=6",
            "assignee": {"name": "Jane", "email": "jane@example.com"},
        }
    ],
    "transcript": [
        {"speaker": {"display_name": "Jane"}, "text": "Hello.", "timestamp": "00:05:32"}
    ],
}
FIREFLIES = {
    "data": {
        "transcript": {
            "id": "f1",
            "title": "Call",
            "date": 1713201000000,
            "duration": 30,
            "transcript_url": "https://app.fireflies.ai/view/f1",
            "participants": ["a@example.com", "not an address"],
            "summary": {
                "overview": "It went well.",
                "action_items": "\n**Jane Doe**\nSend it (01:02)\n\n**Unassigned**\n- Read it\n",
                "shorthand_bullet": ["One", "Two"],
            },
            "sentences": [{"speaker_name": "Jane", "text": "Hi\x00", "start_time": 62.4}],
        }
    }
}
TEAMS = {
    "id": "t1",
    "callId": "c1",
    "createdDateTime": "2026-03-01T16:00:00Z",
    "endDateTime": "2026-03-01T17:00:00Z",
    "meetingNotes": [{"title": "Plans", "text": "We made some.", "subpoints": []}],
    "actionItems": [{"title": "Send", "text": "Send the deck", "ownerDisplayName": "Jane"}],
}
READ = {
    "session_id": "r1",
    "trigger": "meeting_end",
    "title": "Sync",
    "start_time": "2026-02-05T10:39:22.095890Z",
    "end_time": "2026-02-05T11:09:22.095890Z",
    "participants": [{"name": "Jane", "email": "jane@example.com"},
                     {"name": "Joe", "email": "None"}],
    "summary": "Short.",
    "action_items": [{"text": "Do it"}],
    "topics": [{"text": "Budget"}],
    "report_url": "https://app.read.ai/analytics/meetings/r1",
    "transcript": {"speaker_blocks": [{"speaker": {"name": "Jane"}, "words": "Hi!"}]},
}  # fmt: skip
ZOOM = {
    "event": "meeting.summary_completed",
    "payload": {
        "object": {
            "meeting_uuid": "z1==",
            "meeting_topic": "Standup",
            "meeting_host_email": "jane@example.com",
            "meeting_start_time": "2026-03-01T16:00:00Z",
            "meeting_end_time": "2026-03-01T15:00:00Z",
            "summary_title": "Meeting summary for Standup",
            "summary_overview": "All fine.",
            "summary_details": [{"label": "Topic", "summary": "Talked."}],
            "next_steps": ["Jane to send it"],
        }
    },
}
JANE = Person("Jane", "jane@example.com")


def export_of(data: object, source: str = "") -> Report:
    return report_in(json.dumps(data), "export.json", source)


def test_fathom() -> None:
    report = export_of(FATHOM)
    assert report.start is not None
    assert report.end is not None
    assert (report.end - report.start).seconds == 3583
    assert (report.id, report.title, report.summary) == ("123", "QBR", "## Summary\nGood.")
    assert report.participants == (JANE,)
    assert report.actions == (
        Action("Send it", JANE, status="done", link="https://fathom.video/x#t=6"),
    )
    assert report.transcript == "[00:05:32] Jane: Hello."


def test_fireflies() -> None:
    report = export_of(FIREFLIES)
    assert report.start is not None
    assert report.end is not None
    assert report.start.isoformat() == "2024-04-15T17:10:00+00:00"
    assert (report.end - report.start).seconds == 1800
    assert report.actions == (Action("Send it (01:02)", Person("Jane Doe")), Action("Read it"))
    assert report.participants == (Person("", "a@example.com"), Person("not an address"))
    assert (report.key_points, report.transcript) == (("One", "Two"), "[00:01:02] Jane: Hi")


def test_teams() -> None:
    report = export_of({"value": [TEAMS]})
    assert (report.id, report.title) == ("t1", "Meeting")
    assert report.key_points == ("Plans: We made some.",)
    assert report.actions == (Action("Send: Send the deck", Person("Jane")),)


def test_read() -> None:
    report = export_of(READ)
    assert report.participants == (JANE, Person("Joe"))
    assert (report.summary, report.key_points) == ("Short.", ("Budget",))
    assert (report.transcript, report.actions) == ("Jane: Hi!", (Action("Do it"),))


def test_zoom() -> None:
    report = export_of(ZOOM)
    assert (report.title, report.end) == ("Standup", None)  # it ended before it began
    assert (report.key_points, report.summary) == (("Topic: Talked.",), "All fine.")
    assert report.actions == (Action("Jane to send it"),)
    assert report.participants == (Person("", "jane@example.com"),)


DEEP = json.loads("[" * 500 + "]" * 500)


@pytest.mark.parametrize(
    "junk", [None, 1, "x", [], {}, [[1]], {"a": [None]}, True, [{"text": {}}], DEEP, "\ud800\0"]
)
@pytest.mark.parametrize("sample", [FATHOM, TEAMS, READ, FIREFLIES["data"]["transcript"],
                                    ZOOM["payload"]["object"]])  # type: ignore[index]  # fmt: skip
def test_whatever_a_note_taker_sends_is_a_report_or_an_error(sample: Any, junk: Any) -> None:
    for key in sample:
        with contextlib.suppress(MktoolError):
            assert export_of({**sample, key: junk}).title


def test_a_source_by_name() -> None:
    bare = {"session_id": "r1", "title": "Sync"}
    assert export_of(bare, "read").title == "Sync"
    with pytest.raises(InvalidInput, match="session_id: there is no such key"):
        export_of(bare)
    with pytest.raises(InvalidInput, match="unknown source reed") as caught:
        export_of(bare, "reed")
    assert caught.value.hint == "one of fathom, fireflies, mktool, read, teams, zoom"
    with pytest.raises(InvalidInput, match="this is no JSON"):
        report_in("# T", "notes.md", "zoom")


def test_a_source_of_the_users_own() -> None:
    own: dict[str, Any] = {
        "ours": {
            "detect": "meeting",
            "inside": "meeting",
            "title": "subject",
            "decisions": {"each": "agreed", "text": "what"},
        }
    }
    data = {"subject": "Plans", "agreed": [{"what": "Ship"}], "meeting": {}}
    report = report_in(json.dumps({"meeting": data}), "x.json", own=own)
    assert (report.title, report.decisions) == ("Plans", ("Ship",))


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ({"titel": "a"}, "[report.ours] titel: there is no such key"),
        ({"title": 1}, "[report.ours] title must be a path"),
        ({"actions": "a"}, "[report.ours] actions must be a table with each"),
        ({"actions": {"each": "a", "who": "b"}}, "[report.ours] actions: who is no path"),
    ],
)
def test_a_source_that_is_wrong(source: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        report_in('{"title": "x"}', "x.json", own={"ours": source})
    assert says in caught.value.message
    assert caught.value.hint
