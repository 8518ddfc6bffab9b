"""A lane: how a batch becomes requests, and what is kept of them."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from mktool.core.campaign.compose import Composer
from mktool.core.campaign.content import compile
from mktool.core.campaign.job import Done
from mktool.core.campaign.merge import split
from mktool.core.campaign.prepare import Parts
from mktool.core.campaign.tally import Fixed, Tally
from mktool.http.exchange import Call, Ended, Scope, Throttled
from mktool.message import Receipt, Refusal
from mktool.model import Login
from mktool.store.campaigns import Outcome, State
from tests.core.campaign.rig import BAD, Rig, Vendor, delivery, names
from tests.store.campaign import people

CALL = Call("toy", "default", "send", "POST", "u", "send", False, 1, Scope(1))


def rig(folder: Path, count: int, **changes: Any) -> Rig:
    made = Rig(folder, Vendor(), delivery(**changes))
    made.stage(people(count))
    return made


def test_a_request_is_no_larger_than_the_vendor_takes(tmp_path: Path) -> None:
    large = rig(tmp_path, 6, batch=6, group=6, size=25_000)
    text = "x" * 5000  # a message takes about twice as many bytes
    courses = [
        one._replace(composer=Composer(compile(Parts("Here", "", text, "")), (), "email"))
        for one in large.courses()
    ]
    large.run(courses=courses)
    assert large.vendor.sizes == [2, 2, 2]
    assert large.vendor.got == Counter(people(6))


def test_one_that_is_larger_than_any_request_goes_alone(tmp_path: Path) -> None:
    large = rig(tmp_path, 3, batch=3, group=3, size=10)
    large.run()
    assert large.vendor.sizes == [1, 1, 1]


@pytest.mark.parametrize(
    ("receipt", "ids"),
    [
        (Receipt(ids=["a", "b"]), ["a", "b"]),
        (Receipt(id="whole"), ["", ""]),
        (Receipt(ids=["a", ""], refused={1: Refusal("550", "no")}), ["a", ""]),
        (Receipt(refused={1: Refusal("550", "no")}), ["", ""]),
    ],
)
def test_what_a_vendor_says_to_a_batch(tmp_path: Path, receipt: Receipt, ids: list[str]) -> None:
    two = rig(tmp_path, 2)
    two.vendor.answer = lambda _: receipt
    two.run()
    failed = len(receipt.refused)
    with two.file() as file:
        assert [row["vendor_id"] for row in file.outcomes()] == ids
        kept = file.db.execute("select vendor, implied from batches").fetchone()
    assert kept == (receipt.id or None, 2 if receipt.id else 0)
    assert two.totals() == {"sent": 2 - failed} | ({"failed": failed} if failed else {})


def test_ids_that_do_not_fit_leave_a_batch_unknown(tmp_path: Path) -> None:
    """A vendor file with a bug: what the vendor took is not known, so nobody is sent to again."""
    two = rig(tmp_path, 2)
    two.vendor.answer = lambda _: Receipt(ids=["a"])
    assert two.run().error is not None
    two.run()
    assert len(two.vendor.requests) == 1
    assert "pending" not in two.totals()


def test_what_is_made_ahead_is_for_just_these_messages(tmp_path: Path) -> None:
    """Not for the halves of a batch that was refused, nor without whom it named."""
    eight = rig(tmp_path, 10, batch=8, group=8)
    eight.vendor.answer = lambda batch: BAD if "p3@acme.example" in names(batch) else None
    eight.run()
    assert sum(eight.vendor.got.values()) == 9
    assert len(eight.vendor.requests) > 4
    for batch in eight.vendor.requests:
        assert batch.packed.decode() in ("", "\n".join(names(batch)))
    whole = [batch for batch in eight.vendor.requests if batch.packed]
    assert [len(batch.messages) for batch in whole] == [8, 2]


def test_who_is_left() -> None:
    done = Done(3)
    assert done.left
    done.outcomes.append(Outcome(1, State.SENT))
    done.doubt.append(2)
    assert done.left
    done.implied.append(3)
    assert not done.left


def test_calls_that_ended_alike_are_one_with_their_mean_time() -> None:
    tally = Tally(time.sleep)
    tally.start(0.0)
    assert tally.ways() == []
    tally.end(1, "ok", status=200, ms=10.0, request_id="r1")
    assert tally.ways() == [Ended("ok", 200, "", 10.0, "r1")]
    tally.end(1, "ok", status=200, ms=30.0, request_id="r2")
    tally.end(1, "refused", status=429, code="rate_limited", ms=5.0)
    tally.throttle("toy", "default", Throttled("send"))
    assert tally.ways() == [
        Ended("ok", 200, "", 20.0, "", 2),
        Ended("refused", 429, "rate_limited", 5.0, "", 1),
    ]
    tally.start(0.0)
    assert (tally.ways(), tally.seen) == ([], [])


def test_requests_of_a_batch_keep_their_pace() -> None:
    waits: list[float] = []
    tally = Tally(waits.append)
    tally.start(10.0)
    for _ in range(4):
        assert tally.admit(CALL, []) == (1, 0.0)
    assert waits == pytest.approx([10.0, 20.0, 30.0], abs=0.5)  # no time passes in this test
    tally.start(0.0)
    tally.admit(CALL, [])
    assert len(waits) == 3


def test_a_lane_renews_no_login() -> None:
    login, fixed = Login({"a": "b"}), Fixed()
    fixed.current = login
    assert fixed.login() is login
    fixed.renew(login)
    assert fixed.login() is login


def test_each_request_of_a_batch_has_a_key_of_its_own(tmp_path: Path) -> None:
    """Under the first one's key the vendor would take the second for a repetition."""
    large = rig(tmp_path, 6, batch=6, group=6, size=25_000, key_seconds=1000.0)
    large.vendor.keys = True
    text = "x" * 5000
    courses = [
        one._replace(composer=Composer(compile(Parts("Here", "", text, "")), (), "email"))
        for one in large.courses()
    ]
    large.run(courses=courses)
    assert large.vendor.sizes == [2, 2, 2]
    assert large.vendor.got == Counter(people(6))


@pytest.mark.parametrize("merges", [True, False])
def test_a_batch_of_which_everybody_was_suppressed_has_no_messages(merges: bool) -> None:
    parts = Parts("Hello {{ email }}", "", "It is here", "")
    splitter = split(parts, mark="m" * 12) if merges else None
    assert Composer(compile(parts), (), "email", splitter, 10_000).messages([]) == []
