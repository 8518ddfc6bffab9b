"""`mktool export history`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.settings import ledger_path
from . import acting
from .terminal import name, stamp, terminal

if TYPE_CHECKING:
    from ..store.acts import Act

COLUMNS = ("act", "at", "to", "state", "sent", "title", "where")


def history(words: list[str]) -> int:
    """Print what was exported, the newest first; ``words`` name the providers, or none for all."""
    from ..core.export.pieces import VERB
    from ..store.acts import Acts
    from ..store.ledger import Ledger

    only = acting.targets(words) if words else []
    data, rows = [], []
    with Ledger(ledger_path()) as ledger:
        acts = Acts(ledger)
        told = [(act, acts.parts(act.id)) for act in acts.of(VERB, without="pieces")
                if not only or _is_one(act, only)]  # fmt: skip
    for act, parts in told:
        posted = [part.posted for part in parts.values() if part.posted]
        total = act.content["parts"]
        data.append(
            {
                "act": act.id, "at": act.created, "provider": act.provider,
                "account": act.account, "title": act.content["title"],
                "source": act.content["source"], "key": act.key, "state": act.state,
                "due": act.due, "parts": total, "sent": len(posted),
                "items": [{"id": p.id, "url": p.url or None} for p in posted],
                "error": {"code": act.code, "message": act.error} if act.code else None,
            }
        )  # fmt: skip
        where = act.error or next((p.url or p.id for p in posted), "")
        rows.append(
            (act.id, stamp(act.created), name(act.provider, act.account), act.state,
             f"{len(posted)}/{total}", act.content["title"], where)
        )  # fmt: skip
    terminal().result(data, COLUMNS, rows, empty="nothing was exported yet", shorten="title")
    return 0


def _is_one(act: Act, only: list[tuple[str, str]]) -> bool:
    return any(act.provider == one and account in ("", act.account) for one, account in only)
