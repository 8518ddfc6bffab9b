"""Lists from a database: a real one, read-only, streamed, and no password in any message."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from mktool.core.lists.recipients import Row, open_list
from mktool.errors import InvalidInput, MktoolError

from ... import postgres


def _rows(source: str, folder: Path) -> list[Row]:
    with open_list(source, folder) as rows:
        return list(rows)


def _refusal(source: str, folder: Path) -> InvalidInput:
    with pytest.raises(InvalidInput) as refused:
        _rows(source, folder)
    assert postgres.PASSWORD not in refused.value.message + refused.value.hint
    assert refused.value.hint or "no file" in refused.value.message
    return refused.value


# -- SQLite ----------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with sqlite3.connect(tmp_path / "crm.db") as database:
        database.execute("CREATE TABLE people (email, n, x, raw)")
        rows = [("a@b.de", 1, 0.5, b"x"), ("b%41@b.de", None, 2**62, b"\xff")]
        database.executemany("INSERT INTO people VALUES (?, ?, ?, ?)", rows)
    database.close()
    return tmp_path


@pytest.mark.parametrize(
    "query",
    [
        "SELECT email, n FROM people WHERE email LIKE 'a%'",
        "SELECT email, n + 0 AS n FROM people WHERE email NOT LIKE '%41%' AND '?' <> '&query='",
        quote("SELECT email, n FROM people LIMIT 1"),
        "SELECT+email,n+FROM+people+WHERE+n=1",
    ],
)
def test_a_query_as_it_is_written_or_encoded(folder: Path, query: str) -> None:
    with open_list(f"sqlite:///crm.db?query={query}", folder) as rows:
        assert rows.source == "sqlite:///crm.db"
        assert rows.columns == ("email", "n")
        assert list(rows) == [Row(1, ["a@b.de", "1"])]


def test_values_as_text(folder: Path) -> None:
    source = f"sqlite:///{folder}/crm.db?query=SELECT * FROM people"
    assert [row.values for row in _rows(source, folder / "elsewhere")] == [
        ["a@b.de", "1", "0.5", "x"],
        ["b%41@b.de", "", "4611686018427387904", "ff"],
    ]


def test_a_nul_is_a_problem(folder: Path) -> None:
    source = "sqlite:///crm.db?query=SELECT 'a' || char(0) AS x UNION ALL SELECT 'b'"
    assert [row.problem for row in _rows(source, folder)] == ["holds a NUL", ""]


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("SELECT nope FROM people", "no such column: nope"),
        ("DELETE FROM people", "attempt to write a readonly database"),
        ("SELECT 1 AS a; SELECT 2 AS b", "one statement"),
        ("-- nothing", "returns no rows"),
        ("SELECT email, n AS email FROM people", "2 columns are named 'email'"),
        ("SELECT CAST(raw AS TEXT) AS t FROM people", "Could not decode"),
        (" ", "says no query"),
    ],
)
def test_queries_that_fail(folder: Path, query: str, reason: str) -> None:
    assert reason in _refusal(f"sqlite:///crm.db?query={query}", folder).message


def test_a_file_that_is_no_database(folder: Path) -> None:
    (folder / "other.db").write_text("email\na@b.de\n" * 99)
    assert (
        "not a database"
        in _refusal("sqlite:///other.db?query=SELECT email FROM people", folder).message
    )


# -- PostgreSQL ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with postgres.server() as port:
        yield port


def _url(port: int, query: str, password: str = quote(postgres.PASSWORD, safe="")) -> str:
    return f"postgresql://postgres:{password}@127.0.0.1:{port}/postgres?query={query}"


def test_postgres_values_as_text(port: int, tmp_path: Path) -> None:
    query = (
        "SELECT 'a@b.de' AS email, 1.10::numeric(9,2) AS price, true AS vip, NULL AS none,"
        " '2026-11-20'::date AS day, '2026-11-20T09:30'::timestamp AS at, 49151::bigint AS phone,"
        """ '{"city": "Köln", "n": 1.10}'::jsonb AS attributes, ARRAY['x', 'y'] AS tags,"""
        " 'x%y'::bytea AS raw, '0b1c2d3e-0000-4000-8000-000000000000'::uuid AS id;"
    )
    with open_list(_url(port, query), tmp_path) as rows:
        assert rows.source == f"postgresql://127.0.0.1:{port}/postgres"
        assert rows.columns[:3] == ("email", "price", "vip")
        assert [row.values for row in rows] == [[
            "a@b.de", "1.10", "true", "", "2026-11-20", "2026-11-20T09:30:00", "49151",
            '{"n": 1.10, "city": "Köln"}', '["x", "y"]', "x%y",
            "0b1c2d3e-0000-4000-8000-000000000000",
        ]]  # fmt: skip


def test_postgres_streams(port: int, tmp_path: Path) -> None:
    import tracemalloc

    query = "SELECT 'user' || n || '@example.com' AS email FROM generate_series(1, 200000) AS n"
    tracemalloc.start()
    with open_list(_url(port, query), tmp_path) as rows:
        count = sum(1 for _ in rows)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (count, peak < 8 << 20) == (200_000, True)


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("SELECT nope", 'column "nope" does not exist'),
        ("DROP TABLE people", "syntax error"),
        ("SELECT 1 AS a; COMMIT; DROP DATABASE postgres", "multiple commands"),
        ("SELECT relname FROM pg_class FOR UPDATE", "read-only transaction"),
        ("SELECT 1 / (3 - n) AS n FROM generate_series(1, 5) AS n", "division by zero"),
        ("SELECT 'infinity'::date AS day", "date too large"),
    ],
)
def test_postgres_queries_that_fail(port: int, tmp_path: Path, query: str, reason: str) -> None:
    assert reason in _refusal(_url(port, query), tmp_path).message


@pytest.mark.parametrize("password", ["wrong", postgres.PASSWORD, "12?" + postgres.PASSWORD, "%00"])
def test_postgres_logins_that_fail(port: int, tmp_path: Path, password: str) -> None:
    refusal = _refusal(_url(port, "SELECT 1 AS a", password), tmp_path)
    assert "w?rd" not in refusal.message
    assert "the query in" not in refusal.hint


def test_postgres_password_from_the_environment(
    port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSWORD", postgres.PASSWORD)
    source = f"postgresql://postgres@127.0.0.1:{port}/postgres?sslmode=disable&query=SELECT 1 AS a"
    assert [row.values for row in _rows(source, tmp_path)] == [["1"]]


@pytest.mark.parametrize("option", ["nope=1", "autocommit=x", "row_factory=x", "connect_timeout=x"])
def test_postgres_options_that_are_none(port: int, tmp_path: Path, option: str) -> None:
    url = f"postgresql://postgres@127.0.0.1:{port}/postgres?{option}&query=SELECT 1 AS a"
    assert _refusal(url, tmp_path).message.startswith("postgresql://127.0.0.1")


def test_postgres_is_an_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MktoolError) as missing:
        open_list("postgresql://host/db?query=SELECT 1", tmp_path)
    assert (missing.value.code, missing.value.hint) == ("unsupported", "pip install 'mktool[pg]'")
