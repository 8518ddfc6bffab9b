"""
Credentials in one JSON file, each record sealed with AES-256-GCM.

The name of a record, the key and the version of the format are authenticated with it, so a
record that was moved, or altered by a bit, is refused. Names of accounts are visible, and
whoever can replace the whole file can put an older one back.
"""

from __future__ import annotations

import base64
import hmac
import json
import os
import stat
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ...errors import (
    Busy,
    VaultError,
    VaultNoKey,
    VaultTampered,
    VaultTimeout,
    VaultWrongKey,
)
from ..locks import lock, lock_path
from ..paths import atomic_write, data_dir, remove_leftovers, storage_error
from .keys import NEW_KEY, SAME_KEY, Ask, Given, Key, from_environment, from_person

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_FORMAT, _VERSION = "mktool-vault", 1
_LOCK_SECONDS = 10.0
_RESTORE = "put a backup of this file back, or move it away and authorize the accounts again"


class FileVault:
    """The encrypted file. ``ask`` prompts for a passphrase, where a person is there to type."""

    home: Literal["file"] = "file"

    def __init__(self, path: Path | None = None, *, ask: Ask | None = None) -> None:
        self.path = path or data_dir() / "vault.json"
        self._ask = ask
        self._given: Given | None = None
        self._derived: Key | None = None

    def probe(self) -> None:
        """Return if records can be read here; nothing is asked and nothing decrypted.

        Raises `VaultNoKey`, `VaultWrongKey`, `VaultTampered`, or `VaultError` for a file that
        others can read.
        """
        header = self._read()
        if self._given is None and from_environment() is None and self._ask is not None:
            return
        self._key(header)

    def get(self, name: str) -> dict[str, Any] | None:
        """Return a record, or None. Raises as `probe` does; needs no lock."""
        header = self._read()
        if header is None or name not in header["records"]:
            return None
        key = self._key(header)
        return _open(name, header["records"][name], key, self.path)

    def put(self, name: str, record: Mapping[str, Any]) -> None:
        """Write a record, durably. Raises as `probe` does, and `StorageError`."""
        self._find_given(self._read())  # a person is asked before the lock is taken, not under it
        with self._writing() as header:
            key = self._key(header)
            records = {} if header is None else header["records"]
            self._write(key, {**records, name: _seal(name, record, key)})

    def delete(self, name: str) -> bool:
        """Remove a record and tell whether it was there; needs no key."""
        with self._writing() as header:
            if header is None or header["records"].pop(name, None) is None:
                return False
            atomic_write(self.path, _dump(header))
            return True

    def rekey(self, new: Given) -> int:
        """Seal every record under another key and return how many there were: all or none."""
        self._find_given(self._read())
        fresh = new.new_key()
        with self._writing() as header:
            if header is None:
                raise VaultError(f"there is no encrypted file at {self.path} yet", hint=NEW_KEY)
            old = self._key(header)
            plain = {n: _open(n, r, old, self.path) for n, r in header["records"].items()}
            self._write(fresh, {n: _seal(n, record, fresh) for n, record in plain.items()})
        self._given, self._derived = new, fresh
        return len(plain)

    def describe_key(self) -> tuple[str, str]:
        """Return where the key comes from and what is unwise about that, as shown to people.

        Raises as `probe` does.
        """
        given = self._find_given(self._read())
        beside = (
            given.path is not None and given.path.parent.resolve() == self.path.parent.resolve()
        )
        return given.source, "it lies beside the file: a backup holds both" if beside else ""

    def _find_given(self, header: Mapping[str, Any] | None) -> Given:
        self._given = self._given or from_environment()
        if self._given is None:
            if self._ask is None:
                hint = NEW_KEY if header is None else SAME_KEY
                raise VaultNoKey("the encrypted file needs a key", hint=hint)
            self._given = from_person(self._ask, new=header is None)
        return self._given

    def _key(self, header: Mapping[str, Any] | None) -> Key:
        given = self._find_given(header)
        key = self._derived
        if header is None:
            key = key or given.new_key()
        elif key is None or key.kdf != header["kdf"]:
            key = given.key(header["kdf"])
        if header is not None and not hmac.compare_digest(key.kid.encode(), header["kid"].encode()):
            raise VaultWrongKey(
                f"{self.path} was written with another key than the one from {given.source}",
                hint="give the key it was written with, or: mktool vault rekey",
            )
        self._derived = key
        return key

    @contextmanager
    def _writing(self) -> Iterator[dict[str, Any] | None]:
        try:
            with lock(lock_path("vault"), _LOCK_SECONDS):
                remove_leftovers(self.path)
                yield self._read()
        except Busy as error:
            raise VaultTimeout(error.message, hint=error.hint) from None

    def _write(self, key: Key, records: Mapping[str, Any]) -> None:
        header = {"format": _FORMAT, "v": _VERSION, "kid": key.kid, "kdf": key.kdf}
        atomic_write(self.path, _dump({**header, "records": records}))

    def _read(self) -> dict[str, Any] | None:
        try:
            with open(self.path, "rb", opener=_no_follow) as file:
                _refuse_shared(self.path, os.fstat(file.fileno()))
                return _parse(file.read(), self.path)
        except FileNotFoundError:
            return None
        except OSError as error:
            if self.path.is_symlink():
                raise VaultError(f"{self.path} is a symbolic link", hint=_RESTORE) from None
            raise storage_error("read", self.path, error) from None


def _no_follow(name: str, flags: int) -> int:
    # Not blocking, so that a pipe in its place is refused instead of waited for.
    return os.open(name, flags | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))


def _refuse_shared(path: Path, found: os.stat_result) -> None:
    if sys.platform == "win32":
        return
    if not stat.S_ISREG(found.st_mode):
        raise VaultError(f"{path} is not a file", hint=_RESTORE)
    if found.st_uid != os.geteuid():
        raise VaultError(f"{path} belongs to another user", hint=f"chown $USER {path}")
    if found.st_mode & 0o077:
        raise VaultError(f"{path} can be read by others", hint=f"chmod 600 {path}")


def _parse(data: bytes, path: Path) -> dict[str, Any]:
    try:
        header = json.loads(data)
        known = header["format"] == _FORMAT
        version, kid, kdf, records = (header[k] for k in ("v", "kid", "kdf", "records"))
    except (ValueError, KeyError, TypeError, RecursionError):
        known = False
    if not known:
        raise VaultTampered(f"{path} is cut off or not a file of mktool", hint=_RESTORE)
    if not isinstance(version, int) or version > _VERSION:
        raise VaultError(f"{path} is newer than this mktool", hint="upgrade mktool")
    if not (isinstance(kid, str) and isinstance(records, dict) and isinstance(kdf, dict | None)):
        raise VaultTampered(f"{path} was altered", hint=_RESTORE)
    return {"format": _FORMAT, "v": version, "kid": kid, "kdf": kdf, "records": records}


def _dump(header: Mapping[str, Any]) -> bytes:
    return json.dumps(header, separators=(",", ":")).encode()


def _seal(name: str, record: Mapping[str, Any], key: Key) -> dict[str, str]:
    nonce = os.urandom(12)
    sealed = _cipher(key).encrypt(nonce, _dump(record), _bound_to(name, key))
    return {"n": base64.b64encode(nonce).decode(), "c": base64.b64encode(sealed).decode()}


def _open(name: str, sealed: Any, key: Key, path: Path) -> dict[str, Any]:
    from cryptography.exceptions import InvalidTag

    try:
        nonce, text = (base64.b64decode(sealed[k], validate=True) for k in ("n", "c"))
        plain = _cipher(key).decrypt(nonce, text, _bound_to(name, key))
    except (InvalidTag, ValueError, KeyError, TypeError):
        raise VaultTampered(
            f"record {name!r} in {path} was altered or moved", hint=_RESTORE
        ) from None
    record: dict[str, Any] = json.loads(plain)
    return record


def _cipher(key: Key) -> AESGCM:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(key.data_key())


def _bound_to(name: str, key: Key) -> bytes:
    parts = [
        _FORMAT.encode(),
        b"%d" % _VERSION,
        key.kid.encode(),
        name.encode("utf-8", "surrogatepass"),
    ]
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)
