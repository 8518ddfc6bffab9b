"""Uploads that take several calls: a file in pieces, then waiting for the vendor to process it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import Rejected, Unavailable
from ..model import Media
from ..spec import Endpoint
from .classify import printable
from .client import Calls
from .reply import Reply
from .request import Slice

PATIENCE = 900.0  # seconds; long videos take minutes
LONGEST_NAP = 60.0


def slices(media: Media, size: int) -> Iterator[Slice]:
    """Yield the file in pieces of at most ``size`` bytes, in order; an empty file has none."""
    for offset in range(0, media.size, size):
        yield Slice(media.path, offset, min(size, media.size - offset), name=media.name)


@dataclass(frozen=True, slots=True)
class Pieces:
    """An upload in four steps: announce it, append pieces by number, finish, ask how it goes.

    The paths of ``append`` and ``finish`` take the file's id, the query ``asks`` the same under
    ``{}``; ``id`` and ``progress`` are where id and state stand in a reply.
    """

    start: Endpoint
    append: Endpoint
    finish: Endpoint
    status: Endpoint
    size: int
    asks: Mapping[str, str]
    part: str = "media"
    number: str = "segment_index"
    id: str = "data.id"
    progress: str = "data.processing_info"

    def send(self, client: Calls, media: Media, about: Mapping[str, Any]) -> str:
        """Return the id of the uploaded file, ready to be used; ``about`` announces it.

        Raises `Rejected` with the vendor's words if it cannot be processed.
        """
        id = client.call(self.start, json=dict(about)).need(self.id)
        for number, piece in enumerate(slices(media, self.size)):
            form = {self.number: str(number)}
            client.call(self.append, id, form=form, files={self.part: piece})
        query = {name: value.format(id) for name, value in self.asks.items()}
        await_processing(
            client,
            client.call(self.finish, id),
            lambda: client.call(self.status, query=query),
            at=self.progress,
        )
        return id


def await_processing(
    client: Calls,
    first: Reply,
    ask: Callable[[], Reply],
    *,
    at: str,
    done: str = "succeeded",
    failed: str = "failed",
) -> None:
    """Return once the vendor has processed an upload; ``ask`` gets its state again.

    ``at`` is the path of an object with ``state``, ``check_after_secs`` (seconds to wait) and
    ``error.message``; a first reply without it is of a file that needs no processing. Raises
    `Rejected` with the vendor's words, or `Unavailable` after fifteen minutes.
    """
    if first.get(at) is None:
        return
    reply, waited = first, 0.0
    while (state := reply.need(f"{at}.state")) != done:
        if state == failed:
            raise Rejected(_reason(reply, at), reply.where)
        if waited >= PATIENCE:
            raise Unavailable("the file is still being processed; nothing was posted", reply.where)
        nap = _nap(reply.get(f"{at}.check_after_secs"))
        client.pause(nap)
        waited += nap
        reply = ask()


def _nap(told: object) -> float:
    """As long as the vendor asks for, between a second and a minute."""
    seconds = told if isinstance(told, int | float) else 1.0
    return float(min(LONGEST_NAP, max(1.0, seconds)))  # in this order NaN counts as a second


def _reason(reply: Reply, at: str) -> str:
    words = reply.get(f"{at}.error.message") or reply.get(f"{at}.error.name") or "no reason given"
    return f"the file could not be processed: {printable(str(words))}"
