"""
The vendor's ids of messages as a campaign's file keeps them.

An id that is a UUID takes 16 bytes. Those of a whole batch stand in its row, one after another by
the numbers of the recipients, which takes half of the room and a third of the time of a row each.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence

from .database import Database

ID = 16  # bytes of a UUID
_DIGITS = str.maketrans("123456789abcdef", "0" * 15)
_UUID = "00000000-0000-0000-0000-000000000000"  # how one looks, its digits apart
_MANY = 500  # batches of one transaction


def packed(id: str) -> str | bytes | None:
    """Return a vendor's id as it is kept: a UUID takes 16 bytes instead of 36."""
    if id.translate(_DIGITS) == _UUID:
        return bytes.fromhex(id.replace("-", ""))
    return id or None


def all_packed(ids: Sequence[str]) -> bytes:
    """Return ids as `packed` does, one after another; b"" if one of them is no UUID."""
    joined = " ".join(ids)
    if joined.translate(_DIGITS) != " ".join([_UUID] * len(ids)):
        return b""
    return bytes.fromhex(joined.replace("-", ""))


def in_slots(seqs: Sequence[int], ids: bytes, lo: int, hi: int) -> bytes:
    """Return packed ids with a place for each number from ``lo`` to ``hi``, zeros for the others;
    b"" where that would be mostly zeros."""
    if len(ids) != ID * len(seqs) or hi - lo >= 2 * len(seqs):
        return b""
    if [*seqs] == [*range(lo, hi + 1)]:
        return ids
    slots = bytearray(ID * (hi - lo + 1))
    for at, seq in enumerate(seqs):
        slots[ID * (seq - lo) : ID * (seq - lo + 1)] = ids[ID * at : ID * (at + 1)]
    return bytes(slots)


def unpacked(kept: str | bytes | None) -> str:
    if isinstance(kept, bytes):
        return str(uuid.UUID(bytes=kept))
    return kept or ""


def in_order(file: Database) -> Callable[[int], bytes | None]:
    """Return what tells the id that a batch keeps for a recipient, asked in their order."""
    with file.guard():
        batches = file.db.execute(
            "select lo, hi, ids from batches where ids is not null order by lo"
        )
        ahead = batches.fetchone()
    near: list[tuple[int, int, bytes]] = []  # those that reach this far: one for each variant

    def id_of(seq: int) -> bytes | None:
        nonlocal near, ahead
        if ahead and ahead[0] <= seq:
            near = [batch for batch in near if batch[1] >= seq]
        while ahead and ahead[0] <= seq:
            near.append(ahead)
            ahead = batches.fetchone()
        slots = (ids[ID * (seq - lo) : ID * (seq - lo + 1)] for lo, _, ids in near)
        return next(filter(any, slots), None)

    return id_of


def spread(file: Database) -> None:
    """Give each id that a batch keeps a row of its own, for somebody to be found by it; some
    batches in each transaction, so that a run may go on meanwhile."""
    some = f"select id from batches where ids is not null order by id limit {_MANY}"  # noqa: S608 - ours
    done = _MANY
    while done == _MANY:
        with file.transaction() as db:
            db.execute(
                "insert or ignore into outcomes (seq, state, vendor)"  # noqa: S608 - ours
                " select seq, 1, id from (select r.seq, substr(b.ids, 1 + 16 * (r.seq - b.lo), 16)"
                f"  as id from batches b join recipients r on r.seq between b.lo and b.hi"
                f"  where b.id in ({some})) where length(id) = 16 and id != zeroblob(16)"
            )
            done = db.execute(
                f"update batches set ids = null, implied = 0 where id in ({some})"  # noqa: S608 - ours
            ).rowcount
