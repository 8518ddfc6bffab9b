"""Who is sent to, and that nobody is claimed twice, whatever instant a crash picks."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from mktool.errors import MktoolError, StorageError
from mktool.store.campaigns import CampaignFile, Claim, Outcome, State, key_of, keys_of
from mktool.store.ids import packed, unpacked
from tests.store.campaign import (
    AT,
    claim,
    colliding,
    confirm,
    entry,
    note,
    people,
    reopened,
    stage,
)

UUID = "0199f0a4-7d5e-7c8a-9f5b-3d2c1b0a9f8e"


@pytest.fixture
def file(tmp_path: Path) -> Iterator[CampaignFile]:
    with CampaignFile(tmp_path / "1.db", create=True) as opened:
        yield opened


def members(file: CampaignFile, batch: Claim) -> list[int]:
    return [one.seq for one in file.members(batch)]


def after(file: CampaignFile, seq: int = 0, variant: int | None = None) -> list[int]:
    return [one.seq for one in file.after(seq, variant, 100)]


def again(file: CampaignFile, seq: int = 0, variant: int | None = None) -> list[int]:
    return [one.seq for one in file.again(seq, variant, 100)]


def states(file: CampaignFile) -> list[str]:
    return [row["state"] for row in file.outcomes()]


def waiting(file: CampaignFile, *addresses: str) -> list[int]:
    return [seq for seq, _ in file.by_keys(map(key_of, addresses))]


def total(file: CampaignFile, state: State) -> int:
    return file.totals().get(state, 0)


# -- the file -------------------------------------------------------------------------------------


def test_a_file_that_is_gone_is_not_made_again(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="nobody knows who was sent to") as caught:
        CampaignFile(tmp_path / "1.db")
    assert "put it back" in caught.value.hint
    assert not (tmp_path / "1.db").exists()


def test_values_are_kept_by_name(file: CampaignFile) -> None:
    assert (file.get("winner"), file.get("winner", 7)) == (None, 7)
    file.put(winner=2, list="abc")
    file.put(winner=1)
    assert (file.get("winner"), file.get("list")) == (1, "abc")


def test_a_list_of_which_nothing_was_claimed_is_forgotten(file: CampaignFile) -> None:
    stage(file, ["ann@acme.example", entry("bad", problem="no @")])
    assert not file.begun()
    file.forget()
    assert (states(file), file.totals(), file.get("last")) == (
        [],
        {State.SENT: 0, State.PENDING: 0},
        None,
    )
    stage(file, people(2))
    claim(file, 1, 1)
    assert file.begun()


def test_the_longest_recipient(file: CampaignFile) -> None:
    assert file.longest() is None
    rows = [
        entry(one)._replace(data=b"x" * size)
        for one, size in zip(people(3), (3, 9, 5), strict=True)
    ]
    stage(file, rows)
    longest = file.longest()
    assert longest is not None
    assert longest.seq == 2


# -- one batch, from its claim to its end ---------------------------------------------------------


def test_a_batch_that_is_done_says_that_its_people_were_sent_to(file: CampaignFile) -> None:
    stage(file, people(5))
    batch = claim(file, 1, 3)
    assert (batch.attempt, batch.at, file.reached(None)) == (1, AT, 3)
    assert members(file, batch) == [1, 2, 3]
    assert total(file, State.SENT) == 0
    confirm(file, batch, Outcome(2, State.FAILED, "", "550", "no such mailbox"), implied=2)
    assert states(file) == ["sent", "failed", "sent", "pending", "pending"]
    assert file.totals() == {State.SENT: 2, State.FAILED: 1, State.PENDING: 2}
    assert after(file, 3) == [4, 5]
    assert file.unfinished() == file.reopened() == []


def test_whoever_has_an_outcome_is_in_no_batch(file: CampaignFile) -> None:
    stage(file, [entry("bad", problem="no @"), *people(3)])
    with file.transaction():
        file.suppress([(3, "bounced")])
    assert after(file) == [2, 4]
    assert members(file, claim(file, 1, 4)) == [2, 4]
    assert file.reasons(State.SUPPRESSED) == [("bounced", "", 1)]


def test_nobody_is_claimed_twice(file: CampaignFile) -> None:
    stage(file, people(9))
    claim(file, 1, 4)
    for lo, hi in ((1, 4), (4, 6), (2, 3)):
        with pytest.raises(MktoolError, match="claimed twice"):
            claim(file, lo, hi)
    note(file, State.RETRY, 1, 2, 3, 5)
    first = claim(file, 1, 3, retry=True)
    for lo, hi in ((1, 3), (3, 5), (0, 9)):
        with pytest.raises(MktoolError, match="claimed twice"):
            claim(file, lo, hi, retry=True)
    claim(file, 5, 5, retry=True)
    confirm(file, first, *(Outcome(seq, State.SENT) for seq in (1, 2, 3)))
    claim(file, 2, 3, retry=True)  # what is done may be asked for once more


def test_variants_are_claimed_apart(file: CampaignFile) -> None:
    stage(file, [entry(one, 1 + place % 2) for place, one in enumerate(people(6))])
    first, second = claim(file, 1, 5, 1), claim(file, 2, 4, 2)
    assert (members(file, first), members(file, second)) == ([1, 3, 5], [2, 4])
    assert (file.reached(1), file.reached(2), file.reached(None)) == (5, 4, 0)
    confirm(file, first, implied=3)
    assert states(file) == ["sent", "pending", "sent", "pending", "sent", "pending"]
    assert (file.pending(1), file.pending(2), file.pending(0)) == (0, 1, 0)
    assert after(file, 4, 2) == [6]
    assert file.reacted(1, "opened") == (0, 3)


def test_a_batch_that_is_left_is_open_and_claimed_again_under_another_attempt(
    file: CampaignFile,
) -> None:
    stage(file, people(4))
    batch = claim(file, 1, 4)
    confirm(file, batch, Outcome(1, State.SENT), Outcome(2, State.FAILED), left=True)
    assert file.reopened() == [batch]
    assert members(file, batch) == [3, 4]
    assert states(file) == ["sent", "failed", "pending", "pending"]
    with file.transaction():
        second = file.reclaim(batch, AT + 60)
    assert (second.id, second.attempt, second.at) == (batch.id, 2, AT + 60)
    with pytest.raises(MktoolError, match="not open any more"), file.transaction():
        file.reclaim(batch, AT)
    assert file.unfinished() == [second]
    confirm(file, second, implied=2)
    assert states(file) == ["sent", "failed", "sent", "sent"]


def test_no_more_are_sent_to_once_more_than_was_said(file: CampaignFile) -> None:
    stage(file, people(6))
    confirm(
        file, claim(file, 1, 6), *(Outcome(n, State.UNKNOWN) for n in (2, 4, 5)), implied=3
    )  # fmt: skip
    assert file.send_again([State.UNKNOWN], 2) == file.waiting() == 2
    assert again(file) == [2, 4]
    assert file.totals()[State.UNKNOWN] == 1


def test_a_batch_of_those_who_are_sent_to_once_more(file: CampaignFile) -> None:
    stage(file, people(6))
    confirm(
        file, claim(file, 1, 6), *(Outcome(n, State.FAILED, "", "x") for n in (2, 4, 5)), implied=3
    )
    assert file.send_again([State.FAILED]) == file.waiting() == 3
    assert again(file) == [2, 4, 5]
    assert again(file, 2) == [4, 5]
    batch = claim(file, 2, 4, retry=True)
    assert members(file, batch) == [2, 4]
    assert again(file) == [5]
    confirm(file, batch, Outcome(2, State.SENT, UUID), Outcome(4, State.FAILED, "", "550"))
    assert (again(file), total(file, State.SENT), file.waiting()) == ([5], 4, 1)
    assert file.reached(None) == 6


def test_nobody_from_both_sides_of_a_batch_in_doubt(file: CampaignFile) -> None:
    stage(file, people(9))
    confirm(file, claim(file, 1, 9), implied=9)
    note(file, State.RETRY, 4, 5)
    batch = claim(file, 4, 5, retry=True)
    note(file, State.RETRY, 1, 2, 8, 9)
    assert again(file) == [1, 2]
    assert again(file, 2) == [8, 9]
    confirm(file, batch, left=True)
    assert again(file) == [1, 2]


# -- a crash between any two steps ----------------------------------------------------------------


def test_only_a_claimed_batch_is_in_doubt_after_a_crash(file: CampaignFile) -> None:
    stage(file, people(3))
    file = reopened(file)
    assert (after(file), file.unfinished(), states(file)) == ([1, 2, 3], [], ["pending"] * 3)
    batch = claim(file, 1, 2)
    file = reopened(file)
    assert file.unfinished() == [batch]
    assert (members(file, batch), after(file, file.reached(None))) == ([1, 2], [3])
    assert states(file) == ["pending"] * 3
    confirm(file, batch, implied=2)
    file = reopened(file)
    assert (states(file), file.unfinished()) == (["sent", "sent", "pending"], [])
    file.close()


def test_a_claim_that_was_not_committed_never_was(file: CampaignFile) -> None:
    stage(file, people(3))
    file.db.execute("begin immediate")
    file.claim(1, 3, None, retry=False, at=AT)
    file = reopened(file)
    assert (file.unfinished(), file.reached(None), after(file)) == ([], 0, [1, 2, 3])
    batch = claim(file, 1, 3)
    file.db.execute("begin immediate")
    file.confirm(batch, [Outcome(1, State.SENT)], implied=2)
    file = reopened(file)
    assert (file.unfinished(), members(file, batch)) == ([batch], [1, 2, 3])
    file.close()


def test_what_is_sent_again_stays_so_after_a_crash(file: CampaignFile) -> None:
    stage(file, people(3))
    confirm(file, claim(file, 1, 3), Outcome(2, State.UNKNOWN, "", "interrupted"), implied=2)
    file.send_again([State.UNKNOWN])
    batch = claim(file, 2, 2, retry=True)
    file = reopened(file)
    assert (file.unfinished(), members(file, batch), again(file)) == ([batch], [2], [])
    assert states(file) == ["sent", "retry", "sent"]
    file.close()


# -- who is still to be sent to, by key -----------------------------------------------------------


def test_whoever_is_still_to_be_sent_to_is_found_by_key(file: CampaignFile) -> None:
    stage(file, people(8))
    everyone = people(8)
    assert waiting(file, *everyone) == list(range(1, 9))
    batch = claim(file, 1, 3)
    assert waiting(file, *everyone) == [4, 5, 6, 7, 8]  # what is on its way is not called back
    confirm(file, batch, Outcome(1, State.SENT), left=True)
    assert waiting(file, *everyone) == [2, 3, 4, 5, 6, 7, 8]  # proven not sent: it can be
    note(file, State.RETRY, 1)
    note(file, State.FAILED, 8)
    assert waiting(file, "P0@ACME.example", "p7@acme.example") == [1]
    claim(file, 1, 1, retry=True)
    assert waiting(file, "p0@acme.example") == []
    assert waiting(file, "nobody@acme.example") == []


def test_a_batch_in_doubt_holds_nobody_of_another_variant(file: CampaignFile) -> None:
    stage(file, [entry(one, 1 + place % 2) for place, one in enumerate(people(3))])
    for variant in (1, 2):
        confirm(file, claim(file, 1, 3, variant), implied=2)
    note(file, State.RETRY, 1, 2, 3)
    claim(file, 1, 3, 1, retry=True)
    assert waiting(file, *people(3)) == [2]


def test_a_key_that_two_share_finds_both(file: CampaignFile) -> None:
    pair = colliding()
    stage(file, pair)
    assert list(file.by_keys([key_of(pair[0])])) == [(1, pair[0]), (2, pair[1])]


# -- what is told ---------------------------------------------------------------------------------


def test_outcomes_are_streamed_with_all_that_is_known(file: CampaignFile) -> None:
    stage(file, people(400))
    rows = [
        Outcome(1, State.SENT, UUID),
        Outcome(2, State.SENT, "SM123"),
        Outcome(3, State.FAILED, "", "550", "no"),
    ]
    confirm(file, claim(file, 1, 300), *rows, implied=297)
    with file.transaction() as db:
        db.execute("insert into events (seq, kind) values (1, 'opened'), (1, 'clicked')")
    found = file.outcomes()
    first, second, third, fourth = (next(found) for _ in range(4))
    assert (first["vendor_id"], set(first["events"].split(","))) == (UUID, {"opened", "clicked"})
    assert (second["vendor_id"], second["state"]) == ("SM123", "sent")
    assert third == {
        "seq": 3, "address": "p2@acme.example", "variant": 0, "state": "failed", "vendor_id": "",
        "code": "550", "text": "no", "events": "",
    }  # fmt: skip
    assert (fourth["state"], fourth["vendor_id"]) == ("sent", "")
    found.close()  # type: ignore[attr-defined]
    assert len(list(file.outcomes([State.PENDING]))) == 100
    assert [row["seq"] for row in file.outcomes([State.FAILED])] == [3]


def test_totals_agree_with_outcomes(file: CampaignFile) -> None:
    """Whatever is claimed, done, open or asked for again."""
    stage(file, [entry("bad", problem="no @"), *people(20)])
    confirm(file, claim(file, 2, 6), Outcome(3, State.FAILED), implied=4)
    confirm(file, claim(file, 7, 9), Outcome(7, State.SENT), left=True)
    claim(file, 10, 12)
    note(file, State.RETRY, 3)
    with file.transaction():
        file.suppress([(20, "manual")])
    counted = {name.name.lower(): count for name, count in file.totals().items() if count}
    said = states(file)
    assert counted == {state: said.count(state) for state in set(said)}


def test_reasons_are_counted(file: CampaignFile) -> None:
    stage(file, people(4))
    failed = [
        Outcome(n, State.FAILED, "", "550" if n < 4 else "421", f"words {n}") for n in range(1, 5)
    ]
    confirm(file, claim(file, 1, 4), *failed)
    assert file.reasons(State.FAILED) == [("550", "words 3", 3), ("421", "words 4", 1)]


def test_the_mark_changes_with_the_totals(file: CampaignFile) -> None:
    marks = [file.mark()]
    stage(file, people(4))
    marks.append(file.mark())
    batch = claim(file, 1, 4)
    marks.append(file.mark())
    confirm(file, batch, left=True)
    marks.append(file.mark())
    with file.transaction():
        batch = file.reclaim(batch, AT)
    marks.append(file.mark())
    confirm(file, batch, implied=4)
    marks.append(file.mark())
    assert all(one != other for one, other in pairwise(marks))


@pytest.mark.parametrize(
    ("id", "bytes_kept"),
    [
        (UUID, 16),
        (UUID.upper(), 36),
        (UUID.replace("-", "x"), 36),
        ("SM" + "0" * 32, 34),
        ("", None),
    ],
)
def test_an_id_that_is_a_uuid_is_kept_in_16_bytes(id: str, bytes_kept: int | None) -> None:
    kept = packed(id)
    assert (None if kept is None else len(kept)) == bytes_kept
    assert unpacked(kept) == id


def test_any_uuid_comes_back_as_it_was() -> None:
    for _ in range(50):
        id = str(uuid.uuid4())
        assert unpacked(packed(id)) == id


def test_the_quick_way_to_keys_is_the_same() -> None:
    plain = ["Ada@Example.com", "x+tag@sub.example.co", "O'Neil@acme.example"]
    assert list(keys_of(plain)) == [key_of(address) for address in plain]
