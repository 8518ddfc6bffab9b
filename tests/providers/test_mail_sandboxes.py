"""Resend's and SendGrid's providers against their sandboxes, which are written from the documents
alone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mktool import errors as e
from mktool import providers
from mktool.http.client import Client
from mktool.http.exchange import Exchange, Scope
from mktool.http.target import Target
from mktool.http.wire import Wire
from mktool.message import Batch, Mailbox, Message, Receipt, Sent
from mktool.model import Login, Secret
from mktool.store.ledger import Ledger
from tests.contract import FixedCredential

pytest.importorskip("uvicorn", reason="needs mktool[server]")

from mktool.sandbox.server import Sandbox

KEYS = {"resend": "re_sandbox_run", "sendgrid": "SG.sandbox.run"}
PEOPLE = tuple(
    Message(n, f"p{n}@example.com", f"Hi {n}", f"<p>Hi {n}</p>", f"Hi {n}",
            unsubscribe=f"https://acme.example/u/{n}")
    for n in (1, 2, 3)
)  # fmt: skip
RENDERED = Batch(
    "launch", "key-1", Mailbox("news@acme.example", "Acme"), PEOPLE,
    tags=("news",), reply_to="ada@acme.example",
)  # fmt: skip
MERGED = replace(
    RENDERED, subject="Hi -0-", html="<p>Hi -0-</p>", text="Hi -0-", tokens=("-0-",),
    messages=tuple(m._replace(subject="", html="", text="", values=(str(m.seq),)) for m in PEOPLE),
)  # fmt: skip


class Desk:
    """Opens providers on one ledger."""

    def __init__(self, sandbox: Sandbox, home: Path) -> None:
        self.sandbox, self.ledger = sandbox, Ledger(home / "ledger.db")
        self.exchanges: list[Exchange] = []

    def open(self, name: str, key: str = "") -> Any:
        cls = providers.load(name)
        options = {f.name: f.default for f in cls.spec.fields if f.default}
        exchange = Exchange(
            cls.spec.paced({"requests_per_second": "1000"}), "default",
            lambda: Wire(loopback=True), self.ledger, sleep=lambda seconds: time.sleep(0.05),
        )  # fmt: skip
        exchange.scope = Scope(1, 1)
        self.exchanges.append(exchange)
        target = Target(cls.spec.base_url, sandbox=self.sandbox.url)
        login = FixedCredential(Login(options, {"api_key": Secret(key or KEYS[name])}))
        return cls(Client(exchange, target, login, options))

    def inbox(self) -> list[Any]:
        return list(self.sandbox.world.inbox.items)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with Sandbox(approve=True) as running:
        made = Desk(running, tmp_path)
        yield made
        for exchange in made.exchanges:
            exchange.close()
        made.ledger.close()


def test_resend_sends_each_message_once(desk: Desk) -> None:
    resend = desk.open("resend")
    assert resend.check().scopes == {"full_access", "sending_access"}
    first = resend.deliver(RENDERED)
    assert len(set(first.ids)) == 3
    assert resend.deliver(RENDERED) == first
    assert len(desk.inbox()) == 3
    events = {event.id: event for event in resend.track(Sent("launch", time.time() - 60))}
    assert events.keys() == set(first.ids)
    assert {event.address for event in events.values()} == {m.to for m in PEOPLE}
    with pytest.raises(e.Duplicate):
        resend.deliver(replace(RENDERED, messages=PEOPLE[:2]))


def test_resend_names_the_message_that_it_refuses(desk: Desk) -> None:
    people = (PEOPLE[0], PEOPLE[1]._replace(to="nobody"), PEOPLE[2])
    receipt = desk.open("resend").deliver(replace(RENDERED, messages=people))
    assert receipt.refused.keys() == {1}
    assert [bool(id) for id in receipt.ids] == [True, False, True]


def test_resend_knows_a_key_that_may_only_send(desk: Desk) -> None:
    resend = desk.open("resend", "re_sandbox_sending")
    assert resend.check().scopes == {"sending_access"}
    assert len(resend.deliver(RENDERED).ids) == 3
    with pytest.raises(e.Forbidden):
        list(resend.suppressed(0.0))
    with pytest.raises(e.Unauthorized):
        desk.open("resend", "re_other").check()


def test_resend_lists_what_there_is(desk: Desk) -> None:
    resend = desk.open("resend")
    assert all(row.address for row in resend.suppressed(0.0))
    assert all(resend.template(id) for id, _ in resend.templates())


def test_sendgrid_merges_for_each_recipient(desk: Desk) -> None:
    sendgrid = desk.open("sendgrid")
    assert "mail.send" in sendgrid.check().scopes
    assert sendgrid.deliver(MERGED).id
    texts = [str(item) for item in desk.inbox()]
    assert len(texts) == 3
    assert not [text for text in texts if "-0-" in text]
    assert [text for text in texts if "Hi 2" in text]


def test_sendgrid_sends_what_is_rendered_and_rehearses(desk: Desk) -> None:
    sendgrid = desk.open("sendgrid")
    one = replace(RENDERED, messages=PEOPLE[:1])
    assert sendgrid.deliver(replace(one, rehearsal=True)) == Receipt()
    assert desk.inbox() == []
    sendgrid.deliver(one)
    assert len(desk.inbox()) == 1


def test_sendgrid_keeps_mail_until_it_is_cancelled(desk: Desk) -> None:
    sendgrid = desk.open("sendgrid")
    hold = sendgrid.hold()
    sendgrid.deliver(replace(MERGED, send_at=time.time() + 3600, hold=hold))
    sendgrid.release(hold, ())
    with pytest.raises(e.Rejected):
        sendgrid.release(hold, ())


def test_sendgrid_names_the_recipient_that_it_refuses(desk: Desk) -> None:
    people = (MERGED.messages[0], MERGED.messages[1]._replace(to="nobody"))
    with pytest.raises(e.Rejected) as caught:
        desk.open("sendgrid").deliver(replace(MERGED, messages=people))
    assert caught.value.context.vendor_code.startswith("personalizations.1.")
    with pytest.raises(e.Forbidden):
        desk.open("sendgrid").deliver(replace(MERGED, sender=Mailbox("nobody")))
    assert desk.inbox() == []


def test_sendgrid_tells_what_became_of_it(desk: Desk) -> None:
    sendgrid = desk.open("sendgrid")
    sendgrid.deliver(MERGED)
    assert sendgrid.summarize(Sent("launch", time.time())).get("sent") == 3
    assert all(row.address for row in sendgrid.suppressed(0.0))


@pytest.mark.parametrize("name", KEYS)
def test_a_template_that_is_added_is_there(desk: Desk, name: str) -> None:
    provider = desk.open(name)
    id = provider.add_template("Launch", "<p>It is here</p>")
    assert (id, "Launch") in list(provider.templates())
    assert provider.template(id) == "<p>It is here</p>"
