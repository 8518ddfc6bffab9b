"""Before anything is sent: the list is read once, checked, staged and counted."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from ...message import Channel
from ...store.campaigns import key_of, keys_of
from ...store.cells import SEPARATOR, kept
from ...store.staging import Stage, Staged
from ...text.address import are_plain, email_address, phone_number
from ...text.sms import plain, segments

if TYPE_CHECKING:
    from ..lists.recipients import Rows
    from ..lists.tables import Block, Row
    from .content import Content

ENABLED = "enabled"
GROUP = 100  # rows that are looked at together
SHOWN = 20  # problems that are told one by one
HELD_BACK = 0  # the variant of those who wait for the winner of a test
GSM = "GSM-7"


class Problem(NamedTuple):
    """A row that cannot be sent to; ``line`` is that of the file, from 1."""

    line: int
    address: str
    reason: str


Columns = tuple[list[Any], ...]  # those of `Staged`


@dataclass(slots=True)
class Texts:
    """What text messages amount to: how many in each encoding, in how many parts.

    ``saved`` parts fewer it would be if characters outside of GSM-7 had their plain look-alikes.
    """

    encodings: dict[str, int] = field(default_factory=dict)
    parts: int = 0
    longest: int = 0
    saved: int = 0
    culprit: str = ""

    def add(self, text: str) -> None:
        found = segments(text)
        self.encodings[found.encoding] = self.encodings.get(found.encoding, 0) + 1
        self.parts += found.parts
        self.longest = max(self.longest, found.parts)
        if found.encoding != GSM:
            self.culprit = self.culprit or found.culprit
            self.saved += found.parts - segments(_without(plain(text))).parts


@dataclass(slots=True)
class Reading:
    """What the reading of a list found; numbers of rows."""

    rows: int = 0
    staged: int = 0
    invalid: int = 0
    folded: int = 0
    excluded: int = 0
    disabled: int = 0
    skipped: bool = False  # the invalid ones
    problems: list[Problem] = field(default_factory=list)
    reasons: dict[str, int] = field(default_factory=dict)
    texts: Texts | None = None


@dataclass(frozen=True)
class Reader:
    """How a row becomes a recipient.

    ``fields`` are the variables that the contents use, ``picks`` where in a row they stand, and
    ``column`` where the address stands; ``status`` is a column that must say "enabled".
    ``contents`` are the variants' in their order; a test gives ``share`` of all to them and
    holds the others back.
    """

    channel: Channel
    name: str
    column: int
    address: str
    fields: Sequence[str]
    picks: Sequence[int | None]
    contents: Sequence[Content]
    share: float = 1.0
    wanted: Callable[[Sequence[str]], bool] | None = None
    status: int | None = None

    def stage(self, rows: Rows, stage: Stage) -> Reading:
        """Stage every row that is wanted, with the reason where it cannot be sent to."""
        found = Reading(texts=Texts() if self.channel == "sms" else None)
        for block in rows.blocks():
            columns = self._together(block, found) or self._by_group(block, found)
            if columns[0]:
                stage.add_columns(columns)
        found.staged = found.rows - found.excluded - found.disabled
        return found

    def _by_group(self, block: Block, found: Reading) -> Columns:
        columns: Columns = tuple([] for _ in Staged._fields)
        for at in range(0, len(block.lines), GROUP):
            group = block.part(at, at + GROUP)
            staged = self._together(group, found) or zip(
                *filter(None, (self._row(row, found) for row in group.rows())), strict=True
            )
            for column, more in zip(columns, staged, strict=False):  # perhaps nobody is wanted
                column.extend(more)
        return columns

    @cached_property
    def _simple(self) -> bool:
        """Whether nothing but empty cells tells one row from another."""
        every = self.wanted is None and self.status is None and None not in self.picks
        return every and self.channel == "email" and self._plain and self._sure[0]

    def _together(self, block: Block, found: Reading) -> Columns | None:
        """Return the recipients of rows of which none needs a closer look, else None.

        All at once that takes a third of the time.
        """
        count = len(block.lines)
        if not self._simple or block.problems or not count:
            return None
        addresses = block.columns[self.column]
        if not are_plain(addresses):
            return None
        data = None
        if self.picks:
            cells = [block.columns[place] for place in self.picks if place is not None]
            data = list(map(SEPARATOR.join, zip(*cells, strict=True)))
            around = SEPARATOR.join(("", *data, ""))
            if SEPARATOR * 2 in around or around.count(SEPARATOR) != len(cells) * count + 1:
                return None  # a cell is empty, or holds one
        found.rows += count
        nothing = [None] * count
        return list(addresses), [*keys_of(addresses)], nothing, data or nothing, [""] * count

    def _row(self, row: Row, found: Reading) -> Staged | None:
        line, values, problem = row
        found.rows += 1
        if problem:
            return self._bad(found, line, "", problem)
        if self.status is not None and values[self.status] != ENABLED:
            found.disabled += 1
            return None
        if self.wanted is not None and not self.wanted(values):
            found.excluded += 1
            return None
        raw = values[self.column]
        try:
            address = email_address(raw) if self.channel == "email" else phone_number(raw)
        except ValueError as reason:
            return self._bad(found, line, raw, str(reason))
        cells = [values[place] if place is not None else "" for place in self.picks]
        variant = None if self._plain else self.variant(address)
        if problem := self._problem(variant or 1, cells, address, found.texts):
            return self._bad(found, line, address, problem)
        return Staged(address, key_of(address), variant, kept(cells))

    def _problem(
        self, variant: int, cells: Sequence[str], address: str, texts: Texts | None
    ) -> str:
        """Return why the copy cannot be made, or "" and count it."""
        if texts is None and "" not in cells and self._sure[variant - 1]:
            return ""
        content = self.contents[variant - 1]
        known = {name: cell for name, cell in zip(self.fields, cells, strict=True) if cell}
        known[self.address] = address
        problem = content.problem(known)
        if not problem and texts is not None:
            texts.add(content.render(known).text)
        return problem

    @cached_property
    def _plain(self) -> bool:
        """Whether there is one variant for all."""
        return len(self.contents) == 1 and self.share == 1.0

    @cached_property
    def _sure(self) -> list[bool]:
        """Whether the copy of whoever has no empty cell can be made, by variant."""
        full = dict.fromkeys([*self.fields, self.address], "1")
        return [content.sure and not content.problem(full) for content in self.contents]

    def variant(self, address: str) -> int | None:
        """Return the variant of an address: always the same one, and as random as its hash."""
        if self._plain:
            return None
        # Not a checksum: with one, two campaigns would give the same people the same variant.
        about = f"{self.name}\n{address.lower()}".encode()
        place = int.from_bytes(hashlib.blake2b(about, digest_size=4).digest()) / 2**32
        if place >= self.share:
            return HELD_BACK
        return 1 + int(place / self.share * len(self.contents))

    def _bad(self, found: Reading, line: int, raw: str, reason: str) -> Staged:
        found.invalid += 1
        found.reasons[reason] = found.reasons.get(reason, 0) + 1
        shown = raw[:100].replace("\0", "\ufffd")
        if len(found.problems) < SHOWN:
            found.problems.append(Problem(line, shown, reason))
        # Under the line, so that two bad rows are never one another's duplicates.
        return Staged(shown, zlib.crc32(f"{line}\n{shown}".encode()), None, None, reason)


def _without(text: str) -> str:
    """Return the text as it would be without what only UCS-2 can say."""
    return "".join(c if segments(c).encoding == GSM else "?" for c in text)
