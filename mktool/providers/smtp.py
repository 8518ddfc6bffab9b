"""SMTP: a mail server of one's own, or a provider's submission service (RFC 5321, 6409)."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from email.charset import QP, Charset
from email.header import Header
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.policy import compat32
from email.utils import formataddr, formatdate

from .. import errors as e
from ..capability import CanCheck, CanDeliver
from ..http.auth import Basic
from ..message import Batch, Mailbox, Message, Receipt, Refusal
from ..model import Account, Login
from ..provider import Provider
from ..spec import Delivery, Endpoint, Field, Rule, Signed, Spec

CHECK = Endpoint("check", "GET", "")
SEND = Endpoint("send", "POST", "")
THIS_ONE = 425  # one message is refused for now; 429: any
HEADER = re.compile(r"[!-9;-~]+")
POLICY = compat32.clone(linesep="\r\n", mangle_from_=False)
UTF8 = Charset("utf-8")
UTF8.body_encoding = QP  # base64, the default, is what spam filters distrust


@dataclass(frozen=True)
class Relay:
    """A server that knows this machine and asks for no password."""

    @property
    def needs(self) -> tuple[str, ...]:
        return ("host",)

    def sign(self, login: Login) -> Signed:
        return Signed()


class Smtp(Provider, CanCheck, CanDeliver):
    spec = Spec(
        name="smtp", title="SMTP", docs="https://www.rfc-editor.org/rfc/rfc5321",
        base_url="smtp://{host}:{port}",
        auth=(Basic("username", "password", also=("host",)), Relay()),
        fields=(
            Field("host", "name of the mail server", required=True,
                  pattern=r"[\w.-]+|\[[0-9a-fA-F:.]+\]"),
            Field("port", "587 (STARTTLS), 465 (TLS), or 25 of a relay", default="587",
                  pattern=r"[1-9]\d{0,4}"),
            Field("username", "who logs in there, if anybody has to"),
            Field("password", "password, or app password, of that user", secret=True)),
        error_code=("error.enhanced", "error.code"),
        rules=(
            Rule(e.RateLimited, THIS_ONE, text=r"\brate\b|too many|throttl|quota.+(hour|day)"),
            Rule(e.Unauthorized, 401, message="the server wants another name or password"),
            Rule(e.Forbidden, 422, r"5\.7\.\d+|5\d\d", text=r"relay",
                 hint="the server passes on mail of users that log in, or of its own domains")),
        delivery=Delivery("email", endpoint=SEND, group=10, concurrency=2),
        timeout=60.0,  # section 4.5.3.2 allows a server minutes, which none needs
        setup="""\
1. Ask who runs the mail server for its name and port, and for a user that may send as the
   address you write from. Gmail and others want an app password here.
2. mktool authorize smtp --field host=HOST --field username=USER, then type the password.
   A relay that asks for none: MKTOOL_SMTP_HOST=127.0.0.1 MKTOOL_SMTP_PORT=25
   The password goes over TLS only (port 465, or STARTTLS), or to this machine.
3. mktool test-integration smtp""",
    )  # fmt: skip

    def check(self) -> Account:
        host = self.client.options.get("host", "")
        user = self.client.options.get("username", "")
        self.client.call(CHECK)
        return Account("", f"{user} at {host}" if user else host)

    def deliver(self, batch: Batch, /) -> Receipt:
        if batch.rehearsal:
            raise e.Unsupported("SMTP checks no message without sending it")
        (message,) = batch.messages
        sender = batch.sender._replace(address=_reachable(batch.sender.address))
        to = _reachable(message.to)
        letter = {"from": sender.address, "to": to, "mime": _mime(batch, message, sender, to)}
        try:
            reply = self.client.call(SEND, json=letter)
        except e.Unavailable as error:
            if error.context.status != THIS_ONE:
                raise
            # Refused to the end of our patience, but the next one need not wait for it.
            return Receipt(refused={0: Refusal(error.context.vendor_code, error.message)})
        return Receipt((str(reply.get("id") or ""),))


def _mime(batch: Batch, message: Message, sender: Mailbox, to: str) -> str:
    """Return the message as it travels, with line breaks in no header."""
    token = hashlib.sha256(f"{batch.key}/{message.seq}".encode()).hexdigest()[:32]
    domain = sender.address.rpartition("@")[2]
    extra = batch.over({"headers": batch.one_click if message.unsubscribe else {}})["headers"]
    headers = {
        "From": formataddr((_line(sender.name), sender.address)),
        "To": to,
        "Subject": _encoded("Subject", message.subject),
        "Date": formatdate(),
        "Message-ID": f"<{token}@{domain}>",
        "Reply-To": batch.reply_to,
        "List-Unsubscribe": f"<{message.unsubscribe}>" if message.unsubscribe else "",
        "X-Mktool-Campaign": _encoded("X-Mktool-Campaign", batch.campaign),
        "X-Mktool-Tags": _encoded("X-Mktool-Tags", ", ".join(batch.tags)),
        **extra,
    }
    texts = ((message.text, "plain"), (message.html, "html"))
    parts = [MIMEText(text, kind, UTF8) for text, kind in texts if text]  # type: ignore[arg-type]
    whole = parts[0] if len(parts) == 1 else MIMEMultipart("alternative", token, parts)
    return "".join(_header(*pair) for pair in headers.items()) + whole.as_string(policy=POLICY)


def _header(name: str, value: object) -> str:
    if not HEADER.fullmatch(name):
        raise e.InvalidInput(f"{name!r} is not the name of a header")
    folded = str(value).replace("\n ", "\r\n ") if name == "Subject" else _line(str(value))
    return f"{name}: {folded}\r\n" if value else ""


def _encoded(name: str, text: str) -> str:
    """Return a header's text as encoded words (RFC 2047) where it is not ASCII."""
    line = _line(text)
    return Header(line, None if line.isascii() else "utf-8", header_name=name).encode()


def _line(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _reachable(address: str) -> str:
    """Return the address with its domain as the DNS has it (RFC 5891)."""
    local, _, domain = address.rpartition("@")
    if domain.isascii():
        return address
    import idna

    try:
        return f"{local}@{idna.encode(domain, uts46=True).decode()}"
    except idna.IDNAError:
        raise e.InvalidInput(f"{address}: there can be no such domain") from None


PROVIDER = Smtp
