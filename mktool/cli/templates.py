"""`mktool templates`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from ..core import templates
from .completion import WhichAccount
from .settings import settings
from .terminal import cell, terminal

app = typer.Typer(rich_markup_mode=None)
group = typer.Typer(
    rich_markup_mode=None, no_args_is_help=True, help="List, read and add a vendor's templates."
)
app.add_typer(group, name="templates")


@group.command("list", epilog="Example: mktool templates list mailchimp")
def listed(provider: WhichAccount) -> None:
    """The templates that a vendor keeps, with their ids."""
    found = templates.listed(settings(), *_account(provider))
    data = [{"id": id, "name": name} for id, name in found]
    terminal().result(data, ("id", "name"), found, empty="no template yet")


@group.command(epilog="Example: mktool templates show resend ID --save launch.html")
def show(
    provider: WhichAccount,
    id: Annotated[str, typer.Argument(metavar="ID", help="As `templates list` shows it.")],
    save: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write it into this new file.")
    ] = None,
) -> None:
    """Print the HTML of a template, or save it.

    A campaign takes it from there: html = "launch.html".
    """
    html = templates.html_of(settings(), *_account(provider), id)
    if save is not None:
        templates.save(save, html)
        terminal().result({"id": id, "file": str(save)}, text=f"saved as {save}")
    elif terminal().json:
        terminal().result({"id": id, "html": html})
    else:
        print(cell(html) if sys.stdout.isatty() else html)


@group.command("import", epilog="Example: mktool templates import mailchimp launch.html")
def add(
    provider: WhichAccount,
    file: Annotated[Path, typer.Argument(help="The HTML.")],
    name: Annotated[str, typer.Option(help="What to call it; default: the file's name.")] = "",
) -> None:
    """Add a template from a file.

    Where the vendor merges, {{ column }} becomes its own merge tag.
    """
    id = templates.add(settings(), *_account(provider), file, name)
    terminal().result({"id": id, "name": name or file.stem}, text=id)


def _account(provider: str) -> tuple[str, str]:
    vendor, _, account = provider.partition(":")
    return vendor, account or terminal().account
