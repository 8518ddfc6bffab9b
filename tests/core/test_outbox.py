"""A person's word on what nobody can look up. What follows it is in `test_publish`."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from mktool import errors as e
from mktool.core import outbox
from mktool.http.exchange import Call, Scope
from mktool.model import Posted
from mktool.report import Piece
from mktool.store.acts import Acts, Wanted
from mktool.store.ledger import Ledger
from mktool.store.locks import lock, lock_path

TWO = {"posts": [{"text": "one"}, {"text": "two"}]}


@pytest.fixture
def acts(ledger: Ledger) -> Acts:
    """One act of two parts, the first of them in doubt."""
    acts = Acts(ledger)
    acts.open(Wanted("post", "acme", "default", None, "d", TWO))
    doubt(acts, 1)
    return acts


def doubt(acts: Acts, part: int) -> None:
    acts.start(1, part)
    call = Call("acme", "default", "post", "POST", "https://a", "post", False, 1, Scope(1, part))
    id, _ = acts.ledger.admit(call, ())
    acts.ledger.end(id, "unknown")
    acts.mark(1, "unknown")


def test_waiting_tells_how_much_is_out(acts: Acts) -> None:
    acts.confirm(1, 1, Posted("a"))
    doubt(acts, 2)
    assert [(act.id, sent) for act, sent in outbox.waiting(acts.ledger)] == [(1, 1)]


def test_the_last_part_needs_no_id(acts: Acts) -> None:
    acts.confirm(1, 1, Posted("a"))
    doubt(acts, 2)
    assert outbox.settle(acts.ledger, 1, sent=True).state == "done"
    assert outbox.waiting(acts.ledger) == []


def test_an_earlier_part_needs_it(acts: Acts) -> None:
    with pytest.raises(e.InvalidInput) as caught:
        outbox.settle(acts.ledger, 1, sent=True)
    assert caught.value.hint == "mktool settle 1 --sent --id ID"
    assert acts.parts(1)[1].in_doubt
    outbox.settle(acts.ledger, 1, sent=True, ref="a", url="https://a.example")
    assert acts.parts(1)[1].posted == Posted("a", "https://a.example")
    assert acts.get(1).state == "failed"  # the second part is still to go


def test_not_sent(acts: Acts) -> None:
    settled = outbox.settle(acts.ledger, 1, sent=False)
    assert (settled.state, settled.code) == ("failed", "settled")
    assert not acts.parts(1)[1].in_doubt
    with pytest.raises(e.InvalidInput, match="nothing is in doubt about act 1"):
        outbox.settle(acts.ledger, 1, sent=True)


def test_what_was_refused_of_an_export_is_made_by_hand(ledger: Ledger) -> None:
    acts = Acts(ledger)
    for number, body in enumerate(({}, {"rows": [1]}), start=1):
        pieces = [asdict(Piece("note", {"text": "one"})), asdict(Piece("refused", body))]
        acts.open(Wanted("export", "acme", "default", None, f"d{number}", {"pieces": pieces}))
        acts.confirm(number, 1, Posted("a"))
        acts.start(number, 2)
        acts.mark(number, "failed", code="rejected", error="the rest is there, but 1 was refused")
    told = [outbox.refused_in_part(act, sent) for act, sent in outbox.waiting(ledger)]
    assert told == [True, False]  # the second would be sent again
    with pytest.raises(e.InvalidInput, match="nothing is in doubt about act 1"):
        outbox.settle(ledger, 1, sent=False)
    assert outbox.settle(ledger, 1, sent=True).state == "done"
    with pytest.raises(e.InvalidInput, match="nothing is in doubt about act 2"):
        outbox.settle(ledger, 2, sent=True)


def test_not_while_a_process_is_at_work(acts: Acts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "LOCK_SECONDS", 0.05)
    with lock(lock_path("post-acme:default"), 0), pytest.raises(e.Busy):
        outbox.settle(acts.ledger, 1, sent=False)
    assert acts.parts(1)[1].in_doubt
