"""Records in a .csv or .jsonl file, which is written anew as a whole."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from ...errors import InvalidInput
from ...records import Record
from ...store.replica import Held, Replica
from ...store.worklist import Edit
from ...text.cells import guarded, unguarded
from ..lists.files import replacing
from ..lists.recipients import Rows, open_list, shown, text_of
from .columns import DELETED, ID, MODIFIED, as_columns, columns_of, moment

LEAVING = "leaving"  # how the file is when it takes the place of the one before

Cells = dict[str, Any]


def fingerprint(about: os.stat_result) -> str:
    """Return what changes when a file does."""
    return f"{about.st_mtime_ns}-{about.st_size}"


class File:
    """A file; nothing is in it before `finish` or `merge`."""

    at_once, has_rows, is_new = False, False, False

    def __init__(self, address: str, names: Mapping[str, str]) -> None:
        self.path, self.names = Path(address).expanduser(), names
        if self.path.suffix.lower() not in (".csv", ".jsonl", ".ndjson"):
            raise InvalidInput(
                f"{shown(address)}: neither .csv nor .jsonl, nor a database",
                hint="FILE.csv, FILE.jsonl, sqlite:///FILE.db or postgresql://USER@HOST/NAME",
            )
        if self.path.exists() and not self.path.is_file():
            raise InvalidInput(f"{address}: is no file", hint="FILE.csv or FILE.jsonl")
        if not self.path.parent.is_dir():
            raise InvalidInput(
                f"{self.path.parent}: there is no such folder", hint=f"mkdir -p {self.path.parent}"
            )

    @property
    def is_csv(self) -> bool:
        return self.path.suffix.lower() == ".csv"

    def take(self, records: Sequence[Record]) -> None:
        """The file is written at the end."""

    def finish(self, replica: Replica) -> None:
        columns = columns_of(replica.columns(), self.names)
        with replacing(self.path) as file:
            write = self._writer(file, [ID, *columns, MODIFIED, DELETED])
            empty: Cells = dict.fromkeys(columns)
            for held in replica.records():
                write(empty | self._cells(held))
            _leave(file, replica)

    def merge(
        self, edits: Callable[[], Iterable[Edit]], news: Iterable[Held], known_by: str,
        replica: Replica,
    ) -> list[int]:  # fmt: skip
        with open_list(str(self.path), Path(), exact=True) as old, replacing(self.path) as file:
            columns = list(old.columns) + [c for c in (ID, DELETED) if c not in old.columns]
            if self.is_csv:
                file.write("\ufeff" if old.encoding == "utf-8-sig" else "")
                write = self._writer(file, columns)
                for cells in self._edited(old, edits()):
                    write(cells)
            else:
                write = self._writer(file, columns)
                file.writelines(self._edited_lines(edits()))
            for held in news:
                cells = self._cells(held)
                write({name: cells.get(name) for name in columns})
            _leave(file, replica)
        return []

    def close(self) -> None:
        """It is not open between."""

    def _writer(self, file: TextIO, columns: Sequence[str]) -> Callable[[Cells], object]:
        if self.is_csv:
            file.write(_line(columns))
            return lambda cells: file.write(_line([_cell(cells.get(name)) for name in columns]))
        import json

        return lambda cells: file.write(json.dumps(cells, ensure_ascii=False) + "\n")

    def _cells(self, held: Held) -> Cells:
        return {
            ID: held.id, **as_columns(held.theirs, self.names),
            MODIFIED: moment(held.modified), DELETED: held.deleted,
        }  # fmt: skip

    def _edited(self, old: Rows, edits: Iterable[Edit]) -> Iterator[Cells]:
        """Yield the rows of a table with what they get; an edit and its row have one line."""
        waiting = iter(edits)
        edit = next(waiting, None)
        for row in old:
            cells = dict(zip(old.columns, map(unguarded, row.values), strict=True))
            while edit is not None and edit.line < row.line:
                edit = next(waiting, None)
            if edit is not None and edit.line == row.line:
                cells |= self._given(edit, cells)
            yield cells

    def _edited_lines(self, edits: Iterable[Edit]) -> Iterator[str]:
        """Yield the lines of a .jsonl file: those that get nothing as they are, to the letter."""
        waiting = iter(edits)
        edit = next(waiting, None)
        with contextlib.ExitStack() as closing:
            lines = text_of(str(self.path), Path(), None, closing)
            for number, line in enumerate(lines, start=1):
                while edit is not None and edit.line < number:
                    edit = next(waiting, None)
                whole = line.rstrip("\r\n") + "\n"
                if edit is not None and edit.line == number:
                    whole = self._edited_line(whole, edit)
                yield whole

    def _edited_line(self, line: str, edit: Edit) -> str:
        import json

        import orjson

        # A number that is not touched is written as it was.
        raw: dict[str, Any] = {"parse_float": _raw, "parse_int": _raw}
        cells = json.loads(line, **raw)
        given = self._given(edit, cells)
        if not given:
            return line
        return orjson.dumps(cells | given).decode() + "\n"

    def _given(self, edit: Edit, cells: Mapping[str, Any]) -> Cells:
        """Return the cells that an edit changes."""
        given: Cells = as_columns(edit.values, self.names)
        if edit.id and not edit.named:
            given[ID] = edit.id
        if edit.gone is not None:
            given[DELETED] = edit.gone
        if given and MODIFIED in cells and edit.modified is not None:
            given[MODIFIED] = moment(edit.modified)
        return given


def _raw(text: str) -> Any:
    import orjson

    return orjson.Fragment(text)


def _leave(file: TextIO, replica: Replica) -> None:
    """Note how the file will be: after a kill, once it is in place, it must still be ours."""
    file.flush()
    replica.put(LEAVING, fingerprint(os.fstat(file.fileno())))


def _cell(value: Any) -> str:
    if value is None or value is False:
        return ""
    return "1" if value is True else guarded(str(value))


def _line(cells: Sequence[str]) -> str:
    """Return a line of RFC 4180; a blank at either end is quoted too, as readers drop it."""
    return ",".join(map(_quoted, cells)) + "\n"


def _quoted(cell: str) -> str:
    if cell == cell.strip() and not any(c in cell for c in ',"\r\n;\t|'):
        return cell
    return '"' + cell.replace('"', '""') + '"'
