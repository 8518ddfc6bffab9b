"""Named tuples and texts by the million, made fast or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, Generic, TypeVar, overload

Kind = TypeVar("Kind", bound=tuple[Any, ...])


def maker(kind: type[Kind]) -> Callable[[Iterable[Any]], Kind]:
    """Return what makes named tuples by the million: as `_make`, with neither a call of Python nor
    a look at the length, in a third of the time."""
    return partial(tuple.__new__, kind)


class ByColumn(Sequence[Kind], Generic[Kind]):
    """Named tuples that are kept by field: one is made when it is looked at.

    Of a thousand that go from step to step together, most never are.
    """

    __slots__ = ("columns", "kind")

    def __init__(self, kind: type[Kind], columns: Sequence[Sequence[Any]]) -> None:
        self.kind, self.columns = kind, columns

    @classmethod
    def of(cls, kind: type[Kind], rows: Sequence[Kind]) -> ByColumn[Kind]:
        """Return the rows by column, which they may be already."""
        if isinstance(rows, ByColumn):
            return rows
        fields: tuple[str, ...] = kind._fields  # type: ignore[attr-defined]
        return cls(kind, list(zip(*rows, strict=True)) or [()] * len(fields))

    def column(self, name: str) -> Sequence[Any]:
        fields: tuple[str, ...] = self.kind._fields  # type: ignore[attr-defined]
        return self.columns[fields.index(name)]

    def __len__(self) -> int:
        return len(self.columns[0])

    def __iter__(self) -> Iterator[Kind]:
        return map(maker(self.kind), zip(*self.columns, strict=True))

    __hash__ = None  # type: ignore[assignment]  # as that of a list

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and [*self] == [*other]

    @overload
    def __getitem__(self, place: int) -> Kind: ...
    @overload
    def __getitem__(self, place: slice) -> ByColumn[Kind]: ...
    def __getitem__(self, place: int | slice) -> Kind | ByColumn[Kind]:
        found = [column[place] for column in self.columns]
        return ByColumn(self.kind, found) if isinstance(place, slice) else maker(self.kind)(found)


def form(constants: Sequence[str]) -> str:
    """Return a format with ``%s`` between the constants."""
    return "%s".join(constant.replace("%", "%%") for constant in constants)


class Filled(Sequence[str]):
    """Texts that differ in what stands between their constants: a column of cells for each gap.

    One is made when it is looked at, too.
    """

    __slots__ = ("columns", "constants")

    def __init__(self, constants: Sequence[str], columns: Sequence[Sequence[str]]) -> None:
        self.constants, self.columns = constants, columns

    @property
    def size(self) -> int:
        """How many characters all of them have."""
        constant = len(self) * sum(map(len, self.constants))
        return constant + sum(len("".join(column)) for column in self.columns)

    def __len__(self) -> int:
        return len(self.columns[0])

    def __iter__(self) -> Iterator[str]:
        return map(form(self.constants).__mod__, zip(*self.columns, strict=True))

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> Filled: ...
    def __getitem__(self, place: int | slice) -> str | Filled:
        if isinstance(place, slice):
            return Filled(self.constants, [column[place] for column in self.columns])
        return next(iter(Filled(self.constants, [[column[place]] for column in self.columns])))
