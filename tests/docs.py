"""What is written from code: `python -m tests.docs` (make docs) writes it, test_docs compares."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from mktool import providers
from mktool.capability import CanExport, CanPull
from mktool.cli import help as topics
from mktool.cli.app import COMMANDS
from mktool.cli.completion import script
from mktool.cli.providers import COLUMNS, row
from mktool.store.config import SETTINGS

ROOT = Path(__file__).resolve().parent.parent
BLOCK = re.compile(r"(<!-- ([a-z-]+): written by make docs -->\n).*?(<!-- end -->)", re.DOTALL)


def generated() -> Iterator[tuple[Path, str]]:
    """Yield every generated file with the text it should have."""
    readme = ROOT / "README.md"
    blocks = {
        "commands": table(("command", "what it does"), commands()),
        "providers": table(COLUMNS, (row(providers.load(name)) for name in providers.names())),
        "setup": "".join(setups()),
        "environment": table(("variable", "what it is for"), variables()),
        "exit-codes": table(
            ("exit code", "meaning", "codes in `--json`"),
            (
                (str(x.code), x.meaning, ", ".join(f"`{e}`" for e in x.errors))
                for x in topics.exit_codes()
            ),
        ),
    }
    text = readme.read_text(encoding="utf-8")
    yield readme, BLOCK.sub(lambda found: found[1] + blocks[found[2]] + found[3], text)
    yield ROOT / "config.example.toml", topics.config_example()
    folder = ROOT / "completions"
    for shell, name in {"bash": "mktool.bash", "zsh": "_mktool", "fish": "mktool.fish"}.items():
        yield folder / name, script(shell)


def commands() -> Iterator[tuple[str, str]]:
    for name, entry in COMMANDS.items():
        yield f"`mktool {name}`", entry.help


def setups() -> Iterator[str]:
    """Yield how to set up each provider of reports or records."""
    for spec in providers.specs():
        if issubclass(providers.load(spec.name), CanExport | CanPull):
            yield f"### {spec.title}\n\n{spec.setup}\n\n"


def variables() -> Iterator[tuple[str, str]]:
    for name, what in topics.VARIABLES.items():
        yield f"`{name}`", what
    for setting in SETTINGS:
        yield f"`{setting.env}`", f"`[{setting.section}] {setting.key}`: {setting.help}"


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [columns, ["---"] * len(columns), *rows]
    cells = ([cell.replace("|", "\\|") for cell in line] for line in lines)
    return "".join(f"| {' | '.join(line)} |\n" for line in cells)


if __name__ == "__main__":
    for path, text in generated():
        path.write_text(text, encoding="utf-8")
