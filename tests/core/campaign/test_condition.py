"""Conditions select rows; what is not understood is said with its place."""

from __future__ import annotations

import time

import pytest

from mktool.core.campaign.condition import MAX_DEPTH, MAX_LENGTH, compile
from mktool.errors import InvalidInput

COLUMNS = ("country", "plan", "orders", "tags", "First name", "born", "naïve", "class")
ROW = ("NL", "pro", "12", "vip,beta", "Ann O'Hara", "1990-02-28", "ü", "A")


def holds(expression: str, row: tuple[str, ...] = ROW) -> bool:
    return compile(expression, COLUMNS)(row)


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        ("country == 'NL'", True),
        ("country != 'NL'", False),
        ("'NL' == country", True),
        ("country == 'NL' and plan != 'free'", True),
        ("country == 'BE' or plan == 'free' or orders > 11", True),
        ("country == 'BE' or plan == 'free'", False),
        ("not country == 'NL' or plan == 'pro'", True),
        ("not (country == 'NL' or plan == 'pro')", False),
        ("orders >= 3", True),  # as text, '12' stands before '3'
        ("orders == 12.0", True),
        ("orders < -1", False),
        ("3 < orders <= 12", True),
        ("12 < orders <= 13", False),
        ("plan > 3", False),  # not a number: unequal, neither more nor less
        ("plan <= 3", False),
        ("plan == 3", False),
        ("plan != 3", True),
        ("country in ('NL', 'BE')", True),
        ("country not in ['NL', 'BE']", False),
        ("orders in (12, 13)", True),
        ("orders in ('12.0', '13')", False),
        ("'vip' in tags", True),
        ("'vip' not in tags", False),
        ("country in tags", False),
        ("born >= '1990-01-01' and born < '1991-01-01'", True),
        ("lower(country) == 'nl'", True),
        ("upper(trim(plan)) == 'PRO'", True),
        ("length(plan) == 3", True),
        ("length(country) < orders", True),
        ("startswith(plan, 'pr') and endswith(plan, 'o')", True),
        ("contains(lower(tags), 'BETA')", False),
        ("country is empty", False),
        ("country is not empty", True),
        ('`First name` == "Ann O\'Hara"', True),
        ("`naïve` == 'ü' and `First name` != 'ü' and `country` == 'NL'", True),
        ("naïve == 'ü' and `class` == 'A'", True),
        ("country == 'NL'\n  and\tplan == 'pro'\n", True),
        ("plan != '`country`' and plan != '#'", True),
        (r"plan != '\d'", True),
    ],
)
def test_what_holds(expression: str, wanted: bool) -> None:
    assert holds(expression) is wanted


@pytest.mark.parametrize("empty", ["", "  "])
def test_what_is_empty(empty: str) -> None:
    row = (empty, *ROW[1:2], empty, *ROW[3:])
    assert holds("country is empty", row)
    assert not holds("orders >= 0", row)
    assert not holds("orders < 0", row)
    assert holds("orders != 0", row)


@pytest.mark.parametrize(
    ("expression", "says", "hint"),
    [
        ("", "is empty", "country == 'NL'"),
        ("countri == 'NL'", "character 1: there is no column 'countri'", "did you mean country?"),
        ("plan == 'x' and PLAN == 'x'", "character 17: there is no column 'PLAN'", "mean plan?"),
        ("`naïve` == 'ü' and zzz == 'x'", "character 20:", "columns: country"),
        ("`first name` == 'x'", "no column 'first name'", "did you mean `First name`?"),
        ("`` == 'x'", "no column ''", "columns:"),
        ("country == NL", "character 12: there is no column 'NL'", "quotes"),
        ("country = 'NL'", "no condition", "== compares"),
        ("country == 'NL' AND plan == 'x'", "no condition", "write and"),
        ("country == 'NL' && plan == 'x'", "no condition", "write and"),
        ("country == 'NL' || plan == 'x'", "no condition", "write or"),
        ("country <> 'NL'", "no condition", "write !="),
        ("class == 'A'", "no condition", "backticks"),
        ("country == 'NL", "no condition", "backticks"),
        ("country ==", "no condition", "such as"),
        ("country == 'a' # and plan == 'b'", "character 16: #", "quotes"),
        ("country in ('NL' 'BE')", "character 18: two texts without a comma", ""),
        ("country in ('NL')", "in needs a list with a comma", "('NL',), or == 'NL'"),
        ("country in ('NL', 3)", "texts only, or numbers only", ""),
        ("country in ()", "texts only, or numbers only", ""),
        ("country in (plan, 'x')", "texts only, or numbers only", ""),
        ("'country' == 'NL'", "no column in this comparison", "no quotes"),
        ("'a' in ('a', 'b')", "no column in this comparison", ""),
        ("1 == 1", "no column in this comparison", ""),
        ("orders >= '3'", "letter by letter", "write 3 to compare numbers"),
        ("length(plan) == '3'", "is text, the other side a number", "leave the quotes out"),
        ("orders == 12345678901234567890", "too long", "quotes"),
        ("orders == 1e999", "too long", "quotes"),
        ("3 in orders", "text is wanted here", "quotes"),
        ("plan", "not understood: plan", "plan is not empty"),
        ("not plan", "character 5: not understood", "plan is not empty"),
        ("plan == True", "not understood: True", "write 'true'"),
        ("plan == None", "not understood: None", "is empty"),
        ("plan is 'pro'", "is takes one word", "== compares"),
        ("startswith(plan)", "needs a column and a text", "startswith"),
        ("starts(plan, 'x')", "not understood: starts(plan, 'x')", "functions: lower"),
        ("lower(plan, plan) == 'x'", "not understood", "functions: lower"),
        ("length(length(plan)) == 1", "text is wanted here", ""),
        ("orders + 1 == 2", "not understood: orders + 1", "such as"),
        ("plan.__class__ == 'x'", "not understood: plan.__class__", ""),
        ("().__class__.__bases__ == 'x'", "not understood", ""),
        ("__import__('os').system('true') == 'x'", "not understood", "functions"),
        ("[p for p in plan] == 'x'", "not understood", ""),
        ("(lambda: plan)() == 'x'", "not understood", ""),
        ("(plan := 'x') == 'x'", "not understood", ""),
        ("f'{plan}' == plan", "not understood", ""),
        ("b'x' == plan", "not understood", ""),
        ("plan == 'a\0b'", "condition", ""),
        ("plan == '\udcff'", "cannot be read", ""),
        ("`naïve` == 'é' 'é'", "character 16: two texts", ""),
        ("naïve == 'é' plan", "character 14: this is no condition", ""),
        ("not " * (MAX_DEPTH + 1) + "plan == 'x'", "nested too deeply", ""),
        ("(" * 1900 + "plan == 'x'" + ")" * 1900, "condition", ""),
        ("-" * 3900 + "1 == plan", "condition", ""),
        ("x" * (MAX_LENGTH + 1), f"longer than {MAX_LENGTH} characters", ""),
    ],
)
def test_what_is_refused(expression: str, says: str, hint: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        compile(expression, COLUMNS)
    assert says in caught.value.message
    assert caught.value.hint
    assert hint in caught.value.hint


def test_a_name_that_reads_like_a_sum() -> None:
    columns = ("first-name", "address.city")
    for name in columns:
        assert compile(f"`{name}` == 'x'", columns)(("x", "x"))
        with pytest.raises(InvalidInput) as caught:
            compile(f"{name} == 'x'", columns)
        assert caught.value.hint == f"write `{name}`"


def test_of_two_columns_of_one_name_it_is_the_first() -> None:
    assert compile("a == '1'", ("a", "a"))(("1", "2"))


def test_a_row_takes_less_than_two_microseconds() -> None:
    condition, rounds = compile("country == 'NL' and plan != 'free'", COLUMNS), 20_000

    def run() -> float:
        start = time.perf_counter()
        for _ in range(rounds):
            condition(ROW)
        return (time.perf_counter() - start) / rounds

    assert min(run() for _ in range(5)) < 2e-6
