"""
Which credential store of the operating system is used: named by us, never found by search.

Left to itself, the keyring library takes a plaintext file where keyrings.alt is installed
and no session bus is there, and a null backend drops secrets without a word
(keyring 25.7.0, tried 2026-11).
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from ...errors import VaultLocked, VaultTimeout, VaultUnreachable

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

_REFUSED = (
    "keyring.backends.fail",
    "keyring.backends.null",
    "keyring.backends.chainer",
    "keyrings.alt",
)
# Others may have a limit: Windows takes 2560 bytes, which are 1280 UTF-16 units
# (CRED_MAX_CREDENTIAL_BLOB_SIZE, learn.microsoft.com/windows/win32/api/wincred, 2026-11).
_UNLIMITED = (
    "keyring.backends.SecretService",
    "keyring.backends.kwallet",
    "keyring.backends.libsecret",
    "keyring.backends.macOS",
)
_NO_BUS = (
    "keep this account in the encrypted file; or, while you are logged in, start mktool with "
    "DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/$(id -u)/bus"
)


def check_session() -> None:
    """Raise `VaultUnreachable` where no credential store can be: free, nothing is imported."""
    needs_bus = sys.platform not in ("win32", "darwin")
    if needs_bus and not os.environ.get("PYTHON_KEYRING_BACKEND") and not _session_bus():
        raise VaultUnreachable("there is no D-Bus session here, as under cron", hint=_NO_BUS)


def choose() -> KeyringBackend:
    """Return the credential store of this system, or the one PYTHON_KEYRING_BACKEND names.

    Raises `VaultUnreachable` when there is none or it would keep secrets in clear,
    `VaultTimeout` when the session bus does not answer.
    """
    check_session()
    if bus := _session_bus():  # the library below knows the variable only, not the usual place
        os.environ.setdefault("DBUS_SESSION_BUS_ADDRESS", bus)
    try:
        backend = _named() if os.environ.get("PYTHON_KEYRING_BACKEND") else _native()
    except TimeoutError:
        raise VaultTimeout("the D-Bus session does not answer") from None
    except (ImportError, AttributeError, ValueError, RuntimeError, OSError) as error:
        raise VaultUnreachable(f"no keyring here: {str(error)[:120]}", hint=_NO_BUS) from None
    for kind in type(backend).__mro__:
        _refuse(kind.__module__)
    return backend


def check_unlocked(backend: KeyringBackend, *, prompt: bool) -> None:
    """Raise `VaultLocked` if using ``backend`` would open a prompt that nobody answers.

    Only the Secret Service can be asked (Collection.Locked,
    https://specifications.freedesktop.org/secret-service/0.2/, read 2026-11).
    """
    if prompt or not is_secret_service(backend):
        return
    from contextlib import closing

    import secretstorage

    with closing(secretstorage.dbus_init()) as bus:
        try:
            locked = secretstorage.Collection(bus).is_locked()
        except secretstorage.ItemNotFoundException:
            raise VaultLocked(
                "no keyring has been made yet", hint="log in on the desktop once, or use the file"
            ) from None
    if locked:
        raise VaultLocked(
            "the keyring is locked", hint="unlock it (log in on the desktop), then run this again"
        )


def can_prompt(*, interactive: bool) -> bool:
    """Return whether a locked store can ask the user for its password."""
    if sys.platform in ("win32", "darwin"):
        return interactive
    return interactive and any(os.environ.get(v) for v in ("DISPLAY", "WAYLAND_DISPLAY"))


def is_secret_service(backend: KeyringBackend) -> bool:
    return type(backend).__module__ == "keyring.backends.SecretService"


def takes_any_size(backend: KeyringBackend) -> bool:
    return type(backend).__module__ in _UNLIMITED


def _refuse(module: str) -> None:
    if module.startswith(_REFUSED):
        raise VaultUnreachable(
            f"{module} does not keep secrets safe, so it is not used",
            hint="unset PYTHON_KEYRING_BACKEND",
        )


def _named() -> KeyringBackend:
    from keyring.core import load_keyring

    return load_keyring(os.environ["PYTHON_KEYRING_BACKEND"])


def _native() -> KeyringBackend:
    kind: type[KeyringBackend]
    if sys.platform == "win32":
        from keyring.backends.Windows import WinVaultKeyring as kind
    elif sys.platform == "darwin":
        from keyring.backends.macOS import Keyring as kind
    else:
        from keyring.backends.SecretService import Keyring as kind
    _ = kind.priority  # the backend's own test of being usable
    return kind()


def _session_bus() -> str:
    if address := os.environ.get("DBUS_SESSION_BUS_ADDRESS"):
        return address
    usual = f"/run/user/{os.getuid()}/bus" if hasattr(os, "getuid") else ""
    return f"unix:path={usual}" if usual and os.path.exists(usual) else ""
