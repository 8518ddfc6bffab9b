"""Any failure as one of ours: nothing ends in a traceback, and no value is shown."""

from __future__ import annotations

import re
from pathlib import Path

from ..errors import InvalidInput, MktoolError, StorageError

_PACKAGE = str(Path(__file__).parents[1])


def as_ours(error: Exception) -> MktoolError:
    """Return the error itself if it is ours, else what a person can make of it."""
    if isinstance(error, MktoolError):
        return error
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return StorageError(f"{where}{error.strerror or error}", hint="mktool doctor")
    return _usage(error) or _bug(error)


def _usage(error: Exception) -> MktoolError | None:
    """A line that Typer does not take. An argument too many may be a secret: it is not shown."""
    from typer._click.exceptions import ClickException, NoArgsIsHelpError

    if not isinstance(error, ClickException):
        return None
    context = getattr(error, "ctx", None)
    path = context.command_path if context else "mktool"
    if isinstance(error, NoArgsIsHelpError):
        return InvalidInput(f"{path} needs a command", hint=f"{path} --help")
    text = re.sub(r"^(Got unexpected extra argument).*", r"\1", error.format_message(), flags=re.S)
    return InvalidInput(text, hint=f"{path} --help")


def _bug(error: Exception) -> MktoolError:
    """A bug: its kind and place, never its values (they may be secret)."""
    import traceback

    frames = traceback.extract_tb(error.__traceback__)
    ours = [f for f in frames if f.filename.startswith(_PACKAGE)] or list(frames)
    where = f"{Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else "unknown place"
    return MktoolError(
        f"a bug in mktool: {type(error).__name__} at {where}",
        hint="please report this line; mktool doctor --json helps us",
    )
