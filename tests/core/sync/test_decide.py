"""Who wins, field by field."""

from __future__ import annotations

import pytest

from mktool.core.sync.decide import Rules, decide
from mktool.store.replica import Held
from mktool.store.worklist import Staged

PUSH, BOTH = Rules(), Rules(both=True)


def held(theirs: dict[str, str | None], base: dict[str, str | None] | None, at: float = 50) -> Held:
    return Held("7", at, False, theirs, base)


def row(**values: str | None) -> Staged:
    return Staged(1, 2, "a@b.ch", None, values, at=100)


@pytest.mark.parametrize(
    ("ours", "theirs", "base", "rules", "step", "change", "local"),
    [
        ("x", "x", None, PUSH, "unchanged", {}, {}),
        ("new", "old", "old", PUSH, "update", {"f": "new"}, {}),
        ("old", "new", "old", PUSH, "unchanged", {}, {}),
        ("old", "new", "old", BOTH, "unchanged", {}, {"f": "new"}),
        ("new", "old", "old", BOTH, "update", {"f": "new"}, {}),
        (None, "old", "old", PUSH, "update", {"f": None}, {}),
        ("old", None, "old", BOTH, "unchanged", {}, {"f": None}),
        ("mine", "yours", "old", PUSH, "conflict", {}, {}),
        ("mine", "yours", "old", BOTH, "conflict", {}, {}),
        ("mine", "yours", "old", Rules("ours"), "update", {"f": "mine"}, {}),
        ("mine", "yours", "old", Rules("theirs", both=True), "unchanged", {}, {"f": "yours"}),
        ("mine", "yours", "old", Rules("newest"), "update", {"f": "mine"}, {}),
        ("mine", "yours", "old", Rules(fields={"f": "ours"}), "update", {"f": "mine"}, {}),
        ("mine", "yours", "old", Rules("ours", {"f": "theirs"}), "unchanged", {}, {}),
        # Nobody knows who changed it.
        ("mine", "yours", None, PUSH, "update", {"f": "mine"}, {}),
        ("mine", "yours", None, BOTH, "conflict", {}, {}),
        ("mine", None, None, BOTH, "update", {"f": "mine"}, {}),
        (None, "yours", None, PUSH, "unchanged", {}, {}),
        (None, "yours", None, BOTH, "unchanged", {}, {"f": "yours"}),
        ("mine", "yours", None, Rules("theirs"), "unchanged", {}, {}),
    ],
)
def test_one_field(
    ours: str | None, theirs: str | None, base: str | None, rules: Rules, step: str,
    change: dict[str, str | None], local: dict[str, str | None],
) -> None:  # fmt: skip
    agreed: dict[str, str | None] | None = None if base is None else {"f": base}
    plan = decide(row(f=ours), held({"f": theirs}, agreed), rules)
    assert (plan.step, plan.change, plan.local) == (step, change, local)


@pytest.mark.parametrize("base", [None, {"email": "main@b.ch"}])
@pytest.mark.parametrize("both", [False, True])
def test_which_of_several_keys_stands_first_is_not_changed(
    base: dict[str, str | None] | None, both: bool
) -> None:
    theirs: dict[str, str | None] = {"email": "main@b.ch", "more": "a@b.ch;c@b.ch"}
    rules = Rules("ours", both=both, key="email", others="more")
    for ours, change in (("A@b.ch", {}), ("Main@b.ch", {}), ("new@b.ch", {"email": "new@b.ch"})):
        assert decide(row(email=ours), held(theirs, base), rules).change == change


def test_what_only_the_vendor_writes_is_not_sent() -> None:
    rules = Rules("ours", read_only={"made"})
    new = decide(row(email="a@b.ch", made="x"), None, rules)
    assert (new.step, new.change, new.ignored) == ("create", {"email": "a@b.ch"}, ("made",))
    there = held({"made": "y", "seen": "1"}, {"made": "y", "seen": "1"})
    changed = decide(row(made="x", seen="2"), there, rules)
    assert (changed.step, changed.change, changed.ignored) == ("update", {"seen": "2"}, ("made",))
    taken = decide(row(made="x"), there, Rules(both=True, read_only={"made"}))
    assert (taken.step, taken.local, taken.ignored) == ("unchanged", {"made": "y"}, ("made",))
    assert decide(row(made="y"), there, rules).ignored == ()
    # It could not be known again by what it cannot be given.
    assert decide(row(made="x", f="y"), None, Rules(key="made", read_only={"made"})).change == {}


def test_newest_needs_two_dates() -> None:
    undated = row(f="mine")._replace(at=None)
    assert decide(undated, held({"f": "yours"}, {"f": "old"}), Rules("newest")).step == "conflict"
    newer = held({"f": "yours"}, {"f": "old"}, at=200)
    assert decide(row(f="mine"), newer, Rules("newest")).step == "unchanged"


def test_why_newest_did_not_decide() -> None:
    there, asked = held({"f": "yours"}, {"f": "old"}), Rules(fields={"f": "newest"})
    undated = decide(row(f="mine")._replace(at=None), there, asked)
    assert "not known when it was changed here: `updated` in [sync]" in undated.reason
    nowhere = there._replace(modified=None)
    assert decide(row(f="mine"), nowhere, asked).reason.endswith("when it was changed there")
    assert decide(row(f="mine"), there, PUSH).reason.startswith("changed on both sides: f (")


def test_a_contested_field_holds_the_whole_record() -> None:
    plan = decide(
        row(f="mine", g="new"), held({"f": "yours", "g": "old"}, {"f": "old", "g": "old"}), BOTH
    )
    assert (plan.step, plan.change) == ("conflict", {})
    assert plan.reason == "changed on both sides: f (here 'mine', there 'yours')"


def test_what_was_agreed_on_in_part_says_nothing_of_the_rest() -> None:
    partly = Held("7", 50, False, {"f": "a", "g": "b"}, {"f": "a"}, part=True)
    plan = decide(row(f="a", g="c"), partly, BOTH)
    assert (plan.step, plan.reason[:26]) == ("conflict", "changed on both sides: g (")


@pytest.mark.parametrize(
    ("values", "rules", "step"),
    [({"f": "x"}, PUSH, "create"), ({"f": None}, PUSH, "refused"),
     ({"f": "x"}, Rules(create=False), "unchanged")],
)  # fmt: skip
def test_a_record_that_is_not_there(values: dict[str, str | None], rules: Rules, step: str) -> None:
    assert decide(row(**values), None, rules).step == step


def test_what_was_deleted_there_is_not_made_again() -> None:
    gone = Held("7", 50, True, {"f": "old"}, {"f": "old"})
    assert decide(row(f="old"), gone, PUSH).step == "gone"
    assert decide(row(f="new"), gone, PUSH).step == "conflict"
    assert decide(row(f="new"), gone, Rules("theirs")).step == "gone"
