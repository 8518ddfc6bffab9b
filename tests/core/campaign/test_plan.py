"""The list is read once: who is sent to, who is not and why, and what it amounts to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from mktool.core.campaign.content import compile
from mktool.core.campaign.plan import HELD_BACK, SHOWN, Reader, Reading
from mktool.core.campaign.prepare import Parts
from mktool.core.lists.recipients import Rows, open_list
from mktool.core.lists.tables import TOGETHER as CHUNK
from mktool.store.campaigns import CampaignFile, State
from mktool.store.cells import cells_of
from mktool.store.staging import Stage
from tests.store.campaign import claim, confirm

HELLO = compile(Parts("Hello", "", "Dear {{ name }}, {{ city | default('you') }}", ""))
PLAIN = compile(Parts("Hello", "", "It is here", ""))


@pytest.fixture
def file(tmp_path: Path) -> Iterator[CampaignFile]:
    with CampaignFile(tmp_path / "1.db", create=True) as opened:
        yield opened


def reader(**changes: Any) -> Reader:
    known = {
        "channel": "email", "name": "launch", "column": 0, "address": "email", "fields": (),
        "picks": (), "contents": [PLAIN],
    }  # fmt: skip
    return Reader(**{**known, **changes})


def read(file: CampaignFile, folder: Path, text: str, **changes: Any) -> Reading:
    """Read a list as a run does, and make it count."""
    (folder / "people.csv").write_text(text)
    with open_list("people.csv", folder, None) as rows, Stage(file) as stage:
        found = reader(**changes).stage(rows, stage)
        found.folded = stage.fold()
        stage.finish(staged=int(file.get("staged", 0)) + found.staged - found.folded)
    return found


def reasons(file: CampaignFile) -> dict[str, str]:
    return {row["address"]: row["text"] for row in file.outcomes([State.INVALID])}


def addresses(file: CampaignFile) -> list[str]:
    return [one.address for one in file.after(0, None, 100)]


NAMED = {"fields": ("city", "name"), "picks": (None, 1), "contents": [HELLO]}


def test_every_row_has_its_reason(file: CampaignFile, tmp_path: Path) -> None:
    text = "email,name\nann@acme.example,Ann\nbob@,Bob\neve@acme.example,\n,Ida\nx@y@z,Xi,more\n"
    found = read(file, tmp_path, text, **NAMED)
    assert (found.rows, found.staged, found.invalid, found.folded) == (5, 5, 4, 0)
    assert addresses(file) == ["ann@acme.example"]
    assert [problem.line for problem in found.problems] == [3, 4, 5, 6]
    assert found.problems[0].reason == "nothing after the @"
    assert "name is empty" in reasons(file)["eve@acme.example"]
    assert found.reasons["empty"] == 1
    assert sum(found.reasons.values()) == 4
    assert file.totals() == {State.SENT: 0, State.INVALID: 4, State.PENDING: 1}


def test_the_values_that_the_templates_need_are_kept(file: CampaignFile, tmp_path: Path) -> None:
    text = "email,name,iban\nann@acme.example,Änn,NL1\nbob@acme.example,B\x1fb,NL2\n"
    read(file, tmp_path, text, **NAMED)
    ann, bob = file.after(0, None, 9)
    assert cells_of(ann.data) == ["", "Änn"]
    assert cells_of(bob.data) == ["", "B\x1fb"]


def test_only_so_many_problems_are_told_one_by_one(file: CampaignFile, tmp_path: Path) -> None:
    found = read(file, tmp_path, "email\n" + "bad\n" * 500)
    assert (found.invalid, found.reasons) == (500, {"no @": 500})
    assert len(found.problems) == SHOWN
    assert found.folded == 0  # two bad rows are never one another's duplicates


def test_addresses_are_normalised_and_folded_over_runs(file: CampaignFile, tmp_path: Path) -> None:
    first = read(file, tmp_path, "email\n Ann@ACME.example \nann@acme.example\nbad\n")
    assert (first.staged, first.folded) == (3, 1)
    confirm(file, claim(file, 1, 3), implied=1)
    again = read(file, tmp_path, "email\nAnn@acme.EXAMPLE\nann@acme.example\nbad\nbob@b.example\n")
    assert (again.staged, again.folded) == (4, 3)
    assert [row["address"] for row in file.outcomes()] == [
        "Ann@acme.example",
        "bad",
        "bob@b.example",
    ]
    assert file.totals() == {State.SENT: 1, State.INVALID: 1, State.PENDING: 1}


def test_who_is_not_wanted_is_not_staged(file: CampaignFile, tmp_path: Path) -> None:
    text = "email,land\nann@a.example,NL\nbob@b.example,DE\nbad,DE\n"
    found = read(file, tmp_path, text, wanted=lambda values: values[1] == "NL")
    assert (found.rows, found.staged, found.excluded, found.invalid) == (3, 1, 2, 0)
    assert addresses(file) == ["ann@a.example"]


def test_whom_another_tool_has_blocked_is_left_out(file: CampaignFile, tmp_path: Path) -> None:
    text = "email,status\nann@a.example,enabled\nbob@b.example,blocklisted\neve@e.example,\n"
    found = read(file, tmp_path, text, status=1)
    assert (found.staged, found.disabled) == (1, 2)
    assert addresses(file) == ["ann@a.example"]


# -- variants -------------------------------------------------------------------------------------

CROWD = [f"p{number}@acme.example" for number in range(4000)]


def shares(variants: Reader, people: Sequence[str] = CROWD) -> dict[int | None, float]:
    found = [variants.variant(one) for one in people]
    return {number: found.count(number) / len(people) for number in set(found)}


@pytest.mark.parametrize(
    ("count", "share", "expected"),
    [
        (1, 1.0, {None: 1.0}),
        (2, 1.0, {1: 0.5, 2: 0.5}),
        (5, 1.0, dict.fromkeys(range(1, 6), 0.2)),
        (2, 0.2, {HELD_BACK: 0.8, 1: 0.1, 2: 0.1}),
        (3, 0.6, {HELD_BACK: 0.4, 1: 0.2, 2: 0.2, 3: 0.2}),
    ],
)
def test_shares_are_near_what_was_asked_for(
    count: int, share: float, expected: dict[int | None, float]
) -> None:
    found = shares(reader(contents=[PLAIN] * count, share=share))
    assert found == pytest.approx(expected, abs=0.03)


def test_a_variant_is_always_the_same_and_not_that_of_another_campaign() -> None:
    two = reader(contents=[PLAIN] * 2)
    assert [two.variant(one) for one in CROWD] == [two.variant(one.upper()) for one in CROWD]
    other = reader(contents=[PLAIN] * 2, name="other")
    differ = sum(two.variant(one) != other.variant(one) for one in CROWD)
    assert differ / len(CROWD) == pytest.approx(0.5, abs=0.05)


def test_each_variant_is_checked_with_its_own_content(file: CampaignFile, tmp_path: Path) -> None:
    text = "email,name\n" + "".join(f"{one},\n" for one in CROWD[:40])
    found = read(file, tmp_path, text, **{**NAMED, "contents": [PLAIN, HELLO]})
    assert 5 < found.invalid < 35
    assert len(file.after(0, 1, 100)) == 40 - found.invalid
    assert file.after(0, 2, 100) == []


# -- text messages --------------------------------------------------------------------------------


def test_what_texts_amount_to(file: CampaignFile, tmp_path: Path) -> None:
    content = compile(Parts("", "", "Dear {{ name }}{{ '.' * 100 }}", ""))
    text = "phone,name\n+31612345678,Ann\n0031 6 1234 5679,Zoe 😀\n+31612345680,“Bo”\n12,No\n"
    found = read(
        file, tmp_path, text, channel="sms", address="phone", fields=("name",), picks=(1,),
        contents=[content],
    )  # fmt: skip
    assert (found.staged, found.invalid) == (4, 1)
    assert found.texts is not None
    assert found.texts.encodings == {"GSM-7": 1, "UCS-2": 2}
    assert (found.texts.parts, found.texts.longest) == (5, 2)
    assert (found.texts.saved, found.texts.culprit) == (2, "😀")
    assert addresses(file) == ["+31612345678", "+31612345679", "+31612345680"]


def test_a_list_longer_than_a_chunk_is_read_as_a_stream(file: CampaignFile) -> None:
    from contextlib import ExitStack

    from mktool.core.lists.tables import Row, Table

    given = 0

    def endless() -> Iterator[Row]:
        nonlocal given
        for given in range(1, 2 * CHUNK + 3):
            yield Row(given, [f"p{given}@acme.example"], "")

    staged = []

    class Watched(Stage):
        def add_columns(self, columns: Any) -> None:
            staged.append((given, len(columns[0])))
            super().add_columns(columns)

    with Watched(file) as stage:
        reader().stage(Rows("people", Table(("email",), endless()), ExitStack(), None), stage)
    assert staged == [(CHUNK, CHUNK), (2 * CHUNK, CHUNK), (2 * CHUNK + 2, 2)]


def test_groups_with_problems_are_read_row_by_row(file: CampaignFile, tmp_path: Path) -> None:
    rows = (f"p{n % 2500}@acme.example,{'' if n % 700 == 9 else n}\n" for n in range(3 * CHUNK))
    found = read(file, tmp_path, "email,name\n" + "".join(rows) + "bad,x\n", **NAMED)
    assert (found.rows, found.staged, found.invalid, found.folded) == (3001, 3001, 6, 498)
    assert found.problems[0].line == 11
    assert found.reasons == {"name is empty": 5, "no @": 1}
    assert file.totals()[State.PENDING] == 2497
