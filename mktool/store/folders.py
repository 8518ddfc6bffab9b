"""
Our folders as plain text: `mktool run-due` asks every minute, and imports nothing for it.

The rules for Linux are those of the XDG Base Directory Specification 0.8
(https://specifications.freedesktop.org/basedir-spec/0.8/, read 2026-11).
"""

from __future__ import annotations

import os
import sys

SANDBOX = "sandbox"
REHEARSAL = "MKTOOL_REHEARSAL"  # set by `mktool sandbox -- CMD`, whose sandbox nobody knows later


def config() -> str:
    """Return the folder of ``config.toml``, or "" where only platformdirs knows it."""
    return _moved() or _ours("XDG_CONFIG_HOME", ".config")


def data() -> str:
    """Return the folder of everything else, or "" where only platformdirs knows it."""
    folder = _moved() or _ours("XDG_DATA_HOME", ".local/share")
    return os.path.join(folder, world()) if folder and in_sandbox() else folder


def world() -> str:
    """Return the folder's name of what happens in a sandbox: one for all, or of one rehearsal."""
    return os.environ.get(REHEARSAL) or SANDBOX


def in_sandbox() -> bool:
    """Whether a sandbox plays the vendors: its accounts and acts are kept apart from real ones."""
    return bool(os.environ.get("MKTOOL_SANDBOX"))


def _moved() -> str:
    folder = os.environ.get("MKTOOL_HOME", "")
    return os.path.abspath(os.path.expanduser(folder)) if folder else ""


def _ours(variable: str, fallback: str) -> str:
    if sys.platform != "linux":
        return ""
    base = os.environ.get(variable, "")
    if os.path.isabs(base):
        return os.path.join(base, "mktool")
    home = os.environ.get("HOME", "")
    if not os.path.isabs(home):  # cron and containers start programs with HOME unset or empty
        home = _passwd_home()
    return os.path.join(home, fallback, "mktool") if os.path.isabs(home) else ""


def _passwd_home() -> str:
    try:
        import pwd

        return pwd.getpwuid(os.getuid()).pw_dir
    except (ImportError, KeyError):
        return ""
