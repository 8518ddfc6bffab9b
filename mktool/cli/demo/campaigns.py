"""The last part of the demo: a campaign that dies halfway and reaches everybody once."""

from __future__ import annotations

import csv
import io
import time
from collections import Counter
from collections.abc import Iterator

from ... import providers
from ...errors import MktoolError
from ...sandbox import vendors
from ...spec import Spec
from .stage import Stage

PEOPLE, HALFWAY, PHONES = 1000, 300, 5
GONE = 50  # every so manieth address exists no more
COUNTRIES = ("NL", "DE", "US", "JP")
MAIL = """\
name = "launch"
provider = "{provider}"
from = "Acme <news@acme.example>"
subject = "{{{{ first_name }}}}, it is here"
html = "<p>Hello {{{{ first_name }}}}, <a href='https://acme.example/launch'>it is here</a>.</p>"
unsubscribe = "https://acme.example/unsubscribe?id={{{{ id }}}}"
postal_address = "Acme Inc, 1 Main Street, Springfield"
recipients = "people.csv"
"""
TEXTS = """\
name = "reminder"
provider = "{provider}"
from = "+15005550006"
text = "{{{{ first_name }}}}, doors open at nine. Reply STOP to end"
recipients = "phones.csv"
"""


def play(stage: Stage) -> None:
    _texts(stage, _first("sms"))
    _mail(stage, _first("email"))


def _first(channel: str) -> str:
    """Return the first provider of a channel; for e-mail, one that remembers keys: after a crash
    the same request can be sent once more, and nobody has it twice."""
    able = (spec.name for spec in providers.specs() if _fits(spec, channel))
    return next(name for name in able if name in vendors.names())


def _fits(spec: Spec, channel: str) -> bool:
    way = spec.delivery
    return way is not None and way.channel == channel and bool(way.key_seconds or channel == "sms")


def _mail(stage: Stage, provider: str) -> None:
    stage.write("people.csv", _table("email", map(_address, range(PEOPLE))))
    stage.title(f"A campaign to {PEOPLE:,} people. What would go out? Nothing is sent")
    stage.write("launch.toml", MAIL.format(provider=provider), shown=True)
    stage.mktool(
        "send-campaign", "launch.toml", "--dry-run", "--preview", "previews", "--samples", "1"
    )
    stage.title("kill -9 in the middle of it, then the same command again")
    send, before = ("send-campaign", "launch.toml", "--confirm", str(PEOPLE)), len(stage.received)
    out = stage.kill(*send, after=HALFWAY, then=0.35)  # two requests a second
    stage.say(f"killed, with {out:,} of {PEOPLE:,} mails out and a request on its way:"
              " that goes out again, under its key")  # fmt: skip
    begun = time.monotonic()
    stage.mktool(*send)
    mails = Counter(item.to for item in stage.received[before:])
    stage.say(f"{len(mails):,} people have it, {_more_than_once(mails)} of them twice;"
              f" the rest took {time.monotonic() - begun:.1f} s")  # fmt: skip
    if len(mails) != PEOPLE or _more_than_once(mails):
        raise MktoolError("the campaign did not end as it should", hint="please report its output")
    stage.title("And again? It is complete")
    stage.mktool(*send)
    stage.title("Two minutes later: what came of it? The vendor is asked")
    stage.pass_time(120)
    stage.mktool("campaign", "sync", "launch")
    stage.mktool("campaign", "report", "launch")


def _texts(stage: Stage, provider: str) -> None:
    stage.title("A text message to a few")
    stage.write("phones.csv", _table("phone", (f"+1202555010{n}" for n in range(PHONES))))
    stage.write("reminder.toml", TEXTS.format(provider=provider), shown=True)
    stage.mktool("send-campaign", "reminder.toml")


def _address(number: int) -> str:
    return f"{'bounced+' if number % GONE == 0 else 'reader'}{number}@acme.example"


def _more_than_once(counts: Counter[str]) -> int:
    return sum(count > 1 for count in counts.values())


def _table(column: str, addresses: Iterator[str]) -> str:
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(("id", column, "first_name", "country"))
    for number, address in enumerate(addresses):
        country = COUNTRIES[number % len(COUNTRIES)]
        rows.writerow((number, address, f"Reader {number}", country))
    return text.getvalue()
