"""`mktool find`."""

from __future__ import annotations

import contextlib
from itertools import islice
from typing import Annotated

import typer

from .. import providers
from ..core.find import find as search
from ..core.find import kind_of
from ..core.session import open_session
from .completion import WhichAccount, kinds_to_find
from .settings import settings
from .terminal import terminal

app = typer.Typer(rich_markup_mode=None)


@app.command(epilog="Example: mktool find hubspot contact ada@example.com")
def find(
    provider: WhichAccount,
    kind: Annotated[
        str,
        typer.Argument(
            metavar="KIND",
            help="contact, company, deal, channel, page, …",
            autocompletion=kinds_to_find,
        ),
    ],
    term: Annotated[
        str, typer.Argument(metavar="TERM", help="An e-mail address, a name, a domain or an id.")
    ],
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 20,
) -> int:
    """Find the id of a contact, a deal, a channel, a page.

    Exits with 13 if there is none.
    """
    vendor, _, account = provider.partition(":")
    kind_of(providers.load(vendor).spec, kind)  # said before anybody is asked to log in
    session = open_session(settings(), vendor, account or terminal().account)
    with contextlib.closing(session):
        found = list(islice(search(session, kind, term), limit))
    data = [
        {"kind": f.kind, "id": f.id, "name": f.name, "url": f.url or None, **f.details}
        for f in found
    ]
    rows = [
        (f.id, f.name, ", ".join(f"{k}: {v}" for k, v in f.details.items() if v), f.url)
        for f in found
    ]
    columns = ("id", "name", "details", "url")
    terminal().result(data, columns, rows, shorten="details", empty=f"no {kind} matches {term}")
    return 0 if found else 13
