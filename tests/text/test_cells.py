from __future__ import annotations

import pytest

from mktool.text.cells import guarded, unguarded


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("=1+1", "'=1+1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("-2+3+cmd|' /C calc'!A0", "'-2+3+cmd|' /C calc'!A0"),
        ("\tx", "'\tx"),
        ("'=1", "''=1"),
        ("+41 79 123 45 67", "+41 79 123 45 67"),
        ("-5.00", "-5.00"),
        ("Ada", "Ada"),
        ("'tis", "'tis"),
        ("", ""),
    ],
)
def test_a_cell_is_harmless_and_comes_back(cell: str, written: str) -> None:
    assert guarded(cell) == written
    assert unguarded(written) == cell
