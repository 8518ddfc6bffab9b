"""Nothing is published twice: which act a request opens, and when a part is in doubt."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mktool.errors import InvalidInput
from mktool.http.exchange import Call, Scope
from mktool.model import Posted
from mktool.spec import DAY, HOUR
from mktool.store.acts import Acts, Wanted
from mktool.store.ledger import Ledger
from tests.peers import answers, python

START = 1_790_000_000.0


class Clock:
    now = START

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(tmp_path: Path, clock: Clock) -> Iterator[Ledger]:
    opened = Ledger(tmp_path / "ledger.db", clock)
    yield opened
    opened.close()


@pytest.fixture
def acts(ledger: Ledger) -> Acts:
    return Acts(ledger)


def wanted(key: str | None = None, digest: str = "d", **other: Any) -> Wanted:
    content = {"posts": [{"text": "héllo"}]}
    return Wanted("post", "toy", "default", key, digest, content)._replace(**other)


def write(ledger: Ledger, act: int, part: int = 1, *, repeatable: bool = False) -> int:
    call = Call("toy", "default", "post", "POST", "u", "post", repeatable, 1, Scope(act, part))
    return ledger.admit(call, [])[0]


# -- which act -------------------------------------------------------------------------------------


def test_a_new_act_is_kept_as_it_was_asked_for(acts: Acts) -> None:
    act = acts.open(wanted("k"))
    assert acts.get(act.id) == act
    assert (act.state, act.key, act.created, act.due) == ("open", "k", START, None)
    assert act.content == {"posts": [{"text": "héllo"}]}


@pytest.mark.parametrize("state", ["open", "failed", "unknown"])
@pytest.mark.parametrize("key", [None, "k"])
@pytest.mark.parametrize("again", [False, True])
def test_what_is_unfinished_is_gone_on_with(
    acts: Acts, state: Any, key: str | None, again: bool
) -> None:
    first = acts.open(wanted(key))
    acts.mark(first.id, state)
    act = acts.open(wanted(key), again=again)
    assert (act.id, act.state) == (first.id, "open")
    assert acts.get(first.id).state == "open"


def test_the_same_content_within_a_day_is_the_act_that_is_done(acts: Acts, clock: Clock) -> None:
    first = acts.open(wanted())
    clock.now += HOUR
    acts.mark(first.id, "done")
    clock.now += DAY - 1
    found = acts.open(wanted())
    assert (found.id, found.state) == (first.id, "done")
    clock.now += 2
    assert acts.open(wanted()).id != first.id


def test_a_key_is_for_ever(acts: Acts, clock: Clock) -> None:
    first = acts.open(wanted("k"))
    acts.mark(first.id, "done")
    clock.now += 1000 * DAY
    for request in (wanted("k"), wanted("k", digest="something else")):
        for again in (False, True):
            found = acts.open(request, again=again)
            assert (found.id, found.state) == (first.id, "done")


@pytest.mark.parametrize("other", [{"account": "b"}, {"provider": "b"}, {"verb": "export"}])
@pytest.mark.parametrize("key", [None, "k"])
def test_an_act_is_of_one_account(acts: Acts, key: str | None, other: dict[str, Any]) -> None:
    first = acts.open(wanted(key))
    assert acts.open(wanted(key)._replace(**other)).id != first.id


def test_a_key_and_the_same_content_without_are_two_acts(acts: Acts) -> None:
    keyed = acts.open(wanted("k"))
    acts.mark(keyed.id, "done")
    assert acts.open(wanted()).id != keyed.id
    assert acts.open(wanted("other")).id != keyed.id


def test_other_content_is_another_act(acts: Acts) -> None:
    assert acts.open(wanted()).id != acts.open(wanted(digest="e")).id


def test_again_is_once_more(acts: Acts) -> None:
    first = acts.open(wanted())
    acts.mark(first.id, "done")
    second = acts.open(wanted(), again=True)
    assert second.id != first.id
    acts.mark(second.id, "done")
    assert acts.open(wanted(), again=True).id not in (first.id, second.id)


def test_an_interrupted_again_is_gone_on_with_and_not_doubled(acts: Acts) -> None:
    acts.mark(acts.open(wanted()).id, "done")
    second = acts.open(wanted(), again=True)
    acts.start(second.id, 1)  # and killed here
    assert acts.open(wanted(), again=True).id == second.id
    assert acts.open(wanted()).id == second.id


def test_again_works_after_the_clock_was_set_back(acts: Acts, clock: Clock) -> None:
    first = acts.open(wanted())
    acts.mark(first.id, "done")
    clock.now -= 30 * DAY
    assert acts.open(wanted()).id == first.id
    assert acts.open(wanted(), again=True).id != first.id


def test_what_is_scheduled_is_not_published_beside_it(acts: Acts) -> None:
    first = acts.open(wanted(due=START + HOUR, zone="Europe/Amsterdam"))
    assert (first.state, first.zone) == ("scheduled", "Europe/Amsterdam")
    assert acts.open(wanted()) == first
    second = acts.open(wanted(), again=True)
    assert (second.id != first.id, second.state) == (True, "open")


def test_a_schedule_that_finds_an_unfinished_act_does_not_open_it(acts: Acts) -> None:
    first = acts.open(wanted())
    acts.mark(first.id, "failed")
    assert acts.open(wanted(due=START + HOUR)).state == "failed"
    assert acts.get(first.id).state == "failed"


def test_a_cancelled_act_counts_for_nothing(acts: Acts) -> None:
    for key in (None, "k"):
        first = acts.open(wanted(key, due=START + HOUR))
        assert acts.change(first.id, ("scheduled",), "cancelled")
        assert acts.open(wanted(key)).id != first.id


def test_peek_changes_nothing(acts: Acts) -> None:
    assert acts.peek(wanted()) is None
    assert acts.peek(wanted("k")) is None
    first = acts.open(wanted())
    acts.mark(first.id, "failed")
    found = acts.peek(wanted())
    assert found is not None
    assert (found.id, found.state) == (first.id, "failed")
    assert acts.get(first.id).state == "failed"


OPEN = """
import sys
from pathlib import Path
from mktool.store.acts import Acts, Wanted
from mktool.store.ledger import Ledger
ledger = Ledger(Path(sys.argv[1]))
key = sys.argv[2] or None
print(*[Acts(ledger).open(Wanted("post", "toy", "default", key, str(n), {})).id for n in range(40)])
"""


@pytest.mark.parametrize("key", ["", "k"])
def test_eight_processes_open_one_act(tmp_path: Path, key: str) -> None:
    path = str(tmp_path / "ledger.db")
    opened = answers([python(OPEN, path, key) for _ in range(8)])
    assert len(set(opened)) == 1
    assert len(set(opened[0].split())) == (1 if key else 40)


# -- lists -----------------------------------------------------------------------------------------


def test_there_is_no_such_act(acts: Acts) -> None:
    for id in (1, -1, 10**30):
        with pytest.raises(InvalidInput) as caught:
            acts.get(id)
    assert caught.value.exit_code == 2


def test_a_state_changes_only_from_the_one_it_was_in(acts: Acts) -> None:
    act = acts.open(wanted(due=START))
    assert acts.change(act.id, ("scheduled", "missed"), "open")
    assert not acts.change(act.id, ("scheduled", "missed"), "open")
    assert not acts.change(999, ("scheduled",), "open")


def test_what_is_due(acts: Acts) -> None:
    late = acts.open(wanted(digest="1", due=START - 60))
    later = acts.open(wanted(digest="2", due=START - 30))
    acts.open(wanted(digest="3", due=START + 60))
    acts.open(wanted(digest="4"))
    acts.change(later.id, ("scheduled",), "open")  # and the run that did it was killed
    done = acts.open(wanted(digest="5", due=START - 90))
    acts.mark(done.id, "done")
    assert [act.id for act in acts.due(START)] == [late.id, later.id]


def test_why_it_failed_is_kept_whatever_bytes_it_has(acts: Acts) -> None:
    act = acts.open(wanted())
    acts.mark(act.id, "failed", code="invalid_input", error="caf\udce9.png: é")
    kept = acts.get(act.id)
    assert (kept.state, kept.code, kept.error) == ("failed", "invalid_input", "caf?.png: é")
    assert [a.id for a in acts.listed(("failed", "unknown"))] == [act.id]
    assert acts.listed(("done",)) == []


def test_a_key_of_odd_bytes_is_bad_input(acts: Acts) -> None:
    with pytest.raises(InvalidInput):
        acts.open(wanted("\udcff"))
    with pytest.raises(InvalidInput):
        acts.peek(wanted("\udcff"))
    acts.open(wanted("é"))


# -- parts and doubt -------------------------------------------------------------------------------


def test_a_part_from_its_start_to_its_end(acts: Acts, clock: Clock) -> None:
    act = acts.open(wanted())
    assert acts.parts(act.id) == {}
    acts.start(act.id, 1)
    part = acts.parts(act.id)[1]
    assert (part.state, part.started, part.posted) == ("started", START, None)
    assert not part.in_doubt  # nothing was sent yet
    posted = Posted("7", "https://toy.example/7", {"ts": "1.10"})
    acts.confirm(act.id, 1, posted)
    part = acts.parts(act.id)[1]
    assert (part.state, part.posted, part.in_doubt) == ("done", posted, False)


@pytest.mark.parametrize(
    ("outcome", "repeatable", "doubt"),
    [
        ("intent", False, True), ("unknown", False, True), ("ok", False, True),
        ("refused", False, False), ("failed", False, False), ("unsent", False, False),
        ("intent", True, False), ("unknown", True, False), ("ok", True, False),
    ],
)  # fmt: skip
def test_when_a_part_is_in_doubt(
    acts: Acts, ledger: Ledger, outcome: Any, repeatable: bool, doubt: bool
) -> None:
    act = acts.open(wanted())
    acts.start(act.id, 1)
    id = write(ledger, act.id, repeatable=repeatable)
    ledger.end(id, outcome)
    assert acts.parts(act.id)[1].in_doubt is doubt
    acts.start(act.id, 2)
    assert not acts.parts(act.id)[2].in_doubt  # the doubt is about one part
    other = acts.open(wanted(digest="e"))
    acts.start(other.id, 1)
    assert not acts.parts(other.id)[1].in_doubt


def test_a_confirmed_part_is_in_no_doubt(acts: Acts, ledger: Ledger) -> None:
    act = acts.open(wanted())
    acts.start(act.id, 1)
    ledger.end(write(ledger, act.id), "unknown")
    acts.confirm(act.id, 1, Posted("7"))
    assert not acts.parts(act.id)[1].in_doubt


def test_doubt_survives_a_refusal_of_a_later_try(acts: Acts, ledger: Ledger) -> None:
    act = acts.open(wanted())
    acts.start(act.id, 1)
    ledger.end(write(ledger, act.id), "unknown")
    ledger.end(write(ledger, act.id), "refused")
    assert acts.parts(act.id)[1].in_doubt


def test_proof_of_absence_ends_the_doubt(acts: Acts, ledger: Ledger) -> None:
    act = acts.open(wanted())
    for part in (1, 2):
        acts.start(act.id, part)
        write(ledger, act.id, part)
    acts.clear_doubt(act.id, 1)
    parts = acts.parts(act.id)
    assert (parts[1].state, parts[1].in_doubt) == ("planned", False)
    assert parts[2].in_doubt
    acts.start(act.id, 1)
    assert not acts.parts(act.id)[1].in_doubt
    write(ledger, act.id, 1)
    assert acts.parts(act.id)[1].in_doubt
    codes = ledger.db.execute("select outcome, code from calls order by id").fetchall()
    assert codes[0] == ("refused", "not_found_at_vendor")


def test_the_ids_that_are_known_to_be_ours(acts: Acts, clock: Clock) -> None:
    act = acts.open(wanted())
    acts.start(act.id, 1)
    acts.confirm(act.id, 1, Posted("old"))
    clock.now += 31 * DAY
    acts.confirm(act.id, 2, Posted("new"))
    acts.start(act.id, 3)
    other = acts.open(wanted(account="b"))
    acts.confirm(other.id, 1, Posted("theirs"))
    assert acts.known_ids("toy", "default") == {"new"}


def test_the_acts_of_a_provider(acts: Acts) -> None:
    about = [("x", "default"), ("x", "work"), ("slack", "default")]
    opened = [acts.open(Wanted("post", *one, None, str(one), {})).id for one in about]
    assert acts.ids("post", "x") == [opened[1], opened[0]]
    assert acts.ids("post", "x", "work") == [opened[1]]
    assert acts.ids("campaign", "x") == []


def test_content_is_kept_as_json(acts: Acts, ledger: Ledger) -> None:
    content = {"posts": [{"text": "\ud83d\ude00 \x00 \udcff é", "n": None}]}
    act = acts.open(wanted()._replace(content=content, digest="json"))
    assert acts.get(act.id).content == json.loads(json.dumps(content))


def test_other_content_can_take_the_place_of_what_failed(acts: Acts) -> None:
    first = acts.open(wanted("k"))
    acts.mark(first.id, "failed")
    mended = acts.rewrite(first.id, wanted("k", "e", content={"posts": []}, due=START + HOUR))
    assert (mended.id, mended.digest, mended.state) == (first.id, "e", "scheduled")
    assert (mended.content, mended.due) == ({"posts": []}, START + HOUR)
    assert acts.rewrite(first.id, wanted("k")).state == "open"
