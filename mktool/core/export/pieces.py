"""Exports, as acts that reach a vendor piece by piece."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from functools import partial

from ...capability import CanExport, CanLocate
from ...errors import Unsupported
from ...model import Posted
from ...provider import Provider
from ...report import Export, Piece
from ...store.acts import Act, Wanted
from ..acting import Published, carry_out
from ..session import Session

VERB = "export"


class Pieces:
    """What a report comes to at one vendor: a message and its thread, a note and its tasks."""

    def __init__(self, provider: Provider, pieces: Sequence[Piece]) -> None:
        self.provider, self.pieces = provider, pieces
        self.traceable = isinstance(provider, CanLocate)

    @classmethod
    def kept(cls, provider: Provider, act: Act) -> Pieces:
        """Return what an act holds: the same pieces again, whatever mktool makes of it by now."""
        return cls(provider, [Piece(p["kind"], p["body"]) for p in act.content["pieces"]])

    def __len__(self) -> int:
        return len(self.pieces)

    def check(self) -> None:
        """`CanExport.pieces` has checked what it made."""

    def send(self, seq: int, token: str, before: Sequence[Posted], /) -> Posted:
        assert isinstance(self.provider, CanExport)
        return self.provider.write(replace(self.pieces[seq - 1], token=token), before)

    def trace(
        self, seq: int, token: str, before: Sequence[Posted], since: float, known: frozenset[str], /
    ) -> Posted | None:
        assert isinstance(self.provider, CanLocate)
        piece = replace(self.pieces[seq - 1], token=token)
        return self.provider.locate(piece, before, since, known)


def check(provider: Provider) -> CanExport:
    """Return the provider; `Unsupported` where this vendor takes no reports."""
    if not isinstance(provider, CanExport):
        raise Unsupported(
            f"{provider.spec.title} takes no reports", hint="mktool providers lists those that do"
        )
    return provider


def pieces(provider: Provider, export: Export) -> Sequence[Piece]:
    """Return what is to be written, in order. Sends nothing."""
    return check(provider).pieces(export)


def wanted(
    session: Session,
    export: Export,
    *,
    source: str = "",
    key: str | None = None,
    due: float | None = None,
    zone: str = "",
) -> Wanted:
    """Return the act that this export amounts to; ``source`` is the file that it came from."""
    made = [asdict(piece) for piece in pieces(session.provider, export)]
    title = export.report.title
    content = {"title": title, "source": source, "parts": len(made), "pieces": made}
    return Wanted(VERB, session.spec.name, session.account, key, digest(export), content, due, zone)


def digest(export: Export) -> str:
    """Return what identifies an export: all that its pieces are made from."""
    import hashlib

    shape = json.dumps(asdict(export), sort_keys=True, default=str)
    return hashlib.sha256(shape.encode(errors="surrogatepass")).hexdigest()[:32]


def export(
    session: Session, want: Wanted, *, again: bool = False,
    say: Callable[[str], None] = lambda text: None,
) -> Published:  # fmt: skip
    """Export, or go on with, one report; every failure is in the result, none is raised."""
    made = [Piece(piece["kind"], piece["body"]) for piece in want.content["pieces"]]
    work = Pieces(session.provider, made)
    return carry_out(
        session, want, work, again=again, say=say, kept=partial(Pieces.kept, session.provider)
    )
