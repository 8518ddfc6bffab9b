"""Very many rows written as one job, of which a killed run left only the id."""

from __future__ import annotations

from pathlib import Path

import pytest

from mktool.capability import CanLoad
from mktool.core.session import open_session
from mktool.core.settings import Settings
from mktool.core.sync.sync import Order, Syncing
from mktool.sandbox.vendors.salesforce import ingest
from mktool.spec import Endpoint
from mktool.store.config import load
from tests.box import Box

COUNT = 5
DELETE = Endpoint("delete job", "DELETE", "/services/data/v65.0/jobs/ingest/{}", answers_text=True)


@pytest.mark.parametrize("key", ["Email", "External_Id__c"])
@pytest.mark.parametrize("done", [True, False])
def test_a_job_that_the_vendor_keeps_no_more(
    box: Box, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, key: str, done: bool
) -> None:
    """Its rows are looked for by their keys, and made where they are not there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MKTOOL_SALESFORCE_ACCESS_TOKEN", "00D!sandbox-run")
    monkeypatch.setenv("MKTOOL_SALESFORCE_INSTANCE_URL", "https://sandbox.my.salesforce.com")
    monkeypatch.setattr(ingest, "WORK", 0.0)
    lines = [f"c{n}@b.ch,Doe,e{n},c{n}@b.ch" for n in range(COUNT)]
    Path("in.csv").write_text("\n".join(["Email,LastName,External_Id__c,Description", *lines]))
    session = open_session(Settings(load()), "salesforce")
    session.exchange.sleep = lambda seconds: None
    kind, provider = session.spec.kind("contacts"), session.provider
    assert kind is not None
    assert isinstance(provider, CanLoad)
    with Syncing(session, Order(kind, source="in.csv", key=key)) as work:
        work.plan()
        batch = work.list.claim(1, session.ledger.clock(), COUNT)
        assert batch is not None
        job = provider.stage(kind, batch.rows, key)
        work.list.staged(batch.id, job)
        if done:
            provider.load(kind, job, batch.rows, key)
    session.client.call(DELETE, job)
    with Syncing(session, Order(kind, source="in.csv", key=key)) as work:
        assert work.plan().writes == (0 if done else COUNT)
        work.push()
        assert work.list.counts() == (COUNT, 0)
    with Syncing(session, Order(kind, source="in.csv", key=key, full=True)) as work:
        assert work.plan().steps == {"unchanged": COUNT}
        assert work.list.counts() == (COUNT, 0)
    session.close()
