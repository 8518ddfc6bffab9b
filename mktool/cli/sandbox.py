"""`mktool sandbox`."""

from __future__ import annotations

from typing import Annotated

import typer

from .terminal import terminal

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
    ttl: Annotated[int, typer.Option(min=1, help="Seconds that an access token lives.")] = 7200,
    approve: Annotated[bool, typer.Option("--approve", help="Consent without a click.")] = False,
) -> int:
    """Play every vendor on this machine: OAuth, limits, errors and an inbox.

    With a command it runs that against the sandbox, shows what would have gone out, and exits
    with the command's code: a test of a whole script without a credential.
    """
    from ..sandbox.faults import Faults
    from ..sandbox.server import Sandbox

    broken = Faults.parse(faults, seed=seed) if faults else None
    if command:
        return _run(Sandbox(port=port, faults=broken, ttl=ttl, approve=True), command)
    out = terminal()
    with Sandbox(port=port, faults=broken, ttl=ttl, approve=approve) as box:
        out.say(f"the sandbox plays every vendor at {box.url} (look at it in a browser)")
        out.say("use it from another terminal:")
        print(f"export MKTOOL_SANDBOX={box.url}", flush=True)
        out.say("Ctrl-C ends it, and everything it has received is gone")
        box.wait()
    return 0


def _run(sandbox: object, command: list[str]) -> int:
    import os

    from ..sandbox.run import run_command, summary
    from ..sandbox.server import Sandbox

    assert isinstance(sandbox, Sandbox)
    out = terminal()
    with sandbox as box:
        code = run_command(box, command, dict(os.environ))
        acts = summary(box)
    if out.json:
        out.envelope("success" if not code else "error", {"exit_code": code, "received": acts})
        return code
    out.say(f"{len(acts)} would have gone out")
    return code
