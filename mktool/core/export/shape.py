"""What of a report is shown, and the documents that it makes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ...report import Action, Block, Report, Span
from ...text.document import parse
from ...text.meeting import facts, when
from .notes import markdown

__all__ = ["Shape", "body", "markdown", "shaped", "transcript", "when"]


@dataclass(frozen=True, slots=True)
class Shape:
    """How much of a report is shown: its format, and which parts of that."""

    format: Literal["full", "summary"] = "full"
    actions: bool = True
    decisions: bool = True
    transcript: bool = True


def shaped(report: Report, shape: Shape) -> Report:
    """Return a report in which there is nothing that is not to be shown.

    A summary has no key points, decisions and transcript.
    """
    full = shape.format == "full"
    spoken = full and shape.transcript
    return replace(
        report,
        key_points=report.key_points if full else (),
        decisions=report.decisions if full and shape.decisions else (),
        actions=report.actions if shape.actions else (),
        transcript=report.transcript if spoken else "",
        transcript_link=report.transcript_link if spoken else "",
    )


def body(report: Report) -> tuple[Block, ...]:
    """Return the document of a report below its title: when and who, then a section for each part.

    The transcript is not in it.
    """
    blocks = [*facts(report)]
    blocks += _section("Summary", [_lowered(block) for block in parse(report.summary)])
    blocks += _section("Key points", [_item(text) for text in report.key_points])
    blocks += _section("Decisions", [_item(text) for text in report.decisions])
    blocks += _section("Action items", [_todo(action) for action in report.actions])
    return tuple(blocks)


def transcript(report: Report) -> tuple[Block, ...]:
    """Return the transcript as a paragraph for each of its lines: text, whatever it looks like."""
    lines = report.transcript.split("\n")
    return tuple(Block("text", (Span(line),)) for line in lines if line.strip())


def _section(title: str, blocks: Sequence[Block]) -> Iterator[Block]:
    if blocks:
        yield Block("heading", (Span(title),), 2)
        yield from blocks


def _lowered(block: Block) -> Block:
    """Return a block whose heading is below those of the sections."""
    return replace(block, level=3) if block.kind == "heading" else block


def _item(text: str, kind: Literal["bullet", "todo"] = "bullet") -> Block:
    """Return the Markdown of a list item as one, its paragraphs as lines of it."""
    spans: list[Span] = []
    for block in parse(text):
        spans += [Span("\n"), *block.spans] if spans else block.spans
    return Block(kind, tuple(spans or [Span(text)]))


def _todo(action: Action) -> Block:
    item = _item(action.text, "todo")
    spans = list(item.spans)
    if action.status == "cancelled":
        spans = [span._replace(strike=True) for span in spans]
    if action.owner:
        spans += [Span(" – "), Span(str(action.owner), bold=True, email=action.owner.email)]
    if action.due:
        spans.append(Span(f", due {action.due}" if action.owner else f" – due {action.due}"))
    if action.priority != "normal":
        spans.append(Span(f" ({action.priority})"))
    if action.link:
        spans += [Span(" "), Span("link", link=action.link)]
    return replace(item, spans=tuple(spans), done=action.status == "done")
