"""From a row of the list to a message: rendered whole, or as what a vendor puts into a template."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import orjson

from ...message import Message

if TYPE_CHECKING:
    from ...store.campaigns import Recipient
    from .content import Content
    from .merge import Splitter


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

    def message(self, to: Recipient) -> Message:
        values = self.composer.values(to)
        return Message(
            to.seq, to.address, values=tuple(values.get(name, "") for name in self.wanted)
        )
