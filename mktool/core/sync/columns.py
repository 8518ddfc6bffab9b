"""Which column of a file or table holds which field of a vendor's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from ...errors import InvalidInput
from ...records import Values

ID, MODIFIED, DELETED = "id", "modified_at", "deleted"
OWN = (ID, MODIFIED, DELETED)  # columns that are ours: the vendor's id, time of change, tombstone


def column_of(field: str, names: Mapping[str, str]) -> str:
    """Return the column that holds a field; one with the name of ours gets an underscore, and so
    does one with such a name and underscores, so that none are mixed up."""
    if field in names:
        return names[field]
    return f"{field}_" if _like_own(field) else field


def field_of(column: str) -> str:
    """Return the field that `column_of` gave a column to."""
    return column[:-1] if column.endswith("_") and _like_own(column) else column


def _like_own(name: str) -> bool:
    return name.rstrip("_").lower() in OWN


def as_columns(values: Values, names: Mapping[str, str]) -> dict[str, str | None]:
    """Return values by column."""
    return {column_of(name, names): value for name, value in values.items()}


def columns_of(fields: Iterable[str], names: Mapping[str, str]) -> list[str]:
    """Return the columns of fields; `InvalidInput` where two would have the same one."""
    taken = dict.fromkeys(OWN, "mktool's own")
    columns = []
    for field in fields:
        columns.append(claimed(column_of(field, names), field, taken))
    return columns


def claimed(column: str, field: str, taken: dict[str, str]) -> str:
    """Return a column, now ``taken`` by a field; `InvalidInput` if another one has it."""
    if (other := taken.setdefault(column, field)) != field:
        raise InvalidInput(
            f"the fields {other} and {field} would both be the column {column}",
            hint=f'a name of its own, in the configuration: [map.PROVIDER.KIND] {field} = "NAME"',
        )
    return column


def moment(at: float | None) -> str | None:
    """Return epoch seconds as ISO 8601 in UTC, to the millisecond."""
    if at is None:
        return None
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
