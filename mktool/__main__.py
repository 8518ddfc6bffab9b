"""The way in. What needs no Typer is answered before it is imported."""

from __future__ import annotations

import gc
import os
import sys


def main() -> None:
    """Run one command and end the process with its exit code."""
    # Starting up makes objects and no garbage; looking for some takes 5 ms.
    # A campaign makes some for each recipient, who are gone before an older generation is looked
    # at: with Python's own numbers that takes a quarter of the time of sending.
    gc.set_threshold(100_000, 50, 100)
    sys.unraisablehook = _unraisable
    try:
        code = _run(sys.argv[1:])
    except KeyboardInterrupt:
        print("error: stopped; what had gone out is on record", file=sys.stderr)
        code = 130
    # What is committed is on the disk and what is printed is flushed: the interpreter would
    # only spend 16 ms more on taking its modules apart.
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError, AttributeError):  # closed, or the reader went away
        code = code or 0
    except KeyboardInterrupt:  # one more, when all has been said
        pass
    os._exit(code)


def _unraisable(found: sys.UnraisableHookArgs) -> None:
    """Have a Ctrl-C again that came where Python cannot raise it, such as amid an import."""
    if not issubclass(found.exc_type, KeyboardInterrupt) or os.name != "posix":
        sys.__unraisablehook__(found)
        return
    import signal

    signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGINT))
    signal.setitimer(signal.ITIMER_REAL, 0.001)


def _run(argv: list[str]) -> int:
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
    main()
