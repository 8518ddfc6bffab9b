"""What every vault keeps, whatever it is made of. Inherited by the test class of each."""

from __future__ import annotations

import base64
import json
import time
import urllib.parse
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from mktool.store.accounts import Home
from mktool.store.vault import Vault, open_vault
from tests.peers import answer, answers, python

PUT_MANY = """
import sys
from mktool.store.vault import open_vault
home, who, rounds = sys.argv[1:]
for i in range(int(rounds)):
    open_vault(home).put(f"x:{who}-{i}", {"who": who, "round": i})
"""
PUT_FOR_EVER = """
import sys
from mktool.store.vault import open_vault
vault = open_vault(sys.argv[1])
for i in range(10**9):
    vault.put("x:default", {"first": i, "padding": "p" * 3000, "last": i})
    if i == 0:
        print("writing", flush=True)
"""
GET = """
import json, sys
from mktool.store.vault import open_vault
print(json.dumps(open_vault(sys.argv[1]).get(sys.argv[2])))
"""


class VaultContract:
    """Subclasses name the home and provide the ``vault`` fixture."""

    home_name: Home
    processes = 8
    rounds = 10
    kills = 12

    @pytest.fixture
    def vault(self) -> Iterator[Vault]:
        raise NotImplementedError

    def test_probe_accepts_a_usable_vault(self, vault: Vault) -> None:
        vault.probe()

    def test_what_was_never_put_is_none(self, vault: Vault) -> None:
        assert vault.get("x:default") is None

    @pytest.mark.parametrize(
        "record",
        [
            {"access_token": "a", "expires_at": 1.5, "scopes": ["r", "w"], "nested": {"n": None}},
            {"text": 'naïve \N{GRINNING FACE} "quoted" \\ \n\0'},
            {"private_key": "k" * 2400},
            {"huge": "h" * 100_000},
            {"id": "a", "n": 1, "sha256": "looks like a head"},
            {},
        ],
        ids=["tokens", "unicode", "2 kB", "100 kB", "head", "empty"],
    )
    def test_a_record_comes_back_as_it_was(self, vault: Vault, record: dict[str, object]) -> None:
        vault.put("x:default", record)
        assert vault.get("x:default") == record

    @pytest.mark.parametrize(("first", "second"), [(10, 5000), (5000, 10), (5000, 2500)])
    def test_a_later_record_replaces_the_earlier(
        self, vault: Vault, first: int, second: int
    ) -> None:
        vault.put("x:default", {"token": "1" * first})
        vault.put("x:default", {"token": "2" * second})
        assert vault.get("x:default") == {"token": "2" * second}

    @pytest.mark.parametrize("size", [10, 5000])
    def test_delete_tells_whether_it_was_there(self, vault: Vault, size: int) -> None:
        vault.put("x:default", {"token": "t" * size})
        assert vault.delete("x:default")
        assert vault.get("x:default") is None
        assert not vault.delete("x:default")

    def test_accounts_do_not_touch_each_other(self, vault: Vault) -> None:
        names = ["x:default", "x:default2", "x:default#a0", "y:default", "x:é / ..\\ %41", "x:X"]
        for name in names:
            vault.put(name, {"token": name})
        vault.delete("x:default2")
        left = [name for name in names if name != "x:default2"]
        assert [vault.get(name) for name in left] == [{"token": name} for name in left]

    def test_another_process_reads_it(self, vault: Vault) -> None:
        vault.put("x:default", {"token": "t"})
        assert json.loads(answer(GET, self.home_name, "x:default")) == {"token": "t"}

    def test_processes_that_write_at_once_lose_nothing(self, vault: Vault) -> None:
        who = [str(n) for n in range(self.processes)]
        answers([python(PUT_MANY, self.home_name, w, str(self.rounds)) for w in who])
        found = {(w, i): vault.get(f"x:{w}-{i}") for w in who for i in range(self.rounds)}
        assert found == {(w, i): {"who": w, "round": i} for w, i in found}

    def test_a_writer_killed_at_any_moment_leaves_a_whole_record(self, vault: Vault) -> None:
        for n in range(self.kills):
            writer = python(PUT_FOR_EVER, self.home_name)
            assert writer.stdout is not None
            assert writer.stdout.readline() == "writing\n"
            time.sleep(0.003 * n)
            writer.kill()
            writer.communicate()
            record = vault.get("x:default")
            assert record is not None
            assert record["first"] == record["last"]
        vault.put("x:default", {"after": True})
        assert vault.get("x:default") == {"after": True}

    def test_open_vault_returns_this_kind(self, vault: Vault) -> None:
        assert open_vault(self.home_name).home == vault.home == self.home_name


class SealedVaultContract(VaultContract):
    """What a vault keeps that writes files of its own."""

    @pytest.fixture
    def folders(self) -> list[Path]:
        """Every folder the vault writes to."""
        raise NotImplementedError

    def test_no_secret_is_written_in_clear(self, vault: Vault, folders: list[Path]) -> None:
        canary = f"CANARY-{uuid.uuid4()}/+ü"
        vault.put("x:default", {"token": canary, "more": canary * 100})
        vault.put("x:default", {"token": canary})
        forms = [
            canary.encode(),
            base64.b64encode(canary.encode()),
            urllib.parse.quote(canary).encode(),
            json.dumps(canary).strip('"').encode(),
        ]
        files = [f for folder in folders for f in folder.rglob("*") if f.is_file()]
        assert files, "the vault wrote nothing, so nothing was looked at"
        shown = [str(f) for f in files for form in forms if form in f.read_bytes()]
        assert shown == []

    def test_files_are_private_under_any_umask(
        self, vault: Vault, folders: list[Path], umask: int
    ) -> None:
        vault.put("x:default", {"token": "t"})
        loose = [
            (str(path), oct(path.stat().st_mode))
            for folder in folders
            for path in folder.rglob("*")
            if not path.is_socket() and path.stat().st_mode & 0o077
        ]
        assert loose == []
