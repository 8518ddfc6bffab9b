"""Mail as a wire, against servers on loopback that say what the test wants."""

from __future__ import annotations

import base64
import contextlib
import socket
import socketserver
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from mktool.errors import InvalidInput
from mktool.http import mail
from mktool.http.mail import MailWire
from mktool.http.reply import Cut, NotSent
from mktool.http.request import Request
from mktool.spec import Endpoint, Signed
from tests.tls import certificate

from .conftest import KEY

FEATURES = "250-here\r\n250-PIPELINING\r\n250-SMTPUTF8\r\n250-AUTH PLAIN\r\n250 SIZE 1000000"
USUAL = {
    "greeting": "220 here ESMTP", "EHLO": FEATURES, "AUTH": "235 2.7.0 welcome",
    "MAIL": "250 2.1.0 ok", "RCPT": "250 2.1.5 ok", "DATA": "354 go on",
    ".": "250 2.0.0 Ok: queued as 4F2A", "RSET": "250 ok", "STARTTLS": "220 go on",
}  # fmt: skip


class Post(socketserver.ThreadingTCPServer):
    """Answers each verb from ``replies``; "" hangs up, and None says nothing."""

    daemon_threads, block_on_close = True, False

    def __init__(self, replies: Mapping[str, str | None], context: ssl.SSLContext | None) -> None:
        super().__init__(("127.0.0.1", 0), _Talk)
        self.replies: dict[str, str | None] = {**USUAL, **replies}
        self.context, self.implicit = context, False
        self.commands, self.messages, self.connections = list[str](), list[bytes](), 0

    @property
    def url(self) -> str:
        return f"smtp://localhost:{self.server_address[1]}"


class _Talk(socketserver.StreamRequestHandler):
    server: Post

    def handle(self) -> None:
        self.server.connections += 1
        try:
            if self.server.implicit:
                self._secure()
            going = self._say("greeting")
            while going:
                going = self._next()
        except OSError:
            pass
        finally:
            self.request.close()

    def _next(self) -> bool:
        line = self.rfile.readline().decode()
        verb = line[:4].upper().strip() if line[:8] != "STARTTLS" else "STARTTLS"
        if not verb or verb == "QUIT":
            return False
        self.server.commands.append(line.rstrip("\r\n"))
        if verb == "DATA" and self.server.replies["DATA"] == USUAL["DATA"]:
            return self._say("DATA") and self._message()
        said = self._say(verb)
        if verb == "STARTTLS":
            self._secure()
        return said

    def _message(self) -> bool:
        lines = list(iter(self.rfile.readline, b".\r\n"))
        self.server.messages.append(b"".join(lines))
        return self._say(".")

    def _say(self, verb: str) -> bool:
        reply = self.server.replies.get(verb, "502 what?")
        if reply is None:
            time.sleep(0.6)
        elif reply:
            self.wfile.write(f"{reply}\r\n".encode())
        return bool(reply) and not (reply or "").startswith("421")

    def _secure(self) -> None:
        assert self.server.context is not None
        self.request = self.server.context.wrap_socket(self.request, server_side=True)
        self.setup()
        self.server.replies["EHLO"] = FEATURES


@contextlib.contextmanager
def post(
    replies: Mapping[str, str | None] | None = None, context: ssl.SSLContext | None = None
) -> Iterator[Post]:
    with Post(replies or {}, context) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def wire() -> Iterator[MailWire]:
    opened = MailWire(loopback=True)
    yield opened
    opened.close()


def letter(server: Post, *, password: str = "", **parts: str) -> Request:
    json = {"from": "a@acme.example", "to": "b@there.example", "mime": "A: 1\r\n\r\nhello\r\n"}
    pair = base64.b64encode(f"ann:{password}".encode()).decode()
    signed = Signed({"Authorization": f"Basic {pair}"} if password else {})
    return Request(
        Endpoint("send", "POST", ""), server.url, server.url, json={**json, **parts}, signed=signed
    )


def test_a_message_is_handed_over_and_the_connection_kept(wire: MailWire) -> None:
    with post() as server:
        first = wire.send(letter(server, mime="A: 1\n\n.dot\r\n..\rend"), 5)
        second = wire.send(letter(server, to="é@there.example"), 5)
    assert first.json() == {"code": 250, "text": "2.0.0 Ok: queued as 4F2A", "id": "4F2A"}
    assert second.status == 200
    assert server.connections == 1
    assert server.messages == [b"A: 1\r\n\r\n..dot\r\n...\r\nend\r\n", b"A: 1\r\n\r\nhello\r\n"]
    assert server.commands == [
        "ehlo [127.0.0.1]",
        "MAIL FROM:<a@acme.example> SIZE=23", "RCPT TO:<b@there.example>", "DATA",
        "MAIL FROM:<a@acme.example> SIZE=15 BODY=8BITMIME SMTPUTF8", "RCPT TO:<é@there.example>",
        "DATA",
    ]  # fmt: skip


@pytest.mark.parametrize("features", [FEATURES, "250 here"], ids=["piped", "in turn"])
@pytest.mark.parametrize(
    ("verb", "reply", "status", "code"),
    [
        ("MAIL", "550 5.1.8 sender unknown", 403, "5.1.8"),
        ("MAIL", "552 5.3.4 too big", 422, "5.3.4"),
        ("MAIL", "451 4.3.0 later", 429, "4.3.0"),
        ("RCPT", "550 5.1.1 nobody", 422, "5.1.1"),
        ("RCPT", "450 4.2.0 greylisted", 425, "4.2.0"),
        ("DATA", "554 5.5.1 no", 422, "5.5.1"),
        (".", "554-5.7.1 spam\r\n554 5.7.1 really", 422, "5.7.1"),
        (".", "452 full", 425, ""),
    ],
)
def test_a_refusal_is_an_answer_after_which_the_next_goes_out(
    wire: MailWire, features: str, verb: str, reply: str, status: int, code: str
) -> None:
    with post({"EHLO": features, verb: reply}) as server:
        refused = wire.send(letter(server), 5)
        server.replies |= USUAL
        assert wire.send(letter(server), 5).status == 200
    said = refused.json()["error"]
    assert (refused.status, said["enhanced"], said["code"]) == (status, code, reply[:3])
    assert server.connections == 1
    assert len([m for m in server.messages if m]) == (2 if verb == "." else 1)


def test_nobody_takes_a_message_whose_recipient_was_refused(wire: MailWire) -> None:
    with post({"RCPT": "550 5.1.1 nobody"}) as server:
        wire.send(letter(server), 5)
    assert server.messages == [b""]  # the server asked for one all the same


def test_a_server_that_says_goodbye_is_connected_to_again(wire: MailWire) -> None:
    with post({"MAIL": "421 4.3.2 shutting down"}) as server:
        assert wire.send(letter(server), 5).status == 429
        server.replies |= USUAL
        assert wire.send(letter(server), 5).status == 200
        server.replies["."] = "421 4.4.5 not now"
        assert wire.send(letter(server), 5).status == 429
        assert server.connections == 2


@pytest.mark.parametrize("verb", ["greeting", "EHLO", "MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize(
    ("reply", "words"), [("", "cut"), (None, "in time"), ("huh, what?", "not SMTP")]
)
def test_before_the_last_byte_nothing_was_sent(
    wire: MailWire, verb: str, reply: str | None, words: str
) -> None:
    replies = {"EHLO": "250 here", "HELO": reply, verb: reply}
    with post(replies) as server, pytest.raises(NotSent, match=words):
        wire.send(letter(server), 0.2)


@pytest.mark.parametrize(
    ("reply", "words"), [("", "cut"), (None, "in time"), ("huh, what?", "not SMTP")]
)
def test_after_it_an_answer_that_is_lost_is_cut(
    wire: MailWire, reply: str | None, words: str
) -> None:
    with post({".": reply}) as server:
        with pytest.raises(Cut, match=words):
            wire.send(letter(server), 0.2)
        server.replies |= USUAL
        assert wire.send(letter(server), 5).status == 200
        assert server.connections == 2


def test_a_connection_that_was_closed_or_idle_is_not_used_again(
    wire: MailWire, monkeypatch: pytest.MonkeyPatch
) -> None:
    with post() as server:
        wire.send(letter(server), 5)
        monkeypatch.setattr(mail, "IDLE", 0.0)
        wire.send(letter(server), 5)
        assert server.connections == 2


@pytest.mark.parametrize(
    "parts",
    [
        {"to": "b@there.example>\r\nRCPT TO:<c@d"},
        {"to": "b c@there.example"},
        {"from": "a\n@acme.example"},
        {"to": ""},
        {"mime": "\ud800"},
    ],
)
def test_no_command_can_be_smuggled_in(wire: MailWire, parts: dict[str, str]) -> None:
    with post() as server, pytest.raises(InvalidInput, match="cannot be written"):
        wire.send(letter(server, **parts), 5)
    assert len(server.commands) == 1


def test_a_message_cannot_end_early(wire: MailWire) -> None:
    with post() as server:
        wire.send(letter(server, mime="A: 1\r\n\r\nx\n.\nMAIL FROM:<e@vil>\r.\r\n.\r\n"), 5)
    assert server.messages == [b"A: 1\r\n\r\nx\r\n..\r\nMAIL FROM:<e@vil>\r\n..\r\n..\r\n"]


def test_an_address_that_the_server_cannot_take(wire: MailWire) -> None:
    with post({"EHLO": "250 here"}) as server:
        refused = wire.send(letter(server, to="é@there.example"), 5)
    assert (refused.status, refused.json()["error"]["enhanced"]) == (422, "5.6.7")


def test_nobody_there(wire: MailWire) -> None:
    with post() as server, socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        request = _at(letter(server), f"smtp://127.0.0.1:{deaf.getsockname()[1]}")
        with pytest.raises(NotSent, match="Connection refused"):
            wire.send(request, 5)


@pytest.mark.parametrize(
    ("features", "reply", "status"),
    [
        (FEATURES, "235 welcome", 200),
        (FEATURES, "535 5.7.8 wrong", 401),
        (FEATURES, "454 4.7.0 later", 429),
        ("250 AUTH X-OAUTH", "235 welcome", 403),
        ("250 here", "235 welcome", 403),
    ],
)
def test_the_password(wire: MailWire, features: str, reply: str, status: int) -> None:
    with post({"EHLO": f"250-here\r\n{features}", "AUTH": reply}) as server:
        answer = wire.send(letter(server, password=KEY), 5)
    assert answer.status == status
    assert KEY not in answer.body.decode()
    spoken = base64.b64encode(f"\0ann\0{KEY}".encode()).decode()
    assert (f"AUTH PLAIN {spoken}" in server.commands) == (features == FEATURES)


@pytest.mark.parametrize("implicit", [False, True], ids=["STARTTLS", "smtps"])
def test_a_password_travels_over_tls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, implicit: bool
) -> None:
    trusted, context = certificate(tmp_path)
    offers: dict[str, str | None] = {} if implicit else {"EHLO": "250-here\r\n250 STARTTLS"}
    unaware = MailWire(loopback=False)
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    aware = MailWire(loopback=False)
    for wire in (unaware, aware):
        with post(offers, context) as server:
            server.implicit = implicit
            request = letter(server, password=KEY)
            if implicit:
                request = _at(request, server.url.replace("smtp:", "smtps:"))
            if wire is unaware:
                with pytest.raises(NotSent, match="TLS: CERTIFICATE_VERIFY_FAILED"):
                    wire.send(request, 5)
                assert not server.messages
            else:
                assert wire.send(request, 5).status == 200
            wire.close()


def _at(request: Request, url: str) -> Request:
    return Request(request.endpoint, url, url, json=request.json, signed=request.signed)


def test_without_tls_no_password_leaves_this_machine() -> None:
    wire = MailWire(loopback=False)
    with post() as server:
        refused = wire.send(letter(server, password=KEY), 5)
        assert (refused.status, refused.json()["error"]["enhanced"]) == (403, "5.7.4")
        assert wire.send(letter(server), 5).status == 200  # without one it is as any mail
        wire.close()
    assert not [line for line in server.commands if line.startswith("AUTH")]


def test_threads_have_connections_of_their_own(wire: MailWire) -> None:
    with post() as server:
        results: list[int] = []

        def run() -> None:
            results.extend(wire.send(letter(server), 5).status for _ in range(5))

        threads = [threading.Thread(target=run) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert results == [200] * 20
        assert server.connections == 4
