"""`mktool metrics`."""

from __future__ import annotations

from typing import Annotated

import typer

from ..capability import CanMeasure
from ..core.session import open_session
from ..errors import Unsupported
from .completion import provider_names
from .settings import settings
from .terminal import stamp, terminal

app = typer.Typer(rich_markup_mode=None)


@app.command(epilog="Example: mktool metrics x 1790000000000000001")
def metrics(
    provider: Annotated[str, typer.Argument(help="Where it is.", autocompletion=provider_names)],
    item: Annotated[str, typer.Argument(metavar="ID", help="The id that `post` printed.")],
) -> None:
    """Read the numbers of a published item: impressions, reactions and the like."""
    name, _, account = provider.partition(":")
    session = open_session(settings(), name, account or terminal().account)
    try:
        if not isinstance(session.provider, CanMeasure):
            raise Unsupported(f"{session.spec.title} has no numbers to read")
        found = list(session.provider.measure(item))
    finally:
        session.close()
    data = [{"name": m.name, "value": m.value, "at": m.at} for m in found]
    rows = [(m.name, f"{m.value:g}", stamp(m.at)) for m in found]
    terminal().result(data, ("metric", "value", "at"), rows, empty="no numbers yet")
