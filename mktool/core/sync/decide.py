"""What is to be done about one record, field by field, so that nothing is overwritten unseen."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from ...store.replica import Held, identities, identity
from ...store.worklist import Planned, Staged, Step

Rule = Literal["theirs", "ours", "newest"]
Side = Literal["same", "ours", "theirs", "contested"]
OURS = ("ours", "contested")  # a value of ours that is not the vendor's


@dataclass(frozen=True, slots=True)
class Rules:
    """Who wins where a field was changed on both sides; without a rule nobody does.

    "newest" decides only where both sides are dated. ``create``: records that are not there are
    made. ``both``: what changed there is taken over here. ``key`` is the field by which records
    are known, in whose spelling nothing is changed, and ``others`` the one that holds more of its
    values: which of them stands first is not changed either. ``read_only`` fields are the vendor's.
    """

    every: Rule | None = None
    fields: Mapping[str, Rule] = field(default_factory=dict)
    create: bool = True
    both: bool = False
    key: str = ""
    others: str = ""
    read_only: Collection[str] = ()

    def winner(self, name: str, at: float | None, held: Held) -> Literal["theirs", "ours"] | None:
        """Return whose value of a contested field is kept; ``at`` is when ours was changed."""
        rule = self.of(name)
        if rule != "newest":
            return rule
        if at is None or held.modified is None:
            return None
        return "ours" if at > held.modified else "theirs"

    def of(self, name: str) -> Rule | None:
        return self.fields.get(name, self.every)

    def names(self, ours: str | None, theirs: str | None, held: Held) -> bool:
        """Return whether our key is one of a record's."""
        known = identity(ours)
        return known in (identity(theirs), *identities(held.theirs.get(self.others)))


def decide(row: Staged, held: Held | None, rules: Rules) -> Planned:
    """Return what to do about a row, given the record that it means."""
    seq = row.seq
    if row.reason:
        return Planned(seq, "refused", {}, {}, row.reason)
    if row.gone:
        return _tombstone(row, held)
    if held is None:
        return _created(row, rules)
    if held.deleted:
        return _deleted(row, held, rules)
    sides: dict[str, Side] = {name: _side(name, row, held, rules) for name in row.ours}
    ignored = [n for n, side in sides.items() if side in OURS and n in rules.read_only]
    sides |= dict.fromkeys(ignored, "theirs")
    if contested := [name for name, side in sides.items() if side == "contested"]:
        # What is agreed on waits for the rest: a record half written would be nobody's.
        both = [f"{n} (here {_shown(row.ours[n])}, there {_shown(held.theirs.get(n))})"
                for n in contested]  # fmt: skip
        why = f"changed on both sides: {', '.join(both)}{_undated(contested, row, rules)}"
        return Planned(seq, "conflict", {}, {}, why)
    change = {name: row.ours[name] for name, side in sides.items() if side == "ours"}
    theirs = [name for name, side in sides.items() if side == "theirs" and rules.both]
    local = {name: held.theirs.get(name) for name in theirs}
    step: Step = "update" if change else "unchanged"
    return Planned(seq, step, change, local, ignored=tuple(ignored))


def _shown(value: str | None, most: int = 30) -> str:
    if value is None:
        return "nothing"
    return repr(value if len(value) <= most else f"{value[: most - 1]}…")


def _created(row: Staged, rules: Rules) -> Planned:
    if row.id or rules.key in rules.read_only:
        return Planned(row.seq, "refused", {}, {}, f"there is no record {row.id or row.key}")
    if not rules.create:
        return Planned(row.seq, "unchanged", {}, {}, "is not there, and is not to be made")
    values: dict[str, str | None] = {name: v for name, v in row.ours.items() if v is not None}
    ignored = tuple(name for name in values if name in rules.read_only)
    change = {name: v for name, v in values.items() if name not in ignored}
    if not change:
        return Planned(row.seq, "refused", {}, {}, "holds no value")
    return Planned(row.seq, "create", change, {}, ignored=ignored)


def _tombstone(row: Staged, held: Held | None) -> Planned:
    """Return what becomes of a row that is marked as deleted: nothing is deleted at a vendor."""
    if held is None or held.deleted:
        return Planned(row.seq, "unchanged", {}, {})
    if held.base is not None:
        return Planned(row.seq, "unchanged", {}, {}, "is deleted here; it stays there")
    return Planned(row.seq, "restored", {}, {n: held.theirs.get(n) for n in row.ours})


def _side(name: str, row: Staged, held: Held, rules: Rules) -> Side:
    """Return whose value of a field is to be on both sides."""
    ours, theirs = row.ours[name] or None, held.theirs.get(name)
    if ours == theirs or (name == rules.key and rules.names(ours, theirs, held)):
        return "same"
    if not held.agreed(name):
        return _first_meeting(name, row, held, rules)
    assert held.base is not None
    base = held.base.get(name)
    if ours == base:
        return "theirs"
    if theirs == base or (name in held.spelt and theirs == held.spelt[name]):
        return "ours"
    return rules.winner(name, row.at, held) or "contested"


def _first_meeting(name: str, row: Staged, held: Held, rules: Rules) -> Side:
    """The same, where nobody knows who changed it: no value gives way to one.

    A push that is no more than that says what it changes in its plan, and is asked to.
    """
    if row.ours[name] is None:
        return "theirs" if rules.both else "same"
    if held.theirs.get(name) is None:
        return "ours"
    return rules.winner(name, row.at, held) or ("contested" if rules.both else "ours")


def _undated(contested: Sequence[str], row: Staged, rules: Rules) -> str:
    """Return why "newest" did not decide, if it was to."""
    if not any(rules.of(name) == "newest" for name in contested):
        return ""
    whose = "here: `updated` in [sync] names the column that says so" if row.at is None else "there"
    return f"; for newest it is not known when it was changed {whose}"


def _deleted(row: Staged, held: Held, rules: Rules) -> Planned:
    base = held.base or {}
    changed = any(held.agreed(n) and base.get(n) != value for n, value in row.ours.items())
    if changed and rules.every != "theirs":
        return Planned(row.seq, "conflict", {}, {}, "was deleted there and changed here")
    return Planned(row.seq, "gone", {}, {}, "was deleted there")
