"""Documents as blocks of Notion, within its limits. Part of the vendor file beside it.

https://developers.notion.com/reference/request-limits and /reference/patch-block-children (read
2026-11): 2,000 characters a text, 100 texts a block, 100 children a list of them and two levels
below those, 1,000 blocks and 500 KB a request.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from ..report import Block, Export, Report, Span
from ..spec import dig
from ..text import meeting
from ..text.document import split_blocks, split_text
from ..text.runs import LISTED, packed, utf16

TEXT, LINK = 2000, 2000  # UTF-16 code units, which is what JavaScript counts
RUNS = 30  # full texts; cut where words end, a third full each at least, they are 90 of 100
MOST, DEEPEST = 100, 2
BYTES, BLOCKS = 400_000, 900
LINES = 30  # of a transcript in one paragraph: there are plans that count blocks
KINDS = {"text": "paragraph", "bullet": "bulleted_list_item", "number": "numbered_list_item",
         "todo": "to_do", "quote": "quote", "code": "code", "divider": "divider"}  # fmt: skip

Json = dict[str, Any]


def requests(export: Export) -> list[list[Json]]:
    """Return a report as the children of as many requests as it takes, at least one."""
    report, spoken = export.report, _joined(export.transcript)
    title = [Block("heading", (Span("Transcript"),), 2)] if export.transcript else []
    nodes = _nested([*_head(report), *meeting.below(report, export.body), *title, *spoken])
    return packed(nodes, BYTES, _weight, MOST) or [[]]


def texts(spans: Iterable[Span]) -> list[Json]:
    """Return runs of text; "email" says whom one of them names, for `named`."""
    return [run for span in spans for run in _runs(span)]


def named(children: Any, id_of: Callable[[str], str]) -> Any:
    """Return blocks in which people are mentioned whom Notion knows, the others named."""
    if isinstance(children, list):
        return [named(child, id_of) for child in children]
    if not isinstance(children, dict):
        return children
    if id := id_of(children["email"]) if "email" in children else "":
        return {"type": "mention", "mention": {"type": "user", "user": {"id": id}}}
    return {name: named(value, id_of) for name, value in children.items() if name != "email"}


def looks(block: Mapping[str, Any]) -> tuple[str, str | None]:
    """Return what a block is and says, as asked for or as listed; None where it names people."""
    kind = str(block.get("type"))
    found = dig(block, f"{kind}.rich_text")
    runs = [run for run in found if isinstance(run, Mapping)] if isinstance(found, list) else []
    if any("email" in run or run.get("type") == "mention" for run in runs):
        return kind, None
    return kind, "".join(str(dig(run, "text.content")) for run in runs)


def _head(report: Report) -> Iterator[Block]:
    told = [
        Span(text, italic=True) for text in (meeting.when(report), meeting.people(report)) if text
    ]
    for span in told:
        yield Block("text", (span,))
    for title, url in meeting.links(report):
        yield Block("text", (Span(title, link=url),))


def _joined(blocks: Sequence[Block]) -> Iterator[Block]:
    for plain, group in groupby(blocks, lambda block: block.kind == "text"):
        if not plain:
            yield from group
            continue
        for lines in packed(group, TEXT, lambda block: utf16(block.plain) + 1, LINES):
            first, *rest = (line.spans for line in lines)
            yield Block("text", (*first, *(s for spans in rest for s in (Span("\n"), *spans))))


def _nested(blocks: Iterable[Block]) -> list[Json]:
    """Return blocks with list items below the items that they belong to."""
    roots: list[Json] = []
    path: list[tuple[Json, list[Json]]] = []  # the last item of each level, with its children
    held = 0  # blocks below the last root
    for block in (part for whole in blocks for part in _parts(whole)):
        level = min(block.level, len(path), DEEPEST) if block.kind in LISTED else 0
        if level and (len(path[level - 1][1]) == MOST or held == BLOCKS // 2):
            level = 0
        node = _node(block)
        if level:
            parent, children = path[level - 1]
            parent[parent["type"]]["children"] = children
            children.append(node)
        else:
            roots.append(node)
        held = held + 1 if level else 0
        path[level:] = [(node, [])] if block.kind in LISTED else []
    return roots


def _parts(block: Block) -> Iterator[Block]:
    if len(block.plain) <= TEXT and len(block.spans) <= 3 * RUNS:
        yield block
        return
    for group in split_blocks([block], RUNS * TEXT, lambda part: sum(map(_room, part))):
        yield from group


def _room(block: Block) -> int:
    """Return what a block takes of a whole one, where each run takes a text of its own."""
    return sum(utf16(span.text) // TEXT * TEXT + TEXT for span in block.spans)


def _node(block: Block) -> Json:
    kind = KINDS.get(block.kind) or f"heading_{min(max(block.level, 1), 3)}"
    held: Json = {} if kind == "divider" else {"rich_text": texts(block.spans)}
    if kind == "to_do":
        held["checked"] = block.done
    if kind == "code":
        held["language"] = "plain text"
    return {"type": kind, kind: held}


def _runs(span: Span) -> Iterator[Json]:
    styles = {"bold": span.bold, "italic": span.italic, "strikethrough": span.strike,
              "code": span.code}  # fmt: skip
    marks = {name: True for name, on in styles.items() if on}
    for part in split_text(span.text, TEXT, utf16):
        run: Json = {"type": "text", "text": {"content": part}}
        if span.link and utf16(span.link) <= LINK:
            run["text"]["link"] = {"url": span.link}
        if marks:
            run["annotations"] = marks
        yield {**run, "email": span.email} if span.email else run


def _weight(node: Json) -> int:
    text = json.dumps(node, ensure_ascii=False)
    return max(len(text.encode(errors="replace")), text.count('"type":') * (BYTES // BLOCKS))
