"""The mail server of the sandbox: what it takes is shown, and goes no further.

SMTP by RFC 5321 with SIZE, 8BITMIME, PIPELINING, SMTPUTF8 and AUTH. A login is not needed, and one
that does not say "sandbox" is refused. There is no STARTTLS: it listens on loopback only.
"""

from __future__ import annotations

import asyncio
import time
from email import message_from_bytes
from email.message import EmailMessage, MIMEPart
from email.policy import EmailPolicy, default
from functools import lru_cache
from typing import Any, cast

from ..errors import Unsupported

try:
    from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
except ModuleNotFoundError as error:
    raise Unsupported("the sandbox needs aiosmtpd", hint="pip install 'mktool[server]'") from error

from .inbox import Attachment, Item
from .world import World

VENDOR, TITLE, COLOR = "smtp", "Mail", "#4a5a2f"
HOSTNAME = "sandbox.localhost"  # given, as looking up the machine's own can take seconds
LARGEST = 32 << 20  # bytes of one mail
_FAULT_PATH = "/smtp"  # --faults 'cut@3:DATA /smtp'
_STRUCTURE = {"from", "to", "subject", "mime-version"}
# What is wrong with a recipient, by how the address begins.
_REFUSED = {
    "refuse": "550 5.1.1 No such mailbox here",
    "defer": "451 4.7.1 Greylisted, try again later",
}


def mail_server(world: World) -> SMTP:
    """Return the protocol of one connection, for the running event loop."""
    return SMTP(
        Mailroom(world), data_size_limit=LARGEST, enable_SMTPUTF8=True, hostname=HOSTNAME,
        ident="mktool sandbox", authenticator=_authenticated, auth_require_tls=False,
        loop=asyncio.get_running_loop(),
    )  # fmt: skip


class _Lenient(EmailPolicy):
    """Reads a header that the standard library's parser trips over as an empty one."""

    def header_fetch_parse(self, name: str, value: str) -> Any:
        return _header(name, value)


@lru_cache(maxsize=1024)  # the parser asks for the same header of a part again and again
def _header(name: str, value: str) -> Any:
    try:
        return default.header_fetch_parse(name, value)
    except (AttributeError, IndexError, TypeError, ValueError):
        return default.header_factory(name, "")


_LENIENT = _Lenient()


class Mailroom:
    """Takes the mails of one connection; the method names are those that aiosmtpd looks for."""

    def __init__(self, world: World) -> None:
        self.world = world

    async def handle_EHLO(
        self, server: SMTP, session: Session, envelope: Envelope, name: str, replies: list[str]
    ) -> list[str]:
        session.host_name = name
        return [*replies[:-1], "250-PIPELINING", replies[-1]]

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        for beginning, reply in _REFUSED.items():
            if address.lower().startswith(beginning):
                self._saw("RCPT", reply)
                return reply
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        started = time.monotonic()
        strike = self.world.faults.next("DATA", _FAULT_PATH)
        await asyncio.sleep(strike.delay)
        if strike.kind == "drop":
            self._saw("DATA", "", strike.kind, started)
            await _hang_up(server)
        if strike.status:
            reply = _failure(strike.status)
            if reply.startswith("421"):
                # After the reply, which is written before the loop takes its next turn.
                server.loop.call_soon(_wire(server).close)
        else:
            reply = f"250 2.0.0 OK: queued as {self._take(session, envelope)}"
        if strike.kind == "cut":
            self._saw("DATA", "", strike.kind, started)
            await _hang_up(server)
        self._saw("DATA", reply, strike.kind if strike.status else "", started)
        return reply

    def _take(self, session: Session, envelope: Envelope) -> str:
        """Put a mail into the inbox; return the number that it is queued under."""
        source = envelope.original_content or b""
        mail = cast(EmailMessage, message_from_bytes(source, policy=_LENIENT))
        login = session.auth_data
        user = login.login.decode(errors="replace") if isinstance(login, LoginPassword) else ""
        number = f"M{self.world.number():08d}"
        self.world.inbox.add(
            Item(
                self.world.clock(), VENDOR, user or envelope.mail_from or "<>", "email", number,
                _body(mail, "plain"), html=_body(mail, "html"), to=", ".join(envelope.rcpt_tos),
                sender=str(mail["From"] or ""), subject=str(mail["Subject"] or ""),
                media=tuple(map(_attached, mail.iter_attachments())), extra=_headers(mail),
            )
        )  # fmt: skip
        return number

    def _saw(self, verb: str, reply: str, fault: str = "", started: float | None = None) -> None:
        spent = 0 if started is None else round((time.monotonic() - started) * 1000)
        status = int(reply[:3] or 0)
        self.world.saw(self.world.clock(), VENDOR, verb, "smtp", status, fault, spent)


def _authenticated(
    server: SMTP, session: Session, envelope: Envelope, mechanism: str, login: Any
) -> AuthResult:
    known = isinstance(login, LoginPassword) and b"sandbox" in login.password
    return AuthResult(success=known, handled=False, auth_data=login)


def _failure(status: int) -> str:
    """Return what SMTP says where HTTP has this status."""
    if status >= 500:
        return "421 4.3.2 Service not available, closing the connection"
    if status == 429:
        return "451 4.7.1 Too many messages, try again later"
    return "554 5.7.1 Message refused"


async def _hang_up(server: SMTP) -> None:
    """Close the connection without an answer; losing it cancels whoever waits here."""
    _wire(server).abort()
    await asyncio.Event().wait()


def _wire(server: SMTP) -> asyncio.Transport:
    if not isinstance(server.transport, asyncio.Transport):
        raise ConnectionResetError
    return server.transport


def _headers(mail: EmailMessage) -> dict[str, str]:
    """Return the headers beyond those that have a place of their own."""
    return {
        name: str(value)
        for name, value in mail.items()
        if name.lower() not in _STRUCTURE and not name.lower().startswith("content-")
    }


def _body(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    return _content(part).decode(errors="replace").replace("\r\n", "\n") if part else ""


def _attached(part: MIMEPart) -> Attachment:
    return Attachment.of(part.get_filename() or "", part.get_content_type(), _content(part))


def _content(part: MIMEPart) -> bytes:
    """Return what a part holds: text as UTF-8, and as it stands if its charset is unknown."""
    data = part.get_payload(decode=True)
    raw = data if isinstance(data, bytes) else b""
    if part.get_content_maintype() != "text":
        return raw
    try:
        return raw.decode(part.get_content_charset("utf-8")).encode()
    except (LookupError, ValueError):
        return raw
