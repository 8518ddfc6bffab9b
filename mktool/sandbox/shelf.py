"""Where a vendor keeps records of one kind: a million of them, and each page costs only itself."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

Data = dict[str, Any]


@dataclass(slots=True)
class Entry:
    """One record. Times are epoch seconds; ``version`` grows with every change on its shelf.

    An invented one is made up again by ``make`` each time it is read, until it is changed: so a
    million of them fit into memory.
    """

    id: int
    created: float
    modified: float
    version: int
    kept: Data | None = None
    make: Callable[[int], Data] | None = None
    deleted: bool = False

    @property
    def data(self) -> Data:
        if self.kept is None:
            return self.make(self.id) if self.make else {}
        return self.kept


class Shelf:
    """Records in the order of their ids, found by id, by key and by when they were changed.

    ``keys`` names what a record can be found by, as its e-mail addresses; case does not matter.
    Deleted ones stay, marked.
    """

    def __init__(self, keys: Callable[[Data], Iterable[str]] = lambda data: ()) -> None:
        self._keys = keys
        self._entries: dict[int, Entry] = {}
        self._ids: list[int] = []
        self._index: dict[str, list[int] | int] = {}
        self._journal: list[tuple[float, int, int]] = []  # modified, version, id
        self._version = 0
        self.alive = 0

    def add(self, id: int, data: Data, now: float) -> Entry:
        """Put a record on the shelf; its id is higher than all before it."""
        entry = Entry(id, now, now, 0, data)
        self._put(entry, now)
        for key in set(self._keys(data)):
            self._remember(key, id)
        return entry

    def invent(
        self, id: int, make: Callable[[int], Data], now: float, keys: Iterable[str] = ()
    ) -> None:
        """Put a record on the shelf that ``make`` makes up from its id whenever it is read."""
        self._put(Entry(id, now, now, 0, make=make), now)
        for key in keys:
            self._remember(key, id)

    def change(self, entry: Entry, changes: Data, now: float) -> None:
        """Merge values into a record."""
        old = entry.data
        new = {**old, **changes}
        for key in set(self._keys(old)) - set(self._keys(new)):
            self._forget(key, entry.id)
        for key in set(self._keys(new)) - set(self._keys(old)):
            self._remember(key, entry.id)
        entry.kept = new
        self._touch(entry, now)

    def delete(self, entry: Entry, now: float) -> None:
        """Mark a record as deleted; it cannot be found by its keys any more."""
        for key in set(self._keys(entry.data)):
            self._forget(key, entry.id)
        entry.deleted = True
        self.alive -= 1
        self._touch(entry, now)

    @property
    def last(self) -> int:
        """The highest id, 0 on an empty shelf."""
        return self._ids[-1] if self._ids else 0

    def get(self, id: int | None) -> Entry | None:
        """Return a record in whatever state it is."""
        return None if id is None else self._entries.get(id)

    def live(self, id: int | None) -> Entry | None:
        """Return a record that was not deleted."""
        found = self.get(id)
        return found if found and not found.deleted else None

    def find(self, key: str) -> list[Entry]:
        """Return the records that have this key, oldest first."""
        ids = self._index.get(key.lower(), [])
        return [self._entries[id] for id in ([ids] if isinstance(ids, int) else ids)]

    def after(self, id: int = 0) -> Iterator[Entry]:
        """Yield the records with a higher id, lowest first, deleted ones too."""
        start = bisect_right(self._ids, id)
        return (self._entries[self._ids[i]] for i in range(start, len(self._ids)))

    def before(self, id: int | None = None) -> Iterator[Entry]:
        """Yield the records with a lower id (all without one), highest first."""
        at = len(self._ids) if id is None else bisect_left(self._ids, id)
        return (self._entries[self._ids[i]] for i in range(at - 1, -1, -1))

    def changed(self, since: float = 0.0, version: int = -1) -> Iterator[Entry]:
        """Yield what was last changed at ``since`` or later, and after that version, in order."""
        self._compact()
        at = bisect_left(self._journal, (since, -1, 0))
        if version >= 0:
            at = max(at, bisect_right(self._journal, version, key=lambda line: line[1]))
        for i in range(at, len(self._journal)):
            _, told, id = self._journal[i]
            if self._entries[id].version == told:
                yield self._entries[id]

    def latest(self, version: int | None = None) -> Iterator[Entry]:
        """Yield what was changed before that version (all without one), newest first."""
        self._compact()
        at = len(self._journal)
        if version is not None:
            at = bisect_left(self._journal, version, key=lambda line: line[1])
        for _, told, id in (self._journal[i] for i in range(at - 1, -1, -1)):
            if self._entries[id].version == told:
                yield self._entries[id]

    def _put(self, entry: Entry, now: float) -> None:
        self._entries[entry.id] = entry
        self._ids.append(entry.id)
        self.alive += 1
        self._touch(entry, now)

    def _touch(self, entry: Entry, now: float) -> None:
        self._version += 1
        # Never before the last change, so that the journal stays in the order of time.
        entry.modified = max(now, self._journal[-1][0]) if self._journal else now
        entry.version = self._version
        self._journal.append((entry.modified, entry.version, entry.id))

    def _compact(self) -> None:
        if len(self._journal) > 2 * len(self._ids) + 1000:
            entries = self._entries
            self._journal = [line for line in self._journal if entries[line[2]].version == line[1]]

    def _remember(self, key: str, id: int) -> None:
        known = self._index.setdefault(key.lower(), id)
        if isinstance(known, list):
            known.append(id)
        elif known != id:
            self._index[key.lower()] = [known, id]

    def _forget(self, key: str, id: int) -> None:
        known = self._index.pop(key.lower(), id)
        rest = [each for each in known if each != id] if isinstance(known, list) else []
        if isinstance(known, int) and known != id:
            rest = [known]
        if rest:
            self._index[key.lower()] = rest
