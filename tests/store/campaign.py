"""A campaign's file as the tests of the store make it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from mktool.store.campaigns import CampaignFile, Claim, Outcome, State, key_of
from mktool.store.staging import Stage, Staged

AT = 1_700_000_000.0


def entry(address: str, variant: int | None = None, problem: str = "") -> Staged:
    return Staged(address, key_of(address), variant, None, problem)


def people(count: int, tag: str = "p") -> list[str]:
    return [f"{tag}{number}@acme.example" for number in range(count)]


def stage(file: CampaignFile, addresses: Iterable[str | Staged]) -> int:
    """Stage a list as a run does, and return how many were folded."""
    rows = [entry(one) if isinstance(one, str) else one for one in addresses]
    with Stage(file) as reading:
        reading.add(rows)
        folded = reading.fold()
        reading.finish(staged=int(file.get("staged", 0)) + len(rows) - folded)
    return folded


def claim(
    file: CampaignFile, lo: int, hi: int, variant: int | None = None, *, retry: bool = False
) -> Claim:
    with file.transaction():
        return file.claim(lo, hi, variant, retry=retry, at=AT)


def confirm(
    file: CampaignFile, batch: Claim, *outcomes: Outcome, implied: int = 0, left: bool = False
) -> None:
    with file.transaction():
        file.confirm(batch, outcomes, implied=implied, left=left)


def note(file: CampaignFile, state: State, *seqs: int) -> None:
    with file.transaction():
        file.note([Outcome(seq, state) for seq in seqs])


def reopened(file: CampaignFile) -> CampaignFile:
    """Return the file as the next process finds it after this one was killed."""
    path = Path(file.path)
    file.close()
    return CampaignFile(path)


def colliding() -> tuple[str, str]:
    """Return two addresses that differ and have one key (about 2**16 are enough to find them)."""
    seen: dict[int, str] = {}
    for number in range(1_000_000):
        address = f"n{number * 2654435761 % 2**32:x}@b.example"
        other = seen.setdefault(key_of(address), address)
        if other != address:
            return other, address
    raise AssertionError("no collision in a million")
