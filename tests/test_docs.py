"""What the documents say is true: generated where it can be, tried where it cannot."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
import typer

from mktool import __version__, errors, providers
from mktool.capability import capabilities
from mktool.cli import app as root
from mktool.cli import help as topics
from mktool.cli import topics as long
from mktool.core.doctor import OWN_VARIABLES
from mktool.core.export import sources
from mktool.core.export.read import report_in
from mktool.errors import MktoolError
from mktool.provider import Provider
from mktool.store.config import FREE, SETTINGS, load
from tests import docs

ROOT = docs.ROOT
README = (ROOT / "README.md").read_text(encoding="utf-8")


def kinds(kind: type[MktoolError] = MktoolError) -> Iterator[type[MktoolError]]:
    yield kind
    for child in kind.__subclasses__():
        if child.__module__ == errors.__name__:
            yield from kinds(child)


@pytest.mark.parametrize(
    ("path", "text"), [pytest.param(p, t, id=p.name) for p, t in docs.generated()]
)
def test_generated_files_are_up_to_date(path: Path, text: str) -> None:
    assert path.read_text(encoding="utf-8") == text, "run: make docs"


def test_the_readme_has_every_generated_block() -> None:
    assert [found[2] for found in docs.BLOCK.finditer(README)] == [
        "commands", "providers", "setup", "environment", "exit-codes",
    ]  # fmt: skip


# -- commands ----------------------------------------------------------------------------------


def code(markdown: str) -> Iterator[str]:
    """Yield the lines of code blocks, and the code inside sentences."""
    fence = False
    for line in markdown.splitlines():
        if line.startswith("```"):
            fence = not fence
        elif fence or line.startswith("    "):
            yield line.strip()
        else:
            yield from re.findall(r"`([^`]+)`", line)


def command_lines(text: str) -> Iterator[list[str]]:
    """Yield what follows ``mktool`` in a shell line, for each ``mktool`` in it."""
    for part in re.split(r"[;|]|\s>\s", text.split(" # ", 1)[0]):
        try:
            words = [word.rstrip(",") for word in shlex.split(part)]
        except ValueError:  # prose with an apostrophe
            continue
        starts = [i for i, word in enumerate(words) if word == "mktool" or word.endswith("/mktool")]
        for start, end in zip(starts, [*starts, len(words)][1:], strict=True):
            yield words[start + 1 : end]


def shown() -> list[list[str]]:
    """Return every command line of the README, of hints and of the set-up guides."""
    texts = [
        *code(README),
        *(kind.default_hint.replace("{provider}{account}", "x") for kind in kinds()),
    ]
    texts += [t for name in providers.names() for t in code_of(providers.load(name).spec.setup)]
    return [line for text in texts for line in command_lines(text) if line]


def code_of(setup: str) -> list[str]:
    return [found.strip() for found in re.findall(r"\bmktool [^\n;]+", setup)]


def leaves(name: str) -> dict[str, Any]:
    """Return a command, or those of a group, by the words that call it."""
    command = command_of(name)
    inner = getattr(command, "commands", None)
    return {f"{name} {own}": leaf for own, leaf in inner.items()} if inner else {name: command}


def command_of(name: str) -> Any:
    module = import_module(f"mktool.cli.{root.COMMANDS[name].module}")
    return typer.main.get_group(module.app).commands[name]


def options(command: Any) -> set[str]:
    return {opt for param in command.params for opt in (*param.opts, *param.secondary_opts)}


def check(line: list[str]) -> None:
    """Fail unless the command of a line, and each of its options, exist."""
    _, words = root.hoist(line)
    if not words or words[0] in ("COMMAND", "--help", "--version"):
        return
    assert words[0] in root.COMMANDS
    command = command_of(words[0])
    inner = getattr(command, "commands", None)
    if inner and len(words) > 1 and not words[1].startswith("-"):
        command = inner[words[1]]
    own = words[: words.index("--")] if "--" in words else words
    used = {word.partition("=")[0] for word in own if re.match(r"--?[a-z]", word)}
    assert used <= options(command) | {"--help", "-h"} | set(root.GLOBAL)


@pytest.mark.parametrize("line", shown(), ids=" ".join)
def test_every_command_line_shown_is_real(line: list[str]) -> None:
    check(line)


@pytest.mark.parametrize("name", providers.names())
def test_every_option_that_a_set_up_names_is_real(name: str) -> None:
    known = {opt for word in ("authorize", "post", "export") for opt in options(command_of(word))}
    assert set(re.findall(r"--[a-z][a-z-]+", providers.load(name).spec.setup)) <= known


@pytest.mark.parametrize("name", root.COMMANDS)
def test_every_command_has_help_with_a_real_example(name: str) -> None:
    for path, command in leaves(name).items():
        assert command.help
        example = (command.epilog or "").removeprefix("Example: ")
        (line,) = command_lines(example.removeprefix("in crontab: * * * * * "))
        assert " ".join(line).startswith(path)
        check(line)


def test_the_readme_names_every_command_line_tool_of_make() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    used = set(re.findall(r"\bmake ([a-z]+) ", "\n".join(code(README)) + "\n"))
    assert {"demo", "test", "check", "bench"} <= used <= targets


def test_links_of_the_readme_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / target).exists(), target


def test_the_provider_in_the_readme_works() -> None:
    (source,) = re.findall(r"```python\n(.+?)```", README, re.DOTALL)
    space: dict[str, Any] = {"__name__": "acme_mktool"}
    exec(compile(source, "README.md", "exec"), space)
    cls = space["Acme"]
    assert issubclass(cls, Provider)
    assert capabilities(cls) == {"check", "post"}


# -- settings ----------------------------------------------------------------------------------


def test_every_setting_of_the_example_can_be_switched_on(tmp_path: Path) -> None:
    text = (ROOT / "config.example.toml").read_text(encoding="utf-8")
    path = tmp_path / "config.toml"
    path.write_text(re.sub(r"^# (\w+ = |\[)", r"\1", text, flags=re.MULTILINE))
    config = load(path, {})
    assert config.data.keys() >= FREE.keys()
    sources.all_sources(config.reports())
    for setting in SETTINGS:
        assert setting.key in config.data[setting.section]
        assert config.get(setting.section, setting.key) == setting.default
    for name in providers.names():
        fields = {f.name for f in providers.load(name).spec.fields if not f.secret}
        assert set(config.provider(name)) == fields | {"base_url"}


def test_the_example_as_it_is_changes_nothing() -> None:
    data = tomllib.loads((ROOT / "config.example.toml").read_text(encoding="utf-8"))
    assert not any(data[name] for name in data if name != "providers")
    assert not any(data["providers"].values())


def test_the_sections_of_the_example_name_what_there_is(tmp_path: Path) -> None:
    text = (ROOT / "config.example.toml").read_text(encoding="utf-8")
    data = tomllib.loads(re.sub(r"^# (\w+ = |\[)", r"\1", text, flags=re.MULTILINE))
    (name,), (other,) = data["map"], data["sync"]
    spec = providers.load(name).spec
    assert name == other
    assert set(data["map"][name]) <= set(spec.exports)
    assert all(spec.kind(kind) for kind in data["sync"][name])


def test_every_variable_that_is_read_is_documented() -> None:
    known = dict(topics.environment())
    assert known.keys() >= OWN_VARIABLES - {"MKTOOL_STRICT", "MKTOOL_SPECS"}
    for path in (ROOT / "mktool").rglob("*.py"):
        for name in re.findall(r"""["']\$?(MKTOOL_[A-Z_]*[A-Z])["']""", path.read_text("utf-8")):
            assert name in known or name in OWN_VARIABLES, f"{path}: {name}"


# -- topics ------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [long.report(), long.sync()], ids=["report", "sync"])
def test_topics_fit_a_terminal_and_show_what_is_real(text: str) -> None:
    assert max(map(len, text.splitlines())) <= 80
    for line in filter(None, (line for part in code(text) for line in command_lines(part))):
        check(line)


def test_the_reports_in_the_topic_are_reports() -> None:
    fronts = re.findall(r"^    ---\n.+?(?=\n\n\S)", long.report(), re.DOTALL | re.MULTILINE)
    made = [report_in(long.EXAMPLE, "x.json"), *(report_in(dedent(t), "x.md") for t in fronts)]
    assert len(made) == 2
    assert all(report.actions and report.transcript and report.start for report in made)


def test_every_topic_that_a_hint_names_is_there() -> None:
    for path in (ROOT / "mktool").rglob("*.py"):
        for name in re.findall(r"mktool help ([a-z-]+)", path.read_text("utf-8")):
            assert name in topics.TOPICS, path


# -- errors ------------------------------------------------------------------------------------


def test_the_tree_in_the_docstring_gives_the_exit_codes() -> None:
    rows = re.findall(r"^\s+[-+x] (\w+)\s.*?(\d+)$", errors.__doc__ or "", re.MULTILINE)
    assert len(rows) > 10
    for name, number in rows:
        assert getattr(errors, name).exit_code == int(number)


def test_every_error_is_in_the_table_of_exit_codes() -> None:
    table = {row.code: row.errors for row in topics.exit_codes()}
    for kind in kinds():
        if kind is not errors.ProviderError:
            assert kind.code in table[kind.exit_code]


def test_the_changelog_is_about_this_version() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.findall(r"^## ([\d.]+)", text, re.MULTILINE)[0] == __version__
