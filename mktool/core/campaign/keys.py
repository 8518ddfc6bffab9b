"""The keys of a campaign file: how the value of each is read."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from ...errors import InvalidInput
from ...message import Mailbox
from . import values
from .document import Key

MAX_VARIANTS = 5
MAX_SENDER = 998  # characters of a line of a header, RFC 5322 2.1.1
OURS = {"to", "recipients", "personalizations", "subject", "html", "text", "body", "content"}
WINNERS = ("opens", "clicks", "manual")


def _name(value: Any) -> str:
    found = values.text(value)
    if not 1 <= len(found) <= 100 or not found.isprintable() or found != found.strip(" ."):
        raise ValueError("must be 1 to 100 printable characters, without a dot or space around")
    if re.search(r"[/\\]", found):
        raise ValueError("must not hold a slash")
    return found


def _sender(value: Any) -> Mailbox:
    """Return an e-mail address with its name; whatever has no @ may be a sender of SMS."""
    found = values.line(value)
    if not 1 <= len(found) <= MAX_SENDER:
        raise ValueError("is too long" if found else "is empty")
    if re.search(r"\{[{%]", found):
        raise ValueError("must be the same for everybody: no {{ … }}")
    if "@" not in found and "<" not in found:
        return Mailbox(found)
    from email.utils import getaddresses

    from ...text.address import email_address

    split = re.fullmatch(r'(?:"((?:[^"\\]|\\.)*)"|([^"<>]*))\s*<([^<>]*)>', found)
    if split is None:
        return Mailbox(email_address(found))
    if len(getaddresses([found])) != 1:
        raise ValueError("must be one address; a name with a comma stands in quotes")
    quoted, bare, address = split.groups(default="")
    return Mailbox(email_address(address.strip()), re.sub(r"\\(.)", r"\1", quoted) or bare.strip())


def _address(value: Any) -> str:
    sender = _sender(value)
    if "@" not in sender.address:
        raise ValueError("must be an e-mail address")
    return str(sender)


def _unsubscribe(value: Any) -> str:
    found = values.line(value)
    local = re.match(r"http://(127\.0\.0\.1|localhost|\[::1\])[:/]", found)
    if not local and not found.startswith(("https://", "mailto:", "{{", "{%")):
        raise ValueError("must start with https:// or mailto:")
    if re.search(r"[<>\s]", re.sub(r"\{\{.*?\}\}|\{%.*?%\}", "", found)):
        raise ValueError("must not hold spaces or angle brackets")
    return found


def _media(value: Any) -> tuple[str, ...]:
    found = values.lines_of(value)
    if not all(re.match(r"https?://|\{\{", url) for url in found):
        raise ValueError("must be addresses that start with https://")
    return found


def _options(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("must be a section")
    return {name: values.plain(inner) for name, inner in value.items()}


def _vendors(value: Any) -> dict[str, Any]:
    found = _options(value)
    if ours := sorted(name for name in found if name.lower() in OURS):
        raise ValueError(f"must not hold {', '.join(ours)}: that is made for each recipient")
    return found


def _defaults(value: Any) -> dict[str, str]:
    return {name: values.text(inner) for name, inner in _options(value).items()}


def _share(value: Any) -> float:
    found = values.number(value)
    if not 0 < found <= 1:
        raise ValueError("must be more than 0, and 1 at most")
    return found


def _wait(value: Any) -> float:
    from ..moments import seconds

    try:
        return seconds(values.text(value))
    except InvalidInput as error:
        raise ValueError(error.message) from None


def _winner(value: Any) -> str:
    if value not in WINNERS:
        raise ValueError(f"must be one of {', '.join(WINNERS)}")
    return str(value)


def _variants(value: Any) -> tuple[str, ...]:
    found = values.texts(value)
    if not 2 <= len(found) <= MAX_VARIANTS:
        raise ValueError(f"must be a list of 2 to {MAX_VARIANTS}, not {len(found)}")
    return found


def _each(read: Callable[[Any], Any]) -> Callable[[Any], tuple[Any, ...]]:
    return lambda value: tuple(map(read, _variants(value)))


def _later(value: Any) -> Any:
    """Return what has keys of its own, as it is."""
    return value


PLAIN = {
    "name": Key(_name, 'name = "launch-2026-11"'),
    "provider": Key(values.line, 'provider = "…", one of: mktool providers'),
    "account": Key(values.line, 'account = "work"'),
    "reply_to": Key(_address, 'reply_to = "hello@acme.example"'),
    "recipients": Key(values.line, 'recipients = "people.csv"'),
    "column": Key(values.line, 'column = "email"'),
    "unsubscribe": Key(_unsubscribe, 'unsubscribe = "https://acme.example/u/{{ id }}"'),
    "postal_address": Key(values.text, 'postal_address = "Acme, 1 Main Street, Springfield"'),
    "preheader": Key(values.line, 'preheader = "What is new"'),
    "tags": Key(values.lines_of, 'tags = ["launch"]'),
    "media": Key(_media, 'media = ["https://acme.example/launch.jpg"]'),
    "options": Key(_vendors, "[options]"),
    "where": Key(values.text, "where = \"country == 'NL'\""),
    "list": Key(values.line, 'list = "newsletter"'),
    "send_at": Key(values.moment, 'send_at = "2026-12-01T09:00"'),
    "rate": Key(values.number, "rate = 50"),
    "concurrency": Key(values.count, "concurrency = 4"),
    "max_errors": Key(values.count, "max_errors = 100"),
    "skip_invalid": Key(values.flag, "skip_invalid = true"),
    "hosted": Key(values.flag, "hosted = true"),
    "inline_css": Key(values.flag, "inline_css = true"),
    "cost": Key(values.number, "cost = 120.50"),
    "revenue": Key(values.number, "revenue = 4000"),
}

MESSAGE = {
    "from": Key(_sender, 'from = "Acme <news@acme.example>"'),
    "subject": Key(values.line, 'subject = "{{ first_name }}, it is here"'),
    "html": Key(values.text, 'html = "launch.html"'),
    "text": Key(values.text, 'text = "launch.txt"'),
    "body": Key(values.text, 'text = "launch.txt"'),
}
AB = {
    "from": Key(_each(_sender), 'from = ["Ann <ann@acme.example>", "Acme <news@acme.example>"]'),
    "subject": Key(_each(values.line), 'subject = ["It is here", "Have you seen it?"]'),
    "html": Key(_variants, 'html = ["short.html", "long.html"]'),
    "text": Key(_variants, 'text = ["short.txt", "long.txt"]'),
    "test_share": Key(_share, "test_share = 0.2"),
    "wait": Key(_wait, 'wait = "4h"'),
    "winner": Key(_winner, 'winner = "clicks"'),
}
SEGMENT = {
    "where": Key(values.text, "where = \"country == 'NL'\""),
    "name": Key(values.line, 'name = "dutch"'),
}
UTM = {
    name: Key(values.line, f'{name} = "{value}"')
    for name, value in {
        "source": "newsletter", "medium": "email", "campaign": "launch",
        "term": "shoes", "content": "header",
    }.items()
}  # fmt: skip
DOCUMENT = PLAIN | MESSAGE | {
    "ab": Key(_later, "[ab]"),
    "segment": Key(_later, 'segment = "dutch"'),
    "utm": Key(_later, "utm = true"),
    "defaults": Key(_defaults, "[defaults]"),
}  # fmt: skip
