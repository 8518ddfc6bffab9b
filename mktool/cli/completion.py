"""
`mktool completion`, and what a shell is told when somebody presses Tab.

The scripts are Typer's; each calls mktool again with ``_MKTOOL_COMPLETE`` set, and `respond`
answers.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import InvalidInput, MktoolError
from .terminal import terminal

if TYPE_CHECKING:
    from typer._click.shell_completion import CompletionItem, ShellComplete

    from ..spec import Spec

VARIABLE = "_MKTOOL_COMPLETE"
SHELLS = ("bash", "zsh", "fish")
# zsh loads the file at the first Tab, as the body of a function that has to answer it.
ZSH_FIRST_TAB = """
if [[ ${funcstack[1]} = _mktool ]]; then
  _mktool_completion "$@"
fi
"""

app = typer.Typer(rich_markup_mode=None)
group = typer.Typer(rich_markup_mode=None, no_args_is_help=True)
app.add_typer(group, name="completion", help="Install or print shell completion.")

Shell = Annotated[
    str,
    typer.Argument(
        help="bash, zsh or fish; default: the one in $SHELL.",
        metavar="[SHELL]",
        autocompletion=lambda incomplete: _starting(incomplete, SHELLS),
    ),
]


@group.command(epilog="Example: mktool completion install bash")
def install(shell: Shell = "") -> None:
    """Put the script where the shell finds it. Nothing else is changed."""
    name = _known(shell)
    path = place(name, os.environ)
    text = script(name)
    same = path.exists() and path.read_text(encoding="utf-8") == text
    if not same:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    did = "is in place already" if same else "written"
    out = terminal()
    out.result({"shell": name, "path": str(path), "written": not same}, text=f"{path}: {did}")
    out.say(_next_step(name, path))


@group.command(epilog="Example: mktool completion show zsh > _mktool")
def show(shell: Shell = "") -> None:
    """Print the script."""
    name = _known(shell)
    text = script(name)
    terminal().result({"shell": name, "script": text}, text=text.rstrip("\n"))


def script(shell: str) -> str:
    """Return the completion script of a shell."""
    from typer._completion_shared import get_completion_script

    text = get_completion_script(prog_name="mktool", complete_var=VARIABLE, shell=shell)
    return f"{text}\n{ZSH_FIRST_TAB if shell == 'zsh' else ''}"


def place(shell: str, environ: Mapping[str, str]) -> Path:
    """Return where a user's own completion script belongs.

    https://github.com/scop/bash-completion (README, 2026-11),
    https://fishshell.com/docs/current/completions.html (2026-11); zsh has no such place.
    """
    home = Path.home()
    data = Path(environ.get("XDG_DATA_HOME") or home / ".local/share")
    if shell == "bash":
        base = environ.get("BASH_COMPLETION_USER_DIR") or data / "bash-completion"
        return Path(base) / "completions" / "mktool"
    if shell == "zsh":
        return data / "zsh" / "site-functions" / "_mktool"
    config = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    return config / "fish" / "completions" / "mktool.fish"


def _next_step(shell: str, path: Path) -> str:
    if shell == "bash":
        return f"new shells have it where bash-completion is installed; now: source {path}"
    if shell == "zsh":
        return f"once, in ~/.zshrc before compinit: fpath+=({path.parent})"
    return "new shells have it"


def _known(shell: str) -> str:
    name = shell or Path(os.environ.get("SHELL", "")).name
    if name in SHELLS:
        return name
    problem = f"no completion for {name!r}" if name else "$SHELL does not say which shell"
    raise InvalidInput(problem, hint=f"mktool completion install {'|'.join(SHELLS)}")


# -- candidates --------------------------------------------------------------------------------


def provider_names(incomplete: str) -> list[str]:
    """Return the providers whose names begin so."""
    from .. import providers

    return _starting(incomplete, providers.names())


def takers_of_reports(incomplete: str) -> list[str]:
    """Return the providers that reports can go to and whose names begin so."""
    from .. import providers
    from ..capability import CanExport

    known = provider_names(incomplete)
    return [name for name in known if issubclass(providers.load(name), CanExport)]


WhichAccount = Annotated[
    str,
    typer.Argument(
        metavar="PROVIDER[:ACCOUNT]",
        help="Such as x, or x:work.",
        autocompletion=provider_names,
    ),
]


def kinds_of_records(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the kinds of records of the provider on the line."""
    spec = _spec_on(ctx)
    return _starting(incomplete, [kind.name for kind in spec.records] if spec else ())


def kinds_to_find(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return what can be looked for at the provider on the line."""
    spec = _spec_on(ctx)
    return _starting(incomplete, spec.finds if spec else ())


def _spec_on(ctx: typer.Context) -> Spec | None:
    from .. import providers

    try:
        return providers.load(str(ctx.params.get("provider")).partition(":")[0]).spec
    except MktoolError:
        return None


def account_names(incomplete: str) -> list[str]:
    """Return the names of connected accounts that begin so; none if they cannot be read."""
    from ..store.accounts import read_all

    try:
        return _starting(incomplete, sorted({entry.account for entry in read_all()}))
    except MktoolError:
        return []


def account_keys(incomplete: str) -> list[str]:
    """Return connected accounts as ``provider:account`` that begin so."""
    from ..store.accounts import read_all

    try:
        return _starting(incomplete, [entry.key for entry in read_all()])
    except MktoolError:
        return []


def _starting(incomplete: str, words: Iterable[str]) -> list[str]:
    return [word for word in words if word.startswith(incomplete)]


# -- the answer to the shell -------------------------------------------------------------------


def respond(root: typer.Typer, instruction: str) -> int:
    """Print the candidates for the line in the environment and return the exit code.

    Whatever goes wrong, nothing is printed: a prompt is no place for an error.
    """
    from typer._click.shell_completion import get_completion_class
    from typer._completion_classes import completion_init

    completion_init()
    known = get_completion_class(instruction.removeprefix("complete_"))
    if known is None:
        return 1
    try:
        words = _hoisting(known)(typer.main.get_command(root), {}, "mktool", VARIABLE)
        print(words.complete())
    except Exception:
        return 1
    return 0


def _hoisting(known: type[ShellComplete]) -> Callable[..., ShellComplete]:
    """Return the shell's class with global options understood anywhere on the line."""
    from typer._click.shell_completion import CompletionItem

    from .app import GLOBAL, hoist

    class Hoisting(known):  # type: ignore[valid-type, misc]  # the base is known at run time
        def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem]:
            if args and GLOBAL.get(args[-1]):  # its value is being typed
                return list(super().get_completions(args[-1:], incomplete))
            front, rest = hoist(args)
            found = list(super().get_completions(front + rest, incomplete))
            if rest and incomplete.startswith("-"):
                options = (name for name in GLOBAL if name.startswith("--"))
                found += [CompletionItem(name) for name in _starting(incomplete, options)]
            return found

    return Hoisting
