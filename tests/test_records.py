"""Values of records are text, and exact."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from mktool import errors as e
from mktool.http.reply import Reply, Response
from mktool.records import number_of, text_of

BIG = "123456789012345678901234567890"


def decoded(text: str) -> Any:
    return Response(200, {}, text.encode()).json(exact=True)


@pytest.mark.parametrize(
    ("json", "text"),
    [
        ("null", None), ('""', ""), ('" a é 🙂 "', " a é 🙂 "), ("true", "true"), ("0", "0"),
        ("1.10", "1.10"), ("-0.000", "-0.000"), ("1.0E7", "10000000"), ("1e-7", "0.0000001"),
        ("0.1000000000000000055511151231257827", "0.1000000000000000055511151231257827"),
        (BIG, BIG), (f"{BIG}.25", f"{BIG}.25"), ("1e999999999", "1E+999999999"),
        ('{"b": [1.10, null, {}], "a": "é\\n"}', '{"a":"é\\n","b":[1.10,null,{}]}'),
        ('"half \\ud83d"', "half ?"), ('["half \\ud83d"]', '["half ?"]'),
    ],
)  # fmt: skip
def test_exact_text(json: str, text: str | None) -> None:
    assert text_of(decoded(json)) == text


def test_what_is_nested_too_deeply_is_told() -> None:
    nested: list[Any] = []
    for _ in range(5000):
        nested = [nested]
    with pytest.raises(e.InvalidInput):
        text_of(nested)


def test_a_decimal_is_a_number_of_a_reply() -> None:
    reply = Reply(decoded('{"amount": 1.10}'), {}, e.Context("x"))
    assert reply.get("amount") == Decimal("1.10")
    assert (reply.need("amount"), reply.number("amount")) == ("1.10", 1.1)


@pytest.mark.parametrize(
    ("text", "number"),
    [("7", 7), ("-1.10", -1.1), ("1e3", 1000), ("0.1", 0.1), ("12345678901234567.5", None),
     ("", None), ("1_0", None), ("NaN", None), ("1 OR 1", None), ("\u0663", None)],
)  # fmt: skip
def test_a_number_is_exactly_the_text_or_none(text: str, number: float | None) -> None:
    assert number_of(text) == number


def test_a_table_of_a_reply() -> None:
    where = e.Context("toy")
    reply = Reply('\ufeff"Id","Text"\n1,"a ""b"",\nc"\n2,\n', {}, where)
    assert [row.data for row in reply.table()] == [
        {"Id": "1", "Text": 'a "b",\nc'}, {"Id": "2", "Text": ""}]  # fmt: skip
    for broken in ("a,b\n1\n", None):
        with pytest.raises(e.UnexpectedReply):
            list(Reply(broken, {}, where).table())
