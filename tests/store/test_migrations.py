"""Each step runs once and whole."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from mktool.errors import StorageError
from mktool.store import migrations
from mktool.store.migrations import MIGRATIONS, migrate, version


def connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None)


def tables(db: sqlite3.Connection) -> set[str]:
    return {row[0] for row in db.execute("select name from sqlite_master where type = 'table'")}


def test_a_new_file(tmp_path: Path) -> None:
    db = connect(tmp_path / "l.db")
    migrate(db)
    assert tables(db) == {
        "calls", "limits", "acts", "parts", "suppressions", "suppression_syncs", "syncs",
        "sqlite_sequence",
    }  # fmt: skip
    assert version(db) == len(MIGRATIONS)
    assert not db.in_transaction
    migrate(db)
    assert version(db) == len(MIGRATIONS)
    db.close()


def test_an_older_file_gets_the_new_steps_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    db = connect(tmp_path / "l.db")
    migrate(db)
    db.execute("insert into acts (verb) values ('post')")

    def m999_note(step: sqlite3.Connection) -> None:
        step.execute("alter table acts add column note text")

    monkeypatch.setattr(migrations, "MIGRATIONS", (*MIGRATIONS, m999_note))
    migrate(db)
    migrate(db)
    assert db.execute("select verb, note from acts").fetchall() == [("post", None)]
    assert version(db) == len(MIGRATIONS) + 1
    db.close()


def test_a_step_that_fails_leaves_the_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def m999_breaks(step: sqlite3.Connection) -> None:
        step.execute("create table more (id integer)")
        raise KeyboardInterrupt

    db = connect(tmp_path / "l.db")
    monkeypatch.setattr(migrations, "MIGRATIONS", (*MIGRATIONS, m999_breaks))
    with pytest.raises(KeyboardInterrupt):
        migrate(db)
    assert tables(db) == set()
    assert version(db) == 0
    monkeypatch.undo()
    migrate(db)
    assert version(db) == len(MIGRATIONS)
    db.close()


def test_a_file_of_a_newer_mktool_is_left_alone(tmp_path: Path) -> None:
    db = connect(tmp_path / "l.db")
    db.execute(f"pragma user_version = {len(MIGRATIONS) + 1}")
    with pytest.raises(StorageError, match="newer mktool"):
        migrate(db)
    assert tables(db) == set()
    db.close()


def test_a_key_is_taken_once_for_each_account(tmp_path: Path) -> None:
    db = connect(tmp_path / "l.db")
    migrate(db)
    insert = "insert into acts (verb, provider, account, key, state) values ('post', 'x', ?, ?, ?)"
    db.execute(insert, ("a", "k", "cancelled"))
    db.execute(insert, ("a", "k", "done"))
    db.execute(insert, ("b", "k", "done"))
    db.execute(insert, ("a", None, "done"))
    db.execute(insert, ("a", None, "done"))
    with pytest.raises(sqlite3.IntegrityError):
        db.execute(insert, ("a", "k", "open"))
    db.close()
