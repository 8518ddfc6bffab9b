"""Posts for later: kept, sent when due, missed when nobody came."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mktool import errors as e
from mktool.core import schedule
from mktool.core.acting import Published
from mktool.core.content import media_from
from mktool.core.settings import Settings
from mktool.model import Post
from mktool.store.acts import Act, Acts, Wanted
from mktool.store.config import load
from mktool.store.ledger import Ledger
from mktool.store.locks import lock_path, named_lock
from mktool.store.paths import data_dir
from tests.box import Box, Sender

PNG = b"\x89PNG\r\n\x1a\n" + bytes(24)
HOOKS = "POST /2/tweets"
HOUR = 3600.0


@pytest.fixture
def x(box: Box) -> Sender:
    return Sender("x", box)


def add(x: Sender, *texts: str, after: float = HOUR, **how: Any) -> Act:
    """Schedule texts so many seconds from now."""
    return later(x, [Post(text) for text in texts], after=after, **how)


def later(x: Sender, posts: list[Post], *, after: float = HOUR, **how: Any) -> Act:
    session = x.open()
    how = {"due": round(x.box.clock() + after), "key": None, "again": False, **how}
    try:
        return schedule.add(session, posts, zone="then", **how)
    finally:
        session.close()


def run(grace: float = HOUR) -> list[tuple[Published, bool]]:
    return list(schedule.run_due(Settings(load()), grace, lambda text: None))


def due(ledger: Ledger, id: int = 1, *, late: float = 1.0) -> None:
    """Let an act be due since ``late`` seconds."""
    ledger.db.execute("update acts set due = ? where id = ?", (ledger.clock() - late, id))


def state(ledger: Ledger, id: int = 1) -> str:
    return Acts(ledger).get(id).state


class TestAdding:
    def test_is_kept_and_listed(self, x: Sender, ledger: Ledger) -> None:
        second, first = add(x, "second", after=2 * HOUR), add(x, "first")
        assert (first.state, first.zone) == ("scheduled", "then")
        assert [act.id for act in schedule.listed(ledger)] == [first.id, second.id]
        assert x.box.items == []

    def test_twice_for_the_same_moment_is_one(self, x: Sender) -> None:
        moment = round(x.box.clock() + HOUR)
        assert add(x, "hello", due=moment).id == add(x, "hello", due=moment).id

    def test_at_another_moment_is_refused_unless_again(self, x: Sender) -> None:
        first = add(x, "hello")
        with pytest.raises(e.Duplicate) as caught:
            add(x, "hello", after=2 * HOUR)
        assert f"mktool schedule cancel {first.id}, or --again" in caught.value.hint
        assert add(x, "hello", after=2 * HOUR, again=True).id != first.id

    def test_what_is_out_is_refused(self, x: Sender) -> None:
        assert x("hello").state == "done"
        with pytest.raises(e.Duplicate, match="is done"):
            add(x, "hello")
        assert add(x, "hello", again=True).state == "scheduled"

    def test_what_is_scheduled_is_not_posted_now(self, x: Sender) -> None:
        add(x, "hello")
        refused = x("hello")
        assert refused.state == "duplicate"
        assert refused.error is not None
        assert "is scheduled with this content" in refused.error.message

    def test_what_failed_is_scheduled_anew(self, x: Sender, ledger: Ledger) -> None:
        x.box.breaks(f"403@2:{HOOKS}")
        broken = x("one", "two")
        x.box.breaks()
        act = add(x, "one", "two")
        assert (act.id, act.state) == (broken.act, "scheduled")
        due(ledger)
        assert [(r.state, news) for r, news in run()] == [("done", True)]
        assert x.box.texts == ["one", "two"]

    def test_what_is_unknown_is_settled_first(self, box: Box) -> None:
        linkedin = Sender("linkedin", box)
        box.breaks("cut@1:POST /rest/posts")
        assert linkedin("hello").state == "unknown"
        with pytest.raises(e.Duplicate) as caught:
            add(linkedin, "hello")
        assert caught.value.hint == "mktool outbox"

    def test_under_a_key_it_is_scheduled_once(self, x: Sender) -> None:
        first = add(x, "hello", key="k")
        assert add(x, "hello", key="k", after=2 * HOUR) == first

    def test_under_the_key_of_one_that_failed(self, x: Sender) -> None:
        x.box.breaks(f"403@1:{HOOKS}")
        x("hello", key="k")
        with pytest.raises(e.Duplicate, match="has this key and is failed"):
            add(x, "other words", key="k")
        assert add(x, "hello", key="k").state == "scheduled"

    def test_a_provider_that_cannot_says_so_now(self, box: Box) -> None:
        slack = Sender("slack", box)
        with pytest.raises(e.InvalidInput):
            later(slack, [Post("hello", extra={"blocks": "no blocks"})])


class TestMedia:
    def test_are_copied(self, x: Sender, ledger: Ledger, tmp_path: Path) -> None:
        cat = tmp_path / "cat.png"
        cat.write_bytes(PNG)
        posts = [Post("look", media=(media_from(f"{cat}=A cat"),))]
        first = later(x, posts)
        later(x, posts, again=True, after=2 * HOUR)  # the same copy serves
        cat.unlink()
        copy = Path(first.content["posts"][0]["media"][0]["path"])
        assert (copy.name, copy.parent.parent) == ("cat.png", data_dir() / "media")
        due(ledger)
        assert run()[0][0].state == "done"
        assert [m.alt for m in x.box.items[0].media] == ["A cat"]

    def test_a_copy_goes_when_nobody_waits_for_it(
        self, x: Sender, ledger: Ledger, tmp_path: Path
    ) -> None:
        cat = tmp_path / "cat.png"
        cat.write_bytes(PNG)
        posts = [Post("look", media=(media_from(str(cat)),))]
        first = later(x, posts)
        second = later(x, posts, again=True, after=2 * HOUR)
        copy = Path(first.content["posts"][0]["media"][0]["path"])
        due(ledger)
        assert run()[0][0].state == "done"
        assert copy.exists()
        schedule.cancel(ledger, second.id)
        assert not copy.parent.exists()
        assert cat.exists()

    def test_a_copy_that_was_changed_is_not_sent(
        self, x: Sender, ledger: Ledger, tmp_path: Path
    ) -> None:
        cat = tmp_path / "cat.png"
        cat.write_bytes(PNG)
        act = later(x, [Post("look", media=(media_from(str(cat)),))])
        Path(act.content["posts"][0]["media"][0]["path"]).write_bytes(PNG + b"!")
        due(ledger)
        [(result, news)] = run()
        assert (result.state, news, state(ledger)) == ("failed", True, "failed")
        assert x.box.items == []


class TestRunning:
    def test_only_what_is_due(self, x: Sender, ledger: Ledger) -> None:
        add(x, "hello")
        assert run() == []
        due(ledger)
        [(result, news)] = run()
        assert (result.state, news, x.box.texts) == ("done", True, ["hello"])
        assert run() == []

    def test_the_oldest_first(self, x: Sender, ledger: Ledger) -> None:
        for number, (text, late) in enumerate((("c", 10), ("a", 30), ("b", 20)), start=1):
            add(x, text)
            due(ledger, number, late=late)
        run()
        assert x.box.texts == ["a", "b", "c"]

    def test_what_passes_is_tried_again_and_said_once(self, x: Sender, ledger: Ledger) -> None:
        add(x, "hello")
        due(ledger)
        x.box.breaks(f"429=100%:{HOOKS}")
        told = [run_without_waiting() for _ in range(2)]
        assert [[news for _, news in results] for results in told] == [[True], [False]]
        assert state(ledger) == "scheduled"
        x.box.breaks()
        ledger.db.execute("delete from limits")
        assert run()[0][0].state == "done"
        assert x.box.texts == ["hello"]

    def test_a_missing_login_is_said_once_and_the_post_kept(
        self, x: Sender, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        add(x, "hello")
        due(ledger)
        monkeypatch.delenv("MKTOOL_X_ACCESS_TOKEN")
        assert [news for _, news in [*run(), *run()]] == [True, False]
        assert state(ledger) == "scheduled"

    def test_what_nobody_can_mend_by_waiting_is_over(self, x: Sender, ledger: Ledger) -> None:
        add(x, "hello")
        due(ledger)
        x.box.breaks(f"403@1:{HOOKS}")
        [(result, news)] = run()
        assert (result.state, news, state(ledger)) == ("failed", True, "failed")
        assert Acts(ledger).get(1).error
        assert run() == []

    def test_a_provider_that_is_gone_leaves_the_others(self, x: Sender, ledger: Ledger) -> None:
        add(x, "one")
        add(x, "two")
        ledger.db.execute("update acts set provider = 'gone' where id = 1")
        due(ledger, 1, late=9)
        due(ledger, 2)
        assert [r.state for r, _ in run()] == ["failed", "done"]
        assert x.box.texts == ["two"]

    def test_what_is_unknown_is_left_to_a_person(self, box: Box, ledger: Ledger) -> None:
        add(Sender("linkedin", box), "hello")
        due(ledger)
        box.breaks("cut@1:POST /rest/posts")
        [(result, news)] = run()
        assert (result.state, news, state(ledger)) == ("unknown", True, "unknown")
        assert run() == []

    def test_a_killed_run_is_gone_on_with(self, x: Sender, ledger: Ledger) -> None:
        add(x, "hello")
        due(ledger)
        Acts(ledger).mark(1, "open")
        assert run()[0][0].state == "done"
        assert x.box.texts == ["hello"]

    def test_one_that_was_cancelled_meanwhile_stays_so(self, x: Sender, ledger: Ledger) -> None:
        add(x, "one")
        add(x, "two")
        due(ledger, 1, late=9)
        due(ledger, 2)
        results = schedule.run_due(Settings(load()), HOUR, lambda text: None)
        assert next(results)[0].state == "done"
        schedule.cancel(ledger, 2)
        assert [r.state for r, _ in results] == ["duplicate"]
        assert (state(ledger, 2), x.box.texts) == ("cancelled", ["one"])

    def test_a_campaign_that_was_cancelled_meanwhile_stays_so(
        self, x: Sender, ledger: Ledger
    ) -> None:
        add(x, "one")
        due(ledger, 1, late=9)
        wanted = Wanted("campaign", "x", "default", "launch", "", {}, ledger.clock() - 1)
        launch = Acts(ledger).open(wanted)
        results = schedule.run_due(Settings(load()), HOUR, lambda text: None)
        assert next(results)[0].state == "done"
        Acts(ledger).mark(launch.id, "cancelled")
        short = hashlib.sha256(b"launch").hexdigest()[:16]
        with named_lock(lock_path(f"campaign-{short}"), "mktool send-campaign"):
            [(result, news)] = results
        assert (result.error, news) == (None, False)  # another process is at work on it
        assert state(ledger, launch.id) == "cancelled"

    def test_one_run_at_a_time(self, x: Sender) -> None:
        path = lock_path("run-due")
        with named_lock(path, "mktool run-due"), pytest.raises(e.Busy, match=r"held by pid \d+"):
            run()


def run_without_waiting() -> list[tuple[Published, bool]]:
    config = load()
    settings = Settings(replace(config, environ={**config.environ, "MKTOOL_MAX_WAIT": "0"}))
    return list(schedule.run_due(settings, HOUR, lambda text: None))


class TestMissing:
    def test_is_said_once(self, x: Sender, ledger: Ledger) -> None:
        add(x, "hello")
        due(ledger, late=2 * HOUR)
        [(result, news)] = run()
        assert (news, state(ledger), x.box.items) == (True, "missed", [])
        assert result.error is not None
        assert "was due 2 hours ago" in result.error.message
        assert "mktool run-due --grace 3h" in result.error.hint
        assert run() == []
        assert [act.state for act in schedule.listed(ledger)] == ["missed"]

    def test_is_sent_with_a_larger_grace(self, x: Sender, ledger: Ledger) -> None:
        add(x, "hello")
        due(ledger, late=2 * HOUR)
        run()
        assert run(3 * HOUR)[0][0].state == "done"
        assert x.box.texts == ["hello"]

    def test_does_not_go_out_beside_the_same_post(self, x: Sender, ledger: Ledger) -> None:
        add(x, "hello")
        due(ledger, late=2 * HOUR)
        run()
        assert x("hello").state == "duplicate"
        run(3 * HOUR)
        assert x.box.texts == ["hello"]

    def test_half_out_is_a_failure(self, x: Sender, ledger: Ledger) -> None:
        add(x, "one", "two")
        due(ledger)
        x.box.breaks(f"500@2:{HOOKS}")
        Acts(ledger).start(1, 1)
        due(ledger, late=2 * HOUR)
        run()
        assert state(ledger) == "failed"


class TestCancelling:
    def test_it_is_not_sent(self, x: Sender, ledger: Ledger) -> None:
        act = add(x, "hello")
        assert schedule.cancel(ledger, act.id).state == "cancelled"
        due(ledger)
        assert run() == []
        assert schedule.listed(ledger) == []
        assert add(x, "hello").id != act.id

    def test_what_is_missed(self, x: Sender, ledger: Ledger) -> None:
        add(x, "hello")
        due(ledger, late=2 * HOUR)
        run()
        assert schedule.cancel(ledger, 1).state == "cancelled"
        assert x("hello").state == "done"

    def test_what_is_not_waiting(self, x: Sender, ledger: Ledger) -> None:
        x("hello")
        with pytest.raises(e.InvalidInput, match="act 1 is done, not scheduled"):
            schedule.cancel(ledger, 1)
        with pytest.raises(e.InvalidInput, match="there is no act 99"):
            schedule.cancel(ledger, 99)
