"""`mktool post`, to one provider and to several."""

from __future__ import annotations

import io
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.box import Box
from tests.cli.conftest import Mktool

PNG = b"\x89PNG\r\n\x1a\n" + bytes(24)
HOOKS = "POST /2/tweets"


class TestOne:
    def test_piped(self, box: Box, mktool: Mktool) -> None:
        ran = mktool("post", "x", "--text", "hello")
        url = f"https://x.com/i/web/status/{box.items[0].id}"
        assert (ran.code, ran.rows, ran.err) == (0, [["x", "done", "1/1", url]], "")

    def test_json(self, box: Box, mktool: Mktool) -> None:
        ran = mktool("post", "x", "--text", "hello", "--json")
        id = box.items[0].id
        assert ran.code == 0
        assert ran.json == {
            "version": 1, "command": "post", "status": "success",
            "data": [{
                "provider": "x", "account": "default", "act": 1, "state": "done",
                "repeated": False, "parts": 1, "sent": 1, "error": None,
                "posts": [{"id": id, "url": f"https://x.com/i/web/status/{id}"}],
            }],
            "errors": [],
        }  # fmt: skip

    def test_a_duplicate(self, box: Box, mktool: Mktool) -> None:
        mktool("post", "x", "--text", "hello")
        ran = mktool("post", "twitter", "--text", "hello")
        assert (ran.code, ran.rows) == (14, [["x", "duplicate", "0/1", ""]])
        assert "the same content went out as act 1 https://x.com/" in ran.err
        assert "next: to publish it once more: --again" in ran.err
        ran = mktool("post", "x", "--text", "hello", "--json")
        assert (ran.code, ran.json["status"]) == (14, "error")
        assert ran.json["errors"][0]["code"] == "duplicate"
        assert ran.json["errors"][0]["provider"] == "x"

    def test_a_key(self, box: Box, mktool: Mktool) -> None:
        first = mktool("post", "x", "--text", "hello", "--key", "k", "--json")
        second = mktool("post", "x", "--text", "hello", "--key", "k", "--json")
        assert (second.code, second.json["data"][0]["repeated"]) == (0, True)
        assert second.json["data"][0]["posts"] == first.json["data"][0]["posts"]
        assert (
            "published before, under this key"
            in mktool("post", "x", "--text", "hello", "--key", "k").out
        )
        assert box.texts == ["hello"]

    def test_a_thread_that_breaks_and_goes_on(self, box: Box, mktool: Mktool) -> None:
        line = ("post", "x", "--thread", "--text", "one\n---\ntwo\n---\nthree")
        box.breaks(f"403@2:{HOOKS}")
        ran = mktool(*line, "--json")
        assert (ran.code, ran.json["status"]) == (6, "partial")
        assert (ran.json["data"][0]["state"], ran.json["data"][0]["sent"]) == ("partial", 1)
        box.breaks()
        assert mktool(*line).code == 0
        assert box.texts == ["one", "two", "three"]

    def test_a_lost_answer_is_found(self, box: Box, mktool: Mktool) -> None:
        box.breaks(f"cut@1:{HOOKS}")
        ran = mktool("post", "x", "--text", "hello")
        assert (ran.code, box.texts, box.calls("/2/tweets")) == (0, ["hello"], 1)
        assert "looking for it" in ran.err

    def test_an_unknown_outcome_until_it_is_settled(self, box: Box, mktool: Mktool) -> None:
        line = ("post", "linkedin", "--text", "hello")
        box.breaks("cut@1:POST /rest/posts")
        assert mktool(*line).rows == [["linkedin", "unknown", "0/1", ""]]
        ran = mktool(*line)
        assert (ran.code, box.calls("/rest/posts")) == (18, 1)
        assert "mktool settle 1 --sent, or --not-sent" in ran.err
        [row] = mktool("outbox").rows
        assert row[:4] == ["1", "linkedin", "unknown", "0/1"]
        assert mktool("settle", "1", "--sent").out == "act 1 is now done\n"
        assert mktool("outbox").out == ""
        assert mktool(*line).code == 14


class TestSeveral:
    def test_one_that_fails_stops_no_other(self, box: Box, mktool: Mktool) -> None:
        box.breaks("403@1:POST /rest/posts")
        ran = mktool("post", "x", "linkedin", "slack", "--text", "hello")
        assert ran.code == 6
        assert [row[:3] for row in ran.rows] == [
            ["x", "done", "1/1"], ["linkedin", "failed", "0/1"], ["slack", "done", "1/1"],
        ]  # fmt: skip
        assert ran.err.startswith("error: linkedin post (403)")
        assert sorted(item.vendor for item in box.items) == ["slack", "x"]
        box.breaks()
        again = mktool("post", "x", "linkedin", "slack", "--text", "hello", "--json")
        assert [row["state"] for row in again.json["data"]] == ["duplicate", "done", "duplicate"]
        assert [row["error"] for row in again.json["data"]] == ["duplicate", None, "duplicate"]
        assert (again.code, again.json["status"]) == (6, "partial")

    def test_one_that_is_not_connected(
        self, box: Box, mktool: Mktool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("MKTOOL_LINKEDIN_ACCESS_TOKEN")
        ran = mktool("post", "x", "linkedin", "--text", "hello")
        assert ran.code == 6
        assert "next: mktool authorize linkedin" in ran.err
        assert box.texts == ["hello"]

    def test_a_bug_in_one_stops_no_other(
        self, box: Box, mktool: Mktool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from mktool.providers.slack import Slack

        def broken(*anything: object) -> None:
            raise KeyError("xoxb-a-value-nobody-may-see")

        monkeypatch.setattr(Slack, "post", broken)
        ran = mktool("post", "x", "slack", "--text", "hello")
        assert (ran.code, [row[1] for row in ran.rows]) == (6, ["done", "failed"])
        assert "a bug in mktool: KeyError at publish.py:" in ran.err
        assert "nobody-may-see" not in ran.err

    def test_everything_is_checked_before_the_first_is_sent(
        self, box: Box, mktool: Mktool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert mktool("post", "slack", "linkedin", "x", "--text", "a" * 281).code == 2
        assert mktool("post", "x", "slack", "--text", "hi", "--set", "blocks=none").code == 2
        monkeypatch.delenv("MKTOOL_SLACK_BOT_TOKEN")
        monkeypatch.setenv("MKTOOL_SLACK_WEBHOOK_URL", f"{box.sandbox.url}/hooks/a/b/c")
        ran = mktool("post", "x", "slack", "--thread", "--text", "one\n---\ntwo")
        assert (ran.code, "error: Slack: a webhook posts to" in ran.err) == (5, True)
        assert not box.sandbox.world.calls

    def test_the_same_account_twice_is_one(self, box: Box, mktool: Mktool) -> None:
        ran = mktool("post", "x", "twitter", "x:default", "--text", "hello")
        assert (ran.code, len(ran.rows)) == (0, 1)


class TestTheText:
    def test_from_a_file(self, box: Box, mktool: Mktool, tmp_path: Path) -> None:
        file = tmp_path / "post.txt"
        file.write_bytes("Grüße\r\n".encode("utf-16"))
        assert mktool("post", "x", "--file", str(file)).code == 0
        assert box.texts == ["Grüße"]

    @pytest.mark.parametrize("line", [("post", "x", "-"), ("post", "x", "--file", "-")])
    def test_from_stdin(
        self, line: tuple[str, ...], box: Box, mktool: Mktool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("Grüße\n".encode())))
        assert mktool(*line).code == 0
        assert box.texts == ["Grüße"]

    @pytest.mark.parametrize("text", ["--json", "-v", "--help", "--account=me"])
    def test_that_looks_like_an_option(self, text: str, box: Box, mktool: Mktool) -> None:
        assert mktool("post", "x", "--text", text).code == 0
        assert box.texts == [text]

    def test_media_and_link(self, box: Box, mktool: Mktool, tmp_path: Path) -> None:
        (tmp_path / "a=b.png").write_bytes(PNG)
        argument = f"{tmp_path / 'a=b.png'}=A cat, 1=1"
        ran = mktool(
            "post", "x", "--text", "look", "--media", argument, "--link", "https://a.example"
        )
        assert ran.code == 0, ran.err
        [item] = box.items
        assert item.text == "look\n\nhttps://a.example"
        assert [m.alt for m in item.media] == ["A cat, 1=1"]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ((), "Missing argument"),
        (("x",), "there is nothing to publish"),
        (("x", "--text", ""), "there is nothing to publish"),
        (("-",), "which provider?"),
        (("x", "--text", "a", "--file", "b"), "one text at a time"),
        (("x", "--text", "a\0b"), "control character (U+0000)"),
        (("x", "--text", "a", "--set", "novalue"), "is not K=V"),
        (("x", "--text", "a", "--set", "=1"), "is not K=V"),
        (("x", "--text", "a", "--key", ""), "--key takes 1 to 200 characters"),
        (("x", "--text", "a", "--key", "k" * 201), "--key takes 1 to 200 characters"),
        (("x", "--text", "a", "--at", ""), "is not a time"),
        (("x", "--text", "a", "--at", "yesterday"), "is not a time"),
        (("x", "--text", "a", "--at", "2020-01-01T00:00"), "is in the past"),
        (("x", "--text", "a", "--at", "yesterday", "--dry-run"), "is not a time"),
        (("x", "--text", "a", "--link", "a.example"), "is not a web address"),
        (("x", "--text", "a", "--media", "/nowhere/cat.png"), "No such file"),
        (("x", "--file", "/nowhere/post.txt"), "No such file"),
        (("x", "--text", "a" * 281), "281 weighted characters long, 280 fit"),
        (("lnkedin", "--text", "a"), "unknown provider 'lnkedin'"),
        (("x", "It is here"), "a text stands after --text"),
        (("x", "--text", "a", "--nonsense"), "No such option"),
        (("x", "--text", "\udcff"), "argument 4 is not UTF-8 text"),
    ],
)
def test_bad_input_sends_nothing(
    line: tuple[str, ...], says: str, box: Box, mktool: Mktool
) -> None:
    ran = mktool("post", *line)
    assert (ran.code, ran.out) == (2, "")
    assert says in ran.err
    assert not box.sandbox.world.calls
    told = mktool("post", *line, "--json")
    assert (told.code, told.json["status"], told.json["data"]) == (2, "error", None)
    assert told.json["errors"][0]["code"] == "invalid_input"


def test_a_misspelt_provider_is_helped(mktool: Mktool) -> None:
    assert "next: did you mean linkedin?" in mktool("post", "lnkedin", "--text", "a").err
    assert "next: did you mean twitter?" in mktool("post", "twiter", "--text", "a").err


def test_somebody_new_is_told_to_log_in(mktool: Mktool) -> None:
    ran = mktool("post", "x", "--text", "a")
    assert ran.code == 11
    assert ran.err.startswith("error: X is not connected: nothing in ")
    assert ran.err.endswith("\n  next: mktool authorize x\n")
    assert all(v in ran.err for v in ("accounts.json", "$MKTOOL_X_ACCESS_TOKEN", "$X_ACCESS_TOKEN"))


class TestDryRun:
    def test_shows_and_sends_nothing(self, box: Box, mktool: Mktool) -> None:
        ran = mktool("post", "x", "slack", "--text", "hello", "--dry-run")
        assert ran.code == 0
        assert ran.err == "nothing was sent\n"
        assert "/2/tweets" in ran.out
        assert '{"text": "hello"}' in ran.out
        assert "***" in ran.out
        assert not {"sandbox-x", "xoxb-sandbox-1"} & set(ran.out.split())
        assert not box.sandbox.world.calls

    def test_in_json(self, box: Box, mktool: Mktool) -> None:
        ran = mktool("post", "x", "--thread", "--text", "one\n---\ntwo", "--dry-run", "--json")
        [plan] = ran.json["data"]["plans"]
        assert ran.json["data"]["sent"] is False
        assert [r["json"]["text"] for r in plan["requests"]] == ["one", "two"]
        assert plan["lengths"] == ["3/280 weighted characters"] * 2
        assert plan["price"] == pytest.approx(0.03)
        assert plan["connected"] is True

    def test_says_what_would_be_refused(self, box: Box, mktool: Mktool) -> None:
        mktool("post", "x", "--text", "hello", "--key", "k")
        mktool("post", "slack", "--text", "hello")
        line = ("--text", "hello", "--dry-run")
        assert "went out as act 2 (--again)" in mktool("post", "slack", *line).out
        assert "went out as" not in mktool("post", "slack", *line, "--again").out
        assert "went out under this key" in mktool("post", "x", *line, "--key", "k").out


class TestCtrlC:
    """A real process, a real terminal's signal, and a sandbox that takes its time."""

    def start(self, *argv: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "mktool", *argv],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    LINE = ("post", "x", "--thread", "--text", "one\n---\ntwo\n---\nthree")

    def test_once_finishes_what_is_on_the_wire(self, box: Box, mktool: Mktool) -> None:
        box.breaks("slow=1s")
        child = self.start(*self.LINE)
        until(lambda: box.arriving)
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=30)
        assert child.returncode == 130, err
        assert "\tpartial\t1/3\t" in out
        assert "stopped; what had gone out is on record" in err
        assert box.texts == ["one"]
        box.breaks()
        assert mktool(*self.LINE).code == 0
        assert box.texts == ["one", "two", "three"]

    def test_twice_stops_at_once(self, box: Box, mktool: Mktool) -> None:
        box.breaks("slow=3s")
        child = self.start(*self.LINE)
        until(lambda: box.arriving)
        begun = time.monotonic()
        child.send_signal(signal.SIGINT)
        time.sleep(0.5)
        child.send_signal(signal.SIGINT)
        _, err = child.communicate(timeout=30)
        assert (child.returncode, time.monotonic() - begun < 2.5) == (130, True), err
        assert "Traceback" not in err
        box.breaks()
        assert mktool(*self.LINE).code == 0
        assert box.texts == ["one", "two", "three"]


def until(true: object, seconds: float = 15.0) -> None:
    assert callable(true)
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)
