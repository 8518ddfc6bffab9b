"""JSON bodies: whatever way they are made, they say the same."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import pytest

from mktool.http.body import Encoded, encoded, encoded_alike
from mktool.tuples import ByColumn, Filled


class Row(NamedTuple):
    number: int
    name: str
    values: tuple[str, ...] = ()
    link: str = ""


def _made(row: Row) -> dict[str, Any]:
    found: dict[str, Any] = {
        "to": [{"name": row.name}], "args": {"n": str(row.number), "same": "é\x7f"},
        "values": dict(zip(("-1-", "-2-"), row.values, strict=False)),
    }  # fmt: skip
    return found | ({"link": f"<{row.link}>"} if row.link else {})


HOSTILE = (
    'a"',
    'a",',
    "\\",
    '","',
    "\x7f",
    "\x1f\0",
    "é 😀",
    "\\u007f",
    "Ж",
    "</script>",
    " ",
    "0",
)


def _rows(names: list[str], links: list[str]) -> list[Row]:
    return [
        Row(number, name, (name, name[::-1]), link)
        for number, (name, link) in enumerate(zip(names, links, strict=True), start=1)
    ]


@pytest.mark.parametrize(
    "rows",
    [
        _rows([*HOSTILE], [""] * len(HOSTILE)),
        _rows([*HOSTILE], [f"https://acme.example/{one}" for one in HOSTILE]),
        _rows(["Ann", "Bob"], ["", "https://acme.example"]),
        _rows(["Ann", ""], ["", ""]),
        _rows(["Ann"], [""]),
        [Row(1, "Ann")] * 3,
        [Row(1, "Ann"), Row(2, "Ann")],
        [],
    ],
)
def test_what_is_alike_is_encoded_as_it_would_be_alone(rows: list[Row]) -> None:
    by_column = ByColumn(Row, [
        *([row[at] for row in rows] for at in (0, 1)),
        ByColumn(tuple, list(zip(*(row.values for row in rows), strict=True)))
        if rows and rows[0].values else [()] * len(rows),
        [row.link for row in rows],
    ])  # fmt: skip
    assert encoded_alike(by_column, _made) == encoded_alike(rows, _made)
    assert json.loads(encoded_alike(by_column, _made)) == [_made(row) for row in rows]


def test_it_is_asked_once_for_a_thousand() -> None:
    asked = []

    def make(row: Row) -> str:
        asked.append(row)
        return f"{row.number} {row.name}"

    rows = ByColumn(Row, [[*range(1000)], ["Ann"] * 1000, [()] * 1000, [""] * 1000])
    assert json.loads(encoded_alike(rows, make)) == [f"{n} Ann" for n in range(1000)]
    assert (len(asked), asked[0].name) == (1, "Ann")


def test_what_was_encoded_before_stays_as_it_is() -> None:
    part = Encoded(encoded_alike([Row(1, "Ann")], lambda row: row.name))
    assert encoded({"all": part}) == b'{"all":["Ann"]}'
    assert json.loads(encoded({"all": part, "huge": 1 << 70})) == {"all": ["Ann"], "huge": 1 << 70}


def test_texts_that_are_filled_in_are_never_made() -> None:
    constants = ['<p class="a">', "</p>\n100 % ", "\\"]
    texts = Filled(constants, [[*HOSTILE], ["same"] * len(HOSTILE)])
    rows = ByColumn(Row, [[1] * len(HOSTILE), texts, [()] * len(HOSTILE), [""] * len(HOSTILE)])
    assert json.loads(encoded_alike(rows, _made)) == [_made(row) for row in rows]
    assert encoded_alike(rows, _made) == encoded_alike([*rows], _made)
