"""Mail as a wire: one request is one message handed to an SMTP server (RFC 5321).

A request is JSON: ``from`` and ``to`` are the envelope, ``mime`` the message; GET only logs in.
An ``Authorization: Basic`` header is the name and password for AUTH (RFC 4954). What the server
says becomes a status as HTTP has it, and ``error.code``, ``error.enhanced`` (RFC 3463) and
``error.message``.
"""

from __future__ import annotations

import base64
import contextlib
import re
import smtplib
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple, NoReturn
from urllib.parse import urlsplit

from .http1 import readable
from .reply import Cut, NotSent, Response, reason
from .request import Request, unwritable
from .trust import trust

if TYPE_CHECKING:
    import socket

IDLE = 30.0  # seconds; a connection at rest for longer is not relied on
IMPLICIT_TLS = 465  # https://www.rfc-editor.org/rfc/rfc8314#section-3.3
_PATH = re.compile(r"[^\s<>\x00-\x20\x7f]+")
_EOL = re.compile(rb"\r\n|\r|\n")
_DOT = re.compile(rb"(?m)^\.")
_ENHANCED = re.compile(r"([245]\.\d{1,3}\.\d{1,3})[ \t]+")
_QUEUED = re.compile(r"(?:queued as|\bid=)\s*<?([\w.@-]+)")
_TAKEN = {"MAIL": (250,), "RCPT": (250, 251), "DATA": (354,), "message": (250,)}


class _Refused(Exception):
    """The server said no to a command."""

    def __init__(self, command: str, code: int, text: bytes | str) -> None:
        super().__init__(command)
        self.command, self.code = command, code
        self.text = text if isinstance(text, str) else text.decode("utf-8", "replace")


class _Server(NamedTuple):
    """Where to and as whom; a connection belongs to one of these."""

    host: str
    port: int
    tls: bool
    authorization: str


class MailWire:
    """Sends as `wire.Wire` does, but by SMTP; may be shared by threads.

    Each thread keeps its connection. TLS is used wherever the server offers it; a password goes
    nowhere without, but to this machine, which is spoken to in the clear.
    """

    def __init__(self, *, loopback: bool) -> None:
        self._loopback, self._trust = loopback, trust(loopback=loopback)
        self._mine, self._lock = threading.local(), threading.Lock()
        self._all = set[_Line]()

    def send(self, request: Request, timeout: float) -> Response:
        """Return what the server said as a response, or raise `NotSent` or `Cut`.

        `Cut` means that the whole message was handed over and no answer came. `InvalidInput` for
        what no SMTP command can carry.
        """
        server = _server(request)
        line: _Line | None = getattr(self._mine, "line", None)
        try:
            if line is None or line.server != server or not line.usable():
                self._drop(line)
                line = self._connect(server, timeout)
            if request.endpoint.method == "GET":
                return _answer(200, {"code": 250, "text": line.greeting})
            return line.deliver(*_message(request), timeout)
        except _Refused as no:
            return _refusal(no)
        except BaseException:
            self._drop(getattr(self._mine, "line", None))
            raise

    def close(self) -> None:
        """Close the connections of all threads."""
        with self._lock:
            for line in self._all:
                line.quit()
            self._all.clear()
            self._mine = threading.local()

    def _connect(self, server: _Server, timeout: float) -> _Line:
        try:
            line = _Line(server, timeout, self._trust)
            try:
                line.log_in(self._trust, loopback=self._loopback)
            except BaseException:
                line.smtp.close()
                raise
        except smtplib.SMTPResponseException as no:
            if not 200 <= no.smtp_code < 600:
                raise NotSent("the answer is not SMTP") from None
            raise _Refused("connect", no.smtp_code, no.smtp_error) from None
        except (OSError, smtplib.SMTPException) as error:
            raise NotSent(_why(error, "no connection in time")) from None
        except UnicodeError:  # no name of a host; or a password that AUTH cannot carry
            raise unwritable() from None
        self._mine.line = line
        with self._lock:
            self._all.add(line)
        return line

    def _drop(self, line: _Line | None) -> None:
        if line is not None:
            self._mine.line = None
            line.smtp.close()
            with self._lock:
                self._all.discard(line)


class _Line:
    """A connection that is logged in."""

    def __init__(self, server: _Server, timeout: float, context: ssl.SSLContext) -> None:
        # The name for EHLO is set below: smtplib would ask the DNS for one.
        self.server, name = server, "localhost"
        self.smtp: smtplib.SMTP = (
            smtplib.SMTP_SSL(server.host, server.port, name, timeout=timeout, context=context)
            if server.tls
            else smtplib.SMTP(server.host, server.port, name, timeout)
        )
        self.smtp.local_hostname = _literal(self.smtp.sock)
        self.greeting, self._idle_since, self._busy = "", time.monotonic(), False

    def log_in(self, context: ssl.SSLContext, *, loopback: bool) -> None:
        """Say who we are, over TLS where there is any, and with the password if there is one."""
        smtp, authorization = self.smtp, self.server.authorization
        smtp.ehlo_or_helo_if_needed()
        safe = loopback or self.server.tls
        if not safe and smtp.has_extn("starttls"):
            smtp.starttls(context=context)
            smtp.ehlo_or_helo_if_needed()
            safe = True
        self.greeting = (smtp.ehlo_resp or smtp.helo_resp or b"").split(b"\n")[0].decode("latin-1")
        if not authorization:
            return
        if not safe:
            raise _Refused("connect", 554, "5.7.4 no TLS, and without it no password is sent")
        user, _, password = base64.b64decode(authorization.split(" ")[1]).decode().partition(":")
        try:
            smtp.login(user, password)
        except (smtplib.SMTPResponseException, smtplib.SMTPServerDisconnected):
            raise
        except smtplib.SMTPException:
            raise _Refused("connect", 554, "5.7.4 no way to log in with a password") from None

    def usable(self) -> bool:
        """Whether the server is still there, as far as can be told without asking it."""
        sock = self.smtp.sock
        if sock is None or time.monotonic() - self._idle_since > IDLE:
            return False
        return not readable(sock)

    def deliver(self, sender: str, to: str, message: bytes, timeout: float) -> Response:
        """Hand over one message; up to its last byte the server has none (section 4.1.1.4)."""
        assert self.smtp.sock is not None, "usable"
        self.smtp.sock.settimeout(timeout)
        self._busy = True
        try:
            self._open(sender, to, message)
            self.smtp.send(_DOT.sub(b"..", message) + b".\r\n")
        except smtplib.SMTPResponseException as no:  # a line without end
            raise NotSent("the answer is not SMTP") from no
        except OSError as error:
            raise NotSent(_why(error, "no answer in time")) from None
        try:
            code, text = self.smtp.getreply()
        except OSError as error:
            raise Cut(_why(error, "no answer in time")) from None
        self._rest()
        if not 200 <= code < 600:
            raise Cut("the answer is not SMTP")
        if code >= 300:
            self._give_up("message", code, text)
        said = text.decode("utf-8", "replace")
        queued = _QUEUED.search(said)
        return _answer(200, {"code": code, "text": said, "id": queued[1] if queued else ""})

    def _open(self, sender: str, to: str, message: bytes) -> None:
        """Send the envelope; pipelined (RFC 2920) it takes one round trip instead of three."""
        lines = {
            "MAIL": f"MAIL FROM:<{sender}>{self._options(sender + to, message)}",
            "RCPT": f"RCPT TO:<{to}>",
            "DATA": "DATA",
        }
        self.smtp.command_encoding = "utf-8"  # ASCII, but for what _options lets through
        piped = self.smtp.has_extn("pipelining")
        replies = list(self._piped(lines) if piped else self._in_turn(lines))
        for command, (code, text) in zip(lines, replies, strict=False):
            if code in _TAKEN[command]:
                continue
            if not 200 <= code < 600:
                raise NotSent("the answer is not SMTP")
            if len(replies) == len(lines) and command != "DATA" and replies[-1][0] == 354:
                self.smtp.send(".\r\n")  # to nobody: RFC 2920 section 3.1
                self.smtp.getreply()
            self._give_up(command, code, text)

    def _piped(self, lines: Mapping[str, str]) -> Iterator[tuple[int, bytes]]:
        self.smtp.send("".join(f"{line}\r\n" for line in lines.values()))
        for _ in lines:
            reply = self.smtp.getreply()
            yield reply
            if reply[0] == 421:  # it hangs up
                return

    def _in_turn(self, lines: Mapping[str, str]) -> Iterator[tuple[int, bytes]]:
        for command, line in lines.items():
            reply = self.smtp.docmd(line)
            yield reply
            if reply[0] not in _TAKEN[command]:
                return

    def _options(self, addresses: str, message: bytes) -> str:
        options = f" SIZE={len(message)}" if self.smtp.has_extn("size") else ""
        if addresses.isascii() and message.isascii():
            return options
        if not self.smtp.has_extn("smtputf8"):
            raise _Refused("RCPT", 553, "5.6.7 takes no address outside ASCII")
        return f"{options} BODY=8BITMIME SMTPUTF8"

    def _give_up(self, command: str, code: int, text: bytes) -> NoReturn:
        try:
            if code == 421:
                self.smtp.close()
            elif command != "message":  # after the message there is nothing to reset
                self.smtp.rset()
                self._rest()
        except OSError:
            self.smtp.close()
        raise _Refused(command, code, text)

    def _rest(self) -> None:
        self._idle_since, self._busy = time.monotonic(), False

    def quit(self) -> None:
        """Take leave without waiting for the answer, and not in the middle of a message."""
        with contextlib.suppress(OSError):
            if not self._busy:
                self.smtp.send("QUIT\r\n")
        self.smtp.close()


def _server(request: Request) -> _Server:
    parts = urlsplit(request.url)
    tls = parts.scheme == "smtps"
    port = parts.port or (IMPLICIT_TLS if tls else 587)
    return _Server(
        parts.hostname or "", port, tls or port == IMPLICIT_TLS,
        request.all_headers().get("Authorization", ""),
    )  # fmt: skip


def _message(request: Request) -> tuple[str, str, bytes]:
    sender, to = str(request.json["from"]), str(request.json["to"])
    if not (_PATH.fullmatch(sender) and _PATH.fullmatch(to)):
        raise unwritable()
    try:
        message = _EOL.sub(b"\r\n", str(request.json["mime"]).encode())
    except UnicodeError:
        raise unwritable() from None
    return sender, to, message if message.endswith(b"\r\n") else message + b"\r\n"


def _literal(sock: socket.socket | None) -> str:
    """Our address as EHLO takes it of who has no name (section 4.1.3)."""
    assert sock is not None, "connected"
    address = str(sock.getsockname()[0]).partition("%")[0]
    return f"[IPv6:{address}]" if ":" in address else f"[{address}]"


def _refusal(no: _Refused) -> Response:
    found = _ENHANCED.match(no.text)
    error = {
        "code": str(no.code),
        "enhanced": found[1] if found else "",
        "command": no.command,
        "message": _ENHANCED.sub("", no.text.replace("\n", " ")),
    }
    return _answer(_status(no), {"error": error})


def _status(no: _Refused) -> int:
    """The status that says what to do: wait, log in, ask for a right, or change the message."""
    if no.code < 500:  # the server is busy, or this one message has to wait
        return 429 if no.code == 421 or no.command in ("connect", "MAIL") else 425
    if no.code in (530, 534, 535, 538):
        return 401
    return 403 if no.command in ("connect", "MAIL") and no.code != 552 else 422


def _answer(status: int, data: object) -> Response:
    import orjson

    return Response(status, {"content-type": "application/json"}, orjson.dumps(data))


def _why(error: Exception, late: str) -> str:
    """smtplib hides the reason behind a "disconnected" of its own."""
    if isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError):
        return late
    return reason(error)
