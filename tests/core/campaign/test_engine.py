"""Claim, send, confirm: everybody once, whatever the vendor answers or does not."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mktool import errors as e
from mktool.core.campaign.compose import Composer
from mktool.core.campaign.content import compile
from mktool.core.campaign.engine import LOST_IN_A_ROW
from mktool.core.campaign.prepare import Parts
from mktool.core.session import Session
from mktool.message import Batch, Receipt, Refusal, Suppressed
from mktool.spec import DAY, Limit
from mktool.store.campaigns import CampaignFile, State
from mktool.store.suppressions import Suppressions
from tests.core.campaign.rig import BAD, LOST, WHERE, Answer, Rig, Vendor, delivery, names
from tests.store.campaign import people

Rigs = Callable[..., Rig]


@pytest.fixture
def make(tmp_path: Path) -> Rigs:
    def made(count: int = 10, *, trace: bool = False, **changes: Any) -> Rig:
        keys = changes.get("key_seconds", 0) > 0
        made = Rig(tmp_path, Vendor(keys=keys), delivery(**changes), trace=trace)
        made.stage(people(count))
        return made

    return made


def once(rig: Rig, count: int) -> None:
    assert rig.vendor.got == Counter(people(count))
    assert rig.totals() == {"sent": count}


def first(
    answer: Answer | Callable[[Batch], Answer], *, times: int = 1
) -> Callable[[Batch], Answer]:
    """Return what answers the first requests with this, and takes all others."""
    left = [times]

    def answered(batch: Batch) -> Answer:
        left[0] -= 1
        if left[0] < 0:
            return None
        return answer(batch) if callable(answer) else answer

    return answered


def refusing(*bad: str, error: e.Rejected = BAD) -> Callable[[Batch], Answer]:
    return lambda batch: error if set(bad) & set(names(batch)) else None


# -- nothing goes wrong ---------------------------------------------------------------------------


def test_everybody_in_batches(make: Rigs) -> None:
    rig = make(10)
    engine = rig.run()
    assert rig.vendor.sizes == [4, 4, 2]
    assert [batch.key for batch in rig.vendor.requests] == ["t-1-1", "t-2-1", "t-3-1"]
    assert (engine.error, engine.progress.sent) == (None, 10)
    once(rig, 10)
    with rig.file() as file:
        assert [row["vendor_id"] for row in file.outcomes()][:2] == ["id-1", "id-2"]
    rig.run()
    assert len(rig.vendor.requests) == 3


def test_many_lanes(make: Rigs) -> None:
    rig = make(400)
    rig.run(concurrency=8)
    once(rig, 400)


def test_one_message_a_request_in_groups(make: Rigs) -> None:
    rig = make(10, batch=1)
    rig.run()
    assert rig.vendor.sizes == [1] * 10
    once(rig, 10)
    with rig.file() as file:
        assert file.db.execute("select count(*) from batches").fetchone() == (3,)


def test_whom_the_vendor_refuses_in_its_answer(make: Rigs) -> None:
    rig = make(4)
    rig.vendor.answer = lambda _: Receipt(["a", "", "c", "d"], refused={1: Refusal("550", "gone")})
    engine = rig.run()
    assert (engine.progress.sent, engine.progress.failed, engine.error) == (3, 1, None)
    with rig.file() as file:
        assert file.reasons(State.FAILED) == [("550", "gone", 1)]
    assert rig.totals() == {"sent": 3, "failed": 1}


# -- a request that is refused --------------------------------------------------------------------


def test_a_refused_batch_is_taken_apart(make: Rigs) -> None:
    rig = make(12)
    rig.vendor.answer = refusing("p6@acme.example")
    engine = rig.run()
    assert rig.states(State.FAILED) == {"p6@acme.example": "failed"}
    assert rig.vendor.got == Counter(set(people(12)) - {"p6@acme.example"})
    assert (engine.progress.sent, engine.progress.failed, engine.error) == (11, 1, None)
    keys = [batch.key for batch in rig.vendor.requests]
    assert len(set(keys)) == len(keys)


def test_several_bad_ones_in_one_batch(make: Rigs) -> None:
    rig = make(16, batch=16, group=16)
    bad = [f"p{n}@acme.example" for n in (0, 7, 8)]
    rig.vendor.answer = refusing(*bad)
    rig.run()
    assert sorted(rig.states(State.FAILED)) == sorted(bad)
    assert rig.vendor.got == Counter(set(people(16)) - set(bad))


def test_the_culprit_that_the_vendor_names_is_left_out(make: Rigs) -> None:
    rig = make(8, batch=8, group=8, culprit=r"personalizations\.(\d+)")

    def answer(batch: Batch) -> Answer:
        for place, name in enumerate(names(batch)):
            if name in ("p2@acme.example", "p5@acme.example"):
                return e.Rejected("bad", WHERE._replace(vendor_code=f"personalizations.{place}.to"))
        return None

    rig.vendor.answer = answer
    rig.run()
    assert sorted(rig.states(State.FAILED)) == ["p2@acme.example", "p5@acme.example"]
    assert rig.vendor.sizes == [8, 7, 6]
    assert sum(rig.vendor.got.values()) == 6


def test_a_culprit_out_of_range_is_looked_for(make: Rigs) -> None:
    rig = make(4, culprit=r"to\.(\d+)")
    wrong = e.Rejected("bad", WHERE._replace(vendor_code="to.9"))
    rig.vendor.answer = refusing("p1@acme.example", error=wrong)
    rig.run()
    assert rig.totals() == {"sent": 3, "failed": 1}


def test_what_all_share_stops_the_run_and_fails_nobody(make: Rigs) -> None:
    rig = make(100)
    rig.vendor.answer = lambda _: BAD
    engine = rig.run()
    assert engine.error is BAD
    assert engine.progress.failed == 0
    assert len(rig.vendor.requests) <= 6  # of the first batch, and of one that had begun
    assert rig.totals() == {"pending": 100}
    rig.vendor.answer = lambda _: None
    rig.run()
    once(rig, 100)
    keys = [batch.key for batch in rig.vendor.requests]
    assert len(set(keys)) == len(keys)  # other bytes never go under a key that was used


def test_a_duplicate_is_unknown(make: Rigs) -> None:
    rig = make(8)
    rig.vendor.answer = first(e.Duplicate("there already", WHERE))
    engine = rig.run()
    assert rig.totals() == {"unknown": 4, "sent": 4}
    assert engine.progress.unknown == 4
    with rig.file() as file:
        assert file.reasons(State.UNKNOWN) == [("duplicate", "there already", 4)]


@pytest.mark.parametrize(
    "error", [e.RateLimited("slow", WHERE), e.Unavailable("down", WHERE), e.Forbidden("no", WHERE)]
)
def test_what_did_not_happen_waits_for_the_next_run(make: Rigs, error: e.ProviderError) -> None:
    rig = make(12)
    rig.vendor.answer = first(error)
    assert rig.run().error is error
    assert rig.totals()["pending"] >= 4
    assert rig.run().error is None
    once(rig, 12)


def test_a_copy_that_cannot_be_made(make: Rigs) -> None:
    rig = make(4)
    text = "{% if email == 'p2@acme.example' %}{{ nobody.name }}{% endif %}Hello"
    courses = [
        one._replace(composer=Composer(compile(Parts("Here", "", text, "")), (), "email"))
        for one in rig.courses()
    ]
    rig.run(courses=courses)
    with rig.file() as file:
        assert [code for code, _, _ in file.reasons(State.FAILED)] == ["template"]
    assert rig.states(State.FAILED) == {"p2@acme.example": "failed"}
    assert rig.vendor.sizes == [3]


# -- an answer that is lost -----------------------------------------------------------------------


def test_a_lost_answer_is_unknown_where_nothing_can_be_found_out(make: Rigs) -> None:
    rig = make(12)
    rig.vendor.answer = first(LOST)
    engine = rig.run()
    assert (engine.error, engine.progress.unknown) == (None, 4)
    assert rig.totals() == {"unknown": 4, "sent": 8}
    rig.run()
    assert len(rig.vendor.requests) == 3


def test_one_lost_answer_of_a_group(make: Rigs) -> None:
    rig = make(8, batch=1, group=8)
    rig.vendor.answer = lambda batch: LOST if names(batch) == ["p3@acme.example"] else None
    rig.run()
    assert rig.states(State.UNKNOWN) == {"p3@acme.example": "unknown"}
    assert rig.vendor.got == Counter(set(people(8)) - {"p3@acme.example"})


@pytest.mark.parametrize("trace", [False, True])
def test_three_lost_answers_end_a_group_and_the_rest_of_it_goes_out_later(
    make: Rigs, trace: bool
) -> None:
    rig = make(12, batch=1, group=6, trace=trace)
    rig.vendor.answer = first(LOST, times=3)
    assert rig.run().error is LOST
    assert len(rig.vendor.requests) == 3
    rig.run()
    unknown = 0 if trace else 3
    assert rig.vendor.got == Counter(people(12)[unknown:])
    assert rig.totals() == ({"unknown": 3, "sent": 9} if unknown else {"sent": 12})


def test_lost_answers_in_a_row_stop_the_run(make: Rigs) -> None:
    rig = make(100)
    rig.vendor.answer = lambda _: LOST
    engine = rig.run()
    assert engine.error is LOST
    assert LOST_IN_A_ROW <= len(rig.vendor.requests) <= LOST_IN_A_ROW + 1
    assert rig.totals()["pending"] >= 100 - 4 * (LOST_IN_A_ROW + 1)


def test_the_same_bytes_go_again_under_the_same_key(make: Rigs) -> None:
    rig = make(8, key_seconds=DAY)

    def lost(batch: Batch) -> Answer:
        rig.vendor.took(batch)
        return LOST

    rig.vendor.answer = first(lost)
    engine = rig.run()
    assert engine.error is None
    one, two, again = rig.vendor.requests
    assert again == one != two
    once(rig, 8)


def test_who_the_vendor_has_was_sent_to_and_who_it_has_not_is_sent_to_once(make: Rigs) -> None:
    rig = make(8, trace=True)

    def half(batch: Batch) -> Answer:
        rig.vendor.got.update(names(batch)[:2])
        return LOST

    rig.vendor.answer = first(half)
    engine = rig.run()
    assert (engine.error, engine.progress.sent) == (None, 8)
    once(rig, 8)
    assert [names(batch) for batch in rig.vendor.traced] == [people(4)]


def test_a_vendor_that_cannot_tell_after_all(make: Rigs) -> None:
    rig = make(8, trace=True)
    rig.vendor.traces = e.Unsupported("not these")
    rig.vendor.answer = first(LOST)
    engine = rig.run()
    assert (engine.error, engine.progress.unknown) == (None, 4)
    assert rig.totals() == {"unknown": 4, "sent": 4}


def test_a_vendor_that_cannot_be_asked_now_is_asked_by_the_next_run(make: Rigs) -> None:
    rig = make(8, trace=True)
    rig.vendor.traces = e.Unavailable("down", WHERE)
    rig.vendor.answer = first(LOST)
    assert rig.run().error is rig.vendor.traces
    assert rig.totals() == {"pending": 4, "sent": 4}
    rig.vendor.traces = None
    assert rig.run().error is None
    once(rig, 8)


# -- a run that died ------------------------------------------------------------------------------


def test_a_batch_in_doubt_goes_again_under_its_key(make: Rigs) -> None:
    rig = make(8, key_seconds=DAY)
    claim = rig.claim(1, 4, time.time() - DAY / 2)
    rig.vendor.answer = first(rig.vendor.took)
    rig.run()
    assert rig.vendor.requests[0].key == f"t-{claim.id}-1"
    once(rig, 8)


def test_that_a_batch_in_doubt_is_refused_now_proves_nothing(make: Rigs) -> None:
    rig = make(8, key_seconds=DAY)
    rig.claim(1, 4, time.time())
    rig.vendor.answer = first(BAD)
    engine = rig.run()
    assert rig.totals() == {"unknown": 4, "sent": 4}
    assert rig.vendor.sizes == [4, 4]
    assert engine.progress.unknown == 4


@pytest.mark.parametrize(
    ("age", "ahead", "good"),
    [
        (0.5 * DAY, 0, True),
        (DAY, 0, False),
        (-30, 0, True),  # clocks differ a little
        (-3600, 0, False),  # a clock was set back: nobody knows how old it is
        (0.5 * DAY, DAY, False),  # by the vendor's clock, which is what counts
        (1.5 * DAY, -DAY, True),
    ],
)
def test_a_key_that_the_vendor_may_have_forgotten_is_not_used(
    make: Rigs, age: float, ahead: float, good: bool
) -> None:
    rig = make(4, key_seconds=DAY)
    rig.now = lambda: 1e9
    rig.claim(1, 4, 1e9 - age)

    def told(session: Session, file: CampaignFile) -> None:
        session.exchange.skew = ahead

    rig.run(before=told)
    assert rig.totals() == ({"sent": 4} if good else {"unknown": 4})
    assert len(rig.vendor.requests) == good


def test_nobody_is_guessed_about_after_a_crash(make: Rigs) -> None:
    rig = make(8)
    rig.claim(1, 4, time.time())
    engine = rig.run()
    assert rig.totals() == {"unknown": 4, "sent": 4}
    assert engine.progress.unknown == 4
    assert rig.vendor.got == Counter(people(8)[4:])


def test_after_a_crash_the_vendor_is_asked(make: Rigs) -> None:
    rig = make(8, trace=True)
    rig.claim(1, 4, time.time())
    rig.vendor.got.update(people(3))
    rig.run()
    once(rig, 8)


@pytest.mark.parametrize(("key_seconds", "then"), [(0.0, "unknown"), (DAY, "sent")])
def test_a_bug_in_a_provider_sends_to_nobody_twice(
    make: Rigs, key_seconds: float, then: str
) -> None:
    rig = make(4, key_seconds=key_seconds)

    def bug(batch: Batch) -> Answer:
        rig.vendor.took(batch)
        return ZeroDivisionError("a bug")

    rig.vendor.answer = first(bug)
    engine = rig.run()
    assert engine.error is not None
    assert "a bug" in engine.error.message
    rig.run()
    assert rig.vendor.got == Counter(people(4))
    assert rig.totals() == {then: 4}


# -- what a run is asked to heed ------------------------------------------------------------------


def test_max_errors(make: Rigs) -> None:
    rig = make(100, batch=1, group=1)
    rig.vendor.answer = lambda _: BAD
    engine = rig.run(max_errors=5)
    assert isinstance(engine.error, e.Partial)
    assert 5 <= len(rig.vendor.requests) <= 6


@pytest.mark.parametrize(("limit", "batch"), [(1, 4), (4, 4), (6, 4), (10, 4), (3, 1)])
def test_a_limit_is_kept_run_after_run(make: Rigs, limit: int, batch: int) -> None:
    rig = make(10, batch=batch)
    for done in range(limit, 10 + limit, limit):
        rig.run(limit=limit, concurrency=3)
        assert sum(rig.vendor.got.values()) == min(done, 10)
    once(rig, 10)


def test_a_limit_within_a_batch_that_was_given_back(make: Rigs) -> None:
    rig = make(8)
    rig.vendor.answer = first(e.RateLimited("slow", WHERE))
    rig.run()
    before = sum(rig.vendor.got.values())
    rig.run(limit=1)
    assert sum(rig.vendor.got.values()) == before + 1
    rig.run()
    once(rig, 8)


def test_a_rate_is_kept(make: Rigs) -> None:
    rig = make(12)
    started = time.monotonic()
    rig.run(rate=20, concurrency=4)
    assert time.monotonic() - started >= 0.4  # the third batch of four, at twenty a second
    once(rig, 12)


def test_a_limit_of_the_vendor_is_waited_for_or_ends_the_run(make: Rigs) -> None:
    rig = make(12)
    rig.limits = [Limit(2, DAY)]
    engine = rig.run()
    assert isinstance(engine.error, e.RateLimited)
    assert rig.vendor.sizes == [4, 4]
    assert rig.totals() == {"sent": 8, "pending": 4}


def suppress(session: Session, *addresses: str) -> None:
    Suppressions(session.ledger).add((Suppressed(a, "manual") for a in addresses), source="test")


@pytest.mark.parametrize("late", ["p5@acme.example", "p9@acme.example", "p39@acme.example"])
def test_who_is_suppressed_during_the_run_is_left_out(make: Rigs, late: str) -> None:
    """Also one whose batch is composed already, while the first request is under way."""
    rig = make(40)

    def during(batch: Batch) -> Answer:
        if len(rig.vendor.requests) == 1:
            with rig.session() as other:
                suppress(other, late.upper(), "p0@acme.example")
        return None

    rig.vendor.answer = during
    rig.run()
    assert rig.states(State.SUPPRESSED) == {late: "suppressed"}
    assert rig.vendor.got == Counter(set(people(40)) - {late})


def test_who_is_suppressed_while_a_batch_was_given_back_is_left_out(make: Rigs) -> None:
    rig = make(4)
    rig.vendor.answer = first(e.RateLimited("slow", WHERE))
    rig.run()
    with rig.session() as session:
        suppress(session, "p1@acme.example")
    rig.run()
    assert rig.totals() == {"sent": 3, "suppressed": 1}


def test_who_is_suppressed_while_in_doubt_is_not_sent_to_again(make: Rigs) -> None:
    rig = make(8, trace=True)

    def lost(batch: Batch) -> Answer:
        with rig.session() as other:
            suppress(other, "p1@acme.example")
        return LOST

    rig.vendor.answer = first(lost)
    rig.run()
    assert rig.totals() == {"sent": 7, "suppressed": 1}
    assert "p1@acme.example" not in rig.vendor.got


def test_who_is_to_be_sent_to_again_may_have_been_suppressed_long_ago(make: Rigs) -> None:
    rig = make(4)

    def retry(session: Session, file: CampaignFile) -> None:
        suppress(session, "p1@acme.example")
        file.put(suppressions=Suppressions(session.ledger).newest())  # seen, as it was FAILED
        file.send_again([State.FAILED])

    rig.vendor.answer = refusing("p1@acme.example", "p2@acme.example")
    rig.run()
    rig.vendor.answer = lambda _: None
    rig.run(before=retry)
    assert rig.totals() == {"sent": 3, "suppressed": 1}


def test_a_word_from_another_process_ends_the_run(make: Rigs, monkeypatch: Any) -> None:
    monkeypatch.setattr("mktool.core.campaign.engine.LONGEST_WAIT", 0.01)
    rig = make(400)
    rig.vendor.answer = lambda _: time.sleep(0.005)
    word = ""

    def stopped() -> str:
        nonlocal word
        word = "paused" if len(rig.vendor.requests) > 10 else ""
        return word

    engine = rig.run(stopped=stopped)
    assert isinstance(engine.error, e.Interrupted)
    assert "paused" in engine.error.message
    assert len(rig.vendor.requests) < 100
    sent = sum(rig.vendor.got.values())
    assert rig.totals() == {"sent": sent, "pending": 400 - sent}


@pytest.mark.parametrize("trace", [False, True])
def test_what_is_in_flight_when_it_is_stopped_is_confirmed(make: Rigs, trace: bool) -> None:
    rig = make(40, trace=trace)

    def stopped_meanwhile(batch: Batch) -> None:
        rig.settings.stop.set()
        time.sleep(0.05)

    rig.vendor.answer = stopped_meanwhile
    engine = rig.run(concurrency=3)
    assert isinstance(engine.error, e.Interrupted)
    sent = sum(rig.vendor.got.values())
    assert 4 <= sent <= 12
    assert rig.totals() == {"sent": sent, "pending": 40 - sent}
    with rig.file() as file:
        assert file.unfinished() == []


def test_a_login_that_ends_leaves_nothing_in_doubt(make: Rigs) -> None:
    rig = make(40)
    rig.vendor.answer = lambda _: time.sleep(0.02)

    def ending(session: Session, file: CampaignFile) -> None:
        login, left = session.credential.login, [3]

        def until_it_ends() -> Any:
            left[0] -= 1
            if left[0] < 0:
                raise e.NeedsLogin("log in again")
            return login()

        session.credential.login = until_it_ends  # type: ignore[method-assign]

    engine = rig.run(before=ending, concurrency=2)
    assert isinstance(engine.error, e.NeedsLogin)
    sent = sum(rig.vendor.got.values())
    assert 8 <= sent <= 12
    assert rig.totals() == {"sent": sent, "pending": 40 - sent}
    with rig.file() as file:
        assert file.unfinished() == []
    rig.run()
    once(rig, 40)


def test_what_goes_wrong_stops_a_group_of_single_requests_too(make: Rigs) -> None:
    rig = make(40, batch=1, group=40)
    rig.vendor.answer = lambda _: BAD
    engine = rig.run(max_errors=3, expected=40)
    assert len(rig.vendor.requests) == 3
    assert isinstance(engine.error, e.Partial)
    assert rig.totals() == {"failed": 3, "pending": 37}
    rig.vendor.answer = lambda _: None
    rig.run()
    assert rig.totals() == {"sent": 37, "failed": 3}


def test_the_ledger_has_a_call_for_each_batch(make: Rigs) -> None:
    rig = make(8)
    rig.run(act=7)
    with rig.session() as session:
        rows = session.ledger.db.execute("select act, operation, count from calls").fetchall()
    assert rows == [(7, "send", 1)] * 2


def test_who_failed_is_sent_to_again_when_asked(make: Rigs) -> None:
    rig = make(12)
    bad = ["p1@acme.example", "p9@acme.example"]
    rig.vendor.answer = refusing(*bad)
    rig.run()
    rig.vendor.answer = lambda _: None
    rig.run(before=lambda session, file: file.send_again([State.FAILED]))
    once(rig, 12)
