"""Delimited text: what is taken apart as a whole is what the parser would have read."""

from __future__ import annotations

import csv
import io
import random
from pathlib import Path

import pytest

from mktool.core.lists import delimited, lines
from mktool.core.lists.recipients import Row, open_list
from mktool.errors import InvalidInput

SIGNS = 'ab,,\n\n\r\n  é\r"\0;'


def _read(folder: Path, text: str, *, exact: bool) -> list[Row] | str:
    (folder / "list.csv").write_text(text, encoding="utf-8", newline="")
    try:
        with open_list("list.csv", folder, exact=exact) as rows:
            return list(rows)
    except InvalidInput as error:
        return error.message


def _texts(count: int) -> list[str]:
    """Return texts of regular rows, in which now and then something is not."""
    dice, found = random.Random(7), []
    for number in range(count):
        end, width = ("\n", "\r\n", "\r")[number % 9 // 4], 1 + number % 3
        cells = [["x", "", "é", "x y", " x", "x "][dice.randrange(3 + number % 4)]
                 for _ in range(width * dice.randrange(1, 30))]  # fmt: skip
        rows = [",".join(cells[at : at + width]) for at in range(0, len(cells), width)]
        text = end.join([",".join("nmo"[:width]), *rows]) + end * (number % 2)
        for _ in range(dice.randrange(3)):
            at = dice.randrange(len(text))
            text = text[:at] + dice.choice(SIGNS) + text[at + dice.randrange(2) :]
        found.append(text)
    return found


def test_what_is_taken_apart_is_what_the_parser_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "BLOCK", 40)  # lists of several stretches
    monkeypatch.setattr(delimited, "TOGETHER", 5)
    texts, exact = _texts(1500), [number % 5 == 0 for number in range(1500)]
    whole = delimited._Blocks._apart
    apart = 0

    def counted(self: delimited._Blocks, text: str) -> list[list[str]]:
        nonlocal apart
        apart += bool(found := whole(self, text))
        return found

    monkeypatch.setattr(delimited._Blocks, "_apart", counted)
    at_once = [_read(tmp_path, text, exact=e) for text, e in zip(texts, exact, strict=True)]
    monkeypatch.setattr(delimited._Blocks, "_apart", lambda *_: [])
    one_by_one = [_read(tmp_path, text, exact=e) for text, e in zip(texts, exact, strict=True)]
    for text, found, wanted in zip(texts, at_once, one_by_one, strict=True):
        assert (text, found) == (text, wanted)
    assert apart > 500


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_stretches_with_quotes_and_without_take_turns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    monkeypatch.setattr(lines, "BLOCK", 300)
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator=end)
    writer.writerow(["email", "name", "note"])
    kept = []
    for number in range(500):
        note = "plain" if number % 100 < 60 else f"a, b{end}and {number}"
        kept.append([f"p{number}@acme.example", f"N{number}", note])
        writer.writerow(kept[-1])
    found = _read(tmp_path, out.getvalue(), exact=False)
    assert isinstance(found, list)
    assert [row.values for row in found] == kept
    before = [sum(1 + (end in note) for *_, note in kept[:at]) for at in range(500)]
    assert [row.line for row in found] == [2 + lines_ for lines_ in before]
