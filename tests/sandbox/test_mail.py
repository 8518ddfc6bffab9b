"""The mail server: what it announces, takes, refuses, and how it fails."""

from __future__ import annotations

import smtplib
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from email.message import EmailMessage

import pytest

from mktool.errors import InvalidInput
from mktool.sandbox.faults import Faults
from mktool.sandbox.server import HOST, Sandbox

from .conftest import picture

Connect = Callable[[Sandbox], smtplib.SMTP]


@pytest.fixture
def connect() -> Iterator[Connect]:
    with ExitStack() as stack:

        def dial(sandbox: Sandbox) -> smtplib.SMTP:
            client = smtplib.SMTP(HOST, sandbox.smtp_port, local_hostname="t", timeout=10)
            stack.callback(client.close)
            return client

        yield dial


def mail(subject: str = "News", to: str = "ann@acme.example") -> EmailMessage:
    message = EmailMessage()
    message["From"] = "Björn <bjorn@sender.example>"
    message["To"] = to
    message["Subject"] = subject
    message["List-Unsubscribe"] = "<https://sender.example/u/1>"
    message.set_content("Grüße\n")
    message.add_alternative("<p>Grüße</p>\n", subtype="html")
    return message


def subjects(sandbox: Sandbox) -> list[str]:
    return [item.subject for item in sandbox.world.inbox.items]


def test_a_mail_is_taken_apart(sandbox: Sandbox, connect: Connect) -> None:
    message = mail("Grüße 🎉")
    png = picture()
    message.add_attachment(png, maintype="image", subtype="png", filename="a.png")
    connect(sandbox).send_message(message, to_addrs=["ann@acme.example", "bob@acme.example"])
    (item,) = sandbox.world.inbox.items
    assert (item.vendor, item.kind, item.subject) == ("smtp", "email", "Grüße 🎉")
    assert (item.text, item.html) == ("Grüße\n", "<p>Grüße</p>\n")
    assert item.sender == "Björn <bjorn@sender.example>"
    assert item.to == "ann@acme.example, bob@acme.example"
    assert item.extra == {"List-Unsubscribe": "<https://sender.example/u/1>"}
    assert [(m.name, m.mime, m.data) for m in item.media] == [("a.png", "image/png", png)]


def test_what_the_server_announces(sandbox: Sandbox, connect: Connect) -> None:
    client = connect(sandbox)
    client.ehlo()
    assert {"size", "8bitmime", "smtputf8", "pipelining", "auth"} <= set(client.esmtp_features)
    assert "starttls" not in client.esmtp_features


def test_commands_may_come_all_at_once(sandbox: Sandbox) -> None:
    commands = (
        "EHLO t\r\nMAIL FROM:<a@a.example>\r\nRCPT TO:<refuse@b.example>\r\n"
        "RCPT TO:<c@b.example>\r\nDATA\r\nSubject: one\r\n\r\nHi\r\n.\r\nQUIT\r\n"
    )
    with socket.create_connection((HOST, sandbox.smtp_port), timeout=10) as wire:
        wire.sendall(commands.encode())
        answers = b"".join(iter(lambda: wire.recv(4096), b"")).decode().splitlines()
    codes = [line[:3] for line in answers if line[3] == " "]
    assert codes == ["220", "250", "250", "550", "250", "354", "250", "221"]
    assert subjects(sandbox) == ["one"]


@pytest.mark.parametrize("mechanism", ["auth_plain", "auth_login"])
def test_only_a_made_up_password_is_let_in(
    sandbox: Sandbox, connect: Connect, mechanism: str
) -> None:
    client = connect(sandbox)
    client.ehlo()
    client.user, client.password = "ann", "hunter2"
    with pytest.raises(smtplib.SMTPAuthenticationError) as refused:
        client.auth(mechanism[5:], getattr(client, mechanism))
    assert refused.value.smtp_code == 535
    client.password = "sandbox-1"
    assert client.auth(mechanism[5:], getattr(client, mechanism))[0] == 235
    client.send_message(mail())
    assert sandbox.world.inbox.items[0].account == "ann"


@pytest.mark.parametrize(("local", "code"), [("refuse.me", 550), ("defer", 451)])
def test_some_recipients_are_refused(
    sandbox: Sandbox, connect: Connect, local: str, code: int
) -> None:
    refused = connect(sandbox).send_message(mail(), to_addrs=[f"{local}@b.example", "c@b.example"])
    assert {address: reply[0] for address, reply in refused.items()} == {f"{local}@b.example": code}
    assert sandbox.world.inbox.items[0].to == "c@b.example"


def test_an_address_may_be_in_any_script(sandbox: Sandbox, connect: Connect) -> None:
    to = "grüße@παράδειγμα.example"
    connect(sandbox).send_message(mail(to=to), to_addrs=[to])
    assert sandbox.world.inbox.items[0].to == to


@pytest.mark.parametrize(
    ("fault", "code", "stays"), [("429@1", 451, True), ("503@1", 421, False), ("400@1", 554, True)]
)
def test_a_status_is_said_in_the_words_of_smtp(
    serve: Callable[..., Sandbox], connect: Connect, fault: str, code: int, stays: bool
) -> None:
    sandbox = serve(faults=Faults.parse(f"{fault}:DATA /smtp"))
    client = connect(sandbox)
    with pytest.raises(smtplib.SMTPDataError) as refused:
        client.send_message(mail("first"))
    assert refused.value.smtp_code == code
    client = client if stays else connect(sandbox)
    client.send_message(mail("second"))
    assert subjects(sandbox) == ["second"]
    assert [(row.status, row.fault) for row in sandbox.world.calls] == [
        (code, fault[:3]),
        (250, ""),
    ]


@pytest.mark.parametrize(("kind", "taken"), [("cut", ["first"]), ("drop", [])])
def test_the_line_goes_dead_after_the_last_dot(
    serve: Callable[..., Sandbox], connect: Connect, kind: str, taken: list[str]
) -> None:
    sandbox = serve(faults=Faults.parse(f"{kind}@1"))
    with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionError)):
        connect(sandbox).send_message(mail("first"))
    connect(sandbox).send_message(mail("second"))
    assert subjects(sandbox) == [*taken, "second"]
    assert [(row.status, row.fault) for row in sandbox.world.calls] == [(0, kind), (250, "")]


@pytest.mark.parametrize(
    "source",
    [
        b"",
        b"no header at all",
        b"Subject: =?utf-8?q?=ff?=\r\nContent-Type: text/plain; charset=klingon\r\n\r\n\xff\xfe",
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: multipart/",
        b"From: \"\r\nTo: <<>>\r\nContent-Disposition: attachment; filename*=x''%\r\n\r\n.",
    ],
)
def test_a_malformed_mail_is_taken_as_it_is(
    sandbox: Sandbox, connect: Connect, source: bytes
) -> None:
    connect(sandbox).sendmail("a@a.example", ["b@b.example"], source)
    (item,) = sandbox.world.inbox.items
    assert item.to == "b@b.example"
    assert item.to_json()


def test_both_ports_must_be_free() -> None:
    with Sandbox() as running, pytest.raises(InvalidInput):
        Sandbox(port=running.smtp_port).start()
    with Sandbox() as running:
        assert running.url.endswith(f":{running.smtp_port - 1}")


def test_mail_is_on_the_page(sandbox: Sandbox, connect: Connect) -> None:
    import httpx

    connect(sandbox).send_message(mail("On the page"))
    page = httpx.get(sandbox.url, trust_env=False)
    assert page.status_code == 200
    assert "Grüße" in page.text
