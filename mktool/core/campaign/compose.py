"""From a row of the list to a message: rendered whole, or as what a vendor puts into a template."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from ...message import Message
from ...store.campaigns import Recipient
from ...store.cells import SEPARATOR, cells_of
from ...tuples import ByColumn

if TYPE_CHECKING:
    from .content import Content
    from .merge import Splitter


WIDEST = 4  # bytes of a character
ESCAPED = 6  # bytes that it may come to in HTML


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

    def messages(self, people: Sequence[Recipient]) -> Sequence[Message | ValueError]:
        """Return everybody's message, or the reason where it cannot be made.

        Many are made together, and kept by column, where the content only inserts columns: that
        takes a fifth of the time of each alone.
        """
        return self._together(people) or [tried(self.message, person) for person in people]

    def _together(self, people: Sequence[Recipient]) -> ByColumn[Message] | None:
        rows = ByColumn.of(Recipient, people)
        if not rows or (columns := self._columns(rows)) is None:
            return None
        whom, nothing = (rows.column("seq"), rows.column("address")), [""] * len(rows)
        if self.splitter is None:
            copies = self.content.render_all(columns)
            if copies is None:
                return None
            return ByColumn(Message, [*whom, *copies, [()] * len(rows), nothing])
        found = self.splitter.all_values(columns)
        if found is None or not self._fit(rows, found):
            return None
        values = ByColumn(tuple, found) if found else [()] * len(rows)
        urls = self.content.unsubscribe_all(columns)
        return ByColumn(Message, [*whom, nothing, nothing, nothing, values, urls])

    def _fit(self, people: ByColumn[Recipient], values: Sequence[Sequence[str]]) -> bool:
        """Whether nobody's values, by token, can be too long: most lists are far from it."""
        if not self.room:
            return True
        data = people.column("data") if self.fields else ()
        longest = max(max(map(len, some)) for some in (data, people.column("address")) if some)
        if longest * ESCAPED * len(values) <= self.room:
            return True
        return sum(max(map(len, column)) for column in values) * WIDEST <= self.room

    def _columns(self, people: ByColumn[Recipient]) -> dict[str, Sequence[str]] | None:
        """Return the values of many by name; None where one is empty, which is no value, or of
        several lines, which some places do not take."""
        data = people.column("data") if self.fields else ()
        if not set(map(type, data)) <= {str}:
            return None
        joined = SEPARATOR.join(data)
        cells = joined.split(SEPARATOR) if data else []
        if "" in cells or "\n" in joined or "\r" in joined:
            return None
        columns: dict[str, Sequence[str]] = {
            name: cells[at :: len(self.fields)] for at, name in enumerate(self.fields)
        }
        columns[self.address] = people.column("address")
        return columns

    def message(self, to: Recipient) -> Message:
        """Return a recipient's message; ValueError with the reason where it cannot be made."""
        values = self.values(to)
        if self.splitter is not None:
            personal = self.splitter.values(values)
            if (
                not self.room
                or len("".join(personal)) * WIDEST <= self.room
                or self._fits(personal)
            ):
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

    def messages(self, people: Sequence[Recipient]) -> Sequence[Message | ValueError]:
        return [tried(self.message, person) for person in people]

    def message(self, to: Recipient) -> Message:
        values = self.composer.values(to)
        return Message(
            to.seq, to.address, values=tuple(values.get(name, "") for name in self.wanted)
        )
