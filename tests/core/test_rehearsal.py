"""A dry run says what would be sent, and sends nothing."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import pytest

from mktool import errors as e
from mktool.core import rehearsal
from mktool.core.content import Content, media_from
from mktool.core.rehearsal import Rehearsal
from mktool.core.settings import Settings, ledger_path
from mktool.store.config import load
from tests import reports
from tests.box import Box, Sender

PNG = b"\x89PNG\r\n\x1a\n" + bytes(24)


def rehearse(provider: str, what: Content, **how: bool) -> Rehearsal:
    return rehearsal.post(Settings(load()), provider, "", what, **how)  # type: ignore[arg-type]


def test_leaves_nothing_behind() -> None:
    plan = rehearse("x", Content("hello"))
    assert (plan.connected, plan.lengths) == (False, ["5/280 weighted characters"])
    assert [r["json"] for r in plan.requests] == [{"text": "hello"}]
    assert not ledger_path().parent.exists()


def test_only_the_limits_of_what_is_asked(tmp_path: Path) -> None:
    def buckets(what: Content) -> set[str]:
        return {line.rpartition("(")[2].rstrip(")") for line in rehearse("x", what).allowed}

    assert buckets(Content("hello")) == {"post", "post, whole app"}
    (tmp_path / "cat.png").write_bytes(PNG)
    media = (media_from(f"{tmp_path / 'cat.png'}=A cat"),)
    assert buckets(Content("hello", media=media)) == {
        "post", "post, whole app", "upload", "append", "finalize", "describe",
    }  # fmt: skip


def test_a_thread_as_it_would_hang_together() -> None:
    plan = rehearse("x", Content("one\n---\ntwo\n---\nthree", thread=True))
    replies = [r["json"].get("reply") for r in plan.requests]
    assert replies[0] is None
    assert replies[1] != replies[2]  # each answers the one before it


def test_no_secret_and_no_call(box: Box) -> None:
    for provider in ("x", "slack", "linkedin"):
        plan = rehearse(provider, Content("hello"))
        assert plan.connected
        assert "sandbox-1" not in repr(asdict(plan))
    assert not box.sandbox.world.calls


def test_an_export_shows_the_limits_that_are_set_and_what_is_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MKTOOL_HUBSPOT_CALLS_PER_10S", "190")
    what = replace(reports.EXPORTS["usual"], extra={"contacts": "7"})
    plan = rehearsal.export(Settings(load()), "hubspot", "", what)
    assert "190 of 190 left in 10 s (*)" in plan.allowed
    assert plan.lengths == ["note", "tasks"]


def test_what_is_used_up_already(box: Box) -> None:
    Sender("x", box)("other")
    assert "99 of 100 left in 15 min (post)" in rehearse("x", Content("hello")).allowed


@pytest.mark.parametrize(
    ("again", "note"),
    [(False, "would be refused: the same content went out as act 1 (--again)"), (True, "")],
)
def test_what_would_be_refused(again: bool, note: str, box: Box) -> None:
    Sender("x", box)("hello")
    assert rehearse("x", Content("hello"), again=again).note == note


def test_what_would_go_on(box: Box) -> None:
    box.breaks("403@1:POST /2/tweets")
    Sender("x", box)("hello")
    assert rehearse("x", Content("hello")).note == "would go on with act 1, which is failed"


def test_what_the_provider_refuses(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MKTOOL_SLACK_BOT_TOKEN")
    monkeypatch.setenv("MKTOOL_SLACK_WEBHOOK_URL", f"{box.sandbox.url}/hooks/a/b/c")
    with pytest.raises(e.Unsupported, match="a webhook posts to its one channel"):
        rehearse("slack", Content("one\n---\ntwo", thread=True))
