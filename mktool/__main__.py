"""The way in. What needs no Typer is answered before it is imported."""

from __future__ import annotations

import sys


def main() -> int:
    """Run one command and return its exit code."""
    argv = sys.argv[1:]
    if argv == ["--version"]:
        from . import __version__

        print(f"mktool {__version__}")
        return 0
    if argv[:1] == ["run-due"] and {*argv[1:]} <= {"--quiet", "-q"}:  # every minute from cron
        from .store.due import nothing_due

        if nothing_due():
            return 0
    from .cli.app import run

    return run(argv)


if __name__ == "__main__":
    sys.exit(main())
