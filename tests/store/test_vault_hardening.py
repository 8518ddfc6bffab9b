"""The side doors of a process that holds a secret."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.peers import answer

ASK = """
import ctypes, json, logging, os, resource, sys
logging.basicConfig(stream=sys.stderr, level=logging.DEBUG)
from mktool.store.vault import open_vault
open_vault("file")
from mktool.store.hardening import harden
for name in ("httpx", "httpcore.connection", "keyring.backend", "jeepney"):
    logging.getLogger(name).critical("LEAK")
logging.getLogger("httpcore.http11").setLevel(logging.DEBUG)
logging.getLogger("httpcore.http11").debug("LEAK")
made = sys.argv[1]
open(made, "w").close()
print(json.dumps({
    "dumpable": ctypes.CDLL(None).prctl(3, 0, 0, 0, 0),
    "core": resource.getrlimit(resource.RLIMIT_CORE),
    "mode": oct(os.stat(made).st_mode & 0o777),
    "keylog": os.environ.get("SSLKEYLOGFILE"),
    "dropped": harden(),
}))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="asks the Linux kernel")
def test_opening_a_vault_closes_them(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSLKEYLOGFILE", "/tmp/keys")
    assert json.loads(answer(ASK, str(tmp_path / "made"))) == {
        "dumpable": 0,
        "core": [0, 0],
        "mode": "0o600",
        "keylog": None,
        "dropped": [["SSLKEYLOGFILE", "/tmp/keys"]],
    }


@pytest.mark.skipif(sys.platform != "linux", reason="asks the Linux kernel")
def test_libraries_that_would_log_secrets_are_silent(home: Path, tmp_path: Path) -> None:
    code = "import sys; sys.stderr = sys.stdout\n" + ASK
    assert "LEAK" not in answer(code, str(tmp_path / "made"))


def test_nothing_dropped_is_nothing_to_tell(home: Path, tmp_path: Path) -> None:
    found = json.loads(answer(ASK, str(tmp_path / "made")))
    assert found["dropped"] == []
