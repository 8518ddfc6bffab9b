"""Lists of recipients: whatever programs export, row by row, or a reason that names the line."""

from __future__ import annotations

import gzip
import io
import json
import os
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mktool.core.lists import delimited, lines, tables
from mktool.core.lists.recipients import (
    Row,
    address_column,
    open_list,
    shown,
    status_column,
)
from mktool.errors import InvalidInput, MktoolError
from mktool.message import Channel

UMLAUTS = "email,name\na@example.com,Jürgen\nb@example.com,Zoë\n"


def _read(source: str, folder: Path, stdin: bytes | None = None) -> tuple[tuple[str, ...], Any]:
    with open_list(source, folder, io.BytesIO(stdin) if stdin is not None else None) as rows:
        return rows.columns, list(rows)


def _file(folder: Path, content: bytes | str, name: str = "people.csv") -> list[Row]:
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    rows: list[Row] = _read(name, folder)[1]
    return rows


def _refusal(folder: Path, content: bytes | str, name: str = "people.csv") -> InvalidInput:
    with pytest.raises(InvalidInput) as refused:
        _file(folder, content, name)
    assert refused.value.message.startswith(f"{name}: ")
    return refused.value


# -- CSV -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("email,name\na@b.de,Ann\n", ["a@b.de", "Ann"]),
        ("email;name\na@b.de;Ann, Lee", ["a@b.de", "Ann, Lee"]),
        ("email\tname\r\na@b.de\tAnn\r\n", ["a@b.de", "Ann"]),
        ("email|name\ra@b.de|Ann\r", ["a@b.de", "Ann"]),
        ("sep=;\r\nemail;name,x\r\na@b.de;Ann\r\n", ["a@b.de", "Ann"]),
        ('"email";"first, last"\n"a@b.de";"x"\n', ["a@b.de", "x"]),
        ("email\n\n\na@b.de\n", ["a@b.de"]),
        ("\n\nemail,name\na@b.de,Ann\n,\n,\n", ["a@b.de", "Ann"]),
        (" email , name\na@b.de, Ann\n", ["a@b.de", "Ann"]),
        ("email,name\na@b.de,Ann,,\n", ["a@b.de", "Ann"]),
        ('email,name\na@b.de,"say ""hi"""\n', ["a@b.de", 'say "hi"']),
        ('email, name\na@b.de, "Lee, Ann"\n', ["a@b.de", "Lee, Ann"]),
        ('email,attributes\na@b.de,"{""x"": [1, 2]}"\n', ["a@b.de", '{"x": [1, 2]}']),
        ("email,x\na@b.de,=cmd|'/c calc'!A1\n", ["a@b.de", "=cmd|'/c calc'!A1"]),
        ("email,zip\na@b.de,00123\n", ["a@b.de", "00123"]),
        ("email,x\na@b.de,1\u20282\x0b3\x853\n", ["a@b.de", "1\u20282\x0b3\x853"]),
    ],
)
def test_the_same_row_in_many_dialects(tmp_path: Path, text: str, values: list[str]) -> None:
    assert [row.values for row in _file(tmp_path, text)] == [values]


@pytest.mark.parametrize("breaks", ["\n", "\r\n", "\r"])
def test_quoted_line_breaks_and_line_numbers(tmp_path: Path, breaks: str) -> None:
    text = breaks.join(["email,note", '"a@b.de","one', "", 'three"', "b@b.de,x", ""])
    assert _file(tmp_path, text) == [
        Row(2, ["a@b.de", f"one{breaks}{breaks}three"]),
        Row(5, ["b@b.de", "x"]),
    ]


def test_rows_that_cannot_be_used_say_why_and_the_next_go_on(tmp_path: Path) -> None:
    text = 'email,name\na@b.de\nb@b.de,B,x\nc@b.de,"C" C\n"d@b.de",D\n'
    assert _file(tmp_path, text) == [
        Row(2, ["a@b.de", ""], "has 1 field, the header has 2"),
        Row(3, ["b@b.de", "B"], "has 3 fields, the header has 2"),
        Row(4, ["", ""], "a quotation mark inside a quoted field is not doubled"),
        Row(5, ["d@b.de", "D"]),
    ]


def test_a_nul_spoils_its_row_and_no_other(tmp_path: Path) -> None:
    far = f"{'c@b.de,C' * 1000}\n" * 100  # beyond the first block
    rows = _file(tmp_path, f"email,name\na@b.de,A\nb@b.de,\0\n{far}d@b.de,\0\ne@b.de,E\n")
    assert rows[:2] == [Row(2, ["a@b.de", "A"]), Row(3, ["b@b.de", "\0"], "holds a NUL")]
    assert [row.problem for row in rows[-2:]] == ["holds a NUL", ""]
    assert [row.line for row in rows[-2:]] == [104, 105]


def test_a_header_alone_is_an_empty_list(tmp_path: Path) -> None:
    assert _file(tmp_path, "email,name") == []


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf\r\n \n", "is empty"),
        ("email,name,email\n", "2 columns are named 'email'"),
        ("email,,x\n", "column 2 has no name"),
        ('sep="\nemail\n', "line 1: '\"' cannot be a delimiter"),
        ("a@b.de,Ann\nb@b.de,Bob\n", "holds an address"),
        ('email,name\na@b.de,"Ann\nb@b.de,Bob\n', "line 2: a quotation mark is opened and never"),
        (
            'email,name\na@b.de,x\nb@b.de,"' + "x" * (delimited.MOST + 1) + '"\n',
            "line 3: a field is longer",
        ),
        ("email,name\na@b.de," + "x," * lines.LONGEST + "\n", "line 2 is longer than"),
        (b"em\0ail,name\na@b.de,A\n", "names of the columns hold a NUL"),
        (b"PK\x03\x04....", "is a spreadsheet"),
        ("\ufeff\n<!DOCTYPE html><html><body>Sign in", "is a web page"),
        ('<?xml version="1.0"?>\n<people>', "is a web page or XML"),
        (b"SQLite format 3\0....", "is a database"),
        (b"\x1f\x8b\x08\x00broken gzip", "cannot be read"),
        (gzip.compress(UMLAUTS.encode(), mtime=0)[:-12], "cannot be read"),
    ],
)
def test_files_that_are_no_list(tmp_path: Path, content: bytes | str, reason: str) -> None:
    refusal = _refusal(tmp_path, content)
    assert reason in refusal.message
    assert refusal.hint


def test_a_field_of_100_mb_is_refused_in_little_memory(tmp_path: Path) -> None:
    import tracemalloc

    with (tmp_path / "people.csv").open("wb") as file:
        file.write(b'email,name\na@b.de,"')
        for _ in range(100):
            file.write(b"x" * (1 << 20))
    tracemalloc.start()
    with pytest.raises(InvalidInput, match="line 2 is longer than"):
        _read("people.csv", tmp_path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 32 << 20


# -- encodings -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("encoding", "mark", "found"),
    [
        ("utf-8", b"", "utf-8"),
        ("utf-8-sig", b"", "utf-8-sig"),
        ("utf-16", b"", "utf-16"),
        ("utf-16-be", b"\xfe\xff", "utf-16"),
        ("utf-16-le", b"", "utf-16-le"),
        ("utf-16-be", b"", "utf-16-be"),
        ("cp1252", b"", "cp1252"),
    ],
)
@pytest.mark.parametrize("name", ["people.csv", "people.csv.gz", "-"])
def test_encodings(tmp_path: Path, encoding: str, mark: bytes, found: str, name: str) -> None:
    content = mark + UMLAUTS.encode(encoding)
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    with open_list(name, tmp_path, io.BytesIO(content)) as rows:
        assert rows.columns == ("email", "name")
        assert [row.values[1] for row in rows] == ["Jürgen", "Zoë"]
        assert rows.encoding == found


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
@pytest.mark.parametrize("shift", range(4))
def test_the_first_umlaut_may_stand_anywhere(tmp_path: Path, encoding: str, shift: int) -> None:
    start = "email,name\n"
    filler = "a@example.com,x\n"
    count = (lines.BLOCK - len(start)) // len(filler)
    rest = lines.BLOCK - len(start) - count * len(filler)
    last = "y" * (rest + 20 * len(filler) - len("@x.de,") - shift)
    text = start + filler * (count - 20) + f"{last}@x.de,ü€\n" + filler
    rows = _file(tmp_path, text.encode(encoding))
    assert [row.values[1] for row in rows if row.values[1] != "x"] == ["ü€"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"email,name\n" + "a@b.de,Zoë\n".encode() * 9 + b"b@b.de,Zo\xeb\n", "line 11"),
        (b"email,name\na@b.de,Zo\xeb\nb@b.de,\x81\n", "line 3 is not cp1252 text"),
        ("email,name\na@b.de,Zoë".encode("utf-16")[:-1], "is not utf-16 text"),
    ],
)
def test_broken_text(tmp_path: Path, content: bytes, reason: str) -> None:
    refusal = _refusal(tmp_path, content)
    assert reason in refusal.message
    assert "iconv" in refusal.hint


def test_text_damaged_before_is_still_utf8(tmp_path: Path) -> None:
    assert _file(tmp_path, "email,name\na@b.de,Zo\ufffd\n")[0].values[1] == "Zo\ufffd"


# -- JSON ------------------------------------------------------------------------------------


def test_json_lines(tmp_path: Path) -> None:
    text = (
        '{"email": "a@b.de", "n": 1.10, "big": 123456789012345678901234567890}\n\n'
        '{"email": "b@b.de", "n": 1e5, "ok": true, "no": false, "none": null, "deep": {"x": ["ü"]}}'
        '\n[1]\n{"email": \n{"email": "c@b.de", "ok": "\\u0000"}\n'
    )
    (tmp_path / "people.jsonl").write_text(text)
    columns, rows = _read("people.jsonl", tmp_path)
    assert columns == ("email", "n", "big", "ok", "no", "none", "deep")
    assert rows[:3] == [
        Row(1, ["a@b.de", "1.10", "123456789012345678901234567890", "", "", "", ""]),
        Row(3, ["b@b.de", "1e5", "", "true", "false", "", '{"x": ["ü"]}']),
        Row(4, [""] * 7, "is not a JSON object"),
    ]
    assert [row.problem.partition(":")[0] for row in rows[3:]] == ["is not JSON", "holds a NUL"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('\n{"email": "a@b.de"\n', "line 2 is not JSON"),
        ("{}\n[1]\n", "line 1 is an object without a key"),
        ("{\n", "line 1 is not JSON"),
    ],
)
def test_lines_without_one_object(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "people.jsonl").write_text(text)
    with pytest.raises(InvalidInput, match=problem):
        _read("people.jsonl", tmp_path)


def test_a_key_that_comes_late_is_not_lost_in_silence(tmp_path: Path) -> None:
    early = '{"email": "a@b.de"}\n' * tables.PEEK_ROWS
    rows = _file(tmp_path, early + '{"email": "b@b.de", "vip": 1}\n', "people.ndjson")
    assert rows[-1].values == ["b@b.de"]
    assert "has a key 'vip'" in rows[-1].problem
    assert not any(row.problem for row in rows[:-1])


@pytest.mark.parametrize(
    "line",
    [
        '{"email": ' + "[" * 990 + "]" * 990 + "}",
        '{"email": ' + "[" * 9999 + "]" * 9999 + "}",
        '{"email": ' + "9" * 5000 + "}",
        '{"email": NaN}',
        '{"email": "\\ud800"}',
        '"a@b.de"',
    ],
)
def test_hostile_json(tmp_path: Path, line: str) -> None:
    first, second = _file(tmp_path, f'{{"email": "a@b.de"}}\n{line}\n', "people.jsonl")
    assert not first.problem
    assert second.problem or len(second.values[0]) >= 1980


def test_a_json_array_has_a_way_out(tmp_path: Path) -> None:
    assert _refusal(tmp_path, '\n[{"email": "a@b.de"}]', "people.json").hint.startswith("jq -c")


# -- where it comes from ---------------------------------------------------------------------


@pytest.mark.parametrize("content", ["email\na@b.de\n", '{"email": "a@b.de"}\n'])
@pytest.mark.parametrize("name", ["-", "people", "people.gz"])
def test_the_kind_is_told_by_the_content(tmp_path: Path, content: str, name: str) -> None:
    packed = gzip.compress(content.encode()) if name == "people.gz" else content.encode()
    (tmp_path / name).write_bytes(packed)
    columns, rows = _read(name, tmp_path, packed)
    assert columns == ("email",)
    assert [row.values for row in rows] == [["a@b.de"]]


def test_standard_input_stays_open(tmp_path: Path) -> None:
    stdin = io.BytesIO(b"email\na@b.de\n")
    with open_list("-", tmp_path, stdin) as rows:
        assert rows.source == "standard input"
    assert not stdin.closed


def test_a_pipe_is_read_as_it_comes(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb", buffering=0) as stdin, os.fdopen(writing, "wb") as writer:
        writer.write(b"email\na@b.de\n")
        writer.close()
        with open_list("-", tmp_path, stdin) as rows:
            assert [row.values for row in rows] == [["a@b.de"]]


@pytest.mark.parametrize(
    "source",
    [
        "missing.csv", "missing.parquet", ".", "x" * 300, "a\0b", "mysql://x/y?query=SELECT 1",
        "sqlite:///missing.db?query=SELECT 1", "sqlite:///.?query=SELECT 1",
        "sqlite:///a%00b?query=SELECT 1", "",
    ],
)  # fmt: skip
def test_lists_that_are_not_there(tmp_path: Path, source: str) -> None:
    with pytest.raises(InvalidInput) as missing:
        open_list(source, tmp_path)
    assert missing.value.hint


def test_rows_pass_in_flat_memory(tmp_path: Path) -> None:
    import tracemalloc

    stdin = io.BytesIO(b"email,name\n" + b"a@example.com,Ann\n" * 200_000)
    tracemalloc.start()
    with open_list("-", tmp_path, stdin) as rows:
        count = sum(1 for _ in rows)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (count, peak < 5 << 20) == (200_000, True)


# -- Parquet ---------------------------------------------------------------------------------


def test_parquet_values_without_loss(tmp_path: Path) -> None:
    import pyarrow as pa  # type: ignore[import-untyped]
    from pyarrow import parquet

    moment = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
    table = pa.table(
        {
            "email": ["a@b.de", None],
            "phone": pa.array([4915112345678, None], pa.int64()),
            "share": pa.array([0.1, float("nan")], pa.float64()),
            "price": pa.array([Decimal("1.10"), None], pa.decimal128(9, 2)),
            "vip": [True, None],
            "born": [date(1990, 2, 1), None],
            "at": pa.array([moment, None], pa.timestamp("us", "UTC")),
            "exact": pa.array([1, None], pa.timestamp("ns")),
            "hour": pa.array([time(9, 30), None], pa.time64("us")),
            "raw": pa.array([b"x", b"\xff"], pa.binary()),
            "tags": pa.array([["x", "y"], None], pa.list_(pa.string())),
            "city": pa.array([{"name": "Köln"}, None], pa.struct([("name", pa.string())])),
            "kind": pa.array(["a", "b"]).dictionary_encode(),
        }
    )
    parquet.write_table(table, tmp_path / "people.parquet")
    columns, rows = _read("people.parquet", tmp_path)
    assert columns == tuple(table.column_names)
    assert rows == [
        Row(1, [
            "a@b.de", "4915112345678", "0.1", "1.10", "true", "1990-02-01",
            "2026-11-20T09:30:00+00:00", "1970-01-01T00:00:00.000000001", "09:30:00", "x",
            '["x", "y"]', '{"name": "Köln"}', "a",
        ]),
        Row(2, [""] * 9 + ["ff", "", "", "b"]),
    ]  # fmt: skip


def test_a_broken_parquet_file(tmp_path: Path) -> None:
    for content in (b"", b"PAR1", b"PAR1" + b"x" * 99 + b"PAR1"):
        _refusal(tmp_path, content, "people.parquet")


def test_parquet_is_an_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (tmp_path / "people.parquet").touch()
    with pytest.raises(MktoolError) as missing:
        open_list("people.parquet", tmp_path)
    assert (missing.value.code, missing.value.hint) == (
        "unsupported", "pip install 'mktool[parquet]'",
    )  # fmt: skip


# -- which column ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("columns", "channel", "found"),
    [
        (["Email", "email"], "email", "email"),
        (["id", "E-Mail"], "email", "E-Mail"),
        (["mail", "Email Address"], "email", "Email Address"),
        (["subscriber_email"], "email", "subscriber_email"),
        (["E-mail 1 - Value"], "email", "E-mail 1 - Value"),
        (["Phone Number"], "sms", "Phone Number"),
        (["email", "Handynummer"], "sms", "Handynummer"),
        (["MSISDN"], "sms", "MSISDN"),
        (["Teléfono"], "sms", "Teléfono"),
    ],
)
def test_the_column_of_the_address(columns: list[str], channel: Channel, found: str) -> None:
    assert address_column(columns, channel) == found


@pytest.mark.parametrize("columns", [["id", "contact"], ["E-Mail", "Email"]])
def test_no_guess_where_it_is_not_clear(columns: list[str]) -> None:
    with pytest.raises(InvalidInput, match=", ".join(columns)) as unclear:
        address_column(columns, "email")
    assert f'column = "{columns[0]}"' in unclear.value.hint


def test_a_message_has_room_for_few_columns() -> None:
    with pytest.raises(InvalidInput) as unclear:
        address_column([f"c{n}" for n in range(10_000)], "email")
    assert unclear.value.message.endswith(", c19 and 9,980 more")
    with pytest.raises(InvalidInput) as unclear:
        address_column(["x" * 1_000_000], "email")
    assert len(unclear.value.message + unclear.value.hint) < 300


def test_an_export_of_subscribers(tmp_path: Path) -> None:
    about = {"city": "Köln", "tags": ["a, b"]}
    quoted = json.dumps(about, ensure_ascii=False).replace('"', '""')
    text = (
        "uuid,email,name,attributes,status,created_at,updated_at\n"
        f'5b1c,a@b.de,Ann,"{quoted}",blocklisted,2026-01-01T00:00:00Z,2026-01-01T00:00:00Z\n'
    )
    (tmp_path / "people.csv").write_text(text)
    columns, rows = _read("people.csv", tmp_path)
    record = dict(zip(columns, rows[0].values, strict=True))
    assert json.loads(record["attributes"]) == about
    assert record[status_column(columns)] == "blocklisted"
    assert status_column(["email", "status"]) == ""


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("-", "standard input"),
        ("people.csv", "people.csv"),
        ("sqlite:///crm.db?query=SELECT * FROM t WHERE m LIKE '%@x'", "sqlite:///crm.db"),
        ("postgresql://u:hunter2@host:5432/db?query=SELECT 1", "postgresql://host:5432/db"),
        ("postgresql://u:hunter2?x@host/db?query=SELECT 1", "postgresql://host/db"),
        ("postgresql://host/db?password=hunter2&query=SELECT 1", "postgresql://host/db"),
        ("postgresql://u:1/hunter2@host/db", "postgresql://host/db"),
    ],
)
def test_a_password_is_not_shown(source: str, name: str) -> None:
    assert shown(source) == name
