"""What is to be done about one record, field by field, so that nothing is overwritten unseen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from ...records import Values
from ...store.replica import Held, Planned

Rule = Literal["theirs", "ours", "newest"]


@dataclass(frozen=True, slots=True)
class Rules:
    """Who wins where a field was changed on both sides; without a rule nobody does.

    ``newer`` says whether our side of a record is newer than the vendor's, None if that is not
    known. ``create``: records that are not there are made. ``both``: what changed there is taken
    over here.
    """

    every: Rule | None = None
    fields: Mapping[str, Rule] = field(default_factory=dict)
    newer: Callable[[Held], bool | None] = lambda held: None
    create: bool = True
    both: bool = False

    def winner(self, name: str, held: Held) -> Literal["theirs", "ours"] | None:
        rule = self.fields.get(name, self.every)
        if rule != "newest":
            return rule
        newer = self.newer(held)
        return None if newer is None else "ours" if newer else "theirs"


def decide(seq: int, ours: Values, held: Held | None, rules: Rules) -> Planned:
    """Return what to do about a row, given the record that it means."""
    if held is None:
        return _created(seq, ours, rules)
    if held.deleted:
        return _deleted(seq, ours, held, rules)
    sides = {name: _side(name, value, held, rules) for name, value in ours.items()}
    if contested := [name for name, side in sides.items() if side == "contested"]:
        # What is agreed on waits for the rest: a record half written would be nobody's.
        return Planned(seq, "conflict", {}, {}, f"changed on both sides: {', '.join(contested)}")
    change = {name: ours[name] for name, side in sides.items() if side == "ours"}
    theirs = [name for name, side in sides.items() if side == "theirs" and rules.both]
    local = {name: held.theirs.get(name) for name in theirs}
    return Planned(seq, "update" if change else "unchanged", change, local)


def _created(seq: int, ours: Values, rules: Rules) -> Planned:
    change: dict[str, str | None] = {name: v for name, v in ours.items() if v is not None}
    if not rules.create:
        return Planned(seq, "unchanged", {}, {}, "is not there, and is not to be made")
    if not change:
        return Planned(seq, "refused", {}, {}, "holds no value")
    return Planned(seq, "create", change, {})


def _side(
    name: str, ours: str | None, held: Held, rules: Rules
) -> Literal["same", "ours", "theirs", "contested"]:
    """Return whose value of a field is to be on both sides."""
    theirs = held.theirs.get(name)
    if ours == theirs:
        return "same"
    if not held.agreed(name):
        return _first_meeting(name, ours, theirs, held, rules)
    assert held.base is not None
    base = held.base.get(name)
    if ours == base:
        return "theirs"
    if theirs == base:
        return "ours"
    return rules.winner(name, held) or "contested"


def _first_meeting(
    name: str, ours: str | None, theirs: str | None, held: Held, rules: Rules
) -> Literal["same", "ours", "theirs", "contested"]:
    """The same, where nobody knows who changed it: no value gives way to one."""
    if ours is None:
        return "theirs" if rules.both else "same"
    if theirs is None:
        return "ours"
    if rules.both:
        return rules.winner(name, held) or "contested"
    return "theirs" if rules.winner(name, held) == "theirs" else "ours"


def _deleted(seq: int, ours: Values, held: Held, rules: Rules) -> Planned:
    changed = any(
        held.agreed(n) and held.base is not None and held.base.get(n) != v for n, v in ours.items()
    )
    if changed and rules.every != "theirs":
        return Planned(seq, "conflict", {}, {}, "was deleted there and changed here")
    return Planned(seq, "gone", {}, {}, "was deleted there")
