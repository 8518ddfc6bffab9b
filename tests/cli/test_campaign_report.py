"""`mktool campaign sync` and `mktool campaign report`: as a table, as lines and as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.box import Box
from tests.cli.conftest import Mktool
from tests.core.campaign.outgoing import LOGINS, send

PEOPLE = [*(f"p{n}@acme.example" for n in range(60)), "bounced@acme.example"]
TEST = 'cost = 10\n[ab]\nsubject = ["It is here", "Look!"]\nwinner = "manual"\n'


@pytest.fixture(autouse=True)
def _sent(box: Box, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in LOGINS.items():
        monkeypatch.setenv(name, value)
    send(tmp_path, "resend", PEOPLE, more=TEST)


def test_what_is_unknown_is_no_zero(mktool: Mktool) -> None:
    ran = mktool("campaign", "report", "launch")
    rows = {row[0]: row[1:] for row in ran.rows}
    assert rows["sent"] == ["61", "", ""]
    assert rows["delivered"] == rows["opened"] == rows["ROI"] == ["-", "", ""]
    assert "not asked yet: mktool campaign sync launch" in ran.err
    figures = mktool("campaign", "report", "launch", "--json").json["data"]["figures"]
    assert figures["opened"] == {"count": None, "rate": None, "of": None}


def test_who_tells_nothing_is_not_to_be_asked(
    mktool: Mktool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MKTOOL_SMTP_HOST", "127.0.0.1")
    send(tmp_path, "smtp", ["ada@acme.example"], name="mailed")
    ran = mktool("campaign", "report", "mailed")
    assert "the vendor tells nothing about it" in ran.err
    assert mktool("campaign", "sync", "mailed").code == 5


def test_a_report(mktool: Mktool, box: Box) -> None:
    box.ahead = 300
    synced = mktool("campaign", "sync", "launch")
    assert synced.code == 0
    assert ["bounced", "1"] in synced.rows
    assert "suppressed now: 1" in synced.err
    again = mktool("campaign", "sync", "launch")
    assert (again.out, again.code) == ("", 0)
    ran = mktool("campaign", "report", "launch", "--revenue", "25")
    rows = {row[0]: row[1:] for row in ran.rows}
    assert rows["bounced"] == ["1", "1.6%", "sent"]
    assert rows["delivered"] == ["60", "98.4%", "sent"]
    assert (rows["cost"][0], rows["revenue"][0], rows["ROI"][0]) == ("10.00", "25.00", "150%")
    assert rows["A"][-1] == "It is here"
    assert "opened: " in ran.err
    assert "tell it from luck\n" in ran.err  # so few clicked
    data = mktool("campaign", "report", "launch", "--revenue", "25", "--json").json["data"]
    assert data["roi"] == 1.5
    assert [one["variant"] for one in data["variants"]] == ["A", "B"]
    assert {test["by"] for test in data["tests"]} == {"opened", "clicked"}
    assert data["figures"]["delivered"] == {"count": 60, "rate": 60 / 61, "of": "sent"}


def test_a_chart_on_a_terminal(mktool: Mktool, box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    box.ahead = 300
    mktool("campaign", "sync", "launch")
    monkeypatch.setattr("mktool.cli.terminal.Terminal.tables", True)
    monkeypatch.setenv("COLUMNS", "120")
    ran = mktool("campaign", "report", "launch")
    assert "█" * 40 in ran.out
    assert "100.0%" in ran.out
    monkeypatch.setattr("mktool.cli.terminal.Terminal.tables", False)
    assert "█" not in mktool("campaign", "report", "launch").out


@pytest.mark.parametrize("command", ["sync", "report"])
def test_no_such_campaign(mktool: Mktool, command: str) -> None:
    ran = mktool("campaign", command, "lunch")
    assert ran.code == 2
    assert "launch" in ran.err


def test_half_of_it(mktool: Mktool, box: Box) -> None:
    box.breaks("404=100%:GET /suppressions")
    ran = mktool("campaign", "sync", "launch", "--json")
    assert ran.code == 6
    assert ran.json["status"] == "partial"
    assert ran.json["data"]["read"] == ["events"]


def test_webhooks(mktool: Mktool, tmp_path: Path) -> None:
    ids = [
        json.loads(line)["vendor_id"]
        for line in mktool("campaign", "export", "launch", "-", "--json").out.splitlines()
    ]
    bodies = tmp_path / "bodies.jsonl"
    lines = [
        {"type": f"email.{word}", "created_at": "2026-12-01T09:00:00Z",
         "data": {"email_id": id, "to": ["x@acme.example"]}}
        for word, id in (("opened", ids[0]), ("complained", ids[1]), ("sent", "another"))
    ]  # fmt: skip
    bodies.write_text("\n".join([*map(json.dumps, lines), "what?"]))
    ran = mktool("campaign", "events", "resend", str(bodies))
    assert ran.rows == [["launch", "complained", "1"], ["launch", "delivered", "2"],
                        ["launch", "opened", "1"]]  # fmt: skip
    assert ran.code == 6
    assert "suppressed now: 1" in ran.err
    assert "events of no campaign: 1" in ran.err
    assert "line 4: is neither JSON nor a form" in ran.err
    assert "1 of 4 notices cannot be read" in ran.err
    again = mktool("campaign", "events", "resend", str(bodies), "--json").json
    assert (again["status"], again["data"]["new"], again["data"]["suppressed"]) == (
        "partial",
        {},
        0,
    )
    rows = {row[0]: row[1] for row in mktool("campaign", "report", "launch").rows}
    assert (rows["opened"], rows["complained"]) == ("1", "1")
    assert mktool("campaign", "events", "resend", str(tmp_path / "nothing")).code == 2
    assert mktool("campaign", "events", "slack", str(bodies)).code == 5


def test_totals_are_news_of_nobody(mktool: Mktool, box: Box, tmp_path: Path) -> None:
    send(tmp_path, "sendgrid", ["ada@acme.example"], name="counted")
    box.ahead = 300
    ran = mktool("campaign", "sync", "counted")
    assert (ran.code, ran.out) == (0, "")
    assert "the vendor's totals were read; mktool campaign report counted" in ran.err


def test_what_has_not_gone_out_is_not_to_be_asked_for(mktool: Mktool, tmp_path: Path) -> None:
    file = tmp_path / "launch.toml"
    file.write_text(file.read_text().replace('"launch"', '"later"'))
    assert mktool("send-campaign", str(file), "--at", "in 1h").code == 0
    ran = mktool("campaign", "report", "later")
    assert ran.err.startswith("later by resend: scheduled, nothing has gone out\n")
