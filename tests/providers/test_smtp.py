"""SMTP: what travels, and what becomes of refusals, at the sandbox's mail server."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest

from mktool import errors as e
from mktool.core.check import prove
from mktool.core.session import Session, open_session
from mktool.core.settings import Settings, environment_accounts
from mktool.http.client import DryRun
from mktool.http.target import Target
from mktool.message import Batch, Mailbox, Message, Receipt
from mktool.providers.smtp import Smtp
from mktool.sandbox.server import Sandbox
from mktool.store.config import Config

HELLO = Message(7, "ann@there.example", "Hëllo  there\r\nBcc: x@y", "<p>é</p>", "é\n.\nFrom me")


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


def settings(sandbox: Sandbox | None = None, **environ: str) -> Settings:
    given = {"MKTOOL_SMTP_HOST": "mail.acme.example", **environ}
    if sandbox is not None:
        given["MKTOOL_SANDBOX"] = sandbox.url
    return Settings(Config(Path("config.toml"), {}), given)


@pytest.fixture
def session(sandbox: Sandbox) -> Iterator[Session]:
    opened = open_session(settings(sandbox), "smtp")
    yield opened
    opened.close()


def batch(message: Message = HELLO, **parts: object) -> Batch:
    sender = Mailbox("news@acme.example", "Acme, Büro")
    return Batch("launch", "k1", sender, [message], **parts)  # type: ignore[arg-type]


def deliver(session: Session, what: Batch) -> Receipt:
    assert isinstance(session.provider, Smtp)
    return session.provider.deliver(what)


def shown(what: Batch) -> tuple[dict[str, str], EmailMessage]:
    """Return what a dry run shows, and its message as a mail program reads it."""
    options = {"host": "mail.acme.example", "port": "587"}
    dry = DryRun(Smtp.spec, Target(Smtp.spec.base_url), options, frozenset())
    Smtp(dry).deliver(what)
    (request,) = dry.requests
    assert request["url"] == "smtp://mail.acme.example:587"
    letter: dict[str, str] = request["json"]
    read = email.message_from_string(letter["mime"], policy=email.policy.default)
    return letter, read


def test_a_message_arrives(session: Session, sandbox: Sandbox) -> None:
    receipt = deliver(session, batch())
    (item,) = sandbox.world.inbox.items
    assert receipt == Receipt((item.id,))
    assert (item.to, item.subject) == ("ann@there.example", "Hëllo there Bcc: x@y")
    assert (item.text.rstrip(), item.html.rstrip()) == ("é\n.\nFrom me", "<p>é</p>")


def test_what_travels() -> None:
    letter, mail = shown(
        batch(
            HELLO._replace(unsubscribe="https://acme.example/u/1,2;" + "x" * 200),
            reply_to="ann@acme.example",
            tags=("a", "b"),
            extra={"headers": {"X-More": "1\r\nBcc: y@z"}},
        )
    )
    assert (letter["from"], letter["to"]) == ("news@acme.example", "ann@there.example")
    assert mail["Bcc"] is None
    assert [part.get_content_type() for part in mail.walk()] == [
        "multipart/alternative", "text/plain", "text/html",
    ]  # fmt: skip
    found = {name: str(mail[name]) for name in ("From", "Reply-To", "Subject", "X-More")}
    assert found == {
        "From": '"Acme, Büro" <news@acme.example>', "Reply-To": "ann@acme.example",
        "Subject": "Hëllo there Bcc: x@y", "X-More": "1 Bcc: y@z",
    }  # fmt: skip
    assert f"List-Unsubscribe: <https://acme.example/u/1,2;{'x' * 200}>\r\n" in letter["mime"]
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert (mail["X-Mktool-Campaign"], mail["X-Mktool-Tags"]) == ("launch", "a, b")
    assert letter["mime"].isascii()


def test_the_message_id_is_that_of_the_recipient_and_of_nobody_else() -> None:
    ids = [shown(batch(m))[1]["Message-ID"] for m in (HELLO, HELLO, HELLO._replace(seq=8))]
    assert ids[0] == ids[1] != ids[2]
    assert ids[0].endswith("@acme.example>")


@pytest.mark.parametrize(
    ("to", "reached"),
    [("ann@bücher.example", "ann@xn--bcher-kva.example"), ("é@there.example", "é@there.example")],
)
def test_addresses_outside_ascii(session: Session, sandbox: Sandbox, to: str, reached: str) -> None:
    deliver(session, batch(HELLO._replace(to=to, html="")))
    assert [item.to for item in sandbox.world.inbox.items] == [reached]


@pytest.mark.parametrize("header", ["X More", "X:", "X-É", ""])
def test_what_is_no_header_is_bad_input(header: str) -> None:
    with pytest.raises(e.InvalidInput, match="name of a header"):
        shown(batch(extra={"headers": {header: "1"}}))


def test_a_recipient_who_is_refused(session: Session) -> None:
    with pytest.raises(e.Rejected) as caught:
        deliver(session, batch(HELLO._replace(to="refuse@there.example")))
    assert caught.value.context.vendor_code == "5.1.1"


def test_one_who_is_deferred_again_and_again_holds_up_nobody(session: Session) -> None:
    session.exchange.sleep = lambda seconds: None
    receipt = deliver(session, batch(HELLO._replace(to="defer@there.example")))
    assert receipt.refused[0].code == "4.7.1"


@pytest.mark.parametrize(("password", "error"), [("sandbox", None), ("other", e.Unauthorized)])
def test_the_check_logs_in(
    sandbox: Sandbox, password: str, error: type[e.MktoolError] | None
) -> None:
    given = settings(sandbox, MKTOOL_SMTP_USERNAME="ann", MKTOOL_SMTP_PASSWORD=password)
    proof = prove(given, "smtp")
    assert type(proof.error) is (error or type(None))
    assert proof.error or proof.name == "ann at mail.acme.example"


def test_a_machine_without_a_mail_server_is_not_connected() -> None:
    bare = Settings(Config(Path("config.toml"), {}), {"MKTOOL_OTHER_HOST": "x"})
    assert "smtp" not in environment_accounts(bare)
    assert "smtp" in environment_accounts(settings())


@pytest.mark.parametrize("host", ["a@b", "a/b", "", "a b", "a:1"])
def test_a_host_that_is_none(host: str) -> None:
    with pytest.raises((e.ConfigError, e.NeedsLogin)):
        open_session(settings(MKTOOL_SMTP_HOST=host), "smtp")


def test_where_a_password_may_go_is_part_of_its_origin() -> None:
    home = Target(Smtp.spec.base_url)
    assert home.at({"host": "Mail.example", "port": "587"}).origin == "smtp://mail.example"
    assert home.at({"host": "mail.example", "port": "25"}).origin == "smtp://mail.example:25"
