"""`mktool doctor`."""

from __future__ import annotations

from dataclasses import asdict

import typer

from ..core.doctor import Finding, examine
from ..errors import ConfigError, MktoolError
from .terminal import terminal

app = typer.Typer(rich_markup_mode=None)


@app.command(epilog="Example: mktool doctor --json")
def doctor() -> int:
    """Check this installation and say what to do. Exit code 3 if there is a problem.

    Nothing is sent, changed or unlocked.
    """
    out = terminal()
    findings = examine(out.config)
    problems: list[MktoolError] = [_error(f) for f in findings if f.state == "problem"]
    rows = [(f.check, f.state, f.detail, f.hint) for f in findings]
    out.result(
        [asdict(f) for f in findings], ("check", "state", "found", "what to do"), rows,
        errors=problems,
    )  # fmt: skip
    warnings = sum(f.state == "warning" for f in findings)
    out.say(f"problems: {len(problems)}, warnings: {warnings}")
    return ConfigError.exit_code if problems else 0


def _error(finding: Finding) -> ConfigError:
    return ConfigError(f"{finding.check}: {finding.detail}", hint=finding.hint)
