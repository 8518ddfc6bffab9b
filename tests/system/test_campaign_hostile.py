"""Lists and templates that were made to do harm, or by programs that mean well."""

from __future__ import annotations

import resource
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.system.program import Ended, Program, finish
from tests.system.recorder import Recorder


def send(
    program: Program, folder: Path, rows: str | bytes, *more: str, text: str = "Dear {{ name }}",
    lines: str = "", provider: str = "resend", memory: int = 0,
) -> Ended:  # fmt: skip
    """Send a campaign with that list and that text, in so many bytes of memory (0: any)."""
    (folder / "list.csv").write_bytes(rows if isinstance(rows, bytes) else rows.encode())
    (folder / "letter.txt").write_text(text)
    (folder / "launch.toml").write_text(
        f'name = "launch"\nprovider = "{provider}"\nfrom = "news@acme.example"\nsubject = "Hello"\n'
        f'text = "letter.txt"\nrecipients = "list.csv"\n{lines}'
    )
    options: dict[str, Any] = {}
    if memory:
        options["preexec_fn"] = partial(resource.setrlimit, resource.RLIMIT_DATA, (memory, memory))
    return finish(program.start("send-campaign", str(folder / "launch.toml"), *more, **options))


def texts(vendor: Recorder) -> Mapping[str, str]:
    assert set(vendor.got.values()) <= {1}
    return {to: read(mail) for to, mail in vendor.mails.items()}


def read(mail: Mapping[str, Any]) -> str:
    """Return the text of a message, with the values that the vendor itself puts in."""
    if "personalizations" not in mail:
        return str(mail["text"])
    text: str = mail["content"][0]["value"]
    (person,) = mail["personalizations"]
    for token, value in person.get("substitutions", {}).items():
        text = text.replace(token, value)
    return text


def dear(**names: str) -> dict[str, str]:
    return {f"{user}@example.com": f"Dear {name}" for user, name in names.items()}


# -- cells -------------------------------------------------------------------------------------


CELLS = (
    "=HYPERLINK(0)", "+1+1", "@SUM(A1)", "-2+3", "{{ email }}", "{{ ''.__class__.__mro__ }}",
    "{% for x in range(99999999) %}x{% endfor %}", "{# nothing #}", "-name-", "*|UNSUB|*",
    "%recipient.name%", "00123", "1e999", "NULL", "é😀\u202eabc", "\\n\\0",
)  # fmt: skip


@pytest.mark.parametrize("provider", ["resend", "sendgrid"])
def test_a_cell_is_printed_as_it_is(
    vendor: Recorder, sender: Program, tmp_path: Path, provider: str
) -> None:
    people = {f"p{number}@example.com": cell for number, cell in enumerate(CELLS)}
    rows = "".join(f'{address},"{cell}"\n' for address, cell in people.items())
    ended = send(sender, tmp_path, f"email,name\n{rows}", provider=provider)
    assert ended.code == 0, ended
    assert texts(vendor) == {address: f"Dear {cell}" for address, cell in people.items()}


def test_a_cell_is_escaped_in_html_and_cannot_break_out_of_the_request(
    vendor: Recorder, sender: Program, tmp_path: Path
) -> None:
    rows = 'email,name\nann@example.com,"<script>""}\n\r\nBcc: x@y.zz"\n'
    lines = "html = \"<p title='{{ name }}'>{{ name }}</p>\"\n"
    assert send(sender, tmp_path, rows, lines=lines).code == 0
    assert set(vendor.got) == {"ann@example.com"}
    html = vendor.mails["ann@example.com"]["html"]
    assert "<script>" not in html
    assert "&lt;script&gt;" in html


def test_a_line_break_in_a_subject_makes_no_header(
    vendor: Recorder, sender: Program, tmp_path: Path
) -> None:
    rows = 'email,name\nann@example.com,"Ann\r\nBcc: x@y.zz"\n'
    (tmp_path / "list.csv").write_text(rows)
    (tmp_path / "launch.toml").write_text(
        'name = "launch"\nprovider = "resend"\nfrom = "news@acme.example"\n'
        'subject = "Hello {{ name }}"\ntext = "Dear"\nrecipients = "list.csv"\n'
    )
    ended = sender.run("send-campaign", str(tmp_path / "launch.toml"))
    assert ended.code == 0, ended
    assert vendor.mails["ann@example.com"]["subject"].split() == ["Hello", "Ann", "Bcc:", "x@y.zz"]
    assert "\n" not in vendor.mails["ann@example.com"]["subject"]


# -- files -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "names"),
    [
        ("\ufeffemail,name\nann@example.com,Ann\n", {"ann": "Ann"}),
        ("email,name\nann@example.com,Zoë\n".encode("utf-16"), {"ann": "Zoë"}),
        ("email,name\nann@example.com,Zoë\n".encode("utf-16-le"), {"ann": "Zoë"}),
        ("email,name\r\nann@example.com,Zoë €\r\n".encode("cp1252"), {"ann": "Zoë €"}),
        ("email;name\nann@example.com;Ann, B.\nbob@example.com;Bob\n",
         {"ann": "Ann, B.", "bob": "Bob"}),
        ("email\tname\nann@example.com\tAnn\n", {"ann": "Ann"}),
        ('"email","name"\n"ann@example.com","Ann\nand ""Bob"""\n', {"ann": 'Ann\nand "Bob"'}),
        ("name,E-Mail\nAnn,ann@example.com\n", {"ann": "Ann"}),
        ("email,name\nann@example.com,Ann\nANN@example.COM,Again\nAnn@Example.com,Third\n",
         {"ann": "Ann"}),
        ("email,name\n\n,\nann@example.com,Ann\n\n", {"ann": "Ann"}),
    ],
    ids=["bom", "utf-16", "utf-16 without bom", "cp1252", "semicolons", "tabs", "quoted newlines",
         "another name", "twice in another case", "blank lines"],
)  # fmt: skip
def test_what_real_exports_are_like(
    vendor: Recorder, sender: Program, tmp_path: Path, rows: str | bytes, names: dict[str, str]
) -> None:
    ended = send(sender, tmp_path, rows)
    assert ended.code == 0, ended
    assert texts(vendor) == dear(**names)


def test_an_internationalised_domain(vendor: Recorder, sender: Program, tmp_path: Path) -> None:
    rows = "email,name\nann@bücher.example,Ann\nann@xn--bcher-kva.example,Same\n"
    assert send(sender, tmp_path, rows).code == 0
    (to,) = vendor.got
    assert to in {"ann@bücher.example", "ann@xn--bcher-kva.example"}
    assert vendor.mails[to]["text"] == "Dear Ann"


def test_an_export_of_subscribers_goes_to_the_enabled_ones(
    vendor: Recorder, sender: Program, tmp_path: Path
) -> None:
    """As listmonk exports them: https://listmonk.app/docs/ (read 2026-11)"""
    rows = "uuid,email,name,attributes,status,created_at,updated_at\n" + "".join(
        f'6f9a0b4e-0000-4000-8000-00000000000{n},{user}@example.com,{user.title()},'
        f'"{{""city"": ""{city}"", ""tags"": [1]}}",{status},'
        "2026-01-02 10:00:00.1+00,2026-01-02 10:00:00.1+00\n"
        for n, (user, city, status) in enumerate([
            ("ann", "Delft", "enabled"), ("bob", "Bonn", "blocklisted"),
            ("eve", "Évora", "enabled"), ("tom", "Turin", "disabled"),
        ])
    )  # fmt: skip
    ended = send(sender, tmp_path, rows, text="{{ name }} of {{ attributes.city }}")
    assert ended.code == 0, ended
    assert texts(vendor) == {
        "ann@example.com": "Ann of Delft", "eve@example.com": "Eve of Évora",
    }  # fmt: skip


# -- what is refused ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ("email,name\nann@example.com,A\0nn\n", "NUL"),
        ("email,name\nann@example.com\n", "line 2"),
        ("email,name\nnot an address,Ann\n", "line 2"),
        ("email,name\nann@example.com,\n", "name"),
        ('email,name\nann@example.com,"Ann\n', "quotation mark"),
        ("", "empty"),
        ("email,email\na@example.com,b@example.com\n", "two columns|2 columns"),
        ("name\nAnn\n", "email"),
        (b"PK\x03\x04" + b"\0" * 50, "spreadsheet"),
        (b"\xff\xd8\xff\xe0" + bytes(range(256)), "list.csv"),
    ],
)
def test_a_list_that_cannot_be_sent_to(
    vendor: Recorder, sender: Program, tmp_path: Path, rows: str | bytes, words: str
) -> None:
    ended = send(sender, tmp_path, rows)
    assert ended.code == 2, ended
    assert any(word in ended.err for word in words.split("|")), ended
    assert not vendor.requests


def test_bad_rows_are_left_out_on_demand(vendor: Recorder, sender: Program, tmp_path: Path) -> None:
    rows = "email,name\nann@example.com,Ann\nbad,B\nshort@example.com\nbob@example.com,Bob\n"
    ended = send(sender, tmp_path, rows, "--skip-invalid")
    assert ended.code == 0, ended
    assert texts(vendor) == dear(ann="Ann", bob="Bob")
    assert "line 3: bad" in ended.err


def test_a_field_of_100_mb(vendor: Recorder, sender: Program, tmp_path: Path) -> None:
    for opening in ("", '"'):
        rows = b"email,name\nann@example.com," + opening.encode() + b"x" * 100_000_000 + b"\n"
        started = time.monotonic()
        ended = send(sender, tmp_path, rows, memory=90 << 20)
        assert ended.code == 2, ended
        assert "longer than" in ended.err
        assert len(ended.err) < 2000
        assert time.monotonic() - started < 20
    assert not vendor.requests


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "{% for x in range(99999) %}{% for y in range(99999) %}x{% endfor %}{% endfor %}",
            "text line 1",
        ),
        ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "recursion"),
        ("{{ nobody }}", "nobody"),
        ("{{ name", "not closed"),
        ("{% include '/etc/passwd' %}", "include"),
        ("{{ name.__class__.__mro__[1].__subclasses__() }}", "__class__"),
        ("{{ 'x' * 10000000000 }}", "too large"),
    ],
    ids=["endless", "recursion", "unknown", "broken", "include", "python", "huge"],
)
def test_a_template_that_does_harm(
    vendor: Recorder, sender: Program, tmp_path: Path, text: str, words: str
) -> None:
    started = time.monotonic()
    ended = send(sender, tmp_path, "email,name\nann@example.com,Ann\n", text=text)
    assert ended.code == 2, ended
    assert words in ended.err
    assert time.monotonic() - started < 20
    assert not vendor.requests
