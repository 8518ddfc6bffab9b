"""
Which accounts there are, and where the credential of each one lives. Holds no secret.

An account lives in one vault only, so that a process that cannot reach that vault can say
so instead of "not logged in", and so that a rotating token never has two copies.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal

from ..errors import StorageError
from .locks import lock, lock_path
from .paths import atomic_write, data_dir, remove_leftovers, storage_error

Home = Literal["keyring", "file"]
State = Literal["connected", "expiring", "expired", "auth_failed"]

_VERSION = 1
WARNING = 7 * 86400.0  # seconds before its end that a credential is called expiring
_LOCK_SECONDS = 10.0
_ACCOUNT_SECONDS = 90.0  # longer than the token request that another process may be making
_REPAIR = "put a backup back, or move it away and authorize the accounts again"


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known about an account without opening a vault. Times are epoch seconds.

    ``credentials`` are the names of the secrets it has, such as ``access_token``;
    ``origin`` is the scheme, host and port that the credential was authorized for; ``id`` and
    ``name`` are the vendor's; ``scopes`` and ``expires_at`` are None where the vendor does not
    tell; ``dead`` is why the credential is known to be refused.
    """

    provider: str
    account: str
    home: Home
    origin: str
    options: Mapping[str, str] = field(default_factory=dict)
    credentials: tuple[str, ...] = ()
    id: str = ""
    name: str = ""
    scopes: frozenset[str] | None = None
    expires_at: float | None = None
    refreshable: bool = False
    created_at: float = 0.0
    updated_at: float = 0.0
    fingerprint: str = ""
    dead: str = ""

    @property
    def key(self) -> str:
        """Return the name of its record in the vault and of its lock: ``x:default``."""
        return record_name(self.provider, self.account)


def record_name(provider: str, account: str) -> str:
    return f"{provider}:{account}"


def account_lock(key: str) -> AbstractContextManager[None]:
    """Return what keeps other processes from renewing, replacing or moving a credential.

    Entering it raises `Busy` if another process takes too long, and `StorageError`.
    """
    return lock(lock_path(key), _ACCOUNT_SECONDS)


def accounts_file() -> Path:
    return data_dir() / "accounts.json"


def read_all() -> list[Entry]:
    """Return every account, by provider and name.

    Raises `StorageError` when the file cannot be read or understood: it is never skipped.
    """
    path = accounts_file()
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise storage_error("read", path, error) from None
    return sorted(_parse(data, path), key=lambda entry: (entry.provider, entry.account))


def find(provider: str, account: str) -> Entry | None:
    """Return one account, or None. Raises `StorageError` as `read_all` does."""
    return next((e for e in read_all() if (e.provider, e.account) == (provider, account)), None)


def save(entry: Entry) -> Entry:
    """Add or replace an account and return it as kept, with its times.

    ``created_at`` is now unless it is set already; ``updated_at`` is now. Raises `StorageError`.
    """
    now = time.time()
    kept = replace(entry, created_at=entry.created_at or now, updated_at=now)
    with _exclusive():
        _write([*(e for e in read_all() if e.key != kept.key), kept])
    return kept


def remove(provider: str, account: str) -> bool:
    """Forget an account and tell whether it was known. Raises `StorageError`."""
    with _exclusive():
        entries = read_all()
        rest = [e for e in entries if (e.provider, e.account) != (provider, account)]
        if len(rest) == len(entries):
            return False
        _write(rest)
        return True


def state(entry: Entry, now: float, warning_seconds: float = WARNING) -> State:
    """Return how the credential stands; one that renews itself is connected though expired."""
    if entry.dead:
        return "auth_failed"
    if entry.expires_at is None or entry.refreshable:
        return "connected"
    if entry.expires_at <= now:
        return "expired"
    return "expiring" if entry.expires_at - now <= warning_seconds else "connected"


@contextmanager
def _exclusive() -> Iterator[None]:
    with lock(lock_path("accounts"), _LOCK_SECONDS):
        remove_leftovers(accounts_file())
        yield


def _write(entries: list[Entry]) -> None:
    rows = sorted((_row(e) for e in entries), key=lambda row: (row["provider"], row["account"]))
    data = json.dumps({"version": _VERSION, "accounts": rows}, indent=1)
    atomic_write(accounts_file(), data.encode() + b"\n")


def _row(entry: Entry) -> dict[str, Any]:
    scopes = None if entry.scopes is None else sorted(entry.scopes)
    plain = {f.name: getattr(entry, f.name) for f in fields(entry)}
    credentials = list(entry.credentials)
    return {**plain, "options": dict(entry.options), "credentials": credentials, "scopes": scopes}


def _parse(data: bytes, path: Path) -> list[Entry]:
    try:
        found = json.loads(data)
        version, rows = found["version"], found["accounts"]
        if version == _VERSION:
            return [_entry(row) for row in rows]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise StorageError(f"{path} is cut off or was altered", hint=_REPAIR) from None
    raise StorageError(f"{path} is not of this version of mktool", hint="upgrade mktool")


def _entry(row: dict[str, Any]) -> Entry:
    """Return the account in a row; TypeError or ValueError if anything in it is off."""
    for name, value in row.items():
        if not isinstance(value, _TYPES[name]):
            raise TypeError(name)
    if row["home"] not in ("keyring", "file"):
        raise ValueError(row["home"])
    scopes, names = row.get("scopes"), tuple(row.get("credentials", ()))
    texts = [*row.get("options", {}).values(), *(scopes or ()), *names]
    if not all(isinstance(text, str) for text in texts):
        raise TypeError("options, credentials and scopes are texts")
    kept = None if scopes is None else frozenset(scopes)
    return Entry(**{**row, "credentials": names, "scopes": kept})


_NUMBER = (int, float)
_TYPES: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("provider", "account", "home", "origin", "id", "name"), (str,)),
    **dict.fromkeys(("fingerprint", "dead"), (str,)),
    **dict.fromkeys(("created_at", "updated_at"), _NUMBER),
    "expires_at": (*_NUMBER, type(None)),
    "options": (dict,),
    "credentials": (list,),
    "scopes": (list, type(None)),
    "refreshable": (bool,),
}
