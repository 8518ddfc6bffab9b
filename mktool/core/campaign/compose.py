"""From a row of the list to a message: rendered whole, or as what a vendor puts into a template."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import chain, repeat
from typing import TYPE_CHECKING, NamedTuple, cast

from ...message import Message, maker
from ...store.cells import SEPARATOR, cells_of

if TYPE_CHECKING:
    from ...store.campaigns import Recipient
    from .content import Content
    from .merge import Splitter


_message = maker(Message)
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
            cells = cells_of(to.data)
            found = dict(zip(self.fields, cells, strict=True))
            if "" in cells:
                found = {name: cell for name, cell in found.items() if cell}
        found[self.address] = to.address
        return found

    def messages(self, people: Sequence[Recipient]) -> list[Message | ValueError]:
        """Return everybody's message, or the reason where it cannot be made.

        Many are made together where the content only inserts columns, which takes a fifth of the
        time of each alone.
        """
        return [*(self._together(people) or map(partial(tried, self.message), people))]

    def _together(self, people: Sequence[Recipient]) -> list[Message] | None:
        if (columns := self._columns(people)) is None:
            return None
        seqs, addresses = [person.seq for person in people], columns[self.address]
        nothing, no_values = repeat(""), repeat(())
        if self.splitter is None:
            if (copies := self.content.render_all(columns)) is None:
                return None
            parts = (seqs, addresses, *copies, no_values, nothing)
            return list(map(_message, zip(*parts, strict=False)))
        longest = max(map(len, chain.from_iterable(columns.values())), default=0)
        if self.room and longest * WIDEST * len(self.splitter.merged.tokens) > self.room:
            return None
        if (values := self.splitter.all_values(columns)) is None:
            return None
        urls = self.content.unsubscribe_all(columns)
        parts = (seqs, addresses, nothing, nothing, nothing, values, urls)
        return list(map(_message, zip(*parts, strict=False)))

    def _columns(self, people: Sequence[Recipient]) -> dict[str, Sequence[str]] | None:
        """Return the values of many by name; None where one is empty, which is no value, or of
        several lines, which some places do not take."""
        data = [person.data for person in people] if self.fields else []
        if not set(map(type, data)) <= {str}:
            return None
        joined = SEPARATOR.join(cast(list[str], data))
        cells = joined.split(SEPARATOR) if data else []
        if "" in cells or "\n" in joined or "\r" in joined:
            return None
        columns: dict[str, Sequence[str]] = {
            name: cells[at :: len(self.fields)] for at, name in enumerate(self.fields)
        }
        columns[self.address] = [person.address for person in people]
        return columns

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
