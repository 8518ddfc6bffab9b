"""`mktool help`: the topics, each made from the code it describes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, NamedTuple

import typer

from .. import errors, providers
from ..errors import InvalidInput, MktoolError
from ..store.config import FREE, SETTINGS, Free, Setting
from ..store.vault.environment import variable
from .terminal import terminal

app = typer.Typer(rich_markup_mode=None)

TOPICS = {
    "exit-codes": "What a script learns from the exit code.",
    "environment": "Every variable that is read.",
    "config": "The settings file, with all keys and their defaults.",
    "report": "What a meeting's report may be, and templates and fields for it.",
    "sync": "How records are known, mapped and merged.",
}

# Variables that are neither a setting nor a provider's field.
VARIABLES = {
    "MKTOOL_HOME": "one folder for configuration, ledger, encrypted file and locks",
    "MKTOOL_CONFIG": "another config.toml",
    "MKTOOL_VAULT_KEY": "the key of the encrypted file: 32 bytes in base64",
    "MKTOOL_VAULT_KEY_FILE": "a file of mode 0600 that holds the key",
    "MKTOOL_VAULT_PASSPHRASE": "a passphrase instead of a key",
    "CREDENTIALS_DIRECTORY": "set by systemd: the key is its file mktool-vault-key",
    "MKTOOL_SANDBOX": "address of a sandbox: every provider is sent there",
    "MKTOOL_REHEARSAL": "set by mktool sandbox -- CMD: the folder of what that run does",
    "MKTOOL_<PROVIDER>_BASE_URL": "another address for one provider; https, or http to 127.0.0.1",
    "MKTOOL_<PROVIDER>_<FIELD>": "a provider's field; before the vendor's usual name",
    "NO_COLOR": "plain output, as does TERM=dumb",
    "CI": "never ask, no colour",
    "HTTPS_PROXY": "a proxy, with ALL_PROXY and NO_PROXY; not used on 127.0.0.1",
    "SSL_CERT_FILE": "certificates to trust instead of the built-in list; also SSL_CERT_DIR",
    "DBUS_SESSION_BUS_ADDRESS": "where the keyring is, for cron",
    "PYTHON_KEYRING_BACKEND": "another keyring class; one that keeps plain text is refused",
}


class Exit(NamedTuple):
    """One exit code: what it means and the error codes that ``--json`` gives with it."""

    code: int
    meaning: str
    errors: tuple[str, ...]


def _topics(incomplete: str) -> list[str]:
    from .app import COMMANDS

    return [name for name in (*TOPICS, *COMMANDS) if name.startswith(incomplete)]


@app.command("help", epilog="Example: mktool help exit-codes")
def show(
    ctx: typer.Context,
    topic: Annotated[
        list[str] | None,
        typer.Argument(help="A topic, or a command.", autocompletion=_topics),
    ] = None,
) -> None:
    """Help on a topic or on a command; without either, the topics."""
    words = topic or []
    if not words:
        terminal().result(TOPICS, ("topic", "what"), TOPICS.items())
        terminal().say("mktool --help lists the commands, mktool help COMMAND explains one")
    elif words == ["exit-codes"]:
        rows = exit_codes()
        data = [row._asdict() for row in rows]
        table = [(row.code, row.meaning, ", ".join(row.errors)) for row in rows]
        terminal().result(data, ("exit", "meaning", "codes in --json"), table)
    elif words == ["environment"]:
        variables = dict(environment())
        terminal().result(variables, ("variable", "what"), variables.items())
    elif words == ["config"]:
        example = config_example()
        terminal().result({"example": example}, text=example.rstrip("\n"))
    elif words in (["report"], ["sync"]):
        from . import topics

        text = topics.report() if words == ["report"] else topics.sync()
        terminal().result({"help": text}, text=text.rstrip("\n"))
    else:
        text = _command_help(ctx, words)
        terminal().result({"help": text}, text=text)


def exit_codes() -> list[Exit]:
    """Return every exit code in order; the meanings are the docstrings of `mktool.errors`."""
    found = {0: Exit(0, "Done.", ()), 1: Exit(1, "A bug in mktool.", ("error",))}
    for kind in _kinds(MktoolError):
        if kind is errors.ProviderError:  # never raised itself
            continue
        first = found.get(kind.exit_code, Exit(kind.exit_code, _meaning(kind), ()))
        codes = first.errors if kind.code in first.errors else (*first.errors, kind.code)
        found[kind.exit_code] = first._replace(errors=codes)
    return [found[code] for code in sorted(found)]


def environment() -> Iterator[tuple[str, str]]:
    """Yield every variable with what it is for."""
    yield from VARIABLES.items()
    for setting in SETTINGS:
        yield setting.env, f"[{setting.section}] {setting.key}: {setting.help}"
    for spec in providers.specs():
        for field in spec.fields:
            usual = f"; or {', '.join(field.env)}" if field.env else ""
            yield variable(spec.name, field.name), f"{spec.title}: {field.help}{usual}"


def config_example() -> str:
    """Return a config.toml that holds every setting, each commented out."""
    lines = [
        "# Settings of mktool: copy to ~/.config/mktool/config.toml, or into $MKTOOL_HOME.",
        "# A flag comes first, then the environment, then this file, then the default shown here.",
        "# Secrets do not belong here: mktool authorize puts them into the vault.",
    ]
    for section in dict.fromkeys(setting.section for setting in SETTINGS):
        lines += ["", f"[{section}]"]
        for setting in SETTINGS:
            if setting.section == section:
                lines += _example(setting)
    for free in FREE.values():
        lines += _free_example(free)
    for spec in providers.specs():
        lines += ["", f"[providers.{spec.name}]"]
        lines += [f'# base_url = "{spec.base_url}"']
        for field in spec.fields:
            if not field.secret:
                lines += [f"# {field.help}", f'# {field.name} = "{field.default}"']
    return "\n".join(lines) + "\n"


def _free_example(free: Free) -> list[str]:
    if free.name == "providers.NAME":  # they follow, each with its fields
        return []
    lines = (free.help, f"[{_section(free.name)}]", free.example, *free.more)
    return ["", *(f"# {line}" for line in lines)]


def _section(name: str) -> str:
    """Return the name of a free section with a provider, and what that has, for the capitals."""
    spec = next(spec for spec in providers.specs() if spec.exports and spec.records)
    named = {"PROVIDER": spec.name, "OBJECT": spec.exports[0], "KIND": spec.records[0].name,
             "SOURCE": "ours"}  # fmt: skip
    return ".".join(named.get(part, part) for part in name.split("."))


def _example(setting: Setting) -> list[str]:
    from json import dumps  # a JSON string or number is one in TOML too

    choices = f" ({', '.join(setting.choices)})" if setting.choices else ""
    text = f"# {setting.help}{choices}; ${setting.env}"
    return [text, f"# {setting.key} = {dumps(setting.default)}"]


def _kinds(root: type[MktoolError]) -> Iterator[type[MktoolError]]:
    yield root
    for kind in root.__subclasses__():
        if kind.__module__ == errors.__name__:
            yield from _kinds(kind)


def _meaning(kind: type[MktoolError]) -> str:
    """Return the first sentence of the docstring."""
    return (kind.__doc__ or "").strip().splitlines()[0].partition(". ")[0].rstrip(".") + "."


def _command_help(ctx: typer.Context, words: list[str]) -> str:
    context: Any = ctx.find_root()
    for word in words:
        find = getattr(context.command, "get_command", None)
        command = find(context, word) if find else None
        if command is None:
            raise InvalidInput(
                f"there is no topic and no command {' '.join(words)!r}",
                hint=f"topics: {', '.join(TOPICS)}; commands: mktool --help",
            )
        context = command.make_context(word, [], parent=context, resilient_parsing=True)
    text: str = context.get_help()
    return text
