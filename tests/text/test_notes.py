"""Reports as notes: all of it, in order, safe, and never more than fits."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mktool.report import Action, Person, Report
from mktool.text.compare import bare
from mktool.text.notes import SUBJECT, notes, task
from tests import reports


@pytest.mark.parametrize("name", reports.EXPORTS)
@pytest.mark.parametrize("limit", [5_000, 65_536])
def test_all_of_a_report_in_notes_that_fit(name: str, limit: int) -> None:
    export = reports.EXPORTS[name]
    made = notes(export, limit, len)
    whole = "".join(map(bare, made))
    assert all(len(html) <= limit for html in made)
    assert not [html for html in made if "<script" in html]
    assert all("".join(block.plain.split()) in whole for block in export.transcript[-3:])
    assert whole.count(bare(export.report.title[:10])) >= len(made)


def test_one_note_has_no_number() -> None:
    assert notes(reports.exported(Report("A & B")), 1000, len) == ["<h2>A &amp; B</h2>"]


def test_a_task_says_whose_it_is() -> None:
    action = Action("x" * 300, Person("Ada", "ada@example.com"), link="https://a.example/1")
    subject, html = task(action, replace(reports.USUAL, link=""), "Priority: high")
    assert subject == "x" * SUBJECT
    for words in ("x" * 300, "Ada", "Kick-off", "Priority: high", 'href="https://a.example/1"'):
        assert words in html
