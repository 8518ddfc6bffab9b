"""
What the person, or the script, sees.

Results go to stdout, everything for people to stderr. On a terminal: tables; piped: plain
tab-separated lines; with ``--json``: one envelope.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from ..errors import (
    DEFAULT_ACCOUNT,
    Interrupted,
    InvalidInput,
    MktoolError,
    ProviderError,
    Unavailable,
)
from ..model import Secret

Status = Literal["success", "partial", "error"]


@dataclass(slots=True)
class Terminal:
    """The global options of this run, and everything printed through them."""

    json: bool = False
    quiet: bool = False
    verbose: bool = False
    no_input: bool = False
    config: Path | None = None
    account: str = ""
    command: str = ""
    warnings: list[str] = field(default_factory=list)

    def forget(self) -> None:
        """Begin anew: another command line."""
        for option in fields(self):
            setattr(self, option.name, getattr(Terminal(), option.name))

    @property
    def interactive(self) -> bool:
        """Whether somebody is there to answer."""
        there = sys.stdin.isatty() and sys.stderr.isatty()
        return there and not self.no_input and not os.environ.get("CI")

    @property
    def tables(self) -> bool:
        """Whether somebody looks at stdout, on a terminal that can show a table."""
        plain = os.environ.get("TERM") == "dumb" or os.environ.get("CI")
        return sys.stdout.isatty() and not plain

    @property
    def colour(self) -> bool:
        """Whether colour belongs on stdout. Rich asks NO_COLOR itself."""
        return self.tables and not os.environ.get("NO_COLOR")

    # -- for people ----------------------------------------------------------------------------

    def say(self, text: str) -> None:
        """Progress and hints."""
        if not self.quiet:
            _in_order()
            print(cell(text), file=sys.stderr, flush=True)

    def detail(self, text: str) -> None:
        if self.verbose:
            self.say(text)

    def warn(self, text: str) -> None:
        self.warnings.append(text)
        print(f"warning: {cell(text)}", file=sys.stderr, flush=True)

    def ask(self, prompt: str) -> str:
        """Return what the person types; `InvalidInput` where nobody is there."""
        self._someone(prompt)
        print(prompt, end="", file=sys.stderr, flush=True)
        line = sys.stdin.readline()
        if not line:
            raise InvalidInput("no answer was given")
        return line.strip()

    def ask_secret(self, prompt: str) -> Secret:
        """Return what the person types, without an echo."""
        self._someone(prompt)
        import getpass

        return Secret(getpass.getpass(prompt, stream=sys.stderr).strip())

    def _someone(self, prompt: str) -> None:
        if not self.interactive:
            raise InvalidInput(
                f"nobody is here to answer {prompt.strip().rstrip(':')!r}",
                hint="run it in a terminal, or give it by flag, stdin or environment",
            )

    # -- results -------------------------------------------------------------------------------

    def result(
        self, data: Any, columns: Sequence[str] = (), rows: Iterable[Sequence[Any]] = (),
        *, text: str = "", errors: Sequence[MktoolError] = (), empty: str = "",
        shorten: str = "",
    ) -> None:  # fmt: skip
        """Print one result: ``data`` as JSON, or else the rows as a table, or else ``text``.

        ``shorten`` names the column that is cut where the terminal is too narrow.
        """
        if self.json:
            status: Status = "success" if not errors else ("partial" if data else "error")
            self.envelope(status, data, errors)
            return
        lines = [[cell(value) for value in row] for row in rows]
        if lines:
            self._table(columns, lines, shorten)
        elif text:
            print(cell(text))
        elif empty:
            self.say(empty)

    def envelope(self, status: Status, data: Any, errors: Sequence[MktoolError] = ()) -> None:
        print(
            json.dumps(
                {
                    "version": 1, "command": self.command, "status": status, "data": data,
                    "errors": [as_json(error) for error in errors],
                    **({"warnings": self.warnings} if self.warnings else {}),
                },
                ensure_ascii=False, default=str,
            )
        )  # fmt: skip

    def error(self, error: MktoolError, about: str = "") -> None:
        """Say what went wrong, ``about`` what, and what to do next."""
        _in_order()
        if isinstance(error, Interrupted) and sys.stderr.isatty():
            print(file=sys.stderr)  # the terminal has just shown ^C
        print(f"error: {cell(f'{about}: {error}' if about else error)}", file=sys.stderr)
        if isinstance(error, ProviderError) and error.retry_after:
            print(f"  try again {when(error.retry_after)}", file=sys.stderr)
        if hint := _hint(error):
            print(f"  next: {hint}", file=sys.stderr)

    def _table(self, columns: Sequence[str], rows: list[list[str]], shorten: str) -> None:
        if not self.tables:
            for row in rows:
                print("\t".join(text.replace("\t", " ").replace("\n", " ") for text in row))
            return
        from rich import box
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(
            box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold"
        )
        for number, column in enumerate(columns):
            cells = [row[number] for row in rows]
            # What is short is kept whole; what is long gives way, and is cut or folds.
            table.add_column(
                column,
                no_wrap=max(map(len, cells)) <= SHORT and column != shorten,
                overflow="fold",
                justify="right" if all(map(_is_number, cells)) else "left",
            )
        for row in rows:
            table.add_row(
                *(
                    Text(text, STYLES.get(text, ""), no_wrap=True, overflow="ellipsis")
                    if column == shorten
                    else Text(text, STYLES.get(text, ""))
                    for column, text in zip(columns, row, strict=True)
                )
            )
        Console(highlight=False).print(table)


def _in_order() -> None:
    """Let results stand before what is said next, where both go to one file."""
    with contextlib.suppress(OSError):  # a full disk is found at the end
        sys.stdout.flush()


SHORT = 16  # characters


def _is_number(text: str) -> bool:
    number, _, unit = text.partition(" ")
    return not text or (unit in ("", "ms") and number.rstrip("%").replace(".", "", 1).isdigit())


STYLES: Mapping[str, str] = {
    "connected": "green", "ok": "green", "done": "green", "expiring": "yellow",
    "scheduled": "cyan", "held": "cyan", "open": "yellow", "partial": "yellow", "missed": "yellow",
    "warning": "yellow", "unknown": "bold magenta", "failed": "red", "error": "red",
    "expired": "red", "auth_failed": "red", "unreachable": "red", "problem": "red",
}  # fmt: skip


def as_json(error: MktoolError) -> dict[str, Any]:
    """Return an error as ``--json`` shows it; ``retry_after`` is in seconds."""
    provider = error.context.provider if isinstance(error, ProviderError) else None
    after = error.retry_after if isinstance(error, ProviderError) else None
    return {
        "code": error.code, "message": str(error), "hint": _hint(error) or None,
        "provider": provider, "retry_after": after,
    }  # fmt: skip


def _hint(error: MktoolError) -> str:
    """Return the error's hint, or a better one where a sandbox was meant to answer."""
    silent = isinstance(error, Unavailable) and error.context.status is None
    if silent and os.environ.get("MKTOOL_SANDBOX"):
        return "no sandbox answers there: begin one with mktool sandbox, or unset MKTOOL_SANDBOX"
    return error.hint


def name(provider: str, account: str) -> str:
    """Return how an account is written: the provider, and which one if not the default."""
    return provider if account in ("", DEFAULT_ACCOUNT) else f"{provider}:{account}"


def folded(text: str) -> str:
    """Return text with lines that are wider than the terminal broken between words."""
    import shutil
    import textwrap

    width = shutil.get_terminal_size((1000, 24)).columns  # a pipe breaks nothing
    lines: list[str] = []
    for line in text.split("\n"):
        indent = " " * (len(line) - len(line.lstrip(" 0123456789.")))
        lines += textwrap.wrap(
            line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
        ) or [""]
    return "\n".join(lines)


def many(count: int, noun: str) -> str:
    """Return a number with its noun: "1 row", "1,200 rows"."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def when(seconds: float) -> str:
    """Return "in 7 s" or "at 14:05 (in 3 h)"."""
    import time

    if seconds < 90:
        return f"in {max(1, round(seconds))} s"
    at = time.strftime("%a %H:%M", time.localtime(time.time() + seconds))
    return f"at {at} (in {span(seconds)})"


def span(seconds: float) -> str:
    """Return a length of time in the largest fitting unit: "40 s", "5 min", "3 h", "12 d"."""
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size or (size == 60 and seconds >= 60):
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def stamp(at: float | None, *, date: bool = True) -> str:
    """Return a local time for people."""
    import time

    return time.strftime("%Y-%m-%d %H:%M" if date else "%H:%M:%S", time.localtime(at)) if at else ""


def cell(value: Any) -> str:
    """Return a value as text that a terminal does not obey."""
    if value is None:
        return ""
    return "".join(c if c.isprintable() or c == "\n" else " " for c in str(value))


_current = Terminal()


def terminal() -> Terminal:
    """Return the terminal of this run."""
    return _current
