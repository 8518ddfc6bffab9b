"""Every recipient of a campaign with what became of them, as a file."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TextIO

from ...errors import InvalidInput
from ...store.acts import Act
from ...store.outcomes import State
from ...text.cells import guarded
from ..lists.delimited import EXPORTED
from ..lists.files import replacing
from . import definition, overview

Format = Literal["csv", "jsonl"]
COLUMNS = EXPORTED


def recipients(act: Act, states: Sequence[State] = ()) -> Iterator[dict[str, Any]]:
    """Yield the recipients, by `COLUMNS`, in the order of the list; streamed."""
    names = _variants(act)
    with overview.opened(act) as file:
        for row in file.outcomes(states):
            yield {
                "number": row["seq"],
                "address": row["address"],
                "variant": names.get(row["variant"], ""),
                "state": row["state"],
                "code": row["code"],
                "reason": row["text"],
                "vendor_id": row["vendor_id"],
                "events": row["events"],
            }


def export(act: Act, path: Path, states: Sequence[State] = ()) -> int:
    """Write the recipients into a .csv or .jsonl file, all or nothing; return how many.

    The file is readable by its owner only. `InvalidInput` if its name says neither.
    """
    format = _format(path)
    with replacing(path) as file:
        return write(file, recipients(act, states), format)


def write(file: TextIO, rows: Iterator[dict[str, Any]], format: Format) -> int:
    """Write rows one by one; return how many."""
    count = 0
    table = csv.writer(file, lineterminator="\n")
    if format == "csv":
        table.writerow(COLUMNS)
    for count, row in enumerate(rows, start=1):  # noqa: B007 - the last one is the answer
        if format == "csv":
            table.writerow(guarded(str(value)) for value in row.values())
        else:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    return count


def _format(path: Path) -> Format:
    match path.suffix.lower():
        case ".csv":
            return "csv"
        case ".jsonl" | ".ndjson":
            return "jsonl"
    raise InvalidInput(f"{path}: neither .csv nor .jsonl", hint="name it FILE.csv, or -")


def _variants(act: Act) -> Mapping[int, str]:
    found = definition.from_json(act.content["definition"])
    if found.ab is None:
        return {}
    return {number: one.name for number, one in enumerate(found.variants, start=1)}
