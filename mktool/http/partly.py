"""A report of which a vendor took one part and refused another, which is told at the end."""

from __future__ import annotations

import json
from collections.abc import Sequence

from .. import errors as e
from ..model import Posted


def refusals(told: Sequence[str]) -> dict[str, str]:
    """Return what `Posted.ref` keeps of refusals, so that the pieces behind still go out."""
    return {"refused": json.dumps(list(told), ensure_ascii=False)} if told else {}


def all_taken(before: Sequence[Posted], provider: str, what: str) -> Posted:
    """Return the last piece. Raises `Rejected` with what was refused of those before."""
    refused = [text for posted in before for text in json.loads(posted.ref.get("refused", "[]"))]
    if refused:
        raise e.Rejected(
            f"the rest is there, but {len(refused)} {what} were refused: {'; '.join(refused[:5])}",
            e.Context(provider, operation=what),
            hint=f"make these {what} by hand; mktool outbox tells how to say so",
        )
    return Posted(before[-1].id, before[-1].url) if before else Posted("")
