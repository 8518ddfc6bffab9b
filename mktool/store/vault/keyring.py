"""
Credentials in the operating system's store, made safe for many processes and for cron.

Every call holds one exclusive lock among all processes of the user: concurrent calls abort
gnome-keyring-daemon 42 to 50 and fail on macOS (github.com/mitya57/secretstorage/issues/33,
github.com/GitGuardian/ggshield/pull/1358, read 2026-11). Every call runs in a thread that
may be left behind, because a store that waits for a prompt never returns.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from ...errors import (
    Busy,
    MktoolError,
    VaultError,
    VaultLocked,
    VaultTampered,
    VaultTimeout,
    VaultUnreachable,
)
from ..folders import SANDBOX, in_sandbox
from ..locks import lock, lock_path
from . import backend as system

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

T = TypeVar("T")
_PART = 1000  # characters: below the 1280 that Windows takes
_SPLIT = "parts:"  # a record is a JSON object, so it never begins like this
_SLOTS = ("a", "b")
_ATTENDED, _UNATTENDED = 60.0, 5.0


class KeyringVault:
    """The credential store of the operating system, one item per record.

    ``timeout`` is in seconds: 60 with a person at a terminal, who may have to type the
    password of the store, and 5 without. ``backend`` is chosen by the first call by default.
    """

    home: Literal["keyring"] = "keyring"

    def __init__(
        self,
        *,
        interactive: bool = False,
        timeout: float | None = None,
        backend: KeyringBackend | None = None,
    ) -> None:
        self._prompt = system.can_prompt(interactive=interactive)
        self._timeout = timeout or (_ATTENDED if interactive else _UNATTENDED)
        self._backend = backend

    def probe(self) -> None:
        """Return if the store can be used; never prompts.

        Raises `VaultUnreachable`, `VaultLocked`, `VaultTimeout`.
        """
        self._call(lambda _: None)

    def get(self, name: str) -> dict[str, Any] | None:
        """Return a record, or None. Raises as `probe` does, and `VaultTampered`."""
        item = _item(name)
        text = self._call(lambda backend: _read(backend, item))
        if text is None:
            return None
        try:
            record = json.loads(text)
        except ValueError:
            record = None
        if not isinstance(record, dict):
            raise _altered(name)
        return record

    def put(self, name: str, record: Mapping[str, Any]) -> None:
        """Write a record whole or not at all. Raises as `probe` does."""
        item, text = _item(name), json.dumps(record, separators=(",", ":"))
        self._call(lambda backend: _write(backend, item, text))

    def delete(self, name: str) -> bool:
        """Remove a record and tell whether it was there. Raises as `probe` does."""
        item = _item(name)
        return self._call(lambda backend: _delete(backend, item))

    def where(self) -> str:
        """Return the name of the store in use. Raises as `probe` does."""
        return self._call(lambda backend: f"{type(backend).__module__}.{type(backend).__name__}")

    def _call(self, act: Callable[[KeyringBackend], T]) -> T:
        if self._backend is None:
            system.check_session()
        done: list[T] = []
        failed: list[BaseException] = []

        def work() -> None:
            # The lock is this thread's: it outlives a caller who has stopped waiting.
            try:
                with lock(lock_path("keyring"), self._timeout):
                    done.append(act(self._ready()))
            except BaseException as error:
                failed.append(error)

        worker = threading.Thread(target=work, name="keyring", daemon=True)
        worker.start()
        worker.join(self._timeout)
        if done:
            return done[0]
        if failed:
            raise _translated(failed[0]) from None
        raise _silent(self._timeout)

    def _ready(self) -> KeyringBackend:
        self._backend = self._backend or system.choose()
        system.check_unlocked(self._backend, prompt=self._prompt)
        return self._backend


def _item(name: str) -> str:
    # A service of its own for each record: under a shared one, every write on Windows first
    # moves the previous credential to another name.
    return f"mktool:{SANDBOX}/{name}" if in_sandbox() else f"mktool:{name}"


def _read(backend: KeyringBackend, item: str) -> str | None:
    text = backend.get_password(item, item)
    if text is None or not text.startswith(_SPLIT):
        return text
    try:
        head = json.loads(text.removeprefix(_SPLIT))
        names = [_part(item, head["id"], i) for i in range(head["n"])]
        digest = head["sha256"]
    except (ValueError, KeyError, TypeError):
        raise _altered(item) from None
    whole = "".join(backend.get_password(name, name) or "" for name in names)
    if hashlib.sha256(whole.encode()).hexdigest() != digest:
        raise _altered(item)
    return whole


def _write(backend: KeyringBackend, item: str, text: str) -> None:
    if system.takes_any_size(backend):
        backend.set_password(item, item, text)
        return
    # Parts go to the slot the current head does not name; the new head, last, commits them.
    old = _slot(backend.get_password(item, item))
    new = "b" if old == "a" else "a"
    parts = [text[i : i + _PART] for i in range(0, len(text), _PART)] if len(text) > _PART else []
    for i, part in enumerate(parts):
        name = _part(item, new, i)
        backend.set_password(name, name, part)
    digest = hashlib.sha256(text.encode()).hexdigest()
    head = json.dumps({"id": new, "n": len(parts), "sha256": digest})
    backend.set_password(item, item, _SPLIT + head if parts else text)
    for slot in _SLOTS:
        _drop(backend, item, slot, len(parts) if slot == new else 0)


def _delete(backend: KeyringBackend, item: str) -> bool:
    if backend.get_password(item, item) is None:
        return False
    backend.delete_password(item, item)
    if not system.takes_any_size(backend):
        for slot in _SLOTS:
            _drop(backend, item, slot, 0)
    return True


def _drop(backend: KeyringBackend, item: str, slot: str, first: int) -> None:
    name = _part(item, slot, first)
    while backend.get_password(name, name) is not None:
        backend.delete_password(name, name)
        first += 1
        name = _part(item, slot, first)


def _part(item: str, slot: str, number: int) -> str:
    return item.replace("mktool:", f"mktool-{slot}{number}:", 1)  # no record is named like this


def _slot(head: str | None) -> str:
    if head is None or not head.startswith(_SPLIT):
        return ""
    try:
        return str(json.loads(head.removeprefix(_SPLIT))["id"])
    except (ValueError, KeyError, TypeError):
        return ""


def _altered(name: str) -> VaultTampered:
    shown = name.removeprefix("mktool:").removeprefix(f"{SANDBOX}/")
    return VaultTampered(
        f"record {shown!r} in the keyring was altered or is not whole",
        hint=f"mktool authorize {shown}",
    )


def _silent(seconds: float) -> VaultTimeout:
    return VaultTimeout(
        f"the keyring did not answer within {seconds:g} s",
        hint="look for a password prompt on the desktop, then run the command again",
    )


def _translated(error: BaseException) -> BaseException:
    """Return our name for what a store raised; its own text may hold anything, so it is dropped."""
    if isinstance(error, Busy):
        return VaultTimeout("another mktool process is waiting for the keyring", hint=error.hint)
    if isinstance(error, MktoolError) or not isinstance(error, Exception):
        return error
    from keyring.errors import InitError, KeyringLocked, NoKeyringError

    known: tuple[tuple[type[Exception], type[VaultError], str], ...] = (
        (TimeoutError, VaultTimeout, "the keyring does not answer"),
        (KeyringLocked, VaultLocked, "the keyring is locked"),
        (InitError, VaultLocked, "the keyring was not opened: its prompt was dismissed"),
        (NoKeyringError, VaultUnreachable, "there is no keyring here"),
    )
    for kind, ours, text in known:
        if isinstance(error, kind):
            return ours(text)
    return VaultError(f"the keyring failed ({type(error).__name__})")
