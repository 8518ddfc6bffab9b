"""What a vendor keeps of a campaign until its time, batch by batch, and what was taken back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .campaigns import CampaignFile
from .ids import spread, unpacked
from .outcomes import DONE, Outcome, State


def batches(file: CampaignFile) -> Iterator[tuple[int, list[Outcome]]]:
    """Yield the number of each batch that the vendor took, with whom of it was sent to."""
    spread(file)
    with file.guard():
        found = file.db.execute(
            "select id, lo, hi, variant from batches where state = ? and not retry order by id",
            (DONE,),
        ).fetchall()
        for id, lo, hi, variant in found:
            rows = file.db.execute(
                "select r.seq, o.vendor from recipients r left join outcomes o on o.seq = r.seq"
                " where r.seq between ? and ? and r.variant is ?"
                " and (o.seq is null or o.state = ?)",
                (lo, hi, variant, State.SENT),
            ).fetchall()
            if rows:
                yield id, [Outcome(seq, State.SENT, unpacked(vendor)) for seq, vendor in rows]


def settled(file: CampaignFile, batch: int, people: Sequence[Outcome]) -> None:
    """Record what became of everybody in a batch, each with a row of its own."""
    with file.transaction() as db:
        file.note(people)
        db.execute("update batches set implied = 0 where id = ?", (batch,))
