"""
The loops that the vendors' own libraries make easy, each a process of its own.

    python -m tests.bench.peers LOOP LIST URL [THREADS]

They read the list, fill in the same content and send it; they keep no record, check no address
and do not go on where they stopped.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any

from .content import HTML, SENDER, SMS, SUBJECT
from .sink import ACCOUNT

Row = dict[str, str]


def rows(path: str) -> Iterator[Row]:
    with open(path, newline="") as file:
        yield from csv.DictReader(file)


def chunks(path: str, size: int) -> Iterator[list[Row]]:
    waiting = rows(path)
    while chunk := list(islice(waiting, size)):
        yield chunk


def _format(template: str) -> Callable[[Row], str]:
    pattern = template.replace("{{ ", "{").replace(" }}", "}")
    return lambda row: pattern.format(**row)


html, subject, sms = _format(HTML), _format(SUBJECT), _format(SMS)


def sendgrid(path: str, url: str, size: int) -> tuple[Iterator[Any], Callable[[Any], None]]:
    from sendgrid import SendGridAPIClient
    from sendgrid.helpers.mail import CustomArg, Mail, Personalization, To

    client = SendGridAPIClient("SG.bench", host=url)

    def one(row: Row) -> None:
        mail = Mail(SENDER, row["email"], subject(row), html_content=html(row))
        assert client.send(mail).status_code == 202

    def many(chunk: Sequence[Row]) -> None:
        mail = Mail(from_email=SENDER)
        mail.template_id = "d-0123456789abcdef0123456789abcdef"
        for row in chunk:
            person = Personalization()
            person.add_to(To(row["email"], row["first"]))
            person.dynamic_template_data = row
            person.add_custom_arg(CustomArg("key", row["code"]))
            mail.add_personalization(person)
        assert client.send(mail).status_code == 202

    return (rows(path), one) if size == 1 else (chunks(path, size), many)


def resend(path: str, url: str, size: int) -> tuple[Iterator[Any], Callable[[Any], None]]:
    import resend as library

    library.api_key, library.api_url = "re_bench", url

    def mail(row: Row) -> Any:
        return {
            "from": SENDER, "to": [row["email"]], "subject": subject(row), "html": html(row),
            "tags": [{"name": "campaign", "value": "bench"}],
        }  # fmt: skip

    def one(row: Row) -> None:
        assert library.Emails.send(mail(row))["id"]

    def many(chunk: Sequence[Row]) -> None:
        assert library.Batch.send([mail(row) for row in chunk])["data"]

    return (rows(path), one) if size == 1 else (chunks(path, size), many)


def twilio(path: str, url: str, _: int) -> tuple[Iterator[Any], Callable[[Any], None]]:
    from twilio.rest import Client

    client = Client(ACCOUNT, "0" * 32)
    client.api.base_url = url

    def one(row: Row) -> None:
        made = client.messages.create(to=row["phone"], from_="+15550100200", body=sms(row))
        assert made.sid

    return rows(path), one


LOOPS = {
    "sendgrid": (sendgrid, 1), "sendgrid-1000": (sendgrid, 1000),
    "resend": (resend, 1), "resend-100": (resend, 100), "twilio": (twilio, 1),
}  # fmt: skip


def main() -> None:
    name, path, url, *threads = sys.argv[1:]
    loop, size = LOOPS[name]
    work, send = loop(path, url, size)
    if threads:
        with ThreadPoolExecutor(int(threads[0])) as pool:
            for _ in pool.map(send, work):
                pass
    else:
        for item in work:
            send(item)


if __name__ == "__main__":
    main()
