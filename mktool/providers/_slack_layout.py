"""A meeting's report in Block Kit. Part of the vendor file beside it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import Any

from ..report import Block, Report
from ..text import blocks, meeting
from ..text.document import split_blocks
from ..text.mrkdwn import escape, from_block
from ..text.runs import chapters, numbered, packed

HEADER = 150  # characters
# https://github.com/slackapi/bolt-js/issues/2509 (2025-04): some 12,000 in all blocks together.
ROOM = 10_000
MOST = blocks.MOST - 6  # beside header, context, two dividers, buttons and a last word
MENTION = 16  # characters that an id in place of an address may add
CUT = 500  # characters of a title, or of names; escaped they are five times as many at most

Json = dict[str, Any]


def messages(body: Sequence[Block]) -> list[list[Json]]:
    """Return a document as the blocks of as many messages as it takes, at least one."""
    groups: list[list[str]] = packed(_sections(body), ROOM, _weight, MOST) or [[]]
    return [[_section(text) for text in group] for group in groups]


def _sections(body: Sequence[Block]) -> list[str]:
    """Return texts of at most a section each; one begins with every heading."""
    parts = [
        part
        for chapter in chapters(body)
        for part in split_blocks(chapter, blocks.SECTION, _measure)
    ]
    lines = iter([from_block(*one) for one in numbered(chain(*parts))])
    texts = ("\n".join(islice(lines, len(part))).strip("\n") for part in parts)
    return [text for text in texts if text.strip()]


def _measure(part: Sequence[Block]) -> int:
    return sum(_weight(from_block(block, 9999)) for block in part)


def _weight(text: str) -> int:
    return len(text) + 1 + MENTION * text.count("<@")


def head(report: Report) -> Iterator[Json]:
    """Yield the title, when it was and who was there."""
    title = " ".join(report.title.split())
    # What a header makes of "<" is not documented; where it is mrkdwn, escaping it is.
    if 0 < len(title) <= HEADER and not set("<>") & set(title):
        yield {"type": "header", "text": {"type": "plain_text", "text": title, "emoji": False}}
    elif title:
        yield _section(f"*{escape(title[:CUT])}*")
    about = (meeting.when(report), meeting.people(report))
    if told := [_mrkdwn(escape(text[:CUT])) for text in about if text]:
        yield {"type": "context", "elements": told}
    yield {"type": "divider"}


def foot(report: Report, last: str) -> Iterator[Json]:
    """Yield the links as buttons, and a last word."""
    buttons = [
        {"type": "button", "text": {"type": "plain_text", "text": title}, "url": url,
         "action_id": f"mktool_link_{number}"}
        for number, (title, url) in enumerate(meeting.links(report))
        if len(url) <= 3000
    ]  # fmt: skip
    if buttons:
        yield {"type": "divider"}
        yield {"type": "actions", "elements": buttons}
    if last:
        yield {"type": "context", "elements": [_mrkdwn(last)]}


def _section(text: str) -> Json:
    return {"type": "section", "text": _mrkdwn(text)}


def _mrkdwn(text: str) -> Json:
    """As it is: else "@channel" and "#general" are looked for in what people wrote."""
    return {"type": "mrkdwn", "text": text, "verbatim": True}
