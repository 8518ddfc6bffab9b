"""What Slack takes of a meeting, and who is who there. Part of the vendor file beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache, cached_property, partial

from ..capability import CanExport, CanFind, CanLocate
from ..model import Posted
from ..provider import Provider
from ..records import Found
from ..report import Export, Piece
from . import _slack_export as report
from . import _slack_people as people
from ._slack_chat import WEBHOOK, located, send
from ._slack_files import share
from ._slack_find import by_webhook, place


class Reports(Provider, CanExport, CanLocate, CanFind):
    """Reports as a message, its thread and a file; channels and people by name."""

    def pieces(self, export: Export, /) -> Sequence[Piece]:
        return report.pieces(self.client, export)

    def write(self, piece: Piece, before: Sequence[Posted], /) -> Posted:
        if by_webhook(self.client):
            self.client.call(WEBHOOK, json=report.message(piece, lambda email: ""))
            return Posted(piece.token)  # Slack tells none
        post = report.as_post(piece, before)
        where = place(self.client, post, by_id=piece.kind == "file")
        if piece.kind == "file":
            return share(self.client, where, [(report.document(piece), "")], {})
        return send(self.client, where, report.message(piece, self._id_of), piece.token)

    def locate(
        self, piece: Piece, before: Sequence[Posted], since: float, known: frozenset[str], /
    ) -> Posted | None:
        return located(self.client, report.as_post(piece, before), since, known)

    def find(self, kind: str, term: str, /) -> Iterator[Found]:
        return people.find(self.client, kind, term)

    @cached_property
    def _id_of(self) -> Callable[[str], str]:
        return cache(partial(people.id_of, self.client))
