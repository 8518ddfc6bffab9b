"""The question cron asks every minute. Nothing but sqlite3 is imported for it."""

from __future__ import annotations

import os
import sqlite3
import time

from . import folders


def nothing_due(now: float | None = None) -> bool:
    """Return True if it is certain that no scheduled act is due; any trouble is a False."""
    folder = folders.data()
    if not folder:
        return False
    path = os.path.join(folder, "ledger.db")
    if not os.path.exists(path):
        return True
    try:
        db = sqlite3.connect(path, timeout=1.0)
        try:
            row = db.execute(
                "select 1 from acts where due <= ? and state in ('scheduled', 'open') limit 1",
                (time.time() if now is None else now,),
            ).fetchone()
        finally:
            db.close()
    except sqlite3.Error:
        return False  # the full command says what is wrong
    return row is None
