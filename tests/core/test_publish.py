"""Nothing goes out twice and nothing is lost, whatever happens on the way."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mktool import errors as e
from mktool import providers
from mktool.capability import CanSettle
from mktool.core import outbox
from mktool.core.settings import ledger_path
from mktool.model import Post
from mktool.store.acts import Act, Acts
from mktool.store.ledger import Ledger
from tests.box import Box, Sender

TWEETS, HOOKS = "/2/tweets", "POST /2/tweets"


@pytest.fixture
def x(box: Box) -> Sender:
    return Sender("x", box)


@pytest.fixture
def slack(box: Box) -> Sender:
    return Sender("slack", box)


@pytest.fixture
def linkedin(box: Box) -> Sender:
    return Sender("linkedin", box)


def act(ledger: Ledger, id: int = 1) -> Act:
    return Acts(ledger).get(id)


def test_a_post(box: Box, x: Sender, ledger: Ledger) -> None:
    done = x("hello")
    assert (done.state, done.error, done.total, len(done.posted)) == ("done", None, 1, 1)
    assert box.texts == ["hello"]
    assert done.posted[0].url == f"https://x.com/i/web/status/{done.posted[0].id}"
    assert act(ledger, done.act).state == "done"
    assert Acts(ledger).parts(done.act)[1].posted == done.posted[0]


def test_a_thread_hangs_together(box: Box, x: Sender) -> None:
    assert x("one", "two", "three").state == "done"
    one, two, three = box.items
    assert [item.text for item in (one, two, three)] == ["one", "two", "three"]
    assert (one.parent, two.parent, three.parent) == ("", one.id, two.id)


class TestALostAnswer:
    def test_that_a_look_up_misses_is_found_when_the_copy_is_refused(
        self, box: Box, x: Sender, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        cls = providers.load("x")
        assert issubclass(cls, CanSettle)
        real = cls.settle

        def slow_to_show(self: Any, post: Post, since: float, known: frozenset[str]) -> Any:
            """A vendor whose lists lag behind: it shows the item after the second attempt."""
            return real(self, post, since, known) if box.calls(TWEETS) > 1 else None

        monkeypatch.setattr(cls, "settle", slow_to_show)
        box.breaks(f"cut@1:{HOOKS}")
        done = x("hello")
        assert (done.state, box.calls(TWEETS)) == ("done", 2)
        assert [item.id for item in box.items] == [done.posted[0].id]

    def test_is_looked_up_and_found(self, box: Box, x: Sender, ledger: Ledger) -> None:
        box.breaks(f"cut@1:{HOOKS}")
        done = x("hello")
        assert done.state == "done"
        assert done.posted[0].id == box.items[0].id
        assert (box.texts, box.calls(TWEETS)) == (["hello"], 1)
        assert box.ahead == 0
        assert [said.endswith("; looking for it") for said in x.said] == [True]
        assert not any(part.in_doubt for part in Acts(ledger).parts(done.act).values())

    @pytest.mark.parametrize("wrong", [-3600.0, 3600.0])
    def test_is_found_though_our_clock_is_wrong(
        self, box: Box, x: Sender, slack: Sender, wrong: float
    ) -> None:
        box.ahead = wrong
        box.breaks(f"cut@1:{HOOKS},cut@1:POST /api/chat.postMessage")
        assert (x("hello").state, slack("hello").state) == ("done", "done")
        assert box.texts == ["hello", "hello"]

    def test_in_the_middle_of_a_thread(self, box: Box, x: Sender) -> None:
        box.breaks(f"cut@2:{HOOKS}")
        assert x("one", "two", "three").state == "done"
        assert box.texts == ["one", "two", "three"]
        assert [item.parent for item in box.items] == ["", box.items[0].id, box.items[1].id]

    def test_is_not_taken_for_an_earlier_post_of_the_same_words(
        self, box: Box, slack: Sender
    ) -> None:
        assert slack("same").state == "done"
        box.breaks("drop@1:POST /api/chat.postMessage")
        assert slack("same", again=True).state == "done"
        assert box.texts == ["same", "same"]
        assert box.calls("/api/chat.postMessage") == 3


class TestADroppedRequest:
    def test_is_sent_again_once_its_absence_is_proven(self, box: Box, x: Sender) -> None:
        box.breaks(f"drop@1:{HOOKS}")
        done = x("hello")
        assert (done.state, box.texts, box.calls(TWEETS)) == ("done", ["hello"], 2)
        # The request may have reached the vendor as long as its timeout ran.
        assert box.ahead == pytest.approx(20.0, abs=1.0)

    def test_is_given_up_after_three(self, box: Box, x: Sender, ledger: Ledger) -> None:
        box.breaks(f"drop=100%:{HOOKS}")
        done = x("hello")
        assert isinstance(done.error, e.Unavailable)
        assert (done.state, box.texts, box.calls(TWEETS)) == ("failed", [], 3)
        assert act(ledger).state == "failed"
        box.breaks()
        assert x("hello").act == done.act
        assert box.texts == ["hello"]

    def test_is_unknown_while_the_vendor_cannot_be_asked(self, box: Box, x: Sender) -> None:
        box.breaks(f"drop@1:{HOOKS},503=100%:GET /2/users/*")
        done = x("hello")
        assert done.state == "unknown"
        assert isinstance(done.error, e.OutcomeUnknown)
        assert "it could not be looked up" in done.error.message
        box.breaks()
        assert x("hello").act == done.act
        assert (box.texts, box.calls(TWEETS)) == (["hello"], 2)


class TestAVendorThatCannotBeAsked:
    @pytest.fixture
    def lost(self, box: Box, linkedin: Sender) -> Any:
        box.breaks("cut@1:POST /rest/posts")
        lost = linkedin("hello")
        assert lost.state == "unknown"
        assert box.calls("/rest/posts") == 1
        return lost

    def test_is_never_sent_again_by_itself(self, lost: Any, box: Box, linkedin: Sender) -> None:
        again = linkedin("hello")
        assert (again.state, again.act) == ("unknown", lost.act)
        assert again.error is not None
        assert again.error.exit_code == 18
        assert again.error.hint.endswith(f"mktool settle {lost.act} --sent, or --not-sent")
        assert box.texts == ["hello"]

    def test_waits_in_the_outbox(self, lost: Any, ledger: Ledger) -> None:
        [(waiting, sent)] = outbox.waiting(ledger)
        assert (waiting.id, waiting.state, sent) == (lost.act, "unknown", 0)

    def test_settled_as_sent(self, lost: Any, box: Box, linkedin: Sender, ledger: Ledger) -> None:
        assert outbox.settle(ledger, lost.act, sent=True).state == "done"
        assert outbox.waiting(ledger) == []
        assert linkedin("hello").state == "duplicate"
        assert box.texts == ["hello"]

    def test_settled_as_not_sent(
        self, lost: Any, box: Box, linkedin: Sender, ledger: Ledger
    ) -> None:
        assert outbox.settle(ledger, lost.act, sent=False).state == "failed"
        again = linkedin("hello")  # the person was wrong, and the vendor says so
        assert (again.act, again.state) == (lost.act, "duplicate")
        assert (box.texts, box.calls("/rest/posts")) == (["hello"], 2)

    def test_nothing_else_is_stopped(self, lost: Any, box: Box, linkedin: Sender) -> None:
        assert linkedin("another").state == "done"


class TestABrokenThread:
    def test_goes_on_where_it_broke(self, box: Box, x: Sender, ledger: Ledger) -> None:
        box.breaks(f"403@2:{HOOKS}")
        broken = x("one", "two", "three")
        assert (broken.state, len(broken.posted), broken.total) == ("partial", 1, 3)
        assert act(ledger).state == "failed"
        box.breaks()
        whole = x("one", "two", "three")
        assert (whole.state, whole.act, len(whole.posted)) == ("done", broken.act, 3)
        assert box.texts == ["one", "two", "three"]
        assert [item.parent for item in box.items] == ["", box.items[0].id, box.items[1].id]

    def test_settled_in_the_middle_needs_the_id(
        self, box: Box, linkedin: Sender, ledger: Ledger
    ) -> None:
        box.breaks("cut@1:POST /rest/posts")
        lost = linkedin("one", "two")
        with pytest.raises(e.InvalidInput, match="part 1 of 2 needs its id"):
            outbox.settle(ledger, lost.act, sent=True)
        settled = outbox.settle(ledger, lost.act, sent=True, ref=box.items[0].id)
        assert (settled.state, settled.error) == ("failed", "1 parts are still to go")
        assert linkedin("one", "two").state == "done"
        assert box.texts == ["one", "two"]
        assert box.items[1].parent == box.items[0].id


class TestTheSameContent:
    def test_is_refused(self, box: Box, x: Sender) -> None:
        first = x("hello")
        second = x("hello")
        assert (second.state, second.posted) == ("duplicate", [])
        assert isinstance(second.error, e.Duplicate)
        assert first.posted[0].url in second.error.message
        assert "--again" in second.error.hint
        assert box.calls(TWEETS) == 1

    def test_again(self, box: Box, slack: Sender) -> None:
        assert slack("hello").state == "done"
        assert slack("hello", again=True).state == "done"
        assert box.texts == ["hello", "hello"]

    def test_after_a_day(self, box: Box, slack: Sender) -> None:
        assert slack("hello").state == "done"
        box.ahead = 86400 - 60
        assert slack("hello").state == "duplicate"
        box.ahead = 86400 + 60
        assert slack("hello").state == "done"

    def test_refused_by_the_vendor(self, box: Box, x: Sender) -> None:
        assert x("hello").state == "done"
        refused = x("hello", again=True)
        assert (refused.state, refused.posted) == ("duplicate", [])


class TestAKey:
    def test_is_published_once_for_ever(self, box: Box, x: Sender) -> None:
        first = x("hello", key="k")
        box.ahead = 400 * 86400
        second = x("hello", key="k")
        assert (second.state, second.repeated, second.posted) == ("done", True, first.posted)
        assert x("other words", key="k").posted == first.posted
        assert box.texts == ["hello"]

    def test_of_another_is_another(self, box: Box, slack: Sender) -> None:
        assert slack("hello", key="a").state == slack("hello", key="b").state == "done"
        assert box.texts == ["hello", "hello"]

    def test_with_a_text_mended_after_a_refusal(self, box: Box, x: Sender, ledger: Ledger) -> None:
        box.breaks(f"403@1:{HOOKS}")
        assert x("helo", key="k").state == "failed"
        mended = x("hello", "two", key="k")
        assert (mended.state, mended.act, mended.total) == ("done", 1, 2)
        assert [post["text"] for post in act(ledger).content["posts"]] == ["hello", "two"]
        assert x("hello", "two", key="k").repeated

    def test_half_out_is_not_mixed_with_other_content(self, box: Box, x: Sender) -> None:
        box.breaks(f"403@2:{HOOKS}")
        assert x("one", "two", key="k").state == "partial"
        mixed = x("one", "zwei", key="k")
        assert isinstance(mixed.error, e.InvalidInput)
        assert "with another content" in mixed.error.message
        assert x("one", "two", key="k").state == "done"
        assert box.texts == ["one", "two"]


def test_the_ledger_holds_no_secret_and_no_answer(box: Box, x: Sender, ledger: Ledger) -> None:
    x("hello")
    kept = json.dumps([list(row) for row in ledger.db.execute("select * from calls")])
    assert "sandbox-x" not in kept
    assert "hello" not in kept


def test_another_process_at_the_same_account(
    box: Box, x: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mktool.store.locks import lock, lock_path

    monkeypatch.setenv("MKTOOL_MAX_WAIT", "0")
    with lock(lock_path("post-x:default"), 0):
        assert isinstance(x("hello").error, e.Busy)
        settling = Ledger(ledger_path())
        settling.close()
    assert x("hello").state == "done"
    assert box.texts == ["hello"]
