"""`mktool suppress`: by hand, from files, from vendors, and what a campaign makes of it."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from mktool.core.settings import ledger_path
from mktool.store.ledger import Ledger
from mktool.store.suppressions import Suppressions
from tests.box import Box
from tests.cli.conftest import Mktool


def test_add_list_and_remove(mktool: Mktool) -> None:
    assert mktool("suppress", "add", "Ada@ACME.example", "+1 555 010 0200").code == 0
    again = mktool("suppress", "add", "ada@acme.example", "--reason", "bounced", "--json")
    assert again.json["data"] == {"added": 0, "known": 1}
    mktool("suppress", "add", "bob@acme.example", "--list", "news", "--reason", "unsubscribed")
    rows = mktool("suppress", "list").rows
    assert [row[:4] for row in rows] == [
        ["Ada@acme.example", "", "manual", "manual"],
        ["+15550100200", "", "manual", "manual"],
        ["bob@acme.example", "news", "unsubscribed", "manual"],
    ]
    data = mktool("suppress", "list", "--list", "news", "--json").json["data"]
    assert [row["address"] for row in data] == ["bob@acme.example"]
    assert mktool("suppress", "list", "--reason", "complained", "--json").json["data"] == []
    assert len(mktool("suppress", "list", "-n", "2").rows) == 2
    gone = mktool("suppress", "remove", "ADA@acme.example", "nobody@acme.example", "--json")
    assert gone.json["data"] == {"removed": 1}


@pytest.mark.parametrize(
    ("argv", "named"),
    [
        (("add", "ada@"), "'ada@'"),
        (("add", "12"), "'12'"),
        (("add", "a@acme.example", "--reason", "dislike"), "dislike"),
        (("list", "--reason", "dislike"), "dislike"),
        (("import", "nothing.csv"), "nothing.csv"),
        (("sync", "twilio"), "Twilio"),
        (("sync", "resend"), "resend is not connected"),
        (("sync",), "no account"),
    ],
)
def test_what_cannot_be_done_is_said(mktool: Mktool, argv: tuple[str, ...], named: str) -> None:
    ran = mktool("suppress", *argv)
    assert ran.code in (2, 5, 11)
    assert named in ran.err
    assert ran.err.startswith("error: ")


def test_one_bad_address_and_none_is_added(mktool: Mktool) -> None:
    assert mktool("suppress", "add", "ada@acme.example", "bob").code == 2
    assert mktool("suppress", "list").out == ""


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", "Name;Email Address\nAda;ada@acme.example\nBob;bob@acme.example\nEve;eve@\n"),
        ("b.jsonl", '{"email": "ada@acme.example"}\n{"email": "bob@acme.example"}\nnot JSON\n'),
        ("c.txt", "\ufeffada@acme.example\r\n\r\nbob@acme.example\r\neve at acme\r\n"),
        ("d.csv", "ada@acme.example\n bob@acme.example\n,\n"),
        ("e", "who\nada@acme.example\nbob@acme.example\n+1 555\n"),
    ],
)
def test_files_of_all_shapes(mktool: Mktool, tmp_path: Path, name: str, text: str) -> None:
    file = tmp_path / name
    file.write_bytes(text.encode())
    ran = mktool("suppress", "import", str(file), "--reason", "bounced", "--json")
    assert ran.code == 6
    data = ran.json["data"]
    assert (data["rows"], data["added"], data["known"], data["bad"]) == (3, 2, 0, 1)
    assert data["problems"][0]["line"] == {"c.txt": 4, "b.jsonl": 3, "d.csv": 3}.get(name, 4)
    assert ran.json["status"] == "partial"
    again = mktool("suppress", "import", str(file), "--json").json["data"]
    assert (again["added"], again["known"]) == (0, 2)
    rows = mktool("suppress", "list").rows
    assert [(row[0], row[2]) for row in rows] == [
        ("ada@acme.example", "bounced"), ("bob@acme.example", "bounced"),
    ]  # fmt: skip


def test_numbers_from_a_file(mktool: Mktool, tmp_path: Path) -> None:
    file = tmp_path / "stop.csv"
    file.write_text("phone,when\n'+15550100200,x\n0031 6 1234 5678,y\n")
    assert mktool("suppress", "import", str(file)).code == 0
    assert [row[0] for row in mktool("suppress", "list").rows] == ["+15550100200", "+31612345678"]


def test_a_column_that_is_not_clear_is_asked_for(mktool: Mktool, tmp_path: Path) -> None:
    file = tmp_path / "who.csv"
    file.write_text("a,b\n1,2\n")
    ran = mktool("suppress", "import", str(file))
    assert ran.code == 2
    assert "a, b" in ran.err


def test_hashes_only(mktool: Mktool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MKTOOL_SUPPRESS_HASHED", "1")
    file = tmp_path / "who.txt"
    file.write_text("bob@acme.example\n")
    mktool("suppress", "import", str(file))
    mktool("suppress", "add", "ada@acme.example")
    assert b"acme.example" not in Path(ledger_path()).read_bytes()
    assert [row[0] for row in mktool("suppress", "list").rows] == ["(hash only)"] * 2
    assert mktool("suppress", "list", "--json").json["data"][0]["address"] is None
    with Ledger(ledger_path()) as ledger:
        assert Suppressions(ledger).reason("ADA@acme.example", ("",)) == "manual"
    assert mktool("suppress", "remove", "ada@acme.example", "--json").json["data"]["removed"] == 1


def unsubscribe(box: Box, *emails: str, ago: float = 60.0) -> None:
    """Put addresses on a vendor's list, as of so many seconds ago:
    https://www.twilio.com/docs/sendgrid/api-reference/suppressions-global-suppressions"""
    box.ahead = -ago
    request = Request(
        f"{box.sandbox.url}/api.sendgrid.com/v3/asm/suppressions/global",
        json.dumps({"recipient_emails": emails}).encode(),
        {"Authorization": "Bearer SG.sandbox.run", "Content-Type": "application/json"},
    )
    with urlopen(request) as reply:
        assert reply.status == 201
    box.ahead = 0.0


def test_vendors_are_asked_and_remembered(
    mktool: Mktool, box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MKTOOL_SENDGRID_API_KEY", "SG.sandbox.run")
    monkeypatch.setenv("MKTOOL_RESEND_API_KEY", "re_sandbox_run")
    unsubscribe(box, "p1@acme.example", "p2@acme.example")
    first = mktool("suppress", "sync", "sendgrid", "--json")
    assert first.code == 0
    assert first.json["data"][0] == {
        "provider": "sendgrid", "account": "default", "read": 2, "added": 2, "error": None,
    }  # fmt: skip
    unsubscribe(box, "p3@acme.example")
    second = mktool("suppress", "sync", "--json").json["data"]
    assert {row["provider"]: row["added"] for row in second} == {"sendgrid": 1, "resend": 0}
    rows = mktool("suppress", "list", "--reason", "unsubscribed").rows
    assert [row[0] for row in rows] == ["p1@acme.example", "p2@acme.example", "p3@acme.example"]
    assert {row[3] for row in rows} == {"sendgrid:default"}
    monkeypatch.setenv("MKTOOL_RESEND_API_KEY", "re_sandbox_sending")
    half = mktool("suppress", "sync")
    assert half.code == 6
    assert "this key may only send" in half.err
    assert mktool("suppress", "sync", "resend").code == 12


def test_what_could_not_be_read_is_read_the_next_time(
    mktool: Mktool, box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Vendors tell the newest first: only a reading to the end may move the mark."""
    monkeypatch.setenv("MKTOOL_SENDGRID_API_KEY", "SG.sandbox.run")
    monkeypatch.setenv("MKTOOL_MAX_WAIT", "0")
    unsubscribe(box, "old@acme.example", ago=30 * 86400.0)
    box.breaks("500=100%:GET /v3/suppression/unsubscribes")
    assert mktool("suppress", "sync").code == 16
    box.breaks()
    assert mktool("suppress", "sync", "--json").json["data"][0]["added"] == 1
