"""Pushes whose answers are lost, or that are refused: nobody twice, nobody lost."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from mktool import errors as e
from mktool.core import outbox
from mktool.core.session import Session, open_session
from mktool.core.settings import Settings
from mktool.core.sync.sync import Order, Syncing
from mktool.providers.hubspot import HubSpot
from mktool.store.acts import Acts
from mktool.store.config import load
from mktool.store.ledger import Ledger
from tests.system.crm import Crm

COUNT = 450


@dataclass
class Pushing:
    """Rows pushed at one CRM, each time as a new process would; waits take no time."""

    crm: Crm
    kind: str
    ahead: float = 0.0
    slept: list[float] = field(default_factory=list)

    def clock(self) -> float:
        return time.time() + self.ahead

    def sleep(self, seconds: float) -> None:
        self.ahead += seconds
        self.slept.append(seconds)

    def session(self) -> Session:
        session = open_session(Settings(load()), "hubspot")
        session.ledger.clock = session.exchange.clock = self.clock
        session.exchange.sleep = self.sleep
        return session

    def __call__(self, source: str = "rows.csv", **more: Any) -> dict[str, int]:
        session = self.session()
        kind = session.spec.kind(self.kind)
        assert kind is not None
        try:
            with Syncing(session, Order(kind, source=source, **more)) as work:
                plan = work.plan()
                return dict(work.push()) if plan.writes else work.list.outcomes()
        finally:
            session.close()


@pytest.fixture
def crm(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Crm]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(HubSpot, "spec", replace(HubSpot.spec, limits=()))
    with Crm() as running:
        monkeypatch.setenv("MKTOOL_HUBSPOT_ACCESS_TOKEN", "pat-1")
        monkeypatch.setenv("MKTOOL_SANDBOX", running.url)
        yield running


@pytest.fixture
def companies(crm: Crm) -> Pushing:
    """A kind that no vendor upserts."""
    Path("rows.csv").write_text("domain\n" + "".join(f"R{n}.example\n" for n in range(COUNT)))
    return Pushing(crm, "companies")


def once(crm: Crm) -> bool:
    return dict(crm.made) == {f"R{n}.example": 1 for n in range(COUNT)}


def test_what_was_made_though_its_answer_is_lost_is_not_made_again(companies: Pushing) -> None:
    crm = companies.crm
    crm.before = lambda path: crm.faults.update(
        cut=float("batch/create" in path and not crm.writes)
    )
    assert companies() == {"done": COUNT}
    assert once(crm)
    assert companies.slept  # it may have been under way for so long


def test_what_did_not_arrive_is_sent_again(companies: Pushing) -> None:
    crm, tries = companies.crm, iter(range(99))
    crm.before = lambda path: crm.faults.update(
        drop=float("batch/create" in path and next(tries) == 1)
    )
    assert companies() == {"done": COUNT}
    assert once(crm)


def test_a_vendor_that_never_answers_is_given_up_for_now(companies: Pushing) -> None:
    crm = companies.crm
    crm.before = lambda path: crm.faults.update(cut=float("batch/create" in path))
    with pytest.raises(e.Unavailable):
        companies()
    assert crm.writes == 3
    crm.before, crm.faults = lambda path: None, {}
    assert companies() == {"done": COUNT - 300}
    assert once(crm)


def test_what_is_unknown_is_looked_for_in_all_that_is_there(companies: Pushing) -> None:
    """A search shows what was written some time later, and so never proves that it was not."""
    crm = companies.crm
    crm.before = lambda path: crm.faults.update(drop=float("batch/create" in path))
    with pytest.raises(e.Unavailable):
        companies()
    crm.before, crm.faults = lambda path: None, {}
    (act, parts) = _waiting()
    assert (act.state, parts) == ("failed", 0)
    with Ledger(_ledger()) as ledger, pytest.raises(e.InvalidInput) as refused:
        outbox.settle(ledger, act.id, sent=True)
    assert "mktool syncs" in refused.value.hint
    crm.add("companies", domain="r7.example")  # one had arrived, or somebody made it
    assert companies() == {"done": COUNT - 1}
    assert len(crm.live("companies")) == COUNT


def test_an_answer_that_is_lost_is_found_in_the_same_run(companies: Pushing) -> None:
    crm, cut = companies.crm, iter([0, 1, 0, 0, 0, 0, 0, 0])
    crm.before = lambda path: crm.faults.update(cut=float("batch/create" in path and next(cut)))
    assert companies() == {"done": COUNT}
    assert once(crm)


def test_nothing_waits_once_it_is_done(companies: Pushing) -> None:
    crm = companies.crm
    crm.before = lambda path: crm.faults.update(status_403=float("batch/create" in path))
    with pytest.raises(e.Forbidden):
        companies()
    assert _waiting()[0].state == "failed"
    crm.before, crm.faults = lambda path: None, {}
    for n in range(COUNT):
        crm.add("companies", domain=f"r{n}.example")
    assert companies() == {}
    with Ledger(_ledger()) as ledger:
        assert outbox.waiting(ledger) == []


def test_where_every_row_is_refused_it_ends_soon(companies: Pushing) -> None:
    Path("rows.csv").write_text(
        "domain,notes\n" + "".join(f"r{n}.example,poison\n" for n in range(COUNT))
    )
    with pytest.raises(e.Rejected):
        companies()
    assert companies.crm.writes < 60


def test_some_bad_rows_at_the_beginning_do_not_stop_the_rest(companies: Pushing) -> None:
    Path("rows.csv").write_text(
        "domain,notes\n" + "".join(f"r{n}.example,{'poison' * (n < 12)}\n" for n in range(COUNT))
    )
    assert companies() == {"done": COUNT - 12, "failed": 12}


def test_it_stops_at_so_many_refused_rows(companies: Pushing) -> None:
    Path("rows.csv").write_text(
        "domain,notes\n" + "".join(f"r{n}.example,{'refuse' * (n % 2)}\n" for n in range(COUNT))
    )
    with pytest.raises(e.Partial):
        companies(max_errors=20)
    assert companies.crm.writes == 1
    assert companies.slept == []


def test_two_at_once_are_one_too_many(companies: Pushing) -> None:
    session = companies.session()
    kind = session.spec.kind("companies")
    assert kind is not None
    with Syncing(session, Order(kind, source="rows.csv")), pytest.raises(e.Busy):
        companies()
    session.close()


def test_a_stop_keeps_what_went_and_the_next_run_goes_on(companies: Pushing) -> None:
    session = companies.session()
    kind = session.spec.kind("companies")
    assert kind is not None
    with Syncing(session, Order(kind, source="rows.csv")) as work:
        work.plan()
        with pytest.raises(e.Interrupted):
            work.push(lambda done: session.settings.stop.set())
    session.close()
    assert len(companies.crm.live("companies")) == 100
    assert companies() == {"done": COUNT - 100}
    assert once(companies.crm)
    assert companies.slept == []


def _ledger() -> Path:
    from mktool.core.settings import ledger_path

    return ledger_path()


def _waiting() -> Any:
    with Ledger(_ledger()) as ledger:
        assert Acts(ledger).of("sync")
        (found,) = outbox.waiting(ledger)
        return found
