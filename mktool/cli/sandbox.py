"""`mktool sandbox`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import InvalidInput
from .terminal import terminal

if TYPE_CHECKING:
    from ..sandbox.server import Sandbox

app = typer.Typer(rich_markup_mode=None)


@app.command(
    context_settings={"ignore_unknown_options": True},
    epilog="Example: mktool sandbox --faults 429=5%,cut=1% -- ./release.sh",
)
def sandbox(
    command: Annotated[
        list[str] | None, typer.Argument(metavar="[-- CMD…]", help="A script to run against it.")
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes any free port.")] = 0,
    faults: Annotated[
        str, typer.Option(help="What to break: 429=5%,503=2%,cut=1%,drop@3,slow=200ms.")
    ] = "",
    seed: Annotated[int, typer.Option(help="The same seed breaks the same calls.")] = 1,
    ttl: Annotated[
        int | None, typer.Option(min=1, help="Seconds that an access token lives; else as usual.")
    ] = None,
    approve: Annotated[bool, typer.Option("--approve", help="Consent without a click.")] = False,
    limits: Annotated[
        str, typer.Option(metavar="VENDOR=CALLS,…", help="Other rate limits than the vendors'.")
    ] = "",
) -> int:
    """Play every vendor on this machine: OAuth, limits, errors and an inbox.

    With a command it runs that against the sandbox, shows what would have gone out, and exits
    with the command's code: a test of a whole script without a credential.
    """
    from ..sandbox.faults import Faults
    from ..sandbox.server import Sandbox, serve_forever

    broken = Faults.parse(faults, seed=seed) if faults else None
    box = Sandbox(
        port=port, faults=broken, ttl=ttl, approve=approve or bool(command), limits=_calls(limits)
    )
    if command:
        return _run(box, command)
    serve_forever(box, ready=_tell)
    return 0


def _calls(text: str) -> dict[str, int]:
    """Return how many calls each named limit allows."""
    found = dict[str, int]()
    for pair in filter(None, text.split(",")):
        name, _, calls = pair.strip().partition("=")
        if not name or not calls.isdecimal():
            raise InvalidInput(
                f"--limits {pair!r} is not VENDOR=CALLS", hint="such as --limits VENDOR=100000"
            )
        found[name] = int(calls)
    return found


def _tell(url: str) -> None:
    out = terminal()
    out.say(f"the sandbox plays every vendor at {url} (look at it in a browser)")
    out.say("in another terminal:")
    print(f"export MKTOOL_SANDBOX={url}", flush=True)
    out.say("Ctrl-C ends it, and what it has received is gone")


def _run(sandbox: Sandbox, command: list[str]) -> int:
    import io
    import os
    import sys

    from ..sandbox.run import run_command, summary

    out = terminal()
    with sandbox:
        report = io.StringIO() if out.json or out.quiet else sys.stderr
        code = run_command(sandbox, command, os.environ, out=report)
        acts = summary(sandbox)
    if out.json:
        out.envelope("success" if not code else "error", {"exit_code": code, "received": acts})
    return code
