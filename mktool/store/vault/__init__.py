"""
Where credentials live: the operating system's keyring, or an encrypted file. Never in clear.

An account has one home (`mktool.store.accounts`); a home that cannot be reached is an error,
and is never replaced by the other one behind the user's back.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, Protocol

from ...errors import (
    MktoolError,
    NeedsLogin,
    VaultError,
    VaultNoKey,
    VaultTampered,
    VaultUnreachable,
    login_command,
)
from .. import accounts
from ..accounts import Home

if TYPE_CHECKING:
    from .keys import Ask


class Vault(Protocol):
    """A store of records: one JSON object per account, named like ``x:default``.

    Every method raises a `VaultError` that says what is wrong.
    """

    @property
    def home(self) -> Home:
        """Which of the two this is."""

    def probe(self) -> None:
        """Return if the vault can be used; never prompts."""

    def get(self, name: str) -> dict[str, Any] | None:
        """Return a record, or None if there is none."""

    def put(self, name: str, record: Mapping[str, Any]) -> None:
        """Write a record whole or not at all."""

    def delete(self, name: str) -> bool:
        """Remove a record and tell whether it was there."""


@dataclass(frozen=True, slots=True)
class Status:
    """How a home stands. ``problem`` is empty when it can be used; ``key`` is where its key is."""

    home: Home
    where: str
    accounts: int
    problem: str = ""
    hint: str = ""
    key: str = ""
    warning: str = ""


def open_vault(home: Home, *, interactive: bool = False, ask: Ask | None = None) -> Vault:
    """Return the vault of one home and harden this process; nothing is read yet.

    ``ask`` prompts for a passphrase without showing it; it is used if ``interactive`` only.
    """
    from ..hardening import harden

    harden()
    if home == "keyring":
        from .keyring import KeyringVault

        return KeyringVault(interactive=interactive)
    from .file import FileVault

    return FileVault(ask=ask if interactive else None)


def reachable(home: Home) -> None:
    """Return if a vault could be opened here; raises the `VaultError` that says why not.

    No record is read, so the process is not hardened for it (26 ms).
    """
    if home == "keyring":
        from .keyring import KeyringVault

        KeyringVault().probe()
    else:
        from .file import FileVault

        FileVault().probe()


def choose_home(
    preferred: Literal["auto", "keyring", "file"],
    *,
    interactive: bool = False,
    ask: Ask | None = None,
) -> tuple[Vault, str]:
    """Return the vault a new account goes to, and what the user should know about that choice.

    "auto" is the keyring; the encrypted file only where there is no keyring at all and a key is
    given. Raises `VaultLocked` and `VaultTimeout` rather than choosing again, and
    `VaultUnreachable` where there is neither.
    """
    if preferred != "auto":
        vault = open_vault(preferred, interactive=interactive, ask=ask)
        vault.probe()
        return vault, ""
    vault = open_vault("keyring", interactive=interactive)
    try:
        vault.probe()
        return vault, ""
    except VaultUnreachable as error:
        missing = error.message
    vault = open_vault("file", interactive=interactive, ask=ask)
    try:
        vault.probe()
    except VaultNoKey as error:
        raise VaultUnreachable(f"{missing}, and {error.message}", hint=error.hint) from None
    return vault, f"{missing}: this credential goes into the encrypted file"


def move(name: str, to: Home, *, interactive: bool = False, ask: Ask | None = None) -> bool:
    """Move an account's credential to another home and tell whether it moved.

    Written, read back, and pinned before the old one is deleted; after a crash the same call
    finishes the work. Raises `NeedsLogin` where there is no such account, and `VaultError`.
    """
    target = open_vault(to, interactive=interactive, ask=ask)
    source = open_vault("file" if to == "keyring" else "keyring", interactive=interactive, ask=ask)
    with accounts.account_lock(name):
        entry = accounts.find(*_split(name))
        if entry is None:
            raise NeedsLogin(f"there is no account {name}", hint="mktool accounts")
        if entry.home == to:
            with suppress(VaultError):  # a copy left by a crash; usually there is none
                source.delete(name)
            return False
        _copy(name, source, target)
        accounts.save(replace(entry, home=to))
        source.delete(name)
    return True


def status() -> list[Status]:
    """Return how both homes stand, asking nobody. Raises `StorageError` for a broken list."""
    entries = accounts.read_all()
    counts = {home: sum(e.home == home for e in entries) for home in ("keyring", "file")}
    return [_keyring_status(counts["keyring"]), _file_status(counts["file"])]


def _copy(name: str, source: Vault, target: Vault) -> None:
    record = source.get(name)
    if record is None:
        raise NeedsLogin(
            f"the credential of {name} is gone from the {source.home}",
            hint=login_command(*_split(name)),
        )
    target.put(name, record)
    if target.get(name) != record:
        raise VaultTampered(f"the {target.home} did not keep {name}; it stays where it was")


def _split(name: str) -> tuple[str, str]:
    provider, _, account = name.partition(":")
    return provider, account


def _keyring_status(count: int) -> Status:
    from .keyring import KeyringVault

    try:
        return Status("keyring", KeyringVault().where(), count)
    except MktoolError as error:
        return Status("keyring", "", count, error.message, error.hint)


def _file_status(count: int) -> Status:
    from .file import FileVault

    vault = FileVault()
    where = str(vault.path)
    try:
        vault.probe()
        key, warning = vault.describe_key()
        return Status("file", where, count, key=key, warning=warning)
    except MktoolError as error:
        return Status("file", where, count, error.message, error.hint)
