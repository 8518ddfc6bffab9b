"""`mktool log`, `stats`, `limits`, `outbox` and `settle`."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest

from mktool.core.settings import ledger_path
from mktool.store.ledger import Ledger
from mktool.store.locks import lock, lock_path
from tests.box import Box
from tests.cli.conftest import Mktool


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("log", "no call is on record"),
        ("stats", "no call in the last 24h"),
        ("limits", "no limit has been touched"),
        ("outbox", "nothing is waiting"),
    ],
)
def test_nothing_yet(command: str, says: str, mktool: Mktool) -> None:
    ran = mktool(command)
    assert (ran.code, ran.out, ran.err) == (0, "", f"{says}\n")
    assert mktool(command, "--json").json["data"] == []


class TestLog:
    def test_the_calls_without_their_content(self, box: Box, mktool: Mktool) -> None:
        mktool("post", "x", "--text", "hello")
        [row] = mktool("log").rows
        assert row[1:5] == ["x", "post", "201", "ok"]
        assert row[6] == "POST /api.x.com/2/tweets"
        [call] = mktool("log", "--json").json["data"]
        assert (call["operation"], call["status"], call["act"], call["part"]) == ("post", 201, 1, 1)
        assert "hello" not in json.dumps(call)

    def test_filters(self, box: Box, mktool: Mktool) -> None:
        mktool("post", "x", "slack", "--text", "hello")
        box.breaks("cut@1:POST /rest/posts")
        mktool("post", "linkedin", "--text", "hello")
        count = len(mktool("log").rows)
        assert [r[1] for r in mktool("log", "--provider", "twitter").rows] == ["x"]
        assert [r[1] for r in mktool("log", "--outcome", "unknown").rows] == ["linkedin"]
        assert {r[1] for r in mktool("log", "--operation", "post").rows} == {"x", "linkedin"}
        assert [r[1] for r in mktool("log", "--act", "1", "-n", "1").rows] != []
        assert mktool("log", "--account", "work").rows == []
        assert len(mktool("log", "--since", "1h").rows) == count
        assert len(mktool("log", "-n", "1").rows) == 1
        assert mktool("log", "--provider", "nobody").code == 2
        assert mktool("log", "--outcome", "nonsense").code == 2

    def test_following(self, box: Box, mktool: Mktool) -> None:
        mktool("post", "x", "--text", "one")
        child = subprocess.Popen(
            [sys.executable, "-m", "mktool", "log", "--follow", "--json"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert child.stdout is not None
        assert json.loads(child.stdout.readline())["act"] == 1
        mktool("post", "x", "--text", "two")
        assert json.loads(child.stdout.readline())["act"] == 2
        child.send_signal(2)
        _, err = child.communicate(timeout=20)
        assert (child.returncode, err) == (130, "")


def test_stats(box: Box, mktool: Mktool) -> None:
    mktool("post", "x", "--text", "hello")
    box.breaks("403@1:POST /2/tweets")
    mktool("post", "x", "--text", "again")
    [row] = mktool("stats").rows
    assert row[:4] == ["x", "post", "2", "50%"]
    assert row[6] == "1 forbidden"
    [data] = mktool("stats", "--json").json["data"]
    assert (data["calls"], data["ok"], data["success"]) == (2, 1, 0.5)
    assert mktool("stats", "--since", "soon").code == 2


def test_limits(box: Box, mktool: Mktool) -> None:
    mktool("post", "x", "--text", "hello")
    rows = {(r[2], r[3], r[7]): r for r in mktool("limits").rows}
    counted = rows[("post", "100/15 min", "counted")]
    assert (counted[4], counted[5]) == ("1", "99")
    assert any(source == "vendor" for _, _, source in rows)
    data = mktool("limits", "--json").json["data"]
    assert all(u["left"] == max(u["quota"] - u["used"], 0) for u in data)


class TestSettling:
    @pytest.fixture(autouse=True)
    def _lost(self, box: Box, mktool: Mktool) -> None:
        box.breaks("cut@1:POST /rest/posts")
        assert mktool("post", "linkedin", "--thread", "--text", "one\n---\ntwo").code == 18

    def test_the_outbox_says_what_to_do(self, mktool: Mktool) -> None:
        [row] = mktool("outbox", "--json").json["data"]
        assert (row["act"], row["state"], row["sent"], row["parts"]) == (1, "unknown", 0, 2)
        assert row["next"] == "look there, then mktool settle 1 --sent | --not-sent"

    def test_sent_with_its_id(self, box: Box, mktool: Mktool) -> None:
        ran = mktool("settle", "1", "--sent")
        assert (ran.code, "part 1 of 2 needs its id" in ran.err) == (2, True)
        ran = mktool("settle", "1", "--sent", "--id", box.items[0].id)
        assert ran.out == "act 1 is now failed; run the same command again to go on\n"
        assert mktool("post", "linkedin", "--thread", "--text", "one\n---\ntwo").code == 0
        assert box.texts == ["one", "two"]

    def test_not_sent(self, box: Box, mktool: Mktool) -> None:
        assert mktool("settle", "1", "--not-sent", "--json").json["data"] == {
            "act": 1, "state": "failed",
        }  # fmt: skip
        assert mktool("settle", "1", "--not-sent").code == 2

    @pytest.mark.parametrize(
        ("line", "says"),
        [
            (("settle", "1"), "did it go out?"),
            (("settle", "9", "--sent"), "there is no act 9"),
            (("settle", "one", "--sent"), "not a valid int"),
            (("settle", "99999999999999999999", "--sent"), "64 bits"),
        ],
    )
    def test_what_cannot_be(self, line: tuple[str, ...], says: str, mktool: Mktool) -> None:
        ran = mktool(*line)
        assert (ran.code, says in ran.err) == (2, True)

    def test_not_while_another_is_at_work(
        self, mktool: Mktool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from mktool.core import outbox

        monkeypatch.setattr(outbox, "LOCK_SECONDS", 0.1)
        with lock(lock_path("post-linkedin:default"), 0):
            ran = mktool("settle", "1", "--not-sent")
        assert (ran.code, "another mktool process" in ran.err) == (3, True)


def test_a_ledger_that_is_busy_for_a_moment(box: Box, mktool: Mktool) -> None:
    mktool("post", "x", "--text", "hello")
    ledger = Ledger(ledger_path())
    ledger.db.execute("begin immediate")
    begun = time.monotonic()
    assert mktool("log").code == 0  # reading waits for nobody
    assert time.monotonic() - begun < 5
    ledger.db.execute("rollback")
    ledger.close()
