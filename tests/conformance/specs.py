"""Where the vendors' own machine-readable documents are: the folder that MKTOOL_SPECS names."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from tests.peers import absent


def folder(vendor: str) -> Path:
    """Return a vendor's folder; skip the test without it (fail if MKTOOL_STRICT=1)."""
    root = os.environ.get("MKTOOL_SPECS", "")
    found = Path(root) / vendor
    if not root or not found.is_dir():
        absent(f"MKTOOL_SPECS names no folder with {vendor}/")
    return found


def load(vendor: str, *path: str) -> Any:
    """Return one JSON document of a vendor."""
    return json.loads(folder(vendor).joinpath(*path).read_text(encoding="utf-8"))
