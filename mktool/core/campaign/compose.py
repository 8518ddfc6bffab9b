"""From a row of the list to a message: rendered whole, or as what a vendor puts into a template."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

import orjson

from ...message import Message

if TYPE_CHECKING:
    from ...store.campaigns import Recipient
    from .content import Content
    from .merge import Splitter


WIDEST = 6  # bytes that one character may come to, escaped


def tried(make: Callable[[Recipient], Message], person: Recipient) -> Message | ValueError:
    """Return a message, or the reason where there is none."""
    try:
        return make(person)
    except ValueError as reason:
        return reason


class Composer(NamedTuple):
    """Makes the messages of one variant.

    ``fields`` are the variables whose values the list keeps, in their order; ``address`` is the
    variable that stands for the address itself. With a ``splitter`` the vendor merges, up to
    ``room`` bytes of values a message.
    """

    content: Content
    fields: Sequence[str]
    address: str
    splitter: Splitter | None = None
    room: int = 0

    @property
    def merges(self) -> bool:
        return self.splitter is not None

    def values(self, to: Recipient) -> dict[str, str]:
        """Return what the list says of a recipient: the cells that are not empty."""
        found = {}
        if to.data:
            cells = orjson.loads(to.data)
            found = dict(zip(self.fields, cells, strict=True))
            if "" in cells:
                found = {name: cell for name, cell in found.items() if cell}
        found[self.address] = to.address
        return found

    def messages(self, people: Sequence[Recipient]) -> list[Message | ValueError]:
        """Return everybody's message, or the reason where it cannot be made.

        Many are made together where the content only inserts columns, which takes a third of the
        time of each alone.
        """
        return [*(self._together(people) or map(partial(tried, self.message), people))]

    def _together(self, people: Sequence[Recipient]) -> list[Message] | None:
        joined = b",".join([person.data or b"[]" for person in people])
        # An empty cell is no value; a backslash stands before whatever could end a line or a cell.
        if b'""' in joined or b"\\" in joined:
            return None
        names = (*self.fields, self.address)
        cells = orjson.loads(b"[%b]" % joined)
        rows = [[*row, person.address] for row, person in zip(cells, people, strict=True)]
        if self.splitter is None:
            if (copies := self.content.render_all(names, rows)) is None:
                return None
            return [
                Message(p.seq, p.address, c.subject, c.html, c.text)
                for p, c in zip(people, copies, strict=True)
            ]
        longest = max(map(len, chain.from_iterable(rows)), default=0)
        if self.room and longest * WIDEST * len(self.splitter.merged.tokens) > self.room:
            return None
        personal = self.splitter.all_values(names, rows)
        if personal is None:
            return None
        urls = self.content.unsubscribe_all(names, rows)
        return [
            Message(p.seq, p.address, "", "", "", values, url)
            for p, values, url in zip(people, personal, urls, strict=True)
        ]

    def message(self, to: Recipient) -> Message:
        """Return a recipient's message; ValueError with the reason where it cannot be made."""
        values = self.values(to)
        if self.splitter is not None:
            personal = self.splitter.values(values)
            if not self.room or len("".join(personal)) * 4 <= self.room or self._fits(personal):
                url = self.content.unsubscribe(values)
                return Message(to.seq, to.address, "", "", "", personal, url)
        whole = self.content.render(values)
        return Message(
            to.seq, to.address, whole.subject, whole.html, whole.text, (), whole.unsubscribe
        )

    def whole(self, to: Recipient) -> Message:
        """Return a recipient's message as it will look, whoever merges it."""
        return self._replace(splitter=None).message(to)

    def _fits(self, personal: Sequence[str]) -> bool:
        return sum(len(value.encode()) for value in personal) <= self.room


class Enlister(NamedTuple):
    """Makes the entries of a vendor's own audience: values and no text."""

    composer: Composer
    wanted: Sequence[str]
    merges: bool = False

    def messages(self, people: Sequence[Recipient]) -> list[Message | ValueError]:
        return [tried(self.message, person) for person in people]

    def message(self, to: Recipient) -> Message:
        values = self.composer.values(to)
        return Message(
            to.seq, to.address, values=tuple(values.get(name, "") for name in self.wanted)
        )
