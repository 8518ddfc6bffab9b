"""`mktool metrics`."""

from __future__ import annotations

from typing import Annotated

import typer

from .. import providers
from ..capability import CanMeasure
from ..core.session import open_session
from ..errors import Unsupported
from .completion import WhichAccount
from .settings import settings
from .terminal import stamp, terminal

app = typer.Typer(rich_markup_mode=None)


@app.command(epilog="Example: mktool metrics x 1790000000000000001")
def metrics(
    provider: WhichAccount,
    item: Annotated[str, typer.Argument(metavar="ID", help="The id that `post` printed.")],
) -> None:
    """Read the numbers of a published item: impressions, reactions and the like."""
    name, _, account = provider.partition(":")
    if not issubclass(cls := providers.load(name), CanMeasure):
        raise Unsupported(f"{cls.spec.title} has no numbers to read")
    session = open_session(settings(), name, account or terminal().account)
    try:
        assert isinstance(session.provider, CanMeasure)
        found = list(session.provider.measure(item))
    finally:
        session.close()
    data = [{"name": m.name, "value": m.value, "at": m.at} for m in found]
    rows = [(m.name, f"{m.value:g}", stamp(m.at)) for m in found]
    terminal().result(data, ("metric", "value", "at"), rows, empty="no numbers yet")
