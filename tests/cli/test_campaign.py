"""Campaigns at a sandbox, followed and stopped as a person does it."""

from __future__ import annotations

import csv
import os
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mktool.core.lists import recipients
from mktool.core.settings import ledger_path
from mktool.store.acts import Acts
from mktool.store.campaigns import path_of
from mktool.store.ledger import Ledger
from tests.box import Box
from tests.cli.conftest import Mktool

REFUSED = "+15005550009"  # a magic number: not a mobile one
MAIL = """\
name = "launch"
provider = "sendgrid"
from = "Acme <news@acme.example>"
subject = "It is here, {{ first_name }}"
text = "It is here."
unsubscribe = "https://acme.example/u?{{ email }}"
postal_address = "1 Main Street"
recipients = "people.csv"
"""
TEXT = """\
name = "texts"
provider = "twilio"
from = "+15005550006"
text = "It is here. Reply STOP to end"
recipients = "phones.csv"
"""

Campaign = Callable[..., Path]


@pytest.fixture(autouse=True)
def _logged_in(box: Box, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SENDGRID_API_KEY", "SG.sandbox.run")
    monkeypatch.setenv("TWILIO_ACCOUNT_SID", "ACsandbox0000000000000000000000run")
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", "sandbox-run")


@pytest.fixture
def campaign(tmp_path: Path) -> Campaign:
    """Write a campaign and its list."""

    def write(people: int = 3, more: str = "") -> Path:
        rows = "".join(f"p{number}@example.com,P{number}\n" for number in range(1, people + 1))
        (tmp_path / "people.csv").write_text("email,first_name\n" + rows)
        file = tmp_path / "launch.toml"
        file.write_text(MAIL + more)
        return file

    return write


@pytest.fixture
def texts(tmp_path: Path, mktool: Mktool) -> None:
    """A campaign of which one was refused."""
    (tmp_path / "phones.csv").write_text(f"phone\n+12025550101\n{REFUSED}\n+12025550102\n")
    (tmp_path / "texts.toml").write_text(TEXT)
    assert mktool("send-campaign", "texts.toml").code == 6


class TestLooking:
    def test_nothing_yet_says_how_to_begin(self, mktool: Mktool) -> None:
        ran = mktool("campaign", "list")
        assert (ran.code, ran.out) == (0, "")
        assert "send-campaign --init" in ran.err

    def test_lists_every_campaign_with_its_numbers(
        self, mktool: Mktool, campaign: Campaign, texts: None
    ) -> None:
        mktool("send-campaign", str(campaign()))
        (new, old) = mktool("campaign", "list", "--json").json["data"]
        assert (new["name"], new["state"], new["recipients"], new["sent"]) == (
            "launch", "done", 3, 3,
        )  # fmt: skip
        assert (old["name"], old["sent"], old["failed"], old["left"]) == ("texts", 2, 1, 0)
        rows = mktool("campaign", "list").rows
        assert rows[0][:8] == ["launch", "sendgrid", "done", "3", "3", "0", "0", "0"]

    def test_numbers_are_counted_anew_after_a_run(self, mktool: Mktool, campaign: Campaign) -> None:
        file = str(campaign())
        mktool("send-campaign", file, "--limit", "1")
        assert mktool("campaign", "list").rows[0][3:8] == ["3", "1", "0", "0", "2"]
        mktool("send-campaign", file)
        for _ in range(2):
            assert mktool("campaign", "list").rows[0][3:8] == ["3", "3", "0", "0", "0"]

    def test_the_list_fits_into_a_terminal(
        self, mktool: Mktool, campaign: Campaign, texts: None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        mktool("send-campaign", str(campaign()), "--as", "launch-2026-11")
        monkeypatch.setenv("COLUMNS", "80")
        monkeypatch.setattr("mktool.cli.terminal.Terminal.tables", True)
        head, _, new, *_ = mktool("campaign", "list").out.strip().splitlines()
        assert head.split() == ["name", "by", "state", "people", "sent", "failed", "when"]
        assert new.split()[:6] == ["launch-2026-11", "sendgrid", "done", "3", "3", "0"]
        assert new.split()[-1].count(":") == 1  # up to the minutes

    def test_a_campaign_without_its_file_is_still_listed(
        self, mktool: Mktool, campaign: Campaign
    ) -> None:
        mktool("send-campaign", str(campaign()))
        path_of(1).unlink()
        assert mktool("campaign", "list").rows[0][:4] == [
            "launch",
            "sendgrid",
            "done",
            "file is gone",
        ]
        assert mktool("campaign", "show", "launch").code == 3

    def test_shows_totals_and_reasons(self, mktool: Mktool, texts: None) -> None:
        data = mktool("campaign", "show", "texts", "--json").json["data"]
        assert data["totals"] == {"sent": 2, "failed": 1}
        (reason,) = data["reasons"]
        assert (reason["state"], reason["code"], reason["recipients"]) == ("failed", "21614", 1)

    def test_shows_who_is_in_a_state_and_why(self, mktool: Mktool, texts: None) -> None:
        (row,) = mktool("campaign", "show", "texts", "--failed").rows
        assert (row[0], row[1], row[3], row[4]) == ("2", REFUSED, "failed", "21614")
        both = mktool("campaign", "show", "texts", "--failed", "--sent", "-n", "2")
        assert [row[3] for row in both.rows] == ["sent", "failed"]
        assert "campaign export texts" in both.err
        assert mktool("campaign", "show", "texts", "--unknown").out == ""

    @pytest.mark.parametrize("command", ["show", "pause", "cancel", "resume", "sync", "report"])
    def test_a_misspelt_name_is_told_the_nearest_one(
        self, command: str, mktool: Mktool, campaign: Campaign
    ) -> None:
        mktool("send-campaign", str(campaign()))
        ran = mktool("campaign", command, "lunch")
        assert ran.code == 2
        assert "launch" in ran.err


class TestExport:
    def test_csv_holds_everybody_and_no_formula(
        self, mktool: Mktool, texts: None, tmp_path: Path
    ) -> None:
        ran = mktool("campaign", "export", "texts", "out.csv")
        assert (ran.code, ran.out) == (0, "3 recipients in out.csv\n")
        rows = list(csv.DictReader((tmp_path / "out.csv").read_text().splitlines()))
        assert [row["state"] for row in rows] == ["sent", "failed", "sent"]
        assert rows[1]["address"] == REFUSED
        assert rows[1]["code"] == "21614"
        assert rows[0]["vendor_id"].startswith("SM")
        assert stat.S_IMODE((tmp_path / "out.csv").stat().st_mode) == 0o600

    def test_json_lines_hold_what_is_asked_for(
        self, mktool: Mktool, texts: None, tmp_path: Path
    ) -> None:
        mktool("campaign", "export", "texts", "out.jsonl", "--failed")
        (line,) = (tmp_path / "out.jsonl").read_text().splitlines()
        assert f'"address": "{REFUSED}"' in line
        assert mktool("campaign", "export", "texts", "-", "--failed", "--json").out == f"{line}\n"

    @pytest.mark.parametrize("name", ["out.xlsx", "out", "nowhere/out.csv", "folder.csv"])
    def test_a_place_that_will_not_do(
        self, name: str, mktool: Mktool, texts: None, tmp_path: Path
    ) -> None:
        (tmp_path / "folder.csv").mkdir()
        ran = mktool("campaign", "export", "texts", name)
        assert (ran.code, ran.out) == (2, "")
        assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]

    def test_what_a_spreadsheet_would_calculate_is_text_and_a_list_again(
        self, mktool: Mktool, campaign: Campaign, box: Box, tmp_path: Path
    ) -> None:
        people = ["+ada@acme.example", "=1@acme.example", "'=2@acme.example", "bob@acme.example"]
        file = str(campaign())
        (tmp_path / "people.csv").write_text(
            "email,first_name\n" + "".join(f"{one},A\n" for one in people)
        )
        mktool("send-campaign", file)
        out = str(tmp_path / "out.csv")
        assert mktool("campaign", "export", "launch", out).code == 0
        assert "\n1,'+ada@acme.example," in Path(out).read_text()
        with recipients.open_list(out, tmp_path) as rows:
            column = rows.columns.index(recipients.address_column(rows.columns, "email"))
            assert [row.values[column] for row in rows] == people


class TestStopping:
    def test_what_is_paused_goes_on_only_when_resumed(
        self, mktool: Mktool, campaign: Campaign, box: Box
    ) -> None:
        file = str(campaign())
        mktool("send-campaign", file, "--limit", "1")
        assert mktool("campaign", "pause", "launch").code == 0
        refused = mktool("send-campaign", file)
        assert (refused.code, len(box.items)) == (2, 1)
        assert "mktool campaign resume launch" in refused.err
        resumed = mktool("campaign", "resume", "launch")
        assert (resumed.code, resumed.rows) == (0, [["sent", "3"]])
        assert sorted(item.to for item in box.items) == [f"p{n}@example.com" for n in (1, 2, 3)]

    def test_a_later_time_outlives_a_pause(
        self, mktool: Mktool, campaign: Campaign, box: Box
    ) -> None:
        mktool("send-campaign", str(campaign()), "--at", "2099-01-01T09:00")
        mktool("campaign", "pause", "launch")
        assert mktool("campaign", "resume", "launch").out == "scheduled\n"
        (row,) = mktool("campaign", "list").rows
        assert (row[2], row[8][:15]) == ("scheduled", "Thu 2099-01-01 ")
        assert box.items == []

    def test_what_is_cancelled_stays_so(self, mktool: Mktool, campaign: Campaign, box: Box) -> None:
        file = str(campaign())
        mktool("send-campaign", file, "--limit", "1")
        ran = mktool("campaign", "cancel", "launch")
        assert ran.out == "launch is cancelled: 2 will not be sent to\n"
        assert "1 are out" in ran.err
        for command in (["send-campaign", file], ["campaign", "resume", "launch"]):
            assert mktool(*command).code == 2
        assert len(box.items) == 1

    @pytest.mark.parametrize("command", ["pause", "cancel"])
    def test_what_is_out_cannot_be_stopped(
        self, command: str, mktool: Mktool, campaign: Campaign
    ) -> None:
        mktool("send-campaign", str(campaign()))
        assert mktool("campaign", command, "launch").code == 2
        assert mktool("campaign", "list").rows[0][2] == "done"

    def test_what_the_vendor_holds_is_taken_back(
        self, mktool: Mktool, campaign: Campaign, box: Box
    ) -> None:
        at = time.strftime("%Y-%m-%dT%H:%M", time.localtime(time.time() + 7200))
        mktool("send-campaign", str(campaign()), "--at", at)
        (row,) = mktool("campaign", "list").rows
        assert (row[2], row[8][:6]) == ("held", "until ")
        assert "held by the vendor until " in mktool("campaign", "show", "launch").err
        assert "campaign cancel" in mktool("campaign", "pause", "launch").err
        data = mktool("campaign", "cancel", "launch", "--json").json["data"]
        assert (data["back"], data["sent"], data["late"], data["never"]) == (3, 0, 0, 0)
        assert mktool("campaign", "show", "launch").rows == [["cancelled", "3"]]
        box.ahead = 3 * 3600
        assert box.items == []
        assert mktool("campaign", "cancel", "launch").code == 2

    def test_texts_are_taken_back_one_by_one(
        self, mktool: Mktool, box: Box, tmp_path: Path
    ) -> None:
        (tmp_path / "phones.csv").write_text("phone\n+12025550101\n+12025550102\n")
        service = "MG" + "a" * 32
        (tmp_path / "texts.toml").write_text(TEXT.replace("+15005550006", service))
        at = time.strftime("%Y-%m-%dT%H:%M", time.localtime(time.time() + 7200))
        mktool("send-campaign", "texts.toml", "--at", at)
        assert mktool("campaign", "cancel", "texts").out == "texts is cancelled: 2 taken back\n"
        assert mktool("campaign", "show", "texts").rows == [["cancelled", "2"]]

    @pytest.mark.parametrize(("command", "state"), [("pause", "paused"), ("cancel", "cancelled")])
    def test_a_sender_under_way_stops_within_a_second(
        self, command: str, state: str, mktool: Mktool, campaign: Campaign, box: Box
    ) -> None:
        file = campaign(people=100, more="rate = 5\n")
        sender = subprocess.Popen(
            [sys.executable, "-m", "mktool", "send-campaign", str(file), "--confirm", "100"],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=os.environ,
        )  # fmt: skip
        with sender:
            try:
                end = time.monotonic() + 20
                while not box.items and time.monotonic() < end:
                    time.sleep(0.05)
                assert mktool("campaign", command, "launch").code == 0
                _, said = sender.communicate(timeout=10)
            finally:
                sender.kill()
        assert sender.returncode == 130, said
        (row,) = mktool("campaign", "list").rows
        assert row[2] == state
        assert 0 < int(row[4]) == len(box.items) < 100

    def test_a_list_that_was_never_read_is_told_from_one_that_was(
        self, mktool: Mktool, campaign: Campaign, tmp_path: Path
    ) -> None:
        file = campaign()
        with (tmp_path / "people.csv").open("a") as people:
            people.write("nobody,N\n")
        assert mktool("send-campaign", str(file)).code == 2  # an address is wrong
        mktool("campaign", "pause", "launch")
        ran = mktool("campaign", "resume", "launch")
        assert ran.code == 2
        assert "mktool send-campaign FILE" in ran.err
        campaign()
        assert mktool("send-campaign", str(file)).code == 0


@pytest.fixture
def acts() -> Iterator[Acts]:
    with Ledger(ledger_path()) as ledger:
        yield Acts(ledger)


def test_a_campaign_interrupted_for_good_goes_on_without_its_file(
    mktool: Mktool, campaign: Campaign, box: Box, acts: Acts
) -> None:
    file = campaign()
    mktool("send-campaign", str(file), "--limit", "2")
    file.unlink()
    assert acts.state(1) == "open"
    assert mktool("campaign", "resume", "launch").code == 0
    assert (acts.state(1), len(box.items)) == ("done", 3)


class TestBeginning:
    @pytest.mark.parametrize("folder", [[], ["new/folder"]])
    def test_the_example_works_as_it_is(
        self, folder: list[str], mktool: Mktool, box: Box, tmp_path: Path
    ) -> None:
        written = mktool("send-campaign", *folder, "--init")
        assert written.code == 0
        (file, *_) = written.out.splitlines()
        assert f"mktool send-campaign {file} --dry-run" in written.err
        tried = mktool("send-campaign", file, "--dry-run", "--json")
        assert (tried.code, tried.json["data"]["sent"]) == (0, False)
        assert tried.json["data"]["plan"]["to_send"] == 5
        assert box.items == []
        assert mktool("send-campaign", file).rows == [["sent", "5"]]

    @pytest.mark.parametrize("folder", [".", "launch.toml"])
    def test_an_example_replaces_nothing(
        self, folder: str, mktool: Mktool, campaign: Campaign
    ) -> None:
        text = campaign().read_text()
        assert mktool("send-campaign", folder, "--init").code == 2
        assert campaign().read_text() == text

    def test_a_dry_run_needs_no_login_and_says_so(
        self, mktool: Mktool, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        line = ("send-campaign", str(campaign(1)), "--dry-run")
        assert "not connected" not in mktool(*line).err
        assert mktool(*line, "--json").json["data"]["connected"]
        monkeypatch.delenv("SENDGRID_API_KEY")
        ran = mktool(*line)
        assert ran.code == 0
        assert "not connected yet: mktool authorize sendgrid" in ran.err
        assert not mktool(*line, "--json").json["data"]["connected"]

    def test_one_is_no_plural(self, mktool: Mktool, campaign: Campaign) -> None:
        ran = mktool("send-campaign", str(campaign(1)), "--dry-run")
        assert "1 of 1 recipient to send to" in ran.err
        assert "list: 1 row\n" in ran.err
        assert "1 request\n" in ran.err
        assert "list: 2 rows\n" in mktool("send-campaign", str(campaign(2)), "--dry-run").err

    def test_a_dry_run_tells_of_rows_that_cannot_be_sent_to(
        self, mktool: Mktool, campaign: Campaign, tmp_path: Path
    ) -> None:
        file = str(campaign())
        with (tmp_path / "people.csv").open("a") as people:
            people.write("nobody,N\n")
        ran = mktool("send-campaign", file, "--dry-run")
        assert ran.code == 2
        assert "line 5: nobody: no @" in ran.err
        assert "launch by sendgrid: 3 of 4 rows can be sent to\n" in ran.err
        assert mktool("send-campaign", file, "--dry-run", "--skip-invalid").code == 0

    def test_a_test_copy_says_whose_it_is(
        self, mktool: Mktool, campaign: Campaign, box: Box
    ) -> None:
        ran = mktool("send-campaign", str(campaign()), "--test-to", "me@example.com")
        assert (ran.code, ran.out[:22]) == (0, "sent to me@example.com")
        assert "p1@example.com" in ran.out
        assert [item.to for item in box.items] == ["me@example.com"]
        assert mktool("campaign", "list").out == ""

    def test_a_list_without_rows_is_said(self, mktool: Mktool, campaign: Campaign) -> None:
        ran = mktool("send-campaign", str(campaign(people=0)))
        assert ran.code == 0
        assert "the list has no rows" in ran.err


def test_an_account_that_is_named_is_the_one_that_sends(mktool: Mktool, campaign: Campaign) -> None:
    run = mktool("send-campaign", str(campaign()), "--account", "work")
    assert run.code == 11
    assert "work" in run.err
