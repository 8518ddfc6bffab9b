"""Cells of a CSV that no spreadsheet takes for a formula, and back, to the letter.

https://owasp.org/www-community/attacks/CSV_Injection (read 2026-11)
"""

from __future__ import annotations

import re

_FORMULA = re.compile(r"'*[=+\-@\t\r]")
# A telephone number or an amount begins like a formula and cannot be one.
_NUMBER = re.compile(r"[+-][0-9][0-9 ().,/-]*")


def guarded(cell: str) -> str:
    """Return a cell with an apostrophe before it where a spreadsheet might calculate."""
    return f"'{cell}" if _FORMULA.match(cell) and not _NUMBER.fullmatch(cell) else cell


def unguarded(cell: str) -> str:
    """Return what `guarded` was given."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell
