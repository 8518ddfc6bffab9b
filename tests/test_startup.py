"""
What a command loads before it works: cron and shell scripts pay for it on every start.

Modules are counted and not milliseconds, so that the answer is the same on every machine;
`make bench` measures.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

TYPER = "typer"
# Each costs 10 to 100 ms, and only what talks to a vendor or opens a vault needs them.
HEAVY = frozenset({
    "asyncio", "cryptography", "filelock", "http.client", "httpx", "importlib.metadata", "keyring",
    "platformdirs", "rich", "smtplib", "sqlite_utils", "ssl", "starlette", "tenacity", "uvicorn",
})  # fmt: skip
# What reads and renders a campaign or a report, each where it is needed only.
RENDERING = frozenset({
    "css_inline", "email_validator", "html_to_markdown", "markdown_it", "minijinja", "psycopg",
    "pyarrow", "yaml",
})  # fmt: skip
# mktool leaves by os._exit, which runs no handler: the list is written on the way there.
PROBE = """
import json, os, sys
leave = os._exit
def tell(code):
    with open({report!r}, "w") as file:
        json.dump(sorted(sys.modules), file)
    leave(code)
os._exit = tell
from mktool.__main__ import main
main()
"""


def loaded(tmp_path: Path, *argv: str, exit_code: int = 0, **environ: str) -> set[str]:
    """Run mktool in a process of its own and return the modules it had loaded at its end."""
    report = tmp_path / "modules.json"
    ran = subprocess.run(
        [sys.executable, "-c", PROBE.format(report=str(report)), *argv],
        env={**os.environ, **environ}, capture_output=True, text=True, check=False,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert ran.returncode == exit_code, ran.stderr
    return set(json.loads(report.read_text()))


def test_version_loads_nothing(tmp_path: Path) -> None:
    modules = loaded(tmp_path, "--version")
    assert {m for m in modules if m.startswith("mktool")} == {"mktool", "mktool.__main__"}
    assert TYPER not in modules


@pytest.mark.parametrize("argv", [("run-due",), ("run-due", "--quiet")], ids=" ".join)
def test_run_due_with_nothing_due_loads_sqlite_alone(tmp_path: Path, argv: tuple[str]) -> None:
    modules = loaded(tmp_path, *argv)
    assert TYPER not in modules
    assert not modules & HEAVY
    ours = {m for m in modules if m.startswith("mktool.")}
    assert not [m for m in ours if not m.startswith(("mktool.__main__", "mktool.store"))]
    assert not ours & {"mktool.store.config", "mktool.store.ledger", "mktool.store.vault"}


@pytest.mark.parametrize(
    "argv",
    [
        ("--help",),
        ("accounts",),
        ("post", "--help"),
        ("post", "x", "--text", "hi", "--dry-run"),
        ("send-campaign", "--help"),
        ("export", "--help"),
        ("export", "--schema"),
        ("sync", "--help"),
        ("find", "--help"),
        ("providers",),
        ("help", "exit-codes"),
    ],
    ids=" ".join,
)
def test_local_commands_load_nothing_heavy(tmp_path: Path, argv: tuple[str, ...]) -> None:
    assert not loaded(tmp_path, *argv) & (HEAVY | RENDERING)


@pytest.mark.parametrize(
    "argv", [("suppress", "list"), ("outbox",), ("export", "history"), ("syncs",)], ids=" ".join
)
def test_reading_the_ledger_loads_nothing_heavy(tmp_path: Path, argv: tuple[str, ...]) -> None:
    loaded(tmp_path, "outbox")  # makes it, which is done once
    assert not loaded(tmp_path, *argv) & (HEAVY | RENDERING)


def test_help_imports_no_command(tmp_path: Path) -> None:
    modules = loaded(tmp_path, "--help")
    assert {m for m in modules if m.startswith("mktool.cli.")} == {
        "mktool.cli.app", "mktool.cli.completion", "mktool.cli.terminal",
    }  # fmt: skip
    assert not {m for m in modules if m.startswith(("mktool.http", "mktool.store", "mktool.core"))}


def test_a_post_loads_its_own_vendor_only(tmp_path: Path) -> None:
    modules = loaded(tmp_path, "post", "x", "--text", "hi", "--dry-run")
    vendors = {m for m in modules if m.startswith("mktool.providers.")}
    assert {m for m in vendors if not m.startswith("mktool.providers._")} == {"mktool.providers.x"}


def test_a_dry_run_of_a_campaign_renders_and_reaches_for_nothing(tmp_path: Path) -> None:
    file = tmp_path / "launch.toml"
    loaded(tmp_path, "outbox")
    loaded(tmp_path, "send-campaign", "--init", str(tmp_path))
    modules = loaded(tmp_path, "send-campaign", str(file), "--dry-run")
    assert modules & RENDERING == {"html_to_markdown", "minijinja"}
    assert not modules & HEAVY, modules & HEAVY
    vendors = {m for m in modules if m.startswith("mktool.providers.")}
    assert len({m for m in vendors if not m.startswith("mktool.providers._")}) == 1


@pytest.mark.parametrize(
    ("name", "text", "needed"),
    [
        ("report.json", '{"title": "Weekly", "summary": "It went well."}', {"markdown_it"}),
        ("report.md", "---\ntitle: Weekly\n---\nIt went well.\n", {"markdown_it", "yaml"}),
    ],
)
def test_a_dry_run_of_an_export_loads_what_reads_the_report(
    tmp_path: Path, name: str, text: str, needed: set[str]
) -> None:
    (tmp_path / name).write_text(text)
    loaded(tmp_path, "outbox")
    modules = loaded(tmp_path, "export", str(tmp_path / name), "--to", "teams", "--dry-run")
    assert modules & RENDERING == needed
    assert not modules & HEAVY
    vendors = {m for m in modules if m.startswith("mktool.providers.")}
    assert {m for m in vendors if not m.startswith("mktool.providers._")} == {
        "mktool.providers.teams"
    }


@pytest.mark.parametrize("topic", ["report", "sync"])
def test_a_topic_reads_no_report(tmp_path: Path, topic: str) -> None:
    assert not loaded(tmp_path, "help", topic) & (HEAVY | RENDERING)


def test_the_vault_stays_shut_for_what_needs_no_secret(tmp_path: Path) -> None:
    modules = loaded(tmp_path, "accounts", MKTOOL_VAULT_KEY="not even a key")
    assert not {m for m in modules if m.startswith("mktool.store.vault.")} & {
        "mktool.store.vault.file", "mktool.store.vault.keyring",
    }  # fmt: skip
