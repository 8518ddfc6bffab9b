"""What the engine has its lanes do, and what they tell of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import NamedTuple

from ... import errors as e
from ...http.exchange import Ended, Throttled
from ...store.campaigns import Claim, Outcome, Recipient, State
from ...store.ids import ID, unpacked


class Job(NamedTuple):
    """A batch to send, or (``trace``) to ask the vendor about, where ``known`` are ids of other
    messages to these people.

    ``call`` is its id in the ledger, ``pace`` the seconds between its requests. ``redo``: it may
    be at the vendor already, under the same key.
    """

    claim: Claim
    people: Sequence[Recipient]
    pace: float = 0.0
    redo: bool = False
    trace: bool = False
    known: frozenset[str] = frozenset()
    call: int = 0


@dataclass(slots=True)
class Done:
    """How a job for ``size`` people ended. Who is in none of the lists was not sent to, which is
    proven.

    ``implied`` were sent to without an id of their own, or with those in ``ids``, packed and one
    after another; ``vendor`` is the id of the request.
    """

    size: int
    outcomes: list[Outcome] = field(default_factory=list)
    implied: list[int] = field(default_factory=list)
    ids: bytes = b""
    vendor: str = ""
    doubt: list[int] = field(default_factory=list)
    slow: bool = False  # an answer was waited for as long as it may take
    error: e.MktoolError | None = None
    calls: list[Ended] = field(default_factory=list)
    seen: list[Throttled] = field(default_factory=list)

    @property
    def sent(self) -> list[Outcome]:
        """Those that are implied, each with its own outcome."""
        ids = [unpacked(self.ids[at : at + ID]) for at in range(0, len(self.ids), ID)]
        return list(map(Outcome, self.implied, repeat(State.SENT), ids or repeat("")))

    @property
    def left(self) -> bool:
        """Whether somebody was not sent to, and can be."""
        return len(self.outcomes) + len(self.implied) + len(self.doubt) < self.size
