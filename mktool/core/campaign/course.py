"""From a definition to what is sent: contents, and for each variant the batch it is made of."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import NamedTuple

from ... import errors as e
from ...message import Batch
from ...spec import Delivery
from ...text.template import variable_name
from ..lists.tables import told
from .compose import Composer, Enlister
from .content import Content, compile
from .definition import Definition, Variant
from .merge import split
from .plan import HELD_BACK
from .prepare import Parts, prepare
from .run import Course

SAID = {
    "unsubscribe": 'say it in the campaign\'s file: unsubscribe = "https://…/{{ id }}"',
    "postal_address": 'say it in the campaign\'s file: postal_address = "…"',
}
"""Variables that the file of the campaign gives."""


class Prepared(NamedTuple):
    """The templates of a variant, ready to be split, and ready to be rendered."""

    parts: Parts
    content: Content


class Schedule(NamedTuple):
    """When the vendor is to send what it holds, and under what it can be cancelled."""

    at: float | None = None
    hold: str = ""


def parts_of(definition: Definition, variant: Variant, postal_address: str = "") -> Parts:
    """Return the templates of a variant as they go out."""
    return prepare(
        Parts(variant.subject, variant.html, variant.text, definition.unsubscribe),
        preheader=definition.preheader,
        postal_address=definition.postal_address or postal_address,
        inline_css=definition.inline_css,
        utm=definition.utm,
        defaults=definition.defaults,
    )


def contents(definition: Definition, postal_address: str = "") -> list[Prepared]:
    """Return the content of each variant; `InvalidInput` names what is wrong in it."""
    every = (parts_of(definition, variant, postal_address) for variant in definition.variants)
    return [Prepared(parts, compile(parts)) for parts in every]


def fields_of(
    contents: Sequence[Prepared], columns: Sequence[str], address: str
) -> tuple[str, ...]:
    """Return the variables that the list gives, but for the address itself.

    `InvalidInput` names one that no column gives and that has no default, or that two give.
    """
    there = {variable_name(column) for column in columns}
    wanted = {name for one in contents for name in one.content.variables}
    for one in contents:
        reason = one.content.problem(dict.fromkeys(there | {address}, "1"))
        for name in wanted - there:
            if re.match(rf"{re.escape(name)}\b", reason):
                raise e.InvalidInput(
                    f"the list has no column {name}; it has {told(columns)}",
                    hint=SAID.get(name) or _instead(name, there),
                )
    _check_single(wanted, columns)
    return tuple(sorted(wanted & there - {address}))


def _check_single(wanted: Collection[str], columns: Sequence[str]) -> None:
    """Raise `InvalidInput` where two columns are the same variable: "First name", "first_name"."""
    known = dict[str, str]()
    for column in columns:
        other = known.setdefault(name := variable_name(column), column)
        if other != column and name in wanted:
            raise e.InvalidInput(
                f"the columns {other!r} and {column!r} are both {{{{ {name} }}}}",
                hint="rename one of them, in the list",
            )


def _instead(name: str, there: Collection[str]) -> str:
    near = get_close_matches(name, there, n=1)
    meant = f"did you mean {near[0]}? else" if near else "rename one, or"
    return f"{meant} write {{{{ {name} | default('…') }}}}"


def picks(fields: Sequence[str], columns: Sequence[str]) -> list[int | None]:
    """Return where in a row each field stands, None for one that is nowhere."""
    places = {variable_name(column): place for place, column in enumerate(columns)}
    return [places.get(name) for name in fields]


def courses(
    definition: Definition, contents: Sequence[Prepared], fields: Sequence[str], address: str,
    delivery: Delivery, token: str, schedule: Schedule, winner: int = 0,
) -> list[Course]:  # fmt: skip
    """Return what is sent to each variant, and with a winner also to those who were held back."""
    single = definition.ab is None
    found = []
    for number, (variant, one) in enumerate(zip(definition.variants, contents, strict=True), 1):
        splitter = split(one.parts, mark=token[:12]) if delivery.merge else None
        composer = Composer(one.content, fields, address, splitter, delivery.merge_bytes)
        batch = _batch(definition, variant, schedule)
        if splitter is not None:
            batch = replace(batch, **splitter.merged._asdict())
        found.append(Course(None if single else number, composer, batch))
    if winner:
        found.append(found[winner - 1]._replace(number=HELD_BACK))
    return found


def fitting(delivery: Delivery, contents: Sequence[Prepared]) -> Delivery:
    """Return how these contents are delivered: one message a request, where the vendor merges and
    one of them cannot be taken apart."""
    if delivery.merge and any(split(one.parts, mark="m" * 12) is None for one in contents):
        return replace(delivery, batch=1, merge=False)
    return delivery


def enlisting(course: Course, fields: Sequence[str]) -> Course:
    """Return the course that fills a vendor's audience instead of sending."""
    assert isinstance(course.composer, Composer)
    return course._replace(composer=Enlister(course.composer, fields))


def _batch(definition: Definition, variant: Variant, schedule: Schedule) -> Batch:
    return Batch(
        campaign=definition.name,
        key="",
        sender=variant.sender,
        messages=(),
        reply_to=definition.reply_to,
        tags=definition.tags,
        media=definition.media,
        send_at=schedule.at,
        hold=schedule.hold,
        extra=definition.options,
    )
