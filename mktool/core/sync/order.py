"""What is to be kept in step, as flags and ``[sync]`` and ``[map]`` of the configuration say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from ... import errors as e
from ...spec import RecordKind, Spec
from ...store.config import Config
from .attribution import COLUMNS, SCHEME
from .decide import Rule, Rules
from .sync import Order

RULES = ("theirs", "ours", "newest")
KNOWN = ("key", "fields", "conflict", "updated")


def kind_of(spec: Spec, word: str) -> RecordKind:
    """Return the kind of record that a word means; `InvalidInput` lists those there are, and
    `Unsupported` says that there are none."""
    for kind in spec.records:
        if _same(kind, word):
            return kind
    if not spec.records:
        raise e.Unsupported(f"{spec.title} has no records to sync", hint="mktool providers")
    raise e.InvalidInput(
        f"{spec.title} has no {word!r}; it has {', '.join(kind.name for kind in spec.records)}",
        hint=f"mktool sync {spec.name} {spec.records[0].name} --to FILE.csv",
    )


def order(
    config: Config, spec: Spec, kind: RecordKind, *, into: str, source: str, key: str = "",
    fields: str = "", conflict: Sequence[str] = (), create: bool = True, **more: Any,
) -> Order:  # fmt: skip
    """Return the order; flags win over the configuration. `InvalidInput` or `ConfigError`."""
    if not into and not source:
        raise e.InvalidInput(
            "where to, or where from?",
            hint=f"mktool sync {spec.name} {kind.name} --to FILE.csv, or --from FILE.csv",
        )
    if into and source and into != source:
        raise e.InvalidInput(
            "--to and --from name the same file or table: that is kept in step both ways",
            hint="or one after the other, in two commands",
        )
    chosen = _section(config, spec, kind)
    told = [name.strip() for name in fields.split(",") if name.strip()] or chosen.get("fields", [])
    saved = chosen.get("conflict", {})
    every, by_field = _rules(_pairs(saved) + list(conflict), kind)
    campaign = source.startswith(SCHEME)  # says who was reached, which makes nobody a contact
    rules = Rules(every, by_field, create=create and not campaign, both=bool(into and source))
    names = _attribution(config, spec) if campaign else _names(config, spec, kind)
    return Order(
        kind, into, source, tuple(told), names,
        key or str(chosen.get("key", "")), rules, str(chosen.get("updated", "")), **more,
    )  # fmt: skip


def _section(config: Config, spec: Spec, kind: RecordKind) -> Mapping[str, Any]:
    for name, section in config.sync(spec.name).items():
        if _same(kind, name):
            if unknown := [key for key in section if key not in KNOWN]:
                raise e.ConfigError(
                    f"{config.path}: [sync.{spec.name}.{name}] unknown key {unknown[0]}",
                    hint=f"known: {', '.join(KNOWN)}",
                )
            return section
    return {}


def _names(config: Config, spec: Spec, kind: RecordKind) -> Mapping[str, str]:
    maps = config.mapping(spec.name).items()
    return next((fields for name, fields in maps if _same(kind, name)), {})


def _attribution(config: Config, spec: Spec) -> Mapping[str, str]:
    """Return which of a contact's fields get what a campaign did."""
    if names := config.mapping(spec.name).get("attribution", {}):
        return names
    raise e.ConfigError(
        f"{config.path}: no [map.{spec.name}.attribution] says where to write it",
        hint=f'YOUR_FIELD = "campaign" below it; there are {", ".join(COLUMNS)}',
    )


def _same(kind: RecordKind, word: str) -> bool:
    """Whether people mean this kind: "contacts", "Contact", "contact"."""
    word = word.lower()
    names = {name.lower() for name in (kind.name, kind.object, *kind.aliases)}
    plurals = {
        name[:-3] + "y" if name.endswith("ies") else name.removesuffix("s") for name in names
    }
    return word in names | plurals


def _pairs(saved: Any) -> list[str]:
    if isinstance(saved, Mapping):
        return [f"{name}={rule}" for name, rule in saved.items()]
    return [str(saved)]


def _rules(words: Sequence[str], kind: RecordKind) -> tuple[Rule | None, dict[str, Rule]]:
    every: Rule | None = None
    fields = dict[str, Rule]()
    for word in words:
        name, equals, rule = word.rpartition("=")
        if rule not in RULES or (equals and not name):
            raise e.InvalidInput(
                f"--conflict {word}", hint=f"{', '.join(RULES)}, or FIELD=RULE, such as phone=ours"
            )
        if name:
            fields[name] = cast(Rule, rule)
        else:
            every = cast(Rule, rule)
    return every, fields
