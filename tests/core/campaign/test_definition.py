"""A campaign file is read as it is meant, or refused with line, key and a hint."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mktool.core.campaign import definition as d
from mktool.core.campaign.definition import Definition, Variant, check_channel, digest, load
from mktool.errors import InvalidInput, StorageError
from mktool.message import Mailbox

MAIL = """\
name = "launch-2026-11"
provider = "toy"
from = "Acme <news@acme.example>"
subject = "{{ first_name }}, it is here"
html = "<p>Hello</p>"
"""
SMS = 'name = "x"\nprovider = "toy"\nfrom = "+15550100200"\ntext = "Hello"\n'


def written(folder: Path, text: str | bytes) -> Definition:
    file = folder / "launch.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load(file)


def refused(folder: Path, text: str | bytes) -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        written(folder, text)
    assert caught.value.message.startswith(str(folder / "launch.toml"))
    assert caught.value.hint
    return caught.value


def test_a_small_file(tmp_path: Path) -> None:
    assert written(tmp_path, MAIL) == Definition(
        path=tmp_path / "launch.toml",
        name="launch-2026-11",
        provider="toy",
        variants=(
            Variant(
                "A",
                Mailbox("news@acme.example", "Acme"),
                "{{ first_name }}, it is here",
                "<p>Hello</p>",
            ),
        ),
    )


FULL = (
    MAIL
    + """\
text = '''
Hello
'''
account = "work"
reply_to = "hello@acme.example"
recipients = "people.csv"
column = "Mail"
unsubscribe = "https://acme.example/u/{{ id }}"
postal_address = "Acme\\n1 Main Street"
preheader = "What is new"
tags = ["launch", "autumn"]
where = "country == 'NL'"
segment = "dutch"
list = "newsletter"
send_at = 2026-12-01T09:00:00+01:00
rate = 50
concurrency = 3
max_errors = 10
skip_invalid = true
hosted = true
inline_css = true
cost = 120.5
revenue = 4000
[options]
flag = true
tracking = { clicks = false, list = [1, 2.5, "x"] }
[defaults]
first_name = "there"
[utm]
source = "mail"
term = "shoes"
"""
)


def test_a_full_file(tmp_path: Path) -> None:
    found = written(tmp_path, FULL)
    assert found.variants[0].text == "Hello\n"
    said = {name: getattr(found, name) for name in Definition.__slots__}
    assert {name: said[name] for name in said if name not in ("path", "variants")} == {
        "name": "launch-2026-11", "provider": "toy", "account": "work",
        "reply_to": "hello@acme.example", "recipients": "people.csv", "column": "Mail",
        "unsubscribe": "https://acme.example/u/{{ id }}", "preheader": "What is new",
        "postal_address": "Acme\n1 Main Street", "tags": ("launch", "autumn"), "media": (),
        "where": "country == 'NL'", "segment": "dutch", "list": "newsletter",
        "send_at": "2026-12-01T09:00:00+01:00", "rate": 50.0, "concurrency": 3, "max_errors": 10,
        "skip_invalid": True, "hosted": True, "inline_css": True, "cost": 120.5, "revenue": 4000.0,
        "options": {"flag": True, "tracking": {"clicks": False, "list": [1, 2.5, "x"]}},
        "defaults": {"first_name": "there"}, "ab": None,
        "utm": {"source": "mail", "medium": "email", "campaign": "launch-2026-11",
                "term": "shoes"},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("utm = true", {"source": "newsletter", "medium": "email", "campaign": "launch-2026-11"}),
        ("utm = false", {}),
        ("[utm]\nmedium = ''", {"source": "newsletter", "campaign": "launch-2026-11"}),
    ],
)
def test_utm(tmp_path: Path, text: str, wanted: dict[str, str]) -> None:
    assert written(tmp_path, MAIL + text).utm == wanted


@pytest.mark.parametrize(
    "address",
    [
        "https://acme.example/u?id={{ id }}",
        "mailto:leave@acme.example?subject={{ id | urlencode }}",
        "{{ leave_url }}",
        "{% if id %}https://a.example/{{ id }}{% else %}mailto:a@b.example{% endif %}",
        "http://127.0.0.1:8000/u",
    ],
)
def test_where_one_unsubscribes(tmp_path: Path, address: str) -> None:
    assert written(tmp_path, f"{MAIL}unsubscribe = '{address}'").unsubscribe == address


def test_the_segment_may_be_a_section(tmp_path: Path) -> None:
    found = written(tmp_path, MAIL + "[segment]\nwhere = \"plan == 'pro'\"\nname = 'dutch'")
    assert (found.where, found.segment) == ("plan == 'pro'", "dutch")
    assert written(tmp_path, MAIL + "where = 'x'\n[segment]\nname = 'dutch'").where == "x"
    error = refused(tmp_path, MAIL + "where = 'x'\n[segment]\nwhere = 'y'")
    assert "launch.toml:8: segment.where: is said twice" in error.message


def test_variants(tmp_path: Path) -> None:
    found = written(
        tmp_path,
        MAIL + "[ab]\nsubject = ['one', 'two']\nfrom = ['a@b.example', 'C <c@d.example>']\n"
        "test_share = 0.2\nwait = '2h'\nwinner = 'clicks'",
    )
    assert found.variants == (
        Variant("A", Mailbox("a@b.example"), "one", "<p>Hello</p>"),
        Variant("B", Mailbox("c@d.example", "C"), "two", "<p>Hello</p>"),
    )
    assert found.ab == d.Test(0.2, 7200, "clicks")
    plain = written(tmp_path, MAIL + "[ab]\nsubject = ['one', 'two']")
    assert plain.ab == d.Test(1, 4 * 3600, "opens")


# -- templates ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["launch.html", "launch.htm", "a folder/my mail", "été.html"])
def test_a_template_is_read_from_beside_the_file(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    file.write_bytes("\ufeff<p>é\r\n</p>".encode())
    text = MAIL.replace("<p>Hello</p>", name)
    assert written(tmp_path, text).variants[0].html == "<p>é\n</p>"
    assert written(tmp_path, MAIL.replace("<p>Hello</p>", str(file))).variants[0].html
    monkeypatch.chdir(tmp_path)
    there = load(Path("launch.toml"))
    assert (there.path, there.variants[0].html) == (tmp_path / "launch.toml", "<p>é\n</p>")


@pytest.mark.parametrize(
    "text", ["Hello", "x" * 5000, "See https://acme.example/a.html", "{{ text }}", "Hi.\nBye.txt"]
)
def test_what_is_no_file_is_the_content(tmp_path: Path, text: str) -> None:
    found = written(tmp_path, SMS.replace('"Hello"', json.dumps(text)))
    assert found.variants[0].text == text


@pytest.mark.parametrize(
    ("value", "content", "says", "hint"),
    [
        ("launch.html", None, "launch.html: there is no such file", "ls "),
        ("launch.htlm", None, "launch.htlm: there is no such file", "ls "),
        ("x" * 300 + ".html", None, "too long", "ls "),
        ("x" * 5000 + ".html", None, "is no HTML", "ls "),
        ("Hello", None, "is no HTML, and there is no file", "ls "),
        ("launch.mjml", b"<mjml>", "launch.mjml is MJML", "npx mjml launch.mjml -o launch.html"),
        ("a.html", "é".encode("cp1252"), "not UTF-8 (byte 0)", "iconv -f cp1252 -t utf-8"),
        ("a.html", "é".encode("utf-16"), "not UTF-8 (byte 0)", "iconv -f utf-16 -t utf-8"),
        ("a.html", b"<p>\0", "holds NUL characters", ""),
        ("a.html", b"x" * (d.MAX_TEMPLATE + 1), "larger than 5 MB", ""),
        ("", None, "is missing, and text too", "launch.html"),
    ],
)
def test_a_template_that_is_wrong(
    tmp_path: Path, value: str, content: bytes | None, says: str, hint: str
) -> None:
    if content is not None:
        (tmp_path / value).write_bytes(content)
    error = refused(tmp_path, MAIL.replace("<p>Hello</p>", value))
    assert "launch.toml:5: html: " in error.message
    assert says in error.message
    assert hint in error.hint


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "launch.html")
    error = refused(tmp_path, MAIL.replace("<p>Hello</p>", "launch.html"))
    assert "launch.html: is not a file" in error.message


# -- mistakes ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "says", "hint"),
    [
        ("subjekt = 'x'", ":6: subjekt: there is no such key", 'mean subject? subject = "{{'),
        ("zzz = 1", ":6: zzz: there is no such key", "--init"),
        ("[utm]\nsuorce = 'x'", ":7: utm.suorce: there is no such key", "did you mean source?"),
        ("[ab]\nzzz = 'x'", ":7: ab.zzz: there is no such key", "known here: from, subject"),
        ("[utm]\ntags = ['x']", ":7: utm.tags: there is no such key", "move it above [utm]"),
        ("rate = 'fast'", ":6: rate: must be a number, not 'fast'", "such as rate = 50"),
        ("rate = true", ":6: rate: must be a number, not true", ""),
        ("rate = -1", ":6: rate: -1 is out of range", ""),
        ("cost = nan", ":6: cost: nan is out of range", ""),
        ("concurrency = 0", "must be a whole number from 1, not 0", "concurrency = 4"),
        ("max_errors = 1.5", "must be a whole number from 1, not 1.5", ""),
        ("skip_invalid = 'yes'", "must be true or false, not 'yes'", "skip_invalid = true"),
        ("preheader = 1", "must be text, not 1", ""),
        ("preheader = ['a']", "must be text, not a list", ""),
        ('preheader = "a\\u0007"', "must be one line", ""),
        ('preheader = "a\\nBcc: x"', "must be one line", ""),
        (f"unsubscribe = 'https://{'{{ ' * 50_000}'", "longer than 4000 characters", ""),
        ("tags = 'x'", "must be a list of texts, not 'x'", 'tags = ["launch"]'),
        ("tags = [1]", "must be text, not 1", ""),
        ("tags = ['']", "must not hold an empty text", ""),
        ("media = ['a.jpg']", "must be addresses that start with https://", ""),
        ("send_at = 2026-12-01", "must be text, not 2026-12-01", "2026-12-01T09:00"),
        ("send_at = 'yesterday'", ":6: send_at: 'yesterday' is not a time", "2026-12-01T09:00"),
        ("send_at = 'friday 9:00 Mars/Base'", ":6: send_at: unknown time zone 'Mars/Base'", ""),
        ("reply_to = 'x'", "must be an e-mail address", "hello@acme.example"),
        ("unsubscribe = 'acme.example'", "must start with https:// or mailto:", "{{ id }}"),
        ("unsubscribe = 'http://acme.example'", "must start with https://", ""),
        ("unsubscribe = 'https://a.example/ b'", "must not hold spaces", ""),
        ("options = 5", "options: must be a section", "[options]"),
        ("[options]\nat = 2026-01-01", "2026-01-01 cannot be sent: write it as text", ""),
        ("[options]\nx = [inf]", "inf cannot be sent", ""),
        ("[options]\n" + ".".join("a" * 3000) + " = 1", "options: nested too deeply", ""),
        ("[defaults]\nage = 5", "defaults: must be text, not 5", ""),
        ("utm = 'x'", "utm: must be true, or a section", ""),
        ("segment = 5", "segment: must be text, not 5", ""),
        ("ab = true", "ab: must be a section, not true", "[ab]"),
        ("[[ab]]\nsubject = ['a', 'b']", "ab: must be a section, not a list", ""),
        ("[ab]\nwait = '4h'", ":6: ab: names nothing that differs", "subject = ["),
        ("[ab]\nsubject = ['a']", ":7: ab.subject: must be a list of 2 to 5, not 1", ""),
        ("[ab]\nsubject = ['a', 'b']\nhtml = ['<p>', '<b>', '<i>']", "differ in length", ""),
        ("[ab]\nsubject = ['a', 'a']", "ab: two variants are the same", ""),
        ("[ab]\nhtml = ['a.html', 'b.html']", ":7: ab.html: ", "ls "),
        ("[ab]\nsubject = ['a', 'b']\ntest_share = 2", "ab.test_share: must be more than 0", ""),
        ("[ab]\nsubject = ['a', 'b']\nwait = 'soon'", ":8: ab.wait: 'soon' is not", 'wait = "4h"'),
        ("[ab]\nsubject = ['a', 'b']\nwinner = 'x'", "one of opens, clicks, manual", ""),
        ("[ab]\nsubject = ['a', 'b']\nwinner = []", "one of opens, clicks, manual", ""),
        ("body = 'x'\ntext = 'y'", "body: is another word for text", ""),
        ("subject = 'twice'", ":6: this is no TOML: Cannot overwrite a value", "each key"),
        ("[utm]\n[utm]", ":7: this is no TOML: Cannot declare", "each [section] once"),
        ("rate = fast", ":6: this is no TOML: Invalid value (column 8)", "quotes"),
        ("rate = ", ":6: this is no TOML", ""),
        ("rate = " + "9" * 5000, "this is no TOML", ""),
        ("x = " + "[" * 5000, "nested too deeply", ""),
        ("x = 'a", "this is no TOML", ""),
    ],
)
def test_a_mistake(tmp_path: Path, text: str, says: str, hint: str) -> None:
    error = refused(tmp_path, MAIL + text)
    assert says in error.message
    assert hint in error.hint


@pytest.mark.parametrize(
    ("sender", "says"),
    [
        ("", "is empty"),
        ("x <" * 400, "is too long"),
        ("Acme, Inc <a@b.example>", "a name with a comma stands in quotes"),
        ("a@b.example, c@d.example", "a comma"),
        ("Acme <>", "empty"),
        ("Acme <news@acme>", "the domain has no dot"),
        ("Acme news@acme.example", "a space inside"),
        ("Acme <a@b.example> x", "a name and an address"),
        ("Acme <a@b.example", "a name and an address"),
        ("A\\nBcc: x <a@b.example>", "must be one line"),
    ],
)
def test_a_sender_that_is_none(tmp_path: Path, sender: str, says: str) -> None:
    error = refused(tmp_path, MAIL.replace("Acme <news@acme.example>", sender))
    assert "launch.toml:3: from: " in error.message
    assert says in error.message
    assert "Acme <news@acme.example>" in error.hint


@pytest.mark.parametrize(
    ("sender", "mailbox"),
    [
        ("a@b.example", Mailbox("a@b.example")),
        ("<a@b.example>", Mailbox("a@b.example")),
        ("Zoë van Dyk <z@b.example>", Mailbox("z@b.example", "Zoë van Dyk")),
        ('\\"Acme, \\\\\\"Inc\\\\\\"\\" <a@b.example>', Mailbox("a@b.example", 'Acme, "Inc"')),
        ("Acme Shop", Mailbox("Acme Shop")),
    ],
)
def test_a_sender(tmp_path: Path, sender: str, mailbox: Mailbox) -> None:
    found = written(tmp_path, MAIL.replace("Acme <news@acme.example>", sender))
    assert found.variants[0].sender == mailbox


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("", "1 to 100"), ("x" * 101, "1 to 100"), ("a/b", "slash"), ("a\\\\b", "slash"),
        ("a\\tb", "printable"), ("..", "printable"), (" a", "printable"),
        ("a\\u202eb", "printable"),
    ],
)  # fmt: skip
def test_a_name_that_is_none(tmp_path: Path, name: str, says: str) -> None:
    error = refused(tmp_path, MAIL.replace("launch-2026-11", name))
    assert "launch.toml:1: name: " in error.message
    assert says in error.message


@pytest.mark.parametrize("key", ["name", "provider", "from"])
def test_what_must_be_said(tmp_path: Path, key: str) -> None:
    text = "".join(line for line in MAIL.splitlines(True) if not line.startswith(key))
    error = refused(tmp_path, text)
    assert error.message == f"{tmp_path / 'launch.toml'}: {key}: is missing"
    assert f"add {key} = " in error.hint


@pytest.mark.parametrize(
    ("content", "says", "hint"),
    [
        (MAIL.encode("utf-16"), "not UTF-8 (byte 0)", "iconv -f utf-16"),
        ("# é".encode("cp1252"), "not UTF-8 (byte 2)", "iconv -f cp1252"),
        (b"#" * (1024 * 1024 + 1), "larger than 1 MB", "right file"),
        (b"", "name: is missing", "launch-2026-11"),
    ],
)
def test_a_file_that_is_none(tmp_path: Path, content: bytes, says: str, hint: str) -> None:
    error = refused(tmp_path, content)
    assert says in error.message
    assert hint in error.hint


def test_no_file(tmp_path: Path) -> None:
    for path, says in ((tmp_path / "no.toml", "no such file"), (tmp_path, "is not a file")):
        with pytest.raises(InvalidInput, match=says) as caught:
            load(path)
        assert caught.value.hint


# -- channels ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sender", ["+15550100200", "12345", "Acme Shop", "MG" + "0123456789abcdef" * 2]
)
def test_who_can_send_an_sms(tmp_path: Path, sender: str) -> None:
    found = written(tmp_path, SMS.replace("+15550100200", sender).replace("text", "body"))
    check_channel(found, "sms")
    with pytest.raises(InvalidInput, match=r"from: .* is no e-mail address"):
        check_channel(found, "email")


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (SMS + "subject = 'x'", "subject"),
        (SMS + "html = '<p>'", "html"),
        (SMS + "preheader = 'x'", "preheader"),
        (SMS + "reply_to = 'a@b.example'", "reply_to"),
        (SMS + "inline_css = true", "inline_css"),
        (SMS + "hosted = true", "hosted"),
        (SMS + "media = ['https://acme.example/{{ name }}.jpg']", "media"),
        (SMS.replace("+15550100200", "Acme Incorporated"), "from"),
        (SMS.replace("+15550100200", "a@b.example"), "from"),
    ],
)
def test_what_an_sms_has_not(tmp_path: Path, text: str, key: str) -> None:
    with pytest.raises(InvalidInput, match=rf"^launch\.toml:\d+: {key}: ") as caught:
        check_channel(written(tmp_path, text), "sms")
    assert caught.value.hint


def test_what_an_e_mail_needs(tmp_path: Path) -> None:
    check_channel(written(tmp_path, MAIL + "send_at = '2020-01-01T09:00'"), "email")
    no_subject = "".join(line for line in MAIL.splitlines(True) if "subject" not in line)
    for text, key in ((no_subject, "subject"), (MAIL + "media = ['https://a.example/b']", "media")):
        with pytest.raises(InvalidInput, match=rf"^launch\.toml:?\d*: {key}: "):
            check_channel(written(tmp_path, text), "email")


# -- the record --------------------------------------------------------------------------------


def test_the_round_trip_is_exact(tmp_path: Path) -> None:
    for text in (MAIL, SMS, FULL + "[ab]\nsubject = ['ä', 'b']\ntest_share = 0.1"):
        found = written(tmp_path, text)
        again = d.from_json(d.to_json(found))
        assert again == found
        assert repr(again) == repr(found)
        assert digest(again) == digest(found)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", "5", '{"path": 1}', '{"path": "x", "variants": 5}']
)
def test_a_broken_record(text: str) -> None:
    with pytest.raises(StorageError, match="cannot be read"):
        d.from_json(text)


@pytest.mark.parametrize(
    ("change", "seen"),
    [
        ({"reply_to": "x@y.example"}, True),
        ({"unsubscribe": "https://x.example"}, True),
        ({"postal_address": "x"}, True),
        ({"preheader": "x"}, True),
        ({"media": ("https://x.example",)}, True),
        ({"options": {"a": 1}}, True),
        ({"utm": {"source": "x"}}, True),
        ({"defaults": {"a": "x"}}, True),
        ({"inline_css": True}, True),
        ({"hosted": True}, True),
        ({"provider": "x"}, True),
        ({"account": "x"}, True),
        ({"variants": (Variant("A", Mailbox("x@y.example"), "s", "h"),)}, True),
        ({"path": Path("/x")}, False),
        ({"recipients": "x"}, False),
        ({"where": "x"}, False),
        ({"rate": 5.0}, False),
        ({"send_at": "x"}, False),
        ({"tags": ("x",)}, True),
    ],
)
def test_the_digest_is_of_what_a_recipient_sees(
    tmp_path: Path, change: dict[str, Any], seen: bool
) -> None:
    found = written(tmp_path, MAIL)
    assert (digest(replace(found, **change)) != digest(found)) is seen


def test_a_changed_template_changes_the_digest(tmp_path: Path) -> None:
    text = MAIL.replace("<p>Hello</p>", "launch.html")
    digests = set()
    for content in (b"<p>a</p>\n", b"<p>b</p>\n", b"<p>b</p>\r\n"):
        (tmp_path / "launch.html").write_bytes(content)
        digests.add(digest(written(tmp_path, text)))
    assert len(digests) == 2  # how lines end is no change
