"""`mktool post --at`, `schedule` and `run-due`, as cron and people use them."""

from __future__ import annotations

import pytest

from mktool.core.settings import ledger_path
from mktool.store.ledger import Ledger
from mktool.store.locks import lock_path, named_lock
from tests.box import Box
from tests.cli.conftest import Mktool

AT = ("--at", "2100-01-01T09:00 UTC")


def due(*, late: float = 1.0) -> None:
    """Let everything that is scheduled be due since ``late`` seconds."""
    ledger = Ledger(ledger_path())
    ledger.db.execute("update acts set due = ?", (ledger.clock() - late,))
    ledger.close()


def test_to_several(box: Box, mktool: Mktool) -> None:
    ran = mktool("post", "x", "slack", "--text", "hello", *AT)
    when = "Fri 2100-01-01 09:00 UTC+00:00"
    assert (ran.code, ran.rows) == (
        0, [["1", "x", "scheduled", when], ["2", "slack", "scheduled", when]],
    )  # fmt: skip
    assert "if `mktool run-due` runs then (cron)" in ran.err
    listed = mktool("schedule", "list", "--json")
    assert [(a["act"], a["text"], a["state"]) for a in listed.json["data"]] == [
        (1, "hello", "scheduled"), (2, "hello", "scheduled"),
    ]  # fmt: skip
    assert box.items == []


def test_all_are_checked_before_the_first_is_kept(
    box: Box, mktool: Mktool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MKTOOL_SLACK_BOT_TOKEN")
    ran = mktool("post", "x", "slack", "--text", "hello", *AT)
    assert (ran.code, "mktool authorize slack" in ran.err) == (11, True)
    assert mktool("schedule", "list").out == ""


def test_one_that_is_scheduled_already(box: Box, mktool: Mktool) -> None:
    mktool("post", "x", "--text", "hello", *AT)
    assert mktool("post", "x", "--text", "hello", *AT).rows[0][0] == "1"
    later = ("post", "x", "slack", "--text", "hello", "--at", "2100-01-02T09:00 UTC", "--json")
    ran = mktool(*later)
    assert (ran.code, ran.json["status"]) == (6, "partial")
    assert [a["provider"] for a in ran.json["data"]] == ["slack"]
    assert ran.json["errors"][0]["hint"] == "mktool schedule cancel 1, or --again"
    alone = mktool("post", "x", "--text", "hello", "--at", "2100-01-02T09:00 UTC")
    assert (alone.code, alone.out) == (14, "")


def test_cancelling(box: Box, mktool: Mktool) -> None:
    mktool("post", "x", "--text", "hello", *AT)
    assert mktool("schedule", "cancel", "1").out == "act 1 for x is cancelled\n"
    assert mktool("schedule", "list").err == "nothing is scheduled\n"
    assert mktool("schedule", "cancel", "1").code == 2
    due()
    assert mktool("run-due") == mktool("run-due", "--quiet")
    assert box.items == []


class TestRunDue:
    def test_sends_and_then_says_nothing(self, box: Box, mktool: Mktool) -> None:
        mktool("post", "x", "--text", "hello", *AT)
        assert mktool("run-due").out == ""
        due()
        assert mktool("run-due").rows[0][:3] == ["x", "done", "1/1"]
        ran = mktool("run-due", "--json")
        assert (ran.code, ran.json["data"], ran.json["status"]) == (0, [], "success")
        assert box.texts == ["hello"]

    def test_missed_is_said_once_and_sent_with_grace(self, box: Box, mktool: Mktool) -> None:
        mktool("post", "x", "--text", "hello", *AT)
        due(late=7200)
        ran = mktool("run-due")
        assert (ran.code, "was due 2 hours ago" in ran.err) == (6, True)
        assert (mktool("run-due").code, mktool("run-due").err) == (0, "")
        assert mktool("outbox").rows[0][2] == "missed"
        assert mktool("run-due", "--grace", "1d").code == 0
        assert box.texts == ["hello"]

    def test_what_passes_stays_scheduled_and_is_said_once(
        self, box: Box, mktool: Mktool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MKTOOL_MAX_WAIT", "0")
        mktool("post", "x", "--text", "hello", *AT)
        due()
        box.breaks("429=100%:POST /2/tweets")
        assert (mktool("run-due").code, mktool("run-due").code) == (6, 0)
        [row] = mktool("schedule", "list", "--json").json["data"]
        assert row["state"] == "scheduled"
        assert row["error"]

    def test_beside_another(self, box: Box, mktool: Mktool) -> None:
        mktool("post", "x", "--text", "hello", *AT)
        due()
        with named_lock(lock_path("run-due"), "mktool run-due"):
            ran = mktool("run-due")
        assert (ran.code, ran.out) == (0, "")
        assert "run-due is held by pid" in ran.err
        assert box.items == []

    def test_stopped_in_the_middle_tells_what_it_did(
        self, box: Box, mktool: Mktool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from mktool.core.settings import Settings
        from mktool.errors import Interrupted

        for text in ("one", "two"):
            mktool("post", "x", "--text", text, *AT)
        due()
        seen: list[int] = []

        def breathe(settings: Settings) -> None:
            seen.append(1)
            if len(box.items) == 1:
                raise Interrupted("stopped")

        monkeypatch.setattr(Settings, "breathe", breathe)
        ran = mktool("run-due", "--json")
        assert (ran.code, ran.json["status"], len(ran.json["data"])) == (130, "partial", 1)
        monkeypatch.undo()
        assert seen
