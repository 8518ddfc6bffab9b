"""`mktool demo`: the main jobs on the sandbox, with the real commands, in a temporary home."""

from __future__ import annotations

import tempfile
from pathlib import Path

import typer

app = typer.Typer(rich_markup_mode=None)


@app.command(epilog="Example: mktool demo")
def demo() -> None:
    """A guided run on the sandbox; nothing leaves this machine, and nothing stays on it."""
    from . import accounts, campaigns, posts, reports
    from .stage import Stage

    with tempfile.TemporaryDirectory(prefix="mktool-demo-") as folder, Stage(Path(folder)) as stage:
        accounts.play(stage)
        posts.play(stage)
        campaigns.play(stage)
        reports.play(stage)
        stage.title("What it all was: the ledger")
        stage.mktool("stats")
        stage.verdict()
