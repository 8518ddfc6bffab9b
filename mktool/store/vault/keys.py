"""
What opens the encrypted file: a key of 32 bytes, or a passphrase to derive one from.

A key is derived with scrypt (RFC 7914), n = 2^15, r = 8, p = 1: 32 MiB and about 70 ms,
paid by a guesser for every guess. Sub-keys are made with HMAC-SHA-256, so that the key
itself never meets a cipher.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import stat
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import VaultError, VaultNoKey, VaultTampered, VaultWrongKey
from ...model import Secret

Ask = Callable[[str], Secret]

NEW_KEY = (
    "(umask 077; openssl rand -base64 32 > ~/.mktool-vault-key); "
    "export MKTOOL_VAULT_KEY_FILE=~/.mktool-vault-key and keep that file; or give the key itself, "
    "MKTOOL_VAULT_KEY=…; or a passphrase, typed on a terminal or in MKTOOL_VAULT_PASSPHRASE"
)
SAME_KEY = (
    "give the key it was made with: MKTOOL_VAULT_KEY_FILE, MKTOOL_VAULT_KEY or "
    "MKTOOL_VAULT_PASSPHRASE; a passphrase can be typed on a terminal"
)
MAKE_ONE = "make a key with: openssl rand -base64 32"
_SHORTEST_PASSPHRASE = 8  # NIST SP 800-63B, section 5.1.1.1
_MOUNTED_SECRETS = ("/run/secrets", "/var/run/secrets")  # Docker and Kubernetes choose the mode


class Key:
    """The master key of an encrypted file; never printed. ``kdf`` is how it was derived."""

    __slots__ = ("_master", "kdf")

    def __init__(self, master: bytes, kdf: Mapping[str, Any] | None = None) -> None:
        self._master = master
        self.kdf = kdf

    @property
    def kid(self) -> str:
        """Return what names the key without giving it away."""
        return self._sub_key("mktool-vault/key-id/v1")[:16].hex()

    def data_key(self) -> bytes:
        return self._sub_key("mktool-vault/aes-256-gcm/v1")

    def _sub_key(self, purpose: str) -> bytes:
        return hmac.digest(self._master, purpose.encode(), "sha256")

    def __repr__(self) -> str:
        return "Key('***')"


@dataclass(frozen=True, slots=True)
class Given:
    """A key or passphrase as it was given, and where it came from (shown to people)."""

    secret: Secret
    source: str
    passphrase: bool = False
    path: Path | None = None

    def key(self, kdf: Mapping[str, Any] | None) -> Key:
        """Return the key of a file whose header says ``kdf`` (None: made from random bytes)."""
        if not self.passphrase:
            return Key(_decode(self.secret, self.source))
        if kdf is None:
            raise VaultWrongKey(
                f"the encrypted file is opened by a key, and {self.source} is a passphrase",
                hint="give the key in MKTOOL_VAULT_KEY or MKTOOL_VAULT_KEY_FILE",
            )
        return Key(_scrypt(self.secret, kdf), kdf)

    def new_key(self) -> Key:
        """Return the key of a file that is yet to be made. Raises `VaultNoKey` if too weak."""
        if not self.passphrase:
            return self.key(None)
        if len(self.secret.reveal()) < _SHORTEST_PASSPHRASE:
            raise VaultNoKey(
                f"a passphrase needs {_SHORTEST_PASSPHRASE} characters or more",
                hint="choose a longer one",
            )
        salt = base64.b64encode(os.urandom(16)).decode()
        return self.key({"alg": "scrypt", "salt": salt, "n": 2**15, "r": 8, "p": 1})


def from_environment() -> Given | None:
    """Return the key or passphrase the environment gives, in the documented order, or None.

    Raises `VaultNoKey` for a key that is no key, `VaultError` for a key file others can read.
    """
    if text := os.environ.get("MKTOOL_VAULT_KEY"):
        return given_key(Secret(text), "MKTOOL_VAULT_KEY")
    if name := os.environ.get("MKTOOL_VAULT_KEY_FILE"):
        path = Path(name).expanduser()
        return given_key(_read_key_file(path), f"MKTOOL_VAULT_KEY_FILE ({path})", path)
    path = Path(os.environ.get("CREDENTIALS_DIRECTORY", "")) / "mktool-vault-key"
    if path.is_absolute() and os.path.exists(path):
        return given_key(_read_key_file(path), str(path), path)
    if text := os.environ.get("MKTOOL_VAULT_PASSPHRASE"):
        return Given(Secret(text), "MKTOOL_VAULT_PASSPHRASE", passphrase=True)
    return None


def from_person(ask: Ask, *, new: bool) -> Given:
    """Return a passphrase typed by a person: twice for a new file. Raises `VaultNoKey`."""
    typed = ask("Passphrase for a new encrypted file: " if new else "Passphrase: ")
    if new and ask("The same passphrase again: ") != typed:
        raise VaultNoKey("the two passphrases differ", hint="run the command again")
    if not typed:
        raise VaultNoKey("no passphrase was given", hint=NEW_KEY if new else SAME_KEY)
    return Given(typed, "passphrase", passphrase=True)


def given_key(text: Secret, source: str, path: Path | None = None) -> Given:
    """Return a key given as base64 text. Raises `VaultNoKey` if it is not 32 bytes."""
    _decode(text, source)
    return Given(text, source, path=path)


def _decode(text: Secret, source: str) -> bytes:
    plain = text.reveal().strip().replace("-", "+").replace("_", "/").rstrip("=")
    try:
        master = base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except ValueError:
        master = b""
    if len(master) != 32:
        raise VaultNoKey(f"{source} does not hold 32 bytes in base64", hint=MAKE_ONE)
    return master


def _scrypt(passphrase: Secret, kdf: Mapping[str, Any]) -> bytes:
    try:
        if kdf["alg"] != "scrypt" or not 0 < kdf["n"] * kdf["r"] * kdf["p"] <= 2**22:
            raise ValueError("unknown derivation, or one that asks for more than 512 MiB")
        salt = base64.b64decode(kdf["salt"], validate=True)
        return hashlib.scrypt(
            passphrase.reveal().encode("utf-8", "surrogateescape"),
            salt=salt,
            n=kdf["n"],
            r=kdf["r"],
            p=kdf["p"],
            maxmem=2**30,
            dklen=32,
        )
    except (KeyError, TypeError, ValueError, OverflowError):
        raise VaultTampered(
            "the encrypted file asks for a key derivation that this mktool does not do",
            hint="upgrade mktool, or put a backup of the file back",
        ) from None


def _read_key_file(path: Path) -> Secret:
    try:
        with open(path, "rb", opener=_not_waiting) as file:
            _refuse_shared(path, os.fstat(file.fileno()))
            return Secret(file.read(4096).decode("ascii", "replace"))
    except OSError as error:
        raise VaultNoKey(
            f"cannot read the key file {path}: {error.strerror}", hint=f"ls -l {path}"
        ) from None


def _not_waiting(name: str, flags: int) -> int:
    return os.open(name, flags | getattr(os, "O_NONBLOCK", 0))  # a pipe must not hang us


def _refuse_shared(path: Path, found: os.stat_result) -> None:
    if sys.platform == "win32" or _is_mounted_secret(path):
        return
    if not stat.S_ISREG(found.st_mode) or found.st_mode & 0o077 or found.st_uid != os.geteuid():
        raise VaultError(
            f"the key file {path} is not yours alone", hint=f"chown $USER {path}; chmod 600 {path}"
        )


def _is_mounted_secret(path: Path) -> bool:
    folders = [*_MOUNTED_SECRETS, os.environ.get("CREDENTIALS_DIRECTORY", "")]
    named = (Path(os.path.abspath(path)), path.resolve())
    return any(one.is_relative_to(folder) for one in named for folder in folders if folder)
