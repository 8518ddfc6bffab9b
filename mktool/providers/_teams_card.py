"""Documents as Adaptive Cards. Part of the vendor file beside it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

from ..report import Block, Report, Span
from ..text import meeting
from ..text.cardtext import escape, from_block
from ..text.document import split_blocks
from ..text.runs import numbered

# A message holds 28,672 bytes once Teams has inflated its card, which made 28,897 of 24,400:
# https://github.com/MicrosoftDocs/msteams-docs/issues/11274. Here every letter that is not ASCII
# counts as it is escaped, the most that any encoding makes of it.
ROOM = 20_000
TITLE, PEOPLE = 200, 300  # characters
LINK = 2000  # bytes
SCHEMA = "http://adaptivecards.io/schemas/adaptive-card.json"
LOOKS: Mapping[str, Mapping[str, Any]] = {
    "heading": {"weight": "Bolder", "size": "Medium", "spacing": "Large"},
    "code": {"fontType": "Monospace"},
    "quote": {"isSubtle": True},
    "todo": {"spacing": "Small"},
}

Json = dict[str, Any]


def cards(
    report: Report, body: Sequence[Block], links: Sequence[tuple[str, str]], *,
    domains: str = "", last: str = "",
) -> list[Json]:  # fmt: skip
    """Return a report as cards in order, each within the size that Teams takes.

    People with an address at one of ``domains`` are mentioned. ``last`` stands below it all.
    """
    buttons, foot = _buttons(links), [_text(last, isSubtle=True)] if last else []
    room = ROOM - size([_card([*_head(report, 1, 99), *foot], buttons, {})])
    parts = split_blocks(body, room, lambda part: size(elements(part, domains))) or [()]
    made = []
    for number, part in enumerate(parts, start=1):
        held, people = elements(part, domains)
        end = number == len(parts)
        whole = [*_head(report, number, len(parts)), *held, *(foot if end else ())]
        made.append(_card(whole, buttons if end else [], people))
    return made


def envelope(card: Mapping[str, Any]) -> Json:
    """Return what the trigger "When a Teams webhook request is received" takes."""
    kind = "application/vnd.microsoft.card.adaptive"
    held = {"contentType": kind, "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [held]}


def _card(body: list[Json], actions: list[Json], people: Mapping[str, str]) -> Json:
    card: Json = {"$schema": SCHEMA, "type": "AdaptiveCard", "version": "1.4", "body": body}
    if actions:
        card["actions"] = actions
    entities = [
        {"type": "mention", "text": f"<at>{name}</at>", "mentioned": {"id": email, "name": name}}
        for name, email in people.items()
    ]
    card["msteams"] = {"width": "Full", **({"entities": entities} if entities else {})}
    return card


def _head(report: Report, number: int, count: int) -> Iterator[Json]:
    part = f" ({number} of {count})" if count > 1 else ""
    if title := " ".join(report.title.split())[:TITLE] + part:
        yield _text(escape(title), size="Large", weight="Bolder")
    told = (meeting.when(report), meeting.people(report)[:PEOPLE]) if number == 1 else ()
    for text in filter(None, told):
        yield _text(escape(text), isSubtle=True, spacing="Small")


def _buttons(links: Sequence[tuple[str, str]]) -> list[Json]:
    found = ((title, url) for title, url in links if size(url) <= LINK)
    return [{"type": "Action.OpenUrl", "title": title, "url": url} for title, url in found]


def elements(blocks: Sequence[Block], domains: str = "") -> tuple[list[Json], dict[str, str]]:
    """Return a document as elements of a card, and who is mentioned in it: name to address."""
    people: dict[str, str] = {}

    def person(span: Span) -> str:
        name = re.sub(r"[^\w .'-]", "", span.text).strip()
        home = span.email.rpartition("@")[2].lower()
        if not name or home not in domains.lower().split(","):
            return escape(span.text)
        # Teams finds an address by the name in the text: of two of one name it knows the first.
        same = people.setdefault(name, span.email) == span.email
        return f"<at>{name}</at>" if same else escape(span.text)

    lines = [(block.kind, from_block(block, n, person)) for block, n in numbered(blocks)]
    return [*_grouped(lines)], people


def size(value: Any) -> int:
    """Return bytes of JSON."""
    return len(json.dumps(value))


def _grouped(lines: Sequence[tuple[str, str]]) -> Iterator[Json]:
    """A list is one text; all else stands for itself, a divider as a line above the next."""
    ruled: Json = {}
    for kind, group in groupby(lines, itemgetter(0)):
        texts = [text for _, text in group]
        if kind == "divider":
            ruled = {"separator": True}
            continue
        for text in ["\n".join(texts)] if kind in ("bullet", "number") else texts:
            yield _text(text, **LOOKS.get(kind, {}), **ruled)
            ruled = {}


def _text(text: str, **look: Any) -> Json:
    return {"type": "TextBlock", "text": text, "wrap": True, **look}
